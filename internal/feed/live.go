package feed

import (
	"time"

	"solewatch/internal/store"
)

// LiveOf is how screens are told of l.
func LiveOf(l store.Live) Live {
	s := l.State
	f := Live{
		Insole: string(l.Insole), Worker: string(l.Worker), HeardAtMs: ms(s.HeardAt), AtMs: ms(s.At), Steps: int64(s.Steps),
		Posture: string(s.Posture), ExpectS: int(s.Expect / time.Second), Lost: s.Lost, ClockOffMs: s.ClockOff.Milliseconds(), Version: l.Version,
	}
	if s.Fix != nil {
		lat, lon := s.Fix.Lat, s.Fix.Lon
		f.Lat, f.Lon, f.AccuracyM, f.SpeedMps, f.CourseDeg = &lat, &lon, s.Fix.Accuracy, s.Fix.Speed, s.Fix.Course
		f.Source, f.FixAtMs = string(s.Fix.Source), ms(s.Fix.At)
	}
	if s.Battery != nil {
		percent := s.Battery.Percent
		f.BatteryPercent, f.Charging = &percent, s.Battery.Charging
	}
	return f
}
