// Package socket admits screens to the live feed by one-use ticket, answers their sync and ping, and forgets them when
// they leave. What they are told in between comes from push.
package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/auth"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A Store is what socket asks of the table.
type Store interface {
	PutConnection(ctx context.Context, c store.Connection) error
	// GetConnection: insole.ErrNotFound when the connection was forgotten.
	GetConnection(ctx context.Context, id string) (store.Connection, error)
	ForgetConnection(ctx context.Context, c store.Connection) error
	FeedSeq(ctx context.Context, org insole.OrgID) (int64, error)
	PutConsole(context.Context, insole.Console) error
	DropConsole(ctx context.Context, o insole.OrgID, id string) error
}

// Tickets uses a ticket up and says whose it was. insole.ErrNotFound (unknown, used, expired, signed out) is the browser's
// fault, any other error is ours. *auth.Tickets is one.
type Tickets interface {
	Redeem(ctx context.Context, ticket string) (auth.Session, error)
}

// A Handler is the socket function.
type Handler struct {
	Store   Store
	Tickets Tickets
	Log     *slog.Logger
	Now     func() time.Time

	Patience  time.Duration // what the table may take to answer a ping before it counts as away; screens must know within 5 s
	Admission time.Duration // what it may take to admit a connection, which is several calls
}

// Handle answers one event of the WebSocket API. It never returns an error: the gateway would tell the browser
// "Internal server error", which is not the truth that a supervisor needs.
func (h *Handler) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	limit := h.Patience
	if req.RequestContext.RouteKey == "$connect" {
		limit = h.Admission
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	id := req.RequestContext.ConnectionID
	switch req.RequestContext.RouteKey {
	case "$connect":
		return status(h.connect(ctx, id, req.QueryStringParameters["ticket"])), nil
	case "$disconnect":
		h.disconnect(ctx, id, req.RequestContext.DisconnectStatusCode)
		return status(http.StatusOK), nil
	case "sync":
		return h.reply(h.now(ctx, id, feed.TypeSync, nil)), nil
	case "ping":
		return h.reply(h.now(ctx, id, feed.TypePong, nil)), nil
	case "duty":
		word, fault := readDuty(req.Body)
		if fault != "" {
			return h.reply(feed.Message{Type: feed.TypeError, Detail: fault}), nil
		}
		return h.reply(h.now(ctx, id, feed.TypePong, &word)), nil
	}
	return h.reply(feed.Message{Type: feed.TypeError, Detail: fault(req.Body)}), nil
}

// connect admits the holder of a good ticket: 200; 401 for any other ticket, 503 when it cannot be told. A ticket whose
// connection could not be stored is used up: the browser asks for another one.
func (h *Handler) connect(ctx context.Context, id, ticket string) int {
	if ticket == "" {
		return http.StatusUnauthorized
	}
	who, err := h.Tickets.Redeem(ctx, ticket)
	switch {
	case errors.Is(err, insole.ErrNotFound):
		h.Log.InfoContext(ctx, "ticket refused", "connection", id)
		return http.StatusUnauthorized
	case err != nil:
		h.Log.ErrorContext(ctx, "ticket not judged", "connection", id, "err", err)
		return http.StatusServiceUnavailable
	}
	err = h.Store.PutConnection(ctx, store.Connection{Org: who.Org, ID: id, User: who.User, ConnectedAt: h.Now(), Ends: who.Ends})
	if err != nil {
		h.Log.ErrorContext(ctx, "connection not stored", "org", who.Org, "connection", id, "err", err)
		return http.StatusServiceUnavailable
	}
	h.Log.InfoContext(ctx, "screen connected", "org", who.Org, "user", who.User, "connection", id)
	return http.StatusOK
}

// disconnect forgets id. What it cannot forget, push forgets when the gateway says that the connection is gone.
func (h *Handler) disconnect(ctx context.Context, id string, code int64) {
	c, err := h.Store.GetConnection(ctx, id)
	if errors.Is(err, insole.ErrNotFound) {
		return
	}
	if err == nil {
		err = h.Store.ForgetConnection(ctx, c)
	}
	if err != nil {
		h.Log.WarnContext(ctx, "connection not forgotten", "connection", id, "err", err)
		return
	}
	h.Log.InfoContext(ctx, "screen left", "org", c.Org, "user", c.User, "connection", id, "code", code)
}

// now says how far the feed of id's org has come, after writing down word, if there is one. A table that does not answer in time is told as "away"; a connection
// that was forgotten, and so is told nothing, is sent to connect again.
func (h *Handler) now(ctx context.Context, id, kind string, word *dutyWord) feed.Message {
	c, err := h.Store.GetConnection(ctx, id)
	if errors.Is(err, insole.ErrNotFound) {
		return feed.Message{Type: feed.TypeReconnect}
	}
	if err == nil && word != nil {
		err = h.duty(ctx, c, *word)
	}
	var seq int64
	if err == nil {
		seq, err = h.Store.FeedSeq(ctx, c.Org)
	}
	if err != nil {
		h.Log.WarnContext(ctx, "store away", "connection", id, "err", err)
		return feed.Message{Type: kind, Store: feed.StoreAway}
	}
	return feed.Message{Type: kind, Seq: seq, Store: feed.StoreOK}
}

// fault says what is wrong with a message that no route was found for.
func fault(body string) string {
	var m struct {
		Action *string `json:"action"`
	}
	err := json.Unmarshal([]byte(body), &m)
	switch {
	case err != nil:
		return "message is not a JSON object with an action"
	case m.Action == nil:
		return "action is missing; it is one of sync, ping, duty"
	}
	return fmt.Sprintf("action %.40q is not one of sync, ping, duty", *m.Action)
}

func (h *Handler) reply(m feed.Message) events.APIGatewayProxyResponse {
	m.NowMs = h.Now().UnixMilli()
	body, err := json.Marshal(m)
	if err != nil { // a Message without changes holds numbers and strings only
		h.Log.Error("answer not written", "err", err)
		return status(http.StatusInternalServerError)
	}
	return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: string(body)}
}

func status(code int) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{StatusCode: code}
}
