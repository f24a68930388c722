package alarm_test

import (
	"slices"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
)

const sole1, tracker insole.ID = "00a1b2c3d4e5f607", "352093081452251"

// What is felt, change by change; for no kind but those that the wearer knows of.
func TestFelt(t *testing.T) {
	at := func(s insole.AlarmState, taken, ended time.Time) insole.Alarm {
		return insole.Alarm{ID: "a", Org: "acme", Insole: sole1, Kind: insole.AlarmSOS, State: s, TakenAt: taken, EndedAt: ended}
	}
	var never time.Time
	later := noon.Add(time.Minute)
	for _, tt := range []struct {
		name          string
		before, after insole.Alarm
		give, back    string
	}{
		{"taken", at(insole.Active, never, never), at(insole.Taken, noon, never), "taken", ""},
		{"a pre-alarm taken", at(insole.Pending, never, never), at(insole.Taken, noon, never), "taken", ""},
		{"taken over", at(insole.Taken, noon, never), at(insole.Taken, later, never), "taken", ""},
		{"a note of its owner", at(insole.Taken, noon, never), at(insole.Taken, noon, never), "", ""},
		{"lapsed, or pressed again", at(insole.Taken, noon, never), at(insole.Active, never, never), "", "taken"},
		{"resolved by its owner", at(insole.Taken, noon, never), at(insole.Resolved, noon, later), "cancelled", ""},
		{"resolved untaken", at(insole.Active, never, never), at(insole.Resolved, never, later), "cancelled", ""},
		{"a note after its end", at(insole.Resolved, noon, later), at(insole.Resolved, noon, later), "", ""},
		{"cancelled by the wearer", at(insole.Pending, never, never), at(insole.Cancelled, never, later), "", ""},
		{"a step", at(insole.Active, never, never), at(insole.Active, never, never), "", ""},
	} {
		for _, k := range []insole.AlarmKind{
			insole.AlarmSOS, insole.AlarmFall, insole.AlarmStill, // felt
			insole.AlarmCovertSOS, insole.AlarmTakenOff, insole.AlarmLowBattery, insole.AlarmLostContact, // never
		} {
			give, back := tt.give, tt.back
			if slices.Index([]insole.AlarmKind{insole.AlarmSOS, insole.AlarmFall, insole.AlarmStill}, k) < 0 {
				give, back = "", ""
			}
			tt.before.Kind, tt.after.Kind = k, k
			gotGive, gotBack := alarm.Felt(tt.before, tt.after)
			if commands(gotGive) != give || commands(gotBack) != back {
				t.Errorf("%s, %s: give %q, withdraw %q; want %q, %q", tt.name, k, commands(gotGive), commands(gotBack), give, back)
			}
			if again, _ := alarm.Felt(tt.before, tt.after); !slices.Equal(again, gotGive) {
				t.Errorf("%s, %s: asked again it is %v, not %v", tt.name, k, again, gotGive)
			}
		}
	}
}

func commands(all []insole.Downlink) (out string) {
	for _, d := range all {
		out += string(d.Command)
	}
	return out
}

func (w *world) pending() []insole.Downlink {
	w.Helper()
	var out []insole.Downlink
	for d, err := range w.store.Downlinks(w.Context()) {
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b insole.Downlink) int { return a.MadeAt.Compare(b.MadeAt) })
	return out
}

// Through the desk: ordered once however often somebody takes, withdrawn when the wearer presses again, ordered anew, and at the end.
func TestWearerIsTold(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	a := w.raise(cause("k1"))
	for range 3 {
		if _, err := w.desk.Take(ctx, "acme", a.ID, claire); err != nil {
			t.Fatal(err)
		}
	}
	got := w.pending()
	if commands(got) != "taken" || got[0].Insole != sole1 || got[0].Alarm != a.ID || !got[0].EndsAt.Equal(noon.Add(insole.DownlinkLife)) {
		t.Fatalf("pending %+v", got)
	}
	first := got[0].ID
	w.clock.Advance(time.Minute)
	w.raise(cause("k2"))
	if got := w.pending(); len(got) != 0 {
		t.Errorf("pressed again: %+v still says that somebody is coming", got)
	}
	if _, err := w.desk.Take(ctx, "acme", a.ID, paul); err != nil {
		t.Fatal(err)
	}
	if got := w.pending(); commands(got) != "taken" || got[0].ID == first {
		t.Errorf("taken anew: pending %+v, want a new order", got)
	}
	w.run(21 * time.Minute) // paul's time is over
	if got := w.pending(); len(got) != 0 {
		t.Errorf("lapsed: %+v still says that somebody is coming", got)
	}
	for range 2 {
		if _, err := w.desk.Resolve(ctx, "acme", a.ID, claire, insole.ReasonReal, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.pending(); commands(got) != "cancelled" {
		t.Errorf("resolved: pending %+v", got)
	}
}

// Nothing is felt of a covert call, nor of anything else while one is open, nor what was ordered before it.
func TestNothingFeltUnderDuress(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	covert := cause("k2")
	covert.Kind = insole.AlarmCovertSOS
	covert.ID = insole.NewAlarmID("acme", "marie", covert.Kind, "k2")

	open := w.raise(cause("k1"))
	if _, err := w.desk.Take(ctx, "acme", open.ID, claire); err != nil {
		t.Fatal(err)
	}
	if got := w.pending(); commands(got) != "taken" {
		t.Fatalf("pending %+v", got)
	}
	c := w.raise(covert)
	if got := w.pending(); len(got) != 0 {
		t.Errorf("with a covert call open: %+v", got)
	}
	if _, err := w.desk.Take(ctx, "acme", c.ID, claire); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", open.ID, claire, insole.ReasonFalse, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", c.ID, claire, insole.ReasonReal, ""); err != nil {
		t.Fatal(err)
	}
	if got := w.pending(); len(got) != 0 {
		t.Errorf("around a covert call: %+v", got)
	}
}

// A tracker that cannot signal is ordered nothing, and the log says so.
func TestTrackerCannotSignal(t *testing.T) {
	w := newWorld(t)
	c := cause("k1")
	c.Insole = tracker
	a := w.raise(c)
	if _, err := w.desk.Take(t.Context(), "acme", a.ID, claire); err != nil {
		t.Fatal(err)
	}
	if got := w.pending(); len(got) != 0 {
		t.Errorf("pending %+v", got)
	}
	log := w.get(a.ID).Log
	if len(log) == 0 || log[len(log)-1].What != "unable-taken" {
		t.Errorf("log %+v", log)
	}
}
