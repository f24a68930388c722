package bridge

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
)

// A Queue is one lane's way to ingest. *queue.Sender is one.
type Queue interface {
	// Send offers at most queue.MaxBatch bodies and answers with one entry for each: nil only when that very entry is kept for good.
	// An error does not say that it is not. Send may be called by several goroutines at once.
	Send(ctx context.Context, bodies []string) []error
}

// held is one frame between its socket and the queue's answer.
type held struct {
	s     *session // nil for what an unproven connection sent
	raw   []byte
	at    int64 // heard, Unix milliseconds
	token uint32
	odd   *oddity // nil for a good frame
}

// An oddity is why a frame is in quarantine, or that there is none: its insole has said bye.
type oddity struct {
	bye    bool
	why    string
	remote string
	id     insole.ID          // "" when nobody was known to have sent it
	who    *insole.Assignment // nil then
	give   func()             // returns its bytes to the budget
}

func (h *held) frame(named bool) queue.Frame {
	f := queue.Frame{HeardAtMs: h.at, Raw: h.raw}
	var a *insole.Assignment
	switch {
	case h.odd != nil:
		f.Quarantine, f.Remote, f.Insole, f.Bye, a = h.odd.why, h.odd.remote, h.odd.id, h.odd.bye, h.odd.who
	default:
		f.Insole, a = h.s.id, h.s.who.Load()
	}
	if a == nil {
		return f
	}
	f.Dialect, f.Org, f.Team, f.Worker = a.Dialect, a.Org, a.Team, a.Worker
	if named {
		f.WorkerName, f.Locale = a.WorkerName, a.Locale
	}
	return f
}

// A message is what becomes one entry of a batch. Its body is written when it is sent, so that waiting costs only the frames.
type message struct {
	frames  []held
	size    int // upper bound of the body, bytes
	attempt int
	since   time.Time // when its first frame was admitted
}

// A lane sends messages to one queue, again and again until each is kept, with workers and connections of its own.
type lane struct {
	name     string
	queue    Queue
	bridge   string
	named    bool          // frames carry the worker's name and the org's language
	workers  int           // calls at once
	patience time.Duration // of one call
	slowest  time.Duration // longest pause between two attempts
	log      *slog.Logger
	m        *Metrics
	settled  func([]held)

	mu     sync.Mutex
	some   sync.Cond
	ready  []*message
	closed bool
	health laneHealth
}

type laneHealth struct {
	failingSince time.Time // zero while the last answer was good
	lastErr      error
}

func (l *lane) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.some.Broadcast()
	})
	defer stop()
	var wg sync.WaitGroup
	for range l.workers {
		wg.Go(func() { l.work(ctx) })
	}
	wg.Wait()
}

// push hands ms to the workers. It never blocks: what may be in a lane is bounded by the budget.
func (l *lane) push(ms ...*message) {
	l.mu.Lock()
	if !l.closed {
		l.ready = append(l.ready, ms...)
	}
	n := len(l.ready)
	l.mu.Unlock()
	l.m.waiting.WithLabelValues(l.name).Set(float64(n))
	for range min(len(ms), l.workers) {
		l.some.Signal()
	}
}

// take waits for messages and returns as many of those that wait already as one call carries; nil when the lane is closed.
func (l *lane) take() []*message {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ready) == 0 && !l.closed {
		l.some.Wait()
	}
	if l.closed {
		return nil
	}
	n, size := 0, 0
	for n < len(l.ready) && n < queue.MaxBatch {
		size += l.ready[n].size
		if n > 0 && size > queue.MaxBody {
			break
		}
		n++
	}
	out := append([]*message(nil), l.ready[:n]...)
	clear(l.ready[:n])
	l.ready = l.ready[n:]
	if len(l.ready) == 0 {
		l.ready = nil
	}
	return out
}

