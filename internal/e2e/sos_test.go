package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/tally"
	"solewatch/internal/wire/sole"
)

const (
	supervisor = "claire@demo.example"
	password   = "demo-claire-2026"
)

// From a button on a foot to a phone and a screen, in each dialect, with the programs that are deployed.
func TestSOS(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	for _, d := range []insole.Dialect{insole.SOLE, insole.Teltonika} {
		t.Run(string(d), func(t *testing.T) {
			e := w.of(d, 0)
			switch d {
			case insole.SOLE:
				f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
				f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
				f.heard()
			case insole.Teltonika:
				sosTeltonika(t, w.Insoles, e.Insole)
			}
			seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
			if seen.Kind != "sos" || seen.Worker != string(e.Worker) || seen.Lat == nil {
				t.Errorf("the screen was told %+v", seen)
			}
			var open []feed.Alarm
			claire.call("GET", "/api/alarms", nil, &struct{ Alarms *[]feed.Alarm }{&open})
			if !contains(open, seen.ID) {
				t.Errorf("alarm %s is not among the open ones: %+v", seen.ID, open)
			}
			until(t, "an SMS and an e-mail", func() bool {
				return len(w.about(seen.Reference, "sms")) > 0 && len(w.about(seen.Reference, "email")) > 0
			})

			claire.call("POST", "/api/alarms/"+seen.ID+"/take", map[string]string{}, nil)
			taken := screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "taken" })
			if taken.OwnerName == "" {
				t.Errorf("nobody is named as having taken charge: %+v", taken)
			}
			claire.call("POST", "/api/alarms/"+seen.ID+"/resolve", map[string]string{"reason": "test", "note": "end to end"}, nil)
			screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "resolved" })
		})
	}

	// Both alarms are in the month's report, and both wearers were heard.
	month := time.Now().UTC().Format("2006-01")
	var report tally.Report
	claire.call("GET", "/api/reports/"+month, nil, &report)
	if report.All.Reasons.Test != 2 || report.All.Exercises != 2 {
		t.Errorf("the report of %s: %+v", month, report)
	}
	status, body, err := claire.ask("GET", "/api/reports/"+month+"?format=csv", nil, nil)
	if err != nil || status != 200 || !strings.HasPrefix(string(body), "month,table,kind,measure,value,unit\r\n") {
		t.Errorf("as CSV: %d %.80q %v", status, body, err)
	}
	for _, d := range []insole.Dialect{insole.SOLE, insole.Teltonika} {
		var said struct {
			Workers []struct {
				Worker  string
				Reasons []struct{ Code, Text string }
			}
		}
		claire.call("GET", "/api/readiness?worker="+string(w.of(d, 0).Worker), nil, &said)
		if len(said.Workers) != 1 || slices.ContainsFunc(said.Workers[0].Reasons, func(r struct{ Code, Text string }) bool {
			return r.Code == "never-heard" || r.Code == "silent" || strings.HasPrefix(r.Text, "readiness.")
		}) {
			t.Errorf("readiness of the wearer of %s: %+v", d, said)
		}
		t.Logf("readiness: %+v", said)
	}
}

func contains(all []feed.Alarm, id string) bool {
	for _, a := range all {
		if a.ID == id {
			return true
		}
	}
	return false
}

// Promise 6: an SOS pages with the database gone; when it is back the alarm is stored, under the reference that was paged.
func TestSOSWithoutTheTable(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	e := w.of(insole.SOLE, 1)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	before := len(w.outbox())

	w.faults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse})
	key := f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
	f.heard() // the queue has it: the insole may forget
	reference := insole.NewAlarmID("demo", e.Worker, insole.AlarmSOS, key).Reference()
	until(t, "an SMS and an e-mail with the table gone", func() bool {
		return len(w.about(reference, "sms")) > 0 && len(w.about(reference, "email")) > 0
	})
	if status, body, err := claire.ask("GET", "/api/board", nil, nil); err != nil || status != 503 {
		t.Errorf("board with the table gone = %d %s %v, want 503", status, body, err)
	}
	var st struct{ Store string }
	if status, body, err := claire.ask("GET", "/api/status", nil, &st); err != nil || st.Store != "away" {
		t.Errorf("status with the table gone = %d %s %v", status, body, err)
	}

	w.faults()
	until(t, "the alarm stored once the table is back", func() bool {
		var open []feed.Alarm
		claire.call("GET", "/api/alarms", nil, &struct{ Alarms *[]feed.Alarm }{&open})
		for _, a := range open {
			if a.Insole == string(e.Insole) && a.Reference == reference {
				return true
			}
		}
		return false
	})
	if len(w.outbox()) == before {
		t.Error("the outbox is as before")
	}
}
