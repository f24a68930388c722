package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// world is a Store and a Poster in memory.
type world struct {
	mu        sync.Mutex
	conns     map[insole.OrgID][]store.Connection
	seq       map[insole.OrgID]int64
	got       map[string][]feed.Message
	order     []string // connections in the order in which they were first posted to
	posts     int
	inHand    int
	most      int // posts in hand at once
	dropped   []string
	forgotten []string

	connsErr, seqErr, forgetErr error
	post                        func(ctx context.Context, id string) error
}

func newWorld(conns ...store.Connection) *world {
	w := &world{conns: map[insole.OrgID][]store.Connection{}, seq: map[insole.OrgID]int64{}, got: map[string][]feed.Message{}}
	for _, c := range conns {
		w.conns[c.Org] = append(w.conns[c.Org], c)
	}
	return w
}

func (w *world) Connections(_ context.Context, org insole.OrgID) ([]store.Connection, error) {
	return w.conns[org], w.connsErr
}

func (w *world) NextFeedSeq(_ context.Context, org insole.OrgID, n int) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seqErr != nil {
		return 0, w.seqErr
	}
	w.seq[org] += int64(n)
	return w.seq[org] - int64(n) + 1, nil
}

func (w *world) ForgetConnection(_ context.Context, c store.Connection) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgotten = append(w.forgotten, c.ID)
	return w.forgetErr
}

func (w *world) Post(ctx context.Context, id string, data []byte) error {
	w.mu.Lock()
	w.posts++
	w.inHand++
	w.most = max(w.most, w.inHand)
	w.mu.Unlock()
	var err error
	if w.post != nil {
		err = w.post(ctx, id)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inHand--
	if err != nil {
		return err
	}
	if len(data) > feed.MaxMessage {
		return fmt.Errorf("%d bytes", len(data))
	}
	var m feed.Message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if w.got[id] == nil {
		w.order = append(w.order, id)
	}
	w.got[id] = append(w.got[id], m)
	return nil
}

func (w *world) Drop(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = append(w.dropped, id)
	return nil
}

func handler(w *world) *Handler {
	return &Handler{
		Store: w, Poster: w, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at },
		AtOnce: 4, Tries: 3, Attempt: 2 * time.Second, Backoff: 100 * time.Millisecond,
	}
}

func conn(org insole.OrgID, id string) store.Connection {
	return store.Connection{Org: org, ID: id, User: "claire", ConnectedAt: at.Add(-time.Hour)}
}

func live(record int, org insole.OrgID, worker string, version int64) news {
	return news{record: record, org: org, item: "live " + worker, change: feed.Change{Kind: feed.KindLive, Live: &feed.Live{Worker: worker, Version: version}}}
}

func alarm(record int, org insole.OrgID, id string, version int64) news {
	return news{record: record, org: org, item: "alarm " + id, change: feed.Change{Kind: feed.KindAlarm, Alarm: &feed.Alarm{ID: id, Priority: 1, State: "active", Version: version}}}
}

