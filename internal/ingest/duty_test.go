package ingest_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"solewatch/internal/checkin"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

type noLooks struct{}

func (noLooks) Look(context.Context, insole.OrgID, insole.WorkerID, time.Time, time.Duration) error {
	return nil
}

// asked is newWorld with a worker of their own, whose shift begins by by, asked every half hour.
func asked(t *testing.T, by insole.ShiftBy) (*world, *checkin.Engine) {
	t.Helper()
	w := newWorld(t)
	w.edit(store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: "marie", Team: "north", Name: "Marie D.", Insole: marie, ShiftBy: by}}),
		store.PutInsole(store.Kept[store.InsoleRef]{Value: store.InsoleRef{Org: "acme", ID: marie, Dialect: insole.SOLE, Team: "north", Worker: "marie"}},
			insole.Assignment{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Locale: "fr", Key: make([]byte, 32), ShiftBy: by}))
	e := &checkin.Engine{Store: w.store, Alarms: w.ingest.Alarms, Steps: noLooks{}, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)}
	w.ingest.CheckIns = e
	_, err := e.Said(t.Context(), "acme", "marie", func(c insole.CheckIns, wr checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return checkin.Asked(c, wr, now, 30*time.Minute, 5*time.Minute, 5*time.Minute, false, checkin.Who{}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, e
}

func (w *world) state() rules.State {
	w.Helper()
	l, err := w.store.GetLive(w.Context(), "acme", marie)
	if err != nil {
		w.Fatal(err)
	}
	return l.State
}

// A missed check-in, then one from the backlog: it counts from when it was sent, and told twice it is told once.
func TestCheckInFromBacklog(t *testing.T) {
	w, e := asked(t, insole.ByNothing)
	w.clock.Advance(28 * time.Minute)
	late := w.record(insole.KindCheckIn) // said now, heard later
	for range 3 {
		w.clock.Advance(4 * time.Minute)
		if _, err := e.Advance(t.Context(), "acme", "marie"); err != nil {
			t.Fatal(err)
		}
	}
	a := w.one()
	if a.Kind != insole.AlarmMissedCheckIn || !a.ReturnedAt.IsZero() {
		t.Fatalf("alarm %+v", a)
	}
	m := w.message(w.frame(late))
	w.must(m, m)
	if a = w.one(); a.ReturnedAt.IsZero() {
		t.Error("not back to normal")
	}
	c, err := w.store.GetCheckIns(t.Context(), "acme", "marie")
	if err != nil || !c.LastAt.Equal(noon.Add(28*time.Minute)) || !c.DueAt.Equal(noon.Add(58*time.Minute)) {
		t.Errorf("check-ins %+v, %v", c, err)
	}
	before := c.Version
	w.must(m)
	if c, _ = w.store.GetCheckIns(t.Context(), "acme", "marie"); c.Version != before {
		t.Error("told again, written again")
	}
}

// Whoever's shift begins by walking is nowhere until they have walked to work, and again when the insole is on its charger.
func TestShiftByWalking(t *testing.T) {
	w, _ := asked(t, insole.ByWalking)
	say := func(p insole.Posture, charging bool) {
		t.Helper()
		r := w.record(insole.KindFix)
		r.Fix, r.Posture = w.fix(), p
		r.Battery = &insole.Battery{Percent: 80, Charging: charging}
		w.must(w.message(w.frame(r)))
		w.clock.Advance(time.Minute)
	}
	say(insole.Sitting, false)
	say(insole.Walking, false)
	say(insole.Walking, false)
	if s := w.state(); s.Fix != nil || s.Posture != "" || s.Walk.Since.IsZero() {
		t.Fatalf("before work: fix %+v, posture %q, walk %+v", s.Fix, s.Posture, s.Walk)
	}
	say(insole.Walking, false) // the third minute: the shift has begun with this report, and the next is kept
	c, err := w.store.GetCheckIns(t.Context(), "acme", "marie")
	if err != nil || !c.Shift.Lasts() || !c.Shift.Since.Equal(noon.Add(time.Minute)) || c.DueAt.IsZero() {
		t.Fatalf("the shift: %+v, %v", c, err)
	}
	say(insole.Standing, false)
	if s := w.state(); s.Fix == nil || s.MovedAt.IsZero() || !s.Walk.Since.IsZero() {
		t.Fatalf("at work: %+v", s)
	}
	at := w.state().Fix.At
	say(insole.Standing, true) // on the charger
	say(insole.Walking, false)
	if c, _ = w.store.GetCheckIns(t.Context(), "acme", "marie"); c.Shift.Lasts() {
		t.Errorf("on the charger: %+v", c.Shift)
	}
	say(insole.Sitting, false)
	if s := w.state(); s.Fix.At.After(at.Add(time.Minute)) {
		t.Errorf("after work a position of %v is known, the shift's last is of %v", s.Fix.At, at)
	}
}
