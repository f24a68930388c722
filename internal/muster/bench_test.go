package muster_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
)

// Five thousand people, half of whom no insole can reach: to call them, to alarm about everybody (nobody answers), to end. What each costs is printed.
//
//	go test ./internal/muster -run none -bench Muster -benchtime 1x
func BenchmarkMuster(b *testing.B) {
	const n = 5000
	for b.Loop() {
		b.StopTimer()
		s := newSite(b, n, func(i int) bool { return i%2 == 0 })
		units := func() float64 { return s.srv.Usage().DynamoDB[standintest.Table].WriteUnits }
		step := func(name string, f func()) {
			before, began := units(), time.Now()
			b.StartTimer()
			f()
			b.StopTimer()
			b.ReportMetric(time.Since(began).Seconds(), name+"-s")
			b.ReportMetric(units()-before, name+"-write-units")
		}
		step("reach", func() {
			people, unreachable, _, err := s.engine.Reach(b.Context(), evacuate)
			if err != nil || people != n || unreachable != n/2 {
				b.Fatal(people, unreachable, err)
			}
		})
		step("call", func() { s.begin(evacuate) })
		if m := s.muster("fire"); m.State != insole.MusterWaiting || m.Called != n {
			b.Fatalf("%+v", m)
		}
		step("rows", func() { s.rows("fire") })
		s.pass(evacuate.Within)
		step("count", func() { s.advance("fire") })
		if open := len(s.open()); open != n {
			b.Fatalf("%d alarms", open)
		}
		if _, err := s.engine.End(b.Context(), "acme", "fire", claire); err != nil {
			b.Fatal(err)
		}
		step("end", func() { s.advance("fire") })
		b.StartTimer()
	}
}
