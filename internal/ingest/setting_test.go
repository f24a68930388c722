package ingest_test

import (
	"context"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// set changes what Marie's team says of its alarms. It is in force a minute later at the latest.
func (w *world) set(s insole.Settings) {
	w.Helper()
	k, err := w.store.KeptTeam(w.Context(), "acme", "north")
	if err != nil {
		w.Fatal(err)
	}
	k.Value.Settings = s
	k.Version++
	w.edit(store.PutTeam(k))
	w.clock.Advance(time.Minute)
}

// From the table to the alarm, in a process that has just begun: what is off raises nothing and is in the history, priority and pre-alarm are the team's.
func TestSettingsOfATeam(t *testing.T) {
	w := newWorld(t)
	w.set(insole.Settings{
		insole.AlarmTakenOff: {Off: true}, insole.AlarmStill: {Priority: 2}, insole.AlarmLowBattery: {Percent: 30}, insole.AlarmFall: {PreAlarm: 45 * time.Second},
	})
	off := w.record(insole.KindTakenOff)
	off.Fix = w.fix()
	w.must(w.message(w.frame(off)))
	if got := w.kinds(); got != "" {
		t.Errorf("what is off raises %s", got)
	}
	points, err := w.store.Positions(t.Context(), "acme", "marie", marie, noon, noon.Add(time.Hour))
	if err != nil || len(points) != 1 || points[0].Kind != insole.KindTakenOff {
		t.Errorf("history has %+v, %v; want taken-off", points, err)
	}
	at := w.clock.Now()
	w.must(w.message(w.frame(w.pre())))
	if a := w.one(); a.Kind != insole.AlarmFall || !a.Deadline.Equal(at.Add(45*time.Second)) || a.Priority != 1 {
		t.Errorf("pre-alarm %+v, want until 45 s after %v", a, at)
	}
	w.must(w.message(w.frame(w.record(insole.KindStill))))
	r := w.record(insole.KindFix)
	r.Fix, r.Battery = w.fix(), &insole.Battery{Percent: 29}
	w.must(w.message(w.frame(r)))
	w.must(w.message(w.frame(w.record(insole.KindSOS))))
	ranks := map[insole.AlarmKind]int{}
	for _, a := range w.open() {
		ranks[a.Kind] = a.Priority
	}
	if len(ranks) != 4 || ranks[insole.AlarmSOS] != 1 || ranks[insole.AlarmStill] != 2 || ranks[insole.AlarmLowBattery] != 3 {
		t.Errorf("priorities %v", ranks)
	}
}

// A table whose teams cannot be read by ingest.
type noTeams struct {
	*store.Store
	away  bool
	asked int
}

func (s *noTeams) Team(ctx context.Context, o insole.OrgID, t insole.TeamID) (insole.Team, error) {
	s.asked++
	if s.away {
		return insole.Team{}, insole.ErrAway
	}
	return s.Store.Team(ctx, o, t)
}

// Settings are read once a minute by calm reports and never by a call for help; while they cannot be read, the defaults or what is remembered holds.
func TestSettingsAreNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.set(insole.Settings{insole.AlarmLowBattery: {Percent: 30}})
	table := &noTeams{Store: w.store, away: true}
	w.ingest.Store = table
	w.must(w.message(w.frame(w.record(insole.KindSOS))))
	if table.asked != 0 || w.kinds() != "sos" {
		t.Errorf("help asked for settings %d times, raised %s", table.asked, w.kinds())
	}
	low := func() {
		r := w.record(insole.KindFix)
		r.Fix, r.Battery = w.fix(), &insole.Battery{Percent: 29}
		w.clock.Advance(10 * time.Second)
		w.must(w.message(w.frame(r)))
	}
	low()
	if table.asked != 1 || w.kinds() != "sos" {
		t.Errorf("asked %d times; without settings: %s", table.asked, w.kinds())
	}
	table.away = false
	low()
	if w.kinds() != "low-battery, sos" {
		t.Errorf("with settings: %s", w.kinds())
	}
	table.asked = 0
	for range 30 { // five minutes
		low()
	}
	if table.asked < 4 || table.asked > 6 {
		t.Errorf("read %d times in five minutes", table.asked)
	}
}
