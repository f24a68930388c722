package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

type teamItem struct {
	Org      string     `dynamodbav:"org"`
	Team     string     `dynamodbav:"team"`
	Name     string     `dynamodbav:"name"`
	Steps    []stepItem `dynamodbav:"steps"`
	LapseS   int64      `dynamodbav:"lapseS"`
	RepeatS  int64      `dynamodbav:"repeatS"`
	Fallback string     `dynamodbav:"fallback,omitempty"`

	Hours      []shiftItem            `dynamodbav:"hours,omitempty"`
	OutOfHours []stepItem             `dynamodbav:"outOfHours,omitempty"`
	Settings   map[string]settingItem `dynamodbav:"settings,omitempty"`
}

// settingItem has what the team says; what is absent is the default.
type settingItem struct {
	Off       bool    `dynamodbav:"off,omitempty"`
	Priority  int     `dynamodbav:"priority,omitempty"`
	PreAlarmS int64   `dynamodbav:"preAlarmS,omitempty"`
	DwellS    int64   `dynamodbav:"dwellS,omitempty"`
	Factor    float64 `dynamodbav:"factor,omitempty"`
	MinimumS  int64   `dynamodbav:"minimumS,omitempty"`
	Percent   int     `dynamodbav:"percent,omitempty"`
	On        bool    `dynamodbav:"on,omitempty"`
}

type stepItem struct {
	DelayS   int64    `dynamodbav:"delayS"`
	Contacts []string `dynamodbav:"contacts"`
	Channels []string `dynamodbav:"channels"`
}

// Team reads one team.
func (s *Store) Team(ctx context.Context, org insole.OrgID, id insole.TeamID) (insole.Team, error) {
	k, err := s.KeptTeam(ctx, org, id)
	return k.Value, err
}

// KeptTeam is Team with its version.
func (s *Store) KeptTeam(ctx context.Context, org insole.OrgID, id insole.TeamID) (Kept[insole.Team], error) {
	return one(ctx, s, teamKey(org, id), teamFrom)
}

// Teams lists the teams of org, by name of the item.
func (s *Store) Teams(ctx context.Context, org insole.OrgID) ([]insole.Team, error) {
	return values(s.KeptTeams(ctx, org))
}

// KeptTeams is Teams with their versions.
func (s *Store) KeptTeams(ctx context.Context, org insole.OrgID) ([]Kept[insole.Team], error) {
	return list(ctx, s, org, teamKey(org, "").SK, teamFrom)
}

// PutTeam writes a team.
func PutTeam(k Kept[insole.Team]) Change {
	t := k.Value
	it := teamItem{
		Org: string(t.Org), Team: string(t.ID), Name: t.Name, Steps: stepItems(t.Steps),
		LapseS: int64(t.Lapse / time.Second), RepeatS: int64(t.Repeat / time.Second), Fallback: t.Fallback,
	}
	it.Hours = shiftItems(t.Hours)
	if len(t.OutOfHours) > 0 {
		it.OutOfHours = stepItems(t.OutOfHours)
	}
	for k, s := range t.Settings {
		if it.Settings == nil {
			it.Settings = map[string]settingItem{}
		}
		it.Settings[string(k)] = settingItem{
			s.Off, s.Priority, int64(s.PreAlarm / time.Second), int64(s.Dwell / time.Second), s.Factor, int64(s.Minimum / time.Second), s.Percent, s.On,
		}
	}
	return putChange(teamKey(t.Org, t.ID), "team", it, k.Version)
}

// DropTeam deletes a team.
func DropTeam(org insole.OrgID, id insole.TeamID) Change { return dropChange(teamKey(org, id)) }

func teamFrom(it item) (insole.Team, error) {
	var v teamItem
	err := unmarshal(it, &v)
	if err != nil {
		return insole.Team{}, err
	}
	t := insole.Team{
		Org: insole.OrgID(v.Org), ID: insole.TeamID(v.Team), Name: v.Name,
		Lapse: time.Duration(v.LapseS) * time.Second, Repeat: time.Duration(v.RepeatS) * time.Second, Fallback: v.Fallback,
	}
	t.Steps, t.Hours, t.OutOfHours = stepsFrom(v.Steps), shiftsFrom(v.Hours), stepsFrom(v.OutOfHours)
	for k, s := range v.Settings {
		if t.Settings == nil {
			t.Settings = insole.Settings{}
		}
		t.Settings[insole.AlarmKind(k)] = insole.Setting{
			Off: s.Off, Priority: s.Priority, PreAlarm: time.Duration(s.PreAlarmS) * time.Second, Dwell: time.Duration(s.DwellS) * time.Second,
			Factor: s.Factor, Minimum: time.Duration(s.MinimumS) * time.Second, Percent: s.Percent, On: s.On,
		}
	}
	return t, nil
}

func stepItems(steps []insole.Step) []stepItem {
	out := make([]stepItem, len(steps))
	for i, step := range steps {
		out[i] = stepItem{int64(step.Delay / time.Second), strs(step.Contacts), strs(step.Channels)}
	}
	return out
}

func stepsFrom(items []stepItem) (out []insole.Step) {
	for _, step := range items {
		out = append(out, insole.Step{
			Delay: time.Duration(step.DelayS) * time.Second, Contacts: names[insole.ContactID](step.Contacts), Channels: names[insole.Channel](step.Channels),
		})
	}
	return out
}

func strs[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

func names[T ~string](in []string) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = T(v)
	}
	return out
}
