package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"solewatch/internal/host/template"
	"solewatch/internal/standin"
)

// Limits of WebSocket APIs.
const (
	maxMessage   = 128 << 10
	maxFrame     = 32 << 10
	idleLimit    = 10 * time.Minute
	lifeLimit    = 2 * time.Hour
	writeLimit   = 10 * time.Second
	inHandAtOnce = 32 // messages of one connection
)

// WebSocketAPI serves one WebSocket API with its one stage, and its @connections (it is a standin.Connections).
type WebSocketAPI struct {
	API     *template.WebSocket
	Account string
	Region  string
	Domain  string
	Invoker Invoker
	Log     *slog.Logger
	Idle    time.Duration // 0 means AWS's 10 minutes
	Life    time.Duration // 0 means AWS's 2 hours

	mu     sync.Mutex
	open   map[string]*connection
	closed bool
	bucket *rate.Limiter
	wg     sync.WaitGroup
}

// A connection is one browser.
type connection struct {
	api        *WebSocketAPI
	id         string
	at         time.Time
	ip, agent  string
	authorizer map[string]any
	socket     *websocket.Conn
	meter      *frameMeter

	mu      sync.Mutex
	active  time.Time
	why     websocket.StatusCode // what this side closes with; 0 while it does not
	whyText string
}

func (a *WebSocketAPI) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}

// ServeHTTP is the handshake: the authorizer, then $connect, then the upgrade; then the connection's whole life.
func (a *WebSocketAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUpgradeRequired)
		fmt.Fprint(w, `{"message":"Upgrade Required"}`)
		return
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		message(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	a.wg.Add(1)
	a.mu.Unlock()
	defer a.wg.Done()

	now := time.Now()
	c := &connection{api: a, id: requestID(), at: now, active: now, ip: remoteIP(r), agent: r.UserAgent()}
	e := c.event("$connect", "CONNECT")
	e.Headers, e.MultiHeaders = map[string]string{"Host": a.Domain}, map[string][]string{"Host": {a.Domain}}
	for name, values := range r.Header {
		e.Headers[name], e.MultiHeaders[name] = values[len(values)-1], values
	}
	if q := r.URL.Query(); len(q) > 0 {
		e.Query, e.MultiQuery = map[string]string{}, q
		for k, v := range q {
			e.Query[k] = v[len(v)-1]
		}
	}
	if a.API.Authorizer != nil {
		status := a.authorize(r.Context(), c, e)
		if status != http.StatusOK {
			message(w, status, map[int]string{401: "Unauthorized", 403: "Forbidden", 500: "Internal server error"}[status])
			return
		}
		e.RequestContext.Authorizer = c.authorizer
	}
	protocol := ""
	if rt, ok := a.API.Routes["$connect"]; ok {
		ans, err := a.invoke(r.Context(), rt, e)
		switch {
		case err != nil:
			a.log().Error("$connect failed", "api", a.API.ID, "err", err)
			message(w, http.StatusBadGateway, "Internal server error")
			return
		case ans.status < 200 || ans.status > 299:
			message(w, ans.status, http.StatusText(ans.status))
			return
		}
		protocol = ans.headers["Sec-WebSocket-Protocol"]
	}
	a.serve(w, r, c, protocol)
}

// serve upgrades and reads messages until the connection ends, then tells $disconnect.
func (a *WebSocketAPI) serve(w http.ResponseWriter, r *http.Request, c *connection, protocol string) {
	o := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled} // API Gateway looks at no Origin
	if protocol != "" {
		o.Subprotocols = []string{protocol}
	}
	meter := &frameMeter{}
	socket, err := websocket.Accept(meteredWriter{w, meter}, r, o)
	if err != nil {
		a.log().Warn("upgrade refused", "api", a.API.ID, "err", err)
		return
	}
	socket.SetReadLimit(maxMessage)
	c.socket, c.meter = socket, meter
	a.mu.Lock()
	if a.open == nil {
		a.open = map[string]*connection{}
	}
	a.open[c.id] = c
	a.mu.Unlock()

	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	var inHand sync.WaitGroup
	inHand.Go(func() { c.limit(ctx) })
	code, reason := c.read(ctx)
	cancel()
	a.mu.Lock()
	delete(a.open, c.id)
	a.mu.Unlock()
	_ = socket.CloseNow() // it is closed already unless the peer broke off
	inHand.Wait()

	if rt, ok := a.API.Routes["$disconnect"]; ok {
		e := c.event("$disconnect", "DISCONNECT")
		e.Headers = map[string]string{"Host": a.Domain}
		e.MultiHeaders = map[string][]string{"Host": {a.Domain}}
		e.RequestContext.DisconnectCode, e.RequestContext.DisconnectReason = &code, &reason
		if _, err := a.invoke(context.WithoutCancel(r.Context()), rt, e); err != nil {
			a.log().Warn("$disconnect failed", "api", a.API.ID, "err", err)
		}
	}
}

