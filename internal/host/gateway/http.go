// Package gateway answers for API Gateway and CloudFront: HTTP APIs with payload 2.0 and Lambda authorizers,
// WebSocket APIs with @connections, and a small CloudFront in front of both and of the page's files.
//
// Source: API Gateway developer guide, "Working with HTTP APIs", "Working with WebSocket APIs"; CloudFront
// developer guide, "Cache behavior settings".
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"solewatch/internal/host/lambda"
	"solewatch/internal/host/template"
)

// An Invoker runs a function: *lambda.Service.
type Invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) (lambda.Result, error)
}

// Limits of HTTP APIs.
const (
	maxRequest       = 10 << 20
	maxHead          = 10240 // bytes of the request line and headers
	authorizerLimit  = 10 * time.Second
	authorizerEvents = 4096 // cached answers
)

// HTTPAPI serves one HTTP API.
type HTTPAPI struct {
	API     *template.HTTPAPI
	Account string
	Domain  string // "abc123.execute-api.eu-west-3.amazonaws.com"
	Region  string
	Invoker Invoker
	Log     *slog.Logger
	Now     func() time.Time // nil means time.Now

	mu     sync.Mutex
	cache  map[string]cachedAnswer
	bucket *rate.Limiter
}

// newBucket makes the token bucket of a stage's throttling settings; nil lets everything through.
func newBucket(t template.Throttle) *rate.Limiter {
	if t.Rate == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(t.Rate), t.Burst)
}

type cachedAnswer struct {
	until   time.Time
	allowed bool
	context map[string]any
}

