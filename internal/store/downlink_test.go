package store_test

import (
	"errors"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

func pending(t *testing.T, st *store.Store) []insole.Downlink {
	t.Helper()
	var out []insole.Downlink
	for d, err := range st.Downlinks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// A downlink stands with its alarm's change or not at all, is settled once, and its line is in the log once.
func TestDownlink(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, nil, nil); err != nil {
		t.Fatal(err)
	}
	d := insole.NewDownlink(a.Insole, a.Org, a.ID, insole.CommandTaken, clockNoon)
	if again := insole.NewDownlink(a.Insole, a.Org, a.ID, insole.CommandTaken, clockNoon); again != d || d.ID == 0 {
		t.Errorf("made twice it is %+v and %+v", d, again)
	}
	stale := a // of a version that nobody has
	stale.Version = 7
	if err := st.SaveAlarm(ctx, stale, nil, nil, "", store.Order(d)); !errors.Is(err, insole.ErrConflict) {
		t.Fatalf("SaveAlarm of a wrong version error = %v", err)
	}
	if got := pending(t, st); len(got) != 0 {
		t.Fatalf("ordered without its alarm: %+v", got)
	}
	a.Version = 2
	if err := st.SaveAlarm(ctx, a, nil, nil, "", store.Order(d)); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, st); len(got) != 1 || got[0] != d {
		t.Fatalf("pending %+v, want %+v", got, d)
	}
	if got, err := st.GetDownlink(ctx, a.Insole, d.ID); err != nil || got != d {
		t.Fatalf("GetDownlink = %+v, %v", got, err)
	}
	if _, err := st.GetDownlink(ctx, "00a1b2c3d4e5f608", d.ID); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("another insole's downlink: %v", err)
	}
	line := store.LogLine{At: clockNoon.Add(time.Second), What: "felt-taken", Who: "wearer"}
	if err := st.SettleDownlink(ctx, d, line); err != nil {
		t.Fatal(err)
	}
	if err := st.SettleDownlink(ctx, d, line); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("settled twice: %v", err)
	}
	f, err := st.GetAlarmFile(ctx, a.Org, a.ID)
	if err != nil || len(f.Log) != 1 || f.Log[0] != line || f.Alarm.Version != 3 {
		t.Errorf("file = %+v, %v", f, err)
	}
	if got := pending(t, st); len(got) != 0 {
		t.Errorf("still pending: %+v", got)
	}
}

// A downlink whose alarm is gone, or that has none, is settled all the same; withdrawn ones are gone; hushing takes those of one insole.
func TestDownlinkEnds(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, nil, nil); err != nil {
		t.Fatal(err)
	}
	gone := insole.NewDownlink(a.Insole, a.Org, "gone", insole.CommandTaken, clockNoon)
	bare := insole.NewDownlink(a.Insole, a.Org, "", insole.CommandAskFix, clockNoon)
	back := insole.NewDownlink(a.Insole, a.Org, a.ID, insole.CommandTaken, clockNoon)
	kept := insole.NewDownlink("00a1b2c3d4e5f608", a.Org, a.ID, insole.CommandTaken, clockNoon)
	a.Version++
	if err := st.SaveAlarm(ctx, a, nil, nil, "", store.Order(gone), store.Order(bare), store.Order(back), store.Order(kept)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []insole.Downlink{gone, bare} {
		if err := st.SettleDownlink(ctx, d, store.LogLine{At: clockNoon, What: "felt"}); err != nil {
			t.Errorf("settling %+v: %v", d, err)
		}
	}
	a.Version++
	if err := st.SaveAlarm(ctx, a, nil, nil, "", store.Withdraw(back)); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, st); len(got) != 1 || got[0] != kept {
		t.Errorf("pending %+v, want only %+v", got, kept)
	}
	a.Version++
	if err := st.SaveAlarm(ctx, a, nil, nil, "", store.Withdraw(back), store.Order(bare)); err != nil { // withdrawn twice: harmless
		t.Fatal(err)
	}
	if err := st.HushInsole(ctx, a.Insole); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, st); len(got) != 1 || got[0] != kept {
		t.Errorf("pending %+v after hushing, want only %+v", got, kept)
	}
}
