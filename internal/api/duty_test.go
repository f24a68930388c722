package api_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/api"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

func TestDuty(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	claire := as("acme", insole.Supervisor)
	now := o.now().UTC().Truncate(time.Millisecond)
	var got api.Duty
	o.ask(t, claire, "GET", "/api/duty", nil).into(t, &got)
	if len(got.Consoles) != 0 || len(got.Teams) == 0 || got.Teams[0].Wanted || got.Teams[0].Consoles != 0 || got.Teams[0].AfterS != 300 {
		t.Fatalf("with nobody on duty: %+v", got)
	}

	d, err := o.store.Directory(ctx, "acme")
	must(t, err)
	i := 0
	for d.Teams[i].Value.ID != "north" {
		i++
	}
	north := d.Teams[i]
	north.Value.Settings, north.Version = insole.Settings{insole.AlarmUnwatched: {On: true, Minimum: time.Minute}}, north.Version+1
	must(t, o.store.Edit(ctx, "acme", d.Revision, store.PutTeam(north)))
	for _, c := range []insole.Console{
		{Org: "acme", ID: "c1", User: "viewer", Sound: true, Teams: []insole.TeamID{"south"}, Since: now.Add(-time.Hour), Heard: now},
		{Org: "acme", ID: "c2", User: "gone", Since: now.Add(-2 * time.Hour), Heard: now.Add(-time.Minute)},
		{Org: "acme", ID: "c3", User: "viewer", Sound: true, Since: now, Heard: now.Add(-store.ConsoleLife - time.Second)},
	} {
		must(t, o.store.PutConsole(ctx, c))
	}
	must(t, o.store.PutUnwatched(ctx, insole.Unwatched{Org: "acme", Team: "north", Since: now.Add(-5 * time.Minute), Raised: true}))
	got = api.Duty{}
	o.ask(t, claire, "GET", "/api/duty", nil).into(t, &got)
	ms := func(ago time.Duration) int64 { return now.Add(-ago).UnixMilli() }
	want := []api.Console{
		{User: "gone", Teams: []string{}, SinceMs: ms(2 * time.Hour), HeardMs: ms(time.Minute)},
		{User: "viewer", Name: got.Consoles[1].Name, Teams: []string{"south"}, Sound: true, SinceMs: ms(time.Hour), HeardMs: ms(0)},
	}
	if diff := cmp.Diff(want, got.Consoles); diff != "" || got.Consoles[1].Name == "" {
		t.Errorf("consoles (-want +got):\n%s", diff)
	}
	for _, team := range got.Teams {
		if team.Team != "north" {
			continue
		}
		if diff := cmp.Diff(api.TeamDuty{Team: "north", Name: north.Value.Name, Wanted: true, AfterS: 60, UnwatchedMs: ms(5 * time.Minute), Alarm: true}, team); diff != "" {
			t.Errorf("north (-want +got):\n%s", diff)
		}
	}
	must(t, o.store.PutConsole(ctx, insole.Console{Org: "acme", ID: "c4", User: "viewer", Sound: true, Since: now, Heard: now}))
	o.ask(t, claire, "GET", "/api/duty", nil).into(t, &got)
	for _, team := range got.Teams {
		if team.Consoles != 1 {
			t.Errorf("%s is heard at %d consoles", team.Team, team.Consoles)
		}
	}
}
