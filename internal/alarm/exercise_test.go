package alarm_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

// An evacuation in earnest, while the alarm of an exercise about the same worker is open and somebody has charge of that: it pages, and is no exercise any more.
func TestExerciseBecomesEarnest(t *testing.T) {
	w := newWorld(t)
	c := causeOf(insole.AlarmNoAnswer, "muster@drill")
	c.Drill = true
	a := w.raise(c)
	w.run(time.Second)
	if _, err := w.desk.Take(t.Context(), "acme", a.ID, paul); err != nil {
		t.Fatal(err)
	}
	before := len(w.phone.list())
	w.clock.Advance(time.Minute)
	b := w.raise(causeOf(insole.AlarmNoAnswer, "muster@fire"))
	w.run(time.Second)
	got := w.get(b.ID).Alarm
	if got.ID != a.ID || got.Drill || got.State != insole.Active || got.Owner != "" || !got.RaisedAt.Equal(w.clock.Now().Add(-time.Second)) {
		t.Errorf("in earnest: %+v", got)
	}
	if sent := w.phone.list(); len(sent) <= before {
		t.Errorf("pages %q; nobody was told that it is in earnest", sent)
	}
	// An exercise during the real thing changes nothing.
	c.ID, c.Key = insole.NewAlarmID("acme", "marie", insole.AlarmNoAnswer, "muster@drill2"), "muster@drill2"
	if w.raise(c); w.get(a.ID).Alarm.Drill {
		t.Error("an exercise made the real thing one")
	}
}

// What is true is no part of an exercise: it is not taken with it, neither when it is raised nor when somebody takes charge of the exercise.
func TestExerciseTakesNothingAlong(t *testing.T) {
	for _, takenFirst := range []bool{true, false} {
		w := newWorld(t)
		c := causeOf(insole.AlarmNoAnswer, "muster@drill")
		c.Drill = true
		drill := w.raise(c)
		take := func() {
			if _, err := w.desk.Take(t.Context(), "acme", drill.ID, paul); err != nil {
				t.Fatal(err)
			}
		}
		if takenFirst {
			take()
		}
		lost := w.raise(causeOf(insole.AlarmLostContact, "k1"))
		if !takenFirst {
			take()
		}
		if got := w.get(lost.ID).Alarm; got.State != insole.Active || got.Incident != lost.ID {
			t.Errorf("exercise taken first %v: contact lost is %s, part of %s", takenFirst, got.State, got.Incident)
		}
	}
}
