package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Team is who works together, and who is told.
type Team struct {
	Team      string          `json:"team,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Name      string          `json:"name" maxLength:"200"`
	Steps     []Step          `json:"steps" maxItems:"10" doc:"escalation, in order; the last one repeats until somebody has taken charge"`
	LapseS    int64           `json:"lapseS,omitempty" minimum:"0" maximum:"86400" doc:"an owner who does nothing for so long loses the alarm; 0: never"`
	RepeatS   int64           `json:"repeatS,omitempty" minimum:"0" maximum:"3600" doc:"between repeats of the last step; 0: 300"`
	Fallback  string          `json:"fallback,omitempty" maxLength:"40" doc:"E.164 number that is paged when a step reaches nobody"`
	Version   int             `json:"version,omitempty" minimum:"0"`
	Confirmed map[string]bool `json:"confirmed,omitempty" readOnly:"true" doc:"of one team only: which contacts have confirmed their e-mail subscription"`
}

// Step is one stage of an escalation.
type Step struct {
	DelayS   int64    `json:"delayS,omitempty" minimum:"0" maximum:"86400" doc:"after the step before; of the first, after the alarm"`
	Contacts []string `json:"contacts" maxItems:"20"`
	Channels []string `json:"channels" maxItems:"2" enum:"sms,email"`
}

// TeamPath names a team.
type TeamPath struct {
	Team string `path:"team" maxLength:"40"`
}

type teamPut struct {
	TeamPath
	IfMatch
	Body Team
}

type teamPost struct{ Body Team }

type teamDrop struct {
	TeamPath
	IfMatch
}

type teamsAnswer struct {
	Body struct {
		Teams []Team `json:"teams"`
	}
}

func teamOf(k store.Kept[insole.Team]) Team {
	v := k.Value
	t := Team{
		Team: string(v.ID), Name: v.Name, Steps: []Step{}, LapseS: int64(v.Lapse / time.Second),
		RepeatS: int64(v.Repeat / time.Second), Fallback: v.Fallback, Version: k.Version,
	}
	for _, s := range v.Steps {
		t.Steps = append(t.Steps, Step{int64(s.Delay / time.Second), plain(s.Contacts), plain(s.Channels)})
	}
	return t
}

func (t Team) noun() insole.Team {
	v := insole.Team{
		ID: insole.TeamID(t.Team), Name: t.Name, Lapse: time.Duration(t.LapseS) * time.Second,
		Repeat: time.Duration(t.RepeatS) * time.Second, Fallback: t.Fallback,
	}
	for _, s := range t.Steps {
		v.Steps = append(v.Steps, insole.Step{
			Delay: time.Duration(s.DelayS) * time.Second, Contacts: named[insole.ContactID](s.Contacts), Channels: named[insole.Channel](s.Channels),
		})
	}
	return v
}

func (a *API) teamRoutes(h huma.API) {
	c := crud{"team", "teams", "/api/teams", insole.Viewer}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*teamsAnswer, error) {
		all, err := a.Store.KeptTeams(ctx, who(ctx).Org)
		out := &teamsAnswer{}
		out.Body.Teams = make([]Team, len(all))
		for i, k := range all {
			out.Body.Teams[i] = teamOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), a.team)
	huma.Register(h, c.post(), func(ctx context.Context, in *teamPost) (*one[Team], error) {
		return a.setTeam(ctx, in.Body, directory.New)
	})
	huma.Register(h, c.put(), func(ctx context.Context, in *teamPut) (*one[Team], error) {
		version, err := in.version(in.Body.Version)
		if err == nil {
			err = sameName(in.Team, in.Body.Team)
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		in.Body.Team = in.Team
		return a.setTeam(ctx, in.Body, version)
	})
	huma.Register(h, c.drop(), func(ctx context.Context, in *teamDrop) (*struct{}, error) {
		version, err := in.version(0)
		if err == nil {
			err = a.noOpenAlarm(ctx, insole.TeamID(in.Team))
		}
		if err == nil {
			err = a.edit(ctx, func(d *directory.Draft) error { return d.DropTeam(insole.TeamID(in.Team), version) })
		}
		return nil, a.fail(ctx, err)
	})
}

// noOpenAlarm refuses a team that is still being called for an alarm, perhaps of somebody who has left it: its policy is
// what the alarm goes by.
func (a *API) noOpenAlarm(ctx context.Context, team insole.TeamID) error {
	open, err := a.Desk.Open(ctx, who(ctx).Org)
	if err != nil {
		return err
	}
	for _, one := range open {
		if one.Team == team {
			return directory.Faults{{Noun: "team", ID: string(team), What: "team-alarm", Args: map[string]string{"ref": one.ID.Reference()}}}
		}
	}
	return nil
}

func (a *API) team(ctx context.Context, in *TeamPath) (*one[Team], error) {
	org := who(ctx).Org
	k, err := a.Store.KeptTeam(ctx, org, insole.TeamID(in.Team))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	contacts, err := a.Store.Contacts(ctx, org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	t := teamOf(k)
	confirmed, err := a.Confirmed.Confirmations(ctx, k.Value, contacts)
	if err != nil { // the team is known, this is not
		a.Log.WarnContext(ctx, "confirmations not read", "org", org, "team", in.Team, "err", err)
	}
	if err == nil {
		t.Confirmed = map[string]bool{}
		for id, yes := range confirmed {
			t.Confirmed[string(id)] = yes
		}
	}
	return oneOf(t, k.Version), nil
}

func (a *API) setTeam(ctx context.Context, t Team, version int) (*one[Team], error) {
	var made store.Kept[insole.Team]
	err := a.edit(ctx, func(d *directory.Draft) error {
		v := t.noun()
		v.ID = insole.TeamID(given(t.Team, t.Name, func(s string) bool { _, ok := d.Team(insole.TeamID(s)); return ok }))
		err := d.SetTeam(v, version)
		made, _ = d.Team(v.ID)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(teamOf(made), made.Version), nil
}

func plain[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

func named[T ~string](in []string) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = T(v)
	}
	return out
}
