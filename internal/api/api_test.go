package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/api"
	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

const password = "correct horse battery"

var hashed = sync.OnceValue(func() string { return auth.HashPassword(password) })

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// An office is the API on a stand-in, with the org acme in it and a clock that stands still until it is moved.
type office struct {
	api    *api.API
	mux    http.Handler
	store  *store.Store
	srv    *standin.Server
	topics *topics
	ms     atomic.Int64
	log    *bytes.Buffer
}

// topics notes which teams were brought in line, with whom they call.
type topics struct {
	mu     sync.Mutex
	synced map[insole.TeamID][]insole.ContactID
	err    error
}

func (f *topics) Sync(_ context.Context, t insole.Team, contacts []insole.Contact) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced[t.ID] = nil
	for _, c := range contacts {
		f.synced[t.ID] = append(f.synced[t.ID], c.ID)
	}
	return f.err
}

func (f *topics) Confirmations(_ context.Context, t insole.Team, _ []insole.Contact) (map[insole.ContactID]bool, error) {
	return map[insole.ContactID]bool{"boss": t.ID == "north"}, f.err
}

type noSteps struct{}

func (noSteps) Send(context.Context, insole.OrgID, insole.AlarmID, insole.AlarmKind, time.Time, time.Duration) error {
	return nil
}

func (noSteps) SendMuster(context.Context, insole.OrgID, insole.MusterID, time.Time, time.Duration) error {
	return nil
}

func (o *office) now() time.Time { return time.UnixMilli(o.ms.Load()).UTC() }

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{topics: &topics{synced: map[insole.TeamID][]insole.ContactID{}}, log: &bytes.Buffer{}}
	o.ms.Store(start.UnixMilli())
	o.store, o.srv = standintest.Store(t, o.now)
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: o.log}, nil))
	o.api = &api.API{
		Store:     o.store,
		Sessions:  &auth.Sessions{Store: o.store, Now: o.now, TTL: 12 * time.Hour},
		Tickets:   &auth.Tickets{Store: o.store, Now: o.now},
		Desk:      &alarm.Desk{Store: o.store, Teams: o.store, Steps: noSteps{}, Now: o.now, Log: log},
		Alarms:    &alarm.Raiser{Store: o.store, Teams: o.store, Steps: noSteps{}, Topics: func(insole.OrgID, insole.TeamID) string { return "arn:topic" }, Now: o.now, Log: log},
		Directory: &directory.Directory{Store: o.store, Topics: o.topics, Now: o.now, Log: log},
		Confirmed: o.topics, Version: "test", Patience: 30 * time.Second, Now: o.now, Log: log,
	}
	o.api.Musters = &muster.Engine{Store: o.store, Alarms: &alarm.Raiser{Store: o.store, Teams: o.store, Steps: noSteps{}, Now: o.now, Log: log}, Steps: noSteps{}, Now: o.now, Log: log}
	o.mux = o.api.Handler()
	o.fill(t, "acme", "00a1b2c3d4e5f600")
	return o
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (o *office) fill(t *testing.T, org insole.OrgID, id string) {
	t.Helper()
	must(t, o.store.CreateOrg(t.Context(), insole.Org{ID: org, Name: strings.ToUpper(string(org)), Locale: "en"}))
	must(t, o.api.Directory.Edit(t.Context(), org, func(d *directory.Draft) error {
		_, _, perr := d.Provision(insole.ID(id), insole.SOLE, "north")
		err := errors.Join(perr,
			d.SetContact(insole.Contact{ID: "boss", Name: "Boss of " + string(org), Phone: "+33639980001", Email: "boss@" + string(org) + ".example"}, directory.New),
			d.SetContact(insole.Contact{ID: "spare", Name: "Spare", Phone: "+33639980002"}, directory.New),
			d.SetTeam(insole.Team{ID: "north", Name: "North", Steps: []insole.Step{{Contacts: []insole.ContactID{"boss"}, Channels: []insole.Channel{insole.SMS}}}}, directory.New),
			d.SetWorker(insole.Worker{ID: "marie", Team: "north", Name: "Marie of " + string(org), Insole: insole.ID(id)}, directory.New),
			d.SetZone(insole.Zone{ID: "yard", Name: "Yard", Ring: [][2]float64{{7.05, 43.61}, {7.06, 43.61}, {7.06, 43.62}}}, directory.New),
		)
		for _, r := range []insole.Role{insole.Viewer, insole.Supervisor, insole.Admin} {
			err = errors.Join(err, d.SetUser(insole.User{ID: insole.UserID(r), Email: string(r) + "@" + string(org) + ".example", Name: "The " + string(r), Role: r, Locale: "en", Password: hashed()}, directory.New))
		}
		return err
	}))
	must(t, o.store.CreateMuster(t.Context(), insole.Muster{Org: org, ID: "fire", Mode: insole.Evacuate, Team: "north", Name: "North", Within: time.Minute, State: insole.MusterWaiting,
		By: "supervisor", ByName: "The supervisor", AskedAt: start, Called: 1, Deadline: start.Add(time.Minute), DueAt: start.Add(time.Minute), Version: 1}))
	must(t, o.store.Summon(t.Context(), []insole.Summons{{Org: org, Muster: "fire", Worker: "marie", Name: "Marie of " + string(org), Team: "north", Insole: insole.ID(id),
		State: insole.SummonsWaiting, Version: 1}}, nil))
	must(t, o.store.RaiseAlarm(t.Context(), o.alarm(org, insole.ID(id)), nil, []store.LogLine{{At: start, What: "raised", Who: "wearer"}}))
}

