package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// What is not right is refused with a text that helps, and changes nothing.
func TestBadInput(t *testing.T) {
	o := newOffice(t)
	before := o.count(t)
	admin := as("acme", insole.Admin)
	steps := []m{{"contacts": []string{"boss"}, "channels": []string{"sms"}}}
	daily := []m{{"days": []string{"mon", "tue", "wed", "thu", "fri"}, "from": "08:00", "to": "18:00", "zone": "Europe/Paris"}}
	long := strings.Repeat("x", 300)
	ring := func(points ...[2]float64) m { return m{"name": "Zone", "ring": points} }
	for _, tt := range []struct {
		name, method, path string
		body               any
		status             int
		kind, at, says     string
	}{
		{"not JSON", "POST", "/api/contacts", "{", 400, "malformed", "body", ""},
		{"nothing", "POST", "/api/contacts", "", 400, "malformed", "", ""},
		{"a list", "POST", "/api/contacts", []int{1}, 422, "invalid", "body", "kind of value"},
		{"null", "POST", "/api/contacts", "null", 422, "invalid", "body", ""},
		{"two documents", "POST", "/api/contacts", `{"name":"A","phone":"+33639980001"} {}`, 400, "malformed", "body", ""},
		{"unknown field", "POST", "/api/contacts", m{"name": "A", "phone": "+33639980001", "org": "beta"}, 422, "invalid", "body.org", "not known here"},
		{"unknown by its case", "POST", "/api/contacts", m{"name": "A", "Phone": "+33639980001"}, 422, "invalid", "body.Phone", "not known here"},
		{"wrong type", "POST", "/api/contacts", m{"name": 7, "phone": "+33639980001"}, 422, "invalid", "body.name", "text"},
		{"missing field", "POST", "/api/contacts", m{"phone": "+33639980001"}, 422, "invalid", "body", "“name” is missing"},
		{"too large", "POST", "/api/contacts", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too-large", "", ""},
		{"unknown query", "GET", "/api/board?org=beta", nil, 422, "invalid", "query.org", "not known here"},
		{"contact without phone and e-mail", "POST", "/api/contacts", m{"name": "A"}, 422, "invalid", "body", "neither a phone number nor an e-mail"},
		{"contact's phone without country", "POST", "/api/contacts", m{"name": "A", "phone": "06 39 98 00 01"}, 422, "invalid", "body.phone", "country code"},
		{"contact's phone with a zero", "POST", "/api/contacts", m{"name": "A", "phone": "+33 (0)6 39 98 00 01"}, 422, "invalid", "body.phone", "is it +33639980001?"},
		{"contact's address", "POST", "/api/contacts", m{"name": "A", "email": "A <a@acme.example>"}, 422, "invalid", "body.email", "not an e-mail address"},
		{"contact's id", "POST", "/api/contacts", m{"contact": "A#B", "name": "A", "phone": "+33639980001"}, 422, "invalid", "body.contact", "lower-case"},
		{"contact's reserved id", "POST", "/api/contacts", m{"contact": "first", "name": "A", "phone": "+33639980001"}, 422, "invalid", "body.contact", "reserved"},
		{"contact's name of spaces", "POST", "/api/contacts", m{"name": "  ", "phone": "+33639980001"}, 422, "invalid", "body.name", "name is needed"},
		{"contact's name too long", "POST", "/api/contacts", m{"name": long[:100], "phone": "+33639980001"}, 422, "invalid", "body.name", "at most 80"},
		{"contact's name with a line end", "POST", "/api/contacts", m{"name": "A\nB", "phone": "+33639980001"}, 422, "invalid", "body.name", "invisible"},
		{"contact that is there", "POST", "/api/contacts", m{"contact": "boss", "name": "A", "phone": "+33639980001"}, 409, "taken", "", ""},
		{"contact that is not there", "PUT", "/api/contacts/nobody", m{"name": "A", "phone": "+33639980001"}, 404, "not-found", "", ""},
		{"contact under two names", "PUT", "/api/contacts/boss", m{"contact": "spare", "name": "A", "phone": "+33639980001"}, 400, "malformed", "", ""},
		{"contact whom a team needs: removed", "DELETE", "/api/contacts/boss", nil, 422, "invalid", "body.steps[0].contacts[0]", "the team North would"},
		{"contact whom a team needs: without phone", "PUT", "/api/contacts/boss", m{"name": "Boss", "email": "b@acme.example"}, 422, "invalid", "body.steps[0].contacts[0]", "Boss cannot be reached by the channels of step 1 of the team North"},
		{"team that calls nobody", "POST", "/api/teams", m{"name": "T", "steps": []m{}}, 422, "invalid", "body.steps", "reach no one"},
		{"team with a step for nobody", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{}, "channels": []string{"sms"}}}}, 422, "invalid", "body.steps[0].contacts", "calls nobody"},
		{"team with a silent step", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"boss"}, "channels": []string{}}}}, 422, "invalid", "body.steps[0].channels", "neither SMS nor e-mail"},
		{"team that calls who is not there", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"ghost"}, "channels": []string{"sms"}}}}, 422, "invalid", "body.steps[0].contacts[0]", "no contact “ghost”"},
		{"team that calls without a channel", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"spare"}, "channels": []string{"email"}}}}, 422, "invalid", "body.steps[0].contacts[0]", "Spare cannot be reached"},
		{"team that calls by pigeon", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"spare"}, "channels": []string{"pigeon"}}}}, 422, "invalid", "body.steps[0].channels[0]", "One of"},
		{"team that calls one twice", "POST", "/api/teams", m{"name": "T", "steps": []m{{"contacts": []string{"boss", "boss"}, "channels": []string{"sms"}}}}, 422, "invalid", "body.steps[0].contacts[1]", "twice"},
		{"team that waits too long", "POST", "/api/teams", m{"name": "T", "steps": []m{{"delayS": 90000, "contacts": []string{"boss"}, "channels": []string{"sms"}}}}, 422, "invalid", "body.steps[0].delayS", "86400"},
		{"team that repeats too soon", "POST", "/api/teams", m{"name": "T", "repeatS": 5, "steps": steps}, 422, "invalid", "body.repeatS", "60 to 3600"},
		{"team with a list for out of hours, and no hours", "POST", "/api/teams", m{"name": "T", "steps": steps, "outOfHours": steps}, 422, "invalid", "body.hours", "it would never be used"},
		{"team with hours nowhere", "POST", "/api/teams", m{"name": "T", "steps": steps, "hours": []m{{"days": []string{"mon"}, "from": "08:00", "to": "18:00", "zone": "Paris"}}, "outOfHours": steps}, 422, "invalid", "body.hours[0].zone", "time zone"},
		{"team with hours at 25", "POST", "/api/teams", m{"name": "T", "steps": steps, "hours": []m{{"days": []string{"mon"}, "from": "08:00", "to": "25:00", "zone": "Europe/Paris"}}}, 422, "invalid", "body.hours[0].to", "A time, as"},
		{"team that calls nobody by night", "POST", "/api/teams", m{"name": "T", "steps": steps, "hours": daily, "outOfHours": []m{{"contacts": []string{}, "channels": []string{"sms"}}}}, 422, "invalid", "body.outOfHours[0].contacts", "Step 1 of the team T out of hours calls nobody"},
		{"team that calls without a channel by night", "POST", "/api/teams", m{"name": "T", "steps": steps, "hours": daily, "outOfHours": []m{{"contacts": []string{"spare"}, "channels": []string{"email"}}}}, 422, "invalid", "body.outOfHours[0].contacts[0]", "Spare cannot be reached by the channels of step 1 of the team T out of hours"},
		{"team that waits too long by night", "POST", "/api/teams", m{"name": "T", "steps": steps, "hours": daily, "outOfHours": []m{{"delayS": 90000, "contacts": []string{"boss"}, "channels": []string{"sms"}}}}, 422, "invalid", "body.outOfHours[0].delayS", "86400"},
		{"team without SOS", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"sos": m{"off": true}}}, 422, "invalid", "body.settings.sos.off", "somebody asks for help"},
		{"team without covert SOS", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"covert-sos": m{"off": true}}}, 422, "invalid", "body.settings.covert-sos.off", "somebody asks for help"},
		{"team with falls that can wait", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"fall": m{"priority": 2}}}, 422, "invalid", "body.settings.fall.priority", "Always priority 1"},
		{"team with a priority of 4", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"taken-off": m{"priority": 4}}}, 422, "invalid", "body.settings.taken-off.priority", "3"},
		{"team with a pre-alarm nobody can cancel", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"fall": m{"preAlarmS": 2}}}, 422, "invalid", "body.settings.fall.preAlarmS", "From 5 to 300 seconds"},
		{"team with a pre-alarm of ten minutes", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"no-motion": m{"preAlarmS": 600}}}, 422, "invalid", "body.settings.no-motion.preAlarmS", "From 5 to 300 seconds"},
		{"team with a pre-alarm of an SOS", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"sos": m{"preAlarmS": 30}}}, 422, "invalid", "body.settings.sos.preAlarmS", "no such setting"},
		{"team with a dwell of a second", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"danger-zone": m{"dwellS": 1}}}, 422, "invalid", "body.settings.danger-zone.dwellS", "From 5 to 900 seconds"},
		{"team that loses contact at once", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"lost-contact": m{"factor": 1.5}}}, 422, "invalid", "body.settings.lost-contact.factor", "From 2 to 20 times"},
		{"team that wants falls, as every team does", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"fall": m{"on": true}}}, 422, "invalid", "body.settings.fall.on", "no such setting"},
		{"team that wants to be watched every second", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"unwatched": m{"on": true, "minimumS": 1}}}, 422, "invalid", "body.settings.unwatched.minimumS", "From 60 to 14400"},
		{"team that never loses contact", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"lost-contact": m{"minimumS": 86400}}}, 422, "invalid", "body.settings.lost-contact.minimumS", "From 60 to 14400"},
		{"team with a low battery of 80 %", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"low-battery": m{"percent": 80}}}, 422, "invalid", "body.settings.low-battery.percent", "From 5 to 50 %"},
		{"team with an alarm of no kind", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"boredom": m{"off": true}}}, 422, "invalid", "body.settings.boredom", "not a kind of alarm"},
		{"team with a setting of no kind", "POST", "/api/teams", m{"name": "T", "steps": steps, "settings": m{"fall": m{"loudness": 3}}}, 422, "invalid", "body.settings.fall.loudness", "not known here"},
		{"team with half a fallback number", "POST", "/api/teams", m{"name": "T", "steps": steps, "fallback": "06 12"}, 422, "invalid", "body.fallback", "country code"},
		{"dry run of no kind", "POST", "/api/teams/north/dryrun", m{"kind": "boredom"}, 422, "invalid", "body.kind", "not a kind of alarm"},
		{"dry run for a week", "POST", "/api/teams/north/dryrun", m{"forS": 604800}, 422, "invalid", "body.forS", "86400"},
		{"team in use", "DELETE", "/api/teams/north", nil, 422, "invalid", "body", "open alarm"},
		{"worker of no team", "POST", "/api/workers", m{"name": "W", "team": "south"}, 422, "invalid", "body.team", "no team “south”"},
		{"worker with somebody's insole", "POST", "/api/workers", m{"name": "W", "team": "north", "insole": "00a1b2c3d4e5f600"}, 422, "invalid", "body.insole", "worn by Marie"},
		{"worker with no such insole", "POST", "/api/workers", m{"name": "W", "team": "north", "insole": "00a1b2c3d4e5f699"}, 422, "invalid", "body.insole", "no insole"},
		{"shift at 25 o'clock", "POST", "/api/workers", m{"name": "W", "team": "north", "shifts": []m{{"days": []string{"mon"}, "from": "25:00", "to": "06:00", "zone": "Europe/Paris"}}}, 422, "invalid", "body.shifts[0].from", "A time, as"},
		{"shift on no day", "POST", "/api/workers", m{"name": "W", "team": "north", "shifts": []m{{"days": []string{}, "from": "22:00", "to": "06:00", "zone": "Europe/Paris"}}}, 422, "invalid", "body.shifts[0].days", "At least 1"},
		{"shift nowhere", "POST", "/api/workers", m{"name": "W", "team": "north", "shifts": []m{{"days": []string{"mon"}, "from": "22:00", "to": "06:00", "zone": "Europe/Antibes"}}}, 422, "invalid", "body.shifts[0].zone", "time zone"},
		{"shift in a file", "POST", "/api/workers", m{"name": "W", "team": "north", "shifts": []m{{"days": []string{"mon"}, "from": "22:00", "to": "06:00", "zone": "../../etc/passwd"}}}, 422, "invalid", "body.shifts[0].zone", "time zone"},
		{"insole of no kind", "POST", "/api/insoles", m{"dialect": "morse", "team": "north"}, 422, "invalid", "body.dialect", "One of"},
		{"insole of no team", "POST", "/api/insoles", m{"dialect": "sole"}, 422, "invalid", "body.team", "no team"},
		{"insole id", "POST", "/api/insoles", m{"insole": "00A1B2C3D4E5F6AA", "dialect": "sole", "team": "north"}, 422, "invalid", "body.insole", "16 digits"},
		{"IMEI too short", "POST", "/api/insoles", m{"insole": "35209308145225", "dialect": "teltonika", "team": "north"}, 422, "invalid", "body.insole", "15 digits"},
		{"IMEI missing", "POST", "/api/insoles", m{"dialect": "teltonika", "team": "north"}, 422, "invalid", "body.insole", "15 digits"},
		{"IMEI mistyped", "POST", "/api/insoles", m{"insole": "352093081452252", "dialect": "teltonika", "team": "north"}, 422, "invalid", "body.insole", "should be 1"},
		{"insole that is there", "POST", "/api/insoles", m{"insole": "00a1b2c3d4e5f600", "dialect": "sole", "team": "north"}, 409, "taken", "", ""},
		{"insole on nobody", "PUT", "/api/insoles/00a1b2c3d4e5f600", m{"worker": "ghost"}, 422, "invalid", "body.worker", "no worker"},
		{"zone of two corners", "POST", "/api/zones", ring([2]float64{7, 43}, [2]float64{7.1, 43}), 422, "invalid", "body.ring", "three"},
		{"zone of one corner three times", "POST", "/api/zones", ring([2]float64{7, 43}, [2]float64{7, 43}, [2]float64{7, 43}), 422, "invalid", "body.ring", "three"},
		{"zone as an eight", "POST", "/api/zones", ring([2]float64{7, 43}, [2]float64{7.1, 43.1}, [2]float64{7.1, 43}, [2]float64{7, 43.1}), 422, "invalid", "body.ring", "side 1 meets side 3"},
		{"zone that folds back", "POST", "/api/zones", ring([2]float64{7, 43}, [2]float64{7.2, 43}, [2]float64{7.1, 43}, [2]float64{7.1, 43.1}), 422, "invalid", "body.ring", "meets"},
		{"zone at a pole", "POST", "/api/zones", ring([2]float64{0, 86}, [2]float64{90, 86}, [2]float64{180, 86}), 422, "invalid", "body.ring[0]", "85°"},
		{"zone over the 180th meridian", "POST", "/api/zones", ring([2]float64{179, 10}, [2]float64{-179, 10}, [2]float64{-179, 11}), 422, "invalid", "body.ring", "180th meridian"},
		{"zone off the globe", "POST", "/api/zones", ring([2]float64{200, 10}, [2]float64{7, 10}, [2]float64{7, 11}), 422, "invalid", "body.ring[0]", "longitude"},
		{"zone too small", "POST", "/api/zones", ring([2]float64{7, 43}, [2]float64{7.00001, 43}, [2]float64{7, 43.00001}), 422, "invalid", "body.ring", "25 m²"},
		{"zone too large", "POST", "/api/zones", ring([2]float64{0, 40}, [2]float64{10, 40}, [2]float64{10, 50}, [2]float64{0, 50}), 422, "invalid", "body.ring", "10000 km²"},
		{"zone of no team", "POST", "/api/zones", m{"name": "Z", "team": "south", "ring": [][2]float64{{7, 43}, {7.1, 43}, {7.1, 43.1}}}, 422, "invalid", "body.team", "no team"},
		{"zone with corners of three numbers", "POST", "/api/zones", m{"name": "Z", "ring": [][]float64{{7, 43, 1}, {7.1, 43, 1}, {7.1, 43.1, 1}}}, 422, "invalid", "body.ring[0]", "2"},
		{"user without address", "POST", "/api/users", m{"name": "U", "email": "", "role": "viewer"}, 422, "invalid", "body.email", "needed"},
		{"user with somebody's address", "POST", "/api/users", m{"name": "U", "email": "VIEWER@acme.example", "role": "viewer"}, 422, "invalid", "body.email", "another account"},
		{"user of no role", "POST", "/api/users", m{"name": "U", "email": "u@acme.example", "role": "root"}, 422, "invalid", "body.role", "One of"},
		{"user with a short password", "POST", "/api/users", m{"name": "U", "email": "u@acme.example", "role": "viewer", "password": "short"}, 422, "invalid", "body.password", "At least 10"},
		{"the last admin, removed", "DELETE", "/api/users/admin", nil, 422, "invalid", "body.role", "administer"},
		{"the last admin, made less", "PUT", "/api/users/admin", m{"name": "A", "email": "admin@acme.example", "role": "viewer"}, 422, "invalid", "body.role", "administer"},
		{"no reason", "POST", o.requests("acme")["resolve"].path, m{"note": "x"}, 422, "invalid", "body", "“reason” is missing"},
		{"another reason", "POST", o.requests("acme")["resolve"].path, m{"reason": "bored"}, 422, "invalid", "body.reason", "One of"},
		{"a note of spaces", "POST", o.requests("acme")["note"].path, m{"note": " \n "}, 400, "malformed", "", ""},
		{"a long note", "POST", o.requests("acme")["note"].path, m{"note": strings.Repeat("é", 1001)}, 422, "invalid", "body.note", "At most 1000"},
		{"an alarm by no name", "POST", "/api/alarms/A%23B/take", nil, 422, "invalid", "path.alarm", "form"},
		{"an alarm that is not there", "POST", "/api/alarms/aaaaaaaaaaaaaaaa/take", nil, 404, "not-found", "", ""},
		{"positions without an end", "GET", "/api/workers/marie/positions?fromMs=1", nil, 422, "invalid", "query.toMs", "missing"},
		{"positions backwards", "GET", "/api/workers/marie/positions?fromMs=2&toMs=1", nil, 422, "range", "", ""},
		{"positions of a month", "GET", "/api/workers/marie/positions?fromMs=0&toMs=2678400000", nil, 422, "range", "", ""},
		{"positions at no time", "GET", "/api/workers/marie/positions?fromMs=soon&toMs=1", nil, 422, "invalid", "query.fromMs", "whole number"},
		{"no such route", "GET", "/api/nothing", nil, 404, "no-route", "", ""},
		{"no such method", "PATCH", "/api/teams", m{}, 404, "no-route", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := o.ask(t, admin, tt.method, tt.path, tt.body)
			p := a.problem(t)
			if a.status != tt.status || p.Type != tt.kind || p.Status != tt.status {
				t.Fatalf("status %d, %+v, want %d %s", a.status, p, tt.status, tt.kind)
			}
			if p.Title == "" || p.Detail == "" || strings.HasPrefix(p.Title, "problem.") || strings.HasPrefix(p.Detail, "problem.") || strings.Contains(a.body, "{") && strings.Contains(p.Detail, "{") {
				t.Errorf("no text for people: %+v", p)
			}
			if tt.at == "" {
				return
			}
			for _, e := range p.Errors {
				if e.Location == tt.at && strings.Contains(e.Message, tt.says) {
					return
				}
			}
			t.Errorf("errors %+v, want one at %s that says %q", p.Errors, tt.at, tt.says)
		})
	}
	if n := o.count(t); n != before {
		t.Errorf("bad input wrote %d times", n-before)
	}
}

