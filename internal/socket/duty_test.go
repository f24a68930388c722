package socket

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A screen says that somebody is on duty at it, and is answered as a ping is.
func TestDuty(t *testing.T) {
	hour := at.Add(-time.Hour)
	console := func(sound bool, since time.Time, teams ...insole.TeamID) map[string]insole.Console {
		return map[string]insole.Console{"c1": {Org: "acme", ID: "c1", User: "claire", Teams: teams, Sound: sound, Since: since, Heard: at}}
	}
	pong := feed.Message{Type: "pong", Seq: 41, Store: "ok"}
	wrong := func(s string) feed.Message { return feed.Message{Type: "error", Detail: s} }
	for _, c := range []struct {
		name, id, body string
		fail           error
		want           map[string]insole.Console // nil: as it was
		told           feed.Message
	}{
		{"all teams, armed", "c1", fmt.Sprintf(`{"action":"duty","on":true,"sound":true,"sinceMs":%d}`, hour.UnixMilli()), nil, console(true, hour), pong},
		{"one team, sound blocked", "c1", `{"action":"duty","on":true,"sound":false,"teams":["north"],"sinceMs":0}`, nil, console(false, at, "north"), pong},
		{"since tomorrow", "c1", fmt.Sprintf(`{"action":"duty","on":true,"sinceMs":%d}`, at.Add(24*time.Hour).UnixMilli()), nil, console(false, at), pong},
		{"for a month", "c1", fmt.Sprintf(`{"action":"duty","on":true,"sinceMs":%d}`, at.Add(-720*time.Hour).UnixMilli()), nil, console(false, at), pong},
		{"off", "c1", `{"action":"duty","on":false}`, nil, map[string]insole.Console{}, pong},
		{"forgotten connection", "c9", `{"action":"duty","on":true,"sound":true}`, nil, nil, feed.Message{Type: "reconnect"}},
		{"store away", "c1", `{"action":"duty","on":true,"sound":true}`, fmt.Errorf("reading: %w", insole.ErrAway), nil, feed.Message{Type: "pong", Store: "away"}},
		{"no word", "c1", `{"action":"duty"}`, nil, nil, wrong("duty does not say whether it is on")},
		{"nonsense", "c1", `{"action":"duty","on":"yes"}`, nil, nil, wrong("duty is not of the form {on, sound, teams, sinceMs}")},
		{"no JSON", "c1", `duty`, nil, nil, wrong("duty is not of the form {on, sound, teams, sinceMs}")},
		{"too many teams", "c1", `{"action":"duty","on":true,"teams":["a"` + strings.Repeat(`,"a"`, 100) + `]}`, nil, nil, wrong("duty names more than 100 teams")},
		{"no such name", "c1", `{"action":"duty","on":true,"teams":[""]}`, nil, nil, wrong("duty names a team that there cannot be")},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := console(true, at.Add(-2*time.Hour))
			tab := &table{seq: 41, fail: c.fail, on: console(true, at.Add(-2*time.Hour)), conns: map[string]store.Connection{"c1": {Org: "acme", ID: "c1", User: "claire", ConnectedAt: at}}}
			status, got := ask(t, handler(tab), event("duty", c.id, c.body, nil))
			c.told.NowMs = at.UnixMilli()
			if diff := cmp.Diff(c.told, got); status != http.StatusOK || diff != "" {
				t.Errorf("status %d, answer (-want +got):\n%s", status, diff)
			}
			if c.want == nil {
				c.want = was
			}
			if diff := cmp.Diff(c.want, tab.on); diff != "" {
				t.Errorf("on duty (-want +got):\n%s", diff)
			}
		})
	}
}
