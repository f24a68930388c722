package ingest_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// Only the gesture answers a muster, told once or twice; an SOS meanwhile is an SOS.
func TestMusterAnswer(t *testing.T) {
	for _, tt := range []struct {
		result sole.Result
		state  insole.SummonsState
		why    insole.Unreached
		felt   bool
	}{
		{sole.Confirmed, insole.SummonsSafe, "", true},
		{sole.Done, insole.SummonsWaiting, "", true},
		{sole.Unable, insole.SummonsWaiting, insole.CannotDo, false},
		{sole.Unsupported, insole.SummonsWaiting, insole.CannotDo, false},
	} {
		w := newWorld(t)
		ctx := t.Context()
		row := insole.Summons{Org: "acme", Muster: "fire", Worker: "marie", Insole: marie, State: insole.SummonsWaiting, Version: 1}
		m := insole.Muster{Org: "acme", ID: "fire", Mode: insole.RollCall, Team: "north", State: insole.MusterWaiting, AskedAt: w.clock.Now(), Within: time.Minute, Version: 1}
		order, ok := row.Order(m)
		if !ok {
			t.Fatal("no order for marie")
		}
		if err := w.store.Summon(ctx, []insole.Summons{row}, []insole.Downlink{order}); err != nil {
			t.Fatal(err)
		}
		w.must(w.message(w.frame(w.record(insole.KindSOS))))
		if a := w.one(); a.Kind != insole.AlarmSOS || a.State != insole.Active {
			t.Errorf("an SOS meanwhile: %+v", a)
		}
		if got, err := w.store.GetSummons(ctx, "acme", "fire", "marie"); err != nil || got.State != insole.SummonsWaiting {
			t.Errorf("an SOS answers a roll-call: %+v, %v", got, err)
		}
		for range 2 {
			answer := w.record(insole.KindAnswer)
			answer.Downlink, answer.Result = order.ID, tt.result
			w.must(w.message(w.frame(answer)))
		}
		got, err := w.store.GetSummons(ctx, "acme", "fire", "marie")
		if err != nil || got.State != tt.state || got.Why != tt.why || got.FeltAt.IsZero() == tt.felt || got.Version != 2 {
			t.Errorf("result %d: %+v, %v", tt.result, got, err)
		}
		d, err := w.store.GetDownlink(ctx, marie, order.ID)
		if waits := err == nil && w.clock.Now().Before(d.EndsAt); waits {
			t.Errorf("result %d: the order is given again: %+v", tt.result, d)
		}
	}
}
