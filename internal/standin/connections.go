package standin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// API Gateway's limits for @connections.
const (
	maxPost   = 128 << 10
	postChunk = 32 << 10
)

// connectionPath takes /{stage}/@connections/{id} apart; the id is unescaped, for it ends in "=".
func connectionPath(escaped string) (stage, id string, ok bool) {
	stage, rest, ok := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	if !ok {
		return "", "", false
	}
	if rest, err := url.PathUnescape(rest); err == nil {
		if id, ok := strings.CutPrefix(rest, "@connections/"); ok && id != "" && !strings.Contains(id, "/") {
			return stage, id, true
		}
	}
	return "", "", false
}

func (s *Server) serveConnection(r *http.Request, c *call) ([]byte, error) {
	_, id, _ := connectionPath(r.URL.EscapedPath())
	s.mu.RLock()
	conns := s.conns
	s.mu.RUnlock()
	var out []byte
	err := ErrGone
	if conns != nil {
		out, err = connectionCall(conns, c, id)
	}
	s.usage.with(func(u *Usage) {
		switch {
		case c.op != "PostToConnection":
			u.Connections.Other++
		case errors.Is(err, ErrGone):
			u.Connections.Gone++
		case err == nil:
			u.Connections.Posts += chunks(len(c.body), postChunk)
		}
	})
	switch {
	case errors.Is(err, ErrGone):
		return nil, &apiError{Status: http.StatusGone, Type: "GoneException", Message: "410"}
	case errors.Is(err, ErrTooLarge):
		return nil, &apiError{Status: http.StatusRequestEntityTooLarge, Type: "PayloadTooLargeException", Message: "Message too long"}
	}
	return out, err
}

func connectionCall(conns Connections, c *call, id string) ([]byte, error) {
	switch c.op {
	case "PostToConnection":
		if len(c.body) > maxPost {
			return nil, ErrTooLarge
		}
		return nil, conns.Post(c.ctx, id, c.body)
	case "DeleteConnection":
		return nil, conns.Delete(c.ctx, id)
	}
	info, err := conns.Get(c.ctx, id)
	if err != nil {
		return nil, err
	}
	const iso = "2006-01-02T15:04:05.000Z"
	return json.Marshal(map[string]any{
		"connectedAt":  info.ConnectedAt.UTC().Format(iso),
		"lastActiveAt": info.LastActiveAt.UTC().Format(iso),
		"identity":     map[string]string{"sourceIp": info.SourceIP, "userAgent": info.UserAgent},
	})
}
