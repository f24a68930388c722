package checkin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// Alarms stores alarms. *alarm.Raiser is one.
type Alarms interface {
	Raise(context.Context, alarm.Cause) (a insole.Alarm, raised bool, err error)
	Return(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) error
}

// Texts sends text messages. *notify.Publisher is one.
type Texts interface {
	Text(ctx context.Context, phone, message string) (string, error)
	Link(token string) string // where a token leads to
}

// Looks asks for a worker's check-ins to be looked at again. *queue.Steps is one.
type Looks interface {
	Look(ctx context.Context, o insole.OrgID, w insole.WorkerID, due time.Time, wait time.Duration) error
}

// An Engine stores what happens to check-ins, and does what is due. Any number of them may work on one worker at once: every change is written
// over the version that was read.
type Engine struct {
	Store  *store.Store
	Alarms Alarms
	Texts  Texts // nil: this engine hears and writes down only (Advance is not for it)
	Steps  Looks
	Now    func() time.Time
	Log    *slog.Logger
}

// attempts is how often a change is tried again when somebody else wrote in between.
const attempts = 8

// A scene is what is known of one worker.
type scene struct {
	checkIns insole.CheckIns
	worker   insole.Worker
	wearer   Wearer
}

// look reads one worker. insole.ErrNotFound when there is none such; check-ins that were never asked for are empty.
func (e *Engine) look(ctx context.Context, o insole.OrgID, w insole.WorkerID) (scene, error) {
	c, err := e.Store.GetCheckIns(ctx, o, w)
	if errors.Is(err, insole.ErrNotFound) {
		c, err = insole.CheckIns{Org: o, Worker: w}, nil
	}
	if err != nil {
		return scene{}, err
	}
	sc := scene{checkIns: c}
	sc.worker, err = e.Store.Worker(ctx, o, w)
	if err != nil {
		return sc, err
	}
	sc.wearer = Wearer{Shifts: sc.worker.Shifts, By: sc.worker.ShiftBy, Phone: sc.worker.Phone != "",
		Feels: sc.worker.Insole != "" && sc.worker.Insole.Speaks() == insole.SOLE}
	if c.Shift.Lasts() && c.Shift.By == string(insole.ByWalking) {
		sc.wearer.MovedAt = e.live(ctx, sc.worker).MovedAt
	}
	return sc, nil
}

// live is what is known of the worker's insole now; nothing when it cannot be told.
func (e *Engine) live(ctx context.Context, w insole.Worker) rules.State {
	if w.Insole == "" {
		return rules.State{}
	}
	l, err := e.Store.GetLive(ctx, w.Org, w.Insole)
	if err != nil || l.Worker != w.ID {
		if err != nil && !errors.Is(err, insole.ErrNotFound) {
			e.Log.WarnContext(ctx, "live item not read for check-ins", "worker", w.ID, "err", err)
		}
		return rules.State{}
	}
	return l.State
}

// An Outcome is what Advance left to do: look again at Due, zero for never. Changed says that it wrote something.
type Outcome struct {
	Due     time.Time
	Changed bool
}

// Advance does whatever is due of a worker. Alarms come before what is written of them: raised twice they are the same alarm, but one that was
// written down and not raised would be lost. Reminders come after: one that is lost is followed by the alarm.
func (e *Engine) Advance(ctx context.Context, o insole.OrgID, w insole.WorkerID) (Outcome, error) {
	raised := map[insole.AlarmKind]bool{}
	var err error
	for range attempts {
		var sc scene
		sc, err = e.look(ctx, o, w)
		if errors.Is(err, insole.ErrNotFound) {
			return Outcome{}, e.Store.DropCheckIns(ctx, o, w) // nobody is there to be asked
		}
		if err != nil {
			return Outcome{}, err
		}
		p := Next(sc.checkIns, sc.wearer, e.Now())
		for _, r := range p.Raise {
			raised[r.Kind] = true
			if err := e.raise(ctx, sc, r); err != nil {
				return Outcome{}, err
			}
		}
		// Somebody may have checked in between an alarm and what is written of it, and found nothing to end then.
		for kind, open := range map[insole.AlarmKind]bool{insole.AlarmMissedCheckIn: !p.State.MissedAt.IsZero(), insole.AlarmAmber: p.State.Activity.Raised} {
			if raised[kind] && !open {
				if err := e.Alarms.Return(ctx, o, w, kind, "check-in@"+strconv.FormatInt(p.State.LastAt.UnixMilli(), 10)); err != nil {
					return Outcome{}, err
				}
			}
		}
		if !p.Changed {
			return Outcome{Due: p.State.LookAt}, nil
		}
		also, texts := e.remind(sc, p.Remind)
		err = e.Store.SaveCheckIns(ctx, p.State, p.Log, also...)
		if err == nil {
			for _, send := range texts {
				send(ctx)
			}
			return Outcome{Due: p.State.LookAt, Changed: true}, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return Outcome{}, err
		}
	}
	return Outcome{}, err
}

