package store_test

import (
	"fmt"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
)

// A part of the index that cannot be read is asked again, and where that does not help the other parts are read all the same.
func TestDueAlarmsGoOn(t *testing.T) {
	st, srv := standintest.Store(t, fixed)
	const n = 24
	for i := range n {
		a := anAlarm(insole.AlarmID(fmt.Sprintf("a%d", i)))
		a.Worker = insole.WorkerID(fmt.Sprintf("w%d", i))
		if err := st.RaiseAlarm(t.Context(), a, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		refused, faults int
		all             bool
	}{{0, 0, true}, {5, 0, true}, {8, 1, false}} { // each of the store's own tries is two calls
		if tt.refused > 0 {
			if err := srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "Query", Kind: standin.FaultRefuse, Count: tt.refused}); err != nil {
				t.Fatal(err)
			}
		}
		seen, faults := map[insole.AlarmID]bool{}, 0
		for d, err := range st.DueAlarms(t.Context(), clockNoon.Add(time.Hour)) {
			if err != nil {
				faults++
				continue
			}
			seen[d.Alarm] = true
		}
		if faults != tt.faults || len(seen) == 0 || (len(seen) == n) != tt.all {
			t.Errorf("with %d calls refused: %d of %d alarms and %d errors", tt.refused, len(seen), n, faults)
		}
	}
}

// The sweeps of check-ins and of musters go on just so.
func TestDueCheckInsAndMustersGoOn(t *testing.T) {
	st, srv := standintest.Store(t, fixed)
	const n = 24
	for i := range n {
		c := insole.CheckIns{Org: "acme", Worker: insole.WorkerID(fmt.Sprintf("w%d", i)), LookAt: clockNoon, Version: 1}
		if err := st.SaveCheckIns(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
		m := insole.Muster{Org: "acme", ID: insole.MusterID(fmt.Sprintf("m%d", i)), AskedAt: clockNoon, DueAt: clockNoon, Version: 1}
		if err := st.CreateMuster(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		refused, faults int
		all             bool
	}{{0, 0, true}, {5, 0, true}, {8, 1, false}} {
		refuse := func() {
			if tt.refused == 0 {
				return
			}
			if err := srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "Query", Kind: standin.FaultRefuse, Count: tt.refused}); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, seen, faults int) {
			if faults != tt.faults || seen == 0 || (seen == n) != tt.all {
				t.Errorf("with %d calls refused: %d of %d %s and %d errors", tt.refused, seen, n, what, faults)
			}
		}
		refuse()
		workers, faults := map[insole.WorkerID]bool{}, 0
		for d, err := range st.DueCheckIns(t.Context(), clockNoon.Add(time.Hour)) {
			if err != nil {
				faults++
				continue
			}
			workers[d.Worker] = d.At.Equal(clockNoon)
		}
		check("check-ins", len(workers), faults)
		refuse()
		musters, faults := map[insole.MusterID]bool{}, 0
		for d, err := range st.DueMusters(t.Context(), clockNoon.Add(time.Hour)) {
			if err != nil {
				faults++
				continue
			}
			musters[d.Muster] = true
		}
		check("musters", len(musters), faults)
	}
}
