package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
)

// Nuisance is what is set aside: every alarm of one worker and kind, until its time is over.
type Nuisance struct {
	Worker   string `json:"worker"`
	Kind     string `json:"kind"`
	MadeAtMs int64  `json:"madeAtMs"`
	UntilMs  int64  `json:"untilMs"`
	By       string `json:"by" doc:"name of who set it aside"`
	Why      string `json:"why"`
}

type escalateInput struct {
	AlarmPath
	Body struct {
		Step int `json:"step" minimum:"0" maximum:"1000000" doc:"the alarm's step as it is shown: when another has started since, nothing happens, so that two clicks are one"`
	}
}

type signalInput struct {
	AlarmPath
	Body struct {
		Signal string `json:"signal" enum:"ask-fix,signal" doc:"ask-fix: a position now, of which nothing is felt; signal: a long buzz, for the wearer to call"`
	}
}

type shelveInput struct {
	AlarmPath
	Body struct {
		Minutes int    `json:"minutes" minimum:"5" maximum:"480"`
		Why     string `json:"why" minLength:"1" maxLength:"200"`
		All     bool   `json:"all,omitempty" doc:"also those of the same worker and kind that are raised until then"`
	}
}

type endShelfInput struct {
	Body struct {
		Worker string `json:"worker" minLength:"1" maxLength:"64"`
		Kind   string `json:"kind" minLength:"1" maxLength:"32"`
	}
}

type shelvesAnswer struct {
	Body struct {
		Shelves []Nuisance `json:"shelves"`
	}
}

func (a *API) lifecycleRoutes(h huma.API) {
	huma.Register(h, op("escalate", http.MethodPost, "/api/alarms/{alarm}/escalate", "Start the next step at once", "alarms", insole.Supervisor), a.escalate)
	huma.Register(h, op("signal", http.MethodPost, "/api/alarms/{alarm}/signal", "Ask the insole for a position, or let its wearer feel that they should call", "alarms", insole.Supervisor), a.signal)
	huma.Register(h, op("seen", http.MethodPost, "/api/alarms/{alarm}/seen", "End an alarm that was over by itself", "alarms", insole.Supervisor), a.seen)
	huma.Register(h, op("shelve", http.MethodPost, "/api/alarms/{alarm}/shelve", "Set an alarm aside for a time", "alarms", insole.Supervisor), a.shelve)
	huma.Register(h, op("unshelve", http.MethodPost, "/api/alarms/{alarm}/unshelve", "Take back an alarm that was set aside", "alarms", insole.Supervisor), a.unshelve)
	huma.Register(h, op("shelves", http.MethodGet, "/api/shelves", "What is set aside for whole workers and kinds", "alarms", insole.Viewer), a.shelves)
	huma.Register(h, op("end-shelf", http.MethodPost, "/api/shelves/end", "Take that back; what is left is the answer", "alarms", insole.Supervisor), a.endShelf)
}

func (a *API) escalate(ctx context.Context, in *escalateInput) (*alarmAnswer, error) {
	was, err := a.Store.GetAlarm(ctx, who(ctx).Org, in.id())
	if err == nil && was.State.Open() && was.Step == in.Body.Step {
		err = a.enoughOf(ctx, "escalate-of", string(was.ID), escalatesOfAlarm, bound)
		if err == nil {
			err = a.enough(ctx, "escalate", escalatesABound)
		}
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	one, err := a.Desk.Escalate(ctx, who(ctx).Org, in.id(), user(ctx), in.Body.Step)
	return a.answered(ctx, one, err)
}

func (a *API) signal(ctx context.Context, in *signalInput) (*alarmAnswer, error) {
	one, err := a.Desk.Signal(ctx, who(ctx).Org, in.id(), user(ctx), insole.Command(in.Body.Signal))
	switch {
	case errors.Is(err, alarm.ErrDuress):
		return nil, a.fail(ctx, &problem{what: duress, cause: err})
	case errors.Is(err, insole.ErrInvalid): // nobody's insole raised it
		return nil, a.fail(ctx, &problem{what: noInsole, cause: err})
	}
	return a.answered(ctx, one, err)
}

func (a *API) seen(ctx context.Context, in *AlarmPath) (*alarmAnswer, error) {
	one, err := a.Desk.Seen(ctx, who(ctx).Org, in.id(), user(ctx))
	return a.latched(ctx, one, err)
}

func (a *API) shelve(ctx context.Context, in *shelveInput) (*alarmAnswer, error) {
	one, err := a.Desk.Shelve(ctx, who(ctx).Org, in.id(), user(ctx), time.Duration(in.Body.Minutes)*time.Minute, in.Body.Why, in.Body.All)
	if errors.Is(err, insole.ErrInvalid) && !errors.Is(err, alarm.ErrLatched) {
		return nil, a.fail(ctx, &problem{what: malformed, cause: err}) // a reason of spaces
	}
	return a.latched(ctx, one, err)
}

func (a *API) unshelve(ctx context.Context, in *AlarmPath) (*alarmAnswer, error) {
	one, err := a.Desk.Unshelve(ctx, who(ctx).Org, in.id(), user(ctx))
	return a.answered(ctx, one, err)
}

func (a *API) latched(ctx context.Context, one insole.Alarm, err error) (*alarmAnswer, error) {
	if errors.Is(err, alarm.ErrLatched) {
		return nil, a.fail(ctx, &problem{what: latched, cause: err})
	}
	return a.answered(ctx, one, err)
}

func (a *API) shelves(ctx context.Context, _ *struct{}) (*shelvesAnswer, error) {
	all, err := a.Desk.Nuisances(ctx, who(ctx).Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &shelvesAnswer{}
	out.Body.Shelves = make([]Nuisance, len(all))
	for i, n := range all {
		out.Body.Shelves[i] = Nuisance{string(n.Worker), string(n.Kind), ms(n.MadeAt), ms(n.Until), n.Name, n.Why}
	}
	return out, nil
}

func (a *API) endShelf(ctx context.Context, in *endShelfInput) (*shelvesAnswer, error) {
	err := a.Desk.EndNuisance(ctx, who(ctx).Org, insole.WorkerID(in.Body.Worker), insole.AlarmKind(in.Body.Kind), user(ctx))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return a.shelves(ctx, nil)
}