// read handles messages until the connection ends and says how it did.
func (c *connection) read(ctx context.Context) (code int, reason string) {
	var inHand sync.WaitGroup
	defer inHand.Wait()
	slots := make(chan struct{}, inHandAtOnce)
	for {
		kind, data, err := c.socket.Read(ctx)
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.why != 0 {
				return int(c.why), c.whyText
			}
			var ce websocket.CloseError
			switch {
			case errors.As(err, &ce):
				return int(ce.Code), ce.Reason
			case errors.Is(err, websocket.ErrMessageTooBig):
				return int(websocket.StatusMessageTooBig), "message too big"
			}
			return int(websocket.StatusAbnormalClosure), ""
		}
		switch {
		case kind == websocket.MessageBinary:
			c.close(websocket.StatusUnsupportedData, "binary frames are not supported")
			continue // the next read tells
		case c.meter.largest() > maxFrame:
			c.close(websocket.StatusMessageTooBig, "frame too big")
			continue
		}
		c.touch()
		slots <- struct{}{}
		inHand.Go(func() {
			defer func() { <-slots }()
			c.handle(ctx, data)
		})
	}
}

// close ends the connection from this side.
func (c *connection) close(code websocket.StatusCode, reason string) {
	c.mu.Lock()
	if c.why == 0 {
		c.why, c.whyText = code, reason
	}
	c.mu.Unlock()
	_ = c.socket.Close(code, reason) // a peer that is gone cannot be told
}

func (c *connection) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = time.Now()
}

func (c *connection) lastActive() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// limit closes the connection when it was idle too long or is too old.
func (c *connection) limit(ctx context.Context) {
	idle, life := c.api.Idle, c.api.Life
	if idle == 0 {
		idle = idleLimit
	}
	if life == 0 {
		life = lifeLimit
	}
	for {
		end := c.lastActive().Add(idle)
		if dead := c.at.Add(life); dead.Before(end) {
			end = dead
		}
		wait := time.Until(end)
		if wait <= 0 {
			c.close(websocket.StatusGoingAway, "Going away")
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// handle runs one message's route and sends what goes back.
func (c *connection) handle(ctx context.Context, data []byte) {
	key := selectRoute(c.api.API.Selection, data)
	rt, ok := c.api.API.Routes[key]
	if !ok || strings.HasPrefix(key, "$") {
		key = "$default"
		rt, ok = c.api.API.Routes[key]
	}
	e := c.event(key, "MESSAGE")
	e.RequestContext.MessageID = requestID()
	e.Body = string(data)
	switch {
	case !ok:
		c.complain(ctx, "Forbidden", e.RequestContext.RequestID)
		return
	case c.api.throttled():
		c.complain(ctx, "Too Many Requests", e.RequestContext.RequestID)
		return
	}
	ans, err := c.api.invoke(ctx, rt, e)
	if err != nil {
		if ctx.Err() == nil {
			c.api.log().Error("message not handled", "api", c.api.API.ID, "route", key, "err", err)
			c.complain(ctx, "Internal server error", e.RequestContext.RequestID)
		}
		return
	}
	if rt.Reply && ans.body != "" {
		c.write(ctx, []byte(ans.body))
	}
}

func (c *connection) complain(ctx context.Context, text, request string) {
	b, err := json.Marshal(map[string]string{"message": text, "connectionId": c.id, "requestId": request})
	if err == nil {
		c.write(ctx, b)
	}
}

// write sends one text message; a peer that does not take it in time is cut off.
func (c *connection) write(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	if err := c.socket.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("writing to connection %s: %w", c.id, err)
	}
	c.touch()
	return nil
}

// selectRoute is the route key that the message itself gives: the text, number or boolean at the path of the
// selection expression. "" when the message is not JSON or has nothing there.
func selectRoute(expression string, data []byte) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return ""
	}
	for _, name := range strings.Split(strings.TrimPrefix(expression, "$request.body."), ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	switch v := v.(type) {
	case string:
		return v
	case float64, bool:
		return fmt.Sprint(v)
	}
	return ""
}

// A socketEvent is what a function gets of a WebSocket API.
type socketEvent struct {
	Headers        map[string]string   `json:"headers,omitempty"`
	MultiHeaders   map[string][]string `json:"multiValueHeaders,omitempty"`
	Query          map[string]string   `json:"queryStringParameters,omitempty"`
	MultiQuery     map[string][]string `json:"multiValueQueryStringParameters,omitempty"`
	RequestContext socketContext       `json:"requestContext"`
	StageVariables map[string]string   `json:"stageVariables,omitempty"`
	Body           string              `json:"body,omitempty"`
	IsBase64       bool                `json:"isBase64Encoded"`
	Type           string              `json:"type,omitempty"`      // authorizers only
	MethodARN      string              `json:"methodArn,omitempty"` // authorizers only
}

type socketContext struct {
	RouteKey         string         `json:"routeKey"`
	EventType        string         `json:"eventType"`
	MessageID        string         `json:"messageId,omitempty"`
	MessageDirection string         `json:"messageDirection"`
	ConnectionID     string         `json:"connectionId"`
	ConnectedAt      int64          `json:"connectedAt"` // ms
	RequestID        string         `json:"requestId"`
	ExtendedID       string         `json:"extendedRequestId"`
	RequestTime      string         `json:"requestTime"`
	RequestTimeEpoch int64          `json:"requestTimeEpoch"` // ms
	Stage            string         `json:"stage"`
	DomainName       string         `json:"domainName"`
	APIID            string         `json:"apiId"`
	Identity         socketIdentity `json:"identity"`
	Authorizer       map[string]any `json:"authorizer,omitempty"`
	DisconnectCode   *int           `json:"disconnectStatusCode,omitempty"`
	DisconnectReason *string        `json:"disconnectReason,omitempty"`
}

type socketIdentity struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent,omitempty"`
}

