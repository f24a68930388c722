package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"solewatch/internal/host/lambda"
	"solewatch/internal/host/template"
	"solewatch/internal/standin"
)

type invokerFunc func(ctx context.Context, function string, payload []byte) (lambda.Result, error)

func (f invokerFunc) Invoke(ctx context.Context, function string, payload []byte) (lambda.Result, error) {
	return f(ctx, function, payload)
}

// says is a function that always answers so.
func says(answer string) invokerFunc {
	return func(context.Context, string, []byte) (lambda.Result, error) {
		return lambda.Result{Payload: []byte(answer)}, nil
	}
}

func TestChoose(t *testing.T) {
	var routes []template.HTTPRoute
	for _, key := range []string{"ANY /{proxy+}", "GET /a/{id}", "ANY /a/b", "GET /a/{id}/c", "POST /a/{rest+}", "$default"} {
		method, path, _ := strings.Cut(key, " ")
		if key == "$default" {
			method = ""
		}
		routes = append(routes, template.HTTPRoute{Key: key, Method: method, Path: path})
	}
	for _, tc := range []struct{ method, path, key, param string }{
		{"GET", "/a/b", "ANY /a/b", ""},
		{"GET", "/a/x", "GET /a/{id}", "id=x"},
		{"GET", "/a/x%20y", "GET /a/{id}", "id=x y"},
		{"GET", "/a/x%2Fy", "GET /a/{id}", "id=x/y"},
		{"GET", "/a/x/c", "GET /a/{id}/c", "id=x"},
		{"POST", "/a/x/y/z", "POST /a/{rest+}", "rest=x/y/z"},
		{"DELETE", "/a/x", "ANY /{proxy+}", "proxy=a/x"},
		{"GET", "/", "$default", ""},
		{"GET", "/a/", "ANY /{proxy+}", "proxy=a/"},
	} {
		rt, params := choose(routes, tc.method, tc.path)
		if rt == nil || rt.Key != tc.key {
			t.Errorf("%s %s goes to %v, want %s", tc.method, tc.path, rt, tc.key)
			continue
		}
		if name, value, ok := strings.Cut(tc.param, "="); ok && params[name] != value {
			t.Errorf("%s %s: parameters %v, want %s", tc.method, tc.path, params, tc.param)
		}
	}
	if rt, _ := choose(routes[1:2], "GET", "/other"); rt != nil {
		t.Errorf("a path without a route goes to %v", rt)
	}
}