func (e *Engine) raise(ctx context.Context, sc scene, r Raise) error {
	w := sc.worker
	c := alarm.Cause{
		ID: insole.NewAlarmID(w.Org, w.ID, r.Kind, r.Key), Org: w.Org, Team: w.Team, Worker: w.ID, WorkerName: w.Name, Insole: w.Insole,
		Kind: r.Kind, Key: r.Key, SentAt: r.At, Fix: e.live(ctx, w).Fix, Confirmed: true, Who: "watchdog", Note: r.Note,
	}
	if org, err := e.Store.Org(ctx, w.Org); err == nil { // for the fallback number only
		c.Locale = org.Locale
	}
	_, raised, err := e.Alarms.Raise(ctx, c)
	if err != nil {
		return fmt.Errorf("raising %s of %s: %w", r.Kind, w.ID, err)
	}
	if raised {
		e.Log.InfoContext(ctx, "alarm raised", "org", w.Org, "alarm", c.ID, "kind", c.Kind, "worker", w.ID, "due", r.At)
	}
	return nil
}

// remind is how the worker is told: orders and links are parts of the write, text messages are sent after it.
func (e *Engine) remind(sc scene, all []Reminder) (also []store.Also, texts []func(context.Context)) {
	now := e.Now().UTC()
	w := sc.worker
	for _, r := range all {
		if r.Foot {
			d := insole.NewDownlink(w.Insole, w.Org, "", insole.CommandRemind, now)
			d.EndsAt = r.Until
			if d.EndsAt.After(now) {
				also = append(also, store.Order(d))
			}
		}
		if !r.SMS || w.Phone == "" || e.Texts == nil {
			continue
		}
		token := store.NewLinkToken()
		l := store.WorkerLink{Org: w.Org, Worker: w.ID, Ends: now.Add(store.WorkerLinkLife)}
		if r.What == RemindBefore || r.What == RemindDue {
			l.Due = r.For
		}
		also = append(also, store.NewWorkerLink(token, l))
		texts = append(texts, func(ctx context.Context) {
			locale := ""
			if org, err := e.Store.Org(ctx, w.Org); err == nil {
				locale = org.Locale
			}
			minutes := strconv.Itoa(max(1, int((r.Until.Sub(now)+time.Minute-1)/time.Minute)))
			message := text.SMS(text.Say(locale, "page.checkin."+r.What, "n", minutes, "link", e.Texts.Link(token)))
			if _, err := e.Texts.Text(ctx, w.Phone, message); err != nil {
				e.Log.WarnContext(ctx, "worker not reminded by text message", "worker", w.ID, "about", r.What, "err", err)
			}
		})
	}
	return also, texts
}

// Ask asks for a look when out says so.
func (e *Engine) Ask(ctx context.Context, o insole.OrgID, w insole.WorkerID, out Outcome) {
	if !out.Changed || out.Due.IsZero() {
		return
	}
	if err := e.Steps.Look(ctx, o, w, out.Due, out.Due.Sub(e.Now())); err != nil {
		e.Log.WarnContext(ctx, "look not asked for; the sweep will find it", "worker", w, "err", err)
	}
}

