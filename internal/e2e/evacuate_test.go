package e2e

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
)

// A simulation is the simulator, as a program of its own.
type simulation struct{ control string }

// simulate lets insoles walk and returns when all of them are connected.
func (w *world) simulate(insoles []entry) simulation {
	w.t.Helper()
	keys := filepath.Join(w.t.TempDir(), "keys.json")
	b, err := json.Marshal(map[string]any{"insoles": insoles})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(keys, b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	c := exec.Command(filepath.Join(programs, "insole"), "-addr", w.Insoles, "-keys", keys, "-control", "127.0.0.1:0", "-interval", "2s", "-still-interval", "2s", "-no-gaps")
	out, err := c.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait() // it is stopped by a signal
	})
	lines := bufio.NewScanner(out)
	address := regexp.MustCompile(`http://[^/]+/`)
	for lines.Scan() {
		if found := address.FindString(lines.Text()); found != "" {
			go func() {
				for lines.Scan() { // until it ends, so that it never waits for a reader
				}
			}()
			return simulation{strings.TrimSuffix(found, "/")}
		}
	}
	w.t.Fatal("the simulator did not say where it is")
	return simulation{}
}

func (s simulation) press(t testing.TB, i insole.ID, what string) {
	t.Helper()
	resp, err := http.Post(s.control+"/press?"+url.Values{"insole": {string(i)}, "kind": {what}}.Encode(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%s of %s: %s", what, i, resp.Status)
	}
}

type musterFile struct {
	Muster struct{ Muster, State string }
	Tally  struct{ Safe, NoAnswer, Unreachable, Help, Missing int }
	People []struct{ Worker, State, Why, Alarm, ByName string }
}

func (f musterFile) of(w insole.WorkerID) (one struct{ Worker, State, Why, Alarm, ByName string }) {
	for _, p := range f.People {
		if p.Worker == string(w) {
			return p
		}
	}
	return one
}

// A team is evacuated: the insoles that are connected answer, but for one whose wearer does not; nobody reaches the others. The tally is live; who has not answered has an alarm that
// pages; a late answer ends it; a supervisor finds somebody; the end.
func TestEvacuation(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	var walking []entry
	for i := range 4 {
		e := w.of(insole.SOLE, i)
		if _, err := hex.DecodeString(e.Key); err != nil {
			t.Fatal(err)
		}
		walking = append(walking, e)
	}
	sim := w.simulate(walking)
	until(t, "all four heard", func() bool {
		var b feed.Board
		claire.call("GET", "/api/board", nil, &b)
		n := 0
		for _, x := range b.Workers {
			for _, e := range walking {
				if x.Worker == string(e.Worker) && x.Live != nil {
					n++
				}
			}
		}
		return n == 4
	})
	stubborn, silent := walking[3], w.of(insole.SOLE, 4)
	sim.press(t, stubborn.Insole, "ignore")

	var reach struct{ People, Unreachable int }
	call := map[string]any{"muster": "e2e-fire", "mode": "evacuate", "team": night, "answerWithinS": 30, "drill": true, "note": "smoke in hall 3"}
	claire.call("POST", "/api/musters/reach", call, &reach)
	if reach.People < 8 || reach.Unreachable != reach.People-4 {
		t.Fatalf("it would reach %+v, want four who can be reached", reach)
	}
	began := time.Now()
	claire.call("POST", "/api/musters", call, nil)
	claire.call("POST", "/api/musters", call, nil) // a finger that was not sure
	answered := screen.wait(func(m feed.Message) bool {
		for _, c := range m.Changes {
			if c.Summons != nil && c.Summons.State == "safe" {
				return true
			}
		}
		return false
	})
	t.Logf("the first answer was on the screen %v after the call (%d changes in its message)", time.Since(began).Round(time.Millisecond), len(answered.Changes))
	file := func() (f musterFile) {
		claire.call("GET", "/api/musters/e2e-fire", nil, &f)
		return f
	}
	until(t, "three to have answered", func() bool { return file().Tally.Safe == 3 })
	if f := file(); f.Tally.NoAnswer != 1 || f.Tally.Unreachable != reach.Unreachable || len(f.People) != reach.People || f.of(stubborn.Worker).State != "waiting" {
		t.Errorf("before the deadline: %+v", f)
	}
	var marked struct{ State, ByName string }
	claire.call("POST", "/api/musters/e2e-fire/safe", map[string]string{"worker": string(silent.Worker)}, &marked)
	if marked.State != "safe" || marked.ByName == "" {
		t.Errorf("marked: %+v", marked)
	}

	until(t, "the deadline", func() bool { return file().Muster.State == "counted" })
	f := file()
	if f.Tally.Safe != 4 || f.Tally.Missing != reach.People-4 || f.of(silent.Worker).Alarm != "" {
		t.Errorf("after the deadline: %+v", f)
	}
	var alarm struct{ Alarm feed.Alarm }
	claire.call("GET", "/api/alarms/"+f.of(stubborn.Worker).Alarm, nil, &alarm)
	if a := alarm.Alarm; a.Kind != "no-answer" || a.Priority != 1 || !a.Drill || a.State != "active" || a.Lat == nil {
		t.Errorf("the alarm: %+v", a)
	}
	until(t, "an SMS and an e-mail about who does not answer", func() bool {
		return len(w.about(alarm.Alarm.Reference, "sms")) > 0 && len(w.about(alarm.Alarm.Reference, "email")) > 0
	})

	sim.press(t, stubborn.Insole, "heed")
	until(t, "the late answer", func() bool {
		claire.call("GET", "/api/alarms/"+alarm.Alarm.ID, nil, &alarm)
		return alarm.Alarm.ReturnedAtMs > 0 && file().of(stubborn.Worker).State == "safe"
	})
	claire.call("POST", "/api/musters/e2e-fire/end", nil, nil)
	until(t, "the end", func() bool { return file().Muster.State == "ended" })
	if f := file(); f.Tally.Missing != reach.People-5 {
		t.Errorf("after the end: %+v", f.Tally)
	}
}
