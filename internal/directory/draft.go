package directory

import (
	"maps"
	"slices"
	"time"

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
