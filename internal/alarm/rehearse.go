package alarm

import (
	"time"

	"solewatch/internal/insole"
)

// A Start is one step of an escalation as it would go.
type Start struct {
	Step    int
	At      time.Time
	Out     bool          // of the list for out of hours
	Place   int           // in its list, from 1
	Repeat  bool          // the last of its list, again
	Pages   []insole.Page // as Next would queue them
	Skipped []Skip        // whom the step names and Next pages nothing
	Silent  bool          // it reaches nobody, and nobody is left
}

// A Skip is somebody who is named and cannot be paged.
type Skip struct {
	Contact insole.ContactID
	Name    string // "" when Known is false
	Known   bool   // there is such a contact: what is missing is their address on Channel
	Channel insole.Channel
}

// Rehearse says how an alarm of kind k that becomes active at at would go if nobody answered: by Next, forward in time until end or until most
// steps have started. Nothing is stored or sent. A kind that is switched off has no steps.
func Rehearse(k insole.AlarmKind, p Policy, at, end time.Time, most int) []Start {
	if p.Team.Setting(k).Off {
		return nil
	}
	a := Activate(insole.Alarm{Org: p.Team.Org, Team: p.Team.ID, Kind: k, RaisedAt: at}, p.Team, at)
	var all []Start
	for len(all) < most && !a.NextStepAt.After(end) {
		now := a.NextStepAt
		plan := Next(a, p, now)
		for s := a.Step + 1; s <= plan.Alarm.Step && len(all) < most; s++ {
			as := plan.Alarm
			as.Step = s
			all = append(all, p.started(as, plan, now))
		}
		a = plan.Alarm
	}
	return all
}

// started is step a.Step, which plan has started at now.
func (p Policy) started(a insole.Alarm, plan Plan, now time.Time) Start {
	steps, place := p.list(a)
	st := Start{Step: a.Step, At: now, Out: a.Out, Place: min(place, len(steps)), Repeat: place > len(steps), Silent: plan.Silent && a.Step == plan.Alarm.Step}
	paged := map[insole.ContactID]map[insole.Channel]bool{}
	for _, page := range plan.Pages {
		if page.Step != a.Step {
			continue
		}
		st.Pages = append(st.Pages, page)
		if paged[page.Contact] == nil {
			paged[page.Contact] = map[insole.Channel]bool{}
		}
		paged[page.Contact][page.Channel] = true
	}
	if len(steps) == 0 {
		return st
	}
	for _, id := range steps[st.Place-1].Contacts {
		c, known := p.contact(id)
		for _, ch := range steps[st.Place-1].Channels {
			if !paged[id][ch] {
				st.Skipped = append(st.Skipped, Skip{Contact: id, Name: c.Name, Known: known, Channel: ch})
			}
		}
	}
	return st
}
