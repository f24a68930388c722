package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// What a wearer wrote of their health comes with the alarm that calls people to them. Whoever may only look does not read it, on no route that
// shows alarms; a responder does, and no note of anybody else takes its place.
func TestAmberNoteIsForResponders(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	sup, viewer := as("acme", insole.Supervisor), as("acme", insole.Viewer)
	one, _, err := o.api.Alarms.Raise(ctx, alarm.Cause{
		ID: insole.NewAlarmID("acme", "marie", insole.AlarmAmber, "a"), Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie", Kind: insole.AlarmAmber, Key: "a",
		SentAt: start, Confirmed: true, Note: "asthma, tank 3", Who: "watchdog",
	})
	must(t, err)
	path := "/api/alarms/" + string(one.ID)
	hidden := func(when string) {
		t.Helper()
		for _, p := range []string{"/api/board", "/api/alarms", path} {
			if a := o.ask(t, viewer, "GET", p, nil); a.status != 200 || !strings.Contains(a.body, string(one.ID)) && p != "/api/board" && p != "/api/alarms" || strings.Contains(a.body, "asthma") {
				t.Errorf("%s: %s says to a viewer: %d %s", when, p, a.status, a.body)
			}
		}
		if a := o.ask(t, sup, "GET", path, nil); !strings.Contains(a.body, "asthma, tank 3") {
			t.Errorf("%s: a supervisor does not read it: %s", when, a.body)
		}
	}
	hidden("open")
	o.ask(t, sup, "POST", path+"/note", m{"note": "the fire brigade is on its way"}).into(t, &m{})
	hidden("with another note")
	if a := o.ask(t, viewer, "GET", path, nil); !strings.Contains(a.body, "fire brigade") {
		t.Errorf("the other note is lost: %s", a.body)
	}
	o.ask(t, sup, "POST", path+"/resolve", m{"reason": "real", "note": "well again"}).into(t, &m{})
	hidden("ended")
}