// Said lets f change the check-ins of a worker, which exist from then on, and returns them. what is over is marked so before it is written, which
// is harmless twice. f may be called more than once. Errors wrap insole.ErrNotFound (no such worker), ErrAway or ErrConflict, or are f's.
func (e *Engine) Said(ctx context.Context, o insole.OrgID, w insole.WorkerID, f func(insole.CheckIns, Wearer, time.Time) (Plan, error), also ...store.Also) (insole.CheckIns, error) {
	var err error
	for range attempts {
		var sc scene
		sc, err = e.look(ctx, o, w)
		if err != nil {
			return insole.CheckIns{}, err
		}
		var p Plan
		p, err = f(sc.checkIns, sc.wearer, e.Now().UTC())
		if err != nil || !p.Changed {
			return p.State, err
		}
		for _, k := range p.Return {
			if err = e.Alarms.Return(ctx, o, w, k, "check-in@"+strconv.FormatInt(p.State.LastAt.UnixMilli(), 10)); err != nil {
				return insole.CheckIns{}, err
			}
		}
		err = e.Store.SaveCheckIns(ctx, p.State, p.Log, also...)
		if err == nil {
			e.Ask(ctx, o, w, Outcome{Due: p.State.LookAt, Changed: true})
			return p.State, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return insole.CheckIns{}, err
		}
	}
	return insole.CheckIns{}, err
}

// Heard takes a check-in by foot, which happened at at as far as the insole's clock can be believed. Of whom nothing is asked, nothing is
// written. A worker who is not there is no error: somebody wears the insole who is nobody's.
func (e *Engine) Heard(ctx context.Context, o insole.OrgID, w insole.WorkerID, at time.Time) error {
	c, err := e.Store.GetCheckIns(ctx, o, w)
	if errors.Is(err, insole.ErrNotFound) || err == nil && !at.After(c.LastAt) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = e.Said(ctx, o, w, func(c insole.CheckIns, wr Wearer, now time.Time) (Plan, error) {
		return CheckedIn(c, wr, at, now, insole.ByFoot, Who{}, ""), nil
	})
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	return err
}

// Shift is the shift that a worker began by hand or by walking; the zero Stretch for none.
func (e *Engine) Shift(ctx context.Context, o insole.OrgID, w insole.WorkerID) (insole.Stretch, error) {
	c, err := e.Store.GetCheckIns(ctx, o, w)
	if errors.Is(err, insole.ErrNotFound) {
		return insole.Stretch{}, nil
	}
	return c.Shift, err
}

// Walked begins a worker's shift at since, and Charged ends it at until: what the insole says without its wearer's doing. Both return the shift
// as it is then.
func (e *Engine) Walked(ctx context.Context, o insole.OrgID, w insole.WorkerID, since time.Time) (insole.Stretch, error) {
	c, err := e.Said(ctx, o, w, func(c insole.CheckIns, wr Wearer, now time.Time) (Plan, error) {
		return ShiftBegan(c, wr, since, now, string(insole.ByWalking), Who{}), nil
	})
	return c.Shift, err
}

// Charged: see Walked.
func (e *Engine) Charged(ctx context.Context, o insole.OrgID, w insole.WorkerID, until time.Time) (insole.Stretch, error) {
	c, err := e.Said(ctx, o, w, func(c insole.CheckIns, wr Wearer, now time.Time) (Plan, error) {
		return ShiftEnded(c, wr, until, now, false, Who{}), nil
	})
	return c.Shift, err
}

// Due yields every worker with something due before now.
func (e *Engine) Due(ctx context.Context, now time.Time) iter.Seq2[store.DueCheckIn, error] {
	return e.Store.DueCheckIns(ctx, now)
}

// Look does what is due of one worker and asks for the next look. due is what a message was sent for, zero when it was not one: a message that
// came before its time goes on waiting, one for a time that nobody waits for any more ends here, so that every worker has one chain of messages.
func (e *Engine) Look(ctx context.Context, o insole.OrgID, w insole.WorkerID, due time.Time) error {
	out, err := e.Advance(ctx, o, w)
	if err != nil {
		return err
	}
	if !due.IsZero() && due.Equal(out.Due) && out.Due.After(e.Now()) {
		out.Changed = true
	}
	e.Ask(ctx, o, w, out)
	return nil
}
