package rules

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

// Everything switched off that can be: help raises all the same, nothing else does, and all of it is kept.
func TestSwitchedOff(t *testing.T) {
	all := insole.Settings{}
	for _, k := range insole.Kinds {
		all[k.Kind] = insole.Setting{Off: true, Priority: 3, PreAlarm: time.Hour, Dwell: time.Hour, Percent: 50}
	}
	ru := Rules{Settings: all}
	for kind, want := range map[insole.Kind]int{
		insole.KindSOS: 1, insole.KindCovertSOS: 1, "unknown-42": 1,
		insole.KindFall: 0, insole.KindStill: 0, insole.KindTakenOff: 0, insole.KindLowBattery: 0,
	} {
		r := report(kind)
		r.Battery = &insole.Battery{Percent: 40}
		d := ru.Decide(state(), r, always, noon)
		if len(d.Raise) != want || !d.Keep {
			t.Errorf("%s: raises %+v, kept %v; want %d, and kept", kind, d.Raise, d.Keep, want)
		}
	}
	for about, want := range map[insole.Kind]int{insole.KindFall: 0, insole.KindStill: 0, insole.KindTakenOff: 0, insole.KindCovertSOS: 1, insole.KindSOS: 1, "": 1} {
		r := report(insole.KindPreAlarm)
		r.About = about
		if d := ru.Decide(state(), r, always, noon); len(d.Raise) != want || want == 1 && d.Raise[0].Hold != 30*time.Second {
			t.Errorf("pre-alarm about %q: raises %+v, want %d", about, d.Raise, want)
		}
	}
	// What began while its alarm was off is over like any other, for whoever had an alarm of it before.
	s := state()
	s.Conditions = Fallen
	r := report(insole.KindUpright)
	if d := ru.Decide(s, r, always, noon); len(d.Return) != 1 || d.Return[0] != insole.AlarmFall {
		t.Errorf("returns %v", d.Return)
	}
}

// Never shorter than the foot has announced to the wearer, whatever the team says; longer when the team says so.
func TestPreAlarmOfATeam(t *testing.T) {
	for _, tt := range []struct{ said, team, want time.Duration }{
		{0, 0, 30 * time.Second}, {20 * time.Second, 0, 20 * time.Second}, {20 * time.Second, 45 * time.Second, 45 * time.Second},
		{90 * time.Second, 45 * time.Second, 90 * time.Second}, {0, 10 * time.Second, 30 * time.Second}, {0, 2 * time.Minute, 2 * time.Minute},
		{time.Second, 0, MinPreAlarm}, {time.Second, time.Second, MinPreAlarm}, {time.Hour, 0, MaxPreAlarm}, {0, time.Hour, MaxPreAlarm},
	} {
		for about, kind := range map[insole.Kind]insole.AlarmKind{insole.KindFall: insole.AlarmFall, insole.KindStill: insole.AlarmStill} {
			r := report(insole.KindPreAlarm)
			r.PreAlarm, r.About = tt.said, about
			d := Rules{Settings: insole.Settings{kind: {PreAlarm: tt.team}}}.Decide(state(), r, always, noon)
			if len(d.Raise) != 1 || d.Raise[0].Hold != tt.want {
				t.Errorf("%s, announced %v, set %v: %+v, want held %v", about, tt.said, tt.team, d.Raise, tt.want)
			}
		}
	}
}

func TestLowBatteryOfATeam(t *testing.T) {
	at := func(percent int, charging bool) *insole.Battery {
		return &insole.Battery{Percent: percent, Charging: charging}
	}
	for _, tt := range []struct {
		name    string
		set     insole.Setting
		kind    insole.Kind
		battery *insole.Battery
		shifts  []insole.Shift
		before  Condition
		late    bool
		want    int
	}{
		{"above", insole.Setting{Percent: 30}, insole.KindFix, at(31, false), always, 0, false, 0},
		{"at it, with any report", insole.Setting{Percent: 30}, insole.KindFix, at(30, false), always, 0, false, 1},
		{"below", insole.Setting{Percent: 30}, insole.KindBattery, at(3, false), always, 0, false, 1},
		{"on the charger", insole.Setting{Percent: 30}, insole.KindFix, at(3, true), always, 0, false, 0},
		{"off shift", insole.Setting{Percent: 30}, insole.KindFix, at(3, false), never, 0, false, 0},
		{"said already", insole.Setting{Percent: 30}, insole.KindFix, at(3, false), always, LowBattery, false, 0},
		{"from the backlog", insole.Setting{Percent: 30}, insole.KindFix, at(3, false), always, 0, true, 0},
		{"the insole's own word, above", insole.Setting{Percent: 10}, insole.KindLowBattery, at(20, false), always, 0, false, 1},
		{"the insole's own word, below: once", insole.Setting{Percent: 30}, insole.KindLowBattery, at(20, false), always, 0, false, 1},
		{"no threshold", insole.Setting{}, insole.KindFix, at(1, false), always, 0, false, 0},
		{"off", insole.Setting{Percent: 30, Off: true}, insole.KindFix, at(1, false), always, 0, false, 0},
		{"charge not said", insole.Setting{Percent: 30}, insole.KindFix, nil, always, 0, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, s := report(tt.kind), state()
			r.Battery, s.Conditions = tt.battery, tt.before
			if tt.late {
				s.Seq = 90
			}
			n := 0
			for _, raise := range (Rules{Settings: insole.Settings{insole.AlarmLowBattery: tt.set}}).Decide(s, r, tt.shifts, noon).Raise {
				if raise.Kind == insole.AlarmLowBattery {
					n++
				}
			}
			if n != tt.want {
				t.Errorf("raised %d times, want %d", n, tt.want)
			}
		})
	}
}

func TestDwellOfATeam(t *testing.T) {
	pit := []insole.Zone{{ID: "pit", Danger: true, Ring: [][2]float64{{7, 43}, {7.01, 43}, {7.01, 43.01}, {7, 43.01}, {7, 43}}}}
	for _, tt := range []struct {
		set  insole.Setting
		want int // seconds after the first fix; -1: never
	}{
		{insole.Setting{}, 30}, {insole.Setting{Dwell: 50 * time.Second}, 50}, {insole.Setting{Dwell: time.Second}, 10}, {insole.Setting{Off: true}, -1},
	} {
		ru, s, got := Rules{Settings: insole.Settings{insole.AlarmDangerZone: tt.set}}, State{}, -1
		for i := range 12 {
			now := noon.Add(time.Duration(i) * 10 * time.Second)
			r := report(insole.KindFix)
			r.Seq, r.DeviceAt, r.HeardAt = uint32(60+i), now, now
			r.Fix = &insole.Fix{Lat: 43.005, Lon: 7.005, Accuracy: 5, At: now}
			d := ru.Decide(s, r, always, now)
			ru.Zones(&d, s, pit)
			if len(d.Raise) > 0 && got < 0 {
				got = i * 10
			}
			s = d.State
		}
		if got != tt.want {
			t.Errorf("%+v raises after %d s, want %d", tt.set, got, tt.want)
		}
	}
}
