package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// textsEachSecond is how many text messages SNS takes of one account: its default quota.
const textsEachSecond = 20

// callers is how many press while the others are being alarmed about.
const callers = 20

// An evacuation that nobody answers raises hundreds of alarms at once (STORM_MISSING=2000: thousands), and SNS takes twenty text messages a second. Whoever
// presses meanwhile is paged for as on a quiet day, and nobody who is missing is forgotten.
//
//	STORM_MISSING=2000 go test ./internal/storm -run TestMasses -v
func TestMasses(t *testing.T) {
	missing := 200
	if v, ok := os.LookupEnv("STORM_MISSING"); ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("STORM_MISSING=%q is not a number of people", v)
		}
		missing = n
	}
	for _, tt := range []struct {
		name  string
		lanes lanes
		only  bool          // to be compared with, when STORM_MISSING asks for figures
		page  time.Duration // press to first publish, at most
		text  time.Duration // press to first text message, at most
	}{
		{"one queue for all", lanes{}, true, never, never},
		{"as deployed", asDeployed, false, 2 * time.Second, 5 * time.Second},
	} {
		if _, asked := os.LookupEnv("STORM_MISSING"); tt.only && !asked {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { masses(t, tt.lanes, missing, tt.page, tt.text) })
		})
	}
}

func masses(t *testing.T, l lanes, missing int, page, text time.Duration) {
	s := newSystem(t, faults{}, 3, l)
	s.confirm()
	s.wire.texts = rate.NewLimiter(textsEachSecond, textsEachSecond)
	s.hire(missing)
	ctx, cancel := context.WithCancel(t.Context())
	wait := s.run(ctx)
	m := insole.Muster{Org: org, ID: "fire", Mode: insole.Evacuate, Team: team, Name: "North", Within: time.Minute, By: "claire", ByName: "Claire M."}
	if _, _, err := s.musters.Begin(ctx, m); err != nil {
		t.Fatal(err)
	}
	var deadline time.Time
	for deadline.IsZero() {
		time.Sleep(time.Second)
		now, err := s.store.GetMuster(ctx, org, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		deadline = now.Deadline
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	pressed := make([]time.Time, callers)
	ids := make([]insole.AlarmID, callers)
	var wg sync.WaitGroup
	for i := range callers {
		at := time.Until(deadline) + time.Duration(rnd.Int64N(int64(time.Minute)))
		wg.Go(func() {
			time.Sleep(at)
			pressed[i] = time.Now()
			ids[i] = s.press(ctx, 100_000+i)
		})
	}
	wg.Wait()
	time.Sleep(stepTwo + 15*time.Minute)
	cancel()
	wait()

	open, err := s.store.OpenAlarms(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	var first, texted []time.Duration
	for i, id := range ids {
		first = append(first, since(pressed[i], s.wire.first[string(id)]))
		texted = append(texted, since(pressed[i], s.wire.texted[string(id)]))
	}
	var told []time.Duration
	alarmed := 0
	for _, a := range open {
		if a.Kind == insole.AlarmNoAnswer {
			alarmed++
			told = append(told, since(a.RaisedAt, s.wire.texted[string(a.ID)]))
		}
	}
	for _, list := range [][]time.Duration{first, texted, told} {
		slices.Sort(list)
	}
	texts := 0
	for name, n := range s.wire.published {
		if name.channel == string(insole.SMS) {
			texts += n
		}
	}
	t.Logf("%d missing, %d text messages, %d refused as too many", alarmed, texts, s.wire.over)
	t.Logf("an SOS meanwhile, press to first publish: p50 %v, longest %v; to first text message: p50 %v, longest %v", at(first, 0.5), at(first, 1), at(texted, 0.5), at(texted, 1))
	t.Logf("who is missing, alarm to first text message: p50 %v, longest %v", at(told, 0.5), at(told, 1))
	if alarmed != missing {
		t.Errorf("%d alarms about %d who are missing", alarmed, missing)
	}
	if got := at(first, 1); got > page {
		t.Errorf("an SOS was first published after %v, want %v at most", got, page)
	}
	if got := at(texted, 1); got > text {
		t.Errorf("an SOS was first sent as a text message after %v, want %v at most", got, text)
	}
	if n, _ := slices.BinarySearch(told, never); l.help && n != len(told) {
		t.Errorf("%d of %d who are missing were not told of", len(told)-n, len(told))
	}
}

// never is longer than any test.
const never = 1000 * time.Hour

func since(from, to time.Time) time.Duration {
	if to.IsZero() {
		return never
	}
	return to.Sub(from)
}

// hire makes n workers who are on shift and have no insole.
func (s *system) hire(n int) {
	s.Helper()
	ctx := s.Context()
	d, err := s.store.Directory(ctx, org)
	var changes []store.Change
	for i := range n {
		changes = append(changes, store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: org, ID: insole.WorkerID(fmt.Sprintf("m%d", i)), Team: team, Name: fmt.Sprintf("Missing %d", i)}}))
		if len(changes) == store.MaxChanges-1 || i == n-1 {
			err = errors.Join(err, s.store.Edit(ctx, org, d.Revision, changes...))
			d.Revision++
			changes = nil
		}
	}
	if err != nil {
		s.Fatal(err)
	}
}