func (h *HTTPAPI) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// ServeHTTP routes a request to its function and answers with what that says.
func (h *HTTPAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	w.Header().Set("Apigw-Requestid", id)
	if headSize(r) > maxHead {
		message(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	path := r.URL.EscapedPath()
	if h.API.Stage != "$default" {
		rest, ok := strings.CutPrefix(path, "/"+h.API.Stage)
		if !ok || rest != "" && rest[0] != '/' {
			message(w, http.StatusNotFound, "Not Found")
			return
		}
		path = rest
		if path == "" {
			path = "/"
		}
	}
	if h.API.CORS != nil && h.preflight(w, r) {
		return
	}
	if h.throttled() {
		message(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	}
	route, params := choose(h.API.Routes, r.Method, path)
	if route == nil {
		h.cors(w, r)
		message(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		return // the client is gone
	}
	e := h.event(r, route, params, id, body)
	if route.Authorizer != "" {
		z := h.API.Authorizers[route.Authorizer]
		status, context := h.authorize(r, z, e)
		if status != http.StatusOK {
			h.cors(w, r)
			message(w, status, map[int]string{401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}[status])
			return
		}
		e.RequestContext.Authorizer = map[string]any{"lambda": context}
	}
	h.invoke(w, r, route, e)
}

// throttled takes a token of the stage's bucket and reports whether there was none.
func (h *HTTPAPI) throttled() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bucket == nil {
		h.bucket = newBucket(h.API.Throttle)
	}
	return h.bucket != nil && !h.bucket.Allow()
}

func message(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	b, err := json.Marshal(map[string]string{"message": text})
	if err != nil {
		return // a text always marshals
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that is gone cannot be told
}

func headSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 4
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// requestID makes up an id like API Gateway's: letters and digits that end in "=".
func requestID() string {
	var b [11]byte
	rand.Read(b[:])
	return base64.URLEncoding.EncodeToString(b[:])
}

// choose picks the route: a full match of method and path before ANY, static segments before {name} before
// {proxy+}, and $default at last.
func choose(routes []template.HTTPRoute, method, path string) (*template.HTTPRoute, map[string]string) {
	type candidate struct {
		route  *template.HTTPRoute
		params map[string]string
		rank   string
	}
	var best *candidate
	for i := range routes {
		rt := &routes[i]
		if rt.Path == "" {
			continue
		}
		if rt.Method != "ANY" && rt.Method != method {
			continue
		}
		params, rank, ok := matchPath(rt.Path, path)
		if !ok {
			continue
		}
		if rt.Method == "ANY" {
			rank += "1"
		} else {
			rank += "0"
		}
		if best == nil || rank < best.rank {
			best = &candidate{rt, params, rank}
		}
	}
	if best != nil {
		return best.route, best.params
	}
	for i := range routes {
		if routes[i].Key == "$default" {
			return &routes[i], nil
		}
	}
	return nil, nil
}

// matchPath matches a request path against a route path. rank sorts the better match first: for each segment a
// for a static one, b for {name}, c for {name+}.
func matchPath(pattern, path string) (params map[string]string, rank string, ok bool) {
	want := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	have := strings.Split(strings.TrimPrefix(path, "/"), "/")
	params = map[string]string{}
	for i, seg := range want {
		switch {
		case strings.HasSuffix(seg, "+}"):
			if i >= len(have) || have[i] == "" && i == len(have)-1 {
				return nil, "", false
			}
			params[seg[1:len(seg)-2]] = unescape(strings.Join(have[i:], "/"))
			return params, rank + "c", true
		case i >= len(have):
			return nil, "", false
		case strings.HasPrefix(seg, "{"):
			if have[i] == "" {
				return nil, "", false
			}
			params[strings.Trim(seg, "{}")] = unescape(have[i])
			rank += "b"
		case seg != unescape(have[i]):
			return nil, "", false
		default:
			rank += "a"
		}
	}
	if len(have) != len(want) {
		return nil, "", false
	}
	return params, rank, true
}

// An httpEvent is the event of payload 2.0.
type httpEvent struct {
	Version        string            `json:"version"`
	Type           string            `json:"type,omitempty"`           // authorizers only
	RouteARN       string            `json:"routeArn,omitempty"`       // authorizers only
	IdentitySource []string          `json:"identitySource,omitempty"` // authorizers only
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies,omitempty"`
	Headers        map[string]string `json:"headers"`
	Query          map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext requestContext    `json:"requestContext"`
	PathParameters map[string]string `json:"pathParameters,omitempty"`
	StageVariables map[string]string `json:"stageVariables,omitempty"`
	Body           string            `json:"body,omitempty"`
	IsBase64       *bool             `json:"isBase64Encoded,omitempty"`
}

type requestContext struct {
	AccountID    string         `json:"accountId"`
	APIID        string         `json:"apiId"`
	Authorizer   map[string]any `json:"authorizer,omitempty"`
	DomainName   string         `json:"domainName"`
	DomainPrefix string         `json:"domainPrefix"`
	HTTP         httpContext    `json:"http"`
	RequestID    string         `json:"requestId"`
	RouteKey     string         `json:"routeKey"`
	Stage        string         `json:"stage"`
	Time         string         `json:"time"`
	TimeEpoch    int64          `json:"timeEpoch"` // ms
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

const clockFormat = "02/Jan/2006:15:04:05 -0700"

func (h *HTTPAPI) event(r *http.Request, rt *template.HTTPRoute, params map[string]string, id string, body []byte) httpEvent {
	now := h.now().UTC()
	text, encoded := bodyText(r.Header.Get("Content-Type"), body)
	e := httpEvent{
		Version: "2.0", RouteKey: rt.Key, RawPath: unescape(r.URL.EscapedPath()), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{}, Body: text, IsBase64: &encoded, PathParameters: params, StageVariables: h.API.StageVariable,
		RequestContext: requestContext{
			AccountID: h.Account, APIID: h.API.APIID, DomainName: h.Domain, DomainPrefix: h.API.APIID,
			HTTP:      httpContext{Method: r.Method, Path: unescape(r.URL.EscapedPath()), Protocol: r.Proto, SourceIP: remoteIP(r), UserAgent: r.UserAgent()},
			RequestID: id, RouteKey: rt.Key, Stage: h.API.Stage, Time: now.Format(clockFormat), TimeEpoch: now.UnixMilli(),
		},
	}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if lower == "cookie" {
			for _, v := range values {
				for _, c := range strings.Split(v, ";") {
					if c = strings.TrimSpace(c); c != "" {
						e.Cookies = append(e.Cookies, c)
					}
				}
			}
			continue
		}
		e.Headers[lower] = strings.Join(values, ",")
	}
	e.Headers["host"] = h.Domain
	e.Headers["x-forwarded-for"] = strings.TrimPrefix(r.Header.Get("X-Forwarded-For")+","+remoteIP(r), ",")
	e.Headers["x-forwarded-port"] = "443"
	e.Headers["x-forwarded-proto"] = "https"
	if r.ContentLength >= 0 && len(body) > 0 {
		e.Headers["content-length"] = strconv.Itoa(len(body))
	}
	if q := r.URL.Query(); len(q) > 0 {
		e.Query = map[string]string{}
		for k, v := range q {
			e.Query[k] = strings.Join(v, ",")
		}
	}
	return e
}

// bodyText is the body as the event carries it: text types as they are, all others in base64.
func bodyText(contentType string, body []byte) (text string, encoded bool) {
	if len(body) == 0 {
		return "", false
	}
	t, _, err := mime.ParseMediaType(contentType)
	plain := err == nil && (strings.HasPrefix(t, "text/") || t == "application/json" || strings.HasSuffix(t, "+json") || t == "application/xml" ||
		strings.HasSuffix(t, "+xml") || t == "application/javascript")
	if plain && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func unescape(s string) string {
	u, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return u
}

// remoteIP is the peer's address.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// invoke runs the function and writes its answer.
func (h *HTTPAPI) invoke(w http.ResponseWriter, r *http.Request, rt *template.HTTPRoute, e httpEvent) {
	h.cors(w, r)
	payload, err := json.Marshal(e)
	if err != nil {
		message(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rt.Timeout)
	defer cancel()
	res, err := h.Invoker.Invoke(ctx, rt.Function, payload)
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, lambda.ErrTooLarge):
		message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case err != nil: // throttled, or longer than the integration may take
		h.log().Warn("integration unavailable", "route", rt.Key, "function", rt.Function, "err", err)
		message(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	case res.FunctionError != "":
		h.log().Error("function failed", "route", rt.Key, "function", rt.Function, "answer", string(res.Payload))
		message(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if err := writeAnswer(w, res.Payload); err != nil {
		h.log().Error("function answer not understood", "route", rt.Key, "function", rt.Function, "err", err)
		message(w, http.StatusInternalServerError, "Internal Server Error")
	}
}

func (h *HTTPAPI) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// An answer is what a function returns for payload 2.0.
type answer struct {
	StatusCode json.RawMessage            `json:"statusCode"`
	Headers    map[string]json.RawMessage `json:"headers"`
	Cookies    []string                   `json:"cookies"`
	Body       *string                    `json:"body"`
	IsBase64   bool                       `json:"isBase64Encoded"`
}

// writeAnswer turns a function's answer into a response. It writes nothing when it returns an error.
func writeAnswer(w http.ResponseWriter, payload []byte) error {
	var keys map[string]json.RawMessage
	if json.Unmarshal(payload, &keys) != nil || keys["statusCode"] == nil {
		// valid JSON of another shape is the body itself
		if !json.Valid(payload) {
			return errors.New("answer is not JSON")
		}
		body := payload
		var text *string
		if json.Unmarshal(payload, &text) == nil && text != nil {
			body = []byte(*text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // a client that is gone cannot be told
		return nil
	}
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil {
		return fmt.Errorf("answer has another shape: %w", err)
	}
	status, err := strconv.Atoi(strings.Trim(string(a.StatusCode), `"`))
	if err != nil || status < 200 || status > 599 {
		return fmt.Errorf("statusCode %s is not within 200 and 599", a.StatusCode)
	}
	var body []byte
	if a.Body != nil {
		body = []byte(*a.Body)
		if a.IsBase64 {
			if body, err = base64.StdEncoding.DecodeString(*a.Body); err != nil {
				return fmt.Errorf("body is not base64: %w", err)
			}
		}
	}
	for name, raw := range a.Headers {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw) // a number or boolean
		}
		w.Header().Set(name, text)
	}
	for _, c := range a.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	if w.Header().Get("Content-Type") == "" && len(body) > 0 {
		w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent && status != http.StatusNotModified {
		_, _ = w.Write(body) // a client that is gone cannot be told
	}
	return nil
}

// preflight answers a CORS preflight and reports whether it was one.
func (h *HTTPAPI) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.cors(w, r)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// cors sets the headers of CorsConfiguration, over whatever the function says.
func (h *HTTPAPI) cors(w http.ResponseWriter, r *http.Request) {
	c, origin := h.API.CORS, r.Header.Get("Origin")
	if c == nil || origin == "" || !slices.Contains(c.Origins, "*") && !slices.Contains(c.Origins, origin) {
		return
	}
	set := w.Header().Set
	if slices.Contains(c.Origins, "*") && !c.Credentials {
		set("Access-Control-Allow-Origin", "*")
	} else {
		set("Access-Control-Allow-Origin", origin)
		set("Vary", "Origin")
	}
	if c.Credentials {
		set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.Expose) > 0 {
		set("Access-Control-Expose-Headers", strings.Join(c.Expose, ","))
	}
	if r.Method == http.MethodOptions {
		set("Access-Control-Allow-Methods", strings.Join(c.Methods, ","))
		set("Access-Control-Allow-Headers", strings.Join(c.Headers, ","))
		set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
	}
}
