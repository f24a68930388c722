package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"solewatch/internal/auth"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

var update = flag.Bool("update", false, "rewrite testdata")

// table is a Store in memory that can be away: slow means that it answers nothing until the caller gives up.
type table struct {
	conns map[string]store.Connection
	on    map[string]insole.Console
	seq   int64
	fail  error
	slow  bool
}

func (t *table) up(ctx context.Context) error {
	if t.slow {
		<-ctx.Done()
		return fmt.Errorf("reading: %w: %w", insole.ErrAway, ctx.Err())
	}
	return t.fail
}

func (t *table) PutConnection(ctx context.Context, c store.Connection) error {
	if err := t.up(ctx); err != nil {
		return err
	}
	t.conns[c.ID] = c
	return nil
}

func (t *table) GetConnection(ctx context.Context, id string) (store.Connection, error) {
	if err := t.up(ctx); err != nil {
		return store.Connection{}, err
	}
	c, ok := t.conns[id]
	if !ok {
		return store.Connection{}, fmt.Errorf("reading connection: %w", insole.ErrNotFound)
	}
	return c, nil
}

func (t *table) ForgetConnection(ctx context.Context, c store.Connection) error {
	if err := t.up(ctx); err != nil {
		return err
	}
	delete(t.conns, c.ID)
	return nil
}

func (t *table) FeedSeq(ctx context.Context, org insole.OrgID) (int64, error) {
	return t.seq, t.up(ctx)
}

func (t *table) PutConsole(ctx context.Context, c insole.Console) error {
	if err := t.up(ctx); err != nil {
		return err
	}
	if t.on == nil {
		t.on = map[string]insole.Console{}
	}
	t.on[c.ID] = c
	return nil
}

func (t *table) DropConsole(ctx context.Context, _ insole.OrgID, id string) error {
	if err := t.up(ctx); err != nil {
		return err
	}
	delete(t.on, id)
	return nil
}

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// tickets knows "good", once; "slow" is one that the table does not answer about.
type tickets struct{ used bool }

func (k *tickets) Redeem(ctx context.Context, ticket string) (auth.Session, error) {
	switch {
	case ticket == "slow":
		<-ctx.Done()
		return auth.Session{}, fmt.Errorf("redeeming: %w", insole.ErrAway)
	case ticket != "good" || k.used:
		return auth.Session{}, fmt.Errorf("redeeming: %w", insole.ErrNotFound)
	}
	k.used = true
	return auth.Session{Org: "acme", User: "claire", Ends: at.Add(time.Hour)}, nil
}

func handler(t *table) *Handler {
	return &Handler{
		Store: t, Tickets: &tickets{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at },
		Patience: 1200 * time.Millisecond, Admission: 5 * time.Second,
	}
}

func event(route, id, body string, query map[string]string) events.APIGatewayWebsocketProxyRequest {
	var ev events.APIGatewayWebsocketProxyRequest
	ev.RequestContext.RouteKey, ev.RequestContext.ConnectionID = route, id
	ev.Body, ev.QueryStringParameters = body, query
	return ev
}

