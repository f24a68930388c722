package muster_test

import (
	"errors"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// covert has worker i call covertly.
func (s *site) covert(i int) {
	s.Helper()
	_, _, err := s.raiser.Raise(s.Context(), alarm.Cause{ID: insole.AlarmID("covert-" + string(workerOf(i))), Org: "acme", Team: "north", Worker: workerOf(i), Insole: idOf(i),
		Kind: insole.AlarmCovertSOS, Key: "k", Press: true, Confirmed: true, Who: "wearer"})
	s.must(err)
}

// Somebody calls covertly at whatever moment of a muster: after it was asked whom it concerns and before they are called, while their order waits, and before the
// all-clear. Nothing is left to be felt, they are on the list, and counted as somebody who needs help.
func TestCovertCallInAMuster(t *testing.T) {
	for _, mode := range []insole.MusterMode{insole.Evacuate, insole.RollCall} {
		for when := range 6 {
			s := newSite(t, 40, func(int) bool { return true }) // more than one transaction
			asked := 0
			s.engine.Now = func() time.Time {
				if asked++; asked == when {
					s.covert(1)
				}
				return s.now()
			}
			m := evacuate
			m.Mode = mode
			s.begin(m)
			if asked < when {
				s.covert(1)
				asked = when
			}
			if n := len(s.rows("fire")); n != 40 {
				t.Errorf("%s, moment %d: %d on the list", mode, when, n)
			}
			if got := s.orders(idOf(1)); len(got) > 0 && asked >= when && when > 0 {
				t.Errorf("%s, moment %d: to be felt %v", mode, when, got)
			}
			if len(s.orders(idOf(0))) != 1 || len(s.orders(idOf(39))) != 1 {
				t.Errorf("%s, moment %d: the others are not called", mode, when)
			}
			_, err := s.engine.End(t.Context(), "acme", "fire", claire)
			s.must(err)
			if when == 0 { // between the end and the all-clear
				asked, when = 0, 1
			}
			s.advance("fire")
			if got := s.orders(idOf(1)); len(got) > 0 {
				t.Errorf("%s, moment %d: at the end to be felt %v", mode, when, got)
			}
			if _, ok := s.orders(idOf(0))[insole.CommandCancelled]; !ok {
				t.Errorf("%s, moment %d: no all-clear for the others", mode, when)
			}
			if tally := insole.Count(values(s.rows("fire")), map[insole.WorkerID]bool{workerOf(1): true}); tally.Help != 1 {
				t.Errorf("%s, moment %d: %+v", mode, when, tally)
			}
		}
	}
}

// The write refuses, whatever was read before.
func TestNoOrderUnderDuress(t *testing.T) {
	s := newSite(t, 2, func(int) bool { return true })
	s.covert(1)
	row := func(i int) (insole.Summons, insole.Downlink) {
		r := insole.Summons{Org: "acme", Muster: "fire", Worker: workerOf(i), Team: "north", Insole: idOf(i), State: insole.SummonsWaiting, Version: 1}
		return r, insole.NewMusterDownlink(r, insole.CommandEvacuate, noon)
	}
	a, orderA := row(0)
	b, orderB := row(1)
	if err := s.store.Summon(t.Context(), []insole.Summons{a, b}, []insole.Downlink{orderA, orderB}); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("called under duress: %v", err)
	}
	if n := len(s.rows("fire")); n != 0 {
		t.Errorf("%d rows of what was refused", n)
	}
	s.must(s.store.Summon(t.Context(), []insole.Summons{a, b}, []insole.Downlink{orderA}))
	if err := s.store.Orders(t.Context(), []insole.Downlink{orderB}, nil); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("all-clear under duress: %v", err)
	}
	s.must(s.store.Orders(t.Context(), nil, []insole.Downlink{orderB}))
	if store.MaxSummon*3 > 100 || store.MaxOrders*3 > 100 {
		t.Error("more than a transaction takes")
	}
}
