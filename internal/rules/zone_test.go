package rules

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

// at is the point east and north metres from 43.6° N, 7.0° E.
func at(east, north float64) [2]float64 {
	return [2]float64{7 + east/(metresPerDegree*math.Cos(43.6*math.Pi/180)), 43.6 + north/metresPerDegree}
}

func ring(corners ...[2]float64) [][2]float64 {
	var r [][2]float64
	for _, c := range corners {
		r = append(r, at(c[0], c[1]))
	}
	return append(r, r[0])
}

func fixAt(east, north, accuracy float64) insole.Fix {
	p := at(east, north)
	return insole.Fix{Lat: p[1], Lon: p[0], Accuracy: accuracy, Source: insole.SourceGPS, At: noon}
}

var (
	square = ring([2]float64{0, 0}, [2]float64{200, 0}, [2]float64{200, 200}, [2]float64{0, 200})
	// A letter U: open to the north between 80 and 120 m east.
	letterU = ring([2]float64{0, 0}, [2]float64{200, 0}, [2]float64{200, 200}, [2]float64{120, 200}, [2]float64{120, 50}, [2]float64{80, 50}, [2]float64{80, 200}, [2]float64{0, 200})

	site   = insole.Zone{ID: "site", Ring: square}
	quarry = insole.Zone{ID: "quarry", Danger: true, Ring: square}
)

