package directory

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Provision makes an insole and returns its key, to be shown once; a public dialect has none. An empty id is made up
// (SOLE/1 only). team is told while nobody wears it. ErrTaken when the org has it already.
func (d *Draft) Provision(id insole.ID, dialect insole.Dialect, team insole.TeamID) (insole.ID, []byte, error) {
	if id == "" && dialect == insole.SOLE {
		raw := make([]byte, 8)
		rand.Read(raw)
		id = insole.ID(hex.EncodeToString(raw))
	}
	if err := d.insoles.expect("insole", id, New); err != nil {
		return "", nil, err
	}
	d.checker("insole", string(id)).insole(id, dialect)
	d.insoles.after[id] = store.InsoleRef{Org: d.Org.ID, ID: id, Dialect: dialect, Team: team, MadeAt: d.now}
	if dialect != insole.SOLE {
		return id, nil, nil
	}
	return id, d.newKey(id), nil
}

// SetKey gives an insole the key that it is known to have: of one that was made elsewhere.
func (d *Draft) SetKey(id insole.ID, key []byte) {
	if len(key) != keyBytes {
		d.checker("insole", string(id)).fault("key", "insole-key", "bytes", strconv.Itoa(keyBytes))
	}
	d.keys[id] = key
}

// Rotate gives an insole a new key. The old one opens nothing once the bridge's cache has forgotten it.
func (d *Draft) Rotate(id insole.ID, version int) ([]byte, error) {
	err := d.insoles.expect("insole", id, version)
	if err != nil {
		return nil, err
	}
	if r := d.insoles.after[id]; r.Dialect != insole.SOLE {
		d.checker("insole", string(id)).fault("dialect", "no-key", "given", string(r.Dialect))
		return nil, nil
	}
	return d.newKey(id), nil
}

// Revoke ends what an insole may do, and takes it off its wearer. Revoking twice changes nothing. Help that a revoked
// insole calls for is not heard.
func (d *Draft) Revoke(id insole.ID, version int) error {
	err := d.insoles.expect("insole", id, version)
	if err != nil {
		return err
	}
	if w, ok := d.workers.after[d.insoles.after[id].Worker]; ok && w.Insole == id {
		w.Insole = ""
		err := d.SetWorker(w, Any)
		if err != nil {
			return err
		}
	}
	r := d.insoles.after[id]
	r.Revoked = true
	d.insoles.after[id] = r
	return nil
}

// SetInsoleTeam says who is told while nobody wears the insole; with a wearer it is the wearer's team.
func (d *Draft) SetInsoleTeam(id insole.ID, team insole.TeamID, version int) error {
	err := d.insoles.expect("insole", id, version)
	if err != nil {
		return err
	}
	r := d.insoles.after[id]
	if r.Worker == "" {
		r.Team = team
		d.insoles.after[id] = r
	}
	return nil
}

// Wear puts an insole on a worker, or with "" on nobody.
func (d *Draft) Wear(id insole.ID, worker insole.WorkerID, version int) error {
	err := d.insoles.expect("insole", id, version)
	if err != nil {
		return err
	}
	if r := d.insoles.after[id]; r.Worker == worker {
		return nil
	} else if r.Worker != "" {
		w := d.workers.after[r.Worker]
		w.Insole = ""
		err := d.SetWorker(w, Any)
		if err != nil || worker == "" {
			return err
		}
	}
	w, ok := d.workers.after[worker]
	if !ok {
		d.checker("insole", string(id)).fault("worker", "no-such-worker", "given", clip(string(worker)))
		return nil
	}
	w.Insole = id
	return d.SetWorker(w, Any)
}

const keyBytes = 32

func (d *Draft) newKey(id insole.ID) []byte {
	key := make([]byte, keyBytes)
	rand.Read(key)
	d.keys[id] = key
	r := d.insoles.after[id]
	r.KeyAt = d.now
	d.insoles.after[id] = r
	return key
}

// Insole is of an insole that is to be written also when only its wearer changes.
func (d *Draft) Insole(id insole.ID) (store.Kept[store.InsoleRef], bool) {
	if slices.Contains(d.changedInsoles(), id) {
		return d.insoles.next(id), true
	}
	return d.insoles.kept(id)
}

// assignment is what the bridge must know of an insole, given the workers of before or after.
func assignment(org insole.Org, r store.InsoleRef, worker func(insole.WorkerID) (insole.Worker, bool)) insole.Assignment {
	a := insole.Assignment{Insole: r.ID, Dialect: r.Dialect, Org: org.ID, Team: r.Team, Locale: org.Locale, Revoked: r.Revoked}
	if w, ok := worker(r.Worker); ok && r.Worker != "" {
		a.Worker, a.WorkerName, a.Team, a.Shifts, a.ShiftBy = w.ID, w.Name, w.Team, w.Shifts, w.ShiftBy
	}
	return a
}

// changedInsoles lists the insoles of which the org or the bridge must know something else.
func (d *Draft) changedInsoles() []insole.ID {
	var all []insole.ID
	for _, id := range slices.Sorted(maps.Keys(d.insoles.after)) {
		was, had := d.insoles.was(id)
		r := d.insoles.after[id]
		if w, ok := d.workers.after[r.Worker]; ok {
			r.Team = w.Team
			d.insoles.after[id] = r
		}
		if !had || was != r || d.keys[id] != nil ||
			!reflect.DeepEqual(assignment(d.wasOrg, was, d.workers.was), assignment(d.Org, r, d.wearer)) {
			all = append(all, id)
		}
	}
	return all
}
