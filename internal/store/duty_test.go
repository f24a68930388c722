package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// Who is on duty is known until they go, their connection ends or they say nothing more; what is known of teams stays.
func TestDuty(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	began := now
	s, _ := standintest.Store(t, func() time.Time { return now })
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	console := func(id string, sound bool, teams ...insole.TeamID) insole.Console {
		return insole.Console{Org: "acme", ID: id, User: "claire", Teams: teams, Sound: sound, Since: began.Add(-time.Hour), Heard: now}
	}
	expect := func(what string, on []insole.Console, alone []insole.Unwatched) {
		t.Helper()
		gotOn, gotAlone, err := s.Duty(ctx, "acme")
		must(err)
		if diff := cmp.Diff(on, gotOn) + cmp.Diff(alone, gotAlone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	expect("nobody", nil, nil)
	a, b, c := console("c1", true), console("c2", false, "north", "south"), console("c3", true, "north")
	u := insole.Unwatched{Org: "acme", Team: "north", Since: now, Raised: true}
	for range 2 { // twice is harmless
		for _, one := range []insole.Console{a, b, c, {Org: "other", ID: "c4", Sound: true, Heard: now}} {
			must(s.PutConsole(ctx, one))
		}
		must(s.PutUnwatched(ctx, u))
	}
	expect("three", []insole.Console{a, b, c}, []insole.Unwatched{u})
	conn := store.Connection{Org: "acme", ID: "c1", User: "claire", ConnectedAt: now}
	must(s.PutConnection(ctx, conn))
	for range 2 {
		must(s.ForgetConnection(ctx, conn))
		must(s.DropConsole(ctx, "acme", "c2"))
	}
	expect("one left by its connection, one by itself", []insole.Console{c}, []insole.Unwatched{u})
	now = now.Add(store.ConsoleLife - time.Second)
	c.Heard = now
	must(s.PutConsole(ctx, c))
	now = now.Add(store.ConsoleLife - time.Second)
	expect("it has said so again", []insole.Console{c}, []insole.Unwatched{u})
	now = now.Add(2 * time.Second)
	expect("it says nothing more", nil, []insole.Unwatched{u})
	for range 2 {
		must(s.DropUnwatched(ctx, "acme", "north"))
	}
	expect("nothing", nil, nil)
}
