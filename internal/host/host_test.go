package host

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/coder/websocket"
)

var programs string // holds fn/bootstrap

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "host")
	if err != nil {
		panic(err)
	}
	programs = dir
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "fn", "bootstrap"), "./testdata/fn")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// testWriter sends a log to the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

type app struct {
	*System
	t      *testing.T
	record string
}

func start(t *testing.T, state string) *app {
	t.Helper()
	record, web := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(web, "index.html"), []byte("<!doctype html><title>page</title>"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Config{
		Template: "testdata/app.yaml", Parameters: map[string]string{"Record": record}, State: state, Programs: programs, Web: web, Stack: "t",
		WebAddr: "127.0.0.1:0", ServicesAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)), Output: func(p, line string) { t.Log(p, line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		if ctx.Err() != nil {
			t.Error("the system had to be killed")
		}
	})
	return &app{s, t, record}
}

// heard waits until a function has written n events and returns them.
func (a *app) heard(function string, n int) []string {
	a.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		b, err := os.ReadFile(filepath.Join(a.record, function))
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if err == nil && len(lines) >= n {
			return lines
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%s heard %q, want %d events", function, lines, n)
		}
		time.Sleep(5 * time.Millisecond) // another process writes
	}
}

func decode[T any](t *testing.T, line string) T {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	var v T
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return v
}

func (a *app) get(method, url string, header http.Header, body string) (int, http.Header, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func TestQueueToFunction(t *testing.T) {
	a := start(t, t.TempDir())
	for _, body := range []string{"one", "bad", "three"} {
		if err := a.Standin.SendInternal("t-Work", body); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	for i := 1; len(seen) < 3; i++ {
		seen = nil
		for _, l := range a.heard("worker", i) {
			e := decode[events.SQSEvent](t, l)
			for _, m := range e.Records {
				if m.EventSourceARN != "arn:aws:sqs:eu-west-3:000000000000:t-Work" || m.AWSRegion != "eu-west-3" || m.EventSource != "aws:sqs" ||
					m.MessageId == "" || m.Md5OfBody == "" || m.Attributes["ApproximateReceiveCount"] != "1" || m.Attributes["SentTimestamp"] == "" {
					t.Errorf("record %+v", m)
				}
				seen = append(seen, m.Body)
			}
		}
	}
	// the failed one, and no other, goes to the dead-letter queue after its one receive
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var dead []string
	for len(dead) == 0 && ctx.Err() == nil {
		msgs, err := a.Standin.Receive(ctx, "t-Dead", 10, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			dead = append(dead, m.Body)
		}
	}
	if len(dead) != 1 || dead[0] != "bad" {
		t.Errorf("dead letters = %q, want bad", dead)
	}
}

func (a *app) dynamo() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-3", BaseEndpoint: aws.String(a.Services), Credentials: credentials.NewStaticCredentialsProvider("LOCALOPERATOR", "x", ""),
	})
}

