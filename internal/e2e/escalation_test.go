package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/wire/sole"
)

const (
	administrator = "admin@demo.example"
	adminPassword = "demo-admin-2026"
)

// Nobody answers the first step, nobody the second, and whoever is paged by the third takes charge by the link of the SMS: then nobody is paged any
// more. The team's delays are seconds; nothing else is other than in service.
func TestEscalationToTheThirdStep(t *testing.T) {
	w := start(t, nil)
	admin := signIn(t, w.Web, administrator, adminPassword)
	var team map[string]any
	admin.call("GET", "/api/teams/"+night, nil, &team)
	steps := []map[string]any{
		{"delayS": 0, "contacts": []string{"claire-martin"}, "channels": []string{"sms", "email"}},
		{"delayS": 2, "contacts": []string{"david-okafor"}, "channels": []string{"sms"}},
		{"delayS": 2, "contacts": []string{"astreinte"}, "channels": []string{"sms"}},
	}
	team["steps"], team["repeatS"] = steps, 60
	delete(team, "outOfHours")
	delete(team, "confirmed")
	admin.call("PUT", "/api/teams/"+night, team, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())

	e := w.of(insole.SOLE, 0)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
	f.heard()
	seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
	to := map[string]standin.Notice{}
	for n, phone := range []string{"+33639980002", "+33639980003", "+33639980005"} { // Claire, David, on call
		until(t, "an SMS to "+phone, func() bool {
			for _, sms := range w.about(seen.Reference, "sms") {
				to[sms.To] = sms
			}
			_, ok := to[phone]
			return ok
		})
		if want := n + 1; len(to) != want {
			t.Fatalf("after step %d, %d telephones have rung: %v", want, len(to), to)
		}
	}
	first, second, third := to["+33639980002"].At, to["+33639980003"].At, to["+33639980005"].At
	t.Logf("second step after %v, third after %v more", second.Sub(first), third.Sub(second))
	if second.Sub(first) < 1900*time.Millisecond || third.Sub(second) < 1900*time.Millisecond {
		t.Errorf("a step came before its delay of 2 s was over")
	}
	shown := screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.Step == 3 })
	if shown.State != "active" || shown.NextStepAtMs == 0 {
		t.Errorf("the screen was told %+v", shown)
	}

	link := answerLink.FindStringSubmatch(to["+33639980005"].Text)
	if link == nil {
		t.Fatalf("no link in %q", to["+33639980005"].Text)
	}
	resp, err := http.PostForm(w.Web+link[1], url.Values{"answer": {"taken"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	screen.alarm(func(a feed.Alarm) bool {
		return a.ID == seen.ID && a.State == "taken" && a.OwnerName == "Astreinte direction"
	})
	var file struct {
		Alarm feed.Alarm
		Pages []struct {
			Step    int
			Contact string
			State   string
		}
	}
	claire.call("GET", "/api/alarms/"+seen.ID, nil, &file)
	if file.Alarm.Step != 3 || file.Alarm.State != "taken" || len(file.Pages) != 4 {
		t.Errorf("the alarm's file: %+v", file)
	}
	for _, p := range file.Pages {
		if p.State != "accepted" && p.State != "opened" && p.State != "answered" {
			t.Errorf("the page to %s is %s", p.Contact, p.State)
		}
	}
}

// Two people see the same alarm and press the same button: one has it, and the other is told who. On a running system, again and again.
func TestTwoTakeCharge(t *testing.T) {
	w := start(t, nil)
	claire, admin := signIn(t, w.Web, supervisor, password), signIn(t, w.Web, administrator, adminPassword)
	screen := claire.open(t.Context())
	won := map[string]int{}
	for n := range 8 {
		e := w.of(insole.SOLE, n)
		f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
		f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
		f.heard()
		seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
		var wg sync.WaitGroup
		var status [2]int
		var said [2][]byte
		for i, p := range []*person{claire, admin} {
			wg.Go(func() {
				var err error
				if status[i], said[i], err = p.ask("POST", "/api/alarms/"+seen.ID+"/take", map[string]string{}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		both := slices.Sorted(slices.Values(status[:]))
		if both[0] != http.StatusOK || both[1] != http.StatusConflict {
			t.Fatalf("the two were told %v: %s, %s", status, said[0], said[1])
		}
		taken := screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "taken" })
		won[taken.OwnerName]++
	}
	t.Logf("who was first: %v", won)
}
