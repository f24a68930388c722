package directory

import (
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// SetWorker makes or changes a worker, and with it what the insole says of its wearer. An insole that somebody else
// wears is a fault: taking it off them unasked would leave them unprotected.
func (d *Draft) SetWorker(v insole.Worker, version int) error {
	err := d.workers.expect("worker", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	c := d.checker("worker", string(v.ID))
	v = c.worker(v)
	was := d.workers.after[v.ID]
	v.Worn = was.Worn
	if was.Insole != "" && was.Insole != v.Insole {
		d.unworn(was.Insole, was.Team)
		v.Worn = append([]insole.Worn{{Insole: was.Insole, Until: d.now}}, slices.DeleteFunc(slices.Clone(was.Worn), func(p insole.Worn) bool {
			return p.Insole == was.Insole || d.now.Sub(p.Until) > wornFor
		})...)
		v.Worn = v.Worn[:min(len(v.Worn), maxWorn)]
	}
	if v.Insole != "" {
		r, ok := d.insoles.after[v.Insole]
		switch {
		case !ok:
			c.fault("insole", "no-such-insole", "given", clip(string(v.Insole)))
		case r.Revoked:
			c.fault("insole", "insole-revoked", "given", string(v.Insole))
		case r.Worker != "" && r.Worker != v.ID:
			c.fault("insole", "insole-worn", "given", string(v.Insole), "worker", d.workers.after[r.Worker].Name)
		default:
			r.Worker, r.Team = v.ID, v.Team
			d.insoles.after[v.Insole] = r
		}
	}
	d.workers.after[v.ID] = v
	return nil
}

// How many insoles worn before are remembered, and for how long: longer than any position is kept.
const (
	maxWorn = 20
	wornFor = 400 * 24 * time.Hour
)

// DropWorker removes a worker. The insole stays, with the worker's team.
func (d *Draft) DropWorker(id insole.WorkerID, version int) error {
	err := d.workers.expect("worker", id, version)
	if err != nil {
		return err
	}
	w := d.workers.after[id]
	if w.Insole != "" {
		d.unworn(w.Insole, w.Team)
	}
	delete(d.workers.after, id)
	return nil
}

// unworn takes an insole off its wearer; team is told from now on.
func (d *Draft) unworn(id insole.ID, team insole.TeamID) {
	r, ok := d.insoles.after[id]
	if !ok {
		return
	}
	r.Worker, r.Team = "", team
	d.insoles.after[id] = r
}

// Worker is a worker that is to be, as it will be kept; false when there is none.
func (d *Draft) Worker(id insole.WorkerID) (store.Kept[insole.Worker], bool) {
	return d.workers.kept(id)
}

func (d *Draft) wearer(id insole.WorkerID) (insole.Worker, bool) {
	w, ok := d.workers.after[id]
	return w, ok
}
