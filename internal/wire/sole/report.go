package sole

import (
	"strconv"
	"time"

	"solewatch/internal/insole"
)

// Reports says what the body of an authenticated DATA frame of insole id, read at heardAt, means. A body names its own boot epoch, so that the
// body alone can be decoded again later.
//
// As with DecodeBody there may be both reports and an error: the reports are good, and the error, which wraps ErrMalformed, names what
// of the body is lost. The Raw of each report is its record, and points into body.
//
// A fix of an insole without a clock is dated back from heardAt by its age. Extra has "result" for an answer, "kind" (the code) for a kind
// this build does not know, and a 1 for each of "fault-fix", "fault-battery", "fault-clock", "fault-tail" and "fault-sequence" that could not be believed.
func Reports(id insole.ID, body []byte, heardAt time.Time) ([]insole.Report, error) {
	d, err := DecodeBody(body)
	reports := make([]insole.Report, 0, len(d.Records))
	for i := range d.Records {
		reports = append(reports, d.Records[i].report(id, heardAt))
	}
	return reports, err
}

func (r *Record) report(id insole.ID, heardAt time.Time) insole.Report {
	out := insole.Report{
		Insole:   id,
		Dialect:  insole.SOLE,
		Kind:     r.Kind,
		Boot:     r.Boot,
		Seq:      r.Seq,
		DeviceAt: r.At,
		HeardAt:  heardAt,
		Fix:      r.Fix,
		Steps:    r.Steps,
		Posture:  r.Posture,
		Battery:  r.Battery,
		Expect:   r.Expect,
		PreAlarm: r.PreAlarm,
		About:    r.About,
		Downlink: r.Downlink,
		Raw:      r.Raw,
	}
	if out.Fix != nil && out.Fix.At.IsZero() {
		out.Fix.At = heardAt.Add(-r.age)
	}
	extra := func(name string, v int64) {
		if out.Extra == nil {
			out.Extra = make(map[string]int64)
		}
		out.Extra[name] = v
	}
	if r.Result != 0 {
		extra("result", int64(r.Result))
	}
	if _, known := kindCodes[r.Kind]; !known {
		code, _ := strconv.Atoi(string(r.Kind[len(unknown):]))
		extra("kind", int64(code))
	}
	for _, f := range r.Faults {
		extra("fault-"+f, 1)
	}
	return out
}