func (l *lane) work(ctx context.Context) {
	var buf, acks []byte
	failed := 0
	for {
		ms := l.take()
		if ms == nil {
			return
		}
		bodies := make([]string, len(ms))
		for i, m := range ms {
			buf = l.body(buf[:0], m)
			bodies[i] = string(buf)
		}
		call, cancel := context.WithTimeout(ctx, l.patience)
		started := time.Now()
		errs := l.queue.Send(call, bodies)
		cancel()
		l.m.calls.WithLabelValues(l.name).Observe(time.Since(started).Seconds())

		var again []*message
		var lastErr error
		for i, m := range ms {
			if errs[i] != nil {
				lastErr = errs[i]
				m.attempt++
				again = append(again, m)
				continue
			}
			l.m.acked.WithLabelValues(l.name).Add(float64(len(m.frames)))
			l.m.wait.WithLabelValues(l.name).Observe(time.Since(m.since).Seconds())
			acks = settle(m.frames, acks)
		}
		l.note(ctx, lastErr, len(again))
		switch {
		case len(again) == 0:
			failed = 0
		case len(again) == len(ms): // the call failed, not an entry: this worker pauses, and the messages go first
			failed++
			l.mu.Lock()
			l.ready = append(again, l.ready...)
			l.mu.Unlock()
			if !pause(ctx, backoff(failed, l.slowest)) {
				return
			}
		default:
			failed = 0
			for _, m := range again {
				time.AfterFunc(backoff(m.attempt, l.slowest), func() { l.push(m) })
			}
		}
	}
}

// settle tells each session which of its frames are kept. The frames of one session stand together.
func settle(frames []held, scratch []byte) []byte {
	for _, run := range runs(frames) {
		if s := run[0].s; s != nil {
			scratch = s.settle(run, scratch)
		} else {
			run[0].odd.give()
		}
	}
	return scratch
}

// runs cuts frames into those of one session that stand together, with the index of the first; a frame in quarantine stands alone.
func runs(frames []held) func(yield func(int, []held) bool) {
	return func(yield func(int, []held) bool) {
		for i := 0; i < len(frames); {
			j := i + 1
			for j < len(frames) && frames[j].s != nil && frames[j].s == frames[i].s {
				j++
			}
			if !yield(i, frames[i:j]) {
				return
			}
			i = j
		}
	}
}

func (l *lane) body(dst []byte, m *message) []byte {
	dst = queue.AppendHead(dst, l.bridge)
	for i, run := range runs(m.frames) {
		f := run[0].frame(l.named)
		dst = queue.AppendFrames(dst, i == 0, f, func(yield func(int64, []byte) bool) {
			for k := range run {
				if !yield(run[k].at, run[k].raw) {
					return
				}
			}
		})
	}
	return queue.AppendTail(dst)
}

// note keeps for /readyz and the log how the queue is doing; it logs the first failure of a series and the recovery.
func (l *lane) note(ctx context.Context, err error, failed int) {
	if failed > 0 {
		l.m.failures.WithLabelValues(l.name).Add(float64(failed))
	}
	l.mu.Lock()
	before := l.health
	switch {
	case err == nil:
		l.health = laneHealth{}
	case before.failingSince.IsZero():
		l.health = laneHealth{failingSince: time.Now(), lastErr: err}
	default:
		l.health.lastErr = err
	}
	l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil && before.failingSince.IsZero():
		l.log.WarnContext(ctx, "queue does not accept", "lane", l.name, "err", err)
	case err == nil && !before.failingSince.IsZero():
		l.log.InfoContext(ctx, "queue accepts again", "lane", l.name, "after", time.Since(before.failingSince))
	}
}

// failing says for how long the queue has not accepted anything; 0 when its last answer was good.
func (l *lane) failing() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.health.failingSince.IsZero() {
		return 0
	}
	return time.Since(l.health.failingSince)
}

// backoff is a random time up to 25 ms doubled attempt times, at most slowest.
func backoff(attempt int, slowest time.Duration) time.Duration {
	d := min(slowest, 25*time.Millisecond<<min(attempt, 20))
	return d/4 + rand.N(d-d/4+1)
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
