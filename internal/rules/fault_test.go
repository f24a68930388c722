package rules

import (
	"slices"
	"testing"
	"time"

	"solewatch/internal/insole"
)

var technical = []Raise{{Kind: insole.AlarmTechnical, Confirmed: true, Guess: insole.GuessClock}}

// A day of an insole that reports every ten minutes, with a clock that is off by what each report says; -1 h is a backlog.
func TestClockOff(t *testing.T) {
	const ahead = 10 * time.Minute
	steady := func(n int, off time.Duration) []time.Duration { return slices.Repeat([]time.Duration{off}, n) }
	for _, tt := range []struct {
		name   string
		shifts []insole.Shift
		offs   []time.Duration
		raised []int // reports
		over   []int
	}{
		{"right", always, steady(60, 0), nil, nil},
		{"ahead for less than 4 h", always, append(steady(24, ahead), 0, 0), nil, nil},
		{"ahead for 4 h", always, append(steady(30, ahead), 0, 0), []int{24}, []int{30}},
		{"a century behind", always, steady(30, -100*365*24*time.Hour), []int{24}, nil},
		{"said once", always, steady(120, ahead), []int{24}, nil},
		{"right between", always, slices.Concat(steady(20, ahead), steady(1, 0), steady(20, ahead)), nil, nil},
		{"a backlog proves nothing", always, slices.Concat(steady(20, ahead), steady(1, -time.Hour), steady(20, ahead)), []int{24}, nil},
		{"off shift", never, steady(60, ahead), nil, nil},
		{"again", always, slices.Concat(steady(25, ahead), steady(1, 0), steady(25, ahead)), []int{24, 50}, []int{25}},
	} {
		s := state()
		var raised, over []int
		for i, off := range tt.offs {
			at := noon.Add(time.Duration(i) * 10 * time.Minute)
			r := report(insole.KindStatus)
			r.Seq, r.HeardAt, r.DeviceAt = uint32(50+i), at, at.Add(off)
			d := Rules{}.Decide(s, r, tt.shifts, at)
			if slices.Equal(d.Raise, technical) {
				raised = append(raised, i)
			}
			if slices.Equal(d.Return, []insole.AlarmKind{insole.AlarmTechnical}) {
				over = append(over, i)
			}
			s = d.State
		}
		if !slices.Equal(raised, tt.raised) || !slices.Equal(over, tt.over) {
			t.Errorf("%s: raised %v, over %v, want %v, %v", tt.name, raised, over, tt.raised, tt.over)
		}
	}
}

// Nobody knows what a clock was while its insole was silent.
func TestClockOffOverSilence(t *testing.T) {
	s := state()
	for i, at := range []time.Time{noon, noon.Add(14 * time.Hour), noon.Add(15 * time.Hour)} {
		r := report(insole.KindStatus)
		r.Seq, r.HeardAt, r.DeviceAt = uint32(50+i), at, at.Add(time.Hour)
		d := Rules{}.Decide(s, r, always, at)
		if len(d.Raise) > 0 {
			t.Errorf("at %s raises %+v after one hour of being heard", at, d.Raise)
		}
		s = d.State
	}
}

func TestStray(t *testing.T) {
	minutes := func(of ...int) []time.Time {
		all := make([]time.Time, len(of))
		for i, m := range of {
			all[i] = noon.Add(time.Duration(m) * time.Minute)
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		shifts []insole.Shift
		strays []time.Time
		raised []int
	}{
		{"four in an hour", always, minutes(0, 10, 20, 30), nil},
		{"five in an hour", always, minutes(0, 10, 20, 30, 40), []int{4}},
		{"told twice", always, minutes(0, 0, 10, 10, 20, 20, 30, 30), nil},
		{"told late", always, minutes(30, 0, 10, 20, 25, 29), nil},
		{"one an hour", always, minutes(0, 61, 122, 183, 244, 305), nil},
		{"said once", always, minutes(0, 1, 2, 3, 4, 5, 6, 50, 90, 140, 141, 142, 143, 144, 145), []int{4}},
		{"off shift", never, minutes(0, 1, 2, 3, 4, 5), nil},
	} {
		s := state()
		var raised []int
		for i, at := range tt.strays {
			var rs []Raise
			s, rs = Rules{}.Stray(s, tt.shifts, at)
			if len(rs) > 0 {
				raised = append(raised, i)
				if rs[0].Kind != insole.AlarmTechnical || rs[0].Guess != insole.GuessGarbled {
					t.Errorf("%s: raises %+v", tt.name, rs)
				}
			}
		}
		if !slices.Equal(raised, tt.raised) {
			t.Errorf("%s: raised at %v, want %v", tt.name, raised, tt.raised)
		}
	}
}

// It is over when an hour has gone by without one, and not while the clock is still wrong: both are one alarm of the wearer.
func TestUnderstoodAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration
		off  time.Duration
		want []insole.AlarmKind
	}{
		{"an hour later", time.Hour, 0, []insole.AlarmKind{insole.AlarmTechnical}},
		{"at once", time.Minute, 0, nil},
		{"the clock is wrong too", time.Hour, 10 * time.Minute, nil},
	} {
		s := state()
		for i := range 5 {
			s, _ = Rules{}.Stray(s, always, noon.Add(time.Duration(i)*time.Second))
		}
		if tt.off != 0 {
			s.ClockSince, s.Conditions = noon.Add(-5*time.Hour), s.Conditions|ClockBad
		}
		at := noon.Add(4*time.Second + tt.wait)
		r := report(insole.KindFix)
		r.HeardAt, r.DeviceAt = at, at.Add(tt.off)
		d := Rules{}.Decide(s, r, always, at)
		if !slices.Equal(d.Return, tt.want) {
			t.Errorf("%s: over %v, want %v", tt.name, d.Return, tt.want)
		}
	}
}

// What is wrong with an insole takes nothing away from a call for help.
func TestFaultAndHelp(t *testing.T) {
	s := state()
	s.ClockSince, s.HeardAt = noon.Add(-5*time.Hour), noon.Add(-time.Minute)
	r := report(insole.KindSOS)
	r.DeviceAt = noon.Add(time.Hour)
	d := Rules{}.Decide(s, r, always, noon)
	if len(d.Raise) != 2 || d.Raise[0].Kind != insole.AlarmSOS || !d.Raise[0].Press || d.Raise[1] != technical[0] {
		t.Errorf("raises %+v", d.Raise)
	}
}
