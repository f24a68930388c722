package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Care is what responders must know of a worker's health, and who is close to them.
type Care struct {
	Note     string        `json:"note" maxLength:"2000" doc:"for responders; at most 1000 bytes"`
	Contacts []CareContact `json:"contacts" maxItems:"20" nullable:"false" doc:"at most three"`
	SetAtMs  int64         `json:"setAtMs,omitempty" readOnly:"true" doc:"absent: nothing was ever set"`
	SetBy    string        `json:"setBy,omitempty" readOnly:"true" doc:"name of the user"`
	Version  int           `json:"version,omitempty" minimum:"0" doc:"1 while nothing was ever set"`
}

// CareContact is somebody close to a worker.
type CareContact struct {
	Name     string `json:"name" maxLength:"200"`
	Phone    string `json:"phone" maxLength:"40" doc:"E.164"`
	Relation string `json:"relation,omitempty" maxLength:"200" doc:"as people say it"`
}

type carePut struct {
	WorkerPath
	IfMatch
	Body Care
}

func careOf(c insole.Care) *one[Care] {
	out := Care{Note: c.Note, Contacts: []CareContact{}, SetAtMs: ms(c.SetAt), SetBy: c.SetBy, Version: c.Version}
	for _, p := range c.Contacts {
		out.Contacts = append(out.Contacts, CareContact(p))
	}
	return oneOf(out, c.Version)
}

func (a *API) careRoutes(h huma.API) {
	const path = "/api/workers/{worker}/care"
	huma.Register(h, op("care", http.MethodGet, path, "What responders must know of a worker, and who is close to them; who asks is recorded", "workers", insole.Supervisor), a.care)
	huma.Register(h, op("set-care", http.MethodPut, path, "Set what responders must know of a worker", "workers", insole.Admin), a.setCare)
}

// care writes down who looks before it reads anything: what cannot be written down is not shown.
func (a *API) care(ctx context.Context, in *WorkerPath) (*one[Care], error) {
	s := who(ctx)
	w, err := a.Store.Worker(ctx, s.Org, in.id())
	if err == nil {
		err = a.Store.PutLook(ctx, store.Look{Org: s.Org, Worker: w.ID, User: s.User, UserName: s.Name, At: a.Now(), What: store.LookedAtCare})
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	c, err := a.Store.Care(ctx, s.Org, w.ID)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return careOf(c), nil
}

func (a *API) setCare(ctx context.Context, in *carePut) (*one[Care], error) {
	s := who(ctx)
	version, err := in.known(in.Body.Version)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	c := insole.Care{Org: s.Org, Worker: in.id(), Note: in.Body.Note, SetAt: a.Now().UTC(), SetBy: s.Name}
	for _, p := range in.Body.Contacts {
		c.Contacts = append(c.Contacts, insole.CareContact(p))
	}
	if c, err = directory.CheckCare(c); err != nil {
		return nil, a.fail(ctx, err)
	}
	for range 3 {
		was := insole.Care{Version: version}
		if version == directory.Any {
			if was, err = a.Store.Care(ctx, c.Org, c.Worker); err != nil {
				return nil, a.fail(ctx, err)
			}
		}
		c.Version = was.Version + 1
		err = a.Store.SaveCare(ctx, c)
		if !errors.Is(err, insole.ErrConflict) || version != directory.Any {
			break
		}
	}
	if errors.Is(err, insole.ErrConflict) && version != directory.Any {
		err = &problem{what: changed, cause: err}
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return careOf(c), nil
}
