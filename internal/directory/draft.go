package directory

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// What a caller knows of the version that it changes.
const (
	Any = -1 // whatever version there is; there must be one
	New = 0  // there must be none
)

// A Draft is one org as it was read, and as it is to be.
type Draft struct {
	Org    insole.Org // as it is to be; see SetOrg
	Resync bool       // bring the subscriptions of every team in line, also of those that do not change

	wasOrg   insole.Org
	revision int64
	now      time.Time
	faults   Faults // found while it was made
	contacts nouns[insole.ContactID, insole.Contact]
	teams    nouns[insole.TeamID, insole.Team]
	workers  nouns[insole.WorkerID, insole.Worker]
	insoles  nouns[insole.ID, store.InsoleRef]
	zones    nouns[insole.ZoneID, insole.Zone]
	users    nouns[insole.UserID, insole.User]
	keys     map[insole.ID][]byte // of insoles that get a new one
}

// nouns is all things of one kind in an org, before and after.
type nouns[K cmp.Ordered, V any] struct {
	before map[K]store.Kept[V]
	after  map[K]V
}

func nounsOf[K cmp.Ordered, V any](kept []store.Kept[V], id func(V) K) nouns[K, V] {
	n := nouns[K, V]{map[K]store.Kept[V]{}, map[K]V{}}
	for _, k := range kept {
		n.before[id(k.Value)], n.after[id(k.Value)] = k, k.Value
	}
	return n
}

func (n nouns[K, V]) now() map[K]V  { return n.after }
func (n nouns[K, V]) has(id K) bool { _, ok := n.after[id]; return ok }
func (n nouns[K, V]) was(id K) (V, bool) {
	k, ok := n.before[id]
	return k.Value, ok
}

// expect compares what is there with what the caller knows.
func (n nouns[K, V]) expect(what string, id K, version int) error {
	have := n.before[id] // version 0 when it is new in this draft
	switch {
	case version == New && n.has(id):
		return fmt.Errorf("%s %v: %w", what, id, ErrTaken)
	case version == New:
		return nil
	case !n.has(id):
		return fmt.Errorf("%s %v: %w", what, id, insole.ErrNotFound)
	case version != Any && version != have.Version:
		return fmt.Errorf("%s %v is at version %d, not %d: %w", what, id, have.Version, version, ErrVersion)
	}
	return nil
}

// changed lists what is new or not what it was, by name.
func (n nouns[K, V]) changed() []K {
	var all []K
	for _, id := range slices.Sorted(maps.Keys(n.after)) {
		was, ok := n.was(id)
		if !ok || !reflect.DeepEqual(was, n.after[id]) {
			all = append(all, id)
		}
	}
	return all
}

// dropped lists what is no more.
func (n nouns[K, V]) dropped() []K {
	var all []K
	for _, id := range slices.Sorted(maps.Keys(n.before)) {
		if !n.has(id) {
			all = append(all, id)
		}
	}
	return all
}

func (n nouns[K, V]) touched() bool { return len(n.changed())+len(n.dropped()) > 0 }

// next is how id will be kept.
func (n nouns[K, V]) next(id K) store.Kept[V] {
	return store.Kept[V]{Value: n.after[id], Version: n.before[id].Version + 1}
}

func newDraft(dir store.Directory, now time.Time) *Draft {
	return &Draft{
		Org: dir.Org, wasOrg: dir.Org, revision: dir.Revision, now: now.UTC().Truncate(time.Millisecond),
		contacts: nounsOf(dir.Contacts, func(v insole.Contact) insole.ContactID { return v.ID }),
		teams:    nounsOf(dir.Teams, func(v insole.Team) insole.TeamID { return v.ID }),
		workers:  nounsOf(dir.Workers, func(v insole.Worker) insole.WorkerID { return v.ID }),
		insoles:  nounsOf(dir.Insoles, func(v store.InsoleRef) insole.ID { return v.ID }),
		zones:    nounsOf(dir.Zones, func(v insole.Zone) insole.ZoneID { return v.ID }),
		users:    nounsOf(dir.Users, func(v insole.User) insole.UserID { return v.ID }),
		keys:     map[insole.ID][]byte{},
	}
}

// NewOrg is the draft of an org that is not there yet: it must be made (store.CreateOrg) before the draft is saved.
func NewOrg(o insole.Org, now time.Time) *Draft {
	d := newDraft(store.Directory{Org: o}, now)
	if !orgID.MatchString(string(o.ID)) {
		d.checker("org", string(o.ID)).fault("org", "org-id", "given", clip(string(o.ID)))
	}
	d.SetOrg(o.Name, o.Locale)
	d.wasOrg = d.Org
	return d
}

