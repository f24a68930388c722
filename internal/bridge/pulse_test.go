package bridge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
)

type nobody struct{}

func (nobody) GetAssignment(context.Context, insole.ID) (insole.Assignment, error) {
	return insole.Assignment{}, insole.ErrNotFound
}

type kept struct {
	mu     sync.Mutex
	bodies []string
	refuse bool
}

func (k *kept) Send(_ context.Context, bodies []string) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	errs := make([]error, len(bodies))
	for i := range bodies {
		if k.refuse {
			errs[i] = errors.New("no")
			continue
		}
		k.bodies = append(k.bodies, bodies[i])
	}
	return errs
}

// A bridge says at once and then every minute that it works, in the track lane; what the queue does not take is not said later; at its end it says so.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var track, urgent kept
		srv := &Server{
			Name: "b-1", Assignments: nobody{}, Urgent: &urgent, Track: &track, Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()),
			Linger: time.Second, LingerWaiting: time.Second, PackBytes: 8 << 10, MemoryBytes: 1 << 20, Idle: time.Minute, AuthTimeout: time.Second, Grace: time.Second,
			KeyTTL: time.Minute, KeyCache: 10, PulseEvery: time.Minute, MaxConns: 10, MaxUnproven: 10, MaxUnprovenPerAddr: 10, Goroutines: true,
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- srv.Run(ctx) }()
		time.Sleep(90 * time.Second) // virtual
		track.mu.Lock()
		track.refuse = true
		track.mu.Unlock()
		time.Sleep(time.Minute)
		track.mu.Lock()
		track.refuse = false
		track.mu.Unlock()
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		var got []time.Duration
		for i, b := range track.bodies {
			e, err := queue.ParseEnvelope(b)
			if err != nil || e.Bridge != "b-1" || len(e.Frames) != 0 || e.Bye != (i == len(track.bodies)-1) {
				t.Errorf("%s, %v", b, err)
			}
			got = append(got, time.UnixMilli(e.Pulse).Sub(began).Round(time.Second))
		}
		want := []time.Duration{0, time.Minute, 3 * time.Minute, 210 * time.Second}
		if len(got) != len(want) || len(urgent.bodies) != 0 {
			t.Fatalf("said at %v, want %v; %d in the urgent lane", got, want, len(urgent.bodies))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("said at %v, want %v", got, want)
			}
		}
	})
}