// told is what one connection was told, in short.
func told(messages []feed.Message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "%d:", m.Seq)
		for _, c := range m.Changes {
			if c.Kind == feed.KindAlarm {
				fmt.Fprintf(&b, " alarm %s v%d", c.Alarm.ID, c.Alarm.Version)
			} else {
				fmt.Fprintf(&b, " live %s v%d", c.Live.Worker, c.Live.Version)
			}
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestNewestOfEachItemAlarmsFirst(t *testing.T) {
	w := newWorld(conn("acme", "a1"), conn("acme", "a2"), conn("blue", "b1"))
	w.seq["acme"] = 41
	failed := handler(w).tell(t.Context(), []news{
		live(0, "acme", "marie", 1), live(1, "blue", "paul", 5), live(2, "acme", "marie", 3), live(3, "acme", "marie", 2),
		alarm(4, "acme", "z", 1), live(5, "acme", "ana", 1), alarm(6, "acme", "z", 2), alarm(7, "acme", "b", 1), alarm(8, "none", "q", 1),
	})
	if failed != -1 {
		t.Errorf("failed = %d, want -1", failed)
	}
	want := "42: alarm b v1 alarm z v2 live marie v3 live ana v1"
	for id, want := range map[string]string{"a1": want, "a2": want, "b1": "1: live paul v5"} {
		if got := told(w.got[id]); got != want {
			t.Errorf("%s was told %q, want %q", id, got, want)
		}
	}
	if w.got["a1"][0].NowMs != at.UnixMilli() || w.got["a1"][0].Type != "changes" {
		t.Errorf("message = %+v", w.got["a1"][0])
	}
	if n, ok := w.seq["none"]; ok {
		t.Errorf("an org without screens was given number %d", n)
	}
}

// An org with an alarm does not wait for those with positions only.
func TestOrgsWithAlarmsFirst(t *testing.T) {
	w := newWorld(conn("a", "a1"), conn("b", "b1"), conn("c", "c1"))
	h := handler(w)
	h.AtOnce = 1
	h.tell(t.Context(), []news{live(0, "a", "m", 1), live(1, "b", "n", 1), alarm(2, "c", "q", 1)})
	if w.order[0] != "c1" {
		t.Errorf("order = %v, want c1 first", w.order)
	}
}

func TestUnreachableScreens(t *testing.T) {
	gone := fmt.Errorf("posting: %w", insole.ErrNotFound)
	for _, c := range []struct {
		name      string
		conn      store.Connection
		post      func(try int) error
		posts     int
		dropped   bool
		forgotten bool
		told      bool
	}{
		{"gone", conn("acme", "x"), func(int) error { return gone }, 1, false, true, false},
		{"not open yet", store.Connection{Org: "acme", ID: "x", ConnectedAt: at.Add(-time.Second)}, func(int) error { return gone }, 1, false, false, false},
		{"throttled once", conn("acme", "x"), func(try int) error {
			if try == 1 {
				return errors.New("429")
			}
			return nil
		}, 2, false, false, true},
		{"fails always", conn("acme", "x"), func(int) error { return errors.New("500") }, 3, true, true, false},
		{"fails always, and is new", store.Connection{Org: "acme", ID: "x", ConnectedAt: at}, func(int) error { return errors.New("500") }, 3, true, true, false},
		{"fails, then gone", conn("acme", "x"), func(try int) error {
			if try == 1 {
				return errors.New("500")
			}
			return gone
		}, 2, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(c.conn, conn("acme", "well"))
				tries := 0
				w.post = func(_ context.Context, id string) error {
					if id != "x" {
						return nil
					}
					tries++
					return c.post(tries)
				}
				if failed := handler(w).tell(t.Context(), []news{alarm(0, "acme", "q", 1)}); failed != -1 {
					t.Errorf("a screen's fault failed the batch at record %d", failed)
				}
				if tries != c.posts {
					t.Errorf("posts = %d, want %d", tries, c.posts)
				}
				if got := len(w.dropped) == 1; got != c.dropped {
					t.Errorf("dropped = %v", w.dropped)
				}
				if got := len(w.forgotten) == 1; got != c.forgotten {
					t.Errorf("forgotten = %v", w.forgotten)
				}
				if got := len(w.got["x"]) == 1; got != c.told {
					t.Errorf("told = %v", w.got["x"])
				}
				if len(w.got["well"]) != 1 {
					t.Errorf("the other screen was told %v", w.got["well"])
				}
			})
		})
	}
}

// A gateway that never answers holds a batch for its tries and no longer, and the other screens not at all.
func TestSilentGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(conn("acme", "mute"), conn("acme", "well"))
		w.post = func(ctx context.Context, id string) error {
			if id == "mute" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		began := time.Now()
		handler(w).tell(t.Context(), []news{alarm(0, "acme", "q", 1)})
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("took %v", took)
		}
		if diff := cmp.Diff([]string{"mute"}, w.dropped); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
	})
}