func (o *office) alarm(org insole.OrgID, id insole.ID) insole.Alarm {
	return insole.Alarm{
		ID: insole.NewAlarmID(org, "marie", insole.AlarmSOS, "first"), Org: org, Team: "north", Worker: "marie", WorkerName: "Marie of " + string(org),
		Insole: id, Kind: insole.AlarmSOS, State: insole.Active, Cause: "first", SentAt: start, RaisedAt: start, Presses: 1, Version: 1,
		Fix: &insole.Fix{Lat: 43.616, Lon: 7.055, Accuracy: 8, At: start, Source: insole.SourceGPS},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as is a session of org's user with that role; "" is nobody.
func as(org insole.OrgID, role insole.Role) auth.Session {
	return auth.Session{ID: "0123", Org: org, User: insole.UserID(role), Role: role, Name: "The " + string(role), Locale: "en"}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// problem is what a refused request is told.
type problem struct {
	Type, Title, Detail string
	Status              int
	Errors              []struct{ Message, Location string }
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("status %d has content type %q, body %s", a.status, ct, a.body)
	}
	var p problem
	must(t, json.Unmarshal([]byte(a.body), &p))
	return p
}

func (a answer) into(t *testing.T, dst any) {
	t.Helper()
	if a.status >= 300 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	must(t, json.Unmarshal([]byte(a.body), dst))
}

// ask makes one request. body is JSON, or a string taken as it is; nil is none. header is name, value, name, value.
func (o *office) ask(t *testing.T, s auth.Session, method, path string, body any, header ...string) answer {
	t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		must(t, err)
		r = bytes.NewReader(raw)
	}
	ctx := t.Context()
	if s.Role != "" {
		ctx = auth.With(ctx, s)
	}
	req := httptest.NewRequestWithContext(ctx, method, path, r)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b, ok := body.(m); ok && method == "PUT" && b["version"] == nil && !slices.Contains(header, "If-Match") {
		req.Header.Set("If-Match", "*") // whatever is there; TestBlindPut is about nothing said
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.mux.ServeHTTP(w, req)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

type m = map[string]any

// A route is one operation of the OpenAPI document.
type route struct{ id, method, path string }

// routes are all operations there are.
func (o *office) routes(t *testing.T) []route {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	o.ask(t, auth.Session{}, "GET", "/openapi.json", nil).into(t, &doc)
	var all []route
	for path, methods := range doc.Paths {
		for method, op := range methods {
			all = append(all, route{op.OperationID, strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.id, b.id) })
	if len(all) < 40 {
		t.Fatalf("the document has %d operations", len(all))
	}
	return all
}

// requests is, for every operation, a request that succeeds for an admin, who has the org's own names. Keyed by operation, so that a new
// one without an entry fails the tests that go over all.
func (o *office) requests(org insole.OrgID) map[string]struct {
	path string
	body any
} {
	id := "00a1b2c3d4e5f600"
	al := "/api/alarms/" + string(o.alarm(org, "").ID)
	type req = struct {
		path string
		body any
	}
	steps := []m{{"contacts": []string{"boss"}, "channels": []string{"sms"}}}
	return map[string]req{
		"sign-in": {"/api/session", m{"email": "viewer@" + string(org) + ".example", "password": password}}, "sign-out": {"/api/session", nil},
		"me": {"/api/me", nil}, "change-me": {"/api/me", m{"locale": "fr"}}, "past-alarms": {"/api/reports/2026-11/alarms", nil}, "ticket": {"/api/ticket", nil}, "status": {"/api/status", nil}, "board": {"/api/board", nil},
		"alarms": {"/api/alarms", nil}, "alarm": {al, nil}, "take": {al + "/take", nil}, "drill": {"/api/drills", m{"worker": "marie", "note": "monthly"}}, "note": {al + "/note", m{"note": "on my way"}},
		"dossier": {al + "/dossier", nil}, "why": {fmt.Sprintf("/api/workers/marie/why?atMs=%d", start.UnixMilli()), nil},
		"resolve":  {al + "/resolve", m{"reason": "test", "note": "all well"}},
		"escalate": {al + "/escalate", m{"step": 0}}, "signal": {al + "/signal", m{"signal": "ask-fix"}}, "seen": {al + "/seen", nil},
		"shelve": {al + "/shelve", m{"minutes": 60, "why": "a dead zone"}}, "unshelve": {al + "/unshelve", nil}, "shelves": {"/api/shelves", nil},
		"end-shelf": {"/api/shelves/end", m{"worker": "marie", "kind": "low-battery"}},
		"workers":   {"/api/workers", nil}, "worker": {"/api/workers/marie", nil}, "make-worker": {"/api/workers", m{"name": "Paul", "team": "north"}},
		"change-worker": {"/api/workers/marie", m{"name": "Marie D.", "team": "north", "insole": id}}, "remove-worker": {"/api/workers/marie", nil},
		"positions": {fmt.Sprintf("/api/workers/marie/positions?fromMs=%d&toMs=%d", start.Add(-time.Hour).UnixMilli(), start.UnixMilli()), nil},
		"looked":    {"/api/workers/marie/looked", nil},
		"care":      {"/api/workers/marie/care", nil}, "set-care": {"/api/workers/marie/care", m{"note": "diabetic", "contacts": []m{{"name": "Jean", "phone": "+33639980001", "relation": "husband"}}}},
		"check-ins": {"/api/checkins", nil}, "worker-check-ins": {"/api/workers/marie/checkin", nil},
		"set-check-ins": {"/api/workers/marie/checkin", m{"everyS": 1800}}, "check-in": {"/api/workers/marie/checkin", m{"note": "on the phone"}},
		"task": {"/api/workers/marie/task", m{"everyS": 1200, "endsAtMs": start.Add(2 * time.Hour).UnixMilli(), "note": "tank 3"}}, "end-task": {"/api/workers/marie/task", nil},
		"shift": {"/api/workers/marie/shift", m{"on": true}}, "activity": {"/api/workers/marie/activity", m{"minutes": 30, "note": "cellar"}},
		"extend-activity": {"/api/workers/marie/activity/extend", m{"minutes": 10}}, "end-activity": {"/api/workers/marie/activity/end", nil},
		"worker-link": {"/api/workers/marie/link", nil},
		"duty":        {"/api/duty", nil},
		"parts":       {"/api/parts", nil}, "set-operators": {"/api/operators", m{"team": "north"}},
		"readiness": {"/api/readiness", nil}, "report": {"/api/reports/2026-11", nil},
		"musters": {"/api/musters", nil}, "muster": {"/api/musters/fire", nil}, "mark-safe": {"/api/musters/fire/safe", m{"worker": "marie"}}, "end-muster": {"/api/musters/fire/end", nil},
		"reach-muster": {"/api/musters/reach", m{"mode": "evacuate", "team": "north"}}, "begin-muster": {"/api/musters", m{"mode": "evacuate", "team": "north"}},
		"teams": {"/api/teams", nil}, "team": {"/api/teams/north", nil}, "make-team": {"/api/teams", m{"name": "South", "steps": steps}},
		"change-team": {"/api/teams/north", m{"name": "Far north", "steps": steps}}, "remove-team": {"/api/teams/south", nil},
		"kinds": {"/api/kinds", nil}, "dry-run": {"/api/teams/north/dryrun", m{"kind": "fall"}},
		"contacts": {"/api/contacts", nil}, "contact": {"/api/contacts/boss", nil}, "make-contact": {"/api/contacts", m{"name": "Zoé", "phone": "+33 6 39 98 00 09"}},
		"change-contact": {"/api/contacts/spare", m{"name": "Spare", "phone": "+33639980003"}}, "remove-contact": {"/api/contacts/spare", nil},
		"insoles": {"/api/insoles", nil}, "insole": {"/api/insoles/" + id, nil}, "make-insole": {"/api/insoles", m{"dialect": "sole", "team": "north"}},
		"change-insole": {"/api/insoles/" + id, m{"worker": "marie"}}, "rotate-insole": {"/api/insoles/" + id + "/rotate", nil}, "revoke-insole": {"/api/insoles/" + id + "/revoke", nil},
		"zones": {"/api/zones", nil}, "zone": {"/api/zones/yard", nil}, "make-zone": {"/api/zones", m{"name": "Quay", "ring": [][2]float64{{7.05, 43.61}, {7.06, 43.61}, {7.06, 43.62}}}},
		"change-zone": {"/api/zones/yard", m{"name": "Yard", "danger": true, "ring": [][2]float64{{7.05, 43.61}, {7.06, 43.61}, {7.06, 43.62}}}}, "remove-zone": {"/api/zones/yard", nil},
		"users": {"/api/users", nil}, "user": {"/api/users/viewer", nil}, "make-user": {"/api/users", m{"name": "New", "email": "new@" + string(org) + ".example", "role": "viewer"}},
		"change-user": {"/api/users/viewer", m{"name": "Viewer", "email": "viewer@" + string(org) + ".example", "role": "supervisor"}}, "remove-user": {"/api/users/viewer", nil},
	}
}

// needs is the least role that each operation is for, "" for everybody: written down here a second time, so that a slip in the code shows.
var needs = map[string]insole.Role{
	"sign-in": "", "status": "",
	"sign-out": insole.Viewer, "me": insole.Viewer, "change-me": insole.Viewer, "past-alarms": insole.Supervisor, "ticket": insole.Viewer, "board": insole.Viewer, "alarms": insole.Viewer, "alarm": insole.Viewer, "dossier": insole.Supervisor, "why": insole.Supervisor,
	"workers": insole.Viewer, "worker": insole.Viewer, "positions": insole.Viewer, "looked": insole.Viewer, "care": insole.Supervisor, "set-care": insole.Admin, "teams": insole.Viewer, "team": insole.Viewer,
	"zones": insole.Viewer, "zone": insole.Viewer, "kinds": insole.Viewer, "dry-run": insole.Supervisor,
	"check-ins": insole.Viewer, "worker-check-ins": insole.Viewer, "set-check-ins": insole.Supervisor, "check-in": insole.Supervisor, "task": insole.Supervisor,
	"end-task": insole.Supervisor, "shift": insole.Supervisor, "activity": insole.Supervisor, "extend-activity": insole.Supervisor, "end-activity": insole.Supervisor,
	"worker-link": insole.Supervisor,
	"duty":        insole.Supervisor,
	"parts":       insole.Supervisor, "set-operators": insole.Admin,
	"readiness": insole.Viewer, "report": insole.Supervisor,
	"musters": insole.Viewer, "muster": insole.Viewer, "reach-muster": insole.Supervisor, "begin-muster": insole.Supervisor, "mark-safe": insole.Supervisor, "end-muster": insole.Supervisor,
	"escalate": insole.Supervisor, "signal": insole.Supervisor, "seen": insole.Supervisor, "shelve": insole.Supervisor, "unshelve": insole.Supervisor,
	"shelves": insole.Viewer, "end-shelf": insole.Supervisor,
	"take": insole.Supervisor, "drill": insole.Supervisor, "note": insole.Supervisor, "resolve": insole.Supervisor, "contacts": insole.Supervisor, "contact": insole.Supervisor,
	"insoles": insole.Supervisor, "insole": insole.Supervisor,
	"make-worker": insole.Admin, "change-worker": insole.Admin, "remove-worker": insole.Admin, "make-team": insole.Admin, "change-team": insole.Admin,
	"remove-team": insole.Admin, "make-contact": insole.Admin, "change-contact": insole.Admin, "remove-contact": insole.Admin, "make-insole": insole.Admin,
	"change-insole": insole.Admin, "rotate-insole": insole.Admin, "revoke-insole": insole.Admin, "make-zone": insole.Admin, "change-zone": insole.Admin,
	"remove-zone": insole.Admin, "users": insole.Admin, "user": insole.Admin, "make-user": insole.Admin, "change-user": insole.Admin, "remove-user": insole.Admin,
}

// Every operation × every role, and nobody.
func TestRoles(t *testing.T) {
	// What takes something away comes last, so that the others find it.
	o := newOffice(t)
	routes := o.routes(t)
	slices.SortStableFunc(routes, func(a, b route) int { return late(a.id) - late(b.id) })
	requests := o.requests("acme")
	for _, r := range routes {
		req, ok := requests[r.id]
		need, known := needs[r.id]
		if !ok || !known {
			t.Errorf("operation %s (%s %s) is in no table of this test", r.id, r.method, r.path)
			continue
		}
		for _, role := range []insole.Role{"", insole.Viewer, insole.Supervisor, insole.Admin} {
			a := o.ask(t, as("acme", role), r.method, req.path, req.body)
			switch {
			case need == "" || role != "" && role.May(need):
				if a.status >= 300 && a.status != 409 { // somebody with another role was first
					t.Errorf("%s as %q: status %d: %s", r.id, role, a.status, a.body)
				}
			case role == "":
				if p := a.problem(t); a.status != 401 || p.Type != "signed-out" {
					t.Errorf("%s signed out: status %d, %+v", r.id, a.status, p)
				}
			default:
				if p := a.problem(t); a.status != 403 || p.Type != "forbidden" {
					t.Errorf("%s as %s: status %d, %+v", r.id, role, a.status, p)
				}
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Cache-Control %q", r.id, a.header.Get("Cache-Control"))
			}
		}
	}
}

// late orders operations: those that take something away come last, workers before their team.
func late(id string) int {
	order := []string{"remove-worker", "remove-zone", "remove-contact", "remove-team", "revoke-insole", "change-user", "remove-user", "sign-out"}
	return slices.Index(order, id)
}
