package tally_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/tally"
)

var (
	november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	now      = time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)
	noon     = time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
)

// file is an SOS of noon that ended an hour later, changed by change.
func file(change ...func(*store.AlarmFile)) store.AlarmFile {
	f := store.AlarmFile{Alarm: insole.Alarm{
		ID: "q2f7abcdefghijkl", Kind: insole.AlarmSOS, State: insole.Resolved, Reason: insole.ReasonReal, RaisedAt: noon, EndedAt: noon.Add(time.Hour), Worker: "marie", WorkerName: "Marie",
	}}
	for _, c := range change {
		c(&f)
	}
	return f
}

func reason(r insole.Reason) func(*store.AlarmFile) {
	return func(f *store.AlarmFile) { f.Alarm.Reason = r }
}

func kind(k insole.AlarmKind) func(*store.AlarmFile) {
	return func(f *store.AlarmFile) { f.Alarm.Kind = k }
}

func cancelled(f *store.AlarmFile) { f.Alarm.State, f.Alarm.Reason = insole.Cancelled, "" }

func logged(what string, after time.Duration) func(*store.AlarmFile) {
	return func(f *store.AlarmFile) { f.Log = append(f.Log, store.LogLine{At: noon.Add(after), What: what}) }
}

func page(s insole.PageState, after time.Duration) func(*store.AlarmFile) {
	return func(f *store.AlarmFile) {
		p := insole.Page{State: s, DoneAt: noon.Add(after), MessageID: "m"}
		if s == insole.PageFailed {
			p.MessageID = ""
		}
		f.Pages = append(f.Pages, p)
	}
}

func at(v float64) *float64 { return &v }

func TestLine(t *testing.T) {
	type files = []store.AlarmFile
	for _, tt := range []struct {
		name  string
		files files
		want  tally.Line
	}{
		{"nothing", nil, tally.Line{}},
		{"paged and taken in time", files{file(page(insole.PageAccepted, 1500*time.Millisecond), page(insole.PageAccepted, 900*time.Millisecond), logged("taken", time.Minute))},
			tally.Line{Ended: 1, Reasons: tally.Reasons{Real: 1}, Needed: 1, Within: 1, FalseRate: at(0),
				Page: tally.Times{N: 1, P50S: at(0.9), P95S: at(0.9)}, Take: tally.Times{N: 1, P50S: at(60), P95S: at(60)}}},
		{"a millisecond late", files{file(logged("taken", time.Minute+time.Millisecond))},
			tally.Line{Ended: 1, Reasons: tally.Reasons{Real: 1}, Needed: 1, FalseRate: at(0), Take: tally.Times{N: 1, P50S: at(60.001), P95S: at(60.001)}}},
		{"a refused page is none", files{file(page(insole.PageFailed, time.Second), reason(insole.ReasonOther))},
			tally.Line{Ended: 1, Reasons: tally.Reasons{Other: 1}, Needed: 1}},
		{"taken, lapsed, taken again: the first counts", files{file(logged("taken", 20*time.Minute), logged("lapsed", 15*time.Minute), logged("taken", 10*time.Second), reason(insole.ReasonFalse))},
			tally.Line{Ended: 1, Reasons: tally.Reasons{False: 1}, Needed: 1, Within: 1, FalseRate: at(1), Take: tally.Times{N: 1, P50S: at(10), P95S: at(10)}}},
		{"after a pre-alarm", files{file(logged("activated", 30*time.Second), page(insole.PageAccepted, 31*time.Second), logged("taken", 80*time.Second))},
			tally.Line{Ended: 1, Reasons: tally.Reasons{Real: 1}, Needed: 1, Within: 1, FalseRate: at(0),
				Page: tally.Times{N: 1, P50S: at(1), P95S: at(1)}, Take: tally.Times{N: 1, P50S: at(50), P95S: at(50)}}},
		{"cancelled by the wearer", files{file(cancelled)}, tally.Line{Ended: 1, Reasons: tally.Reasons{Cancelled: 1}}},
		{"exercises are in no rate and no time", files{
			file(reason(insole.ReasonTest), page(insole.PageAccepted, time.Second), logged("taken", time.Second)),
			file(reason(insole.ReasonDrill), page(insole.PageAccepted, time.Second)),
			file(reason(insole.ReasonFalse), func(f *store.AlarmFile) { f.Alarm.Drill = true }),
		}, tally.Line{Ended: 3, Reasons: tally.Reasons{Test: 1, Drill: 1, False: 1}, Exercises: 3}},
		{"one of four was false", files{file(), file(), file(), file(reason(insole.ReasonFalse)), file(reason(insole.ReasonOther)), file(cancelled)},
			tally.Line{Ended: 6, Reasons: tally.Reasons{Real: 3, False: 1, Other: 1, Cancelled: 1}, Needed: 5, FalseRate: at(0.25)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.GoalS = 60
			r := tally.Of(november, tt.files, nil, now)
			if diff := cmp.Diff(tt.want, r.All); diff != "" {
				t.Errorf("all (-want +got):\n%s", diff)
			}
		})
	}
}

