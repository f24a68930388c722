package ingest

import (
	"context"
	"sync"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Zones change rarely; a warm process asks again after knownFor. Zones that cannot be read are not asked for again for zonesPause, and
// ZonesWait is how long a batch of positions waits for them. A call for help never does.
const (
	ZonesWait  = time.Second
	zonesPause = 5 * time.Second
)

// zones remembers the zones of orgs. Old ones are better than none while the table is away.
type zones struct {
	mu sync.Mutex
	m  map[insole.OrgID]*orgZones
}

type orgZones struct {
	known   bool
	all     []insole.Zone
	asked   time.Time     // when reading them last ended
	failed  bool          // at that time
	reading chan struct{} // closed when somebody has read them; nil when nobody is
}

// remembered is what is known of o's zones without asking.
func (z *zones) remembered(o insole.OrgID) (all []insole.Zone, known bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if e := z.m[o]; e != nil {
		return e.all, e.known
	}
	return nil, false
}

// get is o's zones, at most knownFor old unless they cannot be read. err says that they could not be, now or a moment ago.
func (z *zones) get(ctx context.Context, now func() time.Time, o insole.OrgID, read func(context.Context) ([]insole.Zone, error)) (all []insole.Zone, known bool, err error) {
	z.mu.Lock()
	if z.m == nil {
		z.m = map[insole.OrgID]*orgZones{}
	}
	e := z.m[o]
	if e == nil {
		e = &orgZones{}
		z.m[o] = e
	}
	age := now().Sub(e.asked)
	switch {
	case !e.failed && e.known && age < knownFor, e.failed && age < zonesPause:
		defer z.mu.Unlock()
		return e.all, e.known, nil
	case e.reading != nil:
		wait := e.reading
		z.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
		}
		all, known = z.remembered(o)
		return all, known, nil
	}
	e.reading = make(chan struct{})
	z.mu.Unlock()
	all, err = read(ctx)
	z.mu.Lock()
	defer z.mu.Unlock()
	close(e.reading)
	e.reading, e.asked, e.failed = nil, now(), err != nil
	if err == nil {
		e.all, e.known = all, true
	}
	return e.all, e.known, err
}

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
		ctx, cancel := context.WithTimeout(ctx, ZonesWait)
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
