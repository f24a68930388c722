package api_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"solewatch/internal/api"
	"solewatch/internal/insole"
)

// What responders must know is set by an admin, read by supervisors, of whom each is on the list of who looked, is nowhere else, and is gone with the worker.
func TestCare(t *testing.T) {
	o := newOffice(t)
	var log bytes.Buffer
	o.api.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	claire, ada := as("acme", insole.Supervisor), as("acme", insole.Admin)
	const path = "/api/workers/marie/care"
	var care api.Care
	o.ask(t, claire, "GET", path, nil).into(t, &care)
	if care.Version != 1 || care.Note != "" || care.Contacts == nil || care.SetAtMs != 0 {
		t.Errorf("of whom nothing is known: %+v", care)
	}
	set := m{"note": " diabetic\n", "version": 1, "contacts": []m{{"name": "Jean D.", "phone": "+33 6 39 98 00 77", "relation": "husband"}}}
	o.ask(t, ada, "PUT", path, set).into(t, &care)
	if care.Version != 2 || care.Note != "diabetic" || len(care.Contacts) != 1 || care.Contacts[0].Phone != "+33639980077" || care.SetBy == "" {
		t.Errorf("set: %+v", care)
	}
	if a := o.ask(t, ada, "PUT", path, set); a.status != 412 || a.problem(t).Type != "changed" {
		t.Errorf("set over what was not read: %d %s", a.status, a.body)
	}
	if a := o.ask(t, ada, "PUT", "/api/workers/nobody/care", set); a.status != 404 {
		t.Errorf("set of nobody: %d %s", a.status, a.body)
	}
	o.ask(t, claire, "GET", path, nil).into(t, &care)
	if care.Note != "diabetic" || care.Contacts[0].Relation != "husband" {
		t.Errorf("read: %+v", care)
	}
	looked := o.ask(t, as("acme", insole.Viewer), "GET", "/api/workers/marie/looked", nil)
	if !strings.Contains(looked.body, `"what":"care"`) {
		t.Errorf("who looked: %s", looked.body)
	}
	o.alarm("acme", "")
	for _, where := range []string{"/api/board", "/api/alarms", "/api/workers", "/api/workers/marie", "/api/readiness", "/api/workers/marie/looked", "/api/checkins"} {
		if body := o.ask(t, ada, "GET", where, nil).body; strings.Contains(body, "diabetic") || strings.Contains(body, "39980077") {
			t.Errorf("%s says it: %s", where, body)
		}
	}
	for name, bad := range map[string]m{
		"a long note":     {"note": strings.Repeat("é", 501), "version": 2, "contacts": []m{}},
		"four contacts":   {"note": "", "version": 2, "contacts": []m{{"name": "a", "phone": "+33639980001"}, {"name": "b", "phone": "+33639980001"}, {"name": "c", "phone": "+33639980001"}, {"name": "d", "phone": "+33639980001"}}},
		"no name":         {"note": "", "version": 2, "contacts": []m{{"name": " ", "phone": "+33639980001"}}},
		"no phone":        {"note": "", "version": 2, "contacts": []m{{"name": "a", "phone": ""}}},
		"a bad phone":     {"note": "", "version": 2, "contacts": []m{{"name": "a", "phone": "12"}}},
		"a long relation": {"note": "", "version": 2, "contacts": []m{{"name": "a", "phone": "+33639980001", "relation": strings.Repeat("x", 41)}}},
	} {
		if a := o.ask(t, ada, "PUT", path, bad); a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := o.ask(t, ada, "DELETE", "/api/workers/marie", nil); a.status != 204 {
		t.Fatalf("removing the worker: %d %s", a.status, a.body)
	}
	if c, err := o.store.Care(t.Context(), "acme", "marie"); err != nil || c.Version != 1 {
		t.Errorf("after the worker was removed: version %d, %v", c.Version, err)
	}
	if strings.Contains(log.String(), "diabetic") || strings.Contains(log.String(), "39980077") {
		t.Errorf("in the log: %s", &log)
	}
}
