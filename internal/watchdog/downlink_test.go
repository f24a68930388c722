package watchdog_test

import (
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
)

// What no insole answers within ten minutes is noted as unreachable, once.
func TestUnfelt(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := alarm.Cause{ID: insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "k"), Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.",
		Insole: marie, Kind: insole.AlarmSOS, Key: "k", SentAt: noon, Press: true, Confirmed: true, Who: "wearer"}
	if _, _, err := w.raiser.Raise(ctx, c); err != nil {
		t.Fatal(err)
	}
	desk := &alarm.Desk{Store: w.store, Steps: w.raiser.Steps, Now: w.clock.Now}
	if _, err := desk.Take(ctx, "acme", c.ID, insole.User{ID: "claire"}); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		f, err := w.store.GetAlarmFile(ctx, "acme", c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range f.Log {
			if l.What == "unreachable-taken" {
				n++
			}
		}
		return n
	}
	w.clock.Advance(insole.DownlinkLife - time.Second)
	w.run()
	if n := count(); n != 0 {
		t.Errorf("before its time is over it is noted %d times", n)
	}
	w.clock.Advance(time.Second)
	w.run()
	w.run()
	if n := count(); n != 1 {
		t.Errorf("noted %d times, want once", n)
	}
	for d, err := range w.store.Downlinks(ctx) {
		t.Errorf("left: %+v, %v", d, err)
	}
}
