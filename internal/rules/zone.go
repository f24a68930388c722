package rules

import (
	"math"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"

	"solewatch/internal/insole"
)

// What it takes to believe that somebody is inside or outside of a zone. docs/alarms.md has the reasons.
const (
	ZoneMargin   = 10.0             // metres beyond the boundary at least, however good the fix
	ZoneAccuracy = 100.0            // metres; a worse fix decides nothing
	ZoneUnsaid   = 30.0             // metres, taken for a satellite fix that does not say
	ZoneFresh    = 10 * time.Minute // an older fix is history
	ZoneForget   = 4 * time.Hour    // without any fix: another piece of work
)

// MaxMarks is how many zones an insole's state remembers at a time.
const MaxMarks = 4

// Zones is what a state remembers of zones: no more than what is not as it should be.
type Zones struct {
	Been  bool           // inside the zones that are not to be left, since the shift began: only who was there can leave
	Marks [MaxMarks]Mark // the used ones first
}

// A Mark is a zone that the worker is, or was just now, on the wrong side of.
type Mark struct {
	Zone   uint32    // markOf the zone; 0 is all zones together that are not to be left. Used when Since is set
	Since  time.Time // of the first fix that said so, milliseconds
	Raised bool      // its alarm was raised in this shift
	Owed   bool      // its alarm was raised in an earlier shift, and nobody has said yet that it is over
}

// notSince is the Since of a mark that is only owed: no fix of this shift has said it yet.
var notSince = time.UnixMilli(1).UTC()

// A Side is where a fix is certain to be.
type Side int8

const (
	Unsure Side = iota
	Inside
	Outside
)

// SideOf says on which side of z a fix certainly is: farther from the boundary than its accuracy, and than ZoneMargin. Between the two, and when
// the accuracy is worse than ZoneAccuracy or unknown, it is Unsure. The sides of a ring are straight in degrees, as a map draws them.
func SideOf(z insole.Zone, f insole.Fix) Side {
	far, ok := doubt(f)
	if !ok || len(z.Ring) < 4 {
		return Unsure
	}
	inside, distance := boundary(z.Ring, f)
	switch {
	case !(distance > far): // also NaN
		return Unsure
	case inside:
		return Inside
	}
	return Outside
}

// doubt is how far from a boundary f must be to say anything, in metres.
func doubt(f insole.Fix) (float64, bool) {
	a := f.Accuracy
	if a == 0 && (f.Source == insole.SourceGPS || f.Source == "") {
		a = ZoneUnsaid
	}
	if !(a > 0 && a <= ZoneAccuracy) || math.IsNaN(f.Lat) || math.IsNaN(f.Lon) {
		return 0, false
	}
	return max(a, ZoneMargin), true
}

const metresPerDegree = 6_371_008.8 * math.Pi / 180 // mean radius of the earth

// boundary says whether f is inside ring and how many metres it is from it, in a plane that touches the earth at f: right to a thousandth
// wherever the answer matters, which is near f.
func boundary(ring [][2]float64, f insole.Fix) (inside bool, metres float64) {
	east := metresPerDegree * math.Cos(f.Lat*math.Pi/180)
	turn := 360 * math.Round((f.Lon-ring[0][0])/360) // a ring that ends at the 180th meridian, a fix beyond it
	flat := make(orb.Ring, len(ring))
	metres = math.Inf(1)
	for i, p := range ring {
		flat[i] = orb.Point{(p[0] + turn - f.Lon) * east, (p[1] - f.Lat) * metresPerDegree}
		if i > 0 {
			metres = min(metres, planar.DistanceFromSegment(flat[i-1], flat[i], orb.Point{}))
		}
	}
	return planar.RingContains(flat, orb.Point{}), metres
}

// markOf is z's name in a mark: FNV-1a, never 0.
func markOf(z insole.ZoneID) uint32 {
	h := uint32(2166136261)
	for _, b := range []byte(z) {
		h = (h ^ uint32(b)) * 16777619
	}
	return h | 1
}

// Zones adds to d, which Decide made of before, what its fix means for zones: those of the worker's team, all of them.
//
// Zones that are not to be left count together: a worker is in them when certainly inside one, out of them when certainly outside of all, and
// leaves them only when seen inside before. Danger zones count one by one. Being on the wrong side raises once it has lasted ZoneDwell,
// from the first fix that is certain of it to another one, with no fix between them that is certain of the opposite. What was raised is over when a fix
// is certain of the opposite.
//
// Only the newest fix of an insole is looked at, at most ZoneFresh old: one from the backlog says where somebody was, and only
// that they have been inside is remembered of it. Off shift, on the charger, and by a fix in doubt nothing is decided; what had begun off shift or
// ZoneForget ago is forgotten.
func (ru Rules) Zones(d *Decision, before State, zones []insole.Zone) {
	d.Of.Zones = zones
	f := d.Report.Fix
	if !d.on {
		if d.Newer {
			d.State.Zones.shiftOver()
		}
		return
	}
	if f == nil || d.charging {
		return
	}
	newest := d.State.Fix == f && (before.Fix == nil || f.At.After(before.Fix.At))
	if !newest || d.now.Sub(f.At) > ZoneFresh {
		if d.now.Sub(f.At) < ZoneForget && home(zones, *f) == Inside {
			d.State.Zones.Been = true
		}
		return
	}
	if before.Fix != nil && f.At.Sub(before.Fix.At) > ZoneForget {
		d.State.Zones.shiftOver()
	}
	ru.home(d, zones, *f)
	ru.danger(d, zones, *f)
}

