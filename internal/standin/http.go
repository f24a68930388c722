package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds a request's body: a full BatchWriteItem is 16 MiB before it is JSON.
const maxRequest = 64 << 20

// errReset makes ServeHTTP reset the connection instead of answering.
var errReset = errors.New("standin: connection reset by a fault")

// ServeHTTP answers AWS's wire protocols and the stand-in's own pages under /_standin/.
//
// A signature is required but not verified: whoever reaches the listener is trusted, so it belongs on loopback.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_standin/") {
		s.serveAdmin(w, r)
		return
	}
	id := newUUID()
	w.Header().Set("x-amzn-RequestId", id)
	body, err := readBody(w, r)
	if err != nil {
		return // the client went away or sent too much; readBody has answered
	}
	service, op, known := front(r, body)
	if !signed(r) {
		e := &apiError{Status: http.StatusForbidden, Type: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
		if service == "sns" {
			e.Type = "MissingAuthenticationToken"
		}
		s.answerError(w, service, op, id, e)
		return
	}
	if !known {
		s.log.Error("operation is not served by the stand-in", "service", service, "operation", op, "path", r.URL.Path)
		s.answerError(w, service, op, id, badRequest("UnknownOperationException",
			fmt.Sprintf("stand-in: the operation %s of %s is not served", op, service)))
		return
	}
	out, err := s.serve(r, service, op, body)
	var e *apiError
	switch {
	case errors.Is(err, errReset):
		reset(w)
	case errors.As(err, &e):
		s.answerError(w, service, op, id, e)
	case err != nil:
		s.log.Error("stand-in failed", "service", service, "operation", op, "err", err)
		s.answerError(w, service, op, id, internal(err))
	default:
		answerOK(w, service, op, id, out)
	}
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxRequest {
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return nil, errors.New("request too large")
	}
	if r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if len(body) > maxRequest {
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return nil, errors.New("request too large")
	}
	return body, err
}

// front tells service and operation of a request, and whether they are served.
func front(r *http.Request, body []byte) (service, op string, known bool) {
	if _, _, ok := connectionPath(r.URL.EscapedPath()); ok {
		op = map[string]string{http.MethodPost: "PostToConnection", http.MethodGet: "GetConnection", http.MethodDelete: "DeleteConnection"}[r.Method]
		return "execute-api", op, op != ""
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		prefix, op, _ := strings.Cut(target, ".")
		switch prefix {
		case "DynamoDB_20120810":
			_, known = dynamoOps[op]
			return "dynamodb", op, known
		case "AmazonSQS":
			_, known = sqsOps[op]
			return "sqs", op, known
		}
		return prefix, op, false
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(body))
		op := form.Get("Action")
		if form.Get("Version") == "2010-03-31" {
			_, known = snsOps[op]
			return "sns", op, known
		}
		return "query protocol " + form.Get("Version"), op, false
	}
	return "unknown service", r.Method + " " + r.URL.Path, false
}

func signed(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Get("X-Amz-Signature") != ""
}

// serve runs one operation with the faults that strike it.
func (s *Server) serve(r *http.Request, service, op string, body []byte) ([]byte, error) {
	c := &call{ctx: r.Context(), op: op, body: body}
	if s.faults.any() {
		c.strikes = s.faults.strike(service, op, resources(service, r, body)...)
		if err := s.suffer(r.Context(), service, c.strikes); err != nil {
			return nil, err
		}
	}
	var out []byte
	var err error
	switch service {
	case "dynamodb":
		out, err = dynamoOps[op](s, c)
	case "sqs":
		out, err = sqsOps[op](s, c)
	case "sns":
		out, err = s.serveSNS(c)
	default:
		out, err = s.serveConnection(r, c)
	}
	if c.strikes.has(FaultLostReply) {
		return nil, errReset
	}
	return out, err
}

