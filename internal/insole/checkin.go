package insole

import "time"

// A ShiftBy says how the shift of a worker without a schedule begins and ends.
type ShiftBy string

const (
	ByNothing ShiftBy = ""        // by the schedule; without one, always at work
	ByHand    ShiftBy = "hand"    // somebody says so
	ByWalking ShiftBy = "walking" // the wearer walks, until the insole is on its charger or has not moved for long; or by hand
)

// Never is a shift that nobody is ever on: of somebody whose shift has not begun.
var Never = []Shift{{Zone: "UTC"}}

// What a worker's check-ins may be set to, and what they are where nobody says.
const (
	MinEvery = 5 * time.Minute // more often and nobody can work
	MaxEvery = 8 * time.Hour   // less often and it protects nobody

	DefaultRemind = 5 * time.Minute // enough to stop what one is doing and put a foot down twice, too little to forget it again
	DefaultGrace  = 5 * time.Minute // a door, a phone call, a ladder to climb down. Half of the check-ins that are missed are only late
	MaxRemind     = time.Hour
	MaxGrace      = time.Hour

	MinActivity = time.Minute
	MaxActivity = 24 * time.Hour
	MaxNote     = 500 // characters

	// LongestShift ends a shift by hand that nobody has ended: longer than any shift that the law allows, shorter than a day.
	LongestShift = 16 * time.Hour
	// StillShift ends a shift by walking after so long without a step: longer than a meal, a meeting or a drive, shorter than a night.
	StillShift = 3 * time.Hour
)

// A How says in which way a worker checked in.
type How string

const (
	ByFoot       How = "foot"
	ByLink       How = "link"       // of a text message, by the worker
	ByPerson     How = "person"     // somebody has spoken to them, and says who they are
	ByEndOfShift How = "shift-ends" // said by hand that the shift is over
)

// CheckIns is what is asked of one worker, and how far it has come. What is due when is decided by internal/checkin.
type CheckIns struct {
	Org    OrgID
	Worker WorkerID

	Every  time.Duration // during every shift; 0 = none
	Remind time.Duration // before it is due
	Grace  time.Duration // after it was due, before it is an alarm
	SMS    bool          // remind by text message also whom the insole can remind
	SetAt  time.Time     // when these were last set: nothing is due on account of what was not asked yet

	Task     Task
	Shift    Stretch // by hand or by walking
	Activity Activity

	DueAt    time.Time // of the check-in that is waited for; zero when none is
	Deadline time.Time // of it: missed from then on
	Told     int       // reminders of it given: 0, 1 before, 2 when it was due
	Texted   bool      // one of them by text message
	LookAt   time.Time // when there is something to do next; zero for never

	LastAt   time.Time // when the worker last checked in, as far as it can be believed
	LastHow  How
	LastBy   UserID // of ByPerson
	LastName string
	MissedAt time.Time // the last one that was missed since LastAt; zero for none

	LinkAt time.Time // the worker is to be sent a link of their own, asked for then; zero for no

	Version int64 // goes up by one with every write
}

// A Task asks for check-ins until a given time, on shift or off, beside those of the shift.
type Task struct {
	Every  time.Duration // 0 = no task
	Began  time.Time
	EndsAt time.Time
	Note   string
	By     UserID // "" for the worker
	ByName string
}

// A Stretch is one shift that somebody or their steps began. The zero Stretch is none.
type Stretch struct {
	Since, Until time.Time // Until is zero while it lasts
	By           string    // "walking", "worker" or a user's ID
}

// Lasts says whether s has begun and not ended.
func (s Stretch) Lasts() bool { return !s.Since.IsZero() && s.Until.IsZero() }

// Holds says whether at is in s.
func (s Stretch) Holds(at time.Time) bool {
	return !s.Since.IsZero() && !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until))
}

// An Activity is what a worker announces to do until a given time: not ended by then, it is an amber alarm. Note may say what responders must
// know of their health, and is shown to nobody else.
type Activity struct {
	Note   string
	Began  time.Time // zero = no activity
	EndsAt time.Time
	By     UserID // "" for the worker
	ByName string
	Told   bool // the worker was reminded of the end
	Raised bool // not ended in time, and the alarm was raised
}

// Runs says whether there is one that has not been ended, in time or not.
func (a Activity) Runs() bool { return !a.Began.IsZero() }

// A CheckInLine says one thing that happened to the check-ins of a worker. Lines are only ever added.
type CheckInLine struct {
	At   time.Time
	What string // check-in, late-check-in, reminded, missed, set, task, task-ended, shift-began, shift-ended, activity, activity-replaced, activity-extended, activity-ended, overdue, link
	How  How
	Who  UserID // "" for the worker or nobody
	Name string
	Text string // a note, or a time; not for machines
}

// OnShift says whether a worker with these shifts, who begins them by by, is at work at at. c may be nil: nothing is known of a shift then.
func OnShift(shifts []Shift, by ShiftBy, c *CheckIns, at time.Time) bool {
	if by == ByNothing || len(shifts) > 0 {
		return On(shifts, at)
	}
	return c != nil && c.Shift.Holds(at)
}

// StretchAt is the shift that at falls in, or the next one after it; on says which. Without shifts it is always, from the zero time to the zero
// time. ok is false when there is none within a week, or a zone is not known.
func StretchAt(shifts []Shift, at time.Time) (from, to time.Time, on, ok bool) {
	if len(shifts) == 0 {
		return time.Time{}, time.Time{}, true, true
	}
	for _, s := range shifts {
		loc, err := time.LoadLocation(s.Zone)
		if err != nil {
			return time.Time{}, time.Time{}, true, true // as On has it
		}
		day := at.In(loc)
		for n := -1; n <= 8; n++ {
			d := time.Date(day.Year(), day.Month(), day.Day()+n, 0, 0, 0, 0, loc)
			for _, w := range s.Days {
				if d.Weekday() != w {
					continue
				}
				begins, ends := atClock(d, s.From, 0), atClock(d, s.To, 0)
				if s.To <= s.From {
					ends = atClock(d, s.To, 1)
				}
				if !ends.After(at) {
					continue
				}
				in := !begins.After(at)
				switch {
				case in && on: // two at once: the one that ends later
					if ends.After(to) {
						to = ends
					}
					if begins.Before(from) {
						from = begins
					}
				case in, !on && (!ok || begins.Before(from)):
					from, to, on, ok = begins, ends, in, true
				}
			}
		}
	}
	return from, to, on, ok
}

func atClock(day time.Time, c time.Duration, more int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+more, int(c/time.Hour), int(c%time.Hour/time.Minute), int(c%time.Minute/time.Second), 0, day.Location()).UTC()
}
