package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/alarm"
	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/text"
)

// AlarmKind is what holds of one kind of alarm where a team says nothing, and what a team may say.
type AlarmKind struct {
	Kind     string  `json:"kind"`
	Name     string  `json:"name" doc:"for people, in their language"`
	Default  Setting `json:"default"`
	Why      string  `json:"why" doc:"the reason of the default, for people"`
	Least    Setting `json:"least" doc:"a field that is absent here and in most does not exist for the kind"`
	Most     Setting `json:"most" doc:"priority: the lowest rank that a team may give it"`
	NeverOff string  `json:"neverOff,omitempty" doc:"why it cannot be switched off, for people; absent when it can"`
}

type kindsAnswer struct {
	Body struct {
		Kinds []AlarmKind `json:"kinds" doc:"the gravest first"`
	}
}

// DryRun asks who would be told of an alarm.
type DryRun struct {
	Kind   string `json:"kind,omitempty" maxLength:"40" doc:"of the alarm; none: sos"`
	AtMs   int64  `json:"atMs,omitempty" minimum:"0" maximum:"4102444800000" doc:"when it becomes active; none: now"`
	ForS   int64  `json:"forS,omitempty" minimum:"0" maximum:"86400" doc:"how long nobody answers; none: 3600"`
	Policy *Team  `json:"policy,omitempty" doc:"the team as it is to be; none: as it is"`
}

// DryRunAnswer says who would be told. Nothing is stored or sent.
type DryRunAnswer struct {
	Kind      string        `json:"kind"`
	Priority  int           `json:"priority"`
	Off       bool          `json:"off" doc:"the team has switched this kind off: nobody is told"`
	AtMs      int64         `json:"atMs"`
	PreAlarmS int64         `json:"preAlarmS,omitempty" doc:"before that, the wearer has so long to cancel, or longer when the insole announces more; absent where the insole alone decides"`
	RepeatS   int64         `json:"repeatS" doc:"between repeats of the last step, until somebody has taken charge"`
	Fallback  string        `json:"fallback,omitempty"`
	Steps     []DryRunStep  `json:"steps" doc:"at most 50"`
	Faults    []DryRunFault `json:"faults" doc:"why the policy could not be saved as it is"`
	Unread    bool          `json:"unread" doc:"whose e-mail subscription is confirmed could not be read"`
	Nobody    bool          `json:"nobody" doc:"in all that time nobody would be reached"`
	FirstS    int64         `json:"firstS" doc:"until the first person is reached; -1: nobody is"`
}

// DryRunStep is one step as it would start.
type DryRunStep struct {
	Step       int          `json:"step"`
	AtMs       int64        `json:"atMs"`
	AfterS     int64        `json:"afterS" doc:"after the alarm became active"`
	OutOfHours bool         `json:"outOfHours" doc:"it is of the list outOfHours"`
	Place      int          `json:"place" doc:"in its list, from 1"`
	Repeat     bool         `json:"repeat" doc:"the last step of its list, again"`
	Reached    bool         `json:"reached" doc:"somebody would be reached by it"`
	Told       []DryRunTold `json:"told"`
}

// DryRunTold is one contact on one channel.
type DryRunTold struct {
	Contact   string `json:"contact,omitempty" doc:"absent: the fallback number"`
	Name      string `json:"name,omitempty"`
	Channel   string `json:"channel" enum:"sms,email"`
	Fallback  bool   `json:"fallback,omitempty"`
	Reachable bool   `json:"reachable"`
	Why       string `json:"why,omitempty" doc:"why not, or what is not known: no-such-contact, no-phone, no-email, email-unconfirmed, email-unread"`
	Text      string `json:"text,omitempty" doc:"the same for people, in their language"`
}

// DryRunFault is one thing wrong with the policy.
type DryRunFault struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

type dryRunPost struct {
	TeamPath
	Body DryRun
}

// maxRehearsed is how many steps of a dry run are shown.
const maxRehearsed = 50

func (a *API) dryRunRoutes(h huma.API) {
	huma.Register(h, op("kinds", http.MethodGet, "/api/kinds", "Kinds of alarm, their defaults and bounds", "teams", insole.Viewer), func(ctx context.Context, _ *struct{}) (*kindsAnswer, error) {
		out := &kindsAnswer{}
		locale := who(ctx).Locale
		for _, r := range insole.Kinds {
			k := AlarmKind{
				Kind: string(r.Kind), Name: text.Say(locale, "alarm.kind."+string(r.Kind)), Why: text.Say(locale, "setting.why."+string(r.Kind)),
				Default: settingOf(r.Default), Least: settingOf(r.Least), Most: settingOf(r.Most),
			}
			if r.NeverOff != "" {
				k.NeverOff = text.Say(locale, "problem.fault.setting-off."+string(r.Kind))
			}
			out.Body.Kinds = append(out.Body.Kinds, k)
		}
		return out, nil
	})
	huma.Register(h, op("dry-run", http.MethodPost, "/api/teams/{team}/dryrun", "Who would be told of an alarm, and when", "teams", insole.Supervisor), a.dryRun)
}

