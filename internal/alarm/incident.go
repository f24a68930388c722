package alarm

import (
	"context"
	"errors"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// IncidentGap is how soon after an open alarm of the same worker another one belongs to the same incident. A fall is followed by stillness
// within a minute or two, and by lost contact after three of the insole's intervals, which is nine minutes at one every three; what comes later
// than ten minutes after the last is looked at as something new.
const IncidentGap = 10 * time.Minute

// aroundPatience is how long raising an alarm may wait for what else there is. Help does not depend on it: without an answer the alarm stands
// by itself, is not set aside, and pages.
const aroundPatience = 300 * time.Millisecond

// around is what an alarm is raised in: the incident it belongs to, who has charge of that, and whether a person has set such alarms aside.
type around struct {
	incident insole.AlarmID // "" when it is the first
	owner    insole.Alarm   // a taken alarm of the incident that outweighs this one; zero when there is none
	shelf    insole.Shelf
}

// around reads what c is raised in. Whether somebody has charge, and what is set aside, is asked for alarms only in which nobody's life may be at
// stake: a call for help, a fall, whatever its team ranks first, pages always, also when somebody is on the way because of something else.
func (r *Raiser) around(ctx context.Context, c Cause, set insole.Setting, now time.Time) (in around) {
	if c.Drill || c.Kind == insole.AlarmDrill {
		return in
	}
	ctx, cancel := context.WithTimeout(ctx, aroundPatience)
	defer cancel()
	a := insole.Alarm{Kind: c.Kind, Priority: set.Priority}
	rows, err := r.Store.OpenOf(ctx, c.Org, c.Worker)
	if err != nil {
		r.Log.WarnContext(ctx, "incident not known; the alarm stands by itself", "alarm", c.ID, "err", err)
	}
	var first store.OpenRow
	for _, row := range rows {
		if row.Kind == insole.AlarmDrill || row.Drill || row.Alarm == c.ID || now.Sub(row.RaisedAt) > IncidentGap {
			continue
		}
		if in.incident == "" || row.RaisedAt.Before(first.RaisedAt) {
			in.incident, first = row.Incident, row
		}
		if a.Rank() == 1 || c.Press || c.Hold > 0 {
			continue
		}
		if other, err := r.Store.GetAlarm(ctx, c.Org, row.Alarm); err == nil && other.State == insole.Taken && other.Weight() <= a.Weight() {
			in.owner = other
		}
	}
	if !a.Shelvable() {
		return in
	}
	n, err := r.Store.NuisanceOf(ctx, c.Org, c.Worker, c.Kind, now)
	switch {
	case err == nil:
		in.shelf = n.Shelf
	case !errors.Is(err, insole.ErrNotFound):
		r.Log.WarnContext(ctx, "not known whether set aside; the alarm is not", "alarm", c.ID, "err", err)
	}
	return in
}

// apply is a, which is about to be stored for the first time, in its surroundings, and the lines that say so.
func (in around) apply(a insole.Alarm, now time.Time) (insole.Alarm, []store.LogLine) {
	a.Incident = a.ID
	if in.incident != "" {
		a.Incident = in.incident
	}
	switch {
	case a.State != insole.Active:
	case in.owner.State == insole.Taken:
		o := in.owner
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.NextStepAt = insole.Taken, o.Owner, o.OwnerName, now, o.NextStepAt
		return a, []store.LogLine{{At: now, What: "taken", Who: string(o.Owner), Name: o.OwnerName, Text: "with " + o.ID.Reference()}}
	case in.shelf.Holds(now):
		a.Shelf, a.NextStepAt = in.shelf, in.shelf.Until
		return a, []store.LogLine{{At: now, What: "shelved", Who: string(in.shelf.By), Name: in.shelf.Name, Text: in.shelf.Why}}
	}
	return a, nil
}

// along gives the owner of a what else belongs to it: the active alarms of its incident that nobody has and that are no graver. A call for help
// by hand is only ever taken by itself, since whoever takes a fall may not know of it, and a pre-alarm is still the wearer's to cancel. What
// cannot be written goes on paging.
func (d *Desk) along(ctx context.Context, a insole.Alarm) {
	if a.State != insole.Taken {
		return
	}
	rows, err := d.Store.OpenOf(ctx, a.Org, a.Worker)
	if err != nil {
		d.warn(ctx, "the rest of the incident not taken", a, err)
		return
	}
	for _, row := range rows {
		if row.Incident != a.Incident || row.Alarm == a.ID {
			continue
		}
		_, err := d.change(ctx, a.Org, row.Alarm, func(b insole.Alarm, now time.Time) (insole.Alarm, *store.LogLine, error) {
			if b.State != insole.Active || b.Weight() == 0 || b.Weight() < a.Weight() || b.Drill != a.Drill {
				return b, nil, nil
			}
			b.State, b.Owner, b.OwnerName, b.TakenAt, b.Shelf = insole.Taken, a.Owner, a.OwnerName, now, insole.Shelf{}
			b.NextStepAt = d.lapse(ctx, b, now)
			return b, &store.LogLine{At: now, What: "taken", Who: string(a.Owner), Name: a.OwnerName, Text: "with " + a.ID.Reference()}, nil
		})
		if err != nil {
			d.warn(ctx, "the rest of the incident not taken", a, err)
		}
	}
}

func (d *Desk) warn(ctx context.Context, what string, a insole.Alarm, err error) {
	if d.Log != nil {
		d.Log.WarnContext(ctx, what, "org", a.Org, "alarm", a.ID, "err", err)
	}
}
