package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
)

func TestParts(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s, _ := standintest.Store(t, func() time.Time { return now })
	ctx := t.Context()
	beats := []insole.Beat{
		{Part: "bridge", Instance: "a1", Version: "v1", At: now, Since: now.Add(-time.Hour), Connections: 7},
		{Part: "canary", At: now, Since: now, Run: &insole.Run{At: now, Acked: 20 * time.Millisecond, Paged: 700 * time.Millisecond}},
		{Part: "watchdog", At: now, Since: now, Audit: &insole.Audit{Open: 3, Overdue: 1, Oldest: now.Add(-2 * time.Minute), Without: 1}},
	}
	for range 2 { // twice is harmless
		for _, b := range beats {
			if err := s.PutBeat(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	v := insole.Verdict{Part: "bridge", Health: insole.Works, Since: now, Version: 1}
	turn := insole.Turn{Part: "bridge", At: now, From: insole.Unknown, To: insole.Works}
	if err := s.SaveVerdict(ctx, v, turn); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveVerdict(ctx, v, turn); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("the second first verdict: %v, want a conflict", err)
	}
	v.Version, v.Health, v.Why = 2, insole.Late, "silent"
	turn2 := insole.Turn{Part: "bridge", At: now.Add(time.Minute), From: insole.Works, To: insole.Late, Why: "silent"}
	if err := s.SaveVerdict(ctx, v, turn2); err != nil {
		t.Fatal(err)
	}
	p, err := s.Parts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(beats, p.Beats); diff != "" {
		t.Errorf("beats, difference:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]insole.Verdict{"bridge": v}, p.Verdicts); diff != "" {
		t.Errorf("verdicts, difference:\n%s", diff)
	}
	turns, err := s.Turns(ctx, now.Add(-time.Hour), 10)
	if diff := cmp.Diff([]insole.Turn{turn2, turn}, turns); err != nil || diff != "" {
		t.Errorf("turns, error %v, difference:\n%s", err, diff)
	}
	if turns, err = s.Turns(ctx, now.Add(-time.Hour), 1); err != nil || len(turns) != 1 {
		t.Errorf("at most one turn: %v, %v", turns, err)
	}
	if err := s.DropBeat(ctx, "bridge", "a1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeatOf(ctx, "bridge", "a1"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("a dropped beat: %v", err)
	}
	if b, err := s.BeatOf(ctx, "canary", ""); err != nil || b.Run == nil || b.Run.Paged != 700*time.Millisecond {
		t.Errorf("the canary's beat: %+v, %v", b, err)
	}
	runs := []insole.Run{{At: now.Add(-10 * time.Minute), Why: "dial"}, {At: now.Add(-5 * time.Minute), Acked: time.Millisecond, Paged: time.Second}}
	for _, r := range runs {
		if err := s.PutRun(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Runs(ctx, now.Add(-24*time.Hour))
	if diff := cmp.Diff(runs, got); err != nil || diff != "" {
		t.Errorf("runs, error %v, difference:\n%s", err, diff)
	}
}

func TestClaimCanary(t *testing.T) {
	s, _ := standintest.Store(t, nil)
	ctx := t.Context()
	a := insole.Assignment{Insole: insole.CanaryInsole, Dialect: insole.SOLE, Org: insole.CanaryOrg, Team: insole.CanaryTeam, WorkerName: "Canary", Locale: "en", Key: make([]byte, 32)}
	team := insole.Team{Org: a.Org, ID: a.Team, Name: "Canary", Steps: []insole.Step{{Contacts: []insole.ContactID{"nobody"}, Channels: []insole.Channel{insole.Email}}}}
	c := insole.Contact{Org: a.Org, ID: "nobody", Name: "Nobody", Email: "nobody@solewatch.invalid", Locale: "en"}
	first, err := s.ClaimCanary(ctx, a, team, c)
	if err != nil || first.Org != insole.CanaryOrg || first.Worker != "" || first.Team != insole.CanaryTeam || len(first.Key) != 32 {
		t.Fatalf("ClaimCanary = %+v, %v", first, err)
	}
	a.Key = append([]byte{1}, a.Key[1:]...)
	again, err := s.ClaimCanary(ctx, a, team, c)
	if err != nil || again.Key[0] != 0 {
		t.Errorf("the second claim: %v, or another key", err)
	}
	orgs, err := s.Orgs(ctx)
	if err != nil || len(orgs) != 0 {
		t.Errorf("orgs %v, %v: the canary's must not be among people's", orgs, err)
	}
}
