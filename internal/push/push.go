// Package push tells screens what changed. It reads the table's stream, and posts what happened to live states and alarms
// to the WebSocket connections of the org it happened in. See docs/adr/0008-feed.md for why nothing is missed unnoticed.
package push

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A Store is what push asks of the table.
type Store interface {
	// Connections lists the screens of org. It must be strongly consistent.
	Connections(ctx context.Context, org insole.OrgID) ([]store.Connection, error)
	// NextFeedSeq gives out n numbers and returns the first.
	NextFeedSeq(ctx context.Context, org insole.OrgID, n int) (int64, error)
	// ForgetConnection: twice is harmless.
	ForgetConnection(ctx context.Context, c store.Connection) error
}

// A Poster reaches connections. Errors wrap insole.ErrNotFound when there is no such connection.
type Poster interface {
	Post(ctx context.Context, connection string, data []byte) error
	Drop(ctx context.Context, connection string) error
}

// Opening is how long a connection may be known before its socket is open: until then posting to it fails as if it were
// gone. Its screen has the board to fetch first, so that what it is not told meanwhile is on that board.
const Opening = 30 * time.Second

// A Handler is the push function.
type Handler struct {
	Store  Store
	Poster Poster
	Log    *slog.Logger
	Now    func() time.Time

	AtOnce  int           // posts in hand at any time
	Tries   int           // of one post before its connection is given up
	Attempt time.Duration // limit of one try
	Backoff time.Duration // before the second try; doubled for each after, with jitter
}

// HandleStream tells every screen what its org's part of ev changed: the newest of each item only, alarms first.
//
// A screen that cannot be reached never fails the batch: its connection is closed and forgotten, so that it comes back and
// fetches the board. Only when the table cannot be read are records named as failed, the first of them, from where the
// stream offers everything again; screens that were already told see the same changes under new numbers.
// A record that cannot be read is logged and left out, as offering it again would not make it readable.
func (h *Handler) HandleStream(ctx context.Context, ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	var news []news
	for i, r := range ev.Records {
		n, ok, err := decode(r)
		if err != nil {
			h.Log.ErrorContext(ctx, "stream record not understood", "sequence", r.Change.SequenceNumber, "err", err)
			continue
		}
		if ok {
			n.record = i
			news = append(news, n)
		}
	}
	var resp events.DynamoDBEventResponse
	if failed := h.tell(ctx, news); failed >= 0 {
		resp.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: ev.Records[failed].Change.SequenceNumber}}
	}
	return resp, nil
}

// news is one change of one item.
type news struct {
	record int // its place in the batch
	org    insole.OrgID
	item   string // which item; the same name for all of its versions
	change feed.Change
}

func (n news) version() int64 {
	switch n.change.Kind {
	case feed.KindAlarm:
		return n.change.Alarm.Version
	case feed.KindCheckIn:
		return n.change.CheckIn.Version
	case feed.KindMuster:
		return n.change.Muster.Version
	case feed.KindSummons:
		return n.change.Summons.Version
	}
	return n.change.Live.Version
}

// An edition is what one batch has for one org.
type edition struct {
	org   insole.OrgID
	first int // the first record of the batch that it is made of
	items []news
}

