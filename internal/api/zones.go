package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Zone is an area with a meaning.
type Zone struct {
	Zone    string       `json:"zone,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Team    string       `json:"team,omitempty" maxLength:"40" doc:"every team when not given"`
	Name    string       `json:"name" maxLength:"200"`
	Danger  bool         `json:"danger,omitempty" doc:"entering is the event; otherwise leaving is"`
	Ring    [][2]float64 `json:"ring" maxItems:"501" doc:"longitude and latitude in degrees, WGS 84; is closed when it is not"`
	Version int          `json:"version,omitempty" minimum:"0"`
}

// ZonePath names a zone.
type ZonePath struct {
	Zone string `path:"zone" maxLength:"40"`
}

type zonePut struct {
	ZonePath
	IfMatch
	Body Zone
}

type zonePost struct{ Body Zone }

type zoneDrop struct {
	ZonePath
	IfMatch
}

type zonesAnswer struct {
	Body struct {
		Zones []Zone `json:"zones"`
	}
}

func zoneOf(k store.Kept[insole.Zone]) Zone {
	v := k.Value
	return Zone{string(v.ID), string(v.Team), v.Name, v.Danger, v.Ring, k.Version}
}

func (a *API) zoneRoutes(h huma.API) {
	c := crud{"zone", "zones", "/api/zones", insole.Viewer}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*zonesAnswer, error) {
		all, err := a.Store.Zones(ctx, who(ctx).Org)
		out := &zonesAnswer{}
		out.Body.Zones = make([]Zone, len(all))
		for i, k := range all {
			out.Body.Zones[i] = zoneOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), func(ctx context.Context, in *ZonePath) (*one[Zone], error) {
		k, err := a.Store.Zone(ctx, who(ctx).Org, insole.ZoneID(in.Zone))
		return oneOf(zoneOf(k), k.Version), a.fail(ctx, err)
	})
	huma.Register(h, c.post(), func(ctx context.Context, in *zonePost) (*one[Zone], error) {
		return a.setZone(ctx, in.Body, directory.New)
	})
	huma.Register(h, c.put(), func(ctx context.Context, in *zonePut) (*one[Zone], error) {
		version, err := in.known(in.Body.Version)
		if err == nil {
			err = sameName(in.Zone, in.Body.Zone)
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		in.Body.Zone = in.Zone
		return a.setZone(ctx, in.Body, version)
	})
	huma.Register(h, c.drop(), func(ctx context.Context, in *zoneDrop) (*struct{}, error) {
		version, err := in.version(0)
		if err == nil {
			err = a.edit(ctx, func(d *directory.Draft) error { return d.DropZone(insole.ZoneID(in.Zone), version) })
		}
		return nil, a.fail(ctx, err)
	})
}

func (a *API) setZone(ctx context.Context, z Zone, version int) (*one[Zone], error) {
	var made store.Kept[insole.Zone]
	err := a.edit(ctx, func(d *directory.Draft) error {
		id := insole.ZoneID(given(z.Zone, z.Name, func(s string) bool { _, ok := d.Zone(insole.ZoneID(s)); return ok }))
		err := d.SetZone(insole.Zone{ID: id, Team: insole.TeamID(z.Team), Name: z.Name, Danger: z.Danger, Ring: z.Ring}, version)
		made, _ = d.Zone(id)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(zoneOf(made), made.Version), nil
}
