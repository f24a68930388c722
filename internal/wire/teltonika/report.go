package teltonika

import (
	"fmt"
	"time"

	"solewatch/internal/insole"
)

// Reports says what packet means, an AVL packet or an answer of insole id, read at heardAt.
//
// There may be both reports and an error, as with Records: the reports are good. The Raw of each report is its record, and points into packet.
//
// What a record is about follows its event id, and then its priority:
//
//	event 236          SOS, whatever its value
//	event 242 value 0  upright again
//	event 242          fall, also without a value
//	priority 2 (panic) SOS: somebody set the insole up to call this a panic, and help is never filtered
//	any other          fix, or status when there is no fix
//
// 236 and 242 as mere values of another record say what was, not what happened: they go to Extra. No satellites = no fix:
// the insole repeats an old place. Battery needs the percentage (113); a voltage alone (67) goes to Extra.
//
// The answer to a command becomes KindAnswer without Downlink, because Codec 12 does not repeat which command it answers. It has no time
// of its own and takes heardAt as DeviceAt, so that two equal answers have two keys.
func Reports(id insole.ID, packet []byte, heardAt time.Time) ([]insole.Report, error) {
	f, _, err := Split(packet)
	if err != nil {
		return nil, err
	}
	if f.Type == Answer {
		return answer(id, packet, heardAt)
	}
	records, err := Records(packet)
	reports := make([]insole.Report, 0, len(records))
	for i := range records {
		reports = append(reports, records[i].report(id, heardAt))
	}
	return reports, err
}

func answer(id insole.ID, packet []byte, heardAt time.Time) ([]insole.Report, error) {
	t, err := ParseText(packet)
	if err != nil {
		return nil, err
	}
	if t.Command {
		return nil, fmt.Errorf("a command from an insole: %w", ErrMalformed)
	}
	r := insole.Report{
		Insole:   id,
		Dialect:  insole.Teltonika,
		Kind:     insole.KindAnswer,
		DeviceAt: heardAt,
		HeardAt:  heardAt,
		Raw:      packet,
	}
	if t.Refused {
		r.Extra = map[string]int64{"refused": 1}
	}
	return []insole.Report{r}, nil
}

// extras are the values kept beside what a Report has a field for.
var extras = map[uint16]string{
	IOSignal:     "signal",
	IOMillivolts: "battery-mv",
	IOGNSS:       "gnss",
	IOPDOP:       "pdop-tenths",
	IOHDOP:       "hdop-tenths",
	IOSleep:      "sleep",
	IOAlarm:      "alarm",
	IOMovement:   "moving",
	IOManDown:    "man-down",
}

func (r *Record) report(id insole.ID, heardAt time.Time) insole.Report {
	out := insole.Report{
		Insole:   id,
		Dialect:  insole.Teltonika,
		DeviceAt: r.time(),
		HeardAt:  heardAt,
		Extra:    map[string]int64{"priority": int64(r.Priority), "event": int64(r.Event)},
		Raw:      r.Raw,
	}
	for _, io := range r.IO {
		name, ok := extras[io.ID]
		if v, small := r.Get(io.ID); ok && small {
			out.Extra[name] = int64(v)
		}
	}
	if out.DeviceAt.IsZero() && r.Millis != 0 {
		out.Extra["fault-clock"] = 1
	}
	if r.Satellites > 0 {
		out.Fix = r.fix(out.DeviceAt, heardAt)
		if out.Fix == nil {
			out.Extra["fault-fix"] = 1
		}
	}
	percent, ok := r.Get(IOBattery)
	if ok && percent > 100 {
		ok = false
		out.Extra["fault-battery"] = 1
	}
	if ok {
		mv, _ := r.Get(IOMillivolts)
		out.Battery = &insole.Battery{Percent: int(percent), Millivolts: int(min(mv, 0xffff))}
	}
	out.Kind = r.kind(out.Fix != nil)
	return out
}

func (r *Record) kind(fixed bool) insole.Kind {
	switch {
	case r.Event == IOAlarm:
		return insole.KindSOS
	case r.Event == IOManDown:
		if v, ok := r.Get(IOManDown); ok && v == 0 {
			return insole.KindUpright
		}
		return insole.KindFall
	case r.Priority >= Panic:
		return insole.KindSOS
	case fixed:
		return insole.KindFix
	}
	return insole.KindStatus
}

// fix is nil when the place is not on the Earth.
func (r *Record) fix(at, heardAt time.Time) *insole.Fix {
	if r.Lat < -900_000_000 || r.Lat > 900_000_000 || r.Lon < -1_800_000_000 || r.Lon > 1_800_000_000 {
		return nil
	}
	if at.IsZero() {
		at = heardAt
	}
	return &insole.Fix{
		Lat:        float64(r.Lat) / 1e7,
		Lon:        float64(r.Lon) / 1e7,
		Altitude:   float64(r.Altitude),
		Speed:      float64(r.Speed) / 3.6,
		Course:     float64(r.Course % 360),
		Satellites: int(r.Satellites),
		Source:     insole.SourceGPS,
		At:         at,
	}
}
