// Package checkin asks workers whether they are well, and notices who does not answer: check-ins during a shift or a task, activities that
// should have ended, shifts that are begun by hand or by walking. Next decides and is pure; Engine stores what it decides, raises alarms and
// reminds. Why it is as it is: docs/adr/0018-check-ins.md.
package checkin

import (
	"strconv"
	"time"

	"solewatch/internal/insole"
)

// A Wearer is what must be known of a worker to decide.
type Wearer struct {
	Shifts  []insole.Shift
	By      insole.ShiftBy
	Feels   bool      // the insole can remind its wearer
	Phone   bool      // a text message can
	MovedAt time.Time // the last step that was heard of, of shifts by walking; zero when none was
}

// What a Reminder is about.
const (
	RemindBefore   = "before"   // a check-in will be due
	RemindDue      = "due"      // it is due
	RemindActivity = "activity" // an activity should end
	SendLink       = "link"     // no reminder: the worker's own link was asked for
)

// A Reminder is something that the worker is to be told.
type Reminder struct {
	What  string
	For   time.Time // when the check-in is due or the activity ends
	Until time.Time // telling it later makes no sense
	Foot  bool
	SMS   bool
}

// A Raise is an alarm to raise.
type Raise struct {
	Kind insole.AlarmKind
	Key  string // of the cause: told twice, it is the same
	At   time.Time
	Note string
}

// A Plan is what is to be stored (State, its Version one higher when Changed) and done.
type Plan struct {
	State   insole.CheckIns
	Changed bool
	Remind  []Reminder
	Raise   []Raise
	Return  []insole.AlarmKind // what is over
	Log     []insole.CheckInLine
}

// slack is how late a look may be before the delay is a fault of ours that the worker must not pay for.
const slack = 2 * time.Minute

// activityLead is when before its end an activity is reminded of: enough to walk out of a cellar and press. Of a short one it is a third.
const activityLead = 5 * time.Minute

// Next does to c whatever is due at now. Called again with what it returned, at the same time, it does nothing.
//
//	reminded     Remind before a check-in is due, and when it is
//	missed       Grace after it was due: an alarm, and the next one is waited for. Who did not look in time (an outage of ours) reminds first
//	             and waits Grace from then
//	task         ends
//	activity     reminded of shortly before its end; an alarm at its end
//	shift        by hand ends after LongestShift, by walking StillShift after the last step; neither while a check-in is overdue or an activity runs
//
// A check-in that has fallen due stays so, also when the shift ends: it was due on shift. Off shift nothing becomes due but what a task asks.
func Next(c insole.CheckIns, w Wearer, now time.Time) Plan {
	now = now.UTC()
	p := Plan{State: c}
	s := &p.State
	for range 20 { // of which each does something; three would do
		if !p.once(w, now) {
			break
		}
	}
	if !s.LinkAt.IsZero() {
		p.Remind = append(p.Remind, Reminder{What: SendLink, For: now, Until: now, SMS: true})
		p.log(insole.CheckInLine{At: now, What: "link"})
		s.LinkAt = time.Time{}
	}
	Schedule(s, w, now)
	if p.State != c {
		p.Changed = true
		s.Version++
	}
	return p
}

func (p *Plan) log(l insole.CheckInLine) { p.Log = append(p.Log, l) }

// once does one thing that is due, and says whether there was one.
func (p *Plan) once(w Wearer, now time.Time) bool {
	s := &p.State
	if end := shiftEnd(*s, w); s.Shift.Lasts() && !end.IsZero() && !end.After(now) {
		s.Shift.Until = end
		p.log(insole.CheckInLine{At: now, What: "shift-ended", Name: "clock", Text: end.Format(time.RFC3339)})
		return true
	}
	if s.Task.Every > 0 && !s.Task.EndsAt.After(now) && !overdue(*s, now) {
		p.log(insole.CheckInLine{At: now, What: "task-ended", Name: "clock"})
		s.Task = insole.Task{}
		return true
	}
	if a := &s.Activity; a.Runs() && !a.Raised {
		switch {
		case !a.EndsAt.After(now):
			a.Raised = true
			p.Raise = append(p.Raise, Raise{Kind: insole.AlarmAmber, At: a.EndsAt, Note: a.Note,
				Key: "activity@" + millis(a.Began) + "-" + millis(a.EndsAt)})
			p.log(insole.CheckInLine{At: now, What: "overdue", Text: a.EndsAt.Format(time.RFC3339)})
			return true
		case !a.Told && !activityRemindAt(*a).After(now):
			a.Told = true
			p.Remind = append(p.Remind, Reminder{What: RemindActivity, For: a.EndsAt, Until: a.EndsAt, Foot: w.Feels, SMS: w.Phone})
			return true
		}
	}
	expect(s, w, now)
	due := s.DueAt
	switch {
	case due.IsZero():
		return false
	case s.Told < 2 && !due.After(now):
		if now.Sub(due) > slack {
			s.Deadline = later(s.Deadline, now.Add(s.Grace))
		}
		s.Told = 2
		p.remind(RemindDue, w, !s.Texted && w.Phone)
		return true
	case s.Told < 1 && !due.Add(-s.Remind).After(now):
		s.Told = 1
		p.remind(RemindBefore, w, w.Phone && (s.SMS || !w.Feels))
		return true
	case s.Told == 2 && !s.Deadline.After(now):
		p.Raise = append(p.Raise, Raise{Kind: insole.AlarmMissedCheckIn, Key: "check-in@" + millis(due), At: due})
		p.log(insole.CheckInLine{At: now, What: "missed", Text: due.Format(time.RFC3339)})
		s.MissedAt = due
		if e := every(*s); !due.Add(e).After(now) { // after a long outage one alarm is enough
			s.MissedAt = now
		}
		forget(s)
		return true
	}
	return false
}