func (a *API) dryRun(ctx context.Context, in *dryRunPost) (*struct{ Body DryRunAnswer }, error) {
	s, id := who(ctx), insole.TeamID(in.Team)
	kind := insole.AlarmKind(cmp.Or(in.Body.Kind, string(insole.AlarmSOS)))
	if !slices.ContainsFunc(insole.Kinds, func(r insole.KindRule) bool { return r.Kind == kind }) {
		return nil, a.fail(ctx, directory.Faults{{Noun: "team", ID: in.Team, At: "kind", What: "setting-kind", Args: map[string]string{"given": in.Body.Kind}}})
	}
	draft, err := a.Directory.Open(ctx, s.Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	was, ok := draft.Team(id)
	if !ok {
		return nil, a.fail(ctx, &problem{what: notFound})
	}
	var faults directory.Faults
	if in.Body.Policy != nil {
		v := in.Body.Policy.noun()
		v.ID = id
		err = draft.SetTeam(v, directory.Any)
		if err == nil {
			err = a.Directory.Check(ctx, draft)
		}
		if err != nil && !errors.As(err, &faults) {
			return nil, a.fail(ctx, err)
		}
	}
	team, _ := draft.Team(id)
	at := a.Now()
	if in.Body.AtMs > 0 {
		at = time.UnixMilli(in.Body.AtMs)
	}
	at = at.UTC().Truncate(time.Millisecond)
	span := time.Hour
	if in.Body.ForS > 0 {
		span = time.Duration(in.Body.ForS) * time.Second
	}
	contacts := draft.Contacts()
	// Whose e-mail is confirmed says the topic as it is: whoever the draft adds has not been asked yet.
	confirmed, err := a.Confirmed.Confirmations(ctx, was.Value, contacts)
	if errors.Is(err, insole.ErrNotFound) { // no topic: nobody has been asked to confirm
		confirmed, err = map[insole.ContactID]bool{}, nil
	}
	if err != nil {
		a.Log.WarnContext(ctx, "confirmations not read", "org", s.Org, "team", id, "err", err)
	}
	v := team.Value
	set := v.Setting(kind)
	out := DryRunAnswer{
		Kind: string(kind), Priority: set.Priority, Off: set.Off, AtMs: at.UnixMilli(), PreAlarmS: int64(set.PreAlarm / time.Second),
		RepeatS: int64(v.Repeat / time.Second), Fallback: v.Fallback, Steps: []DryRunStep{}, Faults: []DryRunFault{}, Unread: err != nil, FirstS: -1,
	}
	for _, f := range faults {
		out.Faults = append(out.Faults, DryRunFault{Location: "body.policy." + f.At, Message: FaultText(s.Locale, f)})
	}
	// The topic's name is what Next needs to see e-mail as an address at all; none is ever sent to.
	policy := alarm.Policy{Team: v, Contacts: contacts, Topic: "rehearsal", Locale: draft.Org.Locale}
	for _, st := range alarm.Rehearse(kind, policy, at, at.Add(span), maxRehearsed) {
		line := toldBy(s, st, confirmed, err == nil)
		line.AfterS = int64(st.At.Sub(at) / time.Second)
		if line.Reached && out.FirstS < 0 {
			out.FirstS = line.AfterS
		}
		out.Steps = append(out.Steps, line)
	}
	out.Nobody = out.FirstS < 0
	return &struct{ Body DryRunAnswer }{out}, nil
}

// toldBy is one step for whoever asks. What is not known of an e-mail is not called reachable.
func toldBy(s auth.Session, st alarm.Start, confirmed map[insole.ContactID]bool, read bool) DryRunStep {
	line := DryRunStep{Step: st.Step, AtMs: st.At.UnixMilli(), OutOfHours: st.Out, Place: st.Place, Repeat: st.Repeat, Told: []DryRunTold{}}
	for _, p := range st.Pages {
		t := DryRunTold{Contact: string(p.Contact), Name: p.Name, Channel: string(p.Channel), Reachable: true}
		switch {
		case p.Contact == alarm.FallbackContact:
			t.Contact, t.Fallback = "", true
		case p.Channel == insole.Email && !read:
			t.Reachable, t.Why = false, "email-unread"
		case p.Channel == insole.Email && !confirmed[p.Contact]:
			t.Reachable, t.Why = false, "email-unconfirmed"
		}
		line.Told = append(line.Told, t)
	}
	for _, k := range st.Skipped {
		t := DryRunTold{Contact: string(k.Contact), Name: k.Name, Channel: string(k.Channel), Why: "no-phone"}
		switch {
		case !k.Known:
			t.Why = "no-such-contact"
		case k.Channel == insole.Email:
			t.Why = "no-email"
		}
		line.Told = append(line.Told, t)
	}
	for i := range line.Told {
		t := &line.Told[i]
		line.Reached = line.Reached || t.Reachable
		if t.Why != "" {
			t.Text = text.Say(s.Locale, "dryrun."+t.Why)
		}
	}
	return line
}
