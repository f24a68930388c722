package ingest_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/watchdog"
)

// Promise 5. Eight people press while three of ten calls to every service fail, before or after their effect: when it is over everybody has been
// paged, nobody was paged for nothing, and what came twice came with the same reference, because a reply was lost or the table could not be told.
func TestNoPageIsMissed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		faults  []standin.Fault
		repeats bool // may happen: a reply was lost
	}{
		{"refused", []standin.Fault{
			{Service: "dynamodb", Kind: standin.FaultRefuse, Probability: 0.3}, {Service: "sqs", Kind: standin.FaultRefuse, Probability: 0.3}, {Service: "sns", Kind: standin.FaultRefuse, Probability: 0.3},
		}, false},
		{"throttled", []standin.Fault{
			{Service: "dynamodb", Kind: standin.FaultThrottle, Probability: 0.3}, {Service: "sqs", Kind: standin.FaultThrottle, Probability: 0.3}, {Service: "sns", Kind: standin.FaultThrottle, Probability: 0.3},
		}, false},
		{"replies lost", []standin.Fault{
			{Service: "dynamodb", Kind: standin.FaultLostReply, Probability: 0.15}, {Service: "sqs", Kind: standin.FaultLostReply, Probability: 0.3}, {Service: "sns", Kind: standin.FaultLostReply, Probability: 0.3},
			{Service: "dynamodb", Kind: standin.FaultRefuse, Probability: 0.15},
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			steps := w.alarm.Engine.Steps
			raiser := &alarm.Raiser{Store: w.store, Teams: w.store, Steps: steps, Topics: w.alarm.Engine.Publisher.Topic, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)}
			dog := &watchdog.Handler{Store: w.store, Engine: w.alarm.Engine, Alarms: raiser, LostFactor: 1000, LostMinimum: 1000 * time.Hour, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)}
			if err := w.srv.SetFaults(tt.faults...); err != nil {
				t.Fatal(err)
			}
			const people = 8
			left := map[string]events.SQSMessage{}
			for i := range people {
				f := w.frame(w.record(insole.KindSOS))
				f.Insole, f.Worker, f.WorkerName = insole.ID(fmt.Sprintf("%016x", i+1)), insole.WorkerID(fmt.Sprintf("w%d", i)), fmt.Sprintf("Worker %d", i)
				m := w.message(f)
				left[m.MessageId] = m
			}
			for range 40 { // minutes
				var batch []events.SQSMessage
				for _, m := range left {
					batch = append(batch, m)
				}
				if len(batch) > 0 {
					failed := map[string]bool{}
					for _, id := range w.tell(batch...) {
						failed[id] = true
					}
					for _, m := range batch {
						if !failed[m.MessageId] {
							delete(left, m.MessageId)
						}
					}
				}
				// Whatever fails here is there again in a minute.
				_ = dog.HandleSchedule(t.Context(), nil)
				w.clock.Advance(time.Minute)
				if len(left) == 0 && w.clock.Now().Sub(noon) > 9*time.Minute {
					break
				}
			}
			if err := w.srv.SetFaults(); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Minute)
			if err := dog.HandleSchedule(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if len(left) > 0 {
				t.Fatalf("%d presses are still not stored", len(left))
			}
			open := w.open()
			if len(open) != people {
				t.Fatalf("%d open alarms, want %d", len(open), people)
			}
			got := map[string]int{} // reader and reference
			for _, n := range w.outbox() {
				for _, a := range open {
					if strings.Contains(n.Text, a.ID.Reference()) {
						got[n.To+" "+string(a.ID)]++
					}
				}
			}
			tries, pages := 0, 0
			for _, a := range open {
				f, err := w.store.GetAlarmFile(t.Context(), "acme", a.ID)
				if err != nil {
					t.Fatal(err)
				}
				for _, who := range []string{"+33600000001", "claire@example.com", "+33600000002"} {
					if got[who+" "+string(a.ID)] == 0 {
						t.Errorf("%s was never paged about %s: %+v", who, a.ID, f.Pages)
					}
				}
				for _, p := range f.Pages {
					tries += p.Tries
					if p.State == insole.PageAccepted {
						pages++
					}
				}
				if a.NextStepAt.IsZero() || a.State != insole.Active {
					t.Errorf("alarm %s is %s with its next step at %v", a.ID, a.State, a.NextStepAt)
				}
			}
			sent := len(w.outbox())
			emergency := 0
			for _, n := range w.outbox() {
				if n.Topic != "" && !strings.Contains(n.Text, "Référence") {
					emergency++ // by the topic, without the table
				}
			}
			repeats := sent - emergency - pages
			t.Logf("%d notices: %d pages accepted at %d tries, %d without the table, %d repeats", sent, pages, tries, emergency, repeats)
			if !tt.repeats && repeats != 0 {
				t.Errorf("%d repeats though no reply was lost", repeats)
			}
			if repeats > tries-pages {
				t.Errorf("%d repeats, more than were tried again", repeats)
			}
		})
	}
}
