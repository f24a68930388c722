// Package rules decides what a report means: the state of its insole from now on, the alarms it raises, cancels or marks as over.
// It is pure: (state, report, shifts, now) → decision. It never says no to help: of a report that asks for help nothing is looked at
// but its kind before the decision to raise is made.
package rules

import (
	"time"

	"solewatch/internal/insole"
)

// Version goes up with every change of what is decided, so that whoever asks later knows by which rules. TestVersion says when it must.
const Version = 3

// Rules are the bounds that Decide works with. The zero value of a field means its default.
type Rules struct {
	Ahead    time.Duration // an insole's clock further ahead than this is not believed; default 2 min
	Back     time.Duration // a report older than this is not believed; default 720 h, longer than any backlog
	PreAlarm time.Duration // to cancel a pre-alarm that does not say how long; default 30 s

	ZoneDwell time.Duration // on the wrong side of a zone's boundary before that is an alarm; default 30 s

	Settings insole.Settings `json:",omitempty"` // of the worker's team, which come before the above; nil: it says nothing
}

// What a pre-alarm may ask for. Shorter and nobody could cancel; longer and nobody would come in time.
const (
	MinPreAlarm = insole.MinPreAlarm
	MaxPreAlarm = insole.MaxPreAlarm
)

// A Condition is something that is wrong until it is over by itself.
type Condition uint8

const (
	Fallen Condition = 1 << iota
	Still
	TakenOff
	LowBattery
	ShortBattery
	ClockBad // for long
	Garbled  // much of what the insole says is understood by nobody
)

// State is what is known of an insole: its newest report by its own sequence and time, never by arrival.
type State struct {
	Boot, Seq  uint32    // of the newest report; 0 in public dialects
	At         time.Time // of the newest report, as far as it can be believed
	HeardAt    time.Time // when the insole was last heard, whatever it said; the server's clock
	Fix        *insole.Fix
	Battery    *insole.Battery
	Level      Level // where the trend of its battery begins
	Steps      uint32
	Posture    insole.Posture
	Expect     time.Duration // until the next report, as the insole announced it
	ClockOff   time.Duration // how far its clock is off; 0 when it can be believed
	Lost       bool          // the watchdog has given up waiting
	Conditions Condition     // raised and not over yet
	CancelBoot uint32        // of the newest cancel of a pre-alarm
	CancelSeq  uint32
	Zones      Zones
	Walk       Walk      // of shifts that begin by walking
	MovedAt    time.Time // the last step of such a shift
	ClockSince time.Time // since when its clock has not been believed, by the server's; zero when it is
	Strays     Strays
	ByeAt      time.Time `json:",omitzero"` // when it last said that it goes away; the server's clock. Heard since, it is back
}

// Away says whether the last that was heard of the insole is that it goes away.
func (s State) Away() bool { return !s.ByeAt.IsZero() && !s.HeardAt.After(s.ByeAt) }

// A Raise is an alarm to raise, or to join to the open one of its kind.
type Raise struct {
	Kind      insole.AlarmKind
	Hold      time.Duration // the wearer may cancel for so long; 0 = at once
	Press     bool          // by hand: a repeat escalates
	Confirmed bool          // makes a pending alarm active
	Guess     insole.Guess  `json:",omitempty"` // of a technical alarm: what is wrong
}

// A Decision is what one report comes to.
type Decision struct {
	State  State
	Newer  bool          // the report moved the state
	Report insole.Report // as it may be stored: off shift without whereabouts
	At     time.Time     // when it happened, as far as it can be believed
	Keep   bool          // it has something to store in the insole's history
	Raise  []Raise
	Cancel []insole.AlarmKind // pre-alarms that the wearer cancelled
	Return []insole.AlarmKind // conditions that are over
	Of     Inputs

	on, charging bool // shift and charger, for Zones
	now          time.Time
}

// Inputs are what a decision was made of, beside its report.
type Inputs struct {
	Rules  Rules
	Shifts []insole.Shift
	Before State
	Now    time.Time
	Zones  []insole.Zone // that were looked at
}

// Help says whether reports of kind k ask for help: they keep their position at any hour and are never refused for what they lack.
// An urgent kind that this build does not know counts: a newer insole may know a way to ask for help that this server does not.
func Help(k insole.Kind) bool {
	switch k {
	case insole.KindPreAlarmCancel, insole.KindCheckIn, insole.KindUpright, insole.KindAnswer, insole.KindTakenOff, insole.KindLowBattery:
		return false
	}
	return k.Urgent()
}

