package parts_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

func TestOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const period = 5 * time.Minute
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	beat := func(part string, d time.Duration) insole.Beat { return insole.Beat{Part: part, At: ago(d)} }
	ran := func(d, acked, paged time.Duration, why string) insole.Beat {
		return insole.Beat{Part: parts.Canary, At: ago(d), Run: &insole.Run{At: ago(d), Acked: acked, Paged: paged, Why: why}}
	}
	good := ran(2*time.Minute, 20*time.Millisecond, time.Second, "")
	audited := func(a insole.Audit) insole.Beat {
		return insole.Beat{Part: parts.Watchdog, At: ago(20 * time.Second), Audit: &a}
	}
	for _, tt := range []struct {
		name   string
		part   string
		beats  []insole.Beat
		period time.Duration
		want   insole.Health
		why    string
	}{
		{"never heard of", parts.Bridge, nil, period, insole.Unknown, ""},
		{"beats", parts.Bridge, []insole.Beat{beat(parts.Bridge, time.Minute)}, period, insole.Works, ""},
		{"one of two instances", parts.Bridge, []insole.Beat{beat(parts.Bridge, time.Hour), beat(parts.Bridge, time.Minute)}, period, insole.Works, ""},
		{"three minutes are no fault yet", parts.Watchdog, []insole.Beat{beat(parts.Watchdog, 3*time.Minute)}, period, insole.Works, ""},
		{"silent", parts.Watchdog, []insole.Beat{beat(parts.Watchdog, 3*time.Minute+time.Second)}, period, insole.Late, "silent"},
		{"silent for long", parts.Watchdog, []insole.Beat{beat(parts.Watchdog, 11*time.Minute)}, period, insole.Gone, "silent"},
		{"a step overdue", parts.Watchdog, []insole.Beat{audited(insole.Audit{Open: 3, Overdue: 1, Oldest: ago(2 * time.Minute)})}, period, insole.Late, "overdue"},
		{"an alarm without a step", parts.Watchdog, []insole.Beat{audited(insole.Audit{Open: 3, Without: 1})}, period, insole.Late, "without-step"},
		{"all audited", parts.Watchdog, []insole.Beat{audited(insole.Audit{Open: 3})}, period, insole.Works, ""},

		{"canary", parts.Canary, []insole.Beat{good}, period, insole.Works, ""},
		{"canary slow", parts.Canary, []insole.Beat{ran(time.Minute, time.Second, 61*time.Second, "")}, period, insole.Late, "slow"},
		{"canary failed", parts.Canary, []insole.Beat{ran(time.Minute, 0, 0, "dial")}, period, insole.Gone, "dial"},
		{"canary late, not missed yet", parts.Canary, []insole.Beat{ran(11*time.Minute, time.Second, time.Second, "")}, period, insole.Works, ""},
		{"canary missed", parts.Canary, []insole.Beat{ran(11*time.Minute+time.Second, time.Second, time.Second, "")}, period, insole.Gone, "missing"},
		{"no canary in this stack", parts.Canary, nil, 0, insole.Unknown, ""},

		{"called and beats", parts.Ingest, []insole.Beat{good, beat(parts.Ingest, 90*time.Second)}, period, insole.Works, ""},
		{"busy: beat just before the call", parts.Ingest, []insole.Beat{good, beat(parts.Ingest, 3*time.Minute)}, period, insole.Works, ""},
		{"called and silent", parts.Ingest, []insole.Beat{good, beat(parts.Ingest, 7*time.Minute)}, period, insole.Late, "silent"},
		{"called a moment ago", parts.Alarm, []insole.Beat{ran(30*time.Second, time.Second, 0, ""), beat(parts.Alarm, 6*time.Minute)}, period, insole.Works, ""},
		{"nobody calls", parts.Alarm, []insole.Beat{beat(parts.Alarm, time.Hour)}, 0, insole.Unknown, ""},
		{"the call never came so far", parts.Ingest, []insole.Beat{ran(time.Minute, 0, 0, "dial"), beat(parts.Ingest, 6*time.Minute)}, period, insole.Unknown, ""},
		{"when needed", parts.Socket, []insole.Beat{beat(parts.Socket, time.Hour)}, period, insole.Unknown, ""},
		{"in use", parts.Socket, []insole.Beat{beat(parts.Socket, time.Minute)}, period, insole.Works, ""},
	} {
		if got := parts.Of(tt.part, tt.beats, tt.period, now); got.Health != tt.want || got.Why != tt.why || got.Part != tt.part {
			t.Errorf("%s: Of = %+v, want %s %q", tt.name, got, tt.want, tt.why)
		}
	}
}

