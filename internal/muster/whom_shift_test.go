package muster_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// Whoever begins shifts by hand or by walking is called in such a shift only, or when they were heard where they might be: nobody who is at home
// is missing from an evacuation.
func TestWhomOfShiftsByHand(t *testing.T) {
	ring := [][2]float64{{7, 43}, {7.01, 43}, {7.01, 43.01}, {7, 43.01}, {7, 43}}
	home := rules.State{HeardAt: noon.Add(-9 * time.Hour)}
	for _, tt := range []struct {
		name  string
		asked *insole.CheckIns
		state rules.State
		want  int
	}{
		{"nothing was ever begun", nil, home, 0},
		{"the shift lasts", &insole.CheckIns{Shift: insole.Stretch{Since: noon.Add(-time.Hour)}}, home, 1},
		{"the shift has ended", &insole.CheckIns{Shift: insole.Stretch{Since: noon.Add(-2 * time.Hour), Until: noon.Add(-time.Hour)}}, home, 0},
		{"heard inside all the same", nil, rules.State{HeardAt: noon, Fix: &insole.Fix{Lat: 43.005, Lon: 7.005, Accuracy: 5, At: noon}}, 1},
	} {
		for _, by := range []insole.ShiftBy{insole.ByHand, insole.ByWalking} {
			f := muster.Facts{
				Workers:  []insole.Worker{{Org: "acme", ID: "w", Name: "W", Team: "north", Insole: "00a1b2c3d4e5f601", ShiftBy: by}},
				CheckIns: map[insole.WorkerID]*insole.CheckIns{"w": tt.asked},
				Lives:    map[insole.ID]store.Live{"00a1b2c3d4e5f601": {Insole: "00a1b2c3d4e5f601", Worker: "w", State: tt.state}},
			}
			for what, m := range map[string]insole.Muster{"team": {ID: "m", Team: "north"}, "area": {ID: "m", Ring: ring}} {
				if got := muster.Whom(m, f, noon); len(got) != tt.want {
					t.Errorf("%s, by %s, of the %s: %d called, want %d", tt.name, by, what, len(got), tt.want)
				}
			}
		}
	}
}
