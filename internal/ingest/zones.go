package ingest

import (
	"context"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// zonesOf is the zones that id's worker is judged by. known is false when nobody can say which: then none is judged, which is logged by whoever asked.
func (h *Handler) zonesOf(ctx context.Context, id identity, g *group) (all []insole.Zone, known bool) {
	if id.away != nil || id.Worker == "" || id.Worker == insole.WorkerID(id.Insole) {
		return nil, false // worn by nobody
	}
	org, known := h.zones.remembered(id.Org)
	if !g.help {
		placed := false
		for _, r := range g.reports {
			placed = placed || r.Fix != nil
		}
		if !placed {
			return nil, false
		}
		var err error
		ctx, cancel := context.WithTimeout(ctx, SettingsWait)
		defer cancel()
		org, known, err = h.zones.get(ctx, h.Now, id.Org, func(ctx context.Context) ([]insole.Zone, error) {
			kept, err := h.Store.Zones(ctx, id.Org)
			if err != nil {
				return nil, err
			}
			return values(kept), nil
		})
		if err != nil {
			h.Log.WarnContext(ctx, "zones not read", "org", id.Org, "remembered", known, "err", err)
		}
	}
	for _, z := range org {
		if z.Team == "" || z.Team == id.Team {
			all = append(all, z)
		}
	}
	return all, known
}

func values(kept []store.Kept[insole.Zone]) []insole.Zone {
	all := make([]insole.Zone, len(kept))
	for i, k := range kept {
		all[i] = k.Value
	}
	return all
}