func TestStreamToFunctionSurvivesRestart(t *testing.T) {
	state := t.TempDir()
	a := start(t, state)
	put := func(a *app, pk, typ string) {
		t.Helper()
		_, err := a.dynamo().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t-Table"), Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: pk}, "t": &types.AttributeValueMemberS{Value: typ},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(a, "1", "other")
	put(a, "2", "wanted")
	e := decode[events.DynamoDBEvent](t, a.heard("reader", 1)[0])
	r := e.Records[0]
	if len(e.Records) != 1 || r.EventName != "INSERT" || r.Change.Keys["PK"].String() != "2" || r.Change.NewImage["t"].String() != "wanted" ||
		r.EventSource != "aws:dynamodb" || r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" || r.Change.SequenceNumber == "" ||
		!strings.HasPrefix(r.EventSourceArn, "arn:aws:dynamodb:eu-west-3:000000000000:table/t-Table/stream/") {
		t.Errorf("event = %+v", e)
	}
	// the checkpoint follows the answer
	deadline := time.Now().Add(5 * time.Second)
	for a.Standin.StreamPosition("ReaderStream") != 2 {
		if time.Now().After(deadline) {
			t.Fatalf("checkpoint = %d, want 2", a.Standin.StreamPosition("ReaderStream"))
		}
		time.Sleep(time.Millisecond) // another process answers
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := start(t, state)
	put(b, "3", "wanted")
	if got := decode[events.DynamoDBEvent](t, b.heard("reader", 1)[0]); len(got.Records) != 1 || got.Records[0].Change.Keys["PK"].String() != "3" {
		t.Errorf("after the restart: %+v, want item 3 alone", got)
	}
}

func TestScheduleFiredNow(t *testing.T) {
	a := start(t, t.TempDir())
	status, _, _ := a.get("POST", a.Services+"/_host/schedules/ClockDaily/fire", nil, "")
	if status != http.StatusAccepted {
		t.Fatalf("status %d", status)
	}
	if got := a.heard("clock", 1); got[0] != `{"tick":1}` {
		t.Errorf("input = %s", got)
	}
	if err := a.FireSchedule("ClockBare"); err != nil {
		t.Fatal(err)
	}
	e := decode[struct {
		Version, ID, Source, Account, Time, Region, Detail string
		DetailType                                         string `json:"detail-type"`
		Resources                                          []string
	}](t, a.heard("clock", 2)[1])
	if e.Source != "aws.scheduler" || e.Detail != "{}" || e.DetailType != "Scheduled Event" {
		t.Errorf("event = %+v", e)
	}
	if err := a.FireSchedule("ClockFailing"); err != nil { // and is tried again in a minute
		t.Fatal(err)
	}
	a.heard("clock", 3)
	if status, _, _ := a.get("POST", a.Services+"/_host/schedules/Nope/fire", nil, ""); status != http.StatusNotFound {
		t.Errorf("unknown schedule: %d", status)
	}
}

func TestHTTPAPI(t *testing.T) {
	a := start(t, t.TempDir())
	good := http.Header{"Cookie": {"s=good"}, "X-Two": {"a", "b"}, "Content-Type": {"application/json"}}
	status, header, body := a.get("POST", a.API+"/api/x/y?k=1&k=2&n=%20", good, `{"q":1}`)
	if status != 200 || header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, header %v, body %s", status, header, body)
	}
	e := decode[events.APIGatewayV2HTTPRequest](t, body)
	if e.Version != "2.0" || e.RouteKey != "ANY /api/{proxy+}" || e.RawPath != "/api/x/y" || e.RawQueryString != "k=1&k=2&n=%20" ||
		e.QueryStringParameters["k"] != "1,2" || e.QueryStringParameters["n"] != " " || e.Headers["x-two"] != "a,b" || e.PathParameters["proxy"] != "x/y" ||
		len(e.Cookies) != 1 || e.Cookies[0] != "s=good" || e.Body != `{"q":1}` || e.IsBase64Encoded || e.Headers["cookie"] != "" ||
		e.RequestContext.Authorizer.Lambda["user"] != "ada" || e.RequestContext.HTTP.Method != "POST" || e.RequestContext.HTTP.Path != "/api/x/y" ||
		e.RequestContext.HTTP.SourceIP != "127.0.0.1" || e.RequestContext.Stage != "$default" || e.RequestContext.TimeEpoch == 0 || e.RequestContext.RequestID == "" {
		t.Errorf("event = %s", body)
	}
	if _, err := time.Parse("02/Jan/2006:15:04:05 -0700", e.RequestContext.Time); err != nil {
		t.Error(err)
	}
	// static beats variable beats greedy; a method beats ANY
	if _, _, body := a.get("GET", a.API+"/api/7", good, ""); decode[events.APIGatewayV2HTTPRequest](t, body).RouteKey != "GET /api/{id}" {
		t.Errorf("GET /api/7 = %s", body)
	}
	for _, tc := range []struct {
		name, method, url, cookie string
		status                    int
		body                      string
	}{
		{"no identity source: the function is not called", "GET", "/api/1", "", 401, `{"message":"Unauthorized"}`},
		{"not authorized", "GET", "/api/1", "s=bad", 403, `{"message":"Forbidden"}`},
		{"authorizer of another shape", "GET", "/api/1", "s=odd", 500, `{"message":"Internal Server Error"}`},
		{"authorizer fails", "GET", "/api/1", "s=fail", 500, `{"message":"Internal Server Error"}`},
		{"no route", "GET", "/nothing", "", 404, `{"message":"Not Found"}`},
		{"function error", "GET", "/do/error", "", 500, `{"message":"Internal Server Error"}`},
		{"another shape is the body", "GET", "/do/pid", "", 200, ""},
	} {
		h := http.Header{}
		if tc.cookie != "" {
			h.Set("Cookie", tc.cookie)
		}
		status, _, body := a.get(tc.method, a.API+tc.url, h, "")
		if status != tc.status || tc.body != "" && body != tc.body {
			t.Errorf("%s: %d %s, want %d %s", tc.name, status, body, tc.status, tc.body)
		}
	}
	// two requests with a good cookie, one each with bad, odd and fail; none without a cookie
	if got := a.heard("authorizer", 5); len(got) != 5 {
		t.Errorf("authorizer was called %d times, want 5", len(got))
	} else if e := decode[events.APIGatewayV2CustomAuthorizerV2Request](t, got[0]); e.Type != "REQUEST" || e.IdentitySource[0] != "s=good" ||
		!strings.HasSuffix(e.RouteArn, "/$default/ANY/api/{proxy+}") || e.RouteKey != "ANY /api/{proxy+}" {
		t.Errorf("authorizer event = %s", got[0])
	}
	// a binary body travels in base64
	_, _, body = a.get("POST", a.API+"/api/b/c", http.Header{"Cookie": {"s=good"}, "Content-Type": {"application/octet-stream"}}, "\x00\xff")
	if e := decode[events.APIGatewayV2HTTPRequest](t, body); !e.IsBase64Encoded || e.Body != "AP8=" {
		t.Errorf("binary body = %q %v", e.Body, e.IsBase64Encoded)
	}
	if status, _, _ := a.get("GET", a.API+"/api/1", http.Header{"Cookie": {"s=good"}, "X-Long": {strings.Repeat("x", 10240)}}, ""); status != 431 {
		t.Errorf("long header: %d, want 431", status)
	}
}

func TestEnvironmentIsLocal(t *testing.T) {
	a := start(t, t.TempDir())
	_, _, body := a.get("GET", a.API+"/do/env", nil, "")
	var env []string
	if err := json.Unmarshal([]byte(body), &env); err != nil {
		t.Fatal(err)
	}
	text := "\n" + strings.Join(env, "\n") + "\n"
	for _, want := range []string{
		"ENDPOINT=" + a.Services + "/ws", "PAGE=" + a.Web + "/x", "QUEUE=" + a.Services + "/000000000000/t-Work",
		"AWS_ENDPOINT_URL_DYNAMODB=" + a.Services, "AWS_ENDPOINT_URL_SQS=" + a.Services, "AWS_ENDPOINT_URL_SNS=" + a.Services,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
	if strings.Contains(text, "APIGATEWAYMANAGEMENTAPI") {
		t.Error("the template names no endpoint of @connections, and there is one")
	}
}

func (a *app) dial(url string, header http.Header) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(a.t.Context(), url, &websocket.DialOptions{HTTPHeader: header})
}

func TestWebSocket(t *testing.T) {
	a := start(t, t.TempDir())
	url := "ws" + strings.TrimPrefix(a.API, "http") + "/ws"
	if _, res, err := a.dial(url, http.Header{"X-Refuse": {"1"}}); err == nil || res.StatusCode != 403 {
		t.Fatalf("refused handshake: %v %v", res, err)
	}
	c, _, err := a.dial(url+"?ticket=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	connect := decode[events.APIGatewayWebsocketProxyRequest](t, a.heard("chat", 2)[1])
	id := connect.RequestContext.ConnectionID
	if connect.RequestContext.EventType != "CONNECT" || connect.QueryStringParameters["ticket"] != "1" || connect.RequestContext.Stage != "ws" || id == "" {
		t.Errorf("$connect = %+v", connect)
	}
	say := func(text string) {
		t.Helper()
		if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	hear := func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, b, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	say(`{"action":"hello"}`)
	if got := hear(); got != "hello" {
		t.Errorf("reply = %s", got)
	}
	say(`{"action":"silent"}`) // answered by the function, and not sent: no route response
	a.heard("chat", 4)
	say(`not json`) // no $default route
	if got := hear(); !strings.Contains(got, `"message":"Forbidden"`) || !strings.Contains(got, id) {
		t.Errorf("unknown route = %s", got)
	}

	api := apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region: "eu-west-3", BaseEndpoint: aws.String(a.Services + "/ws"), Credentials: credentials.NewStaticCredentialsProvider("LOCALOPERATOR", "x", ""),
	})
	post := func(n int) error {
		_, err := api.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String(id), Data: bytes.Repeat([]byte("x"), n)})
		return err
	}
	if err := post(maxPost); err != nil {
		t.Fatal(err)
	}
	if got := hear(); len(got) != maxPost {
		t.Errorf("posted message has %d bytes", len(got))
	}
	if err := post(maxPost + 1); err == nil || !strings.Contains(err.Error(), "413") {
		t.Errorf("large post: %v, want 413", err)
	}
	c.Close(websocket.StatusNormalClosure, "bye")
	last := a.heard("chat", 5)
	gone := decode[events.APIGatewayWebsocketProxyRequest](t, last[len(last)-1])
	if gone.RequestContext.EventType != "DISCONNECT" || gone.RequestContext.ConnectionID != id {
		t.Errorf("$disconnect = %s", last[len(last)-1])
	}
	if err := post(1); err == nil || !strings.Contains(err.Error(), "410") {
		t.Errorf("post to a closed connection: %v, want 410", err)
	}
}

