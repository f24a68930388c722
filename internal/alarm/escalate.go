package alarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// ErrDuress says that the wearer has called covertly, so that nothing may be felt on the foot. It wraps insole.ErrConflict.
var ErrDuress = fmt.Errorf("a covert call is open: %w", insole.ErrConflict)

// Escalate starts the next step of an open alarm at once, because user wants more people to know. step is the one that user sees as the last
// one started: when another has started since, or one is due already, the wish has come true, so that two clicks are one. A pre-alarm becomes
// an alarm. Whoever had charge has it no longer: pages go out for alarms only that nobody has, and whoever wants more people than came does not think that
// it is in hand; one click takes it back.
func (d *Desk) Escalate(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, step int) (insole.Alarm, error) {
	return d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		switch {
		case !a.State.Open():
			return a, nil, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		case a.Step != step, a.State == insole.Active && a.Shelf.Until.IsZero() && !a.NextStepAt.After(now):
			return a, nil, nil
		}
		line := &store.LogLine{At: now, What: "escalated", Who: string(user.ID), Name: user.Name, Text: a.OwnerName}
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.Shelf = insole.Active, "", "", time.Time{}, insole.Shelf{}
		a.NextStepAt = now
		return a, line, nil
	})
}

// signalWindow is for how long a second wish for the same signal is the same wish.
const signalWindow = 15 * time.Second

// Signal orders something of the insole of an open alarm: insole.CommandAskFix, a position now, of which nothing is felt, or insole.CommandSignal, a long
// buzz that asks the wearer to call. The alarm's log says that it was ordered and, of an insole whose answers can be told apart, what became of it. ErrInvalid for another command or an
// alarm without an insole, ErrDuress for what is felt while a covert call is open, ErrConflict when the alarm has ended.
func (d *Desk) Signal(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, c insole.Command) (insole.Alarm, error) {
	if c != insole.CommandAskFix && c != insole.CommandSignal {
		return insole.Alarm{}, fmt.Errorf("command %q: %w", c, insole.ErrInvalid)
	}
	var err error
	for range attempts {
		var a insole.Alarm
		a, err = d.Store.GetAlarm(ctx, org, id)
		switch {
		case err != nil:
			return a, err
		case !a.State.Open():
			return a, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		case a.Insole == "":
			return a, fmt.Errorf("alarm %s has no insole: %w", id, insole.ErrInvalid)
		}
		now := d.Now().UTC()
		order := insole.NewDownlink(a.Insole, org, a.ID, c, now.Truncate(signalWindow))
		if a.Insole.Speaks() != insole.SOLE { // its answer does not say to what: it is asked for a moment, and the log claims nothing
			order.Alarm, order.EndsAt = "", order.MadeAt.Add(2*signalWindow)
		}
		if _, err = d.Store.GetDownlink(ctx, order.Insole, order.ID); err == nil {
			return a, nil // ordered, and not answered yet
		} else if !errors.Is(err, insole.ErrNotFound) {
			return a, err
		}
		line := store.LogLine{At: now, What: "sent-" + string(c), Who: string(user.ID), Name: user.Name}
		var also []store.Also
		if c == insole.CommandSignal {
			switch _, err = d.Store.OpenAlarm(ctx, org, a.Worker, insole.AlarmCovertSOS); {
			case err == nil:
				return a, fmt.Errorf("signal to %s: %w", a.Worker, ErrDuress)
			case !errors.Is(err, insole.ErrNotFound):
				return a, err
			}
			also = append(also, store.NoDuress(org, a.Worker))
		}
		if c == insole.CommandSignal && a.Insole.Speaks() != insole.SOLE {
			line.What, also = "unable-"+string(c), nil
		} else {
			also = append(also, store.Order(order))
		}
		a.Version++
		if err = d.Store.SaveAlarm(ctx, a, nil, []store.LogLine{line}, "", also...); err == nil {
			return a, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return a, err
		}
	}
	return insole.Alarm{}, err
}