// suffer applies the faults that come before the effect.
func (s *Server) suffer(ctx context.Context, service string, st strikes) error {
	if f, ok := st[FaultDelay]; ok {
		t := time.NewTimer(time.Duration(f.Delay))
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return errReset
		case <-s.done:
			return errReset
		}
	}
	switch {
	case st.has(FaultRefuse):
		return errReset
	case st.has(Fault5xx):
		return &apiError{Status: http.StatusInternalServerError, Message: "Internal server error", Query: "InternalFailure",
			Type: map[string]string{"dynamodb": "InternalServerError", "sqs": "InternalFailure", "sns": "InternalFailure", "execute-api": "InternalServerErrorException"}[service]}
	case st.has(FaultThrottle):
		e := &apiError{Status: http.StatusBadRequest, Message: "Rate exceeded", Query: "RequestThrottled",
			Type: map[string]string{"dynamodb": "ThrottlingException", "sqs": "RequestThrottled", "sns": "Throttling", "execute-api": "LimitExceededException"}[service]}
		if service == "execute-api" {
			e.Status = http.StatusTooManyRequests
		}
		return e
	}
	return nil
}

func (fs *faultSet) any() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return len(fs.list) > 0
}

// resources lists the tables, queues, topics, numbers or connections that a request names.
func resources(service string, r *http.Request, body []byte) []string {
	switch service {
	case "sns":
		form, _ := url.ParseQuery(string(body))
		return []string{arnName(form.Get("TopicArn")), form.Get("PhoneNumber"), form.Get("Name")}
	case "execute-api":
		_, id, _ := connectionPath(r.URL.EscapedPath())
		return []string{id}
	}
	var names struct {
		TableName, QueueUrl, QueueName string
		RequestItems                   map[string]json.RawMessage
		TransactItems                  []map[string]struct{ TableName string }
	}
	_ = json.Unmarshal(body, &names) // a bad body is refused by the operation itself
	out := []string{arnTable(names.TableName), names.QueueUrl[strings.LastIndexByte(names.QueueUrl, '/')+1:], names.QueueName}
	for name := range names.RequestItems {
		out = append(out, name)
	}
	for _, e := range names.TransactItems {
		for _, w := range e {
			out = append(out, arnTable(w.TableName))
		}
	}
	return out
}

func answerOK(w http.ResponseWriter, service, op, id string, out []byte) {
	h := w.Header()
	switch service {
	case "dynamodb":
		h.Set("Content-Type", "application/x-amz-json-1.0")
		h.Set("x-amz-crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
	case "sqs":
		h.Set("Content-Type", "application/x-amz-json-1.0")
	case "sns":
		h.Set("Content-Type", "text/xml")
		out = snsEnvelope(op, id, out)
	default:
		h.Set("Content-Type", "application/json")
		if op == "DeleteConnection" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out) // a client that went away has no use for the error
}

func (s *Server) answerError(w http.ResponseWriter, service, op, id string, e *apiError) {
	h := w.Header()
	var out []byte
	switch service {
	case "sns":
		h.Set("Content-Type", "text/xml")
		out = snsError(id, e)
	case "execute-api":
		h.Set("Content-Type", "application/json")
		h.Set("x-amzn-ErrorType", e.Type)
		out, _ = json.Marshal(map[string]string{"message": e.Message})
	default:
		h.Set("Content-Type", "application/x-amz-json-1.0")
		out = e.jsonBody(service)
		if service == "dynamodb" {
			h.Set("x-amz-crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
		}
		if service == "sqs" && e.Query != "" {
			side := ";Sender"
			if e.Status >= http.StatusInternalServerError {
				side = ";Receiver"
			}
			h.Set("x-amzn-query-error", e.Query+side)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(out)
	s.log.Debug("call refused", "service", service, "operation", op, "type", e.Type, "message", e.Message)
}

// reset ends the connection so that the client sees it reset, not an answer.
func reset(w http.ResponseWriter) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hj.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
