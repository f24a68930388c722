package insole

import (
	"errors"
	"time"
	_ "time/tzdata" // Lambda's image has no zones of its own
)

// What callers act on. Adapters wrap these; stages test with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")                // somebody else was first, or it is no longer what it was
	ErrAway     = errors.New("store cannot be reached") // a fault of ours; nothing is known about the question asked
	ErrInvalid  = errors.New("invalid")
)

// An Org is one tenant. Nothing crosses from one to another.
type Org struct {
	ID        OrgID
	Name      string
	Locale    string // "fr" or "en"
	Operators TeamID // who is paged about what concerns no worker: technical alarms, a team nobody watches; "" = shown on the board only
}

// A Team is who works together, and who is told.
type Team struct {
	Org      OrgID
	ID       TeamID
	Name     string
	Steps    []Step        // escalation, in order; the last repeats until somebody has taken charge
	Lapse    time.Duration // an owner who does nothing for so long loses the alarm; 0 = never
	Repeat   time.Duration // between repeats of the last step
	Fallback string        // E.164 number paged when a step reaches nobody

	Hours      []Shift  // when Steps is in force, where there is OutOfHours; none = always
	OutOfHours []Step   // escalation at all other hours; none = Steps
	Settings   Settings // of its alarms, by kind
}

// A Step is one stage of an escalation.
type Step struct {
	Delay    time.Duration // after the step before; of the first, after the alarm
	Contacts []ContactID
	Channels []Channel
}

// A Contact is somebody who is paged.
type Contact struct {
	Org    OrgID
	ID     ContactID
	Name   string
	Phone  string // E.164, "" when none
	Email  string // "" when none
	Locale string
}

// A Worker wears an insole.
type Worker struct {
	Org     OrgID
	ID      WorkerID
	Team    TeamID
	Name    string
	Phone   string
	Insole  ID // "" when none
	Shifts  []Shift
	ShiftBy ShiftBy // how a shift begins where there are no Shifts
	Worn    []Worn  // insoles worn before, newest first: what they told then is this worker's history too
}

// Worn is an insole that somebody no longer wears.
type Worn struct {
	Insole ID
	Until  time.Time
}

// A Shift is when a worker may be located, in the local time of Zone. No shift at all means always.
type Shift struct {
	Days     []time.Weekday
	From, To time.Duration // since midnight; To before From ends on the next day
	Zone     string        // IANA name
}

// An Assignment is what the bridge and ingest must know of an insole before they can do anything for it.
type Assignment struct {
	Insole     ID
	Dialect    Dialect
	Org        OrgID
	Team       TeamID
	Worker     WorkerID
	WorkerName string
	Locale     string // of the org: "fr" or "en"
	Key        []byte // 32 bytes, of SOLE/1; nil for public dialects
	Revoked    bool
	Shifts     []Shift
	ShiftBy    ShiftBy // as of the worker
}

// A Zone is an area with a meaning. Ring is closed, [lon, lat] degrees, WGS 84.
type Zone struct {
	Org    OrgID
	ID     ZoneID
	Team   TeamID // "" = every team
	Name   string
	Danger bool // entering is the event; otherwise leaving is
	Ring   [][2]float64
}

// A Role is what a user may do. Each includes the ones below it.
type Role string

const (
	Admin      Role = "admin"      // everything in the org
	Supervisor Role = "supervisor" // take charge, resolve
	Viewer     Role = "viewer"     // look
)

// May says whether r includes need.
func (r Role) May(need Role) bool {
	rank := map[Role]int{Viewer: 1, Supervisor: 2, Admin: 3}
	return rank[need] > 0 && rank[r] >= rank[need]
}

// A User signs in.
type User struct {
	Org      OrgID
	ID       UserID
	Email    string // unique over all orgs, lower case
	Name     string
	Role     Role
	Locale   string
	Password string // argon2id in PHC form; never leaves the server
}

// On says whether at falls in one of shifts; no shift at all means always. A shift with an unknown zone counts as on:
// a fault in our data must not hide somebody who needs help.
func On(shifts []Shift, at time.Time) bool {
	if len(shifts) == 0 {
		return true
	}
	for _, s := range shifts {
		loc, err := time.LoadLocation(s.Zone)
		if err != nil {
			return true
		}
		t := at.In(loc)
		since := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
		for _, d := range s.Days {
			switch {
			case s.From < s.To && t.Weekday() == d && since >= s.From && since < s.To:
				return true
			case s.From >= s.To && t.Weekday() == d && since >= s.From:
				return true
			case s.From >= s.To && t.AddDate(0, 0, -1).Weekday() == d && since < s.To:
				return true
			}
		}
	}
	return false
}
