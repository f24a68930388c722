package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

type readinessSaid struct {
	AtMs    int64
	Workers []struct {
		Worker, Name, Team string
		OnShift, Ready     bool
		Reasons            []struct{ Code, Weight, Text string }
	}
}

// codes are the reasons of the only worker of an answer, after "ready" or "not ready".
func (o *office) readinessOf(t *testing.T, s auth.Session, path string) string {
	t.Helper()
	var got readinessSaid
	o.ask(t, s, "GET", path, nil).into(t, &got)
	if len(got.Workers) != 1 || got.Workers[0].Worker != "marie" || got.AtMs != o.now().UnixMilli() {
		t.Fatalf("%s: %+v", path, got)
	}
	out := "not ready"
	if got.Workers[0].Ready {
		out = "ready"
	}
	for _, r := range got.Workers[0].Reasons {
		out += ", " + r.Weight + " " + r.Code
		if r.Text == "" || strings.Contains(r.Text, "{") || strings.HasPrefix(r.Text, "readiness.") {
			t.Errorf("%s says %q", r.Code, r.Text)
		}
	}
	return out
}

// A worker becomes ready as what they need comes together, and is not when it goes.
func TestReadiness(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	viewer := as("acme", insole.Viewer)
	check := func(what, want string) {
		t.Helper()
		if got := o.readinessOf(t, viewer, "/api/readiness?worker=marie"); got != want {
			t.Errorf("%s: %s\nwant %s", what, got, want)
		}
	}
	check("an insole out of the box", "not ready, blocks never-heard, warns drill-never, unchecked sms")
	live := store.Live{Org: "acme", Insole: "00a1b2c3d4e5f600", Worker: "marie", Version: 1, State: rules.State{
		HeardAt: o.now(), At: o.now(), Expect: time.Minute, Battery: &insole.Battery{Percent: 64},
	}}
	must(t, o.store.SaveLive(ctx, live))
	check("heard", "ready, warns drill-never, unchecked sms")
	o.ms.Add((22 * time.Minute).Milliseconds())
	check("silent", "not ready, blocks silent, warns drill-never, unchecked sms")
	live.Version, live.State.HeardAt, live.State.Battery.Percent = 2, o.now(), 12
	must(t, o.store.SaveLive(ctx, live))
	check("flat", "not ready, blocks battery-low, warns drill-never, unchecked sms")
	live.Version, live.State.Battery.Charging = 3, true
	must(t, o.store.SaveLive(ctx, live))
	check("on the charger", "ready, warns drill-never, unchecked sms")

	// The office's topics say that the boss has confirmed for the team north.
	team := func(steps ...insole.Step) {
		t.Helper()
		must(t, o.api.Directory.Edit(ctx, "acme", func(d *directory.Draft) error {
			return d.SetTeam(insole.Team{ID: "north", Name: "North", Steps: steps}, directory.Any)
		}))
	}
	boss := []insole.ContactID{"boss"}
	team(insole.Step{Contacts: boss, Channels: []insole.Channel{insole.Email}})
	check("confirmed", "ready, warns drill-never")
	o.topics.err = errors.New("sns: no")
	check("SNS away", "not ready, blocks step-unsure, warns drill-never, unchecked email")
	o.topics.err = insole.ErrNotFound
	check("no topic", "not ready, blocks team-nobody, warns email-unconfirmed, warns drill-never")
	o.topics.err = nil

	if a := o.ask(t, as("acme", insole.Admin), "POST", "/api/insoles/00a1b2c3d4e5f600/revoke", nil); a.status >= 300 {
		t.Fatal(a.body)
	}
	got := o.readinessOf(t, viewer, "/api/readiness")
	if !strings.HasPrefix(got, "not ready, blocks ") {
		t.Errorf("with the insole revoked: %s", got)
	}
}

func TestReadinessLanguage(t *testing.T) {
	o := newOffice(t)
	fr := as("acme", insole.Viewer)
	fr.Locale = "fr"
	a := o.ask(t, fr, "GET", "/api/readiness", nil)
	if !strings.Contains(a.body, "n’a jamais été entendue") {
		t.Errorf("in French: %s", a.body)
	}
}

func TestReadinessOfNobody(t *testing.T) {
	o := newOffice(t)
	a := o.ask(t, as("acme", insole.Viewer), "GET", "/api/readiness?worker=paul", nil)
	if p := a.problem(t); a.status != 404 || p.Type != "not-found" {
		t.Errorf("%d %+v", a.status, p)
	}
	a = o.ask(t, as("acme", insole.Viewer), "GET", "/api/readiness?worker="+strings.Repeat("x", 41), nil)
	if p := a.problem(t); a.status != 422 || p.Type != "invalid" {
		t.Errorf("%d %+v", a.status, p)
	}
}