func TestAnswers(t *testing.T) {
	const failed = `{"message":"Internal Server Error"}`
	for _, tc := range []struct {
		name, answer string
		status       int
		body         string
		header       string // "Name: value"
	}{
		{"proxy answer", `{"statusCode":201,"headers":{"Content-Type":"text/plain","X-A":"1"},"body":"hi"}`, 201, "hi", "X-A: 1"},
		{"base64", `{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, 200, "\x00\xff", ""},
		{"cookies", `{"statusCode":200,"cookies":["a=1; Path=/","b=2"]}`, 200, "", "Set-Cookie: a=1; Path=/"},
		{"status as text", `{"statusCode":"204"}`, 204, "", ""},
		{"number in a header", `{"statusCode":200,"headers":{"X-N":5}}`, 200, "", "X-N: 5"},
		{"no status: the JSON itself", `{"a":1}`, 200, `{"a":1}`, "Content-Type: application/json"},
		{"a text", `"hello"`, 200, "hello", "Content-Type: application/json"},
		{"null", `null`, 200, "null", ""},
		{"a body without a type", `{"statusCode":200,"body":"x"}`, 200, "x", "Content-Type: text/plain;charset=UTF-8"},
		{"not JSON", `oops`, 500, failed, ""},
		{"status out of range", `{"statusCode":99}`, 500, failed, ""},
		{"status that is none", `{"statusCode":"ok"}`, 500, failed, ""},
		{"body that is no text", `{"statusCode":200,"body":{"a":1}}`, 500, failed, ""},
		{"broken base64", `{"statusCode":200,"body":"%%","isBase64Encoded":true}`, 500, failed, ""},
	} {
		h := &HTTPAPI{API: &template.HTTPAPI{Stage: "$default", Routes: []template.HTTPRoute{{Key: "$default", Timeout: time.Second}}}, Invoker: says(tc.answer)}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		if w.Code != tc.status || w.Body.String() != tc.body {
			t.Errorf("%s: %d %q, want %d %q", tc.name, w.Code, w.Body, tc.status, tc.body)
		}
		if name, value, ok := strings.Cut(tc.header, ": "); ok && w.Header().Get(name) != value {
			t.Errorf("%s: header %v, want %s", tc.name, w.Header(), tc.header)
		}
	}
}

func TestFailuresOfTheIntegration(t *testing.T) {
	for _, tc := range []struct {
		name   string
		invoke invokerFunc
		status int
	}{
		{"throttled", func(context.Context, string, []byte) (lambda.Result, error) {
			return lambda.Result{}, lambda.ErrThrottled
		}, 503},
		{"too large", func(context.Context, string, []byte) (lambda.Result, error) {
			return lambda.Result{}, lambda.ErrTooLarge
		}, 413},
		{"function error", func(context.Context, string, []byte) (lambda.Result, error) {
			return lambda.Result{FunctionError: "Unhandled", Payload: []byte(`{"statusCode":200}`)}, nil
		}, 500},
		{"too slow", func(ctx context.Context, _ string, _ []byte) (lambda.Result, error) {
			<-ctx.Done()
			return lambda.Result{}, ctx.Err()
		}, 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &HTTPAPI{API: &template.HTTPAPI{Stage: "$default", Routes: []template.HTTPRoute{{Key: "$default", Timeout: 30 * time.Second}}}, Invoker: tc.invoke}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
			if w.Code != tc.status {
				t.Errorf("%s: status %d, want %d", tc.name, w.Code, tc.status)
			}
		})
	}
}

// The answer is kept under the identity sources' values, for every route; a routeKey among them keeps it apart.
func TestAuthorizerCache(t *testing.T) {
	now := time.Unix(0, 0)
	for _, tc := range []struct {
		name    string
		sources []string
		ttl     time.Duration
		calls   int // for GET /a, GET /b, GET /a, then GET /a after the TTL, then another cookie
	}{
		{"shared by all routes", []string{"$request.header.Cookie"}, time.Minute, 3},
		{"apart by route", []string{"$request.header.Cookie", "$context.routeKey"}, time.Minute, 4},
		{"off", []string{"$request.header.Cookie"}, 0, 5},
	} {
		calls := 0
		h := &HTTPAPI{
			API: &template.HTTPAPI{
				Stage: "$default", Authorizers: map[string]template.Authorizer{"Z": {Name: "Z", Function: "Auth", Sources: tc.sources, TTL: tc.ttl}},
				Routes: []template.HTTPRoute{
					{Key: "GET /a", Method: "GET", Path: "/a", Authorizer: "Z", Timeout: time.Second}, {Key: "GET /b", Method: "GET", Path: "/b", Authorizer: "Z", Timeout: time.Second},
				},
			},
			Now: func() time.Time { return now },
			Invoker: invokerFunc(func(_ context.Context, function string, _ []byte) (lambda.Result, error) {
				if function == "Auth" {
					calls++
					return lambda.Result{Payload: []byte(`{"isAuthorized":true,"context":{"n":"1"}}`)}, nil
				}
				return lambda.Result{Payload: []byte(`{}`)}, nil
			}),
		}
		get := func(path, cookie string) {
			t.Helper()
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
			}
		}
		get("/a", "s=1")
		get("/b", "s=1")
		get("/a", "s=1")
		now = now.Add(2 * time.Minute)
		get("/a", "s=1")
		get("/a", "s=2")
		if calls != tc.calls {
			t.Errorf("%s: the authorizer was called %d times, want %d", tc.name, calls, tc.calls)
		}
	}
}

func TestAuthorizerIsGivenTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &HTTPAPI{
			API: &template.HTTPAPI{
				Stage: "$default", Authorizers: map[string]template.Authorizer{"Z": {Name: "Z"}},
				Routes: []template.HTTPRoute{{Key: "$default", Authorizer: "Z", Timeout: 30 * time.Second}},
			},
			Invoker: invokerFunc(func(ctx context.Context, _ string, _ []byte) (lambda.Result, error) {
				<-ctx.Done()
				return lambda.Result{}, ctx.Err()
			}),
		}
		began, w := time.Now(), httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if took := time.Since(began); w.Code != 500 || took != 10*time.Second {
			t.Errorf("status %d after %v, want 500 after 10 s", w.Code, took)
		}
	})
}

func TestCORS(t *testing.T) {
	h := &HTTPAPI{
		API: &template.HTTPAPI{
			Stage: "$default", Routes: []template.HTTPRoute{{Key: "GET /a", Method: "GET", Path: "/a", Timeout: time.Second}},
			CORS: &template.CORS{Origins: []string{"https://a.example"}, Methods: []string{"GET"}, Headers: []string{"x-a"}, MaxAge: 60, Credentials: true},
		},
		Invoker: says(`{"statusCode":200}`),
	}
	do := func(method, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/a", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "GET")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	pre := do("OPTIONS", "https://a.example")
	if pre.Code != 204 || pre.Header().Get("Access-Control-Allow-Origin") != "https://a.example" || pre.Header().Get("Access-Control-Allow-Methods") != "GET" ||
		pre.Header().Get("Access-Control-Max-Age") != "60" || pre.Header().Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("preflight: %d %v", pre.Code, pre.Header())
	}
	if w := do("GET", "https://a.example"); w.Header().Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Errorf("answer: %v", w.Header())
	}
	if w := do("GET", "https://b.example"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", w.Header())
	}
}

func TestThrottle(t *testing.T) {
	h := &HTTPAPI{
		API:     &template.HTTPAPI{Stage: "$default", Routes: []template.HTTPRoute{{Key: "$default", Timeout: time.Second}}, Throttle: template.Throttle{Rate: 1, Burst: 3}},
		Invoker: says(`{}`),
	}
	var codes []int
	for range 4 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		codes = append(codes, w.Code)
	}
	if codes[2] != 200 || codes[3] != 429 {
		t.Errorf("statuses %v, want the fourth 429", codes)
	}
}

func TestSelectRoute(t *testing.T) {
	for _, tc := range []struct{ expression, message, want string }{
		{"$request.body.action", `{"action":"sync"}`, "sync"},
		{"$request.body.action", `{"action":5}`, "5"},
		{"$request.body.action", `{"action":true}`, "true"},
		{"$request.body.action", `{"action":{"a":1}}`, ""},
		{"$request.body.action", `{"other":"x"}`, ""},
		{"$request.body.action", `["action"]`, ""},
		{"$request.body.action", `not json`, ""},
		{"$request.body.a.b", `{"a":{"b":"deep"}}`, "deep"},
	} {
		if got := selectRoute(tc.expression, []byte(tc.message)); got != tc.want {
			t.Errorf("%s of %s = %q, want %q", tc.expression, tc.message, got, tc.want)
		}
	}
}

func TestFrameMeter(t *testing.T) {
	frame := func(size int, masked bool) []byte {
		b := []byte{0x81}
		bit := byte(0)
		if masked {
			bit = 0x80
		}
		switch {
		case size < 126:
			b = append(b, bit|byte(size))
		case size < 1<<16:
			b = append(b, bit|126, byte(size>>8), byte(size))
		default:
			b = append(b, bit|127, 0, 0, 0, 0, byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
		}
		if masked {
			b = append(b, 1, 2, 3, 4)
		}
		return append(b, bytes.Repeat([]byte{0x81}, size)...) // payload that looks like heads
	}
	stream := bytes.Join([][]byte{frame(0, true), frame(125, true), frame(126, false), frame(70000, true), frame(3, true)}, nil)
	for _, step := range []int{1, 7, len(stream)} {
		m := &frameMeter{}
		for b := stream; len(b) > 0; b = b[min(step, len(b)):] {
			m.see(b[:min(step, len(b))])
		}
		if m.largest() != 70000 || m.left != 0 || len(m.head) != 0 {
			t.Errorf("in steps of %d: largest %d, left %d, head %d", step, m.largest(), m.left, len(m.head))
		}
	}
}

// socket serves an API whose function notes its events.
func socket(t *testing.T, a *WebSocketAPI, answer func(e socketEvent) string) (url string, events func() []socketEvent) {
	t.Helper()
	var mu sync.Mutex
	var all []socketEvent
	a.Invoker = invokerFunc(func(_ context.Context, _ string, payload []byte) (lambda.Result, error) {
		var e socketEvent
		if err := json.Unmarshal(payload, &e); err != nil {
			return lambda.Result{}, err
		}
		mu.Lock()
		all = append(all, e)
		mu.Unlock()
		return lambda.Result{Payload: []byte(answer(e))}, nil
	})
	srv := httptest.NewServer(a)
	t.Cleanup(func() { a.Close(); srv.Close() })
	return "ws" + strings.TrimPrefix(srv.URL, "http"), func() []socketEvent {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func routes(keys ...string) map[string]template.WebSocketRoute {
	out := map[string]template.WebSocketRoute{}
	for _, k := range keys {
		out[k] = template.WebSocketRoute{Function: "F", Timeout: time.Second, Reply: true}
	}
	return out
}

func TestSocketIdleAndLife(t *testing.T) {
	for _, tc := range []struct {
		name       string
		idle, life time.Duration
	}{
		{"idle", 50 * time.Millisecond, time.Hour},
		{"too old", time.Hour, 50 * time.Millisecond},
	} {
		a := &WebSocketAPI{Idle: tc.idle, Life: tc.life}
		a.API = &template.WebSocket{Routes: routes("$disconnect")}
		url, events := socket(t, a, func(socketEvent) string { return `{"statusCode":200}` })
		c, _, err := websocket.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Read(t.Context())
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("%s: closed with %v, want 1001", tc.name, err)
		}
		a.Close() // waits for $disconnect
		e := events()
		if len(e) != 1 || e[0].RequestContext.EventType != "DISCONNECT" || *e[0].RequestContext.DisconnectCode != 1001 {
			t.Errorf("%s: events %+v", tc.name, e)
		}
	}
}

func TestSocketAuthorizer(t *testing.T) {
	policy := func(effect string) string {
		return `{"principalId":"p","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"` + effect + `","Resource":"*"}]},"context":{"n":5}}`
	}
	for _, tc := range []struct {
		name, query, answer string
		status              int
	}{
		{"allowed", "?t=1", policy("Allow"), 101},
		{"denied", "?t=1", policy("Deny"), 403},
		{"no identity source", "", policy("Allow"), 401},
		{"not a policy", "?t=1", `{"isAuthorized":true}`, 500},
	} {
		a := &WebSocketAPI{API: &template.WebSocket{
			Routes: routes("$connect"), Authorizer: &template.Authorizer{Name: "Z", Function: "Auth", Sources: []string{"$request.querystring.t"}},
		}}
		url, events := socket(t, a, func(e socketEvent) string {
			if e.Type == "REQUEST" {
				return tc.answer
			}
			return `{"statusCode":200}`
		})
		c, res, err := websocket.Dial(t.Context(), url+"/"+tc.query, nil)
		if res == nil || res.StatusCode != tc.status {
			t.Errorf("%s: %v %v, want %d", tc.name, res, err, tc.status)
			continue
		}
		if tc.status != 101 {
			continue
		}
		e := events()
		if e[0].MethodARN == "" || !strings.HasSuffix(e[0].MethodARN, "/$connect") || e[1].RequestContext.Authorizer["n"] != "5" || e[1].RequestContext.Authorizer["principalId"] != "p" {
			t.Errorf("%s: events %+v", tc.name, e)
		}
		c.CloseNow()
	}
}

// A connection can be posted to only when it is open: not during $connect, not after its end.
func TestPostOnlyWhileOpen(t *testing.T) {
	a := &WebSocketAPI{API: &template.WebSocket{Routes: routes("$connect", "$default"), Selection: "$request.body.action"}}
	during := make(chan error, 1)
	url, events := socket(t, a, func(e socketEvent) string {
		if e.RequestContext.EventType == "CONNECT" {
			during <- a.Post(t.Context(), e.RequestContext.ConnectionID, []byte("x"))
		}
		return `{"statusCode":200,"body":"ok"}`
	})
	c, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-during; !errors.Is(err, standin.ErrGone) {
		t.Errorf("Post during $connect = %v, want ErrGone", err)
	}
	id := events()[0].RequestContext.ConnectionID
	if err := c.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil { // the reply says that it is open
		t.Fatal(err)
	}
	if _, b, err := c.Read(t.Context()); err != nil || string(b) != "ok" {
		t.Fatalf("reply %s, %v", b, err)
	}
	all := Connections{a}
	if err := all.Post(t.Context(), id, []byte("posted")); err != nil {
		t.Error(err)
	}
	if _, b, err := c.Read(t.Context()); err != nil || string(b) != "posted" {
		t.Errorf("read %s, %v", b, err)
	}
	if info, err := all.Get(t.Context(), id); err != nil || info.SourceIP != "127.0.0.1" || info.ConnectedAt.IsZero() {
		t.Errorf("Get = %+v, %v", info, err)
	}
	if err := all.Post(t.Context(), id, make([]byte, maxMessage+1)); !errors.Is(err, standin.ErrTooLarge) {
		t.Errorf("large Post = %v", err)
	}
	if err := all.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after Delete: %v", err)
	}
	if err := all.Delete(t.Context(), "none"); !errors.Is(err, standin.ErrGone) {
		t.Errorf("Delete of none = %v", err)
	}
}

func TestEdge(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "index", "a.js": strings.Repeat("let a;", 500), "deep/x.bin": "0123456789", "secret/.keep": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var seen *http.Request
	e := &Edge{Files: root, Distribution: &template.Distribution{
		RootObject: "index.html", Errors: map[int]template.ErrorPage{},
		Behaviors: []template.Behavior{
			{Pattern: "/all/*", Host: "o", Methods: []string{"GET", "POST"}, Forward: template.Forward{Cookies: true, Query: true, Headers: true}, Path: "/stage"},
			{Pattern: "none/*", Host: "o", Methods: []string{"GET"}},
			{Bucket: "B", Methods: []string{"GET", "HEAD"}, Headers: template.Headers{Set: []template.Header{{Name: "X-Own", Value: "1", Override: true}}, Remove: []string{"Last-Modified"}}},
		},
	}, Origins: map[string]http.Handler{"o": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r; w.WriteHeader(204) })}}
	do := func(method, url string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, url, nil)
		r.Header = header
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	h := http.Header{"Cookie": {"a=1"}, "X-Any": {"2"}, "Accept-Encoding": {"gzip"}}
	do("GET", "/all/x?q=1", h)
	if seen.URL.Path != "/stage/all/x" || seen.URL.RawQuery != "q=1" || seen.Header.Get("Cookie") != "a=1" || seen.Header.Get("X-Any") != "2" || seen.Header.Get("X-Forwarded-For") == "" {
		t.Errorf("forwarded %s %v", seen.URL, seen.Header)
	}
	do("GET", "/none/x?q=1", h)
	if seen.URL.RawQuery != "" || seen.Header.Get("Cookie") != "" || seen.Header.Get("X-Any") != "" {
		t.Errorf("without a policy forwarded %s %v", seen.URL, seen.Header)
	}
	for _, tc := range []struct {
		method, url string
		header      http.Header
		status      int
		check       string // "Name: value"
	}{
		{"GET", "/", nil, 200, "X-Own: 1"},
		{"GET", "/a.js", http.Header{"Accept-Encoding": {"gzip, br"}}, 200, "Content-Encoding: gzip"},
		{"GET", "/a.js", nil, 200, "Content-Encoding: "},
		{"GET", "/deep/x.bin", http.Header{"Range": {"bytes=2-4"}}, 206, "Content-Range: bytes 2-4/10"},
		{"GET", "/deep", nil, 403, ""},
		{"GET", "/deep/", nil, 403, ""},
		{"GET", "/../../etc/passwd", nil, 403, ""},
		{"GET", "/nope", nil, 403, "X-Own: 1"},
		{"POST", "/", nil, 403, ""},
	} {
		w := do(tc.method, tc.url, tc.header)
		if w.Code != tc.status {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.url, w.Code, tc.status)
		}
		if name, value, ok := strings.Cut(tc.check, ": "); ok && w.Header().Get(name) != strings.TrimSpace(value) {
			t.Errorf("%s %s: %v, want %s", tc.method, tc.url, w.Header(), tc.check)
		}
		if w.Header().Get("Last-Modified") != "" {
			t.Errorf("%s: a removed header is there", tc.url)
		}
	}
	e.Distribution.Errors[403] = template.ErrorPage{Status: 200, Page: "/index.html"}
	w := do("GET", "/a/page/of/the/app", nil)
	if b, _ := io.ReadAll(w.Body); w.Code != 200 || string(b) != "index" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("error page: %d %q %v", w.Code, b, w.Header())
	}
}
