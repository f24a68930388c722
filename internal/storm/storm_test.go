// Package storm holds promise 5 against the worst minute there is: thousands of people press while three of ten calls to AWS go wrong,
// in virtual time.
package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
)

// Five hundred people (make storm: twenty thousand) press within ten minutes. Whoever presses is paged for, whatever goes wrong; nobody is paged for again but where a publish
// was truly ambiguous; of several who take charge of one alarm at once one does, and no page is begun after that.
func TestStorm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults faults
		seed   uint64
	}{
		{"nothing ambiguous", faults{refused: 0.12, throttled: 0.10, delayed: 0.08, longest: 600 * time.Millisecond}, 1},
		{"replies lost and late", faults{refused: 0.07, throttled: 0.07, delayed: 0.08, lost: 0.08, longest: 6 * time.Second}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			synctest.Test(t, func(t *testing.T) { storm(t, tt.faults, tt.seed) })
			t.Logf("%v of real time", time.Since(began).Round(time.Second))
		})
	}
}

// A rescue is what became of one press.
type rescue struct {
	alarm   insole.AlarmID
	pressed time.Time
	wins    int       // of those who took charge
	taken   time.Time // when the last of them was told that somebody has
	tries   int       // how many wanted to
}

func storm(t *testing.T, f faults, seed uint64) {
	s := newSystem(t, f, seed, asDeployed)
	s.confirm()
	ctx, cancel := context.WithCancel(t.Context())
	wait := s.run(ctx)
	rnd := rand.New(rand.NewPCG(seed, 2))
	all := make([]rescue, people(t))
	var wg sync.WaitGroup
	for i := range all {
		at, take, many := time.Duration(rnd.Int64N(int64(10*time.Minute))), time.Duration(0), 0
		if i%3 == 0 { // the others wait for as long as the test lasts
			take, many = time.Duration(10+rnd.IntN(300))*time.Second, 1+rnd.IntN(3)
		}
		wg.Go(func() {
			time.Sleep(at)
			all[i].pressed = time.Now()
			all[i].alarm = s.press(ctx, i)
			all[i].tries = many
			if many > 0 {
				time.Sleep(take)
				all[i].wins = s.takeCharge(ctx, all[i].alarm, many)
				all[i].taken = time.Now()
			}
		})
	}
	wg.Wait()
	time.Sleep(stepTwo + 5*time.Minute) // the last of them are to see the second step, and what is tried again
	cancel()
	wait()
	s.judge(all, f)
}

// takeCharge is what several people do who see the alarm at the same moment. It returns how many were told that they have it.
func (s *system) takeCharge(ctx context.Context, id insole.AlarmID, many int) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	wins := 0
	for n := range many {
		desk := s.desks[n%processes]
		who := insole.User{Org: org, ID: insole.UserID([]string{"claire", "paul", "zoe"}[n]), Name: "Somebody"}
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := desk.Take(ctx, org, id, who)
				switch {
				case err == nil:
					mu.Lock()
					wins++
					mu.Unlock()
					return
				case errors.Is(err, insole.ErrConflict) && !errors.Is(err, insole.ErrAway):
					a, gerr := s.store.GetAlarm(ctx, org, id)
					if gerr == nil && a.State == insole.Taken && a.Owner != who.ID {
						return // somebody else has it
					}
				}
				time.Sleep(500 * time.Millisecond) // not stored yet, or the table was away: a person presses again
			}
		})
	}
	wg.Wait()
	return wins
}

func (s *system) judge(all []rescue, f faults) {
	s.Helper()
	var missed, repeats, unasked, ambiguous, pages, late, twice, nobody, stuck int
	var waits []time.Duration
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	for _, n := range s.wire.ambiguous {
		ambiguous += n
	}
	for name, n := range s.wire.published {
		pages++
		repeats += n - 1
		if n-1 > s.wire.ambiguous[name] {
			unasked++
		}
	}
	for _, r := range all {
		file, err := s.store.GetAlarmFile(context.Background(), org, r.alarm)
		if err != nil {
			s.Errorf("the press at %v has no alarm: %v", r.pressed, err)
			continue
		}
		a := file.Alarm
		if first := s.wire.first[string(r.alarm)]; !first.IsZero() {
			waits = append(waits, first.Sub(r.pressed))
		}
		if r.tries > 0 && (r.wins != 1 || a.State != insole.Taken) {
			twice++
		}
		if a.State != insole.Taken {
			if a.NextStepAt.IsZero() {
				stuck++
			}
			for _, want := range []pageName{{string(a.ID), "claire", "sms", "1"}, {string(a.ID), "claire", "email", "1"}, {string(a.ID), "paul", "sms", "2"}} {
				if s.wire.published[want] == 0 {
					missed++
				}
			}
			continue
		}
		if s.wire.first[string(r.alarm)].IsZero() && a.TakenAt.Sub(r.pressed) > 5*time.Minute {
			nobody++ // taken, but by whom, if nobody was told for five minutes?
		}
		for _, p := range file.Pages {
			if p.ClaimedAt.After(r.taken) {
				late++
			}
		}
	}
	slices.Sort(waits)
	s.Logf("%d presses, %d calls of which %d went wrong (%.0f %%)", len(all), s.wire.calls, s.wire.wrong, 100*float64(s.wire.wrong)/float64(s.wire.calls))
	s.Logf("%d pages, %d missed, %d repeats, %d ambiguous publishes, %d notices beside the table", pages, missed, repeats, ambiguous, s.wire.emergency)
	s.Logf("press to first publish: p50 %v, p99 %v, longest %v", at(waits, 0.5), at(waits, 0.99), at(waits, 1))
	for what, n := range map[string]int{
		"pages missed": missed, "pages repeated more often than a publish of theirs was ambiguous": unasked, "pages begun after somebody had taken charge": late,
		"alarms with more or fewer owners than one": twice, "open alarms without a next step": stuck, "alarms of which nobody was told for five minutes": nobody,
	} {
		if n != 0 {
			s.Errorf("%d %s", n, what)
		}
	}
	if f.lost == 0 && repeats != 0 {
		s.Errorf("%d repeats though no reply was lost", repeats)
	}
	if got := float64(s.wire.wrong) / float64(s.wire.calls); got < 0.29 || got > 0.31 {
		s.Errorf("%.2f of all calls went wrong, want 0.30", got)
	}
}

func at(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(time.Millisecond)
}
