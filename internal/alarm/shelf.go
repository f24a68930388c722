package alarm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// ErrLatched says that something is not to be put out of sight: it may not be set aside, or its end wants a reason. It wraps insole.ErrInvalid.
var ErrLatched = fmt.Errorf("somebody may be in need: %w", insole.ErrInvalid)

// shelf is what time does to an active alarm that is set aside.
func (plan *Plan) shelf(now time.Time) {
	a := &plan.Alarm
	switch {
	case a.Shelf.Until.IsZero():
	case !a.Shelf.Holds(now):
		a.Shelf, a.NextStepAt = insole.Shelf{}, now
		plan.log(now, "unshelved", "clock", "")
	case !a.NextStepAt.Equal(a.Shelf.Until):
		a.NextStepAt, plan.Changed = a.Shelf.Until, true
	}
}

// Shelve sets an active alarm aside for span, because of why: it stays open, and pages nobody meanwhile. With all, so are those of the same
// worker and kind that are raised until then. Again, it begins anew. ErrLatched for kinds that may not be (insole.Alarm.Shelvable), ErrInvalid
// for a span outside insole.MinShelf and MaxShelf or no reason, ErrConflict when somebody has charge or it has ended.
func (d *Desk) Shelve(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, span time.Duration, why string, all bool) (insole.Alarm, error) {
	why = strings.TrimSpace(why)
	if span < insole.MinShelf || span > insole.MaxShelf || why == "" || len(why) > insole.MaxShelfWhy {
		return insole.Alarm{}, fmt.Errorf("setting aside for %s because of %d bytes: %w", span, len(why), insole.ErrInvalid)
	}
	shelf := insole.Shelf{Until: d.Now().UTC().Add(span), By: user.ID, Name: user.Name, Why: why}
	a, err := d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		switch {
		case !a.Shelvable():
			return a, nil, fmt.Errorf("alarm %s of kind %s set aside: %w", id, a.Kind, ErrLatched)
		case a.State != insole.Active:
			return a, nil, fmt.Errorf("alarm %s is %s: %w", id, a.State, insole.ErrConflict)
		}
		a.Shelf, a.NextStepAt = shelf, shelf.Until
		return a, &store.LogLine{At: now, What: "shelved", Who: string(user.ID), Name: user.Name, Text: fmt.Sprintf("%d min: %s", int(span.Minutes()), why)}, nil
	})
	if err == nil && all {
		err = d.Store.PutNuisance(ctx, insole.Nuisance{Org: org, Worker: a.Worker, Kind: a.Kind, MadeAt: d.Now().UTC(), Shelf: shelf})
	}
	return a, err
}

// Unshelve takes an alarm back, and with it whatever of its worker and kind is set aside: its next step starts at once. One that is not set
// aside stays as it is.
func (d *Desk) Unshelve(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User) (insole.Alarm, error) {
	a, err := d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		if !a.State.Open() {
			return a, nil, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		}
		if a.Shelf.Until.IsZero() {
			return a, nil, nil
		}
		a.Shelf, a.NextStepAt = insole.Shelf{}, now
		return a, &store.LogLine{At: now, What: "unshelved", Who: string(user.ID), Name: user.Name}, nil
	})
	if err != nil {
		return a, err
	}
	return a, d.Store.EndNuisance(ctx, org, a.Worker, a.Kind)
}

// Nuisances are what is set aside for whole workers and kinds.
func (d *Desk) Nuisances(ctx context.Context, org insole.OrgID) ([]insole.Nuisance, error) {
	return d.Store.Nuisances(ctx, org, d.Now())
}

// EndNuisance takes it back, and with it the alarm that is set aside because of it.
func (d *Desk) EndNuisance(ctx context.Context, org insole.OrgID, w insole.WorkerID, k insole.AlarmKind, user insole.User) error {
	id, err := d.Store.OpenAlarm(ctx, org, w, k)
	if err == nil {
		_, err = d.Unshelve(ctx, org, id, user)
	}
	if err != nil && !errors.Is(err, insole.ErrNotFound) && !errors.Is(err, insole.ErrConflict) {
		return err
	}
	return d.Store.EndNuisance(ctx, org, w, k)
}

// Seen ends an alarm whose condition was over by itself, because user has seen that: one click, no questions. ErrLatched for a call for help
// or a fall, whose end wants a reason; ErrConflict when it is not over, or begins again just then, or has ended otherwise.
func (d *Desk) Seen(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User) (insole.Alarm, error) {
	return d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		switch {
		case a.Weight() == 0 || a.Kind == insole.AlarmFall || a.Drill:
			return a, nil, fmt.Errorf("alarm %s of kind %s seen: %w", id, a.Kind, ErrLatched)
		case !a.State.Open() && a.Reason == insole.ReasonReturned && a.EndedBy == string(user.ID):
			return a, nil, nil
		case !a.State.Open():
			return a, nil, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		case a.ReturnedAt.IsZero():
			return a, nil, fmt.Errorf("alarm %s is not over: %w", id, insole.ErrConflict)
		}
		a.State, a.EndedAt, a.EndedBy, a.Reason, a.NextStepAt, a.Shelf = insole.Resolved, now, string(user.ID), insole.ReasonReturned, time.Time{}, insole.Shelf{}
		return a, &store.LogLine{At: now, What: "seen", Who: string(user.ID), Name: user.Name}, nil
	})
}
