package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Steps asks for an alarm to be looked at again. *queue.Steps is one.
type Steps interface {
	// Send asks for a look at alarm a, of kind k, after wait, and for due (zero: at once). It may be lost: the stream and the sweep look too.
	Send(ctx context.Context, o insole.OrgID, a insole.AlarmID, k insole.AlarmKind, due time.Time, wait time.Duration) error
}

// MaxNote is the longest note, in bytes.
const MaxNote = 2000

// A Desk is what supervisors do with alarms. Its callers have checked that the user may, and take org from the session alone.
// Every method returns the alarm as it is afterwards. Errors wrap insole.ErrNotFound, ErrConflict, ErrAway or ErrInvalid.
type Desk struct {
	Store *store.Store
	Teams Directory // for how long an owner may do nothing; nil: owners do not lapse
	Steps Steps
	Now   func() time.Time
	Log   *slog.Logger // nil: silence
}

// Open lists the open alarms of org, strongly consistent, in no order.
func (d *Desk) Open(ctx context.Context, org insole.OrgID) ([]insole.Alarm, error) {
	return d.Store.OpenAlarms(ctx, org)
}

// Get reads an alarm of org with its pages and log.
func (d *Desk) Get(ctx context.Context, org insole.OrgID, id insole.AlarmID) (store.AlarmFile, error) {
	return d.Store.GetAlarmFile(ctx, org, id)
}

// Take makes user the owner of an open alarm: nobody is paged any more, and the wearer is to feel it (Felt). The first one wins; for everybody else it is ErrConflict, and
// the alarm returned says who has it. Taking what one has already changes nothing and is no error.
// What belongs to it, is no graver and has nobody yet is taken with it (along).
func (d *Desk) Take(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User) (insole.Alarm, error) {
	a, err := d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		switch {
		case !a.State.Open():
			return a, nil, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		case a.State == insole.Taken && a.Owner == user.ID:
			return a, nil, nil
		case a.State == insole.Taken:
			return a, nil, fmt.Errorf("alarm %s is taken by %s: %w", id, a.Owner, insole.ErrConflict)
		}
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.Shelf = insole.Taken, user.ID, user.Name, now, insole.Shelf{}
		a.NextStepAt = d.lapse(ctx, a, now)
		return a, &store.LogLine{At: now, What: "taken", Who: string(user.ID), Name: user.Name}, nil
	})
	if err == nil {
		d.along(ctx, a)
	}
	return a, err
}

// Resolve ends an open alarm with a reason and a note, which may be empty. Ending what has ended is ErrConflict, unless it was the
// same user with the same reason: then it is a repeat, and no error. The wearer is to feel the end (Felt).
func (d *Desk) Resolve(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, reason insole.Reason, note string) (insole.Alarm, error) {
	if !valid(reason) {
		return insole.Alarm{}, fmt.Errorf("reason %q: %w", reason, insole.ErrInvalid)
	}
	note, err := checkNote(note)
	if err != nil {
		return insole.Alarm{}, err
	}
	return d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		reason := reason
		if a.Drill { // it was one, whatever else it showed
			reason = insole.ReasonDrill
		}
		if !a.State.Open() {
			if a.EndedBy == string(user.ID) && a.Reason == reason {
				return a, nil, nil
			}
			return a, nil, fmt.Errorf("alarm %s has ended: %w", id, insole.ErrConflict)
		}
		a.State, a.EndedAt, a.EndedBy, a.Reason, a.NextStepAt, a.Shelf = insole.Resolved, now, string(user.ID), reason, time.Time{}, insole.Shelf{}
		if note != "" && !wearers(a) {
			a.Note = note
		}
		return a, &store.LogLine{At: now, What: "resolved", Who: string(user.ID), Name: user.Name, Text: strings.TrimSpace(string(reason) + " " + note)}, nil
	})
}

// Note adds a note, also to an alarm that has ended. The newest is the alarm's Note; all are in its log. A note by its owner shows that
// the owner is at work, and the alarm lapses that much later.
func (d *Desk) Note(ctx context.Context, org insole.OrgID, id insole.AlarmID, user insole.User, note string) (insole.Alarm, error) {
	note, err := checkNote(note)
	if err != nil {
		return insole.Alarm{}, err
	}
	if note == "" {
		return insole.Alarm{}, fmt.Errorf("empty note: %w", insole.ErrInvalid)
	}
	return d.change(ctx, org, id, func(a insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
		if !wearers(a) {
			a.Note = note
		}
		if a.State == insole.Taken && a.Owner == user.ID {
			a.NextStepAt = d.lapse(ctx, a, now)
		}
		return a, &store.LogLine{At: now, What: "note", Who: string(user.ID), Name: user.Name, Text: note}, nil
	})
}

// wearers says whether a's Note is what its wearer wrote for whoever comes: whoever comes later must find it too. What others say is in the log.
func wearers(a insole.Alarm) bool { return a.Kind == insole.AlarmAmber && a.Note != "" }

// attempts is how often a change is tried again when somebody else wrote the alarm in between.
const attempts = 8

// change reads the alarm, lets f change it, and writes it on condition that nobody else has. A nil log line means nothing to write.
func (d *Desk) change(ctx context.Context, org insole.OrgID, id insole.AlarmID,
	f func(insole.Alarm, time.Time) (insole.Alarm, *store.LogLine, error)) (insole.Alarm, error) {
	var err error
	for range attempts {
		var a insole.Alarm
		a, err = d.Store.GetAlarm(ctx, org, id)
		if err != nil {
			return a, err
		}
		next, line, ferr := f(a, d.Now().UTC())
		if ferr != nil || line == nil {
			return a, ferr
		}
		next.Version++
		also, lines := feel(ctx, d.Store, a, next)
		err = d.Store.SaveAlarm(ctx, next, nil, append([]store.LogLine{*line}, lines...), "", also...)
		if err == nil {
			if !next.NextStepAt.IsZero() && !next.NextStepAt.Equal(a.NextStepAt) {
				d.ask(ctx, next)
			}
			return next, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return a, err
		}
	}
	return insole.Alarm{}, err
}

func (d *Desk) ask(ctx context.Context, a insole.Alarm) {
	err := d.Steps.Send(ctx, a.Org, a.ID, a.Kind, a.NextStepAt, a.NextStepAt.Sub(d.Now()))
	if err != nil && d.Log != nil {
		d.Log.WarnContext(ctx, "step not asked for; the sweep will find it", "alarm", a.ID, "err", err)
	}
}

// lapse is when the owner of a, who did something at now, loses it; zero for never. A team that cannot be read costs the owner
// nothing but the default: taking charge must not depend on it.
func (d *Desk) lapse(ctx context.Context, a insole.Alarm, now time.Time) time.Time {
	if d.Teams == nil {
		return time.Time{}
	}
	team, err := d.Teams.Team(ctx, a.Org, a.Team)
	if err != nil {
		return now.Add(DefaultLapse)
	}
	if team.Lapse <= 0 {
		return time.Time{}
	}
	return now.Add(team.Lapse)
}

func valid(r insole.Reason) bool {
	for _, known := range insole.Reasons {
		if r == known {
			return true
		}
	}
	return false
}

func checkNote(note string) (string, error) {
	note = strings.TrimSpace(note)
	if len(note) > MaxNote {
		return "", fmt.Errorf("note of %d bytes, more than %d: %w", len(note), MaxNote, insole.ErrInvalid)
	}
	return note, nil
}
