package store

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func drawPoint(t *rapid.T) Point {
	p := Point{
		Kind:    rapid.SampledFrom([]insole.Kind{insole.KindStatus, insole.KindSteps, insole.KindSOS, "unknown-77"}).Draw(t, "kind"),
		At:      noon.Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, "at")) * time.Millisecond),
		Posture: rapid.SampledFrom(packPostures).Draw(t, "posture"),
		Steps:   rapid.Uint32().Draw(t, "steps"),
		Battery: &insole.Battery{Percent: rapid.IntRange(0, 100).Draw(t, "battery"), Charging: rapid.Bool().Draw(t, "charging")},
	}
	p.HeardAt = p.At.Add(time.Duration(rapid.Int64Range(-100, 1e6).Draw(t, "lag")) * time.Second)
	if rapid.Bool().Draw(t, "native") {
		p.Boot, p.Seq = rapid.Uint32Range(1, math.MaxUint32).Draw(t, "boot"), rapid.Uint32().Draw(t, "seq")
	} else {
		p.Hash = rapid.Uint32().Draw(t, "hash") | 1
	}
	if rapid.Bool().Draw(t, "fix") {
		p.Fix = &insole.Fix{
			Lat: float64(rapid.Int64Range(-90e6, 90e6).Draw(t, "lat")) / 1e6, Lon: float64(rapid.Int64Range(-180e6, 180e6).Draw(t, "lon")) / 1e6,
			Altitude: float64(rapid.IntRange(-400, 9000).Draw(t, "alt")), Accuracy: float64(rapid.IntRange(0, 65535).Draw(t, "accuracy")),
			Speed: float64(rapid.IntRange(0, 600).Draw(t, "speed")) / 10, Course: float64(rapid.IntRange(0, 255).Draw(t, "course")) * 360 / 256,
			Source: rapid.SampledFrom(packSources).Draw(t, "source"), At: p.At.Add(time.Duration(rapid.Int64Range(-1e7, 0).Draw(t, "age")) * time.Millisecond),
		}
		if p.Kind == insole.KindStatus {
			p.Kind = insole.KindFix
		}
	}
	return p
}

func same(a, b Point) bool {
	if (a.Fix == nil) != (b.Fix == nil) || (a.Battery == nil) != (b.Battery == nil) {
		return false
	}
	if a.Fix != nil {
		f, g := *a.Fix, *b.Fix
		if math.Abs(f.Lat-g.Lat) > 6e-7 || math.Abs(f.Lon-g.Lon) > 6e-7 || f.Altitude != g.Altitude || f.Accuracy != g.Accuracy ||
			math.Abs(f.Speed-g.Speed) > 1e-9 || f.Course != g.Course || f.Source != g.Source || !f.At.Equal(g.At) {
			return false
		}
	}
	if a.Battery != nil && *a.Battery != *b.Battery {
		return false
	}
	return a.Name() == b.Name() && a.Kind == b.Kind && a.At.Equal(b.At) && a.HeardAt.Equal(b.HeardAt) && a.Steps == b.Steps && a.Posture == b.Posture
}

// Reading what was packed gives back what was packed.
func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.SliceOfN(rapid.Custom(drawPoint), 0, 20).Draw(t, "points")
		got, err := unpackPoints(packPoints(points))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(points) {
			t.Fatalf("%d points of %d", len(got), len(points))
		}
		for i := range got {
			if !same(got[i], points[i]) {
				t.Fatalf("point %d is %+v (fix %+v), want %+v (fix %+v)", i, got[i], got[i].Fix, points[i], points[i].Fix)
			}
		}
	})
}

