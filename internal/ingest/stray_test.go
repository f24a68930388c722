package ingest_test

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// Five frames within an hour that nobody understands are a technical alarm under the wearer's name, once, however often they are told; an hour without
// any, and it is over. What else the insole says arrives meanwhile.
func TestManyStrays(t *testing.T) {
	w := newWorld(t)
	w.must(w.message(w.frame(w.record(insole.KindFix))))
	for i := range 6 {
		w.clock.Advance(time.Minute)
		f := w.frame()
		f.Raw = []byte{byte(i), 0xff, 0xff}
		m := w.message(f)
		w.must(m)
		w.must(m)
		if n := len(w.open()); i < 4 && n != 0 || i >= 4 && n != 1 {
			t.Fatalf("after %d strays %d alarms are open", i+1, n)
		}
	}
	a := w.one()
	if a.Kind != insole.AlarmTechnical || a.Worker != "marie" || a.WorkerName != "Marie D." || a.Guess != insole.GuessGarbled || a.Rank() != 3 || a.State != insole.Active {
		t.Errorf("raised %+v", a)
	}
	w.steps()
	if out := w.outbox(); len(out) == 0 || !strings.Contains(out[0].Text, "Marie D.") {
		t.Errorf("paged %+v", out)
	}
	w.clock.Advance(time.Hour)
	w.must(w.message(w.frame(w.record(insole.KindFix))))
	if a := w.one(); a.ReturnedAt.IsZero() {
		t.Errorf("an hour without a stray: %+v", a)
	}
}

// An insole of which nothing was ever understood is not taken for one that has fallen silent.
func TestStraysOnly(t *testing.T) {
	w := newWorld(t)
	f := w.frame()
	f.Raw = []byte{0xff}
	w.must(w.message(f))
	l, err := w.store.GetLive(t.Context(), "acme", marie)
	if err != nil || !l.State.HeardAt.IsZero() || l.State.Strays.N != 1 {
		t.Errorf("live %+v: %v", l.State, err)
	}
}

// A call for help beside a frame that nobody understands.
func TestStrayAndHelp(t *testing.T) {
	w := newWorld(t)
	bad := w.frame()
	bad.Raw = []byte{0xff}
	w.must(w.message(bad, w.frame(w.record(insole.KindSOS))))
	if a := w.one(); a.Kind != insole.AlarmSOS {
		t.Errorf("raised %+v", a)
	}
}

// A clock that is wrong for hours, through the real decoder.
func TestClockWrong(t *testing.T) {
	w := newWorld(t)
	say := func(off time.Duration) {
		r := w.record(insole.KindStatus)
		r.At = r.At.Add(off)
		w.must(w.message(w.frame([]sole.Record{r}...)))
		w.clock.Advance(time.Hour)
	}
	for range 5 {
		say(time.Hour)
	}
	if a := w.one(); a.Kind != insole.AlarmTechnical || a.Guess != insole.GuessClock || a.Insole != marie {
		t.Errorf("raised %+v", a)
	}
	say(0)
	if a := w.one(); a.ReturnedAt.IsZero() {
		t.Errorf("the clock is right: %+v", a)
	}
}
