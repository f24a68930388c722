package directory

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

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

// Team is a team that is to be, as it will be kept; false when there is none.
func (d *Draft) Team(id insole.TeamID) (store.Kept[insole.Team], bool) { return d.teams.kept(id) }

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
		names := slices.ContainsFunc(t.AllSteps(), func(s insole.Step) bool {
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
	for _, s := range t.AllSteps() {
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

// team checks everything of v but whom its policy reaches.
func (c checker) team(v insole.Team) insole.Team {
	c.ident("team", string(v.ID))
	v.Name = c.name("name", v.Name)
	v.Fallback = c.phone("fallback", v.Fallback)
	if v.Lapse < 0 || v.Lapse > maxDelay {
		c.fault("lapseS", "delay", "max", seconds(maxDelay))
	}
	if v.Repeat == 0 {
		v.Repeat = DefaultRepeat
	}
	if v.Repeat < minRepeat || v.Repeat > maxRepeat {
		c.fault("repeatS", "repeat", "min", seconds(minRepeat), "max", seconds(maxRepeat))
	}
	c.delays("steps", v.Steps)
	c.delays("outOfHours", v.OutOfHours)
	c.shifts("hours", v.Hours)
	if len(v.OutOfHours) > 0 && len(v.Hours) == 0 {
		c.fault("hours", "hours-none", "team", v.Name)
	}
	v.Settings = c.settings(v.Settings)
	return v
}

func (c checker) delays(list string, steps []insole.Step) {
	if len(steps) > maxSteps {
		c.fault(list, "too-many", "max", strconv.Itoa(maxSteps))
	}
	for i, s := range steps {
		at := list + "[" + strconv.Itoa(i) + "]"
		if s.Delay < 0 || s.Delay > maxDelay {
			c.fault(at+".delayS", "delay", "max", seconds(maxDelay))
		}
		if len(s.Contacts) > maxPerStep {
			c.fault(at+".contacts", "too-many", "max", strconv.Itoa(maxPerStep))
		}
	}
}

// settings checks what a team says of its alarms and gives what of it is not the default anyway.
func (c checker) settings(all insole.Settings) insole.Settings {
	var out insole.Settings
	for _, k := range slices.Sorted(maps.Keys(all)) {
		at, v := "settings."+clip(string(k)), all[k]
		rule := k.Rule()
		if !slices.ContainsFunc(insole.Kinds, func(r insole.KindRule) bool { return r.Kind == k }) {
			c.fault(at, "setting-kind", "given", clip(string(k)))
			continue
		}
		if v.Off && rule.NeverOff != "" {
			c.fault(at+".off", "setting-off."+string(k))
		}
		if v.On && !rule.Default.Off { // it is on anyway
			c.fault(at+".on", "setting-none")
		}
		switch most := rule.Most.Priority; {
		case v.Priority >= 0 && v.Priority <= most:
		case most == 1:
			c.fault(at+".priority", "setting-first")
		default:
			c.fault(at+".priority", "setting-priority", "max", strconv.Itoa(most))
		}
		between := func(field, what string, v, least, most float64) {
			switch {
			case v == 0:
			case most == 0:
				c.fault(at+"."+field, "setting-none")
			case !(v >= least && v <= most):
				c.fault(at+"."+field, what, "min", number(least), "max", number(most))
			}
		}
		duration := func(field string, v, least, most time.Duration) {
			between(field, "setting-seconds", v.Seconds(), least.Seconds(), most.Seconds())
		}
		duration("preAlarmS", v.PreAlarm, rule.Least.PreAlarm, rule.Most.PreAlarm)
		duration("dwellS", v.Dwell, rule.Least.Dwell, rule.Most.Dwell)
		between("factor", "setting-factor", v.Factor, rule.Least.Factor, rule.Most.Factor)
		duration("minimumS", v.Minimum, rule.Least.Minimum, rule.Most.Minimum)
		between("percent", "setting-percent", float64(v.Percent), float64(rule.Least.Percent), float64(rule.Most.Percent))
		if v != (insole.Setting{}) {
			if out == nil {
				out = insole.Settings{}
			}
			out[k] = v
		}
	}
	return out
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// reach checks that every step of v, of both lists, reaches everybody it names, on a channel that it uses. Two steps with the same
// contact are fine; the same contact twice in one step would be paged twice.
func (c checker) reach(v insole.Team, contacts map[insole.ContactID]insole.Contact) {
	if len(v.Steps) == 0 {
		c.fault("steps", "policy-empty", "team", v.Name)
	}
	c.reaches("steps", "", v.Steps, v.Name, contacts)
	c.reaches("outOfHours", "-out", v.OutOfHours, v.Name, contacts)
}

// reaches is reach for the steps of one list; suffix tells its texts from those of the other.
func (c checker) reaches(list, suffix string, steps []insole.Step, team string, contacts map[insole.ContactID]insole.Contact) {
	for i, s := range steps {
		at := list + "[" + strconv.Itoa(i) + "]"
		if len(s.Contacts) == 0 {
			c.fault(at+".contacts", "step-nobody"+suffix, "team", team, "step", strconv.Itoa(i+1))
		}
		usable := map[insole.Channel]bool{}
		for j, ch := range s.Channels {
			if ch != insole.SMS && ch != insole.Email {
				c.fault(at+".channels["+strconv.Itoa(j)+"]", "channel", "given", clip(string(ch)))
				continue
			}
			if usable[ch] {
				c.fault(at+".channels["+strconv.Itoa(j)+"]", "twice", "given", string(ch))
			}
			usable[ch] = true
		}
		if len(s.Channels) == 0 {
			c.fault(at+".channels", "step-silent"+suffix, "team", team, "step", strconv.Itoa(i+1))
		}
		seen := map[insole.ContactID]bool{}
		for j, id := range s.Contacts {
			at := at + ".contacts[" + strconv.Itoa(j) + "]"
			who, ok := contacts[id]
			switch {
			case !ok:
				c.fault(at, "no-such-contact", "given", clip(string(id)), "team", team)
			case seen[id]:
				c.fault(at, "twice", "given", string(id))
			case len(usable) > 0 && !(usable[insole.SMS] && who.Phone != "" || usable[insole.Email] && who.Email != ""):
				c.fault(at, "step-unreachable"+suffix, "contact", who.Name, "team", team, "step", strconv.Itoa(i+1))
			}
			seen[id] = true
		}
	}
}
