package api_test

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/tally"
)

// An alarm is standing until somebody has ended it, and in its month's tables from then on.
func TestReport(t *testing.T) {
	o := newOffice(t)
	boss := as("acme", insole.Supervisor)
	var r tally.Report
	o.ask(t, boss, "GET", "/api/reports/2026-11", nil).into(t, &r)
	if r.Month != "2026-11" || !r.Partial || r.MadeAtMs != start.UnixMilli() || r.All.Ended != 0 || len(r.Alarms) != 0 || len(r.Standing) != 1 || r.Standing[0].WorkerName != "Marie of acme" {
		t.Errorf("while it is open: %+v", r)
	}

	al := "/api/alarms/" + string(o.alarm("acme", "").ID)
	o.ms.Add((41500 * time.Millisecond).Milliseconds())
	for _, step := range []struct {
		path string
		body any
	}{{al + "/take", nil}, {al + "/resolve", m{"reason": "false", "note": "pressed by a knee"}}} {
		if a := o.ask(t, boss, "POST", step.path, step.body); a.status != 200 {
			t.Fatal(a.body)
		}
		o.ms.Add(time.Hour.Milliseconds())
	}
	r = tally.Report{}
	o.ask(t, boss, "GET", "/api/reports/2026-11?format=json", nil).into(t, &r)
	l := r.All
	if l.Ended != 1 || l.Reasons.False != 1 || l.Needed != 1 || l.Within != 1 || l.Take.P50S == nil || *l.Take.P50S != 41.5 || l.FalseRate == nil || *l.FalseRate != 1 || l.Page.N != 0 {
		t.Errorf("all: %+v", l)
	}
	if len(r.Alarms) != 1 || r.Alarms[0].Kind != "sos" || len(r.Standing) != 0 || r.Unread != 0 {
		t.Errorf("%+v", r)
	}

	a := o.ask(t, boss, "GET", "/api/reports/2026-11?format=csv", nil)
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || a.header.Get("Content-Disposition") != `attachment; filename="solewatch-2026-11.csv"` {
		t.Errorf("csv: %d %v", a.status, a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	must(t, err)
	if strings.Join(rows[0], ",") != "month,table,kind,measure,value,unit" || !strings.Contains(a.body, "2026-11,alarms,sos,take-p50,41.5,s\r\n") || strings.Contains(a.body, "Marie") {
		t.Errorf("csv:\n%s", a.body)
	}

	r = tally.Report{}
	o.ask(t, boss, "GET", "/api/reports/2026-10", nil).into(t, &r)
	if r.Partial || r.All.Ended != 0 {
		t.Errorf("October: %+v", r)
	}
}

// What is no month is said to be none, with what one looks like; so is one that is yet to come.
func TestReportOfNoMonth(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct{ month, kind string }{
		{"2026-13", "month"}, {"november", "month"}, {"2026-11-01", "month"}, {"2026-12", "month"}, {"9999-99", "month"}, {"%7Bgiven%7D", "month"},
		{"%ff", "month"}, {strings.Repeat("1", 41), "invalid"},
	} {
		for _, format := range []string{"json", "csv"} {
			a := o.ask(t, as("acme", insole.Supervisor), "GET", "/api/reports/"+tt.month+"?format="+format, nil)
			p := a.problem(t)
			if a.status != 422 || p.Type != tt.kind || tt.kind == "month" && !strings.Contains(p.Detail, "2026-11") {
				t.Errorf("%s as %s: %d %+v", tt.month, format, a.status, p)
			}
		}
	}
	a := o.ask(t, as("acme", insole.Supervisor), "GET", "/api/reports/2026-11?format=xlsx", nil)
	if p := a.problem(t); a.status != 422 || p.Type != "invalid" || len(p.Errors) != 1 || p.Errors[0].Location != "query.format" {
		t.Errorf("a format there is not: %d %+v", a.status, p)
	}
}