// count counts the writes that changed something.
func (o *office) count(t *testing.T) int {
	t.Helper()
	all, err := o.srv.StreamRecords(t.Context(), "solewatch", 0, 100_000, 0)
	must(t, err)
	return len(all)
}

func TestBadHeaders(t *testing.T) {
	o := newOffice(t)
	admin, contact := as("acme", insole.Admin), m{"contact": "zoe", "name": "Zoé", "phone": "+33639980009"}
	for _, tt := range []struct {
		name   string
		header []string
		status int
		kind   string
	}{
		{"a form of another site", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "media-type"},
		{"text", []string{"Content-Type", "text/plain"}, 415, "media-type"},
		{"no type", []string{"Content-Type", ""}, 415, "media-type"},
		{"nearly JSON", []string{"Content-Type", "application/vnd.api+json"}, 415, "media-type"},
		{"a page of another site", []string{"Sec-Fetch-Site", "cross-site"}, 403, "foreign"},
		{"a page of a sister site", []string{"Sec-Fetch-Site", "same-site"}, 403, "foreign"},
		{"an ETag that is none of ours", []string{"If-Match", `"abc"`}, 0, ""},
	} {
		if tt.status == 0 {
			a := o.ask(t, admin, "PUT", "/api/contacts/boss", m{"name": "B", "phone": "+33639980001"}, tt.header...)
			if p := a.problem(t); a.status != 412 || p.Type != "changed" {
				t.Errorf("%s: status %d, %+v", tt.name, a.status, p)
			}
			continue
		}
		a := o.ask(t, admin, "POST", "/api/contacts", contact, tt.header...)
		if p := a.problem(t); a.status != tt.status || p.Type != tt.kind {
			t.Errorf("%s: status %d, %+v", tt.name, a.status, p)
		}
	}
	for _, ok := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Content-Type", "application/json; charset=utf-8"}} {
		a := o.ask(t, admin, "PUT", "/api/contacts/boss", m{"name": "Boss", "phone": "+33639980001"}, ok...)
		if a.status != 200 {
			t.Errorf("%v: status %d: %s", ok, a.status, a.body)
		}
	}
}

