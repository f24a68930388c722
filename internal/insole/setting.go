package insole

import (
	"slices"
	"time"
)

// A Setting is what a team says about one kind of alarm. A zero field says nothing: the default holds. Which fields mean something for a kind,
// and within which bounds, is in Kinds.
type Setting struct {
	Off      bool          // raises nothing; what happened is in the history all the same
	Priority int           // 1 to 3
	PreAlarm time.Duration // the wearer has at least so long to cancel; more when the insole has announced more to them
	Dwell    time.Duration // on the wrong side of a zone's boundary before that is an alarm
	Factor   float64       // silent for so many of the insole's own announced intervals before contact is lost …
	Minimum  time.Duration // … and for at least so long; of a team, how long nobody watches it before that is an alarm
	Percent  int           // of charge, that or less is low; an insole's own word counts besides
	On       bool          // raises, though the default of its kind is not to
}

// Settings is what a team says. A kind that is absent has its defaults.
type Settings map[AlarmKind]Setting

// What a pre-alarm may last. Shorter and nobody could cancel; longer and nobody would come in time.
const (
	DefaultPreAlarm = 30 * time.Second // of an insole that does not announce how long
	MinPreAlarm     = 5 * time.Second
	MaxPreAlarm     = 5 * time.Minute
)

// A KindRule is what holds of one kind of alarm where a team says nothing, and what a team may say. docs/alarms.md is checked against it.
type KindRule struct {
	Kind    AlarmKind
	Default Setting // its Priority is never 0
	Why     string  // the reason of the default
	// Least and Most bound a setting. A field that is zero in Most means nothing for the kind. Most.Priority is the lowest rank there may be.
	Least, Most Setting
	NeverOff    string // why it cannot be switched off; "" when it can
}

// Kinds lists every kind of alarm, the gravest first.
var Kinds = []KindRule{
	{
		Kind: AlarmSOS, Default: Setting{Priority: 1}, Most: Setting{Priority: 1},
		Why:      "help is never filtered; a false page costs a call, a lost one a life",
		NeverOff: "somebody asks for help",
	},
	{
		Kind: AlarmCovertSOS, Default: Setting{Priority: 1}, Most: Setting{Priority: 1},
		Why:      "whoever threatens the wearer must not notice",
		NeverOff: "somebody asks for help",
	},
	{
		Kind: AlarmFall, Default: Setting{Priority: 1}, Least: Setting{PreAlarm: MinPreAlarm}, Most: Setting{Priority: 1, PreAlarm: MaxPreAlarm},
		Why: "30 s is long enough to notice the insole and short enough to matter; shorter than 5 s nobody can cancel, longer than 5 min nobody comes in time",
	},
	{
		Kind: AlarmStill, Default: Setting{Priority: 1}, Least: Setting{PreAlarm: MinPreAlarm}, Most: Setting{Priority: 3, PreAlarm: MaxPreAlarm},
		Why: "on the charger and off shift it is sleep",
	},
	{
		Kind: AlarmDangerZone, Default: Setting{Priority: 1, Dwell: 30 * time.Second},
		Least: Setting{Dwell: 5 * time.Second}, Most: Setting{Priority: 3, Dwell: 15 * time.Minute},
		Why: "who is there may not know it",
	},
	{
		Kind: AlarmAmber, Default: Setting{Priority: 1}, Most: Setting{Priority: 3},
		Why:      "the wearer said themselves that it may go wrong, and when it should have ended",
		NeverOff: "the wearer has announced it and relies on it",
	},
	{
		Kind: AlarmNoAnswer, Default: Setting{Priority: 1}, Most: Setting{Priority: 3},
		Why:      "whoever does not answer an evacuation may not be able to leave",
		NeverOff: "whoever orders an evacuation must learn who has not answered",
	},
	{
		Kind: AlarmDrill, Default: Setting{Priority: 1}, Most: Setting{Priority: 1},
		Why:      "an exercise is worth what it has in common with the real thing",
		NeverOff: "somebody has ordered it, and would take silence for a failure",
	},
	{
		Kind: AlarmLostContact, Default: Setting{Priority: 2, Factor: 3, Minimum: 3 * time.Minute},
		Least: Setting{Factor: 2, Minimum: time.Minute}, Most: Setting{Priority: 3, Factor: 20, Minimum: 4 * time.Hour},
		Why: "one lost report is radio, three in a row are not; below 3 min every tunnel would page",
	},
	{
		Kind: AlarmTakenOff, Default: Setting{Priority: 2}, Most: Setting{Priority: 3},
		Why: "changing shoes at the end of work is no alarm",
	},
	{
		Kind: AlarmZoneLeft, Default: Setting{Priority: 2, Dwell: 30 * time.Second},
		Least: Setting{Dwell: 5 * time.Second}, Most: Setting{Priority: 3, Dwell: 15 * time.Minute},
		Why: "being elsewhere is not yet being in danger",
	},
	{
		Kind: AlarmMissedCheckIn, Default: Setting{Priority: 2}, Most: Setting{Priority: 3},
		Why:      "forgetting is more frequent than trouble, but both look the same",
		NeverOff: "who checks in believes that a missed one is noticed; who should not, is given no check-ins",
	},
	{
		Kind: AlarmUnwatched, Default: Setting{Off: true, Priority: 2, Minimum: 5 * time.Minute},
		Least: Setting{Minimum: time.Minute}, Most: Setting{Priority: 3, Minimum: 4 * time.Hour},
		Why: "off: pages reach phones whether or not anybody looks at a screen, and many teams have no control room; who has one says so. 5 min is a walk to the coffee machine and a browser that starts anew, not a night",
	},
	{
		Kind: AlarmLowBattery, Default: Setting{Priority: 3}, Least: Setting{Percent: 5}, Most: Setting{Priority: 3, Percent: 50},
		Why: "it will be silent in hours, not in minutes",
	},
	{
		Kind: AlarmShortBattery, Default: Setting{Priority: 3}, Most: Setting{Priority: 3},
		Why: "there is time to charge, or to change insoles",
	},
	{
		Kind: AlarmTechnical, Default: Setting{Priority: 3}, Most: Setting{Priority: 3},
		Why:      "nobody is in trouble yet, but somebody may be less protected than they believe",
		NeverOff: "nobody else says that protection has a hole",
	},
}