// Every part that is judged has words, and everything a part needs is in the tree.
func TestTree(t *testing.T) {
	var names []string
	for _, p := range parts.Tree {
		names = append(names, p.Name)
	}
	for _, p := range parts.Tree {
		for _, n := range p.Needs {
			if !slices.Contains(names, n) {
				t.Errorf("%s needs %s, which is not in the tree", p.Name, n)
			}
		}
	}
	for _, n := range parts.Judged {
		if !text.Has("part."+n+".fault") || !slices.Contains(names, n) {
			t.Errorf("%s has no words, or is not in the tree", n)
		}
	}
}

// table is a store by hand; away is answered to everything while it is set.
type table struct {
	mu    sync.Mutex
	away  error
	all   store.Parts
	turns []insole.Turn
}

func (s *table) PutBeat(_ context.Context, b insole.Beat) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Beats = slices.DeleteFunc(s.all.Beats, func(o insole.Beat) bool { return o.Part == b.Part && o.Instance == b.Instance })
	s.all.Beats = append(s.all.Beats, b)
	return s.away
}

func (s *table) DropBeat(_ context.Context, part, instance string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Beats = slices.DeleteFunc(s.all.Beats, func(o insole.Beat) bool { return o.Part == part && o.Instance == instance })
	return s.away
}

func (s *table) Parts(context.Context) (store.Parts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Parts{Beats: slices.Clone(s.all.Beats), Verdicts: maps.Clone(s.all.Verdicts)}, s.away
}

func (s *table) SaveVerdict(_ context.Context, v insole.Verdict, t insole.Turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all.Verdicts[v.Part].Version != v.Version-1 {
		return insole.ErrConflict
	}
	s.all.Verdicts[v.Part] = v
	s.turns = append(s.turns, t)
	return s.away
}

func (s *table) Orgs(context.Context) ([]insole.OrgID, error) {
	return []insole.OrgID{"acme", "beta"}, nil
}

func (s *table) Org(_ context.Context, id insole.OrgID) (insole.Org, error) {
	return insole.Org{ID: id, Locale: "en", Operators: "ops"}, nil
}

// people is who is told.
type people struct {
	mu    sync.Mutex
	fail  error
	began time.Time
	heard []string
	open  map[string]bool
}

func (p *people) Technical(_ context.Context, f insole.Fault) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := string(f.Org.ID) + " " + f.Part
	if p.fail != nil || p.open[k] {
		return false, p.fail
	}
	p.open[k] = true
	p.heard = append(p.heard, fmt.Sprintf("%s %s: %s, by %s after %v", f.Org.ID, f.Org.Operators, f.What, f.Who, time.Since(p.began).Round(time.Minute)))
	return true, nil
}

func (p *people) Works(_ context.Context, o insole.OrgID, part string, _ time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := string(o) + " " + part
	if p.open[k] {
		p.heard = append(p.heard, fmt.Sprintf("%s %s works after %v", o, part, time.Since(p.began).Round(time.Minute)))
	}
	delete(p.open, k)
	return nil
}

func (p *people) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.heard
	p.heard = nil
	return was
}