func ask(t *testing.T, h *Handler, ev events.APIGatewayWebsocketProxyRequest) (int, feed.Message) {
	t.Helper()
	resp, err := h.Handle(t.Context(), ev)
	if err != nil {
		t.Fatalf("Handle(%s) error = %v; the browser would be told of an internal error", ev.RequestContext.RouteKey, err)
	}
	var m feed.Message
	if resp.Body != "" {
		dec := json.NewDecoder(strings.NewReader(resp.Body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&m); err != nil {
			t.Fatalf("answer %q: %v", resp.Body, err)
		}
	}
	return resp.StatusCode, m
}

func TestConnect(t *testing.T) {
	away := fmt.Errorf("writing: %w", insole.ErrAway)
	for _, c := range []struct {
		name   string
		ticket string
		fail   error
		want   int
	}{
		{"good ticket", "good", nil, http.StatusOK},
		{"no ticket", "", nil, http.StatusUnauthorized},
		{"unknown ticket", "forged", nil, http.StatusUnauthorized},
		{"store away when the ticket is judged", "slow", nil, http.StatusServiceUnavailable},
		{"store away when the connection is stored", "good", away, http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tab := &table{conns: map[string]store.Connection{}, fail: c.fail}
				got, _ := ask(t, handler(tab), event("$connect", "c1=", "", map[string]string{"ticket": c.ticket}))
				if got != c.want {
					t.Errorf("status = %d, want %d", got, c.want)
				}
				want := map[string]store.Connection{}
				if c.want == http.StatusOK {
					want["c1="] = store.Connection{Org: "acme", ID: "c1=", User: "claire", ConnectedAt: at, Ends: at.Add(time.Hour)}
				}
				if diff := cmp.Diff(want, tab.conns); diff != "" {
					t.Errorf("connections (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestATicketIsGoodOnce(t *testing.T) {
	h := handler(&table{conns: map[string]store.Connection{}})
	q := map[string]string{"ticket": "good"}
	if got, _ := ask(t, h, event("$connect", "c1", "", q)); got != http.StatusOK {
		t.Fatalf("first status = %d", got)
	}
	if got, _ := ask(t, h, event("$connect", "c2", "", q)); got != http.StatusUnauthorized {
		t.Errorf("second status = %d, want 401", got)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, route, id, body string
		want                  feed.Message
	}{
		{"sync", "sync", "c1", `{"action":"sync"}`, feed.Message{Type: "sync", Seq: 41, Store: "ok"}},
		{"ping", "ping", "c1", `{"action":"ping"}`, feed.Message{Type: "pong", Seq: 41, Store: "ok"}},
		{"ping of a forgotten connection", "ping", "c9", `{"action":"ping"}`, feed.Message{Type: "reconnect"}},
		{"sync of a forgotten connection", "sync", "c9", `{"action":"sync"}`, feed.Message{Type: "reconnect"}},
		{"unknown action", "$default", "c1", `{"action":"fly"}`, feed.Message{Type: "error", Detail: `action "fly" is not one of sync, ping, duty`}},
		{"no action", "$default", "c1", `{"go":1}`, feed.Message{Type: "error", Detail: `action is missing; it is one of sync, ping, duty`}},
		{"no JSON", "$default", "c1", `hello`, feed.Message{Type: "error", Detail: `message is not a JSON object with an action`}},
		{"empty", "$default", "c1", ``, feed.Message{Type: "error", Detail: `message is not a JSON object with an action`}},
		{"action that is no text", "$default", "c1", `{"action":7}`, feed.Message{Type: "error", Detail: `message is not a JSON object with an action`}},
		{"very long action", "$default", "c1", `{"action":"` + strings.Repeat("x", 30000) + `"}`,
			feed.Message{Type: "error", Detail: `action "` + strings.Repeat("x", 40) + `" is not one of sync, ping, duty`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := handler(&table{seq: 41, conns: map[string]store.Connection{"c1": {Org: "acme", ID: "c1", User: "claire", ConnectedAt: at}}})
			status, got := ask(t, h, event(c.route, c.id, c.body, nil))
			c.want.NowMs = at.UnixMilli()
			if status != http.StatusOK {
				t.Errorf("status = %d, want 200", status)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// A table that refuses, or says nothing at all, is told as away and within 1.5 s.
func TestStoreAwayIsToldInTime(t *testing.T) {
	for name, tab := range map[string]*table{
		"refuses": {fail: fmt.Errorf("reading: %w", insole.ErrAway)},
		"silent":  {slow: true},
	} {
		for _, c := range []struct{ route, typ string }{{"ping", "pong"}, {"sync", "sync"}} {
			t.Run(name+" "+c.route, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					_, got := ask(t, handler(tab), event(c.route, "c1", "", nil))
					if took := time.Since(began); took >= 1500*time.Millisecond {
						t.Errorf("answered after %v", took)
					}
					want := feed.Message{Type: c.typ, Store: "away", NowMs: at.UnixMilli()}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("answer (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

func TestDisconnect(t *testing.T) {
	tab := &table{conns: map[string]store.Connection{"c1": {Org: "acme", ID: "c1"}, "c2": {Org: "acme", ID: "c2"}}}
	h := handler(tab)
	for _, id := range []string{"c1", "c1", "never"} { // at least once, and for sockets that were never admitted
		if got, _ := ask(t, h, event("$disconnect", id, "", nil)); got != http.StatusOK {
			t.Errorf("status for %s = %d", id, got)
		}
	}
	if _, ok := tab.conns["c1"]; ok || len(tab.conns) != 1 {
		t.Errorf("connections left = %v, want c2 only", tab.conns)
	}
	tab.fail = errors.New("away")
	if got, _ := ask(t, h, event("$disconnect", "c2", "", nil)); got != http.StatusOK {
		t.Errorf("status with the store away = %d: the gateway does not care, and would call it an error", got)
	}
}

// Every events/socket-*.json goes through the handler; its answer is in testdata.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("../../events/socket-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d events found, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var ev events.APIGatewayWebsocketProxyRequest
			if err := json.Unmarshal(b, &ev); err != nil {
				t.Fatal(err)
			}
			tab := &table{seq: 41, conns: map[string]store.Connection{}}
			if ev.RequestContext.RouteKey != "$connect" {
				tab.conns[ev.RequestContext.ConnectionID] = store.Connection{Org: "acme", ID: ev.RequestContext.ConnectionID, User: "claire"}
			}
			resp, err := handler(tab).Handle(t.Context(), ev)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(map[string]any{"statusCode": resp.StatusCode, "body": resp.Body, "connections": tab.conns}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", filepath.Base(f))
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
