package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// An admin of another org who knows every name in acme sees nothing of it and changes nothing in it, on any route.
func TestNobodyCrossesOrgs(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	must(t, o.store.CreateOrg(ctx, insole.Org{ID: "beta", Name: "Beta", Locale: "en"}))
	must(t, o.store.Edit(ctx, "beta", 0, store.PutUser(store.Kept[insole.User]{Version: 1, Value: insole.User{
		Org: "beta", ID: "admin", Email: "admin@beta.example", Name: "The admin", Role: insole.Admin, Locale: "en", Password: hashed(),
	}}, "")))
	before := o.everything(t)

	// What a body may hold and an address not: things of the asker's own org, under names that acme uses too.
	own := map[string]int{
		"make-contact": 201, "make-zone": 201, // name nothing of acme's
		"reach-muster": 422, "begin-muster": 422, "make-worker": 422, "make-team": 422, "make-insole": 422, // name acme's team and contact
		"make-user":     422, // takes an address of acme's
		"set-operators": 422, // names acme's team
		"drill":         404, // names acme's worker
	}
	lists := map[string]bool{"board": true, "alarms": true, "workers": true, "teams": true, "contacts": true, "insoles": true, "zones": true, "users": true,
		"check-ins": true, "duty": true, "parts": true, "readiness": true, "report": true, "musters": true, "past-alarms": true, "shelves": true}
	requests := o.requests("acme")
	req := requests["make-user"]
	req.body = m{"name": "Thief", "email": "viewer@acme.example", "role": "viewer"} // a user of acme's
	requests["make-user"] = req
	thief := as("beta", insole.Admin)
	for _, r := range o.routes(t) {
		req := requests[r.id]
		a := o.ask(t, thief, r.method, req.path, req.body)
		want, isOwn := own[r.id]
		switch {
		case strings.Contains(r.path, "{") && !lists[r.id]:
			if a.status != 404 {
				t.Errorf("%s %s: status %d, want 404: %s", r.method, req.path, a.status, a.body)
			}
			if p := a.problem(t); p.Type != "not-found" {
				t.Errorf("%s %s: problem %+v", r.method, req.path, p)
			}
		case isOwn:
			if a.status != want {
				t.Errorf("%s: status %d, want %d: %s", r.id, a.status, want, a.body)
			}
		case a.status >= 300:
			t.Errorf("%s: status %d: %s", r.id, a.status, a.body)
		case lists[r.id]:
			for _, name := range []string{"marie", "north", "boss", "00a1b2c3d4e5f600", "yard", "viewer@acme"} {
				if strings.Contains(a.body, name) {
					t.Errorf("%s shows %q of another org: %s", r.id, name, a.body)
				}
			}
		}
		// Signing in to acme with acme's password is everybody's right.
		if r.id != "sign-in" && r.id != "make-user" && strings.Contains(strings.ToLower(a.body), "acme") {
			t.Errorf("%s speaks of another org: %s", r.id, a.body)
		}
	}
	if diff := cmp.Diff(before, o.everything(t)); diff != "" {
		t.Errorf("acme is not what it was:\n%s", diff)
	}
}

// everything is all that is stored of acme, but for sessions.
func (o *office) everything(t *testing.T) map[string]string {
	t.Helper()
	records, err := o.srv.StreamRecords(t.Context(), standintest.Table, 0, 100_000, 0)
	must(t, err)
	all := map[string]string{}
	for _, r := range records {
		key := string(r.Keys)
		if !strings.Contains(key, "acme") && !strings.Contains(key, "00a1b2c3d4e5f600") {
			continue
		}
		all[key] = string(r.NewImage)
	}
	if len(all) < 10 {
		t.Fatalf("%d items of acme", len(all))
	}
	return all
}

