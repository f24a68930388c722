package ingest_test

import (
	"testing"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

// An insole's answer ends its downlink and is noted once, whatever the insole repeats; the answer of another insole, or to nothing, is let go.
func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		result sole.Result
		want   string
	}{
		{sole.Done, "felt-taken"}, {sole.Confirmed, "felt-taken"}, {sole.Unable, "unable-taken"}, {sole.Unsupported, "unable-taken"},
	} {
		w := newWorld(t)
		w.must(w.message(w.frame(w.record(insole.KindSOS))))
		a := w.one()
		if _, err := w.desk.Take(t.Context(), "acme", a.ID, insole.User{ID: "claire", Name: "Claire M."}); err != nil {
			t.Fatal(err)
		}
		var order insole.Downlink
		for d, err := range w.store.Downlinks(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			order = d
		}
		stray := w.record(insole.KindAnswer)
		stray.Downlink, stray.Result = order.ID+1, sole.Done
		w.must(w.message(w.frame(stray)))
		if _, err := w.store.GetDownlink(t.Context(), marie, order.ID); err != nil {
			t.Fatalf("after the answer to another order: %v", err)
		}
		answer := w.record(insole.KindAnswer)
		answer.Downlink, answer.Result = order.ID, tt.result
		m := w.message(w.frame(answer))
		w.must(m)
		again := w.record(insole.KindAnswer) // told twice, it answers twice
		again.Downlink, again.Result = order.ID, tt.result
		w.must(m, w.message(w.frame(again)))
		f, err := w.store.GetAlarmFile(t.Context(), "acme", a.ID)
		if err != nil {
			t.Fatal(err)
		}
		var said []store.LogLine
		for _, l := range f.Log {
			if l.What != "raised" && l.What != "step" && l.What != "taken" {
				said = append(said, l)
			}
		}
		if len(said) != 1 || said[0].What != tt.want || said[0].Who != "wearer" {
			t.Errorf("result %d: the log says %+v, want %s once", tt.result, said, tt.want)
		}
	}
}
