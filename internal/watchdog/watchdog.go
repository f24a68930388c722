// Package watchdog sees what nobody says: what is due and was not done, because a message was lost, and whose insole has fallen silent.
package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/store"
)

// A Store is what the watchdog asks of the table. *store.Store is one, and says what its errors mean.
type Store interface {
	DueAlarms(context.Context, time.Time) iter.Seq2[store.Due, error]
	OpenAlarms(context.Context, insole.OrgID) ([]insole.Alarm, error)
	Orgs(context.Context) ([]insole.OrgID, error)
	LiveItems(ctx context.Context, o insole.OrgID, stale bool) ([]store.Live, error)
	GetLive(context.Context, insole.OrgID, insole.ID) (store.Live, error)
	SaveLive(context.Context, store.Live) error
	GetAssignment(context.Context, insole.ID) (insole.Assignment, error)
	Downlinks(context.Context) iter.Seq2[insole.Downlink, error]
	SettleDownlink(context.Context, insole.Downlink, store.LogLine) error
	GetCheckIns(context.Context, insole.OrgID, insole.WorkerID) (insole.CheckIns, error)
	Pulses(context.Context) ([]store.Pulse, []store.Quiet, error)
	SaveQuiet(context.Context, store.Quiet) error
	Org(context.Context, insole.OrgID) (insole.Org, error)
}

// An Engine does what is due. *alarm.Engine is one.
type Engine interface {
	Advance(context.Context, insole.OrgID, insole.AlarmID) (alarm.Outcome, error)
	Ask(context.Context, insole.OrgID, insole.AlarmID, alarm.Outcome)
}

// Alarms stores alarms. *alarm.Raiser is one.
type Alarms interface {
	Raise(context.Context, alarm.Cause) (a insole.Alarm, raised bool, err error)
	Return(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) error
	Technical(context.Context, insole.Fault) (raised bool, err error)
	Works(ctx context.Context, o insole.OrgID, part string, at time.Time) error
}

// Where an insole has not announced when it reports next.
const DefaultExpect = 5 * time.Minute

// Overdue is how long something may be due before the sweep finds it; more is said in the log, since both faster ways have failed.
const Overdue = time.Minute

// A Handler is the watchdog function. All fields but Teams, Heart and Judge are required.
type Handler struct {
	Store       Store
	Engine      Engine
	Alarms      Alarms
	Teams       Teams         // nil: LostFactor and LostMinimum hold for all
	LostFactor  float64       // of the insole's own expected interval, where a team says nothing
	LostMinimum time.Duration // an insole silent for less is never lost, likewise
	Heart       *parts.Heart  // nil: nothing is left behind and no part is judged; with it Judge is required
	Judge       *parts.Judge
	CheckIns    CheckIns // nil: nobody is asked
	Now         func() time.Time
	Log         *slog.Logger
	Musters     Musters  // nil: there are none
	Consoles    Consoles // nil: no team wants to be watched; with it Watches is required
	Watches     Watches

	worn worn
}

// HandleSchedule does what is due, then looks for insoles that have fallen silent, which nobody else does, then for everything else. What it cannot do now
// is still there in a minute; its error names everything that went wrong. A repeat, or two at once, do nothing twice.
//
// Each part may take half of what is left of ctx's time, so that one that hangs starves none after it, and the sweep comes first.
func (h *Handler) HandleSchedule(ctx context.Context, _ json.RawMessage) error {
	var errs []error
	for _, part := range []func(context.Context) error{h.Sweep, h.Silent, h.Asked, h.Unfelt, h.Called, h.Watched} {
		errs = append(errs, within(ctx, part))
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-toAnswer))
		defer cancel()
	}
	return errors.Join(append(errs, h.Parts(ctx))...)
}

// What HandleSchedule keeps back of its time: to say that it works and judge who does not, and to answer before it is stopped.
const (
	forParts = 6 * time.Second
	toAnswer = time.Second
)

// within is part, in half of what is left of ctx's time.
func within(ctx context.Context, part func(context.Context) error) error {
	ctx, cancel := half(ctx, forParts)
	defer cancel()
	return part(ctx)
}

// half is ctx with half of what is left of its time, but for rest.
func half(ctx context.Context, rest time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, (time.Until(end)-rest)/2)
	}
	return ctx, func() {}
}

// Sweep advances every alarm that has something due.
func (h *Handler) Sweep(ctx context.Context) error {
	now := h.Now().UTC()
	type name struct {
		org   insole.OrgID
		alarm insole.AlarmID
	}
	seen := map[name]bool{}
	w := workers{turns: make(chan struct{}, 8)}
	for due, err := range h.Store.DueAlarms(ctx, now) {
		if err != nil {
			w.fail(fmt.Errorf("sweeping: %w", err))
			continue // the other parts of the index are there all the same
		}
		n := name{due.Org, due.Alarm}
		if seen[n] {
			continue
		}
		seen[n] = true
		if late := now.Sub(due.At); late > Overdue {
			h.Log.WarnContext(ctx, "alarm overdue", "org", due.Org, "alarm", due.Alarm, "late", late)
		}
		w.run(func() error {
			out, err := h.Engine.Advance(ctx, due.Org, due.Alarm)
			if errors.Is(err, insole.ErrNotFound) {
				return nil // the index is behind the table
			}
			if err != nil {
				return fmt.Errorf("alarm %s: %w", due.Alarm, err)
			}
			h.Engine.Ask(ctx, due.Org, due.Alarm, out)
			return nil
		})
	}
	return w.wait()
}

// Unfelt ends every downlink that no insole has answered in its time, and says so in its alarm's log.
func (h *Handler) Unfelt(ctx context.Context) error {
	now := h.Now().UTC()
	w := workers{turns: make(chan struct{}, 8)} // an evacuation leaves thousands
	for d, err := range h.Store.Downlinks(ctx) {
		if err != nil {
			w.fail(fmt.Errorf("downlinks: %w", err))
			break
		}
		if !d.Over(now) {
			continue
		}
		w.run(func() error {
			err := h.Store.SettleDownlink(ctx, d, store.LogLine{At: now, What: "unreachable-" + string(d.Command)})
			if err != nil && !errors.Is(err, insole.ErrNotFound) { // not found: it was answered meanwhile, late
				return fmt.Errorf("downlink %d of insole %s: %w", d.ID, d.Insole, err)
			}
			return nil
		})
	}
	return w.wait()
}

// workers run functions, some at once, and gather their errors.
type workers struct {
	turns chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	errs  []error
}

func (w *workers) run(f func() error) {
	w.turns <- struct{}{}
	w.wg.Go(func() {
		defer func() { <-w.turns }()
		w.fail(f())
	})
}

func (w *workers) fail(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

func (w *workers) wait() error {
	w.wg.Wait()
	return errors.Join(w.errs...)
}
