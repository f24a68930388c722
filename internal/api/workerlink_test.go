package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A worker's link shows and changes nothing by being fetched; a reminder's checks in, once, and does nothing else; their own does all of it.
func TestWorkerLink(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	sup := as("acme", insole.Supervisor)
	o.ask(t, sup, "PUT", "/api/workers/marie/checkin", m{"everyS": 1800}).into(t, &struct{}{})
	link := func(due time.Time) string {
		c, err := o.store.GetCheckIns(ctx, "acme", "marie")
		must(t, err)
		token := store.NewLinkToken()
		c.Version++
		must(t, o.store.SaveCheckIns(ctx, c, nil, store.NewWorkerLink(token, store.WorkerLink{Org: "acme", Worker: "marie", Due: due, Ends: o.now().Add(store.WorkerLinkLife)})))
		return "/a/" + token
	}
	post := func(path string, form url.Values) int {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		o.mux.ServeHTTP(w, r)
		return w.Code
	}
	get := func(path string) answer { return o.ask(t, as("", ""), "GET", path, nil) }
	now := func() insole.CheckIns {
		c, err := o.store.GetCheckIns(ctx, "acme", "marie")
		must(t, err)
		return c
	}
	do := func(what string, more ...string) url.Values {
		v := url.Values{"do": {what}}
		for i := 0; i+1 < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}

	once := link(start.Add(30 * time.Minute))
	before := now()
	if a := get(once); a.status != 200 || !strings.Contains(a.body, "I am well") || strings.Contains(a.body, `value="start"`) || len(a.body) > 15_000 {
		t.Errorf("a reminder's page: %d %s", a.status, a.body)
	}
	if now() != before {
		t.Error("looking at it changed something")
	}
	if code := post(once, do("start", "minutes", "30")); code != 400 || now().Activity.Runs() {
		t.Errorf("a reminder's link announces an activity: %d", code)
	}
	o.ms.Add(60_000)
	if code := post(once, do("check-in")); code != 303 || now().LastHow != insole.ByLink || !now().LastAt.Equal(o.now()) {
		t.Errorf("checking in: %d, %+v", code, now())
	}
	at := now().LastAt
	o.ms.Add(60_000)
	if code := post(once, do("check-in")); code != 303 || !now().LastAt.Equal(at) {
		t.Errorf("used twice: %d, %v", code, now().LastAt)
	}
	if a := get(once); !strings.Contains(a.body, "used up") || strings.Contains(a.body, `value="check-in"`) {
		t.Errorf("used: %s", a.body)
	}

	own := link(time.Time{})
	if code := post(own, do("start", "minutes", "30", "note", "asthma <b>")); code != 303 || now().Activity.Note != "asthma <b>" {
		t.Errorf("announcing: %d, %+v", code, now().Activity)
	}
	long := strings.Repeat("é", insole.MaxNote)
	if code := post(own, do("start", "minutes", "30", "note", long)); code != 303 || now().Activity.Note != long {
		t.Errorf("the longest note, with accents: %d, %d bytes", code, len(now().Activity.Note))
	}
	if code := post(own, do("start", "minutes", "30", "note", long+"é")); code != 422 || now().Activity.Note != long {
		t.Errorf("a longer one: %d", code)
	}
	if code := post(own, do("start", "minutes", "30", "note", "asthma <b>")); code != 303 {
		t.Errorf("announcing anew: %d", code)
	}
	if a := get(own); !strings.Contains(a.body, "asthma &lt;b&gt;") || !strings.Contains(a.body, `value="extend"`) {
		t.Errorf("their own page: %s", a.body)
	}
	if code := post(own, do("extend", "minutes", "10")); code != 303 || !now().Activity.EndsAt.Equal(o.now().Add(40*time.Minute)) {
		t.Errorf("extending: %d, %+v", code, now().Activity)
	}
	if code := post(own, do("end")); code != 303 || now().Activity.Runs() {
		t.Errorf("ending: %d", code)
	}
	if code := post(own, do("on")); code != 409 { // goes by the schedule
		t.Errorf("beginning a shift by hand: %d", code)
	}
	if code := post(own, do("fly")); code != 400 {
		t.Errorf("nonsense: %d", code)
	}
	o.ms.Add(store.WorkerLinkLife.Milliseconds())
	if a := get(own); a.status != 404 {
		t.Errorf("after a day: %d", a.status)
	}
	if code := post(own, do("check-in")); code != 404 && code != 400 {
		t.Errorf("after a day it acts: %d", code)
	}
}

// Notes are for responders: not on the board, not in what viewers read.
func TestNotesAreForResponders(t *testing.T) {
	o := newOffice(t)
	sup, viewer := as("acme", insole.Supervisor), as("acme", insole.Viewer)
	o.ask(t, sup, "POST", "/api/workers/marie/activity", m{"minutes": 30, "note": "asthma"}).into(t, &struct{}{})
	if a := o.ask(t, sup, "GET", "/api/workers/marie/checkin", nil); !strings.Contains(a.body, "asthma") {
		t.Errorf("a supervisor reads %s", a.body)
	}
	for _, path := range []string{"/api/workers/marie/checkin", "/api/checkins", "/api/board"} {
		if a := o.ask(t, viewer, "GET", path, nil); a.status != 200 || strings.Contains(a.body, "asthma") {
			t.Errorf("%s says to a viewer: %d %s", path, a.status, a.body)
		}
	}
	if a := o.ask(t, sup, "POST", "/api/workers/marie/activity", m{"minutes": 0, "endsAtMs": start.Add(48 * time.Hour).UnixMilli()}); a.status != 422 {
		t.Errorf("two days: %d %s", a.status, a.body)
	}
}
