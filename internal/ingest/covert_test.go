package ingest_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

// A wearer who is made to cancel does it covertly: from the bytes on, the pre-alarm goes on to its deadline beside the silent call, an open
// cancel after it ends the pre-alarm alone, and whoever takes charge of both orders nothing that could be felt.
func TestCovertCancel(t *testing.T) {
	for _, forced := range []bool{false, true} {
		w := newWorld(t)
		pre := w.record(insole.KindPreAlarm)
		pre.PreAlarm, pre.About = 30*time.Second, insole.KindFall
		w.must(w.message(w.frame(pre)))
		w.clock.Advance(10 * time.Second)
		w.must(w.message(w.frame(w.record(insole.KindCovertSOS))))
		if forced { // and is made to press the true one as well
			cancel := w.record(insole.KindPreAlarmCancel)
			cancel.About = insole.KindFall
			w.must(w.message(w.frame(cancel)))
		}
		w.clock.Advance(time.Minute)
		w.steps()
		states := map[insole.AlarmKind]insole.AlarmState{}
		for _, a := range w.open() {
			states[a.Kind] = a.State
			if _, err := w.desk.Take(t.Context(), "acme", a.ID, insole.User{ID: "claire", Name: "Claire M."}); err != nil {
				t.Error(err)
			}
		}
		want := map[insole.AlarmKind]insole.AlarmState{insole.AlarmCovertSOS: insole.Active, insole.AlarmFall: insole.Active}
		if forced {
			delete(want, insole.AlarmFall)
		}
		if len(states) != len(want) || states[insole.AlarmCovertSOS] != want[insole.AlarmCovertSOS] || states[insole.AlarmFall] != want[insole.AlarmFall] {
			t.Errorf("forced %v: open %v, want %v", forced, states, want)
		}
		for d, err := range w.store.Downlinks(t.Context()) {
			t.Errorf("forced %v: ordered %+v, %v", forced, d, err)
		}
	}
}
