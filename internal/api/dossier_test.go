package api_test

import (
	"net/http"
	"strings"
	"testing"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
)

func TestDossier(t *testing.T) {
	o := newOffice(t)
	boss := as("acme", insole.Supervisor)
	path := "/api/alarms/" + string(o.alarm("acme", "").ID)
	if a := o.ask(t, boss, "POST", path+"/take", nil); a.status != http.StatusOK {
		t.Fatalf("take: %d %s", a.status, a.body)
	}
	if a := o.ask(t, boss, "POST", path+"/note", m{"note": `<script>alert("1")</script> & more`}); a.status != http.StatusOK {
		t.Fatalf("note: %d %s", a.status, a.body)
	}
	a := o.ask(t, boss, "GET", path+"/dossier", nil)
	if a.status != http.StatusOK {
		t.Fatalf("dossier: %d %s", a.status, a.body)
	}
	v, err := audit.Verify([]byte(a.body))
	if err != nil || len(v.Faults) > 0 {
		t.Fatalf("verdict %v, %q", err, v.Faults)
	}
	d := v.Dossier
	if len(d.Log) != 3 || d.Log[1].What != "taken" || d.Log[1].Name == "" || d.Head.N != 3 || d.Org != "acme" || d.Alarm.WorkerName == "" || d.MadeBy == "" {
		t.Errorf("dossier %+v", d)
	}
	if len(d.People) != 1 || d.People[0].Worker != "marie" {
		t.Errorf("people %+v", d.People)
	}
	if v, err := audit.Verify([]byte(strings.Replace(a.body, "taken", "given", 1))); err != nil || len(v.Faults) == 0 {
		t.Errorf("a word changed: %v, no fault", err)
	}

	// On paper, in the reader's language, and nothing of it is a script.
	page := o.ask(t, boss, "GET", path+"/dossier?format=html", nil)
	for _, want := range []string{d.Head.Hash, "&lt;script&gt;", "<table>", "@page{size:A4"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page to print has no %q", want)
		}
	}
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, ">dossier.") {
		t.Errorf("the page to print has a script, or a key instead of words: %s", page.body)
	}

	// Who looked is written down, of everybody who is in it.
	looked := o.ask(t, boss, "GET", "/api/workers/marie/looked", nil)
	if n := strings.Count(looked.body, `"atMs"`); n != 1 && n != 2 { // the same moment is one
		t.Errorf("looked: %s", looked.body)
	}
	if a := o.ask(t, boss, "GET", path+"/dossier?with=nobody", nil); a.status != http.StatusNotFound {
		t.Errorf("with a worker that is not there: %d %s", a.status, a.body)
	}
	if a := o.ask(t, as("acme", insole.Viewer), "GET", path+"/dossier", nil); a.status != http.StatusForbidden {
		t.Errorf("as a viewer: %d", a.status)
	}
	if a := o.ask(t, boss, "GET", "/api/alarms/none/dossier", nil); a.status != http.StatusNotFound {
		t.Errorf("of no alarm: %d", a.status)
	}
}