// SetOrg changes what the org is called, and its language.
func (d *Draft) SetOrg(name, locale string) {
	c := d.checker("org", string(d.Org.ID))
	d.Org.Name, d.Org.Locale = c.name("name", name), c.locale("locale", locale)
}

// SetOperators names the team that is paged about what concerns no worker; "" is nobody. It has to be a team of the org.
func (d *Draft) SetOperators(team insole.TeamID) { d.Org.Operators = team }

func (d *Draft) checker(noun, id string) checker { return checker{noun, id, &d.faults} }

// Each Set and Drop below takes the version that the caller knows, Any or New. A Set returns ErrTaken or ErrVersion or
// insole.ErrNotFound at once; what is wrong with the thing itself is found by Directory.Check, with everything else.

// SetContact makes or changes a contact.
func (d *Draft) SetContact(v insole.Contact, version int) error {
	err := d.contacts.expect("contact", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	d.contacts.after[v.ID] = d.checker("contact", string(v.ID)).contact(v)
	return nil
}

// DropContact removes a contact. A team that names it is a fault.
func (d *Draft) DropContact(id insole.ContactID, version int) error {
	err := d.contacts.expect("contact", id, version)
	delete(d.contacts.after, id)
	return err
}

// SetTeam makes or changes a team.
func (d *Draft) SetTeam(v insole.Team, version int) error {
	err := d.teams.expect("team", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	d.teams.after[v.ID] = d.checker("team", string(v.ID)).team(v)
	return nil
}

// DropTeam removes a team. Workers, insoles or zones of it are a fault.
func (d *Draft) DropTeam(id insole.TeamID, version int) error {
	err := d.teams.expect("team", id, version)
	delete(d.teams.after, id)
	return err
}

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

// SetZone makes or changes a zone.
func (d *Draft) SetZone(v insole.Zone, version int) error {
	err := d.zones.expect("zone", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	d.zones.after[v.ID] = d.checker("zone", string(v.ID)).zone(v)
	return nil
}

// DropZone removes a zone.
func (d *Draft) DropZone(id insole.ZoneID, version int) error {
	err := d.zones.expect("zone", id, version)
	delete(d.zones.after, id)
	return err
}

// SetUser makes or changes a user. An empty Password, which is a hash, keeps the one there is.
func (d *Draft) SetUser(v insole.User, version int) error {
	err := d.users.expect("user", v.ID, version)
	if err != nil {
		return err
	}
	v.Org = d.Org.ID
	c := d.checker("user", string(v.ID))
	v = c.user(v)
	if v.Password == "" {
		was, ok := d.users.was(v.ID)
		if !ok {
			c.fault("password", "password-empty")
		}
		v.Password = was.Password
	}
	d.users.after[v.ID] = v
	return nil
}

// CheckPassword notes a fault of the password that a user is to have.
func (d *Draft) CheckPassword(id insole.UserID, password string) {
	if len(password) < auth.MinPassword || len(password) > auth.MaxPassword {
		d.checker("user", string(id)).fault("password", "password", "min", strconv.Itoa(auth.MinPassword), "max", strconv.Itoa(auth.MaxPassword))
	}
}

// DropUser removes a user. The last admin is a fault: nobody could let anybody in again.
func (d *Draft) DropUser(id insole.UserID, version int) error {
	err := d.users.expect("user", id, version)
	delete(d.users.after, id)
	return err
}

// kept is id as it will be kept once the draft is saved.
func (n nouns[K, V]) kept(id K) (store.Kept[V], bool) {
	v, ok := n.after[id]
	k := n.before[id]
	if was, had := n.was(id); !had || !reflect.DeepEqual(was, v) {
		k = store.Kept[V]{Value: v, Version: k.Version + 1}
	}
	return k, ok
}

// Each of these returns what is to be, as it will be kept; false when there is none.

func (d *Draft) Contact(id insole.ContactID) (store.Kept[insole.Contact], bool) {
	return d.contacts.kept(id)
}
func (d *Draft) Team(id insole.TeamID) (store.Kept[insole.Team], bool) { return d.teams.kept(id) }
func (d *Draft) Worker(id insole.WorkerID) (store.Kept[insole.Worker], bool) {
	return d.workers.kept(id)
}
func (d *Draft) Zone(id insole.ZoneID) (store.Kept[insole.Zone], bool) { return d.zones.kept(id) }
func (d *Draft) User(id insole.UserID) (store.Kept[insole.User], bool) { return d.users.kept(id) }

// Insole is of an insole that is to be written also when only its wearer changes.
func (d *Draft) Insole(id insole.ID) (store.Kept[store.InsoleRef], bool) {
	if slices.Contains(d.changedInsoles(), id) {
		return d.insoles.next(id), true
	}
	return d.insoles.kept(id)
}

// Changes says what is new or different, as "worker marie", and what goes, as "-worker marie", by kind and name.
func (d *Draft) Changes() []string {
	var all []string
	add := func(kind string, changed, dropped []string) {
		for _, id := range changed {
			all = append(all, kind+" "+id)
		}
		for _, id := range dropped {
			all = append(all, "-"+kind+" "+id)
		}
	}
	if d.Org != d.wasOrg {
		all = append(all, "org "+string(d.Org.ID))
	}
	add("contact", plain(d.contacts.changed()), plain(d.contacts.dropped()))
	add("team", plain(d.teams.changed()), plain(d.teams.dropped()))
	add("insole", plain(d.changedInsoles()), plain(d.insoles.dropped()))
	add("worker", plain(d.workers.changed()), plain(d.workers.dropped()))
	add("zone", plain(d.zones.changed()), plain(d.zones.dropped()))
	add("user", plain(d.users.changed()), plain(d.users.dropped()))
	return all
}

func plain[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

// check looks at the whole: at every thing that changes, and at what the change does to others.
func (d *Draft) check() Faults {
	faults := slices.Clone(d.faults)
	if d.teams.touched() || d.contacts.touched() {
		for _, id := range slices.Sorted(maps.Keys(d.teams.after)) {
			checker{"team", string(id), &faults}.reach(d.teams.after[id], d.contacts.after)
		}
	}
	noTeam := func(c checker, at string, id insole.TeamID) {
		if _, was := d.teams.was(id); was && !d.teams.has(id) {
			c = checker{"team", string(id), c.faults}
			c.fault("", "team-in-use", "team", d.teams.before[id].Value.Name)
			return
		}
		c.fault(at, "no-such-team", "given", clip(string(id)))
	}
	if d.teams.touched() || d.workers.touched() || d.insoles.touched() || d.zones.touched() {
		said := map[insole.TeamID]bool{} // a team that goes is one fault, however many belong to it
		look := func(noun, id, at string, team insole.TeamID) {
			if d.teams.has(team) || said[team] && len(d.teams.dropped()) > 0 {
				return
			}
			said[team] = true
			noTeam(checker{noun, id, &faults}, at, team)
		}
		for _, id := range slices.Sorted(maps.Keys(d.workers.after)) {
			look("worker", string(id), "team", d.workers.after[id].Team)
		}
		for _, id := range slices.Sorted(maps.Keys(d.insoles.after)) {
			if r := d.insoles.after[id]; r.Worker == "" && !r.Revoked {
				look("insole", string(id), "team", r.Team)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(d.zones.after)) {
			if team := d.zones.after[id].Team; team != "" {
				look("zone", string(id), "team", team)
			}
		}
	}
	if team := d.Org.Operators; team != "" && (d.Org != d.wasOrg || d.teams.touched()) && !d.teams.has(team) {
		if was, had := d.teams.was(team); had {
			checker{"team", string(team), &faults}.fault("", "team-operators", "team", was.Name)
		} else {
			checker{"org", string(d.Org.ID), &faults}.fault("operators", "no-such-team", "given", clip(string(team)))
		}
	}
	if d.users.touched() {
		admins := func(all map[insole.UserID]insole.User) (n int) {
			for _, u := range all {
				if u.Role == insole.Admin {
					n++
				}
			}
			return n
		}
		before := 0
		for _, k := range d.users.before {
			if k.Value.Role == insole.Admin {
				before++
			}
		}
		if before > 0 && admins(d.users.after) == 0 {
			checker{"user", "", &faults}.fault("role", "last-admin")
		}
	}
	return faults
}

// assignment is what the bridge must know of an insole, given the workers of before or after.
func assignment(org insole.Org, r store.InsoleRef, worker func(insole.WorkerID) (insole.Worker, bool)) insole.Assignment {
	a := insole.Assignment{Insole: r.ID, Dialect: r.Dialect, Org: org.ID, Team: r.Team, Locale: org.Locale, Revoked: r.Revoked}
	if w, ok := worker(r.Worker); ok && r.Worker != "" {
		a.Worker, a.WorkerName, a.Team, a.Shifts = w.ID, w.Name, w.Team, w.Shifts
	}
	return a
}

func (d *Draft) wearer(id insole.WorkerID) (insole.Worker, bool) {
	w, ok := d.workers.after[id]
	return w, ok
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

// changes lists what is to be written, in an order in which what is named by others comes before them.
func (d *Draft) changes() []store.Change {
	var all []store.Change
	for _, id := range d.contacts.changed() {
		all = append(all, store.PutContact(d.contacts.next(id)))
	}
	for _, id := range d.teams.changed() {
		all = append(all, store.PutTeam(d.teams.next(id)))
	}
	for _, id := range d.changedInsoles() {
		a := assignment(d.Org, d.insoles.after[id], d.wearer)
		a.Key = d.keys[id]
		all = append(all, store.PutInsole(d.insoles.next(id), a))
	}
	for _, id := range d.workers.changed() {
		all = append(all, store.PutWorker(d.workers.next(id)))
	}
	for _, id := range d.zones.changed() {
		all = append(all, store.PutZone(d.zones.next(id)))
	}
	for _, id := range d.users.changed() {
		was, _ := d.users.was(id)
		all = append(all, store.PutUser(d.users.next(id), was.Email))
	}
	org := d.Org.ID
	for _, id := range d.users.dropped() {
		u, _ := d.users.was(id)
		all = append(all, store.DropUser(u))
	}
	for _, id := range d.zones.dropped() {
		all = append(all, store.DropZone(org, id))
	}
	for _, id := range d.workers.dropped() {
		all = append(all, store.DropWorker(org, id))
	}
	for _, id := range d.teams.dropped() {
		all = append(all, store.DropTeam(org, id))
	}
	for _, id := range d.contacts.dropped() {
		all = append(all, store.DropContact(org, id))
	}
	return all
}

// touchedTeams lists the teams whose subscriptions may not be in line with the draft; one that is no more has no steps.
func (d *Draft) touchedTeams() []insole.Team {
	contacts := map[insole.ContactID]bool{}
	for _, id := range append(d.contacts.changed(), d.contacts.dropped()...) {
		contacts[id] = true
	}
	changed := d.teams.changed()
	var all []insole.Team
	for _, id := range slices.Sorted(maps.Keys(d.teams.after)) {
		t := d.teams.after[id]
		names := slices.ContainsFunc(t.Steps, func(s insole.Step) bool {
			return slices.ContainsFunc(s.Contacts, func(c insole.ContactID) bool { return contacts[c] })
		})
		if d.Resync || names || slices.Contains(changed, id) {
			all = append(all, t)
		}
	}
	for _, id := range d.teams.dropped() {
		all = append(all, insole.Team{Org: d.Org.ID, ID: id})
	}
	return all
}

// called lists everybody whom a team's policy names, once.
func (d *Draft) called(t insole.Team) []insole.Contact {
	var all []insole.Contact
	seen := map[insole.ContactID]bool{}
	for _, s := range t.Steps {
		for _, id := range s.Contacts {
			c, ok := d.contacts.after[id]
			if ok && !seen[id] {
				seen[id] = true
				all = append(all, c)
			}
		}
	}
	return all
}

// NewID makes a name from what a person calls a thing: "Équipe de nuit" is "equipe-de-nuit". It is not in use by the
// things for which used returns true.
func NewID(name string, used func(string) bool) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case plainOf[r] != "":
			b.WriteString(plainOf[r])
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 30 {
			break
		}
	}
	id := strings.Trim(b.String(), "-")
	if id == "" || !used(id) {
		if id != "" {
			return id
		}
		id = "x"
	}
	for {
		next := id + "-" + strings.ToLower(rand.Text()[:5])
		if !used(next) {
			return next
		}
	}
}

var plainOf = func() map[rune]string {
	m := map[rune]string{'æ': "ae", 'œ': "oe", 'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'þ': "th"}
	for to, from := range map[string]string{
		"a": "àáâãäåāăą", "c": "çćč", "d": "ď", "e": "èéêëēėęě", "g": "ğ", "i": "ìíîïīı", "l": "ľĺ", "n": "ñńň",
		"o": "òóôõöōő", "r": "řŕ", "s": "śšşș", "t": "ťţț", "u": "ùúûüūůű", "y": "ýÿ", "z": "źżž",
	} {
		for _, r := range from {
			m[r] = to
		}
	}
	return m
}()