func TestSideOf(t *testing.T) {
	cell, silent := fixAt(100, 100, 0), fixAt(100, 100, 0)
	cell.Source = insole.SourceCell
	nowhere := fixAt(100, 100, 5)
	nowhere.Lat = math.NaN()
	edge := [][2]float64{{179.99, 10}, {180, 10}, {180, 10.01}, {179.99, 10.01}, {179.99, 10}}
	for _, tt := range []struct {
		name string
		ring [][2]float64
		fix  insole.Fix
		want Side
	}{
		{"in the middle", square, fixAt(100, 100, 5), Inside},
		{"far away", square, fixAt(1000, 100, 5), Outside},
		{"9 m within, though the fix is good to 2 m", square, fixAt(9, 100, 2), Unsure},
		{"11 m within", square, fixAt(11, 100, 2), Inside},
		{"9 m beyond", square, fixAt(-9, 100, 2), Unsure},
		{"11 m beyond", square, fixAt(-11, 100, 2), Outside},
		{"on the line", square, fixAt(0, 100, 2), Unsure},
		{"on a corner", square, fixAt(200, 200, 2), Unsure},
		{"11 m from a corner, 8 m each way", square, fixAt(-8, -8, 2), Outside},
		{"its circle crosses from within", square, fixAt(40, 100, 41), Unsure},
		{"its circle ends before the line", square, fixAt(40, 100, 39), Inside},
		{"its circle crosses from outside", square, fixAt(240, 100, 41), Unsure},
		{"its circle ends before the line, outside", square, fixAt(240, 100, 39), Outside},
		{"bad, though far inside", ring([2]float64{-5000, -5000}, [2]float64{5000, -5000}, [2]float64{5000, 5000}, [2]float64{-5000, 5000}), fixAt(0, 0, 101), Unsure},
		{"as bad as may be", ring([2]float64{-5000, -5000}, [2]float64{5000, -5000}, [2]float64{5000, 5000}, [2]float64{-5000, 5000}), fixAt(0, 0, 100), Inside},
		{"a satellite fix that does not say, 29 m within", square, fixAt(29, 100, 0), Unsure},
		{"a satellite fix that does not say, 31 m within", square, fixAt(31, 100, 0), Inside},
		{"a satellite fix that does not say", square, silent, Inside},
		{"a cell fix that does not say", square, cell, Unsure},
		{"an accuracy that is no number", square, fixAt(100, 100, math.NaN()), Unsure},
		{"an accuracy below nothing", square, fixAt(100, 100, -1), Unsure},
		{"a place that is no number", square, nowhere, Unsure},
		{"in the left arm of a U", letterU, fixAt(40, 150, 5), Inside},
		{"in the right arm of a U", letterU, fixAt(160, 150, 5), Inside},
		{"in the bottom of a U", letterU, fixAt(100, 25, 5), Inside},
		{"between the arms of a U", letterU, fixAt(100, 150, 5), Outside},
		{"between the arms of a U, with a circle as wide as they are", letterU, fixAt(100, 150, 20.5), Unsure},
		{"above the opening of a U", letterU, fixAt(100, 230, 5), Outside},
		{"the other way round", slices.Collect(func(yield func([2]float64) bool) {
			for i := len(square) - 1; i >= 0; i-- {
				if !yield(square[i]) {
					return
				}
			}
		}), fixAt(100, 100, 5), Inside},
		{"beyond the 180th meridian, 5 m", edge, insole.Fix{Lat: 10.005, Lon: -179.99995, Accuracy: 2, At: noon}, Unsure},
		{"beyond the 180th meridian, 55 m", edge, insole.Fix{Lat: 10.005, Lon: -179.9995, Accuracy: 2, At: noon}, Outside},
		{"before the 180th meridian", edge, insole.Fix{Lat: 10.005, Lon: 179.995, Accuracy: 2, At: noon}, Inside},
		{"no ring", nil, fixAt(100, 100, 5), Unsure},
	} {
		if got := SideOf(insole.Zone{Ring: tt.ring}, tt.fix); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// A visit is an insole whose fixes are judged one after the other.
type visit struct {
	state  State
	seq    uint32
	zones  []insole.Zone
	shifts []insole.Shift
	got    []string // "t kind" of every raise, "t -kind" of every return; t in seconds since noon
}

// see tells of a fix s seconds after noon, heard at once.
func (v *visit) see(s int, east, north, accuracy float64) { v.hear(s, s, east, north, accuracy) }

func (v *visit) hear(s, heard int, east, north, accuracy float64) {
	f := fixAt(east, north, accuracy)
	f.At = noon.Add(time.Duration(s) * time.Second)
	r := report(insole.KindFix)
	v.seq++
	// The sequence goes by the insole's time, so that what is heard late is old.
	r.Seq, r.DeviceAt, r.HeardAt, r.Fix = uint32(100_000+s), f.At, noon.Add(time.Duration(heard)*time.Second), &f
	v.say(r)
}

func (v *visit) say(r insole.Report) {
	before := v.state
	d := Rules{}.Decide(before, r, v.shifts, r.HeardAt)
	Rules{}.Zones(&d, before, v.zones)
	v.state = d.State
	t := r.HeardAt.Sub(noon).String()
	for _, x := range d.Raise {
		v.got = append(v.got, t+" "+string(x.Kind))
	}
	for _, k := range d.Return {
		v.got = append(v.got, t+" -"+string(k))
	}
}

func TestZones(t *testing.T) {
	second := insole.Zone{ID: "second", Ring: ring([2]float64{200, 0}, [2]float64{400, 0}, [2]float64{400, 200}, [2]float64{200, 200})}
	pit := insole.Zone{ID: "pit", Danger: true, Ring: second.Ring}
	day := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 0, To: 14 * time.Hour, Zone: "UTC"}}
	for _, tt := range []struct {
		name   string
		zones  []insole.Zone
		shifts []insole.Shift
		f      func(*visit)
		want   []string
	}{
		{"leaving, report by report", []insole.Zone{site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			for s := 10; s <= 90; s += 10 {
				v.see(s, 300, 100, 5)
			}
		}, []string{"40s zone-left"}},
		{"leaving, a report every five minutes", []insole.Zone{site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(300, 300, 100, 5)
			v.see(600, 300, 100, 5)
			v.see(900, 300, 100, 5)
		}, []string{"10m0s zone-left"}},
		{"one fix outside is a reflection", []insole.Zone{site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(10, 300, 100, 5)
			v.see(20, 100, 100, 5)
			v.see(50, 300, 100, 5)
			v.see(60, 100, 100, 5)
		}, nil},
		{"and back", []insole.Zone{site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(10, 300, 100, 5)
			v.see(40, 300, 100, 5)
			v.see(50, 195, 100, 5) // not certain yet
			v.see(60, 100, 100, 5)
			v.see(70, 300, 100, 5)
			v.see(100, 300, 100, 5)
		}, []string{"40s zone-left", "1m0s -zone-left", "1m40s zone-left"}},
		{"never been there", []insole.Zone{site}, nil, func(v *visit) {
			for s := range 20 {
				v.see(s*10, 300, 100, 5)
			}
		}, nil},
		{"doubt in between decides nothing", []insole.Zone{site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(10, 300, 100, 5)
			v.see(20, 199, 100, 5)
			v.see(30, 100, 100, 250)
			v.see(40, 300, 100, 5)
		}, []string{"40s zone-left"}},
		{"from one site into the next", []insole.Zone{site, second}, nil, func(v *visit) {
			for s := range 41 {
				v.see(s*10, float64(s*10), 100, 5)
			}
		}, nil},
		{"from one site through the next and out", []insole.Zone{site, second}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(10, 300, 100, 5)
			v.see(20, 420, 100, 5)
			v.see(50, 450, 100, 5)
		}, []string{"50s zone-left"}},
		{"entering", []insole.Zone{quarry}, nil, func(v *visit) {
			v.see(0, 300, 100, 5)
			for s := 10; s <= 90; s += 10 {
				v.see(s, 100, 100, 5)
			}
			v.see(100, 300, 100, 5)
			v.see(110, 300, 100, 5)
		}, []string{"40s danger-zone", "1m40s -danger-zone"}},
		{"first heard within", []insole.Zone{quarry}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
		}, []string{"30s danger-zone"}},
		{"passing by", []insole.Zone{quarry}, nil, func(v *visit) {
			for s := range 40 {
				v.see(s*10, float64(s*10), -9, 5)
			}
		}, nil},
		{"from one danger into the next", []insole.Zone{quarry, pit}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
			v.see(60, 300, 100, 5) // out of the first, but its alarm is about whether there is danger
			v.see(90, 300, 100, 5)
			v.see(120, 600, 100, 5)
		}, []string{"30s danger-zone", "1m0s -danger-zone", "1m30s danger-zone", "2m0s -danger-zone"}},
		{"in two dangers at once, out of one", []insole.Zone{quarry, {ID: "dam", Danger: true, Ring: letterU}}, nil, func(v *visit) {
			v.see(0, 40, 100, 5)
			v.see(30, 40, 100, 5)
			v.see(60, 100, 150, 5) // out of the U, still in the square
			v.see(90, 100, 300, 5)
		}, []string{"30s danger-zone", "30s danger-zone", "1m30s -danger-zone"}},
		{"backlog is history", []insole.Zone{quarry}, nil, func(v *visit) {
			v.hear(0, 3600, 100, 100, 5)
			v.hear(30, 3601, 100, 100, 5)
			v.hear(60, 3602, 100, 100, 5)
		}, nil},
		{"backlog of having been inside counts", []insole.Zone{site}, nil, func(v *visit) {
			v.see(3600, 300, 100, 5)
			v.hear(2000, 3601, 100, 100, 5)
			v.see(3610, 300, 100, 5)
			v.see(3640, 300, 100, 5)
		}, []string{"1h0m40s zone-left"}},
		{"the same report again", []insole.Zone{quarry}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.hear(0, 40, 100, 100, 5)
			v.hear(0, 80, 100, 100, 5)
		}, nil},
		{"older than the state", []insole.Zone{quarry}, nil, func(v *visit) {
			v.see(100, 300, 100, 5)
			v.hear(10, 101, 100, 100, 5)
			v.hear(50, 102, 100, 100, 5)
		}, nil},
		{"off shift", []insole.Zone{quarry}, never, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
			v.see(60, 100, 100, 5)
		}, nil},
		{"home after work, from home the next morning", []insole.Zone{site}, day, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(7300, 900, 100, 5) // two hours later the shift is over
			v.see(7*24*3600-3600, 900, 100, 5)
			v.see(7*24*3600-3500, 900, 100, 5)
		}, nil},
		{"still there the next week: once more", []insole.Zone{quarry}, day, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
			v.see(7*24*3600-60, 100, 100, 5)
			v.see(7*24*3600-30, 100, 100, 5)
			v.see(7*24*3600, 300, 100, 5)
		}, []string{"30s danger-zone", "167h59m30s danger-zone", "168h0m0s -danger-zone"}},
		{"gone by the next week: over", []insole.Zone{quarry}, day, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
			v.see(7*24*3600, 300, 100, 5)
		}, []string{"30s danger-zone", "168h0m0s -danger-zone"}},
		{"on the charger", []insole.Zone{quarry}, nil, func(v *visit) {
			v.state.Battery = &insole.Battery{Percent: 50, Charging: true}
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
		}, nil},
		{"the zone is deleted", []insole.Zone{quarry, site}, nil, func(v *visit) {
			v.see(0, 100, 100, 5)
			v.see(30, 100, 100, 5)
			v.see(40, 300, 100, 5)
			v.see(70, 300, 100, 5)
			v.zones = nil
			v.see(80, 300, 100, 5)
		}, []string{"30s danger-zone", "40s -danger-zone", "1m10s zone-left", "1m20s -zone-left"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &visit{zones: tt.zones, shifts: tt.shifts}
			tt.f(v)
			if !slices.Equal(v.got, tt.want) {
				t.Errorf("got %q, want %q", v.got, tt.want)
			}
		})
	}
}

