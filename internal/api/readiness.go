package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/insole"
	"solewatch/internal/readiness"
	"solewatch/internal/store"
)

// Readiness says whether one worker is protected, and why not.
type Readiness struct {
	Worker  string            `json:"worker"`
	Name    string            `json:"name"`
	Team    string            `json:"team"`
	OnShift bool              `json:"onShift"`
	Ready   bool              `json:"ready" doc:"nothing that was checked speaks against it; reasons say what was not checked"`
	Reasons []ReadinessReason `json:"reasons"`
	Drill   *ReadinessDrill   `json:"drill,omitempty" doc:"the team's newest exercise that somebody took charge of"`
}

// ReadinessDrill is an exercise.
type ReadinessDrill struct {
	AtMs   int64  `json:"atMs"`
	TookS  int64  `json:"tookS" doc:"until somebody had taken charge"`
	ByName string `json:"byName"`
}

// ReadinessReason is one thing that a verdict rests on.
type ReadinessReason struct {
	Code   string `json:"code"`
	Weight string `json:"weight" enum:"blocks,warns,unchecked" doc:"blocks: not ready; warns: ready, less well than set up; unchecked: it cannot be known here"`
	Text   string `json:"text" doc:"for people, in their language"`
}

type readinessInput struct {
	Worker string `query:"worker" maxLength:"40" doc:"only this worker"`
}

type readinessAnswer struct {
	Body struct {
		AtMs    int64       `json:"atMs"`
		Workers []Readiness `json:"workers"`
	}
}

func (a *API) readinessRoutes(h huma.API) {
	huma.Register(h, op("readiness", http.MethodGet, "/api/readiness", "Who is protected, and why not", "workers", insole.Viewer), a.readiness)
}

func (a *API) readiness(ctx context.Context, in *readinessInput) (*readinessAnswer, error) {
	s := who(ctx)
	var (
		workers  []insole.Worker
		lives    []store.Live
		insoles  []store.Kept[store.InsoleRef]
		teams    []insole.Team
		contacts []insole.Contact
		asked    []insole.CheckIns
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { workers, err = a.Store.Workers(gctx, s.Org); return err })
	g.Go(func() (err error) { lives, err = a.Store.LiveItems(gctx, s.Org, true); return err })
	g.Go(func() (err error) { insoles, err = a.Store.Insoles(gctx, s.Org); return err })
	g.Go(func() (err error) { teams, err = a.Store.Teams(gctx, s.Org); return err })
	g.Go(func() (err error) { contacts, err = a.Store.Contacts(gctx, s.Org); return err })
	g.Go(func() (err error) { asked, err = a.Store.AllCheckIns(gctx, s.Org); return err })
	err := g.Wait()
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	if in.Worker != "" {
		workers = slices.DeleteFunc(workers, func(w insole.Worker) bool { return string(w.ID) != in.Worker })
		if len(workers) == 0 {
			return nil, a.fail(ctx, &problem{what: notFound})
		}
	}

	refs := map[insole.ID]*store.InsoleRef{}
	for _, k := range insoles {
		refs[k.Value.ID] = &k.Value
	}
	heard := map[insole.ID]*store.Live{}
	for _, l := range lives {
		heard[l.Insole] = &l
	}
	checkIns := map[insole.WorkerID]*insole.CheckIns{}
	for _, c := range asked {
		checkIns[c.Worker] = &c
	}
	byTeam := map[insole.TeamID]*insole.Team{}
	for _, t := range teams {
		byTeam[t.ID] = &t
	}
	people := map[insole.ContactID]insole.Contact{}
	for _, c := range contacts {
		people[c.ID] = c
	}
	drills, err := a.Store.Drills(ctx, s.Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	confirmed := a.confirmed(ctx, workers, byTeam, contacts)

	sms := a.sms(ctx)

	now := a.Now()
	out := &readinessAnswer{}
	out.Body.AtMs, out.Body.Workers = now.UnixMilli(), make([]Readiness, 0, len(workers))
	for _, w := range workers {
		v := readiness.Of(readiness.Facts{
			Worker: w, CheckIns: checkIns[w.ID], Insole: refs[w.Insole], Live: heard[w.Insole], Team: byTeam[w.Team], Contacts: people, Confirmed: confirmed[w.Team],
			SMS: sms, Drill: drillOf(drills, w.Team), Drills: true,
		}, now)
		line := Readiness{
			Worker: string(w.ID), Name: w.Name, Team: string(w.Team), OnShift: insole.OnShift(w.Shifts, w.ShiftBy, checkIns[w.ID], now), Ready: v.Ready,
			Reasons: make([]ReadinessReason, len(v.Reasons)),
		}
		if d := drillOf(drills, w.Team); d != nil {
			line.Drill = &ReadinessDrill{d.At.UnixMilli(), int64(d.Took / time.Second), d.By}
		}
		for i, r := range v.Reasons {
			line.Reasons[i] = ReadinessReason{string(r.Code), string(r.Weight), r.Text(s.Locale, now)}
		}
		out.Body.Workers = append(out.Body.Workers, line)
	}
	return out, nil
}

// confirmed reads, for every team of workers that pages by e-mail, whose subscription is confirmed. A team of which it cannot be told has no
// entry: SNS away is not the table away, and everything else is known. It takes at most half of what the request may.
func (a *API) confirmed(ctx context.Context, workers []insole.Worker, teams map[insole.TeamID]*insole.Team, contacts []insole.Contact) map[insole.TeamID]map[insole.ContactID]bool {
	ctx, cancel := context.WithTimeout(ctx, a.Patience/2)
	defer cancel()
	var mu sync.Mutex
	out := map[insole.TeamID]map[insole.ContactID]bool{}
	asked := map[insole.TeamID]bool{}
	var g errgroup.Group
	g.SetLimit(4) // SNS answers 30 of these a second in a region, for everybody together
	for _, w := range workers {
		t := teams[w.Team]
		if t == nil || asked[t.ID] || !slices.ContainsFunc(t.AllSteps(), func(s insole.Step) bool { return slices.Contains(s.Channels, insole.Email) }) {
			continue
		}
		asked[t.ID] = true
		g.Go(func() error {
			got, err := a.Confirmed.Confirmations(ctx, *t, contacts)
			if errors.Is(err, insole.ErrNotFound) { // no topic: nobody has been asked to confirm
				got, err = map[insole.ContactID]bool{}, nil
			}
			if err != nil {
				a.Log.WarnContext(ctx, "confirmations not read", "org", t.Org, "team", t.ID, "err", err)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			out[t.ID] = got
			return nil
		})
	}
	_ = g.Wait() // none of them fails
	return out
}

func drillOf(all map[insole.TeamID]insole.Drill, t insole.TeamID) *insole.Drill {
	d, ok := all[t]
	if !ok {
		return nil
	}
	return &d
}

// sms is what the account may send; nil when nobody can say, which is then said.
func (a *API) sms(ctx context.Context) *insole.SMSAccount {
	if a.Sending == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.Patience/4)
	defer cancel()
	s, err := a.Sending.SMS(ctx)
	if err != nil {
		a.Log.WarnContext(ctx, "sms account not read", "err", err)
		return nil
	}
	return &s
}
