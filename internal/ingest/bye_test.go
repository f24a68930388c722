package ingest_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
)

// The last that is heard of an insole is its bye, whatever order and however often it is told; heard again, it is back. Nobody is alarmed.
func TestBye(t *testing.T) {
	w := newWorld(t)
	away := func(want bool) {
		t.Helper()
		l, err := w.store.GetLive(t.Context(), "acme", marie)
		if err != nil || l.State.Away() != want {
			t.Errorf("away = %v: %v; %+v", l.State.Away(), err, l.State)
		}
	}
	early := w.message(w.frame(w.record(insole.KindFix)))
	w.clock.Advance(time.Second)
	bye := w.message(queue.Frame{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", HeardAtMs: w.clock.Now().UnixMilli(), Bye: true})
	w.must(bye)
	away(true)
	w.must(early)
	away(true)
	w.clock.Advance(time.Minute)
	w.must(w.message(w.frame(w.record(insole.KindFix))))
	away(false)
	w.must(bye)
	away(false)
	if open := w.open(); len(open) > 0 {
		t.Errorf("raised %+v", open)
	}
}
