package insole

import "time"

// MaxShelf is the longest that something may be set aside: a working shift. Whoever comes on next decides anew, with what is known by then;
// nothing stays silent because of somebody who has gone home.
const MaxShelf = 8 * time.Hour

// MinShelf is the shortest: less is no different from leaving it.
const MinShelf = 5 * time.Minute

// MaxShelfWhy is the longest reason, in bytes.
const MaxShelfWhy = 300

// A Shelf sets an alarm aside: it stays open and on the list, but pages nobody and makes no sound until the time is over or somebody takes it
// back.
type Shelf struct {
	Until time.Time
	By    UserID
	Name  string // of By
	Why   string
}

// Holds says whether s sets anything aside at now.
func (s Shelf) Holds(now time.Time) bool { return s.Until.After(now) }

// A Nuisance is a Shelf for all alarms of one worker and kind, also those that are raised while it holds.
type Nuisance struct {
	Org    OrgID
	Worker WorkerID
	Kind   AlarmKind
	MadeAt time.Time
	Shelf
}

// Shelvable says whether alarms of kind k may be set aside: what says something of the insole or of its whereabouts, and is told wrongly again and again when a battery is old or the
// sky is narrow. Nothing in which somebody may be in need: no call for help, no fall, no stillness, no danger zone, nothing that the wearer did
// not do in time. Lost contact neither: there silence may be the whole message.
func (k AlarmKind) Shelvable() bool {
	switch k {
	case AlarmLowBattery, AlarmShortBattery, AlarmTechnical, AlarmTakenOff, AlarmZoneLeft:
		return true
	}
	return false
}

// Shelvable says whether a may be set aside: its kind may, and its team has not made it one of life and death.
func (a Alarm) Shelvable() bool { return a.Kind.Shelvable() && a.Rank() > 1 && !a.Drill }

// Weight is how grave a is beside other alarms of the same worker: 0 is a call for help by hand, which nothing outweighs, else its Rank. It
// is the order in which an incident shows its alarms, and says which of them taking charge of one takes along.
func (a Alarm) Weight() int {
	switch a.Kind {
	case AlarmSOS, AlarmCovertSOS:
		return 0
	}
	return a.Rank()
}
