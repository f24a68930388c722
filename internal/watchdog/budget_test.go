package watchdog_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/watchdog"
)

// A table that never answers what is asked of whole orgs, of downlinks or of check-ins.
type hanging struct {
	fakeStore
	downlinks bool
}

func (hanging) LiveItems(ctx context.Context, _ insole.OrgID, _ bool) ([]store.Live, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) OpenAlarms(ctx context.Context, _ insole.OrgID) ([]insole.Alarm, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

type hangingCheckIns struct{}

func (hangingCheckIns) Due(context.Context, time.Time) iter.Seq2[store.DueCheckIn, error] {
	return func(yield func(store.DueCheckIn, error) bool) {
		yield(store.DueCheckIn{Org: "acme", Worker: "marie"}, nil)
	}
}

func (hangingCheckIns) Look(ctx context.Context, _ insole.OrgID, _ insole.WorkerID, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

type musters func(context.Context) error

func (f musters) Sweep(ctx context.Context) error { return f(ctx) }

type beats struct{ n int }

func (b *beats) PutBeat(ctx context.Context, _ insole.Beat) error {
	if ctx.Err() == nil {
		b.n++
	}
	return ctx.Err()
}
func (b *beats) DropBeat(context.Context, string, string) error { return nil }

type noParts struct{ parts.Store }

func (noParts) Parts(ctx context.Context) (store.Parts, error) { return store.Parts{}, ctx.Err() }

// What hangs takes its own share of the function's time and no other's: everything else has its turn, that the watchdog works is left behind, and it ends
// before it is stopped.
func TestWhatHangsStarvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		engine, alive := &fakeEngine{}, &beats{}
		var mustered bool
		h := &watchdog.Handler{
			Store: hanging{}, Engine: engine, CheckIns: hangingCheckIns{}, LostFactor: 3, LostMinimum: time.Minute, Now: time.Now, Log: log,
			Musters: musters(func(ctx context.Context) error { mustered = ctx.Err() == nil; return nil }),
			Heart:   &parts.Heart{Store: alive, Part: parts.Watchdog, Now: time.Now, Log: log}, Judge: &parts.Judge{Store: noParts{}, Now: time.Now, Log: log},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second)
		defer cancel()
		began := time.Now()
		err := h.HandleSchedule(ctx, nil)
		if took := time.Since(began); err == nil || took > 54*time.Second || len(engine.done) != 3 || !mustered || alive.n != 1 {
			t.Errorf("after %v: %v; %d alarms advanced, musters looked at %v, %d beats", took, err, len(engine.done), mustered, alive.n)
		}
	})
}

// A table on which one org, perhaps the one that is heard, cannot be read while four people of the other have fallen silent.
type halfBlind struct {
	fakeStore
	mu    sync.Mutex
	quiet int
	saved map[insole.ID]store.Live
}

func (s *halfBlind) live(i int) store.Live {
	id := insole.ID(fmt.Sprintf("00a1b2c3d4e5f6%02d", i))
	return store.Live{Org: "acme", Insole: id, Worker: insole.WorkerID(id), Version: 1, State: rules.State{HeardAt: noon.Add(-10 * time.Minute), Expect: time.Minute}}
}

func (s *halfBlind) LiveItems(_ context.Context, o insole.OrgID, _ bool) (all []store.Live, err error) {
	if o == "broken" {
		return nil, insole.ErrAway
	}
	for i := range 4 {
		all = append(all, s.live(i))
	}
	return all, nil
}

func (s *halfBlind) GetLive(_ context.Context, _ insole.OrgID, id insole.ID) (store.Live, error) {
	for i := range 4 {
		if l := s.live(i); l.Insole == id {
			return l, nil
		}
	}
	return store.Live{}, insole.ErrNotFound
}

func (s *halfBlind) SaveLive(context.Context, store.Live) error { return nil }

func (s *halfBlind) GetAssignment(_ context.Context, id insole.ID) (insole.Assignment, error) {
	return insole.Assignment{Insole: id, Org: "acme", Team: "north", Worker: insole.WorkerID(id)}, nil
}

func (s *halfBlind) Pulses(context.Context) ([]store.Pulse, []store.Quiet, error) {
	return []store.Pulse{{Bridge: "b1", First: noon.Add(-time.Hour), At: noon, Got: noon}}, nil, nil
}

func (s *halfBlind) SaveQuiet(context.Context, store.Quiet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet++
	return nil
}

func (s *halfBlind) Org(_ context.Context, o insole.OrgID) (insole.Org, error) {
	return insole.Org{ID: o}, nil
}

type countAlarms struct {
	watchdog.Alarms
	mu   sync.Mutex
	lost int
}

func (c *countAlarms) Raise(context.Context, alarm.Cause) (insole.Alarm, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost++
	return insole.Alarm{}, true, nil
}

func (c *countAlarms) Technical(context.Context, insole.Fault) (bool, error) { return true, nil }

// That nobody is heard is not guessed while somebody's org cannot be read: silence is taken for what it may be.
func TestNoGuessOfWhatWasNotRead(t *testing.T) {
	s, alarms := &halfBlind{}, &countAlarms{}
	h := &watchdog.Handler{Store: s, Engine: &fakeEngine{}, Alarms: alarms, LostFactor: 3, LostMinimum: 3 * time.Minute, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	if err := h.Silent(t.Context()); err == nil {
		t.Error("an org that cannot be read is no error")
	}
	if s.quiet > 0 || alarms.lost != 4 {
		t.Errorf("%d times a quiet was guessed, %d lost contacts; want none and 4", s.quiet, alarms.lost)
	}
}
