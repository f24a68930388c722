package readiness_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/readiness"
)

// What a team's exercises and the account's text messages do to a verdict on somebody who is protected otherwise.
func TestDrillsAndSMS(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	team := insole.Team{ID: "north", Name: "North", Steps: []insole.Step{{Contacts: []insole.ContactID{"boss"}, Channels: []insole.Channel{insole.SMS}}}}
	night := team
	night.Hours = []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 20 * time.Hour, To: 23 * time.Hour, Zone: "UTC"}}
	night.OutOfHours = []insole.Step{{Contacts: []insole.ContactID{"gone"}, Channels: []insole.Channel{insole.SMS}}}
	drill := func(ago time.Duration) *insole.Drill {
		return &insole.Drill{Team: "north", At: now.Add(-ago), Took: 100 * time.Second, By: "Claire M."}
	}
	for _, tt := range []struct {
		name  string
		team  insole.Team
		sms   *insole.SMSAccount
		drill *insole.Drill
		read  bool
		want  string // codes of what is not about the insole
	}{
		{"nothing can be asked", team, nil, nil, false, "sms"},
		{"all well", team, &insole.SMSAccount{Limit: 50}, drill(24 * time.Hour), true, "sms-spent"},
		{"sandbox", team, &insole.SMSAccount{Sandbox: true, Limit: 50}, drill(24 * time.Hour), true, "sms-sandbox! sms-spent"},
		{"a new account", team, &insole.SMSAccount{Limit: 1}, drill(24 * time.Hour), true, "sms-limit sms-spent"},
		{"a limit that is not said", team, &insole.SMSAccount{Limit: -1}, drill(24 * time.Hour), true, "sms"},
		{"never exercised", team, nil, nil, true, "drill-never sms"},
		{"90 days ago", team, nil, drill(90 * 24 * time.Hour), true, "sms"},
		{"longer ago", team, nil, drill(90*24*time.Hour + time.Minute), true, "drill-old sms"},
		{"nobody at this hour", night, nil, drill(time.Hour), true, "team-nobody!"},
	} {
		v := readiness.Of(readiness.Facts{
			Worker: insole.Worker{ID: "marie", Team: "north"}, Team: &tt.team, SMS: tt.sms, Drill: tt.drill, Drills: tt.read,
			Contacts: map[insole.ContactID]insole.Contact{"boss": {ID: "boss", Name: "Boss", Phone: "+33600000001"}},
		}, now)
		var got []string
		for _, r := range v.Reasons {
			if r.Code == readiness.NoInsole {
				continue
			}
			code := string(r.Code)
			if r.Weight == readiness.Blocks {
				code += "!"
			}
			got = append(got, code)
			for _, l := range []string{"en", "fr"} {
				if said := r.Text(l, now); said == "" || strings.ContainsAny(said, "{}") {
					t.Errorf("%s in %s: %q", r.Code, l, said)
				}
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, s, tt.want)
		}
		if !slices.IsSortedFunc(v.Reasons, func(a, b readiness.Reason) int {
			order := []readiness.Weight{readiness.Blocks, readiness.Warns, readiness.Unchecked}
			return slices.Index(order, a.Weight) - slices.Index(order, b.Weight)
		}) {
			t.Errorf("%s: not in order: %+v", tt.name, v.Reasons)
		}
	}
}
