package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
)

// MusterCall asks people whether they are safe: those of a team, or those who may be in a zone or an area.
type MusterCall struct {
	Muster        string       `json:"muster,omitempty" maxLength:"40" pattern:"^[a-z0-9-]+$" doc:"its name, made up by whoever asks: told twice, it is the same muster; made here when not given"`
	Mode          string       `json:"mode" enum:"evacuate,roll-call"`
	Team          string       `json:"team,omitempty" maxLength:"40" doc:"one of team, zone and ring"`
	Zone          string       `json:"zone,omitempty" maxLength:"40"`
	Ring          [][2]float64 `json:"ring,omitempty" maxItems:"501" doc:"longitude and latitude in degrees, WGS 84; by the rules of a zone"`
	Note          string       `json:"note,omitempty" maxLength:"500"`
	AnswerWithinS int          `json:"answerWithinS,omitempty" minimum:"30" maximum:"900" doc:"then whoever has not answered has an alarm; 120 when not given"`
	Drill         bool         `json:"drill,omitempty" doc:"an exercise: everything is as it would be, and marked"`
}

// MusterReach is whom a muster would call now.
type MusterReach struct {
	People       int `json:"people"`
	Unreachable  int `json:"unreachable" doc:"of people: no insole can ask them"`
	UnknownWhere int `json:"unknownWhere" doc:"of people: on shift, and nobody knows where; they are called too"`
}

// MusterTally counts the people of a muster. Everybody is in one of the first four.
type MusterTally struct {
	Safe         int `json:"safe"`
	NoAnswer     int `json:"noAnswer"`
	Unreachable  int `json:"unreachable" doc:"has not answered, and could not be asked"`
	Help         int `json:"help" doc:"has an open call for help, whatever they answered before"`
	Missing      int `json:"missing" doc:"has an alarm for not having answered"`
	UnknownWhere int `json:"unknownWhere"`
}

// Muster is an evacuation or a roll-call.
type Muster struct {
	Muster        string       `json:"muster"`
	Mode          string       `json:"mode" enum:"evacuate,roll-call"`
	Team          string       `json:"team,omitempty"`
	Zone          string       `json:"zone,omitempty"`
	Name          string       `json:"name,omitempty" doc:"of the team or zone, as it was then"`
	Ring          [][2]float64 `json:"ring,omitempty"`
	Note          string       `json:"note,omitempty"`
	AnswerWithinS int          `json:"answerWithinS"`
	Drill         bool         `json:"drill,omitempty"`
	State         string       `json:"state" enum:"calling,waiting,counted,ending,ended"`
	By            string       `json:"by"`
	ByName        string       `json:"byName"`
	AskedAtMs     int64        `json:"askedAtMs"`
	Called        int          `json:"called" doc:"so far"`
	DeadlineMs    int64        `json:"deadlineMs,omitempty" doc:"once everybody is called"`
	EndedAtMs     int64        `json:"endedAtMs,omitempty"`
	EndedBy       string       `json:"endedBy,omitempty"`
	Version       int          `json:"version"`
}

// MusterPerson is one person in a muster.
type MusterPerson struct {
	Worker   string `json:"worker"`
	Name     string `json:"name"`
	Team     string `json:"team"`
	Phone    string `json:"phone,omitempty"`
	Where    string `json:"where,omitempty" enum:"in,near,unknown"`
	State    string `json:"state" enum:"waiting,safe,missing"`
	Why      string `json:"why,omitempty" enum:"no-insole,tracker,silent,charging,hushed,unable" doc:"no insole could ask them"`
	Help     bool   `json:"help,omitempty"`
	FeltAtMs int64  `json:"feltAtMs,omitempty" doc:"the insole has signalled"`
	SafeAtMs int64  `json:"safeAtMs,omitempty"`
	ByName   string `json:"byName,omitempty" doc:"who marked them safe; absent when they answered themselves"`
	Alarm    string `json:"alarm,omitempty"`
	Version  int    `json:"version"`
}

