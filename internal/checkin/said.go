package checkin

import (
	"time"

	"solewatch/internal/insole"
)

// Who says something about a worker: a user, or the worker (the zero Who).
type Who struct {
	User insole.UserID
	Name string
}

// line is something that w did.
func (w Who) line(at time.Time, what, text string) insole.CheckInLine {
	return insole.CheckInLine{At: at, What: what, Who: w.User, Name: w.Name, Text: text}
}

// begun is a plan that changes c, with the lines of what has been said; Schedule and the version are put right by ended.
func begun(c insole.CheckIns, lines ...insole.CheckInLine) Plan {
	return Plan{State: c, Changed: true, Log: lines}
}

func (p Plan) ended(w Wearer, now time.Time) Plan {
	Schedule(&p.State, w, now)
	p.State.Version++
	return p
}

// CheckedIn is c after the worker said at at, as far as the insole's clock can be believed, that all is well.
//
// It counts from when it was said, not from when it arrived: said in time and heard late, it ends the alarm that was raised meanwhile (marks
// it back to normal). What is not newer than what is known changes nothing, so twice is harmless and order does not matter. What is so old
// that another check-in should have followed it is written down and ends nothing.
func CheckedIn(c insole.CheckIns, w Wearer, at, now time.Time, how insole.How, who Who, note string) Plan {
	now = now.UTC()
	if at.IsZero() || at.After(now) {
		at = now
	}
	if !at.After(c.LastAt) {
		return Plan{State: c}
	}
	what := "check-in"
	late := !c.MissedAt.IsZero() || overdue(c, now) && at.After(c.Deadline)
	if late {
		what = "late-check-in"
	}
	e := every(c)
	fresh := e == 0 || at.Add(e+c.Grace).After(now)
	line := who.line(at, what, note)
	line.How = how
	p := begun(c, line)
	s := &p.State
	s.LastAt, s.LastHow, s.LastBy, s.LastName = at, how, who.User, who.Name
	if fresh {
		s.MissedAt = time.Time{}
		forget(s)
		p.Return = append(p.Return, insole.AlarmMissedCheckIn)
	}
	return p.ended(w, now)
}

// Asked sets how often the worker is asked during shifts. Whoever is overdue stays so, unless nothing is asked any more.
func Asked(c insole.CheckIns, w Wearer, now time.Time, every, remind, grace time.Duration, sms bool, who Who) Plan {
	now = now.UTC()
	p := begun(c, who.line(now, "set", every.String()))
	s := &p.State
	s.Every, s.Remind, s.Grace, s.SMS, s.SetAt = every, remind, grace, sms, now
	if every == 0 && s.Task.Every == 0 {
		s.MissedAt = time.Time{}
		forget(s)
	}
	return p.ended(w, now)
}

// Tasked asks for check-ins from now until ends, every so often, also off shift. It takes the place of the task there was. Every 0 ends it.
func Tasked(c insole.CheckIns, w Wearer, now time.Time, every time.Duration, ends time.Time, note string, who Who) Plan {
	now = now.UTC()
	what := "task"
	if every == 0 {
		what = "task-ended"
	}
	p := begun(c, who.line(now, what, note))
	s := &p.State
	s.Task = insole.Task{}
	if every > 0 {
		s.Task = insole.Task{Every: every, Began: now, EndsAt: ends.UTC(), Note: note, By: who.User, ByName: who.Name}
		if s.Grace == 0 { // nothing was ever set
			s.Remind, s.Grace = insole.DefaultRemind, insole.DefaultGrace
		}
	} else if s.Every == 0 {
		s.MissedAt = time.Time{}
		forget(s)
	}
	return p.ended(w, now)
}

// ShiftBegan begins a shift at since, by by: a user's ID, "worker" or insole.ByWalking. One that lasts already stays as it is.
func ShiftBegan(c insole.CheckIns, w Wearer, since, now time.Time, by string, who Who) Plan {
	if c.Shift.Lasts() || !c.Shift.Until.IsZero() && since.Before(c.Shift.Until) {
		return Plan{State: c}
	}
	now = now.UTC()
	line := who.line(now, "shift-began", "")
	if by == string(insole.ByWalking) {
		line.Name = by
	}
	p := begun(c, line)
	p.State.Shift = insole.Stretch{Since: since.UTC(), By: by}
	return p.ended(w, now)
}

// ShiftEnded ends the shift at until. By hand it says as well that all is well; by the charger (who is not given: hand is false) it does not,
// and a check-in that is overdue stays so.
func ShiftEnded(c insole.CheckIns, w Wearer, until, now time.Time, hand bool, who Who) Plan {
	if !c.Shift.Lasts() {
		return Plan{State: c}
	}
	now = now.UTC()
	line := who.line(now, "shift-ended", "")
	if !hand {
		line.Name = "charger"
	}
	p := begun(c, line)
	s := &p.State
	s.Shift.Until = later(until.UTC(), s.Shift.Since)
	if hand {
		s.LastAt, s.LastHow, s.LastBy, s.LastName, s.MissedAt = later(s.LastAt, now), insole.ByEndOfShift, who.User, who.Name, time.Time{}
		forget(s)
		p.Return = append(p.Return, insole.AlarmMissedCheckIn)
	}
	return p.ended(w, now)
}

// Announced begins an activity that is to end at ends. It takes the place of the one there was, which is written down; an alarm of that one
// is back to normal: the worker is there to announce another.
func Announced(c insole.CheckIns, w Wearer, now, ends time.Time, note string, who Who) Plan {
	now = now.UTC()
	p := begun(c)
	s := &p.State
	if s.Activity.Runs() {
		p.log(who.line(now, "activity-replaced", s.Activity.Note))
		if s.Activity.Raised {
			p.Return = append(p.Return, insole.AlarmAmber)
		}
	}
	p.log(who.line(now, "activity", note))
	s.Activity = insole.Activity{Note: note, Began: now, EndsAt: ends.UTC(), By: who.User, ByName: who.Name}
	return p.ended(w, now)
}

// Extended lets the activity end at ends. One that was overdue is back to normal.
func Extended(c insole.CheckIns, w Wearer, now, ends time.Time, who Who) Plan {
	if !c.Activity.Runs() {
		return Plan{State: c}
	}
	now = now.UTC()
	p := begun(c, who.line(now, "activity-extended", ends.UTC().Format(time.RFC3339)))
	a := &p.State.Activity
	if a.Raised {
		p.Return = append(p.Return, insole.AlarmAmber)
	}
	a.EndsAt, a.Told, a.Raised = ends.UTC(), false, false
	return p.ended(w, now)
}

// Finished ends the activity. Twice is once.
func Finished(c insole.CheckIns, w Wearer, now time.Time, who Who) Plan {
	if !c.Activity.Runs() {
		return Plan{State: c}
	}
	now = now.UTC()
	p := begun(c, who.line(now, "activity-ended", ""))
	p.State.Activity = insole.Activity{}
	p.Return = append(p.Return, insole.AlarmAmber)
	return p.ended(w, now)
}

// LinkWanted asks that the worker be sent a link of their own.
func LinkWanted(c insole.CheckIns, w Wearer, now time.Time, who Who) Plan {
	p := begun(c, who.line(now.UTC(), "link-wanted", ""))
	p.State.LinkAt = now.UTC()
	return p.ended(w, now)
}
