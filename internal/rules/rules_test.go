package rules

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday
	never  = []insole.Shift{{Days: []time.Weekday{time.Tuesday}, From: 0, To: time.Hour, Zone: "UTC"}}
	always []insole.Shift
)

func report(kind insole.Kind) insole.Report {
	return insole.Report{Insole: "00a1b2c3d4e5f607", Dialect: insole.SOLE, Kind: kind, Boot: 3, Seq: 50, DeviceAt: noon, HeardAt: noon}
}

func state() State {
	return State{Boot: 3, Seq: 49, At: noon.Add(-10 * time.Second), HeardAt: noon.Add(-10 * time.Second), Steps: 1000}
}

// Promise 3, for every kind that asks for help, in every state a report may be in: it raises.
func TestHelpRaises(t *testing.T) {
	wreck := map[string]func(*insole.Report, *State){
		"plain":                func(*insole.Report, *State) {},
		"no clock":             func(r *insole.Report, _ *State) { r.DeviceAt = time.Time{} },
		"clock of 1970":        func(r *insole.Report, _ *State) { r.DeviceAt = time.Unix(1, 0) },
		"clock of 2100":        func(r *insole.Report, _ *State) { r.DeviceAt = noon.AddDate(74, 0, 0) },
		"three days old":       func(r *insole.Report, _ *State) { r.DeviceAt = noon.Add(-72 * time.Hour) },
		"older than the state": func(_ *insole.Report, s *State) { s.Seq = 500 },
		"of an earlier boot":   func(_ *insole.Report, s *State) { s.Boot = 9 },
		"the same as the state": func(r *insole.Report, s *State) {
			s.Boot, s.Seq, s.At, s.HeardAt = r.Boot, r.Seq, r.DeviceAt, r.HeardAt
		},
		"after its condition was raised": func(_ *insole.Report, s *State) { s.Conditions = ^Condition(0) },
		"heard in the future":            func(r *insole.Report, _ *State) { r.HeardAt = noon.Add(time.Hour) },
		"never heard before":             func(_ *insole.Report, s *State) { *s = State{} },
		"lost":                           func(_ *insole.Report, s *State) { s.Lost = true },
		"with a newer cancel": func(_ *insole.Report, s *State) {
			s.CancelBoot, s.CancelSeq = 3, 900
		},
	}
	for kind, want := range map[insole.Kind]insole.AlarmKind{
		insole.KindSOS: insole.AlarmSOS, insole.KindCovertSOS: insole.AlarmCovertSOS, insole.KindFall: insole.AlarmFall, "unknown-42": insole.AlarmSOS,
	} {
		for name, f := range wreck {
			for _, shifts := range [][]insole.Shift{always, never} {
				r, s := report(kind), state()
				r.Fix = &insole.Fix{Lat: 1, Lon: 2, At: r.DeviceAt}
				f(&r, &s)
				d := Rules{}.Decide(s, r, shifts, noon)
				if len(d.Raise) != 1 || d.Raise[0].Kind != want || d.Raise[0].Hold != 0 || !d.Raise[0].Confirmed {
					t.Errorf("%s, %s, off shift %v: raises %+v, want %s at once", kind, name, shifts != nil, d.Raise, want)
				}
				if d.Report.Fix == nil {
					t.Errorf("%s, %s, off shift %v: lost its position", kind, name, shifts != nil)
				}
				if d.At.After(noon) {
					t.Errorf("%s, %s: happened at %v, in the future", kind, name, d.At)
				}
			}
		}
	}
}

func TestWhatRaises(t *testing.T) {
	charging := &insole.Battery{Percent: 40, Charging: true}
	for _, tt := range []struct {
		name    string
		kind    insole.Kind
		about   insole.Kind
		battery *insole.Battery
		shifts  []insole.Shift
		want    insole.AlarmKind // "" = nothing
		hold    time.Duration
		press   bool
	}{
		{"sos", insole.KindSOS, "", nil, always, insole.AlarmSOS, 0, true},
		{"covert", insole.KindCovertSOS, "", nil, always, insole.AlarmCovertSOS, 0, true},
		{"fall", insole.KindFall, "", nil, always, insole.AlarmFall, 0, false},
		{"still", insole.KindStill, "", nil, always, insole.AlarmStill, 0, false},
		{"still off shift is sleep", insole.KindStill, "", nil, never, "", 0, false},
		{"still on the charger", insole.KindStill, "", charging, always, "", 0, false},
		{"taken off", insole.KindTakenOff, "", nil, always, insole.AlarmTakenOff, 0, false},
		{"taken off after work", insole.KindTakenOff, "", nil, never, "", 0, false},
		{"taken off onto the charger", insole.KindTakenOff, "", charging, always, "", 0, false},
		{"low battery", insole.KindLowBattery, "", nil, always, insole.AlarmLowBattery, 0, false},
		{"low battery after work", insole.KindLowBattery, "", nil, never, "", 0, false},
		{"pre-alarm of a fall", insole.KindPreAlarm, insole.KindFall, nil, always, insole.AlarmFall, 30 * time.Second, false},
		{"pre-alarm of stillness", insole.KindPreAlarm, insole.KindStill, nil, always, insole.AlarmStill, 30 * time.Second, false},
		{"pre-alarm off shift", insole.KindPreAlarm, insole.KindFall, nil, never, insole.AlarmFall, 30 * time.Second, false},
		{"pre-alarm about nothing", insole.KindPreAlarm, "", nil, always, insole.AlarmSOS, 30 * time.Second, false},
		{"fix", insole.KindFix, "", nil, always, "", 0, false},
		{"status", insole.KindStatus, "", nil, always, "", 0, false},
		{"steps", insole.KindSteps, "", nil, always, "", 0, false},
		{"battery", insole.KindBattery, "", nil, always, "", 0, false},
		{"check-in", insole.KindCheckIn, "", nil, always, "", 0, false},
		{"upright", insole.KindUpright, "", nil, always, "", 0, false},
		{"answer", insole.KindAnswer, "", nil, always, "", 0, false},
		{"cancel", insole.KindPreAlarmCancel, "", nil, always, "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := report(tt.kind)
			r.About, r.Battery = tt.about, tt.battery
			d := Rules{}.Decide(state(), r, tt.shifts, noon)
			if tt.want == "" {
				if len(d.Raise) != 0 {
					t.Errorf("raises %+v, want nothing", d.Raise)
				}
				return
			}
			if len(d.Raise) != 1 || d.Raise[0].Kind != tt.want || d.Raise[0].Hold != tt.hold || d.Raise[0].Press != tt.press {
				t.Errorf("raises %+v, want %s held %v, by hand %v", d.Raise, tt.want, tt.hold, tt.press)
			}
		})
	}
}