// raises is what a report of kind k raises when nothing speaks against it.
func raises(k insole.Kind) (Raise, Condition) {
	switch k {
	case insole.KindSOS:
		return Raise{Kind: insole.AlarmSOS, Press: true, Confirmed: true}, 0
	case insole.KindCovertSOS:
		return Raise{Kind: insole.AlarmCovertSOS, Press: true, Confirmed: true}, 0
	case insole.KindFall:
		return Raise{Kind: insole.AlarmFall, Confirmed: true}, Fallen
	case insole.KindStill:
		return Raise{Kind: insole.AlarmStill, Confirmed: true}, Still
	case insole.KindTakenOff:
		return Raise{Kind: insole.AlarmTakenOff, Confirmed: true}, TakenOff
	case insole.KindLowBattery:
		return Raise{Kind: insole.AlarmLowBattery, Confirmed: true}, LowBattery
	}
	if Help(k) {
		return Raise{Kind: insole.AlarmSOS, Press: true, Confirmed: true}, 0
	}
	return Raise{}, 0
}

// about is the alarm that a pre-alarm about k becomes. One that does not say what it is about is an SOS: the worst it can be.
func about(k insole.Kind) (insole.AlarmKind, Condition) {
	switch k {
	case insole.KindFall:
		return insole.AlarmFall, Fallen
	case insole.KindStill:
		return insole.AlarmStill, Still
	case insole.KindTakenOff:
		return insole.AlarmTakenOff, TakenOff
	case insole.KindCovertSOS:
		return insole.AlarmCovertSOS, 0
	}
	return insole.AlarmSOS, 0
}

// conditions are the alarms of conditions, in the order they are returned in.
var conditions = []struct {
	bit  Condition
	kind insole.AlarmKind
}{{Fallen, insole.AlarmFall}, {Still, insole.AlarmStill}, {TakenOff, insole.AlarmTakenOff}, {LowBattery, insole.AlarmLowBattery}}

// Decide says what r, heard by the server at or before now, comes to for a worker with shifts.
//
// SOS, covert SOS and fall raise always. So does stillness, but not off shift nor on the charger, where it is sleep; taken-off and low
// battery raise on shift only, and taken-off not on the charger. A pre-alarm is held for as long as it says, unless a newer cancel has
// overtaken it. Off shift a report that asks for no help loses position, steps and posture; that the insole was heard, and its battery, are kept.
func (ru Rules) Decide(s State, r insole.Report, shifts []insole.Shift, now time.Time) Decision {
	if r.HeardAt.IsZero() || r.HeardAt.After(now) {
		r.HeardAt = now
	}
	at, off := r.At(ru.ahead(), ru.back())
	believed := !r.DeviceAt.IsZero() && off == 0
	on := insole.On(shifts, at)
	d := Decision{State: s, Of: Inputs{ru, shifts, s, now, nil}, At: at, Newer: newer(s, r, at, believed)}
	d.on, d.now = on, now
	charging := r.Battery != nil && r.Battery.Charging || r.Battery == nil && s.Battery != nil && s.Battery.Charging
	d.charging = charging

	d.raise(ru, s, r, on, charging)
	d.over(s, r, d.Newer)
	d.battery(s, r, shifts, on, at)
	d.faults(ru, s, r, on, off)

	if r.Fix != nil {
		f := *r.Fix // the report's own stays as it is
		if f.At.IsZero() || f.At.After(at) || !believed {
			f.At = at
		}
		r.Fix = &f
	}
	if !on && !Help(r.Kind) {
		r.Fix, r.Steps, r.Posture = nil, 0, insole.PostureUnknown
	}
	d.Report = r
	d.Keep = on || r.Kind.Urgent() || r.Battery != nil
	d.move(s, r, at, off, believed)
	return d
}

func (d *Decision) raise(ru Rules, s State, r insole.Report, on, charging bool) {
	switch r.Kind {
	case insole.KindPreAlarm:
		if r.Boot != 0 && !after(r.Boot, r.Seq, s.CancelBoot, s.CancelSeq) && s.CancelBoot == r.Boot {
			return // its cancel came first
		}
		hold := r.PreAlarm
		if hold <= 0 {
			hold = ru.preAlarm()
		}
		kind, bit := about(r.About)
		d.State.Conditions |= bit
		if set := ru.Settings.Of(kind); !set.Off { // never less than the foot has announced
			d.Raise = append(d.Raise, Raise{Kind: kind, Hold: min(max(hold, set.PreAlarm, MinPreAlarm), MaxPreAlarm)})
		}
		return
	case insole.KindPreAlarmCancel:
		if r.About == "" {
			d.Cancel = []insole.AlarmKind{insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff, insole.AlarmSOS}
		} else {
			kind, _ := about(r.About)
			d.Cancel = []insole.AlarmKind{kind}
		}
		if after(r.Boot, r.Seq, s.CancelBoot, s.CancelSeq) {
			d.State.CancelBoot, d.State.CancelSeq = r.Boot, r.Seq
		}
		return
	case insole.KindStill, insole.KindTakenOff:
		if !on || charging {
			return
		}
	case insole.KindLowBattery:
		if !on {
			return
		}
	}
	if raise, bit := raises(r.Kind); raise.Kind != "" {
		off := ru.Settings.Of(raise.Kind).Off
		if !off {
			d.Raise = append(d.Raise, raise)
		}
		if !off || bit != LowBattery { // so that a battery that is still low raises when its alarm is switched on again
			d.State.Conditions |= bit
		}
	}
	d.charge(ru, r, on, charging)
}

