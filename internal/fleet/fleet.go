// Package fleet simulates insoles and the people who wear them: from one that presses SOS once to ten thousand that walk around
// Sophia-Antipolis. An insole keeps what it has to say until it is acknowledged, and sends it again, over as many connections as that takes.
//
// What wearers do depends on the seed, the insole and the time since the start only, not on the network. Every frame sent and acknowledged
// may be logged outside the system under test; see Oracle.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// Options say how a fleet behaves. Dial is required; zero fields have the defaults named.
type Options struct {
	Dial          func(ctx context.Context) (net.Conn, error)
	Seed          uint64        // the same seed, the same walks
	Interval      time.Duration // between reports while moving; 10 s
	StillInterval time.Duration // between reports otherwise; 5 min
	Profile       Profile       // Walk
	HelpEvery     time.Duration // mean time between an insole's calls for help; 0 = none by itself (5 min in a storm)
	NoGaps        bool          // coverage is never lost
	Flash         int           // records an insole keeps; 26,000, which is 72 h at 10 s
	AtOnce        int           // handshakes at the same time; 40
	Oracle        *Oracle       // nil: none
	Log           *slog.Logger  // nil: silence

	silent bool // calls only, and ends when they are acknowledged
}

// A Fleet is a number of insoles.
type Fleet struct {
	o         Options
	walkers   []*walker
	byID      map[insole.ID]*walker
	newcomers chan struct{}
	stats     Stats
}

// New makes a fleet of keys. Nothing connects before Run.
func New(keys []Key, o Options) *Fleet {
	o.Interval = cmp.Or(o.Interval, 10*time.Second)
	o.StillInterval = cmp.Or(o.StillInterval, 5*time.Minute)
	o.Profile = cmp.Or(o.Profile, Walk)
	o.Flash = cmp.Or(o.Flash, 26_000)
	o.AtOnce = cmp.Or(o.AtOnce, 40)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{o: o, byID: make(map[insole.ID]*walker, len(keys)), newcomers: make(chan struct{}, o.AtOnce)}
	start := time.Now()
	for _, k := range keys {
		w := newWalker(f, k, start)
		f.walkers = append(f.walkers, w)
		f.byID[k.Insole] = w
	}
	return f
}

// Run lets every insole live until ctx ends.
func (f *Fleet) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, w := range f.walkers {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
}

// Snapshot counts what the fleet has done.
func (f *Fleet) Snapshot() Snapshot {
	s := f.stats.snapshot()
	s.Insoles = len(f.walkers)
	return s
}

// List says what every insole is doing.
func (f *Fleet) List() []State {
	all := make([]State, len(f.walkers))
	for i, w := range f.walkers {
		all[i] = w.state()
	}
	return all
}

// Press makes the wearer of one insole call. insole.ErrNotFound for an insole that is not of this fleet, insole.ErrInvalid for a call that does
// not exist, ErrUnsupported, ErrNothing.
func (f *Fleet) Press(id insole.ID, c Call) error {
	w := f.byID[id]
	if w == nil {
		return fmt.Errorf("insole %q: %w", id, insole.ErrNotFound)
	}
	return w.press(c)
}

// PressOnce connects one insole by itself, calls, and returns when all of it is acknowledged: a fall or stillness after its pre-alarm.
// It returns ctx's error when that ends first.
func PressOnce(ctx context.Context, k Key, c Call, o Options) error {
	if c == Cancel {
		return errors.New("only the running fleet that made the call can cancel it")
	}
	if all := append(slices.Clone(Calls), Well); !slices.Contains(all, c) {
		return fmt.Errorf("call %q is not one of %v: %w", c, all, insole.ErrInvalid)
	}
	o.silent = true
	f := New([]Key{k}, o)
	if err := f.walkers[0].press(c); err != nil {
		return err
	}
	f.Run(ctx)
	if s := f.Snapshot(); s.Backlog > 0 {
		return fmt.Errorf("%d reports not acknowledged: %w", s.Backlog, ctx.Err())
	}
	return nil
}
