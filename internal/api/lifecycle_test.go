package api_test

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A nuisance is set aside with a reason for a time, is seen by whoever looks, and comes back; a call for help cannot be.
func TestSetAside(t *testing.T) {
	o := newOffice(t)
	boss, viewer := as("acme", insole.Supervisor), as("acme", insole.Viewer)
	a := o.alarm("acme", "00a1b2c3d4e5f600")
	sos := "/api/alarms/" + string(a.ID)
	a.ID, a.Kind, a.Presses = insole.NewAlarmID("acme", "marie", insole.AlarmLowBattery, "k"), insole.AlarmLowBattery, 0
	must(t, o.store.RaiseAlarm(t.Context(), a, nil, []store.LogLine{{At: start, What: "raised", Who: "wearer"}}))
	low := "/api/alarms/" + string(a.ID)

	for _, path := range []string{sos + "/shelve", sos + "/seen"} {
		var body any
		if strings.HasSuffix(path, "shelve") {
			body = m{"minutes": 60, "why": "noise"}
		}
		if p := o.ask(t, boss, "POST", path, body).problem(t); p.Type != "latched" || p.Status != 409 {
			t.Errorf("%s: %+v, want latched", path, p)
		}
	}
	for _, body := range []m{{"minutes": 4, "why": "x"}, {"minutes": 481, "why": "x"}, {"minutes": 60, "why": ""}, {"minutes": 60}, {"minutes": 60, "why": "   "}} {
		if a := o.ask(t, boss, "POST", low+"/shelve", body); a.status != 422 && a.status != 400 {
			t.Errorf("%v: status %d: %s", body, a.status, a.body)
		}
	}
	var one feed.Alarm
	o.ask(t, boss, "POST", low+"/shelve", m{"minutes": 60, "why": "a new one is on its way", "all": true}).into(t, &one)
	if want := (feed.Shelf{UntilMs: o.now().Add(time.Hour).UnixMilli(), By: "The supervisor", Why: "a new one is on its way"}); one.State != "active" || one.Shelf == nil || *one.Shelf != want {
		t.Errorf("set aside: %+v with %+v, want %+v", one, one.Shelf, want)
	}
	var list struct{ Shelves []m }
	o.ask(t, viewer, "GET", "/api/shelves", nil).into(t, &list)
	if len(list.Shelves) != 1 || list.Shelves[0]["worker"] != "marie" || list.Shelves[0]["kind"] != "low-battery" || list.Shelves[0]["by"] != "The supervisor" {
		t.Errorf("list %v", list.Shelves)
	}
	o.ask(t, boss, "POST", "/api/shelves/end", m{"worker": "marie", "kind": "low-battery"}).into(t, &list)
	if len(list.Shelves) != 0 {
		t.Errorf("list after it was taken back %v", list.Shelves)
	}
	if f, err := o.store.GetAlarm(t.Context(), "acme", a.ID); err != nil || !f.Shelf.Until.IsZero() {
		t.Errorf("the alarm after that: %+v, %v", f, err)
	}
	if p := o.ask(t, boss, "POST", low+"/seen", nil).problem(t); p.Type != "conflict" {
		t.Errorf("seen what is not over: %+v", p)
	}
	f, err := o.store.GetAlarm(t.Context(), "acme", a.ID)
	must(t, err)
	f.ReturnedAt, f.Version = o.now(), f.Version+1
	must(t, o.store.SaveAlarm(t.Context(), f, nil, nil, ""))
	o.ask(t, boss, "POST", low+"/seen", nil).into(t, &one)
	if one.State != "resolved" || one.Reason != "returned" || one.EndedBy != "supervisor" {
		t.Errorf("seen: %+v", one)
	}
}

// Escalating says which step one saw; a signal is ordered and logged, but not under duress.
func TestEscalateAndSignal(t *testing.T) {
	o := newOffice(t)
	boss := as("acme", insole.Supervisor)
	a := o.alarm("acme", "00a1b2c3d4e5f600")
	path := "/api/alarms/" + string(a.ID)
	post := func(at string, body any) (one feed.Alarm) {
		t.Helper()
		o.ask(t, boss, "POST", path+at, body).into(t, &one)
		return one
	}
	post("/take", nil)
	one := post("/escalate", m{"step": 7})
	if one.State != "taken" {
		t.Errorf("with another step: %+v", one)
	}
	one = post("/escalate", m{"step": 0})
	if one.State != "active" || one.Owner != "" || one.NextStepAtMs != o.now().UnixMilli() {
		t.Errorf("escalated: %+v", one)
	}
	version := one.Version
	one = post("/escalate", m{"step": 0})
	if one.Version != version {
		t.Errorf("twice: version %d after %d", one.Version, version)
	}
	for range 2 {
		post("/signal", m{"signal": "signal"})
	}
	var f struct{ Log []struct{ What, Who string } }
	o.ask(t, boss, "GET", path, nil).into(t, &f)
	var sent int
	for _, l := range f.Log {
		if l.What == "sent-signal" && l.Who == "The supervisor" {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("%d lines of one signal: %+v", sent, f.Log)
	}
	if got := o.ask(t, boss, "POST", path+"/signal", m{"signal": "evacuate"}); got.status != 422 {
		t.Errorf("another command: status %d", got.status)
	}
	a.ID, a.Kind = insole.NewAlarmID("acme", "marie", insole.AlarmCovertSOS, "k"), insole.AlarmCovertSOS
	must(t, o.store.RaiseAlarm(t.Context(), a, nil, nil))
	o.ms.Add(time.Minute.Milliseconds())
	if p := o.ask(t, boss, "POST", path+"/signal", m{"signal": "signal"}).problem(t); p.Type != "duress" {
		t.Errorf("felt under duress: %+v", p)
	}
	post("/signal", m{"signal": "ask-fix"})
}
