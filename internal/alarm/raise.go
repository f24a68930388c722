package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A Cause is why an alarm is to be raised.
type Cause struct {
	ID         insole.AlarmID // insole.NewAlarmID of it
	Org        insole.OrgID
	Team       insole.TeamID
	Worker     insole.WorkerID
	WorkerName string
	Insole     insole.ID
	Kind       insole.AlarmKind
	Key        string          // of the report, or "silence@…"
	SentAt     time.Time       // as far as the insole's clock can be believed
	Fix        *insole.Fix     // the newest known
	Hold       time.Duration   // of a pre-alarm: how long the wearer may cancel; 0 raises at once
	Press      bool            // somebody asked for help by hand: while the alarm is open it escalates at once
	Confirmed  bool            // not a pre-alarm: a pending alarm becomes active
	Locale     string          // of the org
	Guess      insole.Guess    // of lost contact, and of a technical alarm about an insole
	Drill      bool            // an exercise
	Note       string          // of whoever raised it by hand
	Who        string          // "wearer" or "watchdog", or a user's ID
	Name       string          // of that user
	Set        *insole.Setting // what holds for it, where that is not Team's to say; nil: Team says it
}

// setting is what holds for c, which pages team t.
func (c Cause) setting(t insole.Team) insole.Setting {
	if c.Set != nil {
		return *c.Set
	}
	return t.Setting(c.Kind)
}

// A Raiser stores alarms. It never pages: that is done from what is stored.
type Raiser struct {
	Store  *store.Store
	Teams  Directory
	Steps  Steps
	Topics func(insole.OrgID, insole.TeamID) string // a team's topic, for the address of e-mail pages
	Now    func() time.Time
	Log    *slog.Logger
}

// Raise stores the alarm of c with the pages of its first step. raised is false when there was nothing to raise: the very cause has its
// alarm already, or an alarm of this worker and kind is open and the cause has joined it. A second press escalates the open one at once,
// also when somebody has taken it: help has not come. A kind that the team has switched off raises nothing. The error wraps insole.ErrAway when the alarm may not have been stored.
func (r *Raiser) Raise(ctx context.Context, c Cause) (a insole.Alarm, raised bool, err error) {
	policy, err := policyOf(ctx, r.Teams, r.Topics, c.Org, c.Team, c.Locale)
	if err != nil {
		return a, false, fmt.Errorf("raising %s of %s: %w", c.Kind, c.Worker, err)
	}
	set := c.setting(policy.Team)
	if set.Off { // whoever raises may not have known; every raiser passes here
		err := r.Store.PutRefusal(ctx, store.Refusal{Org: c.Org, Worker: c.Worker, Insole: c.Insole, Kind: c.Kind, Why: store.RefusedOff,
			At: r.Now().UTC(), Report: c.Key, Data: because(ctx)})
		if err != nil {
			r.Log.WarnContext(ctx, "not written down that it is switched off", "worker", c.Worker, "kind", c.Kind, "err", err)
		}
		return a, false, nil
	}
	if c.Hold > 0 {
		c.Hold = max(c.Hold, set.PreAlarm)
	}
	in := r.around(ctx, c, set, r.Now().UTC())
	for range attempts {
		now := r.Now().UTC()
		plan := start(c, in, policy, now)
		plan.Log[0].Data = because(ctx)
		err = r.Store.RaiseAlarm(ctx, plan.Alarm, plan.Pages, plan.Log)
		switch {
		case err == nil:
			if plan.Silent {
				r.Log.ErrorContext(ctx, "alarm reaches nobody", "org", c.Org, "team", c.Team, "alarm", c.ID)
			}
			r.ask(ctx, plan.Alarm, len(plan.Pages) > 0, now)
			r.hush(ctx, c)
			return plan.Alarm, true, nil
		case errors.Is(err, store.ErrSameCause):
			r.ask(ctx, insole.Alarm{Org: c.Org, ID: c.ID, Kind: c.Kind}, true, now) // whoever stored it may have died before it asked
			r.hush(ctx, c)
			return plan.Alarm, false, nil
		case errors.Is(err, store.ErrOpen):
			a, err = r.join(ctx, c, policy, now)
			if err == nil || errors.Is(err, store.ErrSameCause) {
				return a, false, nil
			}
			if !errors.Is(err, insole.ErrConflict) && !errors.Is(err, insole.ErrNotFound) {
				return a, false, err
			}
			// It was written or ended meanwhile: look again.
		case !errors.Is(err, insole.ErrConflict):
			return a, false, err
		}
	}
	return a, false, err
}

