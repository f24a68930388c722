// Package watchdog sees what nobody says: what is due and was not done, because a message was lost, and whose insole has fallen silent.
package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
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
}

// Where an insole has not announced when it reports next.
const DefaultExpect = 5 * time.Minute

// Overdue is how long something may be due before the sweep finds it; more is said in the log, since both faster ways have failed.
const Overdue = time.Minute

// A Handler is the watchdog function. All fields but Heart and Judge are required.
type Handler struct {
	Store       Store
	Engine      Engine
	Alarms      Alarms
	LostFactor  float64       // of the insole's own expected interval
	LostMinimum time.Duration // an insole silent for less is never lost
	Heart       *parts.Heart  // nil: nothing is left behind and no part is judged; with it Judge is required
	Judge       *parts.Judge
	Now         func() time.Time
	Log         *slog.Logger
}

// HandleSchedule does what is due, then looks for insoles that have fallen silent, then for what was not felt. What it cannot do now is still there in a minute; its error
// names everything that went wrong. A repeat, or two at once, do nothing twice.
func (h *Handler) HandleSchedule(ctx context.Context, _ json.RawMessage) error {
	return errors.Join(h.Sweep(ctx), h.Silent(ctx), h.Unfelt(ctx), h.Parts(ctx))
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
			break
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

// Silent raises lost contact for every insole that has not been heard for too long while its wearer is on shift.
func (h *Handler) Silent(ctx context.Context) error {
	orgs, err := h.Store.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("listing orgs: %w", err)
	}
	w := workers{turns: make(chan struct{}, 8)}
	for _, o := range orgs {
		all, err := h.Store.LiveItems(ctx, o, true)
		if err != nil {
			w.fail(fmt.Errorf("live items of %s: %w", o, err))
			continue
		}
		for _, l := range all {
			if !h.silent(l) {
				continue
			}
			w.run(func() error {
				if err := h.lost(ctx, l); err != nil {
					return fmt.Errorf("insole %s: %w", l.Insole, err)
				}
				return nil
			})
		}
	}
	return w.wait()
}

// Unfelt ends every downlink that no insole has answered in its time, and says so in its alarm's log.
func (h *Handler) Unfelt(ctx context.Context) error {
	now := h.Now().UTC()
	var errs []error
	for d, err := range h.Store.Downlinks(ctx) {
		if err != nil {
			errs = append(errs, fmt.Errorf("downlinks: %w", err))
			break
		}
		if !d.Over(now) {
			continue
		}
		err = h.Store.SettleDownlink(ctx, d, store.LogLine{At: now, What: "unreachable-" + string(d.Command)})
		if err != nil && !errors.Is(err, insole.ErrNotFound) { // not found: it was answered meanwhile, late
			errs = append(errs, fmt.Errorf("downlink %d of insole %s: %w", d.ID, d.Insole, err))
		}
	}
	return errors.Join(errs...)
}

// silent says whether l's insole, as far as l knows, has been silent for too long, and nobody has said so yet.
func (h *Handler) silent(l store.Live) bool {
	s := l.State
	if s.Lost || s.HeardAt.IsZero() || s.Battery != nil && s.Battery.Charging {
		return false
	}
	expect := s.Expect
	if expect <= 0 {
		expect = DefaultExpect
	}
	return h.Now().Sub(s.HeardAt) > max(time.Duration(h.LostFactor*float64(expect)), h.LostMinimum)
}

// lost raises lost contact of l's wearer and marks l. The alarm comes first: a mark without an alarm would hide the silence for ever, an
// alarm without a mark is raised again under the same name.
func (h *Handler) lost(ctx context.Context, l store.Live) error {
	a, err := h.Store.GetAssignment(ctx, l.Insole)
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Revoked || a.Org != l.Org || a.Worker == "" || a.Worker != l.Worker || !insole.On(a.Shifts, h.Now()) {
		return nil
	}
	l, err = h.Store.GetLive(ctx, l.Org, l.Insole) // what was read before may be a second old
	if err != nil {
		return err
	}
	if !h.silent(l) {
		return nil
	}
	key := "silence@" + strconv.FormatInt(l.State.HeardAt.UnixMilli(), 10)
	c := alarm.Cause{
		ID:  insole.NewAlarmID(l.Org, a.Worker, insole.AlarmLostContact, key),
		Org: l.Org, Team: a.Team, Worker: a.Worker, WorkerName: a.WorkerName, Insole: l.Insole, Kind: insole.AlarmLostContact, Key: key,
		SentAt: l.State.HeardAt, Fix: l.State.Fix, Confirmed: true, Locale: a.Locale, Who: "watchdog",
	}
	if c.WorkerName == "" {
		c.WorkerName = string(c.Worker)
	}
	_, raised, err := h.Alarms.Raise(ctx, c)
	if err != nil {
		return err
	}
	if raised {
		h.Log.InfoContext(ctx, "contact lost", "org", l.Org, "alarm", c.ID, "insole", l.Insole, "heard", l.State.HeardAt)
	}
	for range 6 {
		heard := l.State.HeardAt
		l.State.Lost = true
		l.Version++
		err = h.Store.SaveLive(ctx, l)
		if !errors.Is(err, insole.ErrConflict) {
			return err
		}
		if l, err = h.Store.GetLive(ctx, l.Org, l.Insole); err != nil {
			return err
		}
		if l.State.HeardAt.After(heard) { // it was heard while the alarm was being raised
			return h.Alarms.Return(ctx, l.Org, a.Worker, insole.AlarmLostContact, "heard@"+strconv.FormatInt(l.State.HeardAt.UnixMilli(), 10))
		}
		if l.State.Lost {
			return nil
		}
	}
	return err
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