// home is where f is in regard of all zones together that are not to be left.
func home(zones []insole.Zone, f insole.Fix) Side {
	some, unsure := false, false
	for _, z := range zones {
		if z.Danger {
			continue
		}
		some = true
		switch SideOf(z, f) {
		case Inside:
			return Inside
		case Unsure:
			unsure = true
		}
	}
	if !some || unsure {
		return Unsure
	}
	return Outside
}

func (ru Rules) home(d *Decision, zones []insole.Zone, f insole.Fix) {
	m := &d.State.Zones
	any := false
	for _, z := range zones {
		any = any || !z.Danger
	}
	side := home(zones, f)
	switch {
	case !any: // there is nothing left to be outside of
		fallthrough
	case side == Inside:
		if m.end(0) {
			d.Return = append(d.Return, insole.AlarmZoneLeft)
		}
		m.Been = any
	case side == Outside && m.Been:
		if ru.wrong(m, 0, f.At, insole.AlarmZoneLeft) {
			d.Raise = append(d.Raise, Raise{Kind: insole.AlarmZoneLeft, Confirmed: true})
		}
	}
}

func (ru Rules) danger(d *Decision, zones []insole.Zone, f insole.Fix) {
	m := &d.State.Zones
	over := false
	there := map[uint32]bool{0: true}
	for _, z := range zones {
		if !z.Danger {
			continue
		}
		name := markOf(z.ID)
		there[name] = true
		switch SideOf(z, f) {
		case Outside:
			over = m.end(name) || over
		case Inside:
			if ru.wrong(m, name, f.At, insole.AlarmDangerZone) {
				d.Raise = append(d.Raise, Raise{Kind: insole.AlarmDangerZone, Confirmed: true})
			}
		}
	}
	for _, k := range m.Marks {
		if !k.Since.IsZero() && !there[k.Zone] { // a zone that is no more
			over = m.end(k.Zone) || over
		}
	}
	for _, k := range m.Marks {
		if k.Zone != 0 && (k.Raised || k.Owed) {
			over = false // the alarm is about that one too
		}
	}
	if over {
		d.Return = append(d.Return, insole.AlarmDangerZone)
	}
}

// wrong notes that a fix at at is certainly on the wrong side, and says whether that raises kind. What is switched off is not noted: it begins
// when it is switched on.
func (ru Rules) wrong(m *Zones, zone uint32, at time.Time, kind insole.AlarmKind) bool {
	if ru.Settings.Of(kind).Off {
		return false
	}
	for i := range m.Marks {
		k := &m.Marks[i]
		switch {
		case k.Since.IsZero(): // the used ones come first: there is none yet
			*k = Mark{Zone: zone, Since: time.UnixMilli(at.UnixMilli()).UTC()}
			return false
		case k.Zone != zone:
			continue
		case k.Raised:
			return false
		case k.Since.Equal(notSince):
			k.Since = time.UnixMilli(at.UnixMilli()).UTC()
			return false
		}
		if at.Sub(k.Since) < ru.dwell(kind) {
			return false
		}
		k.Raised, k.Owed = true, false
		return true
	}
	return false // in so many zones at once that their alarm has long been raised
}

func (ru Rules) dwell(k insole.AlarmKind) time.Duration {
	holds := ru.Settings.Of(k).Dwell
	if ru.Settings[k].Dwell > 0 {
		return holds
	}
	return orDefault(ru.ZoneDwell, holds)
}

// end forgets the mark of zone and says whether its alarm was raised.
func (m *Zones) end(zone uint32) (raised bool) {
	n := 0
	for _, k := range m.Marks {
		if k.Since.IsZero() || k.Zone == zone {
			raised = raised || !k.Since.IsZero() && (k.Raised || k.Owed)
			continue
		}
		m.Marks[n] = k
		n++
	}
	clear(m.Marks[n:])
	return raised
}

// shiftOver forgets what a new shift does not begin with: where somebody has been, and what was not raised.
func (m *Zones) shiftOver() {
	m.Been = false
	n := 0
	for _, k := range m.Marks {
		if k.Raised || k.Owed {
			m.Marks[n] = Mark{Zone: k.Zone, Since: notSince, Owed: true}
			n++
		}
	}
	clear(m.Marks[n:])
}