// Two orgs that use the same names have two of everything.
func TestSameNamesInTwoOrgs(t *testing.T) {
	o := newOffice(t)
	o.fill(t, "beta", "00a1b2c3d4e5f601")
	for _, org := range []insole.OrgID{"acme", "beta"} {
		var b struct {
			Workers []struct{ Name, Insole string }
			Alarms  []struct{ ID, WorkerName string }
		}
		o.ask(t, as(org, insole.Viewer), "GET", "/api/board", nil).into(t, &b)
		if len(b.Workers) != 1 || b.Workers[0].Name != "Marie of "+string(org) || len(b.Alarms) != 1 || b.Alarms[0].WorkerName != "Marie of "+string(org) {
			t.Errorf("board of %s: %+v", org, b)
		}
	}
	// An insole is one thing over all orgs.
	a := o.ask(t, as("beta", insole.Admin), "POST", "/api/insoles", m{"insole": "00a1b2c3d4e5f600", "dialect": "sole", "team": "north"})
	if p := a.problem(t); a.status != 422 || p.Errors[0].Message != "The insole 00a1b2c3d4e5f600 is registered already." {
		t.Errorf("an insole of acme's: status %d, %+v", a.status, p)
	}
	got, err := o.store.GetAssignment(t.Context(), "00a1b2c3d4e5f600")
	if err != nil || got.Org != "acme" {
		t.Errorf("assignment %+v, %v", got, err)
	}
}

// When the table is away every route says so, whoever asks for whatever, and nothing else.
func TestStoreAway(t *testing.T) {
	o := newOffice(t)
	routes, requests := o.routes(t), o.requests("acme")
	for _, fault := range []standin.Fault{
		{Service: "dynamodb", Kind: "refuse", Probability: 1},
		{Service: "dynamodb", Kind: "5xx", Probability: 1},
		{Service: "dynamodb", Kind: "throttle", Probability: 1},
	} {
		must(t, o.srv.SetFaults(fault))
		for _, r := range routes {
			req := requests[r.id]
			a := o.ask(t, as("acme", insole.Admin), r.method, req.path, req.body)
			if r.id == "kinds" { // what is true without it: the code's own defaults
				if a.status != 200 {
					t.Errorf("%s: kinds: status %d: %s", fault.Kind, a.status, a.body)
				}
				continue
			}
			if r.id == "status" {
				if a.status != 200 || !strings.Contains(a.body, `"store":"away"`) {
					t.Errorf("%s: status says %d %s", fault.Kind, a.status, a.body)
				}
				continue
			}
			if p := a.problem(t); a.status != 503 || p.Type != "store-away" || p.Status != 503 || p.Title == "" || p.Detail == "" {
				t.Errorf("%s: %s: status %d, %+v", fault.Kind, r.id, a.status, p)
			}
		}
	}
	must(t, o.srv.SetFaults())
	if a := o.ask(t, as("acme", insole.Viewer), "GET", "/api/status", nil); !strings.Contains(a.body, `"store":"ok"`) {
		t.Errorf("back again, and status says %s", a.body)
	}
}

// A reply that is lost after the write has happened is "away" too: nobody is told that it was not done.
func TestLostReply(t *testing.T) {
	o := newOffice(t)
	must(t, o.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "TransactWriteItems", Kind: "lost-reply", Probability: 1}))
	a := o.ask(t, as("acme", insole.Supervisor), "POST", o.requests("acme")["take"].path, nil)
	if p := a.problem(t); p.Type != "store-away" {
		t.Errorf("status %d, %+v", a.status, p)
	}
	must(t, o.srv.SetFaults())
	a = o.ask(t, as("acme", insole.Supervisor), "POST", o.requests("acme")["take"].path, nil)
	if a.status != 200 || !strings.Contains(a.body, `"owner":"supervisor"`) {
		t.Errorf("the second time: %d %s", a.status, a.body)
	}
}

// A table that takes the question and never answers is away too, and the page hears so while it still waits.
func TestStatusOfASilentTable(t *testing.T) {
	o := newOffice(t)
	if err := o.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultDelay, Delay: standin.Duration(20 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a := o.ask(t, auth.Session{}, "GET", "/api/status", nil)
	if took := time.Since(began); a.status != 200 || !strings.Contains(a.body, `"store":"away"`) || took > 2400*time.Millisecond {
		t.Errorf("status %d %s after %v", a.status, a.body, took)
	}
}
