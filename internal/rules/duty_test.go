package rules_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
)

// What begins a shift by walking, and what does not.
func TestWalking(t *testing.T) {
	type step struct {
		s       int // after noon
		posture insole.Posture
		steps   uint32
		charged bool
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		steps []step
		began int // seconds after noon; -1 for never
	}{
		{"a walk of two minutes", []step{{0, insole.Walking, 0, false}, {60, insole.Walking, 0, false}, {120, insole.Walking, 0, false}}, 0},
		{"one report of a walk", []step{{0, insole.Walking, 0, false}}, -1},
		{"to the door", []step{{0, insole.Walking, 0, false}, {60, insole.Walking, 0, false}, {100, insole.Standing, 0, false}, {130, insole.Walking, 0, false}}, -1},
		{"by the step counter", []step{{0, "", 100, false}, {60, "", 150, false}, {190, "", 260, false}}, 60},
		{"a step counter that hardly moves", []step{{0, "", 100, false}, {60, "", 110, false}, {190, "", 115, false}}, -1},
		{"reports that do not say", []step{{0, insole.Walking, 0, false}, {60, "", 0, false}, {125, insole.Running, 0, false}}, 0},
		{"a gap", []step{{0, insole.Walking, 0, false}, {3600, insole.Walking, 0, false}}, -1},
		{"on the charger", []step{{0, insole.Walking, 0, false}, {60, insole.Walking, 0, true}, {130, insole.Walking, 0, false}}, -1},
		{"out of order", []step{{130, insole.Walking, 0, false}, {0, insole.Walking, 0, false}}, -1},
	} {
		var w rules.Walk
		got := -1
		for _, s := range tt.steps {
			r := insole.Report{Boot: 1, Posture: s.posture, Steps: s.steps}
			if s.charged {
				r.Battery = &insole.Battery{Charging: true}
			}
			var began time.Time
			w, began = w.Walking(r, at.Add(time.Duration(s.s)*time.Second))
			if !began.IsZero() {
				got = int(began.Sub(at) / time.Second)
			}
		}
		if got != tt.began {
			t.Errorf("%s: began after %d s, want %d", tt.name, got, tt.began)
		}
	}
}