// hush takes back what is still to be felt on the foot of somebody who has just called for help covertly.
func (r *Raiser) hush(ctx context.Context, c Cause) {
	if c.Kind != insole.AlarmCovertSOS || c.Insole == "" {
		return
	}
	if err := r.Store.HushInsole(ctx, c.Insole); err != nil {
		r.Log.ErrorContext(ctx, "downlinks not withdrawn from under a covert call", "alarm", c.ID, "err", err)
	}
}

// join makes c part of the open alarm of its worker and kind.
func (r *Raiser) join(ctx context.Context, c Cause, policy Policy, now time.Time) (insole.Alarm, error) {
	id, err := r.Store.OpenAlarm(ctx, c.Org, c.Worker, c.Kind)
	if err != nil {
		return insole.Alarm{}, err
	}
	a, err := r.Store.GetAlarm(ctx, c.Org, id)
	if err != nil {
		return a, err
	}
	if !a.State.Open() {
		return a, fmt.Errorf("alarm %s has just ended: %w", id, insole.ErrConflict)
	}
	next, line := again(a, c, policy.Team, now)
	if line == nil {
		return a, r.Store.AliasAlarm(ctx, c.Org, c.ID, id)
	}
	line.Data = because(ctx)
	plan := Next(next, policy, now)
	plan.Alarm.Version = a.Version + 1
	also, _ := feel(ctx, r.Store, a, plan.Alarm)
	err = r.Store.SaveAlarm(ctx, plan.Alarm, plan.Pages, append([]store.LogLine{*line}, plan.Log...), c.ID, also...)
	if err != nil {
		return a, err
	}
	r.ask(ctx, plan.Alarm, len(plan.Pages) > 0, now)
	return plan.Alarm, nil
}

// again is a after c was told while a was open. A nil line means that it changes nothing.
func again(a insole.Alarm, c Cause, t insole.Team, now time.Time) (insole.Alarm, *store.LogLine) {
	line := &store.LogLine{At: now, What: "pressed", Who: c.Who, Text: c.Key}
	switch {
	case a.Drill && !c.Drill && c.Kind != insole.AlarmDrill:
		// In earnest now: whoever was told, or has charge, has it for an exercise. The team's list is gone through from its beginning.
		line.What = "raised"
		a.Drill, a.Cause, a.SentAt, a.RaisedAt, a.Note = false, c.Key, c.SentAt, now, c.Note
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.Shelf = insole.Active, "", "", time.Time{}, insole.Shelf{}
		a.Base, a.NextStepAt = a.Step, now
	case c.Press:
		a.Presses++
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.Shelf = insole.Active, "", "", time.Time{}, insole.Shelf{}
		a.NextStepAt = now
	case c.Confirmed && a.State == insole.Pending:
		line.What = "activated"
		a = Activate(a, t, now)
	case c.Hold > 0 && a.State == insole.Pending && c.Key > a.Cause:
		// A newer pre-alarm: a cancel of the one before no longer counts. The deadline stays, which is the safe side.
		a.Cause = c.Key
		line.What = "raised"
	case c.Confirmed && !a.ReturnedAt.IsZero() && c.SentAt.After(a.ReturnedAt.Add(-time.Minute)):
		line.What = "raised" // it was over, and has begun again: whoever has it sees so
	default:
		return a, nil
	}
	if c.Fix != nil && (a.Fix == nil || c.Fix.At.After(a.Fix.At)) {
		a.Fix = c.Fix
	}
	a.ReturnedAt = time.Time{}
	return a, line
}