func (p *Plan) remind(what string, w Wearer, sms bool) {
	s := &p.State
	s.Texted = s.Texted || sms
	p.Remind = append(p.Remind, Reminder{What: what, For: s.DueAt, Until: s.Deadline, Foot: w.Feels, SMS: sms})
}

// Schedule brings what c waits for in line with what is asked, and sets LookAt. It does nothing that anybody notices: what is due already is
// for Next.
func Schedule(c *insole.CheckIns, w Wearer, now time.Time) {
	var look time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (look.IsZero() || t.Before(look)) {
			look = t
		}
	}
	at(expect(c, w, now))
	if !c.DueAt.IsZero() {
		at([]time.Time{c.DueAt.Add(-c.Remind), c.DueAt, c.Deadline}[min(c.Told, 2)])
	}
	if c.Task.Every > 0 && !overdue(*c, now) {
		at(c.Task.EndsAt)
	}
	if a := c.Activity; a.Runs() && !a.Raised {
		if a.Told {
			at(a.EndsAt)
		} else {
			at(activityRemindAt(a))
		}
	}
	if c.Shift.Lasts() {
		at(shiftEnd(*c, w))
	}
	at(c.LinkAt)
	c.LookAt = look
}

// expect sets the check-in that is waited for, unless one has fallen due and waits for its answer. It returns when another may begin to be
// waited for: the beginning of the next shift.
func expect(c *insole.CheckIns, w Wearer, now time.Time) (look time.Time) {
	if overdue(*c, now) {
		return time.Time{}
	}
	var due time.Time
	ask := func(from time.Time, every time.Duration, until time.Time, included bool) {
		d := later(later(from, c.LastAt), c.MissedAt).Add(every)
		if !until.IsZero() && (d.After(until) || d.Equal(until) && !included) {
			return
		}
		if due.IsZero() || d.Before(due) {
			due = d
		}
	}
	if c.Every > 0 {
		switch scheduled := w.By == insole.ByNothing || len(w.Shifts) > 0; {
		case scheduled:
			from, to, on, ok := insole.StretchAt(w.Shifts, now)
			switch {
			case on:
				ask(later(from, c.SetAt), c.Every, to, false)
				look = to
			case ok:
				look = from
			}
		case c.Shift.Lasts():
			ask(later(c.Shift.Since, c.SetAt), c.Every, time.Time{}, false)
		}
	}
	if t := c.Task; t.Every > 0 && t.EndsAt.After(now) {
		ask(t.Began, t.Every, t.EndsAt, true)
	}
	if !due.Equal(c.DueAt) || due.IsZero() {
		forget(c)
		if !due.IsZero() {
			c.DueAt = due
		}
	}
	if !due.IsZero() {
		c.Deadline = due.Add(c.Grace)
	}
	return look
}

func forget(c *insole.CheckIns) {
	c.DueAt, c.Deadline, c.Told, c.Texted = time.Time{}, time.Time{}, 0, false
}

// overdue says whether a check-in has fallen due that is not answered.
func overdue(c insole.CheckIns, now time.Time) bool { return !c.DueAt.IsZero() && !c.DueAt.After(now) }

// every is how often the worker is asked at most; 0 when not at all.
func every(c insole.CheckIns) time.Duration {
	e := c.Every
	if c.Task.Every > 0 && (e == 0 || c.Task.Every < e) {
		e = c.Task.Every
	}
	return e
}

// shiftEnd is when a shift that lasts ends by itself; zero while something is waited for that its end must not hide.
func shiftEnd(c insole.CheckIns, w Wearer) time.Time {
	if c.Activity.Runs() || c.Told == 2 {
		return time.Time{}
	}
	if c.Shift.By == string(insole.ByWalking) {
		return later(c.Shift.Since, w.MovedAt).Add(insole.StillShift)
	}
	return c.Shift.Since.Add(insole.LongestShift)
}

func activityRemindAt(a insole.Activity) time.Time {
	return a.EndsAt.Add(-min(activityLead, a.EndsAt.Sub(a.Began)/3))
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
