package api_test

import (
	"strings"
	"testing"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
)

// signIn is the session of whoever has that address and password, and its token.
func (o *office) signIn(t *testing.T, email, pass string) (auth.Session, string) {
	t.Helper()
	token, s, err := o.api.Sessions.SignIn(t.Context(), email, pass, auth.Origin{Viewer: "192.0.2.1", Via: "192.0.2.1"})
	must(t, err)
	return s, token
}

func TestOwnLanguage(t *testing.T) {
	o := newOffice(t)
	var me struct{ Locale, Name, Role string }
	o.ask(t, as("acme", insole.Viewer), "PUT", "/api/me", m{"locale": "fr"}).into(t, &me)
	if me.Locale != "fr" || me.Name != "The viewer" || me.Role != "viewer" {
		t.Errorf("answer %+v", me)
	}
	_, token := o.signIn(t, "viewer@acme.example", password) // the password is what it was
	s, err := o.api.Sessions.Look(t.Context(), token)
	if err != nil || s.Locale != "fr" {
		t.Errorf("session %+v, %v", s, err)
	}
	for _, body := range []m{{"role": "admin"}, {"name": "Me"}, {"email": "me@acme.example"}, {"locale": "de"}} {
		if a := o.ask(t, s, "PUT", "/api/me", body); a.status != 422 {
			t.Errorf("%v: status %d: %s", body, a.status, a.body)
		}
	}
}

// Another password needs the one so far, ends every other session, and leaves whoever changed it signed in.
func TestOwnPassword(t *testing.T) {
	o := newOffice(t)
	const next = "staple correct horse"
	s, token := o.signIn(t, "viewer@acme.example", password)
	_, elsewhere := o.signIn(t, "viewer@acme.example", password)

	for _, tt := range []struct {
		body     m
		at, says string
	}{
		{m{"password": next}, "body.current", "not the password"},
		{m{"password": next, "current": "guess"}, "body.current", "not the password"},
		{m{"password": "short", "current": password}, "body.password", "At least 10"},
	} {
		a := o.ask(t, s, "PUT", "/api/me", tt.body)
		p := a.problem(t)
		if a.status != 422 || len(p.Errors) != 1 || p.Errors[0].Location != tt.at || !strings.Contains(p.Errors[0].Message, tt.says) {
			t.Errorf("%v: status %d, %+v", tt.body, a.status, p)
		}
	}
	if _, err := o.api.Sessions.Look(t.Context(), token); err != nil {
		t.Fatalf("after wrong passwords the session is gone: %v", err)
	}

	a := o.ask(t, s, "PUT", "/api/me", m{"password": next, "current": password})
	if a.status != 200 || strings.Contains(a.body, next) {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var renewed string
	for _, line := range a.header.Values("Set-Cookie") {
		cookie, _, _ := strings.Cut(line, ";")
		var err error
		renewed, err = auth.TokenIn([]string{cookie})
		must(t, err)
		for _, part := range []string{"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} {
			if !strings.Contains(line, part) {
				t.Errorf("cookie without %s: %s", part, line)
			}
		}
	}
	got, err := o.api.Sessions.Look(t.Context(), renewed)
	if err != nil || got.User != "viewer" || got.Org != "acme" {
		t.Errorf("the new session: %+v, %v", got, err)
	}
	for _, old := range []string{token, elsewhere} {
		if s, err := o.api.Sessions.Look(t.Context(), old); err == nil {
			t.Errorf("a session from before is still open: %+v", s)
		}
	}
	o.signIn(t, "viewer@acme.example", next)
}

// Guessing from a screen that is signed in counts as guessing at the door.
func TestOwnPasswordThrottled(t *testing.T) {
	o := newOffice(t)
	s := as("acme", insole.Viewer)
	for i := range auth.TriesByAccount {
		if a := o.ask(t, s, "PUT", "/api/me", m{"password": "staple correct horse", "current": "guess"}); a.status != 422 {
			t.Fatalf("guess %d: status %d: %s", i, a.status, a.body)
		}
	}
	a := o.ask(t, s, "PUT", "/api/me", m{"password": "staple correct horse", "current": password})
	if p := a.problem(t); a.status != 429 || p.Type != "throttled" {
		t.Errorf("status %d, %+v", a.status, p)
	}
	if a := o.ask(t, s, "PUT", "/api/me", m{"locale": "fr"}); a.status != 200 {
		t.Errorf("the language: status %d: %s", a.status, a.body)
	}
	o.ms.Add(auth.TriesWindow.Milliseconds())
	if a := o.ask(t, s, "PUT", "/api/me", m{"password": "staple correct horse", "current": password}); a.status != 200 {
		t.Errorf("after the window: status %d: %s", a.status, a.body)
	}
}

func TestPastAlarms(t *testing.T) {
	o := newOffice(t)
	var past struct {
		Alarms []struct{ ID, State, Reason, WorkerName string }
	}
	boss := as("acme", insole.Supervisor)
	o.ask(t, boss, "GET", "/api/reports/2026-11/alarms", nil).into(t, &past)
	if len(past.Alarms) != 0 {
		t.Errorf("an open alarm is past: %+v", past)
	}
	resolve := o.requests("acme")["resolve"]
	o.ask(t, boss, "POST", resolve.path, resolve.body)
	o.ask(t, boss, "GET", "/api/reports/2026-11/alarms", nil).into(t, &past)
	if len(past.Alarms) != 1 || past.Alarms[0].State != "resolved" || past.Alarms[0].Reason != "test" || past.Alarms[0].WorkerName != "Marie of acme" {
		t.Errorf("after it was resolved: %+v", past)
	}
	o.ask(t, boss, "GET", "/api/reports/2026-10/alarms", nil).into(t, &past)
	if len(past.Alarms) != 0 {
		t.Errorf("a month before: %+v", past)
	}
	if a := o.ask(t, boss, "GET", "/api/reports/2027-01/alarms", nil); a.status != 422 || a.problem(t).Type != "month" {
		t.Errorf("a month to come: status %d: %s", a.status, a.body)
	}
}
