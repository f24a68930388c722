package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/api"
	"solewatch/internal/insole"
	"solewatch/internal/text"
)

// A team with hours and settings comes back as it was given; whom its list for out of hours names cannot go.
func TestTeamOfHours(t *testing.T) {
	o := newOffice(t)
	admin := as("acme", insole.Admin)
	given := m{
		"name": "North", "steps": []m{{"contacts": []string{"boss"}, "channels": []string{"sms"}}}, "repeatS": 300,
		"hours":      []m{{"days": []string{"mon", "tue"}, "from": "08:00", "to": "18:00", "zone": "Europe/Paris"}},
		"outOfHours": []m{{"delayS": 60, "contacts": []string{"spare"}, "channels": []string{"sms"}}},
		"settings":   m{"taken-off": m{"off": true}, "fall": m{"preAlarmS": 45}, "lost-contact": m{"priority": 1, "factor": 2.5, "minimumS": 600}, "low-battery": m{"percent": 25}, "zone-left": m{"dwellS": 60}, "sos": m{}},
	}
	var made, read api.Team
	o.ask(t, admin, "PUT", "/api/teams/north", given).into(t, &made)
	o.ask(t, as("acme", insole.Viewer), "GET", "/api/teams/north", nil).into(t, &read)
	want := map[string]api.Setting{"taken-off": {Off: true}, "fall": {PreAlarmS: 45}, "lost-contact": {Priority: 1, Factor: 2.5, MinimumS: 600}, "low-battery": {Percent: 25}, "zone-left": {DwellS: 60}}
	for _, v := range []api.Team{made, read} {
		if len(v.Hours) != 1 || v.Hours[0].To != "18:00" || len(v.OutOfHours) != 1 || v.OutOfHours[0].DelayS != 60 || len(v.Settings) != len(want) {
			t.Errorf("team %+v", v)
		}
		for k, s := range want {
			if v.Settings[k] != s {
				t.Errorf("%s: %+v, want %+v", k, v.Settings[k], s)
			}
		}
	}
	for _, tt := range []struct {
		method string
		body   any
		says   string
	}{
		{"DELETE", nil, "the team North would"}, {"PUT", m{"name": "Spare", "email": "spare@acme.example"}, "step 1 of the team North out of hours"},
	} {
		a := o.ask(t, admin, tt.method, "/api/contacts/spare", tt.body)
		if p := a.problem(t); a.status != 422 || !strings.Contains(p.Detail, tt.says) || !strings.HasPrefix(p.Errors[0].Location, "body.outOfHours[0].contacts[0]") {
			t.Errorf("%s of whom the night needs: %d %+v", tt.method, a.status, p)
		}
	}
}

func TestDryRun(t *testing.T) {
	o := newOffice(t)
	super := as("acme", insole.Supervisor)
	if a := o.ask(t, as("acme", insole.Admin), "POST", "/api/contacts", m{"contact": "zoe", "name": "Zoé", "email": "zoe@acme.example", "phone": "+33639980008"}); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	before := o.count(t)
	run := func(body m) (out api.DryRunAnswer) {
		t.Helper()
		o.ask(t, super, "POST", "/api/teams/north/dryrun", body).into(t, &out)
		return out
	}
	night := time.Date(2026, 11, 23, 17, 58, 0, 0, time.UTC).UnixMilli() // two minutes before the hours end
	policy := m{
		"name": "North", "repeatS": 600, "fallback": "+33 6 39 98 00 07",
		"steps":      []m{{"contacts": []string{"boss", "zoe"}, "channels": []string{"email", "sms"}}, {"delayS": 300, "contacts": []string{"boss"}, "channels": []string{"sms"}}},
		"hours":      []m{{"days": []string{"mon"}, "from": "08:00", "to": "18:00", "zone": "UTC"}},
		"outOfHours": []m{{"contacts": []string{"ghost"}, "channels": []string{"sms"}}, {"delayS": 60, "contacts": []string{"spare"}, "channels": []string{"sms", "email"}}},
		"settings":   m{"taken-off": m{"off": true}, "fall": m{"preAlarmS": 60}},
	}
	got := run(m{"kind": "fall", "atMs": night, "forS": 1200, "policy": policy})
	var lines []string
	for _, st := range got.Steps {
		line := time.UnixMilli(st.AtMs).UTC().Format("15:04")
		if st.OutOfHours {
			line += " night"
		}
		if st.Repeat {
			line += " repeat"
		}
		for _, told := range st.Told {
			line += " " + told.Contact + "/" + told.Channel
			if told.Fallback {
				line += " fallback"
			}
			if !told.Reachable {
				line += " not: " + told.Why
				if told.Text == "" || strings.HasPrefix(told.Text, "dryrun.") {
					t.Errorf("no text for %q", told.Why)
				}
			}
		}
		lines = append(lines, line)
	}
	want := []string{
		"17:58 boss/email boss/sms zoe/email not: email-unconfirmed zoe/sms",
		"18:03 night ghost/sms not: no-such-contact",
		"18:03 night spare/sms spare/email not: no-email",
		"18:13 night repeat spare/sms /sms fallback spare/email not: no-email",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("steps\n%q, want\n%q", lines, want)
	}
	if got.PreAlarmS != 60 || got.Priority != 1 || got.FirstS != 0 || got.Nobody || got.RepeatS != 600 || got.Fallback != "+33639980007" {
		t.Errorf("answer %+v", got)
	}
	if len(got.Faults) != 1 || got.Faults[0].Location != "body.policy.outOfHours[0].contacts[0]" || !strings.Contains(got.Faults[0].Message, "ghost") {
		t.Errorf("faults %+v", got.Faults)
	}
	if off := run(m{"kind": "taken-off", "policy": policy}); !off.Off || len(off.Steps) != 0 || !off.Nobody || off.FirstS != -1 {
		t.Errorf("of a kind that is off: %+v", off)
	}
	if is := run(m{}); is.Kind != "sos" || len(is.Steps) == 0 || is.Steps[0].Told[0].Contact != "boss" || len(is.Faults) != 0 || is.AtMs != o.now().UnixMilli() {
		t.Errorf("of the team as it is: %+v", is)
	}
	if n := o.count(t); n != before {
		t.Errorf("a dry run wrote %d times", n-before)
	}
}

// Every kind of alarm is told with its reason, in both languages; the English one is the code's.
func TestKinds(t *testing.T) {
	o := newOffice(t)
	for _, locale := range []string{"en", "fr"} {
		s := as("acme", insole.Viewer)
		s.Locale = locale
		var got struct{ Kinds []api.AlarmKind }
		o.ask(t, s, "GET", "/api/kinds", nil).into(t, &got)
		if len(got.Kinds) != len(insole.Kinds) {
			t.Fatalf("%d kinds, want %d", len(got.Kinds), len(insole.Kinds))
		}
		for i, rule := range insole.Kinds {
			k := got.Kinds[i]
			if k.Kind != string(rule.Kind) || k.Name == "" || strings.HasPrefix(k.Why, "setting.") || (k.NeverOff == "") != (rule.NeverOff == "") || strings.HasPrefix(k.NeverOff, "problem.") {
				t.Errorf("%s: %+v", locale, k)
			}
			if en := text.Say("en", "setting.why."+string(rule.Kind)); en != rule.Why {
				t.Errorf("%s: the catalogue says %q, the code %q", rule.Kind, en, rule.Why)
			}
		}
	}
}
