package ingest_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

// files are all alarms of Marie that any of her reports has raised, open or ended.
func (w *world) files(keys []string) []store.AlarmFile {
	w.Helper()
	var out []store.AlarmFile
	seen := map[insole.AlarmID]bool{}
	for _, k := range keys {
		for _, kind := range []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff, insole.AlarmLowBattery,
			insole.AlarmZoneLeft, insole.AlarmDangerZone} {
			f, err := w.store.GetAlarmFile(w.Context(), "acme", insole.NewAlarmID("acme", "marie", kind, k))
			if errors.Is(err, insole.ErrNotFound) {
				continue
			}
			if err != nil {
				w.Fatal(err)
			}
			if !seen[f.Alarm.ID] {
				seen[f.Alarm.ID] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// Whatever an insole tells, in whatever order and however often: every alarm's chain is whole, every line that the rules caused has its decision,
// and every decision comes out the same when it is made again from the raw frame.
func TestEveryDecisionAgain(t *testing.T) {
	shift := insole.Shift{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 12*time.Hour + 10*time.Minute, Zone: "UTC"}
	kinds := []insole.Kind{insole.KindFix, insole.KindFix, insole.KindStatus, insole.KindSOS, insole.KindCovertSOS, insole.KindFall, insole.KindStill, insole.KindPreAlarm,
		insole.KindPreAlarmCancel, insole.KindTakenOff, insole.KindLowBattery, insole.KindUpright, insole.KindBattery}
	decisions, zoned := 0, 0
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		between := func(low, high int) int { return low + rnd.IntN(high-low+1) }
		w := newWorld(t, shift)
		w.zones()
		var keys []string
		for range between(2, 12) {
			w.clock.Advance(time.Duration(between(1, 90)) * time.Second)
			var records []sole.Record
			for range between(1, 3) {
				r := w.record(kinds[rnd.IntN(len(kinds))])
				r.About = []insole.Kind{"", insole.KindFall, insole.KindStill}[rnd.IntN(3)]
				if rnd.IntN(2) == 0 {
					r.Fix = w.fix()
					r.Fix.Lon = []float64{7.0718, 7.0735, 7.0735, 7.08, 7.0741}[rnd.IntN(5)]
				}
				if r.Kind == insole.KindBattery || between(0, 5) == 0 {
					r.Battery = &insole.Battery{Percent: 50, Charging: rnd.IntN(2) == 0}
				}
				records = append(records, r)
				keys = append(keys, insole.Report{Boot: r.Boot, Seq: r.Seq}.Key())
			}
			m := w.message(w.frame(records...))
			w.must(m)
			if rnd.IntN(2) == 0 {
				w.must(m)
			}
		}
		w.steps()
		for _, f := range w.files(keys) {
			if err := audit.Check("acme", f.Alarm.ID, f.Lines, f.Head); err != nil {
				t.Errorf("seed %d: alarm %s: %v", seed, f.Alarm.ID, err)
			}
			again := audit.Again(f.Lines)
			if len(again) == 0 {
				t.Errorf("seed %d: alarm %s of %s without a decision", seed, f.Alarm.ID, f.Alarm.Kind)
			}
			for _, r := range again {
				decisions++
				if !r.Same {
					t.Errorf("seed %d: alarm %s, line %d: %s; now %s, then %s", seed, f.Alarm.ID, r.Line, r.Why, r.Outcome, f.Lines[r.Line-1].Data)
				}
			}
			for _, l := range f.Lines {
				d, ok := audit.DecisionOf(l)
				if ok && d.Zoned {
					zoned++
				}
				if len(l.Data) > 8<<10 {
					t.Errorf("seed %d: line of %d bytes", seed, len(l.Data))
				}
				if (l.What == "raised" || l.What == "pressed" || l.What == "returned" || l.What == "cancelled") && l.Who == "wearer" && !ok {
					t.Errorf("seed %d: line %d, %s, without a decision", seed, l.N, l.What)
				}
			}
		}
		refusals, err := w.store.Refusals(w.Context(), "acme", "marie", noon.Add(-time.Hour), w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refusals {
			d, ok := audit.DecisionOf(audit.Line{Data: r.Data})
			if again := d.Again(); !ok || !again.Same || len(d.Outcome.Raise) > 0 {
				t.Errorf("seed %d: refusal %s of %s: %v %s", seed, r.Why, r.Kind, ok, again.Why)
			}
		}
	}
	if decisions < 100 || zoned == 0 {
		t.Errorf("%d decisions made again, %d about zones: this asks for too little", decisions, zoned)
	}
}

// A decision that is not what the frame says is found out.
func TestForgedDecision(t *testing.T) {
	w := newWorld(t)
	w.must(w.message(w.frame(w.record(insole.KindSOS))))
	f, err := w.store.GetAlarmFile(t.Context(), "acme", w.one().ID)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := audit.DecisionOf(f.Lines[0])
	if !ok || !d.Again().Same || len(d.Raw) == 0 || d.Rules != rules.Version {
		t.Fatalf("decision %+v, again %+v", d, d.Again())
	}
	forged := d
	forged.Outcome.Raise = nil
	if r := forged.Again(); r.Same || r.Why != "decided otherwise" {
		t.Errorf("a raise taken out: %+v", r)
	}
	forged = d
	forged.Rules++
	forged.Outcome.Keep = !forged.Outcome.Keep
	if r := forged.Again(); r.Same || r.Why == "decided otherwise" {
		t.Errorf("by other rules: %+v", r)
	}
	forged = d
	forged.Raw = forged.Raw[:len(forged.Raw)-1]
	if r := forged.Again(); r.Same || r.Why == "" {
		t.Errorf("a frame cut short: %+v", r)
	}
}

// What raised nothing is remembered with its reason, once in ten minutes however often it is said, and nothing is written for a calm report.
func TestRefusals(t *testing.T) {
	w := newWorld(t, insole.Shift{Days: []time.Weekday{time.Tuesday}, From: 0, To: 24 * time.Hour, Zone: "UTC"}) // today is Monday
	for range 30 {
		w.must(w.message(w.frame(w.record(insole.KindStill), w.record(insole.KindFix))))
		w.clock.Advance(30 * time.Second)
	}
	got, err := w.store.Refusals(t.Context(), "acme", "marie", noon, w.clock.Now())
	if err != nil || len(got) != 2 {
		t.Fatalf("%d refusals in 15 min, %v, want 2", len(got), err)
	}
	if r := got[0]; r.Kind != insole.AlarmStill || r.Why != rules.RefusedOffShift || !r.At.Equal(noon) || r.Insole != marie {
		t.Errorf("refusal %+v", r)
	}
	if other, err := w.store.Refusals(t.Context(), "acme", "paul", noon, w.clock.Now()); err != nil || len(other) != 0 {
		t.Errorf("refusals of somebody else: %v, %v", other, err)
	}
}
