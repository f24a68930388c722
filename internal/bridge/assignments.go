package bridge

import (
	"context"
	"errors"
	"sync"
	"time"
	"unique"

	"solewatch/internal/insole"
)

// Assignments says who an insole is. *store.Store is one.
type Assignments interface {
	// GetAssignment returns an error that wraps insole.ErrNotFound only when the table has said that there is no such insole.
	// Every other error means that it cannot be told.
	GetAssignment(ctx context.Context, id insole.ID) (insole.Assignment, error)
}

const (
	lookupPatience = 3 * time.Second        // one question to the table, retries of the SDK included
	stalePatience  = 300 * time.Millisecond // how long an insole waits for the table when an older answer is at hand
	negativeFor    = 3 * time.Second        // an insole that was just provisioned waits at most so long
	awayFor        = 2 * time.Second        // after a failure an older answer is used so long without asking again
)

// errCannotTell is the third answer. It is never a reason to refuse an insole.
var errCannotTell = errors.New("cannot tell who the insole is")

// A directory remembers the answers of the table: at most max assignments, each good for ttl. An older one is used when the table does not
// answer; failures never push a good answer out. Nobody asks twice at once for the same insole.
type directory struct {
	table Assignments
	max   int
	ttl   time.Duration
	now   func() time.Time
	m     *Metrics

	ctx    context.Context // of every question
	cancel func()
	wg     sync.WaitGroup

	mu       sync.Mutex
	known    map[insole.ID]*known
	recent   known                   // head of the ring of known, by use: next = most recently asked for
	absent   map[insole.ID]time.Time // until when
	asking   map[insole.ID]*question
	lastAway time.Time // of the last failure; zero while the last answer was one
	answered bool      // the table has answered at least once
}

type known struct {
	a          *insole.Assignment
	until      int64 // good without asking, Unix nanoseconds
	asked      int64 // when the table said so
	next, prev *known
}

func (k *known) unlink() { k.prev.next, k.next.prev = k.next, k.prev }

func (k *known) linkAfter(head *known) {
	k.prev, k.next = head, head.next
	k.prev.next, k.next.prev = k, k
}

type question struct {
	done chan struct{}
	a    *insole.Assignment
	err  error
}

func newDirectory(table Assignments, size int, ttl time.Duration, now func() time.Time, m *Metrics) *directory {
	ctx, cancel := context.WithCancel(context.Background())
	d := &directory{
		ctx: ctx, cancel: cancel, table: table, max: size, ttl: ttl, now: now, m: m,
		known: map[insole.ID]*known{}, absent: map[insole.ID]time.Time{}, asking: map[insole.ID]*question{},
	}
	d.recent.next, d.recent.prev = &d.recent, &d.recent
	return d
}

// find says who id is. The error is insole.ErrNotFound (there is no such insole), errCannotTell, or that of ctx.
// The result is shared and must not be changed.
func (d *directory) find(ctx context.Context, id insole.ID) (*insole.Assignment, error) {
	d.mu.Lock()
	now := d.now()
	old := d.known[id]
	if old != nil {
		old.unlink()
		old.linkAfter(&d.recent)
		if now.UnixNano() < old.until {
			d.mu.Unlock()
			d.m.lookups.WithLabelValues("cached").Inc()
			return old.a, nil
		}
	} else if until, ok := d.absent[id]; ok && now.Before(until) {
		d.mu.Unlock()
		d.m.lookups.WithLabelValues("cached-absent").Inc()
		return nil, insole.ErrNotFound
	}
	q := d.asking[id]
	if q == nil {
		q = &question{done: make(chan struct{})}
		d.asking[id] = q
		d.wg.Go(func() { d.ask(id, q) })
	}
	d.mu.Unlock()

	if old != nil {
		t := time.NewTimer(stalePatience)
		defer t.Stop()
		select {
		case <-q.done:
		case <-t.C:
			d.m.lookups.WithLabelValues("stale").Inc()
			return old.a, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	} else {
		select {
		case <-q.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if errors.Is(q.err, errCannotTell) && old != nil {
		d.m.lookups.WithLabelValues("stale").Inc()
		return old.a, nil
	}
	return q.a, q.err
}

// ask puts one question to the table. It outlives who asked, so that the answer is there for the next.
func (d *directory) ask(id insole.ID, q *question) {
	ctx, cancel := context.WithTimeout(d.ctx, lookupPatience)
	defer cancel()
	a, err := d.table.GetAssignment(ctx, id)

	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(q.done)
	delete(d.asking, id)
	now := d.now()
	switch {
	case err == nil:
		d.m.lookups.WithLabelValues("found").Inc()
		d.answered, d.lastAway = true, time.Time{}
		q.a = d.keep(id, a, now)
	case errors.Is(err, insole.ErrNotFound):
		d.m.lookups.WithLabelValues("absent").Inc()
		d.answered, d.lastAway = true, time.Time{}
		q.err = insole.ErrNotFound
		if k := d.known[id]; k != nil { // the table itself says it is gone
			k.unlink()
			delete(d.known, id)
		}
		if len(d.absent) >= max(64, d.max/8) {
			clear(d.absent)
		}
		d.absent[id] = now.Add(negativeFor)
	default:
		d.m.lookups.WithLabelValues("cannot-tell").Inc()
		d.lastAway = now
		q.err = errors.Join(errCannotTell, err)
		if k := d.known[id]; k != nil {
			k.until = now.Add(awayFor).UnixNano()
		}
	}
}

func (d *directory) keep(id insole.ID, a insole.Assignment, now time.Time) *insole.Assignment {
	delete(d.absent, id)
	a.Shifts = nil // ingest's business, and they would be held for every insole
	k := d.known[id]
	if k == nil {
		if len(d.known) >= d.max {
			oldest := d.recent.prev
			delete(d.known, oldest.a.Insole)
			oldest.unlink()
		}
		k = &known{}
		k.linkAfter(&d.recent)
		d.known[id] = k
	}
	if k.a == nil || !same(k.a, &a) { // an unchanged answer shares what the sessions hold already
		a.Insole = id
		a.Org, a.Team, a.Locale, a.Dialect = one(a.Org), one(a.Team), one(a.Locale), one(a.Dialect)
		k.a = &a
	}
	k.asked, k.until = now.UnixNano(), now.Add(d.ttl).UnixNano()
	return k.a
}

// one is s, held once however many insoles share it.
func one[S ~string](s S) S { return unique.Make(s).Value() }

func same(a, b *insole.Assignment) bool {
	return a.Dialect == b.Dialect && a.Org == b.Org && a.Team == b.Team && a.Worker == b.Worker && a.WorkerName == b.WorkerName &&
		a.Locale == b.Locale && a.Revoked == b.Revoked && string(a.Key) == string(b.Key)
}

// doubt makes the next find ask the table, because what is remembered did not fit what the insole proved. An answer younger than
// negativeFor stays, so that a forger cannot make the bridge ask without end.
func (d *directory) doubt(id insole.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.known[id]; k != nil {
		if now := d.now().UnixNano(); now-k.asked >= int64(negativeFor) {
			k.until = now
		}
	}
}

// close gives up the questions under way and waits for their end.
func (d *directory) close() {
	d.cancel()
	d.wg.Wait()
}

// answers says whether the table's last answer was one. Before the first question it does not.
func (d *directory) answers() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answered && d.lastAway.IsZero()
}