// Where somebody was is not looked at unrecorded: not in an alarm of the past, not in the list of a month, not in an evacuation of the past.
func TestPastWhereabouts(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	sup, viewer := as("acme", insole.Supervisor), as("acme", insole.Viewer)
	one := o.alarm("acme", "00a1b2c3d4e5f600")
	one.ID, one.Kind = insole.NewAlarmID("acme", "marie", insole.AlarmFall, "p"), insole.AlarmFall
	one.Fix = &insole.Fix{Lat: 43.6151, Lon: 7.0551, Accuracy: 5, At: start}
	must(t, o.store.RaiseAlarm(ctx, one, nil, nil))
	path := "/api/alarms/" + string(one.ID)
	looks := func() int {
		all, err := o.store.Looks(ctx, "acme", "marie", 200)
		must(t, err)
		return len(all)
	}
	get := func(path string) string {
		t.Helper()
		o.ms.Add(1000)
		a := o.ask(t, viewer, "GET", path, nil)
		if a.status != 200 {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return a.body
	}
	if body := get(path); !strings.Contains(body, "43.6151") || looks() != 0 {
		t.Errorf("open: %d looks, %s", looks(), body)
	}
	o.ask(t, sup, "POST", path+"/resolve", m{"reason": "false"}).into(t, &m{})
	if get(path); looks() != 0 {
		t.Errorf("just ended, on every screen: %d looks", looks())
	}
	if a := o.ask(t, sup, "GET", "/api/reports/2026-11/alarms", nil); !strings.Contains(a.body, string(one.ID)) || strings.Contains(a.body, "43.6151") {
		t.Errorf("a month's list: %s", a.body)
	}
	o.ms.Add(time.Hour.Milliseconds())
	if body := get(path); !strings.Contains(body, "43.6151") || looks() != 1 {
		t.Errorf("of the past: %d looks, %s", looks(), body)
	}
	if body := get("/api/workers/marie/looked"); !strings.Contains(body, "The viewer") {
		t.Errorf("who looked: %s", body)
	}

	must(t, o.store.Summon(ctx, []insole.Summons{{Org: "acme", Muster: "fire", Worker: "zoe", Name: "Zoe", Where: insole.WhereIn, State: insole.SummonsWaiting, Version: 1}}, nil))
	if body := get("/api/musters/fire"); !strings.Contains(body, `"where":"in"`) {
		t.Errorf("now: %s", body)
	}
	o.ask(t, sup, "POST", "/api/musters/fire/end", nil).into(t, &m{})
	o.ms.Add(time.Hour.Milliseconds())
	if body := get("/api/musters/fire"); strings.Contains(body, `"where"`) {
		t.Errorf("of the past: %s", body)
	}
}

// Whoever has somebody else's session cannot send ten thousand messages with it.
func TestEnough(t *testing.T) {
	o, sup := newOffice(t), as("acme", insole.Supervisor)
	until429 := func(path string, body func(int) any, after func(answer)) int {
		t.Helper()
		for n := range 1000 {
			o.ms.Add(1000)
			a := o.ask(t, sup, "POST", path, body(n))
			if a.status == 429 {
				if p := a.problem(t); p.Type != "enough" || !strings.Contains(p.Detail, "min") {
					t.Errorf("%s: %+v", path, p)
				}
				return n
			}
			if a.status != 200 {
				t.Fatalf("%s, time %d: %d %s", path, n, a.status, a.body)
			}
			after(a)
		}
		return 1000
	}
	drills := until429("/api/drills", func(int) any { return m{"worker": "marie"} }, func(a answer) {
		var d struct{ ID string }
		a.into(t, &d)
		o.ask(t, sup, "POST", "/api/alarms/"+d.ID+"/resolve", m{"reason": "drill"}).into(t, &m{})
	})
	musters := until429("/api/musters", func(n int) any { return m{"muster": fmt.Sprintf("m%d", n), "mode": "roll-call", "team": "north"} }, func(answer) {})
	if drills != 30 || musters != 30 {
		t.Errorf("%d drills, %d musters", drills, musters)
	}
	// One worker is not called by a supervisor over and over either; another may be.
	admin := as("acme", insole.Admin)
	for _, w := range []string{"marie", "paul"} {
		o.ask(t, admin, "PUT", "/api/workers/marie", m{"name": "Marie", "team": "north", "insole": "00a1b2c3d4e5f600", "phone": "+33639980077"}).into(t, &m{})
		o.ask(t, admin, "POST", "/api/workers", m{"worker": "paul", "name": "Paul", "team": "north", "phone": "+33639980078"})
		if n := until429("/api/workers/"+w+"/link", func(int) any { return nil }, func(answer) {}); n != 1 {
			t.Errorf("%d links to %s", n, w)
		}
	}
	al := "/api/alarms/" + string(o.alarm("acme", "").ID)
	step := 0
	if n := until429(al+"/escalate", func(int) any { return m{"step": step} }, func(answer) {
		one, err := o.store.GetAlarm(t.Context(), "acme", o.alarm("acme", "").ID)
		must(t, err)
		one.Step, one.NextStepAt = one.Step+1, o.now().Add(time.Hour) // as the step that was asked for does
		one.Version++
		must(t, o.store.SaveAlarm(t.Context(), one, nil, nil, ""))
		step = one.Step
	}); n != 20 {
		t.Errorf("one alarm escalated %d times", n)
	}
	if a := o.ask(t, as("acme", insole.Admin), "POST", "/api/drills", m{"worker": "marie"}); a.status != 200 {
		t.Errorf("somebody else: %d %s", a.status, a.body)
	}
	o.ms.Add(time.Hour.Milliseconds())
	if a := o.ask(t, sup, "POST", "/api/drills", m{"worker": "marie"}); a.status != 200 {
		t.Errorf("an hour later: %d %s", a.status, a.body)
	}
}

// A refusal says where in the body and what would do, in the reader's language, also for what comes from deep below.
func TestRefusalsHelp(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		name, method, path string
		body               any
		status             int
		at, en, fr         string
	}{
		{"why, of a time to come", "GET", "/api/workers/marie/why?atMs=253402300799000", nil, 422, "", "still to come", "encore à venir"},
		{"operators", "PUT", "/api/operators", m{"team": "ghost"}, 422, "body.team", "ghost", "ghost"},
		{"a time of day", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"boss"}, "channels": []string{"sms"}}}, "hours": []m{{"days": []string{"mon"}, "from": "25:00", "to": "26:00", "zone": "UTC"}}}, 422, "body.hours[0].from", "A time, as 06:30", "Une heure, comme 06:30"},
		{"a time in the year 33,658", "POST", "/api/workers/marie/task", m{"everyS": 600, "endsAtMs": int64(1e18)}, 422, "body.endsAtMs", "253402300799000", "253402300799000"},
	} {
		for locale, want := range map[string]string{"en": tt.en, "fr": tt.fr} {
			s := as("acme", insole.Admin)
			s.Locale = locale
			a := o.ask(t, s, tt.method, tt.path, tt.body)
			p := a.problem(t)
			if a.status != tt.status || !strings.Contains(a.body, want) || tt.at != "" && (len(p.Errors) == 0 || p.Errors[0].Location != tt.at) {
				t.Errorf("%s: %s: status %d, %+v", tt.name, locale, a.status, p)
			}
		}
	}
}

// An alarm that nobody ends for weeks still fits into an answer.
func TestAlarmThatNobodyEnds(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	one := o.alarm("acme", "")
	var lines []store.LogLine
	for i := range 2500 {
		lines = append(lines, store.LogLine{At: start.Add(time.Duration(i) * time.Second), What: "step", Who: "alarm", Text: fmt.Sprintf("line %d.", i)})
		if len(lines) == 90 || i == 2499 {
			got, err := o.store.GetAlarm(ctx, "acme", one.ID)
			must(t, err)
			got.Version++
			must(t, o.store.SaveAlarm(ctx, got, nil, lines, ""))
			lines = nil
		}
	}
	var f struct {
		Log     []struct{ What, Detail string }
		LeftOut int
	}
	o.ask(t, as("acme", insole.Viewer), "GET", "/api/alarms/"+string(one.ID), nil).into(t, &f)
	if len(f.Log) != 2000 || f.LeftOut < 500 || f.Log[0].What != "raised" || f.Log[1999].Detail != "line 2499." {
		t.Errorf("%d lines, %d left out, from %+v to %+v", len(f.Log), f.LeftOut, f.Log[0], f.Log[len(f.Log)-1])
	}
}
