package directory

import (
	"math"
	"strconv"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A zone's ring must be drawable and decidable: inside or outside, for every point, with plain geometry. So no ring
// goes round a pole or over the 180th meridian, and none crosses itself.
const (
	maxLat     = 85.0 // degrees: where the usual web maps end
	maxSpan    = 180.0
	minArea    = 25.0  // square metres: smaller than what a satellite fix can tell
	maxArea    = 1e10  // square metres, 100 km × 100 km
	touchesEps = 1e-12 // square degrees, of a cross product that counts as on the line
)

// zone checks v, closes its ring and gives it the direction of GeoJSON (RFC 7946 §3.1.6: counterclockwise).
func (c checker) zone(v insole.Zone) insole.Zone {
	c.ident("zone", string(v.ID))
	v.Name = c.name("name", v.Name)
	if len(v.Ring) > maxRing {
		c.fault("ring", "too-many", "max", strconv.Itoa(maxRing))
		return v
	}
	ring := make(orb.Ring, 0, len(v.Ring)+1)
	ok := true
	for i, p := range v.Ring {
		at := "ring[" + strconv.Itoa(i) + "]"
		switch lon, lat := p[0], p[1]; {
		case math.IsNaN(lon) || math.IsNaN(lat) || math.Abs(lon) > 180 || math.Abs(lat) > 90:
			c.fault(at, "zone-range")
			ok = false
		case math.Abs(lat) > maxLat:
			c.fault(at, "zone-pole", "max", strconv.Itoa(int(maxLat)))
			ok = false
		}
		q := orb.Point{p[0], p[1]}
		if len(ring) == 0 || ring[len(ring)-1] != q { // the same point twice in a row says nothing
			ring = append(ring, q)
		}
	}
	if len(ring) > 0 && ring[0] != ring[len(ring)-1] {
		ring = append(ring, ring[0])
	}
	if len(ring) < 4 {
		c.fault("ring", "zone-points")
		return v
	}
	if !ok {
		return v
	}
	for i := 1; i < len(ring); i++ {
		if math.Abs(ring[i][0]-ring[i-1][0]) >= maxSpan {
			c.fault("ring", "zone-antimeridian")
			return v
		}
	}
	if i, j, crosses := selfCrossing(ring); crosses {
		c.fault("ring", "zone-crossing", "first", strconv.Itoa(i+1), "second", strconv.Itoa(j+1))
		return v
	}
	switch area := geo.Area(ring); {
	case area < minArea:
		c.fault("ring", "zone-small", "min", strconv.Itoa(int(minArea)))
	case area > maxArea:
		c.fault("ring", "zone-large", "max", strconv.Itoa(int(maxArea/1e6)))
	}
	if ring.Orientation() == orb.CW {
		ring.Reverse()
	}
	v.Ring = make([][2]float64, len(ring))
	for i, p := range ring {
		v.Ring[i] = p
	}
	return v
}

// selfCrossing finds two sides of ring, counted from 0, that cross or touch anywhere but in the corner they share.
func selfCrossing(ring orb.Ring) (i, j int, found bool) {
	n := len(ring) - 1 // sides
	for i := range n {
		for j := i + 1; j < n; j++ {
			a, b, c, d := ring[i], ring[i+1], ring[j], ring[j+1]
			switch {
			case j == i+1: // share b = c: only folding back is a crossing
				if turn(a, b, d) == 0 && within(a, b, d) || turn(a, b, d) == 0 && within(b, d, a) {
					return i, j, true
				}
			case i == 0 && j == n-1: // share a = d
				if turn(c, d, b) == 0 && within(c, d, b) || turn(c, d, b) == 0 && within(d, b, c) {
					return i, j, true
				}
			case meet(a, b, c, d):
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// meet says whether the closed segments ab and cd have a point in common.
func meet(a, b, c, d orb.Point) bool {
	t1, t2, t3, t4 := turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
	if t1 != t2 && t3 != t4 {
		return true
	}
	return t1 == 0 && within(a, b, c) || t2 == 0 && within(a, b, d) || t3 == 0 && within(c, d, a) || t4 == 0 && within(c, d, b)
}

// turn is 1 when a, b, c turn left, -1 when right, 0 when they are in line.
func turn(a, b, c orb.Point) int {
	x := (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0])
	switch {
	case x > touchesEps:
		return 1
	case x < -touchesEps:
		return -1
	}
	return 0
}

// within says whether p, known to be in line with a and b, is between them.
func within(a, b, p orb.Point) bool {
	return min(a[0], b[0]) <= p[0] && p[0] <= max(a[0], b[0]) && min(a[1], b[1]) <= p[1] && p[1] <= max(a[1], b[1])
}

// SetZone makes or changes a zone.
func (d *Draft) SetZone(v insole.Zone, version int) error {
	err := d.zones.expect("zone", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	d.zones.after[v.ID] = d.checker("zone", string(v.ID)).zone(v)
	return nil
}

// DropZone removes a zone.
func (d *Draft) DropZone(id insole.ZoneID, version int) error {
	err := d.zones.expect("zone", id, version)
	delete(d.zones.after, id)
	return err
}

// Zone is a zone that is to be, as it will be kept; false when there is none.
func (d *Draft) Zone(id insole.ZoneID) (store.Kept[insole.Zone], bool) { return d.zones.kept(id) }
