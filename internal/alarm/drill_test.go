package alarm_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/tally"
)

// A drill goes the way of an SOS, is answered by link, and is in no number of the month; a true SOS of the same worker meanwhile is its own alarm.
func TestDrill(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	marie := insole.Worker{Org: "acme", ID: "marie", Team: "north", Name: "Marie D.", Insole: "00a1b2c3d4e5f607"}
	by := insole.User{Org: "acme", ID: "u1", Name: "Sam", Role: insole.Supervisor}
	a, raised, err := w.raiser.Drill(ctx, marie, by, "monthly", "fr", nil)
	if err != nil || !raised || a.Kind != insole.AlarmDrill || !a.Drill || a.State != insole.Active || a.Note != "monthly" || a.Kind.Priority() != 1 {
		t.Fatalf("Drill = %+v, %v, %v", a, raised, err)
	}
	if again, raised, err := w.raiser.Drill(ctx, marie, by, "", "fr", nil); err != nil || raised || again.ID != a.ID {
		t.Errorf("a second one at once = %s, %v, %v, want the first", again.ID, raised, err)
	}
	w.run(time.Minute)
	w.sent("claire by email @1", "claire by sms @1")
	w.run(2 * time.Minute)
	w.sent("claire by email @1", "claire by sms @1", "paul by sms @2")

	sos := w.raise(cause("b1-1"))
	if sos.ID == a.ID || sos.Drill || sos.Kind != insole.AlarmSOS {
		t.Errorf("a true SOS became %+v", sos)
	}

	taken, err := w.desk.Answer(ctx, w.phone.link["claire by sms @1"], insole.AnswerTake)
	if err != nil || taken.Alarm.OwnerName != "Claire M." {
		t.Fatalf("Answer = %+v, %v", taken.Alarm, err)
	}
	drills, err := w.store.Drills(ctx, "acme")
	if d := drills["north"]; err != nil || len(drills) != 1 || !d.At.Equal(noon) || d.Took != 3*time.Minute || d.By != "Claire M." || d.Alarm != a.ID {
		t.Errorf("Drills = %+v, %v", drills, err)
	}
	done, err := w.desk.Resolve(ctx, "acme", a.ID, by, insole.ReasonReal, "well done")
	if err != nil || done.Reason != insole.ReasonDrill {
		t.Errorf("resolved as %q, %v: a drill is one", done.Reason, err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, by, insole.ReasonReal, "well done"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for d, err := range w.store.Downlinks(ctx) {
		if err != nil || d.Alarm == a.ID {
			t.Errorf("the wearer, who has not pressed, would feel %+v, %v", d, err)
		}
	}
	r := tally.Of(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), []store.AlarmFile{w.get(a.ID)}, nil, w.clock.Now())
	if r.All.Ended != 1 || r.All.Exercises != 1 || r.All.Needed != 0 || r.All.Take.N != 0 || r.All.FalseRate != nil {
		t.Errorf("report %+v", r.All)
	}
}
