package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/api"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// What an administrator sets for a team is what then happens: a kind off, another's threshold and priority, and by an escalation for out of hours, as the
// dry run has said.
func TestTeamSettings(t *testing.T) {
	w := start(t, nil)
	alice := signIn(t, w.Web, "admin@demo.example", "demo-admin-2026")
	screen := alice.open(t.Context())
	var e entry
	for _, k := range w.keys {
		if w.teams[string(k.Worker)] == "forestiers" && k.Dialect == insole.SOLE && (e.Insole == "" || k.Insole < e.Insole) {
			e = k
		}
	}
	var team api.Team
	alice.call("GET", "/api/teams/forestiers", nil, &team)
	other := time.Now().AddDate(0, 0, 3).Weekday() // hours that are not now, wherever now is
	team.Hours = []api.Shift{{Days: []string{strings.ToLower(other.String()[:3])}, From: "08:00", To: "09:00", Zone: "Europe/Paris"}}
	team.OutOfHours = []api.Step{{Contacts: []string{"astreinte"}, Channels: []string{"sms"}}, {DelayS: 600, Contacts: []string{"nadia-benali"}, Channels: []string{"sms"}}}
	team.Settings = map[string]api.Setting{"taken-off": {Off: true}, "low-battery": {Percent: 40, Priority: 2}}
	team.Confirmed = nil
	var run api.DryRunAnswer
	alice.call("POST", "/api/teams/forestiers/dryrun", api.DryRun{Kind: "low-battery", Policy: &team}, &run)
	if len(run.Faults) != 0 || run.Priority != 2 || run.FirstS != 0 || len(run.Steps) < 2 || !run.Steps[0].OutOfHours || run.Steps[0].Told[0].Contact != "astreinte" || run.Steps[1].AfterS != 600 {
		t.Errorf("the dry run says %+v", run)
	}
	alice.call("PUT", "/api/teams/forestiers", team, &team)

	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	at := time.Now().UTC().Truncate(time.Second)
	f.say(sole.Record{Kind: insole.KindTakenOff, At: at})
	f.say(sole.Record{Kind: insole.KindFix, At: at.Add(time.Second), Fix: here(43.6163, 7.0552), Battery: &insole.Battery{Percent: 39}})
	f.heard()
	low := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
	if low.Kind != "low-battery" || low.Priority != 2 {
		t.Errorf("the screen was told %+v", low)
	}
	until(t, "a text message to whoever is on call", func() bool { return len(w.about(low.Reference, "sms")) > 0 })
	for _, n := range w.about(low.Reference, "sms") {
		if n.To != "+33639980005" {
			t.Errorf("by night %s was told", n.To)
		}
	}
	var open []feed.Alarm
	alice.call("GET", "/api/alarms", nil, &struct{ Alarms *[]feed.Alarm }{&open})
	if slices.ContainsFunc(open, func(a feed.Alarm) bool { return a.Kind == "taken-off" }) {
		t.Errorf("a kind that is off has raised: %+v", open)
	}
}