// Rule is what holds of alarms of kind k. A kind that this build does not know is of the gravest sort.
func (k AlarmKind) Rule() KindRule {
	i := slices.IndexFunc(Kinds, func(r KindRule) bool { return r.Kind == k })
	if i < 0 {
		return KindRule{Kind: k, Default: Setting{Priority: 1}, Most: Setting{Priority: 1}, NeverOff: "it is not known"}
	}
	return Kinds[i]
}

// Of is what holds for kind k: what the team says, within the bounds whatever has been stored, and the defaults where it says nothing.
// Of PreAlarm and Percent the default is 0, the insole's own word.
func (s Settings) Of(k AlarmKind) Setting {
	r, v := k.Rule(), s[k]
	out := r.Default
	out.Off = (v.Off || r.Default.Off && !v.On) && r.NeverOff == ""
	out.On = false
	if v.Priority > 0 {
		out.Priority = min(v.Priority, r.Most.Priority)
	}
	if v.PreAlarm > 0 && r.Most.PreAlarm > 0 {
		out.PreAlarm = min(max(v.PreAlarm, r.Least.PreAlarm), r.Most.PreAlarm)
	}
	if v.Dwell > 0 && r.Most.Dwell > 0 {
		out.Dwell = min(max(v.Dwell, r.Least.Dwell), r.Most.Dwell)
	}
	if v.Factor > 0 && r.Most.Factor > 0 {
		out.Factor = min(max(v.Factor, r.Least.Factor), r.Most.Factor)
	}
	if v.Minimum > 0 && r.Most.Minimum > 0 {
		out.Minimum = min(max(v.Minimum, r.Least.Minimum), r.Most.Minimum)
	}
	if v.Percent > 0 && r.Most.Percent > 0 {
		out.Percent = min(max(v.Percent, r.Least.Percent), r.Most.Percent)
	}
	return out
}

// Setting is what holds for alarms of kind k in t. See Settings.Of.
func (t Team) Setting(k AlarmKind) Setting { return t.Settings.Of(k) }

// Silence is how long an insole of t that announces a report every expect may be silent before contact is lost. factor and minimum hold where t
// says nothing; they are the system's own.
func (t Team) Silence(expect time.Duration, factor float64, minimum time.Duration) time.Duration {
	said, holds := t.Settings[AlarmLostContact], t.Setting(AlarmLostContact)
	if said.Factor > 0 {
		factor = holds.Factor
	}
	if said.Minimum > 0 {
		minimum = holds.Minimum
	}
	return max(time.Duration(factor*float64(expect)), minimum)
}

// StepsAt is the escalation that is in force at at: OutOfHours, which out says, or Steps.
func (t Team) StepsAt(at time.Time) (steps []Step, out bool) {
	if len(t.OutOfHours) > 0 && !On(t.Hours, at) {
		return t.OutOfHours, true
	}
	return t.Steps, false
}

// AllSteps is every step of t, of both lists.
func (t Team) AllSteps() []Step { return slices.Concat(t.Steps, t.OutOfHours) }