// A problem is told in the language of the session, and to strangers in the browser's.
func TestLanguages(t *testing.T) {
	o := newOffice(t)
	french := as("acme", insole.Viewer)
	french.Locale = "fr"
	for _, tt := range []struct {
		name, accept, want string
		status             int
		ask                func(accept string) answer
	}{
		{"the session's", "en", "Introuvable", 404, func(l string) answer {
			return o.ask(t, french, "GET", "/api/workers/nobody", nil, "Accept-Language", l)
		}},
		{"the session's, from the mux", "en", "Adresse inconnue", 404, func(l string) answer { return o.ask(t, french, "GET", "/nowhere", nil, "Accept-Language", l) }},
		{"the browser's", "fr-FR, en;q=0.5", "Déconnecté", 401, func(l string) answer { return o.ask(t, noSession, "GET", "/api/me", nil, "Accept-Language", l) }},
		{"the browser's, of a body", "fr", "Non enregistré", 422, func(l string) answer {
			return o.ask(t, noSession, "POST", "/api/session", m{"email": "x"}, "Accept-Language", l)
		}},
		{"none that we have", "de", "Signed out", 401, func(l string) answer { return o.ask(t, noSession, "GET", "/api/me", nil, "Accept-Language", l) }},
	} {
		a := tt.ask(tt.accept)
		if p := a.problem(t); a.status != tt.status || p.Title != tt.want {
			t.Errorf("%s: status %d, title %q, want %q", tt.name, a.status, p.Title, tt.want)
		}
	}
	a := o.ask(t, noSession, "POST", "/api/session", m{"email": "x", "password": "secret-7", "Extra": 1})
	if strings.Contains(a.body, "secret-7") {
		t.Errorf("a refusal repeats the password: %s", a.body)
	}
}

