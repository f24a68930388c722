package muster_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

const degree = 111_195.0 // metres of latitude

// Whom a muster calls, and why somebody cannot be asked.
func TestWhom(t *testing.T) {
	office := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 17 * time.Hour, Zone: "UTC"}}
	night := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 20 * time.Hour, To: 23 * time.Hour, Zone: "UTC"}}
	ring := [][2]float64{{7, 43}, {7.01, 43}, {7.01, 43.01}, {7, 43.01}, {7, 43}}
	const sole, imei = insole.ID("00a1b2c3d4e5f601"), insole.ID("352093081452251")
	heard := func(ago time.Duration, f *insole.Fix) store.Live {
		return store.Live{Insole: sole, Worker: "w", State: rules.State{HeardAt: noon.Add(-ago), Fix: f}}
	}
	north := func(metres, accuracy float64, ago time.Duration) *insole.Fix { // of the ring's northern side
		return &insole.Fix{Lat: 43.01 + metres/degree, Lon: 7.005, Accuracy: accuracy, At: noon.Add(-ago), Source: insole.SourceGPS}
	}
	type called struct {
		Where insole.Where
		Why   insole.Unreached
	}
	no := func() *called { return nil }
	yes := func(w insole.Where, why insole.Unreached) *called { return &called{w, why} }
	for _, tt := range []struct {
		name             string
		shifts           []insole.Shift
		insole           insole.ID
		live             store.Live
		hushed           bool
		byTeam, byRegion *called
	}{
		{"on shift, inside", office, sole, heard(0, north(-300, 5, 0)), false, yes("", ""), yes("in", "")},
		{"on shift, certainly outside", office, sole, heard(0, north(300, 5, 0)), false, yes("", ""), no()},
		{"outside by less than the fix may be wrong", office, sole, heard(0, north(90, 50, 0)), false, yes("", ""), yes("near", "")},
		{"outside, and four minutes to walk", office, sole, heard(0, north(300, 5, 4*time.Minute)), false, yes("", ""), yes("near", "")},
		{"a cell tower's circle touches", office, sole, heard(0, north(1500, 1000, 0)), false, yes("", ""), yes("near", "")},
		{"an old fix, far away", office, sole, heard(time.Minute, north(30_000, 5, 11*time.Minute)), false, yes("", ""), yes("unknown", "")},
		{"heard, and never a fix", office, sole, heard(0, nil), false, yes("", ""), yes("unknown", "")},
		{"on shift, never heard", office, sole, store.Live{}, false, yes("", "silent"), yes("unknown", "silent")},
		{"on shift, silent for long", office, sole, heard(20*time.Minute, north(-300, 5, 20*time.Minute)), false, yes("", "silent"), yes("unknown", "silent")},
		{"silent for no longer than it announced", office, sole, func() store.Live {
			l := heard(20*time.Minute, nil)
			l.State.Expect = 10 * time.Minute
			return l
		}(), false, yes("", ""), yes("unknown", "")},
		{"given up by the watchdog", office, sole, func() store.Live { l := heard(0, north(-300, 5, 0)); l.State.Lost = true; return l }(), false, yes("", "silent"), yes("in", "silent")},
		{"on the charger", office, sole, func() store.Live {
			l := heard(0, north(-300, 5, 0))
			l.State.Battery = &insole.Battery{Charging: true}
			return l
		}(), false, yes("", "charging"), yes("in", "charging")},
		{"without insole", office, "", store.Live{}, false, yes("", "no-insole"), yes("unknown", "no-insole")},
		{"a public tracker", office, imei, func() store.Live { l := heard(0, north(-300, 5, 0)); l.Insole = imei; return l }(), false, yes("", "tracker"), yes("in", "tracker")},
		{"in hand by a covert call", office, sole, heard(0, north(-300, 5, 0)), true, yes("", "hushed"), yes("in", "hushed")},
		{"somebody else wore it", office, sole, func() store.Live { l := heard(0, north(-300, 5, 0)); l.Worker = "x"; return l }(), false, yes("", "silent"), yes("unknown", "silent")},
		{"off shift, not heard", night, sole, store.Live{}, false, no(), no()},
		{"off shift, an old fix", night, sole, heard(0, north(-300, 5, time.Hour)), false, no(), no()},
		{"overtime, inside", night, sole, heard(0, north(-300, 5, 0)), false, yes("", ""), yes("in", "")},
		{"overtime, outside", night, sole, heard(0, north(300, 5, 0)), false, yes("", ""), no()},
		{"no shifts at all is always", nil, sole, heard(0, north(-300, 5, 0)), false, yes("", ""), yes("in", "")},
	} {
		f := muster.Facts{
			Workers: []insole.Worker{{Org: "acme", ID: "w", Team: "north", Name: "W", Insole: tt.insole, Shifts: tt.shifts}},
			Lives:   map[insole.ID]store.Live{}, Hushed: map[insole.WorkerID]bool{"w": tt.hushed},
		}
		if tt.live.Insole != "" {
			f.Lives[tt.live.Insole] = tt.live
		}
		of := func(m insole.Muster) *called {
			got := muster.Whom(m, f, noon)
			if len(got) == 0 {
				return nil
			}
			return &called{got[0].Where, got[0].Why}
		}
		if diff := cmp.Diff(tt.byTeam, of(insole.Muster{ID: "m", Team: "north"})); diff != "" {
			t.Errorf("%s, the team is called (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.byRegion, of(insole.Muster{ID: "m", Ring: ring})); diff != "" {
			t.Errorf("%s, the area is called (-want +got):\n%s", tt.name, diff)
		}
		if got := of(insole.Muster{ID: "m", Team: "south"}); got != nil {
			t.Errorf("%s, another team is called: %+v", tt.name, got)
		}
	}
}
