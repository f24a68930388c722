package api

import (
	"context"
	"encoding/hex"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Insole is one device.
type Insole struct {
	Insole  string `json:"insole" doc:"16 hexadecimal digits, or an IMEI"`
	Dialect string `json:"dialect" enum:"sole,teltonika"`
	Team    string `json:"team" doc:"who is told; of the wearer, when somebody wears it"`
	Worker  string `json:"worker,omitempty" doc:"who wears it"`
	Revoked bool   `json:"revoked,omitempty"`
	MadeMs  int64  `json:"madeMs"`
	KeyMs   int64  `json:"keyMs,omitempty" doc:"when its key was made"`
	Version int    `json:"version"`
}

// NewInsole is an insole to be made.
type NewInsole struct {
	Insole  string `json:"insole,omitempty" maxLength:"40" doc:"made up for sole when not given; the IMEI for teltonika"`
	Dialect string `json:"dialect" enum:"sole,teltonika"`
	Team    string `json:"team,omitempty" maxLength:"40" doc:"who is told while nobody wears it; needed without a worker"`
	Worker  string `json:"worker,omitempty" maxLength:"40"`
}

// KeyedInsole is an insole with its key, which is shown this once.
type KeyedInsole struct {
	Insole Insole `json:"insole"`
	Key    string `json:"key,omitempty" doc:"64 hexadecimal digits, shown this once; public dialects have none"`
}

// InsoleChange says who wears an insole.
type InsoleChange struct {
	Worker  string `json:"worker,omitempty" maxLength:"40" doc:"nobody when not given"`
	Team    string `json:"team,omitempty" maxLength:"40" doc:"who is told while nobody wears it"`
	Version int    `json:"version,omitempty" minimum:"0"`
}

// InsolePath names an insole.
type InsolePath struct {
	Insole string `path:"insole" maxLength:"40"`
}

func (p InsolePath) id() insole.ID { return insole.ID(p.Insole) }

type insolePost struct{ Body NewInsole }

type insolePut struct {
	InsolePath
	IfMatch
	Body InsoleChange
}

type insoleAct struct {
	InsolePath
	IfMatch
}

type insolesAnswer struct {
	Body struct {
		Insoles []Insole `json:"insoles"`
	}
}

func insoleOf(k store.Kept[store.InsoleRef]) Insole {
	v := k.Value
	return Insole{string(v.ID), string(v.Dialect), string(v.Team), string(v.Worker), v.Revoked, ms(v.MadeAt), ms(v.KeyAt), k.Version}
}

func (a *API) insoleRoutes(h huma.API) {
	c := crud{"insole", "insoles", "/api/insoles", insole.Supervisor}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*insolesAnswer, error) {
		all, err := a.Store.Insoles(ctx, who(ctx).Org)
		out := &insolesAnswer{}
		out.Body.Insoles = make([]Insole, len(all))
		for i, k := range all {
			out.Body.Insoles[i] = insoleOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), func(ctx context.Context, in *InsolePath) (*one[Insole], error) {
		k, err := a.Store.Insole(ctx, who(ctx).Org, in.id())
		return oneOf(insoleOf(k), k.Version), a.fail(ctx, err)
	})
	huma.Register(h, c.post(), a.provision)
	huma.Register(h, c.put(), func(ctx context.Context, in *insolePut) (*one[Insole], error) {
		version, err := in.known(in.Body.Version)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return a.changeInsole(ctx, in.id(), func(d *directory.Draft) error {
			err := d.Wear(in.id(), insole.WorkerID(in.Body.Worker), version)
			if err == nil && in.Body.Worker == "" && in.Body.Team != "" {
				err = d.SetInsoleTeam(in.id(), insole.TeamID(in.Body.Team), version)
			}
			return err
		})
	})
	huma.Register(h, op("rotate-insole", http.MethodPost, "/api/insoles/{insole}/rotate", "Give an insole a new key", "insoles", insole.Admin), a.rotate)
	huma.Register(h, op("revoke-insole", http.MethodPost, "/api/insoles/{insole}/revoke", "End what an insole may do", "insoles", insole.Admin),
		func(ctx context.Context, in *insoleAct) (*one[Insole], error) {
			version, err := in.version(0)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return a.changeInsole(ctx, in.id(), func(d *directory.Draft) error { return d.Revoke(in.id(), version) })
		})
}

func (a *API) provision(ctx context.Context, in *insolePost) (*one[KeyedInsole], error) {
	var made store.Kept[store.InsoleRef]
	var key []byte
	err := a.edit(ctx, func(d *directory.Draft) error {
		id, k, err := d.Provision(insole.ID(in.Body.Insole), insole.Dialect(in.Body.Dialect), insole.TeamID(in.Body.Team))
		if err == nil && in.Body.Worker != "" {
			err = d.Wear(id, insole.WorkerID(in.Body.Worker), directory.Any)
		}
		key = k
		made, _ = d.Insole(id)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(KeyedInsole{insoleOf(made), hex.EncodeToString(key)}, made.Version), nil
}

func (a *API) rotate(ctx context.Context, in *insoleAct) (*one[KeyedInsole], error) {
	version, err := in.version(0)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	var key []byte
	made, err := a.changeInsole(ctx, in.id(), func(d *directory.Draft) (err error) {
		key, err = d.Rotate(in.id(), version)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &one[KeyedInsole]{ETag: made.ETag, Body: KeyedInsole{made.Body, hex.EncodeToString(key)}}, nil
}

func (a *API) changeInsole(ctx context.Context, id insole.ID, change func(*directory.Draft) error) (*one[Insole], error) {
	var made store.Kept[store.InsoleRef]
	err := a.edit(ctx, func(d *directory.Draft) error {
		err := change(d)
		made, _ = d.Insole(id)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(insoleOf(made), made.Version), nil
}