var noSession = as("", "")

// Of two who edit the same thing, the second is told.
func TestEditsAreNotLost(t *testing.T) {
	o := newOffice(t)
	admin := as("acme", insole.Admin)
	read := o.ask(t, admin, "GET", "/api/contacts/boss", nil)
	var c m
	read.into(t, &c)
	etag := read.header.Get("ETag")
	if etag != `"1"` || c["version"] != 1.0 {
		t.Fatalf("ETag %q, %v", etag, c)
	}
	c["name"] = "Anna"
	first := o.ask(t, admin, "PUT", "/api/contacts/boss", c) // what was read and is sent back carries its version
	if first.status != 200 || first.header.Get("ETag") != `"2"` {
		t.Fatalf("status %d, ETag %q: %s", first.status, first.header.Get("ETag"), first.body)
	}
	c["name"] = "Bert"
	if a := o.ask(t, admin, "PUT", "/api/contacts/boss", c); a.status != 412 {
		t.Errorf("by version in the body: status %d: %s", a.status, a.body)
	}
	delete(c, "version")
	for _, method := range []string{"PUT", "DELETE"} {
		var body any = c
		if method == "DELETE" {
			body = nil
		}
		a := o.ask(t, admin, method, "/api/contacts/boss", body, "If-Match", etag)
		if p := a.problem(t); a.status != 412 || p.Type != "changed" {
			t.Errorf("%s by If-Match: status %d, %+v", method, a.status, p)
		}
	}
	if a := o.ask(t, admin, "PUT", "/api/contacts/boss", c, "If-Match", `"2"`); a.status != 200 {
		t.Errorf("with the version there is: status %d: %s", a.status, a.body)
	}
	var got m
	o.ask(t, admin, "GET", "/api/contacts/boss", nil).into(t, &got)
	if got["name"] != "Bert" || got["version"] != 3.0 {
		t.Errorf("stored: %v", got)
	}
}

