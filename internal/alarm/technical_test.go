package alarm_test

import (
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
)

func TestTechnical(t *testing.T) {
	w := newWorld(t)
	f := insole.Fault{Org: insole.Org{ID: "acme", Locale: "en", Operators: "north"}, Part: "watchdog", What: "Watchdog stopped", Since: noon.Add(-4 * time.Minute), Who: "ingest"}
	for i := range 2 { // told by two who noticed
		raised, err := w.raiser.Technical(t.Context(), f)
		if err != nil || raised != (i == 0) {
			t.Fatalf("time %d: raised %v, error %v", i+1, raised, err)
		}
	}
	open, err := w.desk.Open(t.Context(), "acme")
	if err != nil || len(open) != 1 {
		t.Fatalf("open alarms %v, error %v, want one", open, err)
	}
	a := open[0]
	if part, ok := insole.PartOf(a.Worker); a.Kind != insole.AlarmTechnical || a.Insole != "" || !ok || part != "watchdog" || a.WorkerName != "Watchdog stopped" || a.State != insole.Active {
		t.Errorf("alarm %+v", a)
	}
	w.run(time.Second)
	w.sent("claire by sms @1", "claire by email @1")

	if err := w.raiser.Works(t.Context(), "acme", "watchdog", noon); err != nil {
		t.Fatal(err)
	}
	if a := w.get(a.ID).Alarm; a.ReturnedAt.IsZero() || !a.State.Open() {
		t.Errorf("it works again: %+v, want an open alarm that is back to normal", a)
	}
	if err := w.raiser.Works(t.Context(), "acme", "bridge", noon); err != nil {
		t.Errorf("a part without an alarm: %v", err)
	}
}

// An org that names no operators sees the alarm, and the alarm does not write for ever.
func TestTechnicalWithoutOperators(t *testing.T) {
	w := newWorld(t)
	w.team = insole.Team{} // there is none of the name ""
	f := insole.Fault{Org: insole.Org{ID: "acme", Locale: "en"}, Part: "bridge", What: "Bridge away", Since: noon, Who: "watchdog"}
	if raised, err := w.raiser.Technical(t.Context(), f); err != nil || !raised {
		t.Fatalf("raised %v, error %v", raised, err)
	}
	w.run(time.Second)
	w.sent()
	open, err := w.desk.Open(t.Context(), "acme")
	if err != nil || len(open) != 1 {
		t.Fatalf("open alarms %v, error %v, want one", open, err)
	}
	if wait := open[0].NextStepAt.Sub(noon); wait != alarm.NobodysRepeat {
		t.Errorf("looked at again after %v, want %v", wait, alarm.NobodysRepeat)
	}
}
