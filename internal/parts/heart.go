package parts

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// Patience is how long a beat may hold up what it is about.
const Patience = 500 * time.Millisecond

// End forgets this instance, so that nobody misses it: it ends as it should.
func (h *Heart) End(ctx context.Context) {
	err := within(context.WithoutCancel(ctx), Patience, func(ctx context.Context) error { return h.Store.DropBeat(ctx, h.Part, h.Instance) })
	if err != nil {
		h.Log.WarnContext(ctx, "beat not taken back", "part", h.Part, "err", err)
	}
}

// jitter is how much earlier than a minute a schedule may come round: the beat of every minute must not become one of every other.
const jitter = 2 * time.Second

// lookPatience is how long Judge may take; it writes anything at all only when something has changed.
const lookPatience = 2 * time.Second

// spare is what of its caller's time a beat leaves to answer in. Who is stopped before it has answered has done its work for nothing: all of it is told again.
const spare = 300 * time.Millisecond

// room is how much of d there is before ctx's time is over.
func room(ctx context.Context, d time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(d, time.Until(end)-spare)
	}
	return d
}

// A Heart leaves behind that one process works. Its zero times are made when it first beats.
type Heart struct {
	Store interface {
		PutBeat(context.Context, insole.Beat) error
		DropBeat(ctx context.Context, part, instance string) error
	}
	Part     string
	Instance string // "" where only the newest process counts
	Version  string
	Judge    *Judge // looks at the watchdog after each beat; nil: nobody does here
	Now      func() time.Time
	Log      *slog.Logger

	mu          sync.Mutex
	since, last time.Time
}

// Beat writes a beat, with what fill adds to it (nil: nothing), unless one was written less than a minute ago. It takes at most Patience, returns no
// error, and is not tried again before the next minute: a part that cannot say that it works may be working all the same. What is left of ctx's time is kept to, that ctx was cancelled is not.
func (h *Heart) Beat(ctx context.Context, fill func(*insole.Beat)) {
	if h == nil || room(ctx, Patience) <= 0 {
		return
	}
	now := h.Now().UTC()
	h.mu.Lock()
	if h.since.IsZero() {
		h.since = now
	}
	due := h.last.IsZero() || now.Sub(h.last) >= Every-jitter
	if due {
		h.last = now
	}
	b := insole.Beat{Part: h.Part, Instance: h.Instance, Version: h.Version, At: now, Since: h.since}
	h.mu.Unlock()
	if !due {
		return
	}
	if fill != nil {
		fill(&b)
	}
	call := context.WithoutCancel(ctx)
	if err := within(call, room(ctx, Patience), func(ctx context.Context) error { return h.Store.PutBeat(ctx, b) }); err != nil {
		h.Log.WarnContext(ctx, "beat not written", "part", h.Part, "err", err)
		return
	}
	left := room(ctx, lookPatience)
	if h.Judge == nil || left <= 0 {
		return
	}
	if err := within(call, left, func(ctx context.Context) error { return h.Judge.Look(ctx, Watchdog) }); err != nil {
		h.Log.WarnContext(ctx, "watchdog not looked at", "part", h.Part, "err", err)
	}
}

func within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// Beating is f with a beat of h after each call, whatever f answered.
func Beating[E, R any](h *Heart, f func(context.Context, E) (R, error)) func(context.Context, E) (R, error) {
	return func(ctx context.Context, e E) (R, error) {
		defer h.Beat(ctx, nil)
		return f(ctx, e)
	}
}