// Whoever works along the boundary raises one alarm at most, however the fixes scatter within the margin.
func TestJitterRaisesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, kind := site, "zone-left"
		if rapid.Bool().Draw(t, "danger") {
			zone, kind = quarry, "danger-zone"
		}
		v := &visit{zones: []insole.Zone{zone}}
		begin := rapid.SampledFrom([]float64{100, 300}).Draw(t, "from") // well inside or well outside of the eastern side
		v.see(0, begin, 100, 5)
		v.see(40, begin, 100, 5)
		before := len(v.got)
		for i := range rapid.IntRange(1, 60).Draw(t, "fixes") {
			noise := rapid.Float64Range(-9.9, 9.9).Draw(t, "noise")
			v.see(50+i*10, 200+noise, rapid.Float64Range(20, 180).Draw(t, "north"), rapid.Float64Range(1, 9.9).Draw(t, "accuracy"))
		}
		if len(v.got) != before {
			t.Fatalf("scatter within the margin decided %q", v.got[before:])
		}
		v.see(1000, 400-begin, 100, 5)
		v.see(1030, 400-begin, 100, 5)
		raises := 0
		for _, g := range v.got {
			if g[len(g)-len(kind):] == kind && g[len(g)-len(kind)-1] == ' ' {
				raises++
			}
		}
		if raises > 1 {
			t.Fatalf("%d alarms: %q", raises, v.got)
		}
	})
}