// Percentiles are spans that were measured: of 1 to 20 s the tenth and the nineteenth.
func TestPercentiles(t *testing.T) {
	var files []store.AlarmFile
	for i := 20; i >= 1; i-- {
		files = append(files, file(logged("taken", time.Duration(i)*time.Second)))
	}
	got := tally.Of(november, files, nil, now).All.Take
	if diff := cmp.Diff(tally.Times{N: 20, P50S: at(10), P95S: at(19)}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOf(t *testing.T) {
	ends := func(at time.Time) func(*store.AlarmFile) {
		return func(f *store.AlarmFile) { f.Alarm.EndedAt = at }
	}
	open := insole.Alarm{ID: "aaaaaabbbbbbcccc", Kind: insole.AlarmLostContact, State: insole.Taken, Worker: "paul", WorkerName: "Paul", RaisedAt: now.Add(-2 * time.Hour)}
	older := open
	older.ID, older.State, older.RaisedAt = "bbbbbbccccccdddd", insole.Active, now.AddDate(0, -2, 0)
	december, over := open, open
	december.RaisedAt = november.AddDate(0, 1, 0)
	over.State = insole.Resolved
	r := tally.Of(november, []store.AlarmFile{
		file(ends(november.Add(-time.Millisecond))), file(ends(november)), file(ends(november.AddDate(0, 1, 0).Add(-time.Millisecond)), kind(insole.AlarmLowBattery)),
		file(ends(november.AddDate(0, 1, 0))), file(kind(insole.AlarmFall)), file(func(f *store.AlarmFile) { f.Alarm.State = insole.Active }),
	}, []insole.Alarm{open, december, over, older}, now)
	var kinds []string
	for _, k := range r.Alarms {
		kinds = append(kinds, fmt.Sprint(k.Kind, k.Ended))
	}
	if got := strings.Join(kinds, " "); got != "fall1 sos1 low-battery1" || r.All.Ended != 3 {
		t.Errorf("kinds %s, all %d", got, r.All.Ended)
	}
	want := []tally.Standing{
		{"bbbbbbccccccdddd", "BBBBBB", "lost-contact", "active", "paul", "Paul", older.RaisedAt.UnixMilli(), 61 * 24 * 3600},
		{"aaaaaabbbbbbcccc", "AAAAAA", "lost-contact", "taken", "paul", "Paul", open.RaisedAt.UnixMilli(), 7200},
	}
	if diff := cmp.Diff(want, r.Standing); diff != "" {
		t.Error(diff)
	}
	if !r.Partial || tally.Of(november.AddDate(0, -1, 0), nil, nil, now).Partial {
		t.Error("November is not over and October is")
	}
}

func TestMonth(t *testing.T) {
	for _, tt := range []struct {
		in   string
		good bool
	}{
		{"2026-11", true}, {"2026-01", true}, {"1999-12", true},
		{"2026-12", false}, {"2026-13", false}, {"2026-00", false}, {"2026-1", false}, {"26-11", false}, {"2026-11-01", false}, {"", false}, {"november", false}, {"2026-11 ", false},
	} {
		m, err := tally.Month(tt.in, now)
		if (err == nil) != tt.good || tt.good && m.Format("2006-01") != tt.in || err != nil && !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("Month(%q) = %v, %v", tt.in, m, err)
		}
	}
}

// Over random months: every alarm is in one line exactly once, order makes no difference, and the CSV says what the JSON says.
func TestOfHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 60))
	kinds := []insole.AlarmKind{insole.AlarmSOS, insole.AlarmFall, insole.AlarmLostContact, insole.AlarmLowBattery}
	for range 500 {
		var files []store.AlarmFile
		for range r.IntN(40) {
			f := file(kind(kinds[r.IntN(4)]), reason(insole.Reasons[r.IntN(5)]))
			if r.IntN(5) == 0 {
				cancelled(&f)
			}
			for range r.IntN(3) {
				page([]insole.PageState{insole.PageAccepted, insole.PageFailed}[r.IntN(2)], time.Duration(r.IntN(90_000))*time.Millisecond)(&f)
				logged([]string{"taken", "activated", "note"}[r.IntN(3)], time.Duration(r.IntN(90_000))*time.Millisecond)(&f)
			}
			files = append(files, f)
		}
		got := tally.Of(november, files, nil, now)
		sum := 0
		for _, k := range append(got.Alarms, tally.Kind{Kind: "all", Line: got.All}) {
			n := k.Reasons
			if n.Real+n.False+n.Test+n.Drill+n.Other+n.Cancelled != k.Ended || k.Needed+k.Exercises+n.Cancelled != k.Ended {
				t.Fatalf("%+v does not add up", k)
			}
			if k.Take.N > k.Needed || k.Page.N > k.Needed || k.Within > k.Take.N || k.Take.N > 0 && *k.Take.P50S > *k.Take.P95S {
				t.Fatalf("%+v", k)
			}
			if k.Kind != "all" {
				sum += k.Ended
			}
		}
		if sum != len(files) || got.All.Ended != len(files) {
			t.Fatalf("%d alarms, %d in the lines of kinds, %d in all", len(files), sum, got.All.Ended)
		}
		r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		if again := tally.Of(november, files, nil, now); !reflect.DeepEqual(got, again) {
			t.Fatalf("another order, another report:\n%s", cmp.Diff(got, again))
		}
		var b strings.Builder
		if err := got.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) < 13 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if i := slices.IndexFunc(rows, func(row []string) bool { return row[2] == "all" && row[3] == "ended" }); rows[i][4] != fmt.Sprint(len(files)) {
			t.Fatalf("%v, of %d alarms", rows[i], len(files))
		}
	}
}

