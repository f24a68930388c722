package e2e

import (
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// The wearer feels it: somebody takes charge on the page, the insole is told over its open connection, and its answer is in the alarm's log.
func TestWearerFeelsIt(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	e := w.of(insole.SOLE, 0)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
	f.heard()
	seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })

	claire.call("POST", "/api/alarms/"+seen.ID+"/take", map[string]string{}, nil)
	began := time.Now()
	f.obey(sole.Taken, sole.Done)
	t.Logf("the wearer felt it %v after the answer to the supervisor", time.Since(began).Round(time.Millisecond))
	claire.logged(seen.ID, "felt-taken")

	claire.call("POST", "/api/alarms/"+seen.ID+"/resolve", map[string]string{"reason": "test", "note": ""}, nil)
	f.obey(sole.Cancelled, sole.Unable)
	claire.logged(seen.ID, "unable-cancelled")
	screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "resolved" && a.Version > seen.Version+3 })
}

// obey waits for an order, which must be want, and answers it.
func (f *foot) obey(want sole.Command, result sole.Result) {
	f.t.Helper()
	d, err := sole.ParseDownlink(f.read(sole.TypeDownlink, true).Body)
	if err != nil || d.Command != want {
		f.t.Fatalf("order %+v, %v, want command %d", d, err, want)
	}
	f.say(sole.Record{Kind: insole.KindAnswer, At: time.Now(), Downlink: d.ID, Result: result})
	f.heard()
}

// logged waits until the alarm's log says what, and fails when it says it more than once.
func (p *person) logged(alarm, what string) {
	p.t.Helper()
	until(p.t, "the log to say "+what, func() bool {
		var file struct{ Log []struct{ What string } }
		p.call("GET", "/api/alarms/"+alarm, nil, &file)
		n := 0
		for _, l := range file.Log {
			if l.What == what {
				n++
			}
		}
		if n > 1 {
			p.t.Errorf("the log says %s %d times", what, n)
		}
		return n > 0
	})
}
