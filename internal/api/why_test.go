package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

func TestWhy(t *testing.T) {
	o := newOffice(t)
	boss := as("acme", insole.Supervisor)
	at := o.alarm("acme", "").RaisedAt
	must(t, o.store.PutRefusal(t.Context(), store.Refusal{Org: "acme", Worker: "marie", Insole: "00a1b2c3d4e5f600", Kind: insole.AlarmStill, Why: rules.RefusedOffShift,
		At: at.Add(-10 * time.Minute), Report: "b1"}))
	type why struct {
		Alarms   []struct{ Alarm struct{ ID string } }
		Refusals []struct {
			Kind, Why, Text string
			Same            bool
		}
		Reports          int
		Reasons, Unknown []struct{ Code, Text string }
	}
	ask := func(at time.Time) (w why) {
		t.Helper()
		a := o.ask(t, boss, "GET", fmt.Sprintf("/api/workers/marie/why?atMs=%d", at.UnixMilli()), nil)
		if a.status != http.StatusOK {
			t.Fatalf("why: %d %s", a.status, a.body)
		}
		a.into(t, &w)
		if strings.Contains(a.body, `"why.`) {
			t.Errorf("a key instead of words: %s", a.body)
		}
		return w
	}
	w := ask(at)
	if len(w.Alarms) != 1 || w.Alarms[0].Alarm.ID != string(o.alarm("acme", "").ID) {
		t.Errorf("alarms %+v", w.Alarms)
	}
	// A refusal without its decision is shown as one that cannot be made again.
	if len(w.Refusals) != 1 || w.Refusals[0].Why != rules.RefusedOffShift || w.Refusals[0].Same || w.Refusals[0].Text == "" {
		t.Errorf("refusals %+v", w.Refusals)
	}
	// Two days before there was nothing: said, and what cannot be known.
	w = ask(at.Add(-48 * time.Hour))
	codes := ""
	for _, r := range append(w.Reasons, w.Unknown...) {
		codes += r.Code + " "
	}
	if len(w.Alarms) != 0 || len(w.Refusals) != 0 || w.Reports != 0 || !strings.Contains(codes, "silent ") || !strings.Contains(codes, "settings no-history") {
		t.Errorf("two days before: %+v, codes %s", w, codes)
	}
	// When the alarm has ended it is found all the same.
	path := "/api/alarms/" + string(o.alarm("acme", "").ID)
	if a := o.ask(t, boss, "POST", path+"/resolve", m{"reason": "test"}); a.status != http.StatusOK {
		t.Fatalf("resolve: %d %s", a.status, a.body)
	}
	if w := ask(at); len(w.Alarms) != 1 {
		t.Errorf("after its end: %+v", w.Alarms)
	}
	if a := o.ask(t, boss, "GET", "/api/workers/marie/looked", nil); !strings.Contains(a.body, `"atMs"`) {
		t.Errorf("who asked is not written down: %s", a.body)
	}
}
