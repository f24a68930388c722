package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
)

type drillInput struct {
	Body struct {
		Worker string `json:"worker" minLength:"1" maxLength:"40"`
		Note   string `json:"note,omitempty" maxLength:"500" doc:"why, for whoever looks at it later"`
	}
}

func (a *API) drillRoutes(h huma.API) {
	huma.Register(h, op("drill", http.MethodPost, "/api/drills", "Exercise: as though this worker had pressed", "alarms", insole.Supervisor), a.drill)
}

// onShift says whether w is at work now. Of whom that cannot be read it is not said.
func (a *API) onShift(ctx context.Context, w insole.Worker) bool {
	if w.ShiftBy == insole.ByNothing {
		return insole.On(w.Shifts, a.Now())
	}
	c, err := a.Store.GetCheckIns(ctx, w.Org, w.ID)
	return err == nil && insole.OnShift(w.Shifts, w.ShiftBy, &c, a.Now())
}

// drill raises an exercise by the true path. While one of this worker is open it answers with that one. Where the worker is is what the board shows: off shift it is not told.
func (a *API) drill(ctx context.Context, in *drillInput) (*alarmAnswer, error) {
	s := who(ctx)
	w, err := a.Store.Worker(ctx, s.Org, insole.WorkerID(in.Body.Worker))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	org, err := a.Store.Org(ctx, s.Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	if err := a.enough(ctx, "drill", drillsABound); err != nil {
		return nil, a.fail(ctx, err)
	}
	var fix *insole.Fix
	if w.Insole != "" && a.onShift(ctx, w) {
		if l, err := a.Store.GetLive(ctx, s.Org, w.Insole); err == nil && l.Worker == w.ID { // nobody waits for where it is
			fix = l.State.Fix
		}
	}
	one, _, err := a.Alarms.Drill(ctx, w, user(ctx), in.Body.Note, org.Locale, fix)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &alarmAnswer{feed.AlarmOf(one)}, nil
}