// The watchdog stops: whatever else runs notices, and says so once. It comes back: it says so itself.
func TestWatchdogStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, who := &table{all: store.Parts{Verdicts: map[string]insole.Verdict{}}}, &people{open: map[string]bool{}, began: time.Now()}
		log := slog.New(slog.DiscardHandler)
		part := func(name string) *parts.Heart {
			j := &parts.Judge{Store: tab, Alarms: who, Period: 5 * time.Minute, Who: name, Now: time.Now, Log: log}
			return &parts.Heart{Store: tab, Part: name, Judge: j, Now: time.Now, Log: log}
		}
		ctx, end := context.WithCancel(t.Context())
		var all sync.WaitGroup
		each := func(ctx context.Context, every time.Duration, f func()) {
			all.Go(func() {
				for tick := time.NewTicker(every); ; {
					select {
					case <-tick.C:
						f()
					case <-ctx.Done():
						tick.Stop()
						return
					}
				}
			})
		}
		for _, name := range []string{parts.Ingest, parts.API} { // two processes of the one, one of the other, all busy
			for range 2 {
				h := part(name)
				each(ctx, 7*time.Second, func() { h.Beat(ctx, nil) })
			}
		}
		watchdog := func(ctx context.Context) {
			h := part(parts.Watchdog)
			j := h.Judge
			h.Judge = nil
			each(ctx, time.Minute, func() {
				h.Beat(ctx, nil)
				if err := j.Look(ctx, parts.Judged...); err != nil {
					t.Error(err)
				}
			})
		}
		first, stop := context.WithCancel(ctx)
		watchdog(first)
		time.Sleep(20*time.Minute + time.Second)
		synctest.Wait()
		if got := who.take(); len(got) != 0 {
			t.Errorf("all is well, and people heard %q", got)
		}
		stop()
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		got := who.take()
		slices.Sort(got)
		if len(got) != 2 || got[0] != "acme ops: Watchdog stopped, by ingest after 23m0s" && got[0] != "acme ops: Watchdog stopped, by api after 23m0s" {
			t.Errorf("the watchdog stopped after 20 minutes, and people heard %q; want one alarm in each org, after three minutes", got)
		}
		watchdog(ctx)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, want := who.take(), []string{"acme watchdog works after 36m0s", "beta watchdog works after 36m0s"}; !slices.Equal(got, want) {
			t.Errorf("the watchdog came back, and people heard %q, want %q", got, want)
		}
		end()
		all.Wait()
		var turns []string
		for _, turn := range tab.turns {
			if turn.Part == parts.Watchdog {
				turns = append(turns, string(turn.From+">"+turn.To))
			}
		}
		if want := []string{"unknown>ok", "ok>late", "late>away", "away>ok"}; !slices.Equal(turns, want) {
			t.Errorf("turns %q, want %q", turns, want)
		}
	})
}

// An alarm that could not be stored is told again by the next look.
func TestToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, who := &table{all: store.Parts{Verdicts: map[string]insole.Verdict{}}}, &people{open: map[string]bool{}, began: time.Now(), fail: insole.ErrAway}
		j := &parts.Judge{Store: tab, Alarms: who, Who: parts.Watchdog, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		if err := tab.PutBeat(t.Context(), insole.Beat{Part: parts.Bridge, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		who.fail = nil
		if err := j.Look(t.Context(), parts.Bridge); err != nil || len(tab.turns) != 1 {
			t.Fatalf("it works: error %v, turns %v", err, tab.turns)
		}
		who.fail, tab.turns = insole.ErrAway, nil
		time.Sleep(4 * time.Minute)
		if err := j.Look(t.Context(), parts.Bridge); !errors.Is(err, insole.ErrAway) || len(tab.turns) != 0 {
			t.Errorf("error %v, turns %v, want that nothing is stored yet", err, tab.turns)
		}
		who.fail = nil
		if err := j.Look(t.Context(), parts.Bridge); err != nil || len(who.take()) != 2 || len(tab.turns) != 1 {
			t.Errorf("second look: error %v, turns %v", err, tab.turns)
		}
	})
}