// charge raises low battery by the team's own threshold, once until it has been on the charger.
func (d *Decision) charge(ru Rules, r insole.Report, on, charging bool) {
	set := ru.Settings.Of(insole.AlarmLowBattery)
	if set.Off || set.Percent == 0 || !d.Newer || !on || charging || r.Battery == nil || r.Battery.Percent > set.Percent || d.State.Conditions&LowBattery != 0 {
		return
	}
	d.Raise = append(d.Raise, Raise{Kind: insole.AlarmLowBattery, Confirmed: true})
	d.State.Conditions |= LowBattery
}

// over finds the conditions that r says are over, and contact that is back.
func (d *Decision) over(s State, r insole.Report, newer bool) {
	var end Condition
	if newer {
		upright := r.Kind == insole.KindUpright
		walking := r.Posture == insole.Walking || r.Posture == insole.Running || r.Steps > s.Steps && s.Steps > 0 && r.Boot == s.Boot
		if upright || walking {
			end |= Fallen
		}
		if walking {
			end |= Still | TakenOff
		}
		if r.Battery != nil && r.Battery.Charging && r.Kind != insole.KindLowBattery {
			end |= LowBattery
		}
	}
	if r.Kind != insole.KindPreAlarm { // what this very report raised is not over
		_, bit := raises(r.Kind)
		end &^= bit
	} else {
		_, bit := about(r.About)
		end &^= bit
	}
	for _, c := range conditions {
		if end&c.bit != 0 && s.Conditions&c.bit != 0 {
			d.Return = append(d.Return, c.kind)
			d.State.Conditions &^= c.bit
		}
	}
	if s.Lost && r.HeardAt.After(s.HeardAt) {
		d.Return = append(d.Return, insole.AlarmLostContact)
		d.State.Lost = false
	}
}

func (d *Decision) move(s State, r insole.Report, at time.Time, off time.Duration, believed bool) {
	n := &d.State
	if r.HeardAt.After(n.HeardAt) {
		n.HeardAt = r.HeardAt
	}
	// A fix is as old as itself: one that comes with an older report may still be the newest, but never on a clock that is not believed.
	if r.Fix != nil && (n.Fix == nil || r.Fix.At.After(n.Fix.At) && (believed || d.Newer) || d.Newer && r.Fix.At.Equal(n.Fix.At)) {
		n.Fix = r.Fix
	}
	if !d.Newer {
		return
	}
	n.Boot, n.Seq, n.At, n.ClockOff = r.Boot, r.Seq, at, off
	if r.Battery != nil {
		n.Battery = r.Battery
	}
	if r.Steps != 0 {
		n.Steps = r.Steps
	}
	if r.Posture != insole.PostureUnknown {
		n.Posture = r.Posture
	}
	if r.Expect > 0 {
		n.Expect = r.Expect
	}
}

// newer says whether r comes after everything in s. Native reports go by boot and sequence; a lower boot that is later by a clock we
// believe is an insole whose memory was wiped. Public dialects go by time.
func newer(s State, r insole.Report, at time.Time, believed bool) bool {
	switch {
	case s.HeardAt.IsZero() && s.At.IsZero():
		return true
	case r.Boot == 0 && r.Seq == 0:
		return at.After(s.At)
	case r.Boot < s.Boot:
		return believed && at.After(s.At)
	}
	return after(r.Boot, r.Seq, s.Boot, s.Seq)
}

func after(boot, seq, thanBoot, thanSeq uint32) bool {
	return boot > thanBoot || boot == thanBoot && seq > thanSeq
}

func (ru Rules) ahead() time.Duration    { return orDefault(ru.Ahead, 2*time.Minute) }
func (ru Rules) back() time.Duration     { return orDefault(ru.Back, 720*time.Hour) }
func (ru Rules) preAlarm() time.Duration { return orDefault(ru.PreAlarm, insole.DefaultPreAlarm) }

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}
