package tally

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteCSV writes r as CSV (RFC 4180, UTF-8): one header line, then one number a line, so that a spreadsheet can sort, filter and
// pivot it, and months can be put one below the other.
//
//	month,table,kind,measure,value,unit
//	2026-11,alarms,sos,real,3,alarms
//	2026-11,alarms,sos,take-p95,48.2,s
//	2026-11,standing,sos,Q2F7AB,7200,s
//
// The kind "all" is every kind. A percentile or rate of nothing has no line. Nobody's name is in it: a standing alarm is named by its reference.
func (r Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	write := func(table, kind, measure, value, unit string) {
		_ = out.Write([]string{r.Month, table, kind, measure, value, unit}) // Error has it
	}
	_ = out.Write([]string{"month", "table", "kind", "measure", "value", "unit"})
	whole := func(n int) string { return strconv.Itoa(n) }
	for _, k := range append([]Kind{{"all", r.All}}, r.Alarms...) {
		for _, row := range []struct {
			measure string
			n       int
		}{
			{"ended", k.Ended}, {"real", k.Reasons.Real}, {"false", k.Reasons.False}, {"test", k.Reasons.Test}, {"drill", k.Reasons.Drill},
			{"other", k.Reasons.Other}, {"cancelled", k.Reasons.Cancelled}, {"exercises", k.Exercises}, {"needed", k.Needed},
			{"paged", k.Page.N}, {"taken", k.Take.N}, {"taken-within-" + whole(k.GoalS) + "s", k.Within},
		} {
			write("alarms", k.Kind, row.measure, whole(row.n), "alarms")
		}
		for _, row := range []struct {
			measure, unit string
			v             *float64
		}{
			{"page-p50", "s", k.Page.P50S}, {"page-p95", "s", k.Page.P95S}, {"take-p50", "s", k.Take.P50S}, {"take-p95", "s", k.Take.P95S},
			{"false-rate", "ratio", k.FalseRate},
		} {
			if row.v != nil {
				write("alarms", k.Kind, row.measure, strconv.FormatFloat(*row.v, 'f', -1, 64), row.unit)
			}
		}
	}
	for _, s := range r.Standing {
		write("standing", s.Kind, s.Reference, strconv.FormatInt(s.AgeS, 10), "s")
	}
	if r.Unread > 0 {
		write("unread", "all", "ended", whole(r.Unread), "alarms")
	}
	out.Flush()
	return out.Error()
}
