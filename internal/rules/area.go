package rules

import (
	"time"

	"solewatch/internal/insole"
)

// Of who may be in an area. An error here leaves somebody in the fire, or calls somebody for nothing: it errs on the side of calling.
const (
	AreaPace   = 1.5 // metres per second that somebody may have walked since the fix
	AreaDoubts = 2.0 // times the accuracy, which is a 68 % radius: 95 %
)

// MayBeIn says whether somebody whose newest fix is f may be in ring at now: in says that the fix itself is inside, may that it is inside or
// no farther out than it may be wrong and its wearer may have walked since. A fix older than ZoneFresh says nothing: known is false, and so are the others.
func MayBeIn(ring [][2]float64, f *insole.Fix, now time.Time) (in, may, known bool) {
	if f == nil || len(ring) < 4 {
		return false, false, false
	}
	age := max(now.Sub(f.At), 0)
	if age > ZoneFresh || f.At.IsZero() {
		return false, false, false
	}
	wrong := f.Accuracy
	if wrong == 0 {
		wrong = ZoneUnsaid
	}
	wrong = max(AreaDoubts*wrong, ZoneMargin)
	inside, distance := boundary(ring, *f)
	return inside, inside || !(distance > wrong+AreaPace*age.Seconds()), true // not a number counts as near
}