// A battery that a report does not say is the one before: known then, if not said then. Steps and posture are not: off shift they must not
// look as if the wearer went on walking.
func TestPackCarriesOver(t *testing.T) {
	a := Point{Boot: 1, Seq: 1, Kind: insole.KindStatus, At: noon, HeardAt: noon, Steps: 9, Posture: insole.Walking, Battery: &insole.Battery{Percent: 50}}
	b := Point{Boot: 1, Seq: 2, Kind: insole.KindStatus, At: noon, HeardAt: noon}
	got, err := unpackPoints(packPoints([]Point{a, b}))
	if err != nil || len(got) != 2 || got[1].Steps != 0 || got[1].Posture != "" || got[1].Battery.Percent != 50 {
		t.Errorf("unpacked %+v, %v", got, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := packPoints([]Point{{Boot: 1, Seq: 1, Kind: insole.KindFix, At: noon, HeardAt: noon, Fix: &insole.Fix{At: noon}}})
	for i := 2; i < len(good); i++ {
		if _, err := unpackPoints(good[:i]); !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("cut at %d: %v, want ErrInvalid", i, err)
		}
	}
	if _, err := unpackPoints([]byte{9, 1}); !errors.Is(err, insole.ErrInvalid) {
		t.Errorf("another version: %v, want ErrInvalid", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(packPoints([]Point{{Boot: 1, Seq: 1, Kind: insole.KindFix, At: noon, HeardAt: noon, Fix: &insole.Fix{Lat: 43, At: noon}}, {Hash: 7, Kind: "unknown-9", At: noon, HeardAt: noon}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		points, err := unpackPoints(b)
		if err != nil && !errors.Is(err, insole.ErrInvalid) {
			t.Fatalf("error %v", err)
		}
		if len(points) > len(b) {
			t.Fatalf("%d points in %d bytes", len(points), len(b))
		}
	})
}

// longest is a live item of which everything is as long as it can be.
func longest() Live {
	return Live{
		Org: insole.OrgID(strings.Repeat("o", 20)), Insole: "0123456789abcdef", Worker: insole.WorkerID(strings.Repeat("w", 40)), Version: math.MaxInt32,
		State: rules.State{
			Boot: math.MaxUint32, Seq: math.MaxUint32, At: noon.Add(time.Millisecond), HeardAt: noon.Add(time.Millisecond),
			Fix: &insole.Fix{Lat: -89.1234567, Lon: -179.1234567, Altitude: 8848, Speed: 123.45, Course: 359.9, Accuracy: 6553.5, Satellites: 31,
				Source: insole.SourceBeacon, At: noon.Add(time.Millisecond)},
			Battery: &insole.Battery{Percent: 99, Millivolts: 4321, Charging: true}, Steps: math.MaxUint32, Posture: insole.Standing,
			Expect: 86399 * time.Second, ClockOff: -51234567 * time.Millisecond, Lost: true, Conditions: 255, CancelBoot: math.MaxUint32, CancelSeq: math.MaxUint32,
			Zones: rules.Zones{Been: true, Marks: [rules.MaxMarks]rules.Mark{{Since: noon, Raised: true}, {Zone: 7, Since: noon.Add(time.Millisecond)},
				{Zone: math.MaxUint32, Since: noon, Raised: true}, {Zone: 1, Since: noon, Owed: true}}},
			ClockSince: noon.Add(time.Millisecond), Strays: rules.Strays{From: noon.Add(time.Millisecond), Last: noon.Add(time.Millisecond), N: 5}, ByeAt: noon.Add(time.Millisecond),
		},
	}
}

// A live item with the longest names and values, whatever its ring is made of, costs one write unit, and takes no report twice or not at all.
func TestLiveStaysWithinOneWriteUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := longest()
		written := map[PointName]int{}
		told := map[PointName]bool{}
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			batch := rapid.SliceOfN(rapid.Custom(drawPoint), 1, 12).Draw(t, "batch")
			for i := range batch {
				batch[i].Kind = insole.KindStatus
				if batch[i].Fix != nil {
					batch[i].Kind = insole.KindFix
				}
				told[batch[i].Name()] = true
			}
			for _, h := range l.Add(batch) {
				day := dayOf(h[0].At)
				for _, p := range h {
					written[p.Name()]++
					if dayOf(p.At) != day {
						t.Fatalf("a pack of %s has a point of %v", day, p.At)
					}
				}
			}
			l.Version++
			if n := itemSize(l.item()); n > MaxLive {
				t.Fatalf("the live item has %d bytes", n)
			}
			for _, p := range l.Ring {
				if dayOf(p.At) != dayOf(l.Ring[0].At) {
					t.Fatalf("the ring of %v has a point of %v", l.Ring[0].At, p.At)
				}
			}
		}
		for _, p := range l.Ring {
			written[p.Name()]++
		}
		for n := range told {
			if written[n] == 0 {
				t.Fatalf("point %v is nowhere", n)
			}
		}
	})
}

// How many plain reports of a walker fit beside an ordinary live item: what the cost of positions hangs on.
func TestRingHoldsMany(t *testing.T) {
	l := Live{Org: "acme", Insole: "00a1b2c3d4e5f607", Worker: "marie", Version: 1000, State: rules.State{Boot: 7, Seq: 12345, At: noon, HeardAt: noon,
		Fix:     &insole.Fix{Lat: 43.6155123, Lon: 7.0718456, Altitude: 120, Speed: 1.31, Course: 211.4, Accuracy: 4.2, Satellites: 9, Source: insole.SourceGPS, At: noon},
		Battery: &insole.Battery{Percent: 87, Millivolts: 3912}, Steps: 12345, Posture: insole.Walking, Expect: 10 * time.Second}}
	base := itemSize(l.item())
	n := 0
	for {
		n++
		at := noon.Add(time.Duration(n) * 10 * time.Second)
		p := Point{Boot: 7, Seq: uint32(n), Kind: insole.KindFix, At: at, HeardAt: at.Add(80 * time.Millisecond), Steps: uint32(n * 19), Posture: insole.Walking,
			Battery: &insole.Battery{Percent: 87}, Fix: &insole.Fix{Lat: 43.6 + float64(n)*1.3e-4, Lon: 7.07 - float64(n)*0.9e-4, Altitude: 120 + float64(n%5),
				Speed: 1.3, Course: 211, Accuracy: 4, Source: insole.SourceGPS, At: at}}
		if len(l.Add([]Point{p})) > 0 {
			break
		}
	}
	t.Logf("an ordinary live item has %d bytes without its ring, which holds %d reports", base, n-1)
	if n-1 < 50 {
		t.Errorf("the ring holds %d reports, want at least 50: positions would cost more than 400 write units for 1,000 reports", n-1)
	}
}

func TestLiveRoundTrip(t *testing.T) {
	l := longest()
	got, err := liveFrom(l.item())
	if err != nil {
		t.Fatal(err)
	}
	l.State.At, l.State.HeardAt = l.State.At.Truncate(time.Millisecond), l.State.HeardAt.Truncate(time.Millisecond)
	f, g := *l.State.Fix, *got.State.Fix
	if math.Abs(f.Lat-g.Lat) > 1e-9 || math.Abs(f.Lon-g.Lon) > 1e-9 {
		t.Errorf("fix %+v, want %+v", g, f)
	}
	g.Lat, g.Lon = f.Lat, f.Lon
	if f != g || *got.State.Battery != *l.State.Battery {
		t.Errorf("fix %+v, battery %+v", g, got.State.Battery)
	}
	got.State.Fix, got.State.Battery = l.State.Fix, l.State.Battery
	if got.State != l.State || got.Org != l.Org || got.Insole != l.Insole || got.Worker != l.Worker || got.Version != l.Version {
		t.Errorf("read %+v, want %+v", got, l)
	}
}
