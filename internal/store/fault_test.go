package store_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// What is wrong with an insole, and that it has said bye, comes back as it was; of an insole that has nothing of it there is nothing.
func TestFaultsOfAnInsole(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	st, _ := standintest.Store(t, func() time.Time { return at })
	for i, s := range []rules.State{
		{HeardAt: at},
		{HeardAt: at, ClockOff: time.Hour, ClockSince: at.Add(-5 * time.Hour), Conditions: rules.ClockBad},
		{HeardAt: at, Strays: rules.Strays{From: at.Add(-time.Minute), Last: at, N: 5}, Conditions: rules.Garbled | rules.LowBattery},
		{HeardAt: at, ByeAt: at.Add(time.Second)},
	} {
		l := store.Live{Org: "acme", Insole: insole.ID("00a1b2c3d4e5f60" + string(rune('0'+i))), Worker: "marie", State: s, Version: 1}
		if err := st.SaveLive(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		got, err := st.GetLive(t.Context(), "acme", l.Insole)
		if err != nil || got.State != s {
			t.Errorf("%+v came back as %+v: %v", s, got.State, err)
		}
	}
}