// Everything starts again after a night: nobody is called silent before there was time to beat.
func TestAfterANight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, who := &table{all: store.Parts{Verdicts: map[string]insole.Verdict{}}}, &people{open: map[string]bool{}, began: time.Now()}
		for _, name := range []string{parts.Bridge, parts.Watchdog, parts.Canary} {
			err := tab.PutBeat(t.Context(), insole.Beat{Part: name, At: time.Now(), Run: &insole.Run{At: time.Now(), Paged: time.Second}})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(9 * time.Hour)
		j := &parts.Judge{Store: tab, Alarms: who, Period: 5 * time.Minute, Who: parts.Watchdog, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		look := func() []string {
			if err := j.Look(t.Context(), parts.Bridge, parts.Canary); err != nil {
				t.Fatal(err)
			}
			return who.take()
		}
		if got := look(); len(got) != 0 {
			t.Errorf("at the first look people heard %q", got)
		}
		time.Sleep(parts.LateAfter)
		if got := look(); len(got) != 2 { // of the bridge, in each org
			t.Errorf("after three minutes people heard %q", got)
		}
		time.Sleep(10 * time.Minute)
		if got := look(); len(got) != 2 { // of the canary
			t.Errorf("after two periods people heard %q", got)
		}
	})
}

// A part is busy: it beats once a minute all the same, and what it does goes on when nothing can be written.
func TestBeating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := &table{all: store.Parts{Verdicts: map[string]insole.Verdict{}}}
		writes := 0
		h := &parts.Heart{Store: putter(func(ctx context.Context, b insole.Beat) error {
			writes++
			if writes == 2 {
				<-ctx.Done() // a table that does not answer
				return ctx.Err()
			}
			return tab.PutBeat(ctx, b)
		}), Part: parts.Ingest, Version: "v1", Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		f := parts.Beating(h, func(_ context.Context, n int) (int, error) { return n + 1, nil })
		slowest := time.Duration(0)
		for range 600 { // ten minutes
			began := time.Now()
			if n, err := f(t.Context(), 1); n != 2 || err != nil {
				t.Fatalf("f = %d, %v", n, err)
			}
			slowest = max(slowest, time.Since(began))
			time.Sleep(time.Second)
		}
		if writes < 9 || writes > 11 || slowest > parts.Patience {
			t.Errorf("%d beats in ten minutes, slowest call %v", writes, slowest)
		}
		if b := tab.all.Beats[0]; b.Version != "v1" || b.Since.IsZero() || !b.At.After(b.Since) {
			t.Errorf("beat %+v", b)
		}
	})
}

// A part that is nearly out of time answers in time, though the table takes its beat and then says nothing more.
func TestBeatLeavesTimeToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := putter(func(context.Context, insole.Beat) error { time.Sleep(400 * time.Millisecond); return nil })
		log := slog.New(slog.DiscardHandler)
		h := &parts.Heart{Store: slow, Part: parts.Ingest, Now: time.Now, Log: log, Judge: &parts.Judge{Store: silent{}, Now: time.Now, Log: log}}
		for _, busy := range []time.Duration{0, 9 * time.Second, 9800 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			began := time.Now()
			f := parts.Beating(h, func(context.Context, int) (int, error) { time.Sleep(busy); return 0, nil })
			if _, err := f(ctx, 1); err != nil || time.Since(began) > 9900*time.Millisecond {
				t.Errorf("busy for %v of 10 s: answered after %v, %v", busy, time.Since(began), err)
			}
			cancel()
			time.Sleep(2 * time.Minute)
		}
	})
}

// silent never answers.
type silent struct{ parts.Store }

func (silent) Parts(ctx context.Context) (store.Parts, error) {
	<-ctx.Done()
	return store.Parts{}, ctx.Err()
}

type putter func(context.Context, insole.Beat) error

func (f putter) PutBeat(ctx context.Context, b insole.Beat) error { return f(ctx, b) }
func (f putter) DropBeat(context.Context, string, string) error   { return nil }