// tell tells everybody and returns the first record of all that must be offered again, -1 when none.
func (h *Handler) tell(ctx context.Context, all []news) int {
	editions := edit(all)
	failed := make([]int, 0, len(editions))
	var mu sync.Mutex
	posts := make(chan struct{}, max(1, h.AtOnce))
	var g errgroup.Group
	g.SetLimit(max(1, h.AtOnce))
	for _, e := range editions {
		g.Go(func() error {
			err := h.publish(ctx, e, posts)
			if err != nil {
				h.Log.ErrorContext(ctx, "changes not told", "org", e.org, "err", err)
				mu.Lock()
				failed = append(failed, e.first)
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait() // no function above returns an error
	if len(failed) == 0 {
		return -1
	}
	return slices.Min(failed)
}

// edit sorts news by org, keeps the newest of each item, and puts alarms first: within an org, and orgs with alarms
// before those without.
func edit(all []news) []edition {
	byOrg := map[insole.OrgID]*edition{}
	newest := map[insole.OrgID]map[string]int{}
	var editions []*edition
	for _, n := range all {
		e := byOrg[n.org]
		if e == nil {
			e = &edition{org: n.org, first: n.record}
			byOrg[n.org], newest[n.org] = e, map[string]int{}
			editions = append(editions, e)
		}
		at, ok := newest[n.org][n.item]
		switch {
		case !ok:
			newest[n.org][n.item] = len(e.items)
			e.items = append(e.items, n)
		case n.version() >= e.items[at].version():
			e.items[at] = n
		}
	}
	for _, e := range editions {
		slices.SortStableFunc(e.items, func(x, y news) int {
			if c := cmp.Compare(rank(x), rank(y)); c != 0 || rank(x) != 0 {
				return c
			}
			return feed.CompareAlarms(*x.change.Alarm, *y.change.Alarm)
		})
	}
	slices.SortStableFunc(editions, func(x, y *edition) int { return cmp.Compare(rank(x.items[0]), rank(y.items[0])) })
	out := make([]edition, len(editions))
	for i, e := range editions {
		out[i] = *e
	}
	return out
}

func rank(n news) int {
	if n.change.Kind == feed.KindAlarm {
		return 0
	}
	return 1
}

// publish tells the screens of one org. posts bounds the posts of the whole batch.
//
// The connections are read after the changes are stored and before a number is given out: nobody is there, nothing is
// numbered, and whoever comes later fetches a board that has these changes.
func (h *Handler) publish(ctx context.Context, e edition, posts chan struct{}) error {
	viewers, err := h.Store.Connections(ctx, e.org)
	if err != nil {
		return err
	}
	if len(viewers) == 0 {
		return nil
	}
	parts, err := split(e.items, feed.MaxMessage)
	if err != nil {
		return err
	}
	seq, err := h.Store.NextFeedSeq(ctx, e.org, len(parts))
	if err != nil {
		return err
	}
	var messages [][]byte
	for i, changes := range parts {
		if changes == nil {
			continue // too long for any message: the gap sends screens to the board
		}
		data, err := json.Marshal(feed.Message{Type: feed.TypeChanges, Seq: seq + int64(i), NowMs: h.Now().UnixMilli(), Changes: changes})
		if err != nil {
			return fmt.Errorf("writing message %d: %w", seq+int64(i), err)
		}
		messages = append(messages, data)
	}
	var wg sync.WaitGroup
	for _, c := range viewers {
		posts <- struct{}{}
		wg.Go(func() {
			defer func() { <-posts }()
			h.deliver(ctx, c, messages)
		})
	}
	wg.Wait()
	return nil
}

// split cuts changes into messages of at most limit bytes. A part is nil for a change that alone is longer.
func split(items []news, limit int) ([][]feed.Change, error) {
	const frame = 200 // bytes around the changes, generously
	var parts [][]feed.Change
	open, size := false, 0
	for _, n := range items {
		b, err := json.Marshal(n.change)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", n.item, err)
		}
		length := len(b) + 1
		if frame+length > limit {
			parts, open = append(parts, nil), false
			continue
		}
		if !open || size+length > limit {
			parts, open, size = append(parts, []feed.Change{}), true, frame
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], n.change)
		size += length
	}
	return parts, nil
}

// deliver posts messages to c in their order, or gives c up.
func (h *Handler) deliver(ctx context.Context, c store.Connection, messages [][]byte) {
	for _, m := range messages {
		err := h.post(ctx, c.ID, m)
		switch {
		case err == nil:
			continue
		case errors.Is(err, insole.ErrNotFound):
			if h.Now().Sub(c.ConnectedAt) < Opening {
				return // perhaps not open yet; it will fetch a board that has this
			}
		default:
			h.Log.WarnContext(ctx, "screen given up", "org", c.Org, "connection", c.ID, "err", err)
			drop, cancel := context.WithTimeout(ctx, h.Attempt)
			err := h.Poster.Drop(drop, c.ID)
			cancel()
			if err != nil && !errors.Is(err, insole.ErrNotFound) {
				h.Log.WarnContext(ctx, "socket not closed", "connection", c.ID, "err", err)
			}
		}
		err = h.Store.ForgetConnection(ctx, c)
		if err != nil {
			h.Log.WarnContext(ctx, "connection not forgotten", "connection", c.ID, "err", err)
		}
		return
	}
}

// post tries to post data until it is posted, the connection is known to be gone, or Tries are used up.
func (h *Handler) post(ctx context.Context, connection string, data []byte) error {
	pause := h.Backoff
	for try := 1; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, h.Attempt)
		err := h.Poster.Post(attempt, connection, data)
		cancel()
		if err == nil || errors.Is(err, insole.ErrNotFound) || try >= h.Tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause/2+1)):
		}
		pause *= 2
	}
}