// start is the alarm of c, and of what it is raised in, as it is first stored, with whatever of it is due at once.
func start(c Cause, in around, policy Policy, now time.Time) Plan {
	a := insole.Alarm{
		ID: c.ID, Org: c.Org, Team: c.Team, Worker: c.Worker, WorkerName: c.WorkerName, Insole: c.Insole, Kind: c.Kind, Cause: c.Key,
		Priority: c.setting(policy.Team).Priority, SentAt: c.SentAt, RaisedAt: now, Fix: c.Fix, Guess: c.Guess, Drill: c.Drill, Note: c.Note,
	}
	if c.Press {
		a.Presses = 1
	}
	if c.Hold > 0 {
		a.State, a.Deadline = insole.Pending, now.Add(c.Hold)
		a.NextStepAt = a.Deadline
	} else {
		a = Activate(a, policy.Team, now)
	}
	a, lines := in.apply(a, now)
	plan := Next(a, policy, now)
	plan.Log = append(append([]store.LogLine{{At: now, What: "raised", Who: c.Who, Name: c.Name, Text: c.Key}}, lines...), plan.Log...)
	plan.Alarm.Version = 1
	return plan
}

// Cancel ends the pending alarm of a worker and kind because its wearer said so, in the report named key, before the deadline. An alarm that
// is active already is not the wearer's to end any more, and a cancel that is older than the pre-alarm was for another one (keys of one
// insole sort by boot and sequence): cancelled is then false, as when there is no alarm.
func (r *Raiser) Cancel(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) (cancelled bool, err error) {
	return r.amend(ctx, o, w, k, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine) {
		if a.State != insole.Pending || a.Cause >= key {
			return a, nil
		}
		a.State, a.EndedAt, a.EndedBy, a.NextStepAt = insole.Cancelled, now, "wearer", time.Time{}
		return a, &store.LogLine{At: now, What: "cancelled", Who: "wearer", Text: key}
	})
}

// Return marks the open alarm of a worker and kind as one whose condition is over by itself. It stays open until a person has seen it.
func (r *Raiser) Return(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) error {
	return r.ReturnBy(ctx, o, w, k, key, insole.User{ID: "wearer"})
}

// ReturnBy is Return where somebody else says that it is over.
func (r *Raiser) ReturnBy(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string, by insole.User) error {
	_, err := r.amend(ctx, o, w, k, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine) {
		if !a.ReturnedAt.IsZero() {
			return a, nil
		}
		a.ReturnedAt = now
		return a, &store.LogLine{At: now, What: "returned", Who: string(by.ID), Name: by.Name, Text: key}
	})
	return err
}

func (r *Raiser) amend(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind,
	f func(insole.Alarm, time.Time) (insole.Alarm, *store.LogLine)) (bool, error) {
	var err error
	for range attempts {
		var id insole.AlarmID
		id, err = r.Store.OpenAlarm(ctx, o, w, k)
		if errors.Is(err, insole.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var a insole.Alarm
		a, err = r.Store.GetAlarm(ctx, o, id)
		if err != nil {
			return false, err
		}
		next, line := f(a, r.Now().UTC())
		if line == nil || !a.State.Open() {
			return false, nil
		}
		line.Data = because(ctx)
		next.Version++
		err = r.Store.SaveAlarm(ctx, next, nil, []store.LogLine{*line}, "")
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return false, err
		}
	}
	return false, err
}

// ask sends the step messages for what a now waits for: its pages at once, its next step in time.
func (r *Raiser) ask(ctx context.Context, a insole.Alarm, pages bool, now time.Time) {
	var errs []error
	if pages {
		errs = append(errs, r.Steps.Send(ctx, a.Org, a.ID, a.Kind, time.Time{}, 0))
	}
	if !a.NextStepAt.IsZero() {
		errs = append(errs, r.Steps.Send(ctx, a.Org, a.ID, a.Kind, a.NextStepAt, a.NextStepAt.Sub(now)))
	}
	if err := errors.Join(errs...); err != nil {
		r.Log.WarnContext(ctx, "step not asked for; the stream or the sweep will find it", "alarm", a.ID, "err", err)
	}
}

// policyOf reads whom to page. A team that is not there is one without steps: its alarms are raised all the same, and are seen to reach nobody.
func policyOf(ctx context.Context, d Directory, topics func(insole.OrgID, insole.TeamID) string, o insole.OrgID, t insole.TeamID, locale string) (Policy, error) {
	team, err := d.Team(ctx, o, t)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		return Policy{}, fmt.Errorf("team %s: %w", t, err)
	}
	contacts, err := d.Contacts(ctx, o)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		return Policy{}, fmt.Errorf("contacts of %s: %w", o, err)
	}
	return Policy{Team: team, Contacts: contacts, Topic: topics(o, t), Locale: locale}, nil
}