func TestPreAlarmTimes(t *testing.T) {
	for said, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, -time.Second: 30 * time.Second, time.Second: MinPreAlarm, 20 * time.Second: 20 * time.Second, time.Hour: MaxPreAlarm,
	} {
		r := report(insole.KindPreAlarm)
		r.PreAlarm = said
		if d := (Rules{}).Decide(state(), r, always, noon); len(d.Raise) != 1 || d.Raise[0].Hold != want {
			t.Errorf("a pre-alarm of %v: %+v, want held %v", said, d.Raise, want)
		}
	}
}

func TestCancel(t *testing.T) {
	r := report(insole.KindPreAlarmCancel)
	r.About = insole.KindFall
	d := Rules{}.Decide(state(), r, always, noon)
	if !slices.Equal(d.Cancel, []insole.AlarmKind{insole.AlarmFall}) || d.State.CancelSeq != 50 {
		t.Errorf("cancels %v, remembers %d", d.Cancel, d.State.CancelSeq)
	}
	for seq, raises := range map[uint32]int{40: 0, 60: 1} { // a pre-alarm before the cancel, one after
		pre := report(insole.KindPreAlarm)
		pre.Seq = seq
		if d := (Rules{}).Decide(d.State, pre, always, noon); len(d.Raise) != raises {
			t.Errorf("pre-alarm %d after cancel 50 raises %+v, want %d", seq, d.Raise, raises)
		}
	}
	pre := report(insole.KindPreAlarm)
	pre.Boot, pre.Seq = 4, 1 // the insole restarted
	if d := (Rules{}).Decide(d.State, pre, always, noon); len(d.Raise) != 1 {
		t.Errorf("pre-alarm of a later boot raises %+v", d.Raise)
	}
}

func TestReturns(t *testing.T) {
	all := Fallen | Still | TakenOff | LowBattery
	for _, tt := range []struct {
		name string
		f    func(*insole.Report, *State)
		want []insole.AlarmKind
	}{
		{"a fix says nothing", func(*insole.Report, *State) {}, nil},
		{"upright", func(r *insole.Report, _ *State) { r.Kind = insole.KindUpright }, []insole.AlarmKind{insole.AlarmFall}},
		{"walking", func(r *insole.Report, _ *State) { r.Posture = insole.Walking }, []insole.AlarmKind{insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff}},
		{"steps", func(r *insole.Report, _ *State) { r.Steps = 1001 }, []insole.AlarmKind{insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff}},
		{"the same steps", func(r *insole.Report, _ *State) { r.Steps = 1000 }, nil},
		{"charging", func(r *insole.Report, _ *State) { r.Battery = &insole.Battery{Percent: 9, Charging: true} }, []insole.AlarmKind{insole.AlarmLowBattery}},
		{"walking, from the backlog", func(r *insole.Report, s *State) { r.Posture, s.Seq = insole.Walking, 90 }, nil},
		{"a fall while walking is no end of itself", func(r *insole.Report, _ *State) { r.Kind, r.Posture = insole.KindFall, insole.Walking }, []insole.AlarmKind{insole.AlarmStill, insole.AlarmTakenOff}},
		{"nothing was wrong", func(r *insole.Report, s *State) { r.Posture, s.Conditions = insole.Walking, 0 }, nil},
		{"heard again", func(_ *insole.Report, s *State) { s.Lost = true }, []insole.AlarmKind{insole.AlarmLostContact}},
		{"heard again, if only with the backlog", func(_ *insole.Report, s *State) { s.Lost, s.Seq = true, 90 }, []insole.AlarmKind{insole.AlarmLostContact}},
		{"off shift", func(r *insole.Report, _ *State) { r.Kind = insole.KindUpright }, []insole.AlarmKind{insole.AlarmFall}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, s := report(insole.KindFix), state()
			s.Conditions = all
			tt.f(&r, &s)
			shifts := always
			if tt.name == "off shift" {
				shifts = never
			}
			d := Rules{}.Decide(s, r, shifts, noon)
			if !slices.Equal(d.Return, tt.want) {
				t.Errorf("returns %v, want %v", d.Return, tt.want)
			}
			if d.State.Lost {
				t.Error("still lost after a report")
			}
		})
	}
}