func TestStoreAwayNamesTheFirstRecord(t *testing.T) {
	away := fmt.Errorf("querying: %w", insole.ErrAway)
	for name, set := range map[string]func(*world){
		"connections": func(w *world) { w.connsErr = away },
		"sequence":    func(w *world) { w.seqErr = away },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(conn("acme", "a1"), conn("blue", "b1"))
			set(w)
			// Record 0 was nobody's news, so 2 is the first that matters, though a newer version of its item came later.
			failed := handler(w).tell(t.Context(), []news{live(2, "acme", "m", 1), live(3, "blue", "p", 1), live(4, "acme", "m", 2)})
			if failed != 2 {
				t.Errorf("failed = %d, want 2", failed)
			}
			if w.posts != 0 {
				t.Errorf("%d posts without a number", w.posts)
			}
		})
	}
}

// A connection that cannot be forgotten is no reason to offer the batch again.
func TestForgettingMayFail(t *testing.T) {
	w := newWorld(conn("acme", "x"))
	w.post = func(context.Context, string) error { return fmt.Errorf("posting: %w", insole.ErrNotFound) }
	w.forgetErr = fmt.Errorf("deleting: %w", insole.ErrAway)
	if failed := handler(w).tell(t.Context(), []news{alarm(0, "acme", "q", 1)}); failed != -1 {
		t.Errorf("failed = %d, want -1", failed)
	}
}

func TestPostsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conns []store.Connection
		for i := range 30 {
			conns = append(conns, conn(insole.OrgID(fmt.Sprint("org", i%3)), fmt.Sprint("c", i)))
		}
		w := newWorld(conns...)
		w.post = func(context.Context, string) error { time.Sleep(10 * time.Millisecond); return nil }
		began := time.Now()
		handler(w).tell(t.Context(), []news{live(0, "org0", "m", 1), live(1, "org1", "n", 1), live(2, "org2", "o", 1)})
		if w.most != 4 {
			t.Errorf("posts in hand = %d at most, want 4", w.most)
		}
		if took := time.Since(began); took != 80*time.Millisecond {
			t.Errorf("30 posts of 10 ms, 4 at once, took %v, want 80ms", took)
		}
	})
}

// What is too much for one message becomes several, each with its own number; what is too long for any leaves a gap.
func TestLongMessagesAreSplit(t *testing.T) {
	w := newWorld(conn("acme", "a1"))
	var all []news
	for i := range 1000 {
		n := live(i, "acme", fmt.Sprintf("w%03d-%s", i, strings.Repeat("x", 300)), 1)
		all = append(all, n)
	}
	long := alarm(1000, "acme", "long", 1)
	long.change.Alarm.Note = strings.Repeat("y", feed.MaxMessage)
	short := alarm(1001, "acme", "short", 1)
	all = append(all, long, short)
	if failed := handler(w).tell(t.Context(), all); failed != -1 {
		t.Fatalf("failed = %d", failed)
	}
	got := w.got["a1"]
	if len(got) < 3 || int64(len(got)) != w.seq["acme"]-1 {
		t.Fatalf("%d messages for %d numbers, want one number without a message", len(got), w.seq["acme"])
	}
	if got[0].Seq != 2 || got[0].Changes[0].Alarm.ID != "short" {
		t.Errorf("first message: seq %d, %+v; want 2 with the short alarm first", got[0].Seq, got[0].Changes[0])
	}
	n := 0
	for i, m := range got {
		n += len(m.Changes)
		if m.Seq != int64(i+2) {
			t.Errorf("message %d has seq %d", i, m.Seq)
		}
	}
	if n != 1001 {
		t.Errorf("%d changes told, want 1001", n)
	}
}
