// Package alarm brings an alarm from a worker in trouble to a named person who has taken charge. Next decides and is pure;
// Engine stores and publishes what Next decides, from whichever of three ways hears first that something is due: the steps queue, the
// table's stream, the watchdog's sweep. Raiser makes alarms, Desk is what supervisors do with them.
package alarm

import (
	"context"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Where a team says nothing.
const (
	DefaultRepeat = 5 * time.Minute  // long enough to answer a call, short enough that nobody gives up
	MinRepeat     = time.Minute      // a repeat more often than this is noise, and costs an SMS each
	DefaultLapse  = 30 * time.Minute // only where a team's own cannot be read
	NobodysRepeat = time.Hour        // of an alarm that has no team to page: each look is a write, and pages nobody
)

// MaxPages is the most pages of one step, so that a step and its pages fit one transaction (100 items). Whoever edits a team is held to less.
const MaxPages = 40

// FallbackContact is who the fallback number belongs to, in a page's key.
const FallbackContact insole.ContactID = "fallback"

// A Directory tells whom to page. Errors wrap insole.ErrNotFound or insole.ErrAway.
type Directory interface {
	Team(ctx context.Context, o insole.OrgID, t insole.TeamID) (insole.Team, error)
	Contacts(ctx context.Context, o insole.OrgID) ([]insole.Contact, error)
}

// A Policy is whom to page about one team's alarms.
type Policy struct {
	Team     insole.Team
	Contacts []insole.Contact
	Topic    string // ARN of the team's topic, the address of e-mail pages
	Locale   string // of the org, for the fallback number
}

// A Plan is what Next decides: the alarm as it is to be stored (its Version one higher when anything changed), the pages to
// queue and the lines to log in the same write. Alarm.NextStepAt is when to look again.
type Plan struct {
	Alarm   insole.Alarm
	Pages   []insole.Page
	Log     []store.LogLine
	Changed bool
	Silent  bool // a step reached nobody at all, not even the fallback number
}

// Next does to a whatever is due at now. Called again with what it returned, at the same time, it does nothing.
//
//	pending  deadline over → active, first step after its delay
//	active   step due → its pages; the next step after its own delay; after the last step, the last again each Repeat, and
//	         the fallback number with it. A step that reaches nobody goes on to the next at once; when none reaches anybody the
//	         fallback number is paged; when there is none either, the plan is Silent and stays due: never the end of a list
//	         set aside: nothing until that time is over, then the next step at once
//	taken    the owner's time over → active, next step at once
//	ended    nothing, ever
//
// Whom a step pages says the list that is in force by the clock when it starts. When hours have ended, or begun, since the step before, that list is
// gone through from its own beginning, at once and without its first delay: whoever is on duty now has not been told yet. Step numbers go on.
func Next(a insole.Alarm, p Policy, now time.Time) Plan {
	plan := Plan{Alarm: a}
	now = now.UTC()
	due := func() bool { return !plan.Alarm.NextStepAt.IsZero() && !plan.Alarm.NextStepAt.After(now) }
	if a.State.Open() && a.State != insole.Taken && a.NextStepAt.IsZero() {
		// Stored by nobody in this tree; an alarm without a next step would be forgotten.
		plan.Alarm.NextStepAt, plan.Changed = now, true
	}
	switch a.State {
	case insole.Pending:
		if a.Deadline.After(now) {
			if !plan.Alarm.NextStepAt.Equal(a.Deadline) {
				plan.Alarm.NextStepAt, plan.Changed = a.Deadline, true
			}
			break
		}
		plan.Alarm = Activate(plan.Alarm, p.Team, now)
		plan.log(now, "activated", "clock", "")
	case insole.Taken:
		if !due() {
			break
		}
		plan.log(now, "lapsed", "clock", string(a.Owner))
		plan.Alarm.State, plan.Alarm.Owner, plan.Alarm.OwnerName, plan.Alarm.TakenAt = insole.Active, "", "", time.Time{}
		plan.Alarm.NextStepAt, plan.Changed = now, true
	case insole.Active:
		plan.shelf(now)
	}
	if plan.Alarm.State == insole.Active && due() {
		plan.step(p, now)
	}
	if plan.Changed {
		plan.Alarm.Version++
	}
	return plan
}

// Activate makes a active at now with its first step after that step's delay.
func Activate(a insole.Alarm, t insole.Team, now time.Time) insole.Alarm {
	a.State, a.NextStepAt = insole.Active, now
	if steps, _ := t.StepsAt(now); len(steps) > 0 {
		a.NextStepAt = now.Add(max(steps[0].Delay, 0))
	}
	return a
}

// step starts the next step, and goes on until one reaches somebody and the one after it has a delay.
func (plan *Plan) step(p Policy, now time.Time) {
	a := &plan.Alarm
	plan.Changed = true
	steps, out := p.Team.StepsAt(now)
	if out != a.Out {
		a.Out, a.Base = out, a.Step
	}
	last := a.Base + len(steps)
	for {
		a.Step++
		pages := p.pages(*a, now)
		plan.Pages = append(plan.Pages, pages...)
		plan.log(now, "step", "clock", fmt.Sprintf("%d: %d pages", a.Step, len(pages)))
		if a.Step < last {
			delay := max(steps[a.Step-a.Base].Delay, 0)
			if len(pages) > 0 && delay > 0 {
				a.NextStepAt = now.Add(delay)
				return
			}
			if len(plan.Pages)+len(plan.Log)+MaxPages <= 90 {
				continue
			}
			a.NextStepAt = now.Add(time.Second) // no room in this transaction
			return
		}
		if len(plan.Pages) == 0 {
			if fallback, ok := p.fallback(*a, now); ok {
				plan.Pages = append(plan.Pages, fallback)
			} else {
				plan.Silent = true
				plan.log(now, "unreachable", "clock", "")
			}
		}
		a.NextStepAt = now.Add(p.repeat())
		if a.Team == "" && (a.Kind == insole.AlarmTechnical || a.Kind == insole.AlarmUnwatched) { // nobody's, on purpose (insole.Org.Operators): it is on the board, and looked at again in case that changes
			a.NextStepAt = now.Add(NobodysRepeat)
		}
		return
	}
}

func (plan *Plan) log(now time.Time, what, who, text string) {
	plan.Log = append(plan.Log, store.LogLine{At: now, What: what, Who: who, Text: text})
	plan.Changed = true
}

func (p Policy) repeat() time.Duration {
	switch {
	case p.Team.Repeat <= 0:
		return DefaultRepeat
	case p.Team.Repeat < MinRepeat:
		return MinRepeat
	}
	return p.Team.Repeat
}

// list is the steps that a is going through, and which of them its step is, from 1; past their end when the last one is being repeated.
func (p Policy) list(a insole.Alarm) (steps []insole.Step, n int) {
	if a.Out && len(p.Team.OutOfHours) > 0 {
		return p.Team.OutOfHours, a.Step - a.Base
	}
	return p.Team.Steps, a.Step - a.Base
}

// further says whether a step after a's, at now, reaches anybody else: one of its list or, once, the fallback number; or those of the other list.
func (p Policy) further(a insole.Alarm, now time.Time) bool {
	if _, out := p.Team.StepsAt(now); out != a.Out {
		return true
	}
	steps, n := p.list(a)
	return n < len(steps) || n == len(steps) && p.Team.Fallback != ""
}

// pages are those of step a.Step: of the step with that number in its list or, from there on, of its last one with the fallback number. A
// contact named twice is paged once; one without an address on a channel is not paged there.
func (p Policy) pages(a insole.Alarm, now time.Time) []insole.Page {
	var out []insole.Page
	steps, n := p.list(a)
	if len(steps) > 0 {
		step := steps[min(max(n, 1), len(steps))-1]
		seen := map[string]bool{}
		for _, id := range step.Contacts {
			c, ok := p.contact(id)
			if !ok {
				continue
			}
			for _, ch := range step.Channels {
				if len(out) == MaxPages {
					return out
				}
				page := insole.Page{Org: a.Org, Alarm: a.ID, Step: a.Step, Contact: id, Name: c.Name, Channel: ch, Locale: c.Locale,
					State: insole.PageQueued, QueuedAt: now}
				switch {
				case ch == insole.SMS && c.Phone != "":
					page.Address = c.Phone
				case ch == insole.Email && c.Email != "":
					page.Address = p.Topic
				}
				if k := string(id) + "#" + string(ch); page.Address != "" && !seen[k] {
					seen[k] = true
					out = append(out, page)
				}
			}
		}
	}
	if n > len(steps) {
		if f, ok := p.fallback(a, now); ok {
			out = append(out, f)
		}
	}
	return out
}

func (p Policy) fallback(a insole.Alarm, now time.Time) (insole.Page, bool) {
	return insole.Page{Org: a.Org, Alarm: a.ID, Step: a.Step, Contact: FallbackContact, Channel: insole.SMS, Address: p.Team.Fallback,
		Locale: p.Locale, State: insole.PageQueued, QueuedAt: now}, p.Team.Fallback != ""
}

func (p Policy) contact(id insole.ContactID) (insole.Contact, bool) {
	for _, c := range p.Contacts {
		if c.ID == id {
			return c, true
		}
	}
	return insole.Contact{}, false
}