func TestWriteCSV(t *testing.T) {
	rep := tally.Of(november, []store.AlarmFile{file(page(insole.PageAccepted, 800*time.Millisecond), logged("taken", 48200*time.Millisecond))},
		[]insole.Alarm{{ID: "aaaaaabbbbbbcccc", Kind: insole.AlarmFall, State: insole.Active, WorkerName: "=HYPERLINK(1)", RaisedAt: now.Add(-time.Minute)}}, now)
	rep.Unread = 2
	var b strings.Builder
	if err := rep.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	line := func(kind string) string {
		out := ""
		for _, s := range []string{"ended,1", "real,1", "false,0", "test,0", "drill,0", "other,0", "cancelled,0", "exercises,0", "needed,1", "paged,1", "taken,1", "taken-within-60s,1"} {
			out += "2026-11,alarms," + kind + "," + s + ",alarms\r\n"
		}
		for _, s := range []string{"page-p50,0.8,s", "page-p95,0.8,s", "take-p50,48.2,s", "take-p95,48.2,s", "false-rate,0,ratio"} {
			out += "2026-11,alarms," + kind + "," + s + "\r\n"
		}
		return out
	}
	want := "month,table,kind,measure,value,unit\r\n" + line("all") + line("sos") + "2026-11,standing,fall,AAAAAA,60,s\r\n2026-11,unread,all,ended,2,alarms\r\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// A month without alarms has empty lists, not null.
func TestEmptyIsAList(t *testing.T) {
	b, err := json.Marshal(tally.Of(november, nil, nil, now))
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}