// Of many who edit the same version at the same time, one succeeds.
func TestEditRace(t *testing.T) {
	o := newOffice(t)
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			a := o.ask(t, as("acme", insole.Admin), "PUT", "/api/contacts/boss", m{"name": fmt.Sprintf("Boss %d", i), "phone": "+33639980001", "version": 1})
			switch a.status {
			case 200:
				won.Add(1)
			case 412:
				lost.Add(1)
			default:
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 5 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// While one admin gives a team a contact, another one removes that contact: never both, so that no policy reaches nobody.
func TestPolicyRace(t *testing.T) {
	o := newOffice(t)
	admin := as("acme", insole.Admin)
	for round := range 5 {
		var team, contact answer
		var wg sync.WaitGroup
		wg.Go(func() {
			team = o.ask(t, admin, "PUT", "/api/teams/north", m{"name": "North", "steps": []m{{"contacts": []string{"spare"}, "channels": []string{"sms"}}}})
		})
		wg.Go(func() { contact = o.ask(t, admin, "DELETE", "/api/contacts/spare", nil) })
		wg.Wait()
		if (team.status == 200) == (contact.status == 204) {
			t.Fatalf("round %d: team %d %s, contact %d %s", round, team.status, team.body, contact.status, contact.body)
		}
		o.ask(t, admin, "PUT", "/api/teams/north", m{"name": "North", "steps": []m{{"contacts": []string{"boss"}, "channels": []string{"sms"}}}})
		o.ask(t, admin, "POST", "/api/contacts", m{"contact": "spare", "name": "Spare", "phone": "+33639980002"})
	}
}

// After a team or a contact has changed, the subscriptions of the teams concerned are brought in line.
func TestSync(t *testing.T) {
	o := newOffice(t)
	admin := as("acme", insole.Admin)
	check := func(what string, a answer, want string) {
		t.Helper()
		if a.status >= 300 {
			t.Errorf("%s: status %d: %s", what, a.status, a.body)
		}
		if got := fmt.Sprint(o.topics.synced); got != want {
			t.Errorf("%s: synced %s, want %s", what, got, want)
		}
		o.topics.synced = map[insole.TeamID][]insole.ContactID{}
	}
	o.topics.synced = map[insole.TeamID][]insole.ContactID{}
	steps := []m{{"contacts": []string{"boss"}, "channels": []string{"email"}}, {"contacts": []string{"spare", "boss"}, "channels": []string{"sms"}}}
	check("a new team", o.ask(t, admin, "POST", "/api/teams", m{"name": "South", "steps": steps}), "map[south:[boss spare]]")
	check("a contact of both", o.ask(t, admin, "PUT", "/api/contacts/boss", m{"name": "Boss", "phone": "+33639980001", "email": "other@acme.example"}), "map[north:[boss] south:[boss spare]]")
	check("a contact of one", o.ask(t, admin, "PUT", "/api/contacts/spare", m{"name": "Spare", "phone": "+33639980007"}), "map[south:[boss spare]]")
	check("no change", o.ask(t, admin, "PUT", "/api/contacts/spare", m{"name": "Spare", "phone": "+33639980007"}), "map[]")
	check("a worker", o.ask(t, admin, "POST", "/api/workers", m{"name": "Paul", "team": "south"}), "map[]")
	o.ask(t, admin, "DELETE", "/api/workers/paul", nil)
	check("a team removed", o.ask(t, admin, "DELETE", "/api/teams/south", nil), "map[south:[]]")

	o.topics.err = fmt.Errorf("sns is away")
	a := o.ask(t, admin, "PUT", "/api/contacts/boss", m{"name": "Boss", "phone": "+33639980099"})
	if p := a.problem(t); a.status != 503 || p.Type != "topics-away" {
		t.Errorf("SNS away: status %d, %+v", a.status, p)
	}
	got, err := o.store.Contact(t.Context(), "acme", "boss")
	if err != nil || got.Phone != "+33639980099" {
		t.Errorf("said to be saved: %+v, %v", got, err)
	}
	var team m
	o.ask(t, admin, "GET", "/api/teams/north", nil).into(t, &team)
	if team["name"] != "North" || team["confirmed"] != nil {
		t.Errorf("a team while SNS is away: %v", team)
	}
}

// An insole from its making to its end.
func TestInsole(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	admin := as("acme", insole.Admin)
	var made struct {
		Insole struct {
			Insole, Dialect, Team, Worker string
			Revoked                       bool
			Version                       int
		}
		Key string
	}
	a := o.ask(t, admin, "POST", "/api/insoles", m{"dialect": "sole", "team": "north"})
	a.into(t, &made)
	id := insole.ID(made.Insole.Insole)
	if a.status != http.StatusCreated || len(id) != 16 || len(made.Key) != 64 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	got, err := o.store.GetAssignment(ctx, id)
	must(t, err)
	if got.Org != "acme" || got.Team != "north" || got.Worker != "" || fmt.Sprintf("%x", got.Key) != made.Key || got.Locale != "en" {
		t.Errorf("assignment %+v", got)
	}
	for _, path := range []string{"/api/insoles", "/api/insoles/" + string(id)} {
		if a := o.ask(t, admin, "GET", path, nil); strings.Contains(a.body, made.Key) || a.status != 200 {
			t.Errorf("%s shows the key again: %s", path, a.body)
		}
	}

	o.ask(t, admin, "POST", "/api/workers", m{"worker": "paul", "name": "Paul", "team": "north", "insole": id}).into(t, &m{})
	a = o.ask(t, admin, "PUT", "/api/workers/paul", m{"name": "Paul N.", "team": "north", "insole": id,
		"shifts": []m{{"days": []string{"mon", "tue"}, "from": "22:00", "to": "06:00", "zone": "Europe/Paris"}}})
	a.into(t, &m{})
	var paul struct {
		Shifts []struct {
			Days           []string
			From, To, Zone string
		}
	}
	o.ask(t, admin, "GET", "/api/workers/paul", nil).into(t, &paul)
	if fmt.Sprint(paul.Shifts) != "[{[mon tue] 22:00 06:00 Europe/Paris}]" {
		t.Errorf("shifts read back: %v", paul.Shifts)
	}
	got, err = o.store.GetAssignment(ctx, id)
	must(t, err)
	if got.Worker != "paul" || got.WorkerName != "Paul N." || len(got.Shifts) != 1 || fmt.Sprintf("%x", got.Key) != made.Key {
		t.Errorf("assignment %+v", got)
	}

	old := made.Key
	o.ask(t, admin, "POST", "/api/insoles/"+string(id)+"/rotate", nil).into(t, &made)
	got, err = o.store.GetAssignment(ctx, id)
	must(t, err)
	if made.Key == old || fmt.Sprintf("%x", got.Key) != made.Key || got.Worker != "paul" {
		t.Errorf("rotated to %s, assignment %+v", made.Key, got)
	}

	o.ask(t, admin, "PUT", "/api/insoles/"+string(id), m{}).into(t, &m{})
	if w, err := o.store.Worker(ctx, "acme", "paul"); err != nil || w.Insole != "" {
		t.Errorf("taken off, and Paul is %+v, %v", w, err)
	}
	o.ask(t, admin, "PUT", "/api/insoles/"+string(id), m{"worker": "paul"}).into(t, &m{})
	o.ask(t, admin, "POST", "/api/insoles/"+string(id)+"/revoke", nil).into(t, &m{})
	got, err = o.store.GetAssignment(ctx, id)
	must(t, err)
	w, err := o.store.Worker(ctx, "acme", "paul")
	if !got.Revoked || got.Worker != "" || err != nil || w.Insole != "" {
		t.Errorf("revoked: %+v, worker %+v, %v", got, w, err)
	}
	if a := o.ask(t, admin, "PUT", "/api/insoles/"+string(id), m{"worker": "paul"}); a.status != 422 {
		t.Errorf("a revoked one on a worker: status %d: %s", a.status, a.body)
	}

	a = o.ask(t, admin, "POST", "/api/insoles", m{"insole": "352093081452251", "dialect": "teltonika", "worker": "paul"})
	if a.status != 201 || strings.Contains(a.body, `"key"`) {
		t.Errorf("a public dialect: status %d: %s", a.status, a.body)
	}
	if a := o.ask(t, admin, "POST", "/api/insoles/352093081452251/rotate", nil); a.status != 422 {
		t.Errorf("a key for a public dialect: status %d: %s", a.status, a.body)
	}
}

// Whoever looks at where a worker was is written down first; when that cannot be, nothing is shown.
func TestLooked(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	live := store.Live{Org: "acme", Insole: "00a1b2c3d4e5f600", Worker: "marie", Version: 1}
	for i := range 3 {
		at := start.Add(time.Duration(i-3) * time.Minute)
		live.Ring = append(live.Ring, store.Point{Boot: 1, Seq: uint32(i + 1), Kind: insole.KindFix, At: at, HeardAt: at,
			Fix: &insole.Fix{Lat: 43.6, Lon: 7.05 + float64(i)/1000, Accuracy: 5, At: at, Source: insole.SourceGPS}})
	}
	live.Ring = append(live.Ring, store.Point{Boot: 1, Seq: 4, Kind: insole.KindStatus, At: start, HeardAt: start})
	live.State.HeardAt, live.State.At = start, start
	must(t, o.store.SaveLive(ctx, live))

	path := o.requests("acme")["positions"].path
	var p struct {
		Positions []struct {
			AtMs     int64
			Lat, Lon float64
		}
	}
	o.ask(t, as("acme", insole.Viewer), "GET", path, nil).into(t, &p)
	if len(p.Positions) != 3 || p.Positions[0].AtMs != start.Add(-3*time.Minute).UnixMilli() || p.Positions[2].Lon != 7.052 {
		t.Errorf("positions %+v", p.Positions)
	}
	o.ms.Add(5000)
	o.ask(t, as("acme", insole.Admin), "GET", path, nil)
	var l struct {
		Looked []struct {
			AtMs       int64
			User, Name string
			FromMs     int64
		}
	}
	o.ask(t, as("acme", insole.Viewer), "GET", "/api/workers/marie/looked", nil).into(t, &l)
	if len(l.Looked) != 2 || l.Looked[0].User != "admin" || l.Looked[1].Name != "The viewer" || l.Looked[1].AtMs != start.UnixMilli() || l.Looked[1].FromMs != start.Add(-time.Hour).UnixMilli() {
		t.Errorf("looked %+v", l.Looked)
	}

	// Marie gets another insole: where she was before is still hers.
	must(t, o.api.Directory.Edit(ctx, "acme", func(d *directory.Draft) error {
		id, _, err := d.Provision("", insole.SOLE, "north")
		w, _ := d.Worker("marie")
		w.Value.Insole = id
		return errors.Join(err, d.SetWorker(w.Value, directory.Any))
	}))
	p.Positions = nil
	o.ask(t, as("acme", insole.Viewer), "GET", path, nil).into(t, &p)
	if len(p.Positions) != 3 {
		t.Errorf("with another insole, Marie was at %+v", p.Positions)
	}

	// The insole goes to somebody else: what it said on Marie's foot is not theirs, on neither route.
	must(t, o.api.Directory.Edit(ctx, "acme", func(d *directory.Draft) error {
		return d.SetWorker(insole.Worker{ID: "paul", Team: "north", Name: "Paul", Insole: "00a1b2c3d4e5f600"}, directory.New)
	}))
	p.Positions = nil
	o.ask(t, as("acme", insole.Viewer), "GET", strings.Replace(path, "marie", "paul", 1), nil).into(t, &p)
	if len(p.Positions) != 0 {
		t.Errorf("Paul was where Marie was: %+v", p.Positions)
	}
	var b struct {
		Workers []struct {
			Worker string
			Live   *struct{}
		}
	}
	o.ask(t, as("acme", insole.Viewer), "GET", "/api/board", nil).into(t, &b)
	for _, w := range b.Workers {
		if w.Live != nil {
			t.Errorf("the board shows %s where Marie was", w.Worker)
		}
	}
}

// A team that nobody is in any more, but that is still called for an alarm, stays.
func TestTeamWithOpenAlarm(t *testing.T) {
	o := newOffice(t)
	admin, requests := as("acme", insole.Admin), o.requests("acme")
	o.ask(t, admin, "POST", "/api/teams", requests["make-team"].body).into(t, &m{})
	o.ask(t, admin, "PUT", "/api/workers/marie", m{"name": "Marie", "team": "south", "insole": "00a1b2c3d4e5f600"}).into(t, &m{})
	if a := o.ask(t, admin, "DELETE", "/api/teams/north", nil); a.status != 422 || !strings.Contains(a.body, "open alarm") {
		t.Errorf("with an open alarm: status %d: %s", a.status, a.body)
	}
	o.ask(t, admin, "POST", requests["resolve"].path, requests["resolve"].body).into(t, &m{})
	if a := o.ask(t, admin, "DELETE", "/api/teams/north", nil); a.status != 204 {
		t.Errorf("with none: status %d: %s", a.status, a.body)
	}
	if a := o.ask(t, admin, "DELETE", "/api/teams/south", nil); a.status != 422 || !strings.Contains(a.body, "still has workers") {
		t.Errorf("with a worker: status %d: %s", a.status, a.body)
	}
}

// Two take charge at the same time: one does, the other is told who.
func TestTakeRace(t *testing.T) {
	o := newOffice(t)
	path := o.requests("acme")["take"].path
	var wg sync.WaitGroup
	answers := make([]answer, 2)
	for i, role := range []insole.Role{insole.Supervisor, insole.Admin} {
		wg.Go(func() { answers[i] = o.ask(t, as("acme", role), "POST", path, nil) })
	}
	wg.Wait()
	if answers[0].status > answers[1].status {
		answers[0], answers[1] = answers[1], answers[0]
	}
	if answers[0].status != 200 {
		t.Fatalf("nobody took charge: %+v", answers)
	}
	var won struct{ State, OwnerName string }
	answers[0].into(t, &won)
	p := answers[1].problem(t)
	if won.State != "taken" || p.Type != "owned" || !strings.HasPrefix(p.Detail, won.OwnerName+" has taken charge") {
		t.Errorf("%+v, %+v", won, p)
	}
}

func TestLink(t *testing.T) {
	o := newOffice(t)
	id := o.alarm("acme", "").ID
	a := o.ask(t, noSession, "GET", "/a/"+string(id), nil)
	if a.status != 303 || a.header.Get("Location") != "/#/a/"+string(id) {
		t.Errorf("status %d to %q", a.status, a.header.Get("Location"))
	}
}
