package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/wire/sole"
)

// From the first byte on the wire to the message in the browser's socket, through every program of the system.
func BenchmarkSOSToScreen(b *testing.B) {
	w := start(b, nil)
	claire := signIn(b, w.Web, supervisor, password)
	screen := claire.open(b.Context())
	var feet []*foot
	for n := range 8 {
		e := w.of(insole.SOLE, n)
		feet = append(feet, connectSOLE(b, w.Insoles, e.Insole, e.Key))
	}
	var took, acked, resolved []time.Duration
	for i := 0; b.Loop(); i++ {
		f := feet[i%len(feet)]
		began := time.Now()
		f.say(sole.Record{Kind: insole.KindSOS, At: began, Fix: here(43.6163, 7.0552)})
		f.heard()
		acked = append(acked, time.Since(began))
		a := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(f.id) && a.State == "active" })
		took = append(took, time.Since(began))
		b.StopTimer()
		began = time.Now()
		claire.call("POST", "/api/alarms/"+a.ID+"/resolve", map[string]string{"reason": "test", "note": "benchmark"}, nil)
		screen.alarm(func(x feed.Alarm) bool { return x.ID == a.ID && x.State == "resolved" })
		resolved = append(resolved, time.Since(began))
		b.StartTimer()
	}
	report(b, "acked", acked)
	report(b, "screen", took)
	report(b, "resolved", resolved)
}

// The same for plain positions of an insole that never stops talking, with the linger of one second that make run has: the linger is in the figure.
func BenchmarkFixToScreen(b *testing.B) {
	w := start(b, map[string]string{"BRIDGE_LINGER": "1s"})
	claire := signIn(b, w.Web, supervisor, password)
	screen := claire.open(b.Context())
	e := w.of(insole.SOLE, 0)
	f := connectSOLE(b, w.Insoles, e.Insole, e.Key)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		f.say(sole.Record{Kind: insole.KindFix, At: began, Fix: here(43.6163+float64(i)*1e-4, 7.0552)})
		lat := 43.6163 + float64(i)*1e-4
		screen.wait(func(m feed.Message) bool {
			return slices.ContainsFunc(m.Changes, func(c feed.Change) bool {
				return c.Live != nil && c.Live.Insole == string(e.Insole) && c.Live.Lat != nil && *c.Live.Lat > lat-1e-6
			})
		})
		took = append(took, time.Since(began))
		f.heard()
	}
	report(b, "screen", took)
}

func report(b *testing.B, what string, all []time.Duration) {
	slices.Sort(all)
	at := func(p float64) float64 {
		return float64(all[min(len(all)-1, int(p*float64(len(all))))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.50), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
	line, _ := json.Marshal(map[string]any{"what": what, "n": len(all), "p50ms": at(0.5), "p90ms": at(0.9), "p99ms": at(0.99)})
	fmt.Println(string(line))
}

// From the first byte on the wire to a page that SNS has accepted, through every program of the system; with the table there, and with the table away.
func BenchmarkSOSToPage(b *testing.B) {
	for _, tt := range []struct {
		name   string
		faults []standin.Fault
	}{
		{"healthy", nil},
		{"table away", []standin.Fault{{Service: "dynamodb", Kind: standin.FaultRefuse}}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := start(b, nil)
			claire := signIn(b, w.Web, supervisor, password)
			notices, stop := w.Standin.Outbox().Subscribe()
			defer stop()
			var feet []*foot
			var worn []entry
			for n := range 8 {
				e := w.of(insole.SOLE, n)
				feet, worn = append(feet, connectSOLE(b, w.Insoles, e.Insole, e.Key)), append(worn, e)
			}
			w.faults(tt.faults...)
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				f, e := feet[i%len(feet)], worn[i%len(feet)]
				began := time.Now()
				key := f.say(sole.Record{Kind: insole.KindSOS, At: began, Fix: here(43.6163, 7.0552)})
				id := insole.NewAlarmID("demo", e.Worker, insole.AlarmSOS, key)
				for n := range notices {
					if strings.Contains(n.Subject+n.Text, id.Reference()) {
						took = append(took, time.Since(began))
						break
					}
				}
				f.heard()
				if tt.faults == nil {
					b.StopTimer()
					claire.call("POST", "/api/alarms/"+string(id)+"/resolve", map[string]string{"reason": "test", "note": "benchmark"}, nil)
					b.StartTimer()
				}
			}
			w.faults()
			report(b, "page", took)
		})
	}
}