func (c *connection) event(route, typ string) socketEvent {
	now, id := time.Now().UTC(), requestID()
	return socketEvent{
		StageVariables: maps.Clone(c.api.API.StageVariable),
		RequestContext: socketContext{
			RouteKey: route, EventType: typ, MessageDirection: "IN", ConnectionID: c.id, ConnectedAt: c.at.UnixMilli(),
			RequestID: id, ExtendedID: id, RequestTime: now.Format(clockFormat), RequestTimeEpoch: now.UnixMilli(),
			Stage: c.api.API.Stage, DomainName: c.api.Domain, APIID: c.api.API.APIID,
			Identity: socketIdentity{SourceIP: c.ip, UserAgent: c.agent}, Authorizer: c.authorizer,
		},
	}
}

type socketAnswer struct {
	status  int
	body    string
	headers map[string]string
}

// invoke runs a route's function. Its error covers a function that fails, takes too long or answers in another
// shape than a proxy integration's.
func (a *WebSocketAPI) invoke(ctx context.Context, rt template.WebSocketRoute, e socketEvent) (socketAnswer, error) {
	payload, err := json.Marshal(e)
	if err != nil {
		return socketAnswer{}, fmt.Errorf("spelling the event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, rt.Timeout)
	defer cancel()
	res, err := a.Invoker.Invoke(ctx, rt.Function, payload)
	if err != nil {
		return socketAnswer{}, fmt.Errorf("invoking %s: %w", rt.Function, err)
	}
	if res.FunctionError != "" {
		return socketAnswer{}, fmt.Errorf("function %s failed: %s", rt.Function, res.Payload)
	}
	var ans struct {
		StatusCode *int              `json:"statusCode"`
		Body       string            `json:"body"`
		Headers    map[string]string `json:"headers"`
	}
	if err := json.Unmarshal(res.Payload, &ans); err != nil || ans.StatusCode == nil {
		return socketAnswer{}, fmt.Errorf("function %s answered without statusCode: %.200s", rt.Function, res.Payload)
	}
	return socketAnswer{*ans.StatusCode, ans.Body, ans.Headers}, nil
}

// authorize runs the $connect authorizer: 200 with c.authorizer set, 401 when an identity source is missing, 403
// when its policy does not allow, 500 when it fails.
func (a *WebSocketAPI) authorize(ctx context.Context, c *connection, e socketEvent) int {
	z := a.API.Authorizer
	for _, s := range z.Sources {
		v := ""
		if name, ok := strings.CutPrefix(s, "$request.header."); ok {
			v = http.Header(e.MultiHeaders).Get(name)
		} else if name, ok := strings.CutPrefix(s, "$request.querystring."); ok {
			v = e.Query[name]
		}
		if v == "" {
			return http.StatusUnauthorized
		}
	}
	e.Type = "REQUEST"
	e.MethodARN = "arn:aws:execute-api:" + a.Region + ":" + a.Account + ":" + a.API.APIID + "/" + a.API.Stage + "/$connect"
	payload, err := json.Marshal(e)
	if err != nil {
		return http.StatusInternalServerError
	}
	ctx, cancel := context.WithTimeout(ctx, authorizerLimit)
	defer cancel()
	res, err := a.Invoker.Invoke(ctx, z.Function, payload)
	var ans struct {
		PrincipalID string `json:"principalId"`
		Policy      struct {
			Statement []struct {
				Effect string `json:"Effect"`
			} `json:"Statement"`
		} `json:"policyDocument"`
		Context map[string]any `json:"context"`
	}
	if err != nil || res.FunctionError != "" || json.Unmarshal(res.Payload, &ans) != nil || ans.PrincipalID == "" {
		a.log().Error("authorizer failed", "authorizer", z.Name, "err", err, "answer", string(res.Payload))
		return http.StatusInternalServerError
	}
	allowed := false
	for _, s := range ans.Policy.Statement {
		if s.Effect == "Deny" {
			return http.StatusForbidden
		}
		allowed = allowed || s.Effect == "Allow"
	}
	if !allowed {
		return http.StatusForbidden
	}
	c.authorizer = map[string]any{"principalId": ans.PrincipalID}
	for k, v := range ans.Context {
		c.authorizer[k] = fmt.Sprint(v)
	}
	return http.StatusOK
}

// throttled takes a token of the stage's bucket and reports whether there was none.
func (a *WebSocketAPI) throttled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bucket == nil {
		a.bucket = newBucket(a.API.Throttle)
	}
	return a.bucket != nil && !a.bucket.Allow()
}

func (a *WebSocketAPI) find(id string) (*connection, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.open[id]
	if c == nil {
		return nil, fmt.Errorf("connection %s: %w", id, standin.ErrGone)
	}
	return c, nil
}

// Post sends one message to a connection.
func (a *WebSocketAPI) Post(ctx context.Context, id string, data []byte) error {
	c, err := a.find(id)
	if err != nil {
		return err
	}
	if len(data) > maxMessage {
		return fmt.Errorf("connection %s: %d bytes: %w", id, len(data), standin.ErrTooLarge)
	}
	if err := c.write(ctx, data); err != nil {
		return fmt.Errorf("%w: %w", standin.ErrGone, err)
	}
	return nil
}

// Get tells about a connection.
func (a *WebSocketAPI) Get(_ context.Context, id string) (standin.ConnInfo, error) {
	c, err := a.find(id)
	if err != nil {
		return standin.ConnInfo{}, err
	}
	return standin.ConnInfo{ConnectedAt: c.at, LastActiveAt: c.lastActive(), SourceIP: c.ip, UserAgent: c.agent}, nil
}

// Delete closes a connection.
func (a *WebSocketAPI) Delete(_ context.Context, id string) error {
	c, err := a.find(id)
	if err != nil {
		return err
	}
	go c.close(websocket.StatusNormalClosure, "Connection Closed Normally") // waits for the peer's own close
	return nil
}

// Open tells how many connections there are.
func (a *WebSocketAPI) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

// Close closes every connection with 1001 and waits until their $disconnect has been told.
func (a *WebSocketAPI) Close() {
	a.mu.Lock()
	a.closed = true
	var all []*connection
	for _, c := range a.open {
		all = append(all, c)
	}
	a.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() { c.close(websocket.StatusGoingAway, "Going away") })
	}
	wg.Wait()
	a.wg.Wait()
}

// Connections joins the @connections of several WebSocket APIs: an id belongs to one of them.
type Connections []*WebSocketAPI

func (s Connections) of(id string) (*WebSocketAPI, error) {
	for _, a := range s {
		if _, err := a.find(id); err == nil {
			return a, nil
		}
	}
	return nil, fmt.Errorf("connection %s: %w", id, standin.ErrGone)
}

// Post implements standin.Connections.
func (s Connections) Post(ctx context.Context, id string, data []byte) error {
	a, err := s.of(id)
	if err != nil {
		return err
	}
	return a.Post(ctx, id, data)
}

// Get implements standin.Connections.
func (s Connections) Get(ctx context.Context, id string) (standin.ConnInfo, error) {
	a, err := s.of(id)
	if err != nil {
		return standin.ConnInfo{}, err
	}
	return a.Get(ctx, id)
}

// Delete implements standin.Connections.
func (s Connections) Delete(ctx context.Context, id string) error {
	a, err := s.of(id)
	if err != nil {
		return err
	}
	return a.Delete(ctx, id)
}
