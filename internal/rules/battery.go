package rules

import (
	"math"
	"time"

	"solewatch/internal/insole"
)

// A Level is what a battery had at a time; the zero Level is none.
type Level struct {
	At      time.Time // to the minute
	Percent int
}

// Bounds of a battery's trend.
const (
	drainLeast = 20 * time.Minute // a shorter time says nothing: whole percents
	drainWorst = 60.0             // percent an hour; faster is a cold morning, or another battery, and no trend
	usualDrain = 4.0              // percent an hour, of an insole that reports every 10 s, where there is no trend: 25 h from full to empty
	spare      = 5.0              // percent at the end of the shift, with which a call for help still goes out
	hysteresis = 5.0              // percent more than that at the end, before "will not last" is over without a charger
)

// Since is where the trend of a battery begins, that was to begin at from, had last, and has b at at: there, or anew when it has gained. On the charger there is none.
func Since(from Level, last *insole.Battery, b insole.Battery, at time.Time) Level {
	switch {
	case b.Charging:
		return Level{}
	case from.At.IsZero(), last == nil, last.Charging, b.Percent > last.Percent+1:
		return Level{at.Truncate(time.Minute), b.Percent}
	}
	return from
}

// Drain is how fast a battery empties, in percent an hour, that had from and has percent at at. ok is false when that is less than 20 minutes, or cannot be believed.
func Drain(from Level, percent int, at time.Time) (rate float64, ok bool) {
	span := at.Sub(from.At)
	if from.At.IsZero() || span < drainLeast {
		return 0, false
	}
	rate = float64(from.Percent-percent) / span.Hours()
	return rate, rate >= 0 && rate <= drainWorst
}

// Short says whether a battery that had from and has b at at will be below 5 % at end. was is what was said before: then it takes 5 % more, or the charger, to
// say otherwise, so that a battery on the edge is said once. Without a trend a usual one is taken.
func Short(from Level, b insole.Battery, was bool, at, end time.Time) bool {
	if b.Charging {
		return false
	}
	rate, ok := Drain(from, b.Percent, at)
	if !ok {
		if was {
			return true // nothing is known that says otherwise
		}
		rate = usualDrain
	}
	need := spare
	if was {
		need += hysteresis
	}
	return float64(b.Percent)-rate*math.Max(0, end.Sub(at).Hours()) < need
}

// battery is what r says of whether the battery lasts the shift. A wearer without shifts has none that ends. Low battery says more, and is not said twice.
func (d *Decision) battery(s State, r insole.Report, shifts []insole.Shift, on bool, at time.Time) {
	if r.Battery == nil || !d.Newer {
		return
	}
	d.State.Level = Since(s.Level, s.Battery, *r.Battery, at)
	was := s.Conditions&ShortBattery != 0
	if !was && (!on || r.Battery.Charging || s.Battery != nil && s.Battery.Percent == r.Battery.Percent) {
		return
	}
	_, end, shift := insole.Began(shifts, at)
	switch {
	case was && (!shift || !Short(d.State.Level, *r.Battery, true, at, end)):
		d.Return = append(d.Return, insole.AlarmShortBattery)
		d.State.Conditions &^= ShortBattery
	case !was && shift && (s.Conditions|d.State.Conditions)&LowBattery == 0 && Short(d.State.Level, *r.Battery, false, at, end):
		d.Raise = append(d.Raise, Raise{Kind: insole.AlarmShortBattery, Confirmed: true})
		d.State.Conditions |= ShortBattery
	}
}

// Metres is how far apart two fixes are, on a sphere; right to 0.5 %.
func Metres(a, b insole.Fix) float64 {
	const earth = 6371008.8 // m, mean radius (IUGG)
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	sa, sb := math.Sin(rad(b.Lat-a.Lat)/2), math.Sin(rad(b.Lon-a.Lon)/2)
	h := sa*sa + math.Cos(rad(a.Lat))*math.Cos(rad(b.Lat))*sb*sb
	return 2 * earth * math.Asin(math.Min(1, math.Sqrt(h)))
}