func TestOffShiftKeepsNoWhereabouts(t *testing.T) {
	for _, kind := range []insole.Kind{insole.KindFix, insole.KindStatus, insole.KindSteps, insole.KindBattery, insole.KindCheckIn, insole.KindAnswer,
		insole.KindTakenOff, insole.KindLowBattery, insole.KindUpright, insole.KindPreAlarmCancel} {
		r := report(kind)
		r.Fix, r.Steps, r.Posture, r.Battery = &insole.Fix{Lat: 43.6, Lon: 7, At: noon}, 1234, insole.Walking, &insole.Battery{Percent: 55}
		d := Rules{}.Decide(State{}, r, never, noon)
		if d.State.Fix != nil || d.Report.Fix != nil || d.State.Steps != 0 || d.Report.Steps != 0 || d.State.Posture != "" || d.Report.Posture != "" {
			t.Errorf("%s off shift leaves %+v in the state, %+v in history", kind, d.State, d.Report)
		}
		if d.State.Battery == nil || d.State.Battery.Percent != 55 || !d.State.HeardAt.Equal(noon) {
			t.Errorf("%s off shift: battery or presence is gone: %+v", kind, d.State)
		}
	}
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		name   string
		device time.Time
		at     time.Time
		off    time.Duration
	}{
		{"right", noon.Add(-3 * time.Second), noon.Add(-3 * time.Second), 0},
		{"a minute ahead", noon.Add(time.Minute), noon, 0},
		{"an hour ahead", noon.Add(time.Hour), noon, time.Hour},
		{"40 days old", noon.AddDate(0, 0, -40), noon, -40 * 24 * time.Hour},
		{"backlog of 3 days", noon.Add(-72 * time.Hour), noon.Add(-72 * time.Hour), 0},
	} {
		r := report(insole.KindFix)
		r.DeviceAt, r.Fix = tt.device, &insole.Fix{At: tt.device}
		d := Rules{}.Decide(State{}, r, always, noon)
		if !d.At.Equal(tt.at) || d.State.ClockOff != tt.off || d.State.Fix.At.After(noon) || !r.Fix.At.Equal(tt.device) {
			t.Errorf("%s: happened %v, off %v, fix at %v; want %v, %v", tt.name, d.At, d.State.ClockOff, d.State.Fix.At, tt.at, tt.off)
		}
	}
}

// A wiped insole counts its boots from one again: it is believed when its clock says that it is later.
func TestWipedInsole(t *testing.T) {
	s := state()
	s.Boot, s.Seq = 40, 7
	r := report(insole.KindFix)
	r.Boot, r.Seq = 1, 1
	if d := (Rules{}).Decide(s, r, always, noon); !d.Newer || d.State.Boot != 1 {
		t.Errorf("a wiped insole is not heard: %+v", d.State)
	}
	r.DeviceAt = time.Time{}
	if d := (Rules{}).Decide(s, r, always, noon); d.Newer {
		t.Error("an earlier boot without a clock moved the state")
	}
}

// However reports are ordered, doubled and cut into batches, the state at the end is the same.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []insole.Report
		for i := range rapid.IntRange(1, 12).Draw(t, "reports") {
			r := report(rapid.SampledFrom([]insole.Kind{insole.KindFix, insole.KindStatus, insole.KindSteps}).Draw(t, "kind"))
			r.Seq = uint32(i + 1)
			r.DeviceAt = noon.Add(time.Duration(i) * time.Second)
			r.HeardAt = noon.Add(time.Minute)
			if r.Kind == insole.KindFix {
				r.Fix = &insole.Fix{Lat: float64(i), At: r.DeviceAt}
			}
			all = append(all, r)
		}
		run := func(list []insole.Report) State {
			var s State
			for _, r := range list {
				s = Rules{}.Decide(s, r, always, noon.Add(time.Minute)).State
			}
			return s
		}
		want := run(all)
		mixed := rapid.Permutation(append(slices.Clone(all), all[:rapid.IntRange(0, len(all)).Draw(t, "doubled")]...)).Draw(t, "order")
		got := run(mixed)
		if got.Seq != want.Seq || !got.At.Equal(want.At) || (got.Fix == nil) != (want.Fix == nil) || got.Fix != nil && got.Fix.Lat != want.Fix.Lat {
			t.Fatalf("in another order the state is %+v (fix %+v), want %+v (fix %+v)", got, got.Fix, want, want.Fix)
		}
	})
}
