package store_test

import (
	"errors"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// What is set aside holds until its time is over, whether or not the table has dropped the item, and for its own org, worker and kind alone.
func TestNuisance(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	n := insole.Nuisance{Org: "acme", Worker: "marie", Kind: insole.AlarmLowBattery, MadeAt: clockNoon,
		Shelf: insole.Shelf{Until: clockNoon.Add(time.Hour), By: "u1", Name: "Claire M.", Why: "a new one is on its way"}}
	if err := st.PutNuisance(ctx, n); err != nil {
		t.Fatal(err)
	}
	if got, err := st.NuisanceOf(ctx, "acme", "marie", insole.AlarmLowBattery, clockNoon); err != nil || got != n {
		t.Errorf("read %+v, %v; want %+v", got, err, n)
	}
	if _, err := st.NuisanceOf(ctx, "acme", "marie", insole.AlarmLowBattery, n.Until); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("at its end: %v, want ErrNotFound", err)
	}
	if _, err := st.NuisanceOf(ctx, "evil", "marie", insole.AlarmLowBattery, clockNoon); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("of another org: %v, want ErrNotFound", err)
	}
	if all, err := st.Nuisances(ctx, "acme", clockNoon); err != nil || len(all) != 1 || all[0] != n {
		t.Errorf("list %+v, %v", all, err)
	}
	if all, err := st.Nuisances(ctx, "acme", n.Until); err != nil || len(all) != 0 {
		t.Errorf("list at its end %+v, %v", all, err)
	}
	for range 2 {
		if err := st.EndNuisance(ctx, "acme", "marie", insole.AlarmLowBattery); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := st.Nuisances(ctx, "acme", clockNoon); err != nil || len(all) != 0 {
		t.Errorf("list after it was taken back %+v, %v", all, err)
	}
}

// The open alarms of a worker are known without reading them, and those of a worker whose name begins alike are not among them.
func TestOpenOf(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a, b, c := anAlarm("a1"), anAlarm("a2"), anAlarm("a3")
	a.Incident, b.Kind, b.Incident, c.Worker = "", insole.AlarmFall, "a1", "marie-2"
	for _, one := range []insole.Alarm{a, b, c} {
		if err := st.RaiseAlarm(ctx, one, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := st.OpenOf(ctx, "acme", "marie")
	want := []store.OpenRow{{Alarm: "a2", Kind: insole.AlarmFall, Incident: "a1", RaisedAt: clockNoon}, {Alarm: "a1", Kind: insole.AlarmSOS, Incident: "a1", RaisedAt: clockNoon}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("OpenOf = %+v, %v; want %+v", got, err, want)
	}
}

// A page that was read before its alarm was set aside is not claimed after.
func TestClaimPageSetAside(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, []insole.Page{aPage("a1")}, nil); err != nil {
		t.Fatal(err)
	}
	a.Version, a.Shelf = 2, insole.Shelf{Until: clockNoon.Add(time.Hour), By: "u1", Why: "x"}
	if err := st.SaveAlarm(ctx, a, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ClaimPage(ctx, aPage("a1"), clockNoon); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("ClaimPage = %v, want ErrConflict", err)
	}
}