// MusterFile is everything known of one muster.
type MusterFile struct {
	Muster Muster         `json:"muster"`
	NowMs  int64          `json:"nowMs"`
	Tally  MusterTally    `json:"tally"`
	People []MusterPerson `json:"people"`
}

type MusterPath struct {
	Muster string `path:"muster" maxLength:"40" pattern:"^[a-z0-9-]+$"`
}

func (p MusterPath) id() insole.MusterID { return insole.MusterID(p.Muster) }

type musterInput struct{ Body MusterCall }

type musterAnswer struct{ Body Muster }

type reachAnswer struct{ Body MusterReach }

type musterFileAnswer struct{ Body MusterFile }

type mustersAnswer struct {
	Body struct {
		Musters []Muster `json:"musters" doc:"the newest first; they are kept for 400 days"`
	}
}

type safeInput struct {
	MusterPath
	Body struct {
		Worker string `json:"worker" minLength:"1" maxLength:"40"`
	}
}

type personAnswer struct{ Body MusterPerson }

func (a *API) musterRoutes(h huma.API) {
	huma.Register(h, op("musters", http.MethodGet, "/api/musters", "Evacuations and roll-calls", "musters", insole.Viewer), a.musters)
	huma.Register(h, op("muster", http.MethodGet, "/api/musters/{muster}", "One muster, with everybody in it", "musters", insole.Viewer), a.muster)
	huma.Register(h, op("reach-muster", http.MethodPost, "/api/musters/reach", "Whom a muster would call now; calls nobody", "musters", insole.Supervisor), a.reachMuster)
	huma.Register(h, op("begin-muster", http.MethodPost, "/api/musters", "Evacuate, or call the roll", "musters", insole.Supervisor), a.beginMuster)
	huma.Register(h, op("mark-safe", http.MethodPost, "/api/musters/{muster}/safe", "Say that a worker is safe", "musters", insole.Supervisor), a.markSafe)
	huma.Register(h, op("end-muster", http.MethodPost, "/api/musters/{muster}/end", "End a muster, and give the all-clear", "musters", insole.Supervisor), a.endMuster)
}

