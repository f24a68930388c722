package rules_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// A day of a battery: what is raised and what is over, report by report.
func TestWillNotLastTheShift(t *testing.T) {
	shift := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "UTC"}}
	type told struct {
		at       string // "15:04"
		percent  int
		charging bool
		want     string // "+" raised, "-" over
	}
	for _, tt := range []struct {
		name   string
		shifts []insole.Shift
		day    []told
	}{
		{"full lasts", shift, []told{{"08:00", 100, false, ""}, {"10:00", 92, false, ""}, {"17:00", 64, false, ""}}},
		{"half at the start does not, by a usual trend", shift, []told{{"08:00", 44, false, "+"}}},
		{"half at the start does, by its own", shift, []told{{"08:00", 60, false, ""}, {"08:30", 59, false, ""}, {"10:00", 56, false, ""}, {"14:00", 48, false, ""}}},
		{"a cold day: said once, over on the charger", shift, []told{
			{"08:00", 100, false, ""}, {"09:00", 85, false, "+"}, {"09:30", 78, false, ""}, {"10:00", 71, false, ""}, {"10:30", 75, true, "-"},
		}},
		{"on the edge: said once", shift, []told{
			{"08:00", 90, false, ""}, {"10:00", 72, false, "+"}, {"10:30", 69, false, ""}, {"11:00", 65, false, ""}, {"11:30", 61, false, ""}, {"12:00", 57, false, ""},
		}},
		{"slower than it looked: over by itself", shift, []told{{"08:00", 100, false, ""}, {"09:00", 88, false, "+"}, {"11:00", 87, false, "-"}}},
		{"another battery", shift, []told{{"08:00", 40, false, "+"}, {"09:00", 95, false, ""}, {"09:30", 94, false, "-"}}},
		{"off shift", shift, []told{{"20:00", 30, false, ""}, {"21:00", 10, false, ""}}},
		{"without shifts there is no end", nil, []told{{"08:00", 40, false, ""}, {"12:00", 8, false, ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s rules.State
			for i, step := range tt.day {
				clock, err := time.Parse("15:04", step.at)
				if err != nil {
					t.Fatal(err)
				}
				at := monday.Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
				d := rules.Rules{}.Decide(s, insole.Report{Insole: "00a1b2c3d4e5f607", Kind: insole.KindStatus, Boot: 1, Seq: uint32(i + 1), DeviceAt: at, HeardAt: at,
					Battery: &insole.Battery{Percent: step.percent, Charging: step.charging}}, tt.shifts, at)
				got := ""
				for _, r := range d.Raise {
					if r.Kind == insole.AlarmShortBattery {
						got += "+"
					}
				}
				for _, k := range d.Return {
					if k == insole.AlarmShortBattery {
						got += "-"
					}
				}
				if got != step.want {
					t.Errorf("%s, %d %%: %q, want %q (trend from %+v)", step.at, step.percent, got, step.want, d.State.Level)
				}
				s = d.State
			}
		})
	}
}

func TestLowBatteryIsNotSaidTwice(t *testing.T) {
	shift := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "UTC"}}
	at := monday.Add(9 * time.Hour)
	d := rules.Rules{}.Decide(rules.State{}, insole.Report{Kind: insole.KindLowBattery, Boot: 1, Seq: 1, DeviceAt: at, HeardAt: at, Battery: &insole.Battery{Percent: 15}}, shift, at)
	if len(d.Raise) != 1 || d.Raise[0].Kind != insole.AlarmLowBattery {
		t.Errorf("raised %+v, want low battery alone", d.Raise)
	}
}

func TestMetres(t *testing.T) {
	a := insole.Fix{Lat: 43.6155, Lon: 7.0718}
	b := insole.Fix{Lat: 43.6155, Lon: 7.0730}
	if d := rules.Metres(a, b); d < 96 || d > 97.5 {
		t.Errorf("Metres = %.1f, want 96.6", d)
	}
	if d := rules.Metres(insole.Fix{Lon: 179.9999}, insole.Fix{Lon: -179.9999}); d > 23 {
		t.Errorf("across the antimeridian: %.1f m, want 22", d)
	}
}
