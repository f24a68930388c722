package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"solewatch/internal/bridge"
	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// table knows the insoles of a fleet.
type table map[insole.ID]Key

func (t table) GetAssignment(_ context.Context, id insole.ID) (insole.Assignment, error) {
	k, ok := t[id]
	if !ok {
		return insole.Assignment{}, fmt.Errorf("insole %s: %w", id, insole.ErrNotFound)
	}
	return insole.Assignment{Insole: id, Dialect: k.Dialect, Org: k.Org, Worker: k.Worker, Key: k.Secret}, nil
}

// shelf is a queue in memory that refuses some entries and loses some replies until well.
type shelf struct {
	mu     sync.Mutex
	well   bool
	bodies []string
}

func (q *shelf) Send(_ context.Context, bodies []string) []error {
	q.mu.Lock()
	defer q.mu.Unlock()
	errs := make([]error, len(bodies))
	for i, b := range bodies {
		r := rand.Float64()
		if q.well || r > 0.2 {
			q.bodies = append(q.bodies, b)
		}
		if !q.well && r < 0.3 { // of these two thirds are not kept
			errs[i] = errors.New("fault")
		}
	}
	return errs
}

// A flaky connection breaks after some reads, and takes what the bridge says last with it.
type flaky struct {
	net.Conn
	reads int
}

func (c *flaky) Read(b []byte) (int, error) {
	if c.reads--; c.reads < 0 {
		_, _ = c.Conn.Read(b) // lost
		c.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Read(b)
}

// reports decodes what is kept, as ingest would.
func (q *shelf) reports(t *testing.T, into map[string]insole.Kind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.bodies {
		e, err := queue.ParseEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range e.Frames {
			if f.Quarantine != "" {
				t.Errorf("%s is in quarantine: %s", f.Insole, f.Quarantine)
				continue
			}
			if f.Bye {
				continue // goes with the connection; nothing is acknowledged of it
			}
			read := sole.Reports
			if f.Dialect == insole.Teltonika {
				read = teltonika.Reports
			}
			all, err := read(f.Insole, f.Raw, f.HeardAt())
			if err != nil {
				t.Errorf("frame of %s: %v", f.Insole, err)
			}
			for _, r := range all {
				into[string(f.Insole)+" "+r.Key()] = r.Kind
			}
		}
	}
}

// A fleet in both languages against the real bridge, over TCP that breaks, while its queues refuse entries and lose replies: what the oracle says was acknowledged
// is in the queues, and in the end that is everything.
func TestAgainstTheBridge(t *testing.T) {
	known, keys := table{}, []Key{}
	for i := range 20 {
		k := native1(i)
		if i%3 == 0 {
			k = badge1(i)
		}
		known[k.Insole], keys = k, append(keys, k)
	}
	urgent, track := &shelf{}, &shelf{}
	srv := &bridge.Server{
		Name: "b", Assignments: known, Urgent: urgent, Track: track, Log: slog.New(slog.DiscardHandler), Metrics: bridge.NewMetrics(prometheus.NewRegistry()),
		Linger: 100 * time.Millisecond, LingerWaiting: 10 * time.Millisecond, PackBytes: 1 << 16, MemoryBytes: 1 << 26, Idle: time.Minute, AuthTimeout: 10 * time.Second,
		Grace: 2 * time.Second, KeyTTL: time.Minute, KeyCache: 100, MaxConns: 1000, MaxUnproven: 100, MaxUnprovenPerAddr: 50,
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- srv.Run(ctx, bridge.Listener{Listener: ln}) }()

	path := filepath.Join(t.TempDir(), "oracle.jsonl")
	oracle, err := OpenOracle(path)
	if err != nil {
		t.Fatal(err)
	}
	d := &net.Dialer{}
	f := New(keys, Options{
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := d.DialContext(ctx, "tcp", ln.Addr().String())
			if err != nil {
				return nil, err
			}
			return &flaky{c, 10 + rand.IntN(40)}, nil
		},
		Interval: 50 * time.Millisecond, StillInterval: 50 * time.Millisecond, NoGaps: true, Oracle: oracle,
	})
	fleetCtx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { f.Run(fleetCtx); close(done) }()
	eventually := func(what string, ok func(Snapshot) bool) {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); !ok(f.Snapshot()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", what, f.Snapshot())
			}
		}
	}
	eventually("all connect", func(s Snapshot) bool { return s.Connects >= int64(len(keys)) && s.Acked > 100 })
	for _, k := range keys {
		if err := f.Press(k.Insole, SOS); err != nil {
			t.Error(err)
		}
	}
	eventually("faults make insoles send again", func(s Snapshot) bool { return s.Acked > 1000 && s.Resent > 10 })
	for _, q := range []*shelf{urgent, track} {
		q.mu.Lock()
		q.well = true
		q.mu.Unlock()
	}
	for _, w := range f.walkers {
		w.mu.Lock()
		w.dev.due = never
		w.mu.Unlock()
	}
	eventually("the backlog drains", func(s Snapshot) bool { return s.Backlog == 0 })
	stop()
	<-done
	cancel()
	if err := <-served; err != nil {
		t.Errorf("bridge: %v", err)
	}
	if err := oracle.Close(); err != nil {
		t.Fatal(err)
	}
	stored, help := map[string]insole.Kind{}, map[string]insole.Kind{}
	urgent.reports(t, help)
	track.reports(t, stored)
	sos := 0
	for name, kind := range help {
		if !kind.Urgent() {
			t.Errorf("%s (%s) is in the urgent lane", name, kind)
		}
		if kind == insole.KindSOS {
			sos++
		}
		stored[name] = kind
	}
	if sos != len(keys) {
		t.Errorf("%d SOS are kept, want %d", sos, len(keys))
	}
	made := 0
	for _, w := range f.walkers {
		made += int(w.dev.seq)
	}
	acked := map[string]bool{}
	for _, l := range readOracle(t, path) {
		for _, r := range l.Reports {
			name := string(l.Insole) + " " + r.Key
			if l.What != Acked {
				continue
			}
			acked[name] = true
			if _, ok := stored[name]; !ok {
				t.Errorf("%s was acknowledged and is in no queue", name)
			}
		}
	}
	if len(acked) != made || len(stored) != made {
		t.Errorf("made %d, acknowledged %d, in queues %d", made, len(acked), len(stored))
	}
}