func (a *API) musters(ctx context.Context, _ *struct{}) (*mustersAnswer, error) {
	all, err := a.Store.Musters(ctx, who(ctx).Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &mustersAnswer{}
	out.Body.Musters = make([]Muster, len(all))
	for i, m := range all {
		out.Body.Musters[i] = musterOf(m)
	}
	return out, nil
}

func musterOf(m insole.Muster) Muster {
	return Muster{
		Muster: string(m.ID), Mode: string(m.Mode), Team: string(m.Team), Zone: string(m.Zone), Name: m.Name, Ring: m.Ring, Note: m.Note,
		AnswerWithinS: int(m.Within / time.Second), Drill: m.Drill, State: string(m.State), By: string(m.By), ByName: m.ByName, AskedAtMs: ms(m.AskedAt),
		Called: m.Called, DeadlineMs: ms(m.Deadline), EndedAtMs: ms(m.EndedAt), EndedBy: m.EndedWho, Version: m.Version,
	}
}

func (a *API) muster(ctx context.Context, in *MusterPath) (*musterFileAnswer, error) {
	org := who(ctx).Org
	m, err := a.Store.GetMuster(ctx, org, in.id())
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	rows, err := a.Store.Summonses(ctx, org, m.ID)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	open, err := a.Desk.Open(ctx, org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	help := map[insole.WorkerID]bool{}
	for _, one := range open {
		if one.Kind.IsHelp() {
			help[one.Worker] = true
		}
	}
	t := insole.Count(rows, help)
	out := &musterFileAnswer{MusterFile{
		Muster: musterOf(m), NowMs: a.Now().UnixMilli(), People: make([]MusterPerson, len(rows)),
		Tally: MusterTally{Safe: t.Safe, NoAnswer: t.NoAnswer, Unreachable: t.Unreachable, Help: t.Help, Missing: t.Missing, UnknownWhere: t.UnknownHere},
	}}
	for i, s := range rows {
		out.Body.People[i] = personOf(s)
		out.Body.People[i].Help = help[s.Worker]
		if !m.EndedAt.IsZero() && a.Now().Sub(m.EndedAt) >= lookBack {
			out.Body.People[i].Where = "" // a whereabouts of the past, which nobody looks at unrecorded
		}
	}
	return out, nil
}

func personOf(s insole.Summons) MusterPerson {
	return MusterPerson{
		Worker: string(s.Worker), Name: s.Name, Team: string(s.Team), Phone: s.Phone, Where: string(s.Where), State: string(s.State), Why: string(s.Why),
		FeltAtMs: ms(s.FeltAt), SafeAtMs: ms(s.SafeAt), ByName: s.ByName, Alarm: string(s.Alarm), Version: s.Version,
	}
}

// called is the muster that c asks for, its target looked up and checked.
func (a *API) called(ctx context.Context, c MusterCall) (insole.Muster, error) {
	u := user(ctx)
	m := insole.Muster{
		Org: u.Org, ID: insole.MusterID(c.Muster), Mode: insole.MusterMode(c.Mode), Team: insole.TeamID(c.Team), Zone: insole.ZoneID(c.Zone),
		Note: strings.TrimSpace(c.Note), Within: time.Duration(c.AnswerWithinS) * time.Second, Drill: c.Drill, By: u.ID, ByName: u.Name,
	}
	if m.ID == "" {
		m.ID = insole.NewMusterID()
	}
	if m.Within == 0 {
		m.Within = insole.DefaultAnswerWithin
	}
	fault := func(at, what, given string) error {
		return directory.Faults{{Noun: "muster", ID: c.Muster, At: at, What: what, Args: map[string]string{"given": given}}}
	}
	given := 0
	for _, is := range []bool{c.Team != "", c.Zone != "", len(c.Ring) > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return m, fault("", "muster-target", "")
	}
	switch {
	case c.Team != "":
		teams, err := a.Store.Teams(ctx, u.Org)
		if err != nil {
			return m, err
		}
		for _, t := range teams {
			if t.ID == m.Team {
				m.Name = t.Name
				return m, nil
			}
		}
		return m, fault("team", "no-such-team", c.Team)
	case c.Zone != "":
		zones, err := a.Store.Zones(ctx, u.Org)
		if err != nil {
			return m, err
		}
		for _, k := range zones {
			if k.Value.ID == m.Zone {
				m.Name, m.Ring = k.Value.Name, k.Value.Ring
				return m, nil
			}
		}
		return m, fault("zone", "no-such-zone", c.Zone)
	}
	ring, err := directory.Area(c.Ring)
	m.Ring = ring
	return m, err
}

func (a *API) reachMuster(ctx context.Context, in *musterInput) (*reachAnswer, error) {
	m, err := a.called(ctx, in.Body)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	people, unreachable, unknown, err := a.Musters.Reach(ctx, m)
	return &reachAnswer{MusterReach{people, unreachable, unknown}}, a.fail(ctx, err)
}

func (a *API) beginMuster(ctx context.Context, in *musterInput) (*musterAnswer, error) {
	m, err := a.called(ctx, in.Body)
	if err == nil && !muster.Valid(m.ID) {
		err = &problem{what: malformed, cause: fmt.Errorf("muster %q", m.ID)}
	}
	if err == nil {
		err = a.enough(ctx, "muster", mustersABound)
	}
	if err == nil {
		m, _, err = a.Musters.Begin(ctx, m)
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &musterAnswer{musterOf(m)}, nil
}

func (a *API) markSafe(ctx context.Context, in *safeInput) (*personAnswer, error) {
	s, err := a.Musters.MarkSafe(ctx, who(ctx).Org, in.id(), insole.WorkerID(in.Body.Worker), user(ctx))
	return &personAnswer{personOf(s)}, a.fail(ctx, err)
}

func (a *API) endMuster(ctx context.Context, in *MusterPath) (*musterAnswer, error) {
	m, err := a.Musters.End(ctx, who(ctx).Org, in.id(), user(ctx))
	return &musterAnswer{musterOf(m)}, a.fail(ctx, err)
}