const maxPost = 128 << 10

func TestWebSocketRefusesFrames(t *testing.T) {
	a := start(t, t.TempDir())
	for _, tc := range []struct {
		name string
		kind websocket.MessageType
		size int
		want websocket.StatusCode
	}{
		{"binary", websocket.MessageBinary, 5, websocket.StatusUnsupportedData},
		{"frame over 32 KB", websocket.MessageText, 33 << 10, websocket.StatusMessageTooBig},
		{"message over 128 KB", websocket.MessageText, 129 << 10, websocket.StatusMessageTooBig},
	} {
		c, _, err := a.dial("ws"+strings.TrimPrefix(a.Web, "http")+"/ws", nil) // through the distribution
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(t.Context(), tc.kind, bytes.Repeat([]byte("x"), tc.size)); err != nil {
			t.Logf("%s: %v", tc.name, err) // the other side may close first
		}
		_, _, err = c.Read(t.Context())
		if got := websocket.CloseStatus(err); got != tc.want {
			t.Errorf("%s: closed with %d (%v), want %d", tc.name, got, err, tc.want)
		}
	}
}

func TestDistribution(t *testing.T) {
	a := start(t, t.TempDir())
	for _, tc := range []struct {
		name, method, url, cookie string
		status                    int
		contains                  string
	}{
		{"root object", "GET", "/", "", 200, "<title>page</title>"},
		{"a missing file is forbidden, as in a bucket that may not be listed", "GET", "/nope.js", "", 403, "AccessDenied"},
		{"method not allowed", "POST", "/", "", 403, ""},
		{"api with its cookie", "GET", "/api/1", "s=good", 200, "s=good"},
		{"no policy forwards no query", "GET", "/do/x?a=1", "", 200, `"rawQueryString":""`},
		{"error page for every origin", "GET", "/api", "s=good", 403, "AccessDenied"},
		{"outbox", "GET", "/outbox", "", 200, "Nothing has been sent yet."},
	} {
		h := http.Header{}
		if tc.cookie != "" {
			h.Set("Cookie", tc.cookie)
		}
		status, header, body := a.get(tc.method, a.Web+tc.url, h, "")
		if status != tc.status || !strings.Contains(body, tc.contains) {
			t.Errorf("%s: %d %s, want %d … %s", tc.name, status, body, tc.status, tc.contains)
		}
		if tc.name == "root object" && header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("no security headers: %v", header)
		}
	}
	// 404 of the API is replaced by the page, as CustomErrorResponses do for every origin
	status, _, body := a.get("POST", a.Web+"/api/", http.Header{"Cookie": {"s=good"}}, "")
	if status != 200 || !strings.Contains(body, "<title>page</title>") {
		t.Errorf("custom error response: %d %s", status, body)
	}
}

func TestStartRefusesPrograms(t *testing.T) {
	_, err := Start(t.Context(), Config{
		Template: "testdata/app.yaml", Parameters: map[string]string{"Record": t.TempDir()}, State: t.TempDir(), Programs: t.TempDir(),
		WebAddr: "127.0.0.1:0", ServicesAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0",
	})
	if err == nil {
		t.Fatal("Start without programs succeeded")
	}
	for _, id := range []string{"Worker", "Reader", "Clock", "Authorizer", "Echo", "Chat"} {
		if !strings.Contains(err.Error(), "starting "+id+":") {
			t.Errorf("error = %v, want %s named", err, id)
		}
	}
}
