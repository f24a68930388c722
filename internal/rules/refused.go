package rules

import "solewatch/internal/insole"

// Why a report that tells of something wrong raised nothing.
const (
	RefusedCancelled = "cancelled" // the wearer's cancel of the pre-alarm was heard before it
	RefusedOffShift  = "off-shift"
	RefusedCharging  = "charging"
)

// Refused says which alarm d, of a report that may raise one, did not raise, and why. ok is false when it raised, and of reports that tell of
// nothing wrong.
func (d Decision) Refused() (kind insole.AlarmKind, why string, ok bool) {
	if len(d.Raise) > 0 {
		return "", "", false
	}
	switch d.Report.Kind {
	case insole.KindPreAlarm:
		kind, _ = about(d.Report.About)
		return kind, RefusedCancelled, true
	case insole.KindStill, insole.KindTakenOff, insole.KindLowBattery:
		raise, _ := raises(d.Report.Kind)
		if !d.on {
			return raise.Kind, RefusedOffShift, true
		}
		return raise.Kind, RefusedCharging, d.charging
	}
	return "", "", false
}
