package e2e

import (
	"testing"

	"github.com/coder/websocket"

	"solewatch/internal/api"
	"solewatch/internal/feed"
)

// say sends words of this screen's own.
func (s *screen) say(words string) {
	s.person.t.Helper()
	if err := s.conn.Write(s.person.t.Context(), websocket.MessageText, []byte(words)); err != nil {
		s.person.t.Fatal(err)
	}
	s.wait(func(m feed.Message) bool { return m.Type == "pong" && m.Store == "ok" })
}

// Somebody goes on duty at a screen and leaves it: after the minute that the team has set, the operators are paged; it is over by itself when somebody is there
// again.
func TestNobodyWatches(t *testing.T) {
	w := start(t, nil)
	alice := signIn(t, w.Web, "admin@demo.example", "demo-admin-2026")
	claire := signIn(t, w.Web, supervisor, password)
	onlooker := alice.open(t.Context()) // looks, and is not on duty
	var team api.Team
	alice.call("GET", "/api/teams/"+night, nil, &team)
	team.Settings, team.Confirmed = map[string]api.Setting{"unwatched": {On: true, MinimumS: 60}}, nil
	alice.call("PUT", "/api/teams/"+night, team, &team)

	look := func() {
		t.Helper()
		if err := w.FireSchedule("WatchdogFunctionEveryMinute"); err != nil {
			t.Fatal(err)
		}
	}
	duty := func() (all api.Duty, of api.TeamDuty) {
		t.Helper()
		claire.call("GET", "/api/duty", nil, &all)
		for _, x := range all.Teams {
			if x.Team == night {
				of = x
			}
		}
		return all, of
	}
	console := claire.open(t.Context())
	console.say(`{"action":"duty","on":true,"sound":true,"teams":["` + night + `"],"sinceMs":0}`)
	all, of := duty()
	if len(all.Consoles) != 1 || all.Consoles[0].Name == "" || !all.Consoles[0].Sound || !of.Wanted || of.Consoles != 1 {
		t.Fatalf("on duty: %+v", all)
	}
	for _, x := range all.Teams {
		if x.Team != night && (x.Wanted || x.Consoles != 0) {
			t.Errorf("another team: %+v", x)
		}
	}
	look()
	console.conn.Close(websocket.StatusNormalClosure, "")
	until(t, "the console to be gone", func() bool { all, _ = duty(); return len(all.Consoles) == 0 })
	look()
	until(t, "the team to be seen alone", func() bool { _, of = duty(); return of.UnwatchedMs > 0 })
	if of.Alarm {
		t.Errorf("an alarm at once: %+v", of)
	}
	looked := false
	until(t, "an alarm", func() bool {
		all, of = duty()
		if !looked && all.NowMs-of.UnwatchedMs > 60_500 {
			looked = true
			look()
		}
		return of.Alarm
	})
	a := onlooker.alarm(func(a feed.Alarm) bool { return a.Kind == "unwatched" && a.State == "active" })
	if a.Team != "maintenance" || a.WorkerName != team.Name || a.Priority != 2 || a.RaisedAtMs-a.SentAtMs < 60_000 {
		t.Errorf("the alarm is %+v", a)
	}
	until(t, "a text message to the operators", func() bool { return len(w.about(a.Reference, "sms")) > 0 })

	again := claire.open(t.Context())
	again.say(`{"action":"duty","on":true,"sound":false,"teams":[],"sinceMs":0}`)
	look() // blocked: nobody would hear anything
	again.say(`{"action":"duty","on":true,"sound":true,"teams":[],"sinceMs":0}`)
	look()
	back := onlooker.alarm(func(b feed.Alarm) bool { return b.ID == a.ID && b.ReturnedAtMs > 0 })
	if back.State == "resolved" {
		t.Errorf("over without anybody having seen it: %+v", back)
	}
	until(t, "the team to be watched", func() bool { _, of = duty(); return of.UnwatchedMs == 0 && of.Consoles == 1 })
	again.say(`{"action":"duty","on":false}`)
	if all, _ = duty(); len(all.Consoles) != 0 {
		t.Errorf("off duty: %+v", all)
	}
}