// What arrives late or twice changes nothing: the state and the alarms are those of the newest fixes alone.
func TestLateFixesDecideNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := []insole.Zone{site, {ID: "quarry", Danger: true, Ring: letterU}}
		plain, late := &visit{zones: zones}, &visit{zones: zones}
		draw := func(what string) (east, north, accuracy float64) {
			return rapid.Float64Range(-100, 300).Draw(t, what+" east"), rapid.Float64Range(-100, 300).Draw(t, what+" north"), rapid.Float64Range(0, 120).Draw(t, what+" accuracy")
		}
		plain.see(0, 150, 150, 5) // in the site, so that Been is the same for both
		late.see(0, 150, 150, 5)
		type told struct {
			s                     int
			east, north, accuracy float64
		}
		var all []told
		for i := range rapid.IntRange(1, 30).Draw(t, "fixes") {
			e, n, a := draw("fix")
			s := 10 + i*15
			plain.see(s, e, n, a)
			late.see(s, e, n, a)
			all = append(all, told{s, e, n, a})
			for range rapid.IntRange(0, 2).Draw(t, "late ones") {
				if rapid.Bool().Draw(t, "a repeat") {
					x := rapid.SampledFrom(all).Draw(t, "of")
					late.hear(x.s, s, x.east, x.north, x.accuracy)
					continue
				}
				e, n, a := draw("late")
				late.hear(rapid.IntRange(1, s-1).Draw(t, "at")/15*15+3, s, e, n, a)
			}
		}
		if plain.state.Zones != late.state.Zones || !slices.Equal(plain.got, late.got) {
			t.Fatalf("with late fixes %q, %+v; without %q, %+v", late.got, late.state.Zones, plain.got, plain.state.Zones)
		}
	})
}

// In whatever order a burst arrives, two certain fixes after it bring the same alarm.
func TestOrderOfABurstIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := &visit{zones: []insole.Zone{site}}
		order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, "order")
		for _, i := range order { // the first two inside, then out
			east := 100.0
			if i > 1 {
				east = 300
			}
			v.hear(i*10, 60, east, 100, 5)
		}
		v.see(100, 300, 100, 5)
		v.see(130, 300, 100, 5)
		if !slices.ContainsFunc(v.got, func(g string) bool { return g[len(g)-9:] == "zone-left" }) || len(v.got) != 1 {
			t.Fatalf("order %v: %q", order, v.got)
		}
	})
}

func TestMoreDangersThanAreRemembered(t *testing.T) {
	v := &visit{}
	for _, id := range []insole.ZoneID{"a", "b", "c", "d", "e", "f"} {
		v.zones = append(v.zones, insole.Zone{ID: id, Danger: true, Ring: square})
	}
	v.see(0, 100, 100, 5)
	v.see(30, 100, 100, 5)
	v.see(60, 100, 100, 5)
	if len(v.got) != MaxMarks {
		t.Errorf("in six danger zones: %q", v.got)
	}
	v.see(90, 300, 100, 5)
	if v.got[len(v.got)-1] != "1m30s -danger-zone" || v.state.Zones != (Zones{}) {
		t.Errorf("out of all of them: %q, remembers %+v", v.got, v.state.Zones)
	}
}
