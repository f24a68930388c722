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
	Team       string             `json:"team,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Name       string             `json:"name" maxLength:"200"`
	Steps      []Step             `json:"steps" maxItems:"10" doc:"escalation, in order; the last one repeats until somebody has taken charge"`
	LapseS     int64              `json:"lapseS,omitempty" minimum:"0" maximum:"86400" doc:"an owner who does nothing for so long loses the alarm; 0: never"`
	RepeatS    int64              `json:"repeatS,omitempty" minimum:"0" maximum:"3600" doc:"between repeats of the last step; 0: 300"`
	Fallback   string             `json:"fallback,omitempty" maxLength:"40" doc:"E.164 number that is paged when a step reaches nobody"`
	Hours      []Shift            `json:"hours,omitempty" maxItems:"14" doc:"when steps is in force, where there is outOfHours"`
	OutOfHours []Step             `json:"outOfHours,omitempty" maxItems:"10" doc:"escalation at all other hours; none: steps"`
	Settings   map[string]Setting `json:"settings,omitempty" maxProperties:"40" doc:"of its alarms, by kind (GET /api/kinds); a kind or a field that is absent has its default"`
	Version    int                `json:"version,omitempty" minimum:"0"`
	Confirmed  map[string]bool    `json:"confirmed,omitempty" readOnly:"true" doc:"of one team only: which contacts have confirmed their e-mail subscription"`
}

// Step is one stage of an escalation.
type Step struct {
	DelayS   int64    `json:"delayS,omitempty" minimum:"0" maximum:"86400" doc:"after the step before; of the first, after the alarm"`
	Contacts []string `json:"contacts" maxItems:"20"`
	Channels []string `json:"channels" maxItems:"2" enum:"sms,email"`
}

// Setting is what a team says about one kind of alarm. What is absent or 0 is the default.
type Setting struct {
	Off       bool    `json:"off,omitempty" doc:"raises nothing; what happened is in the history all the same"`
	Priority  int     `json:"priority,omitempty" minimum:"0" maximum:"3" doc:"1: a life may depend on it; 2: somebody must look soon; 3: today"`
	PreAlarmS int64   `json:"preAlarmS,omitempty" minimum:"0" maximum:"86400" doc:"the wearer has at least so long to cancel; more when the insole has announced more"`
	DwellS    int64   `json:"dwellS,omitempty" minimum:"0" maximum:"86400" doc:"on the wrong side of a zone's boundary before that is an alarm"`
	Factor    float64 `json:"factor,omitempty" minimum:"0" maximum:"100" doc:"silent for so many announced intervals before contact is lost"`
	MinimumS  int64   `json:"minimumS,omitempty" minimum:"0" maximum:"86400" doc:"silent for at least so long before contact is lost; of unwatched, nobody on duty for so long"`
	Percent   int     `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"of charge; that or less is low"`
	On        bool    `json:"on,omitempty" doc:"raises, though the default of its kind is not to"`
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
		Team: string(v.ID), Name: v.Name, Steps: stepsOf(v.Steps), LapseS: int64(v.Lapse / time.Second),
		RepeatS: int64(v.Repeat / time.Second), Fallback: v.Fallback, Version: k.Version,
	}
	if len(v.Hours) > 0 {
		t.Hours = shiftsOf(v.Hours)
	}
	if len(v.OutOfHours) > 0 {
		t.OutOfHours = stepsOf(v.OutOfHours)
	}
	for k, s := range v.Settings {
		if t.Settings == nil {
			t.Settings = map[string]Setting{}
		}
		t.Settings[string(k)] = settingOf(s)
	}
	return t
}

func settingOf(s insole.Setting) Setting {
	return Setting{s.Off, s.Priority, int64(s.PreAlarm / time.Second), int64(s.Dwell / time.Second), s.Factor, int64(s.Minimum / time.Second), s.Percent, s.On}
}

func stepsOf(steps []insole.Step) []Step {
	out := make([]Step, len(steps))
	for i, s := range steps {
		out[i] = Step{int64(s.Delay / time.Second), plain(s.Contacts), plain(s.Channels)}
	}
	return out
}

func stepsIn(steps []Step) (out []insole.Step) {
	for _, s := range steps {
		out = append(out, insole.Step{
			Delay: time.Duration(s.DelayS) * time.Second, Contacts: named[insole.ContactID](s.Contacts), Channels: named[insole.Channel](s.Channels),
		})
	}
	return out
}

func (t Team) noun() insole.Team {
	v := insole.Team{
		ID: insole.TeamID(t.Team), Name: t.Name, Lapse: time.Duration(t.LapseS) * time.Second,
		Repeat: time.Duration(t.RepeatS) * time.Second, Fallback: t.Fallback,
	}
	v.Steps, v.Hours, v.OutOfHours = stepsIn(t.Steps), shiftsIn(t.Hours), stepsIn(t.OutOfHours)
	for k, s := range t.Settings {
		if v.Settings == nil {
			v.Settings = insole.Settings{}
		}
		v.Settings[insole.AlarmKind(k)] = insole.Setting{
			Off: s.Off, Priority: s.Priority, PreAlarm: time.Duration(s.PreAlarmS) * time.Second, Dwell: time.Duration(s.DwellS) * time.Second,
			Factor: s.Factor, Minimum: time.Duration(s.MinimumS) * time.Second, Percent: s.Percent, On: s.On,
		}
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
		version, err := in.known(in.Body.Version)
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
