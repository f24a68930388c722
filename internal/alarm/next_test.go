package alarm

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func contact(id, phone, email string) insole.Contact {
	return insole.Contact{Org: "acme", ID: insole.ContactID(id), Name: id, Phone: phone, Email: email, Locale: "fr"}
}

var (
	contacts = []insole.Contact{contact("claire", "+33600000001", "claire@example.com"), contact("paul", "+33600000002", ""), contact("mute", "", "")}
	both     = []insole.Channel{insole.SMS, insole.Email}
	sms      = []insole.Channel{insole.SMS}
)

func step(delay time.Duration, channels []insole.Channel, who ...insole.ContactID) insole.Step {
	return insole.Step{Delay: delay, Contacts: who, Channels: channels}
}

func active(step int, due time.Duration) insole.Alarm {
	return insole.Alarm{ID: "a", Org: "acme", State: insole.Active, Step: step, RaisedAt: noon, NextStepAt: noon.Add(due), Version: 3}
}

func TestNext(t *testing.T) {
	two := []insole.Step{step(0, both, "claire"), step(2*time.Minute, sms, "paul")}
	pending := insole.Alarm{ID: "a", Org: "acme", State: insole.Pending, Deadline: noon, NextStepAt: noon, Version: 3}
	early := pending
	early.Deadline, early.NextStepAt = noon.Add(time.Second), noon.Add(time.Second)
	taken := insole.Alarm{ID: "a", Org: "acme", State: insole.Taken, Owner: "u1", OwnerName: "Claire", TakenAt: noon.Add(-20 * time.Minute), Step: 1, NextStepAt: noon, Version: 3}
	held := taken
	held.NextStepAt = time.Time{}
	forgotten := active(1, 0)
	forgotten.NextStepAt = time.Time{}
	for _, tt := range []struct {
		name  string
		alarm insole.Alarm
		team  insole.Team
		state insole.AlarmState
		step  int
		pages []string      // contact by channel @ step
		next  time.Duration // from noon; -1 = none
		quiet bool          // nothing changes
		mute  bool          // Silent
	}{
		{"first step", active(0, 0), insole.Team{Steps: two}, insole.Active, 1, []string{"claire by sms @1", "claire by email @1"}, 2 * time.Minute, false, false},
		{"not due", active(1, time.Second), insole.Team{Steps: two}, insole.Active, 1, nil, time.Second, true, false},
		{"second step, then its repeat", active(1, 0), insole.Team{Steps: two, Repeat: 4 * time.Minute}, insole.Active, 2, []string{"paul by sms @2"}, 4 * time.Minute, false, false},
		{"repeat of the last", active(2, 0), insole.Team{Steps: two}, insole.Active, 3, []string{"paul by sms @3"}, DefaultRepeat, false, false},
		{"repeat with the fallback number", active(2, 0), insole.Team{Steps: two, Fallback: "+334"}, insole.Active, 3, []string{"paul by sms @3", "fallback by sms @3"}, DefaultRepeat, false, false},
		{"a repeat is never more often than a minute", active(2, 0), insole.Team{Steps: two, Repeat: time.Second}, insole.Active, 3, []string{"paul by sms @3"}, MinRepeat, false, false},
		{"a step that reaches nobody goes on at once", active(0, 0), insole.Team{Steps: []insole.Step{step(0, both, "mute", "gone"), step(time.Hour, sms, "paul")}}, insole.Active, 2, []string{"paul by sms @2"}, DefaultRepeat, false, false},
		{"two steps without a delay", active(0, 0), insole.Team{Steps: []insole.Step{step(0, sms, "claire"), step(0, sms, "paul")}}, insole.Active, 2, []string{"claire by sms @1", "paul by sms @2"}, DefaultRepeat, false, false},
		{"nobody, but a fallback number", active(0, 0), insole.Team{Steps: []insole.Step{step(0, both, "mute")}, Fallback: "+334"}, insole.Active, 1, []string{"fallback by sms @1"}, DefaultRepeat, false, false},
		{"nobody at all", active(0, 0), insole.Team{Steps: []insole.Step{step(0, both, "mute")}}, insole.Active, 1, nil, DefaultRepeat, false, true},
		{"no policy", active(0, 0), insole.Team{}, insole.Active, 1, nil, DefaultRepeat, false, true},
		{"no policy, but a fallback number", active(0, 0), insole.Team{Fallback: "+334"}, insole.Active, 1, []string{"fallback by sms @1"}, DefaultRepeat, false, false},
		{"named twice, paged once", active(0, 0), insole.Team{Steps: []insole.Step{step(0, []insole.Channel{insole.SMS, insole.SMS}, "paul", "paul")}}, insole.Active, 1, []string{"paul by sms @1"}, DefaultRepeat, false, false},
		{"pre-alarm waits", early, insole.Team{Steps: two}, insole.Pending, 0, nil, time.Second, true, false},
		{"silence is an alarm", pending, insole.Team{Steps: two}, insole.Active, 1, []string{"claire by sms @1", "claire by email @1"}, 2 * time.Minute, false, false},
		{"silence, and a first step with a delay", pending, insole.Team{Steps: []insole.Step{step(time.Minute, sms, "paul")}}, insole.Active, 0, nil, time.Minute, false, false},
		{"an owner who does nothing loses it", taken, insole.Team{Steps: two, Lapse: 20 * time.Minute}, insole.Active, 2, []string{"paul by sms @2"}, DefaultRepeat, false, false},
		{"an owner for good", held, insole.Team{Steps: two}, insole.Taken, 1, nil, -1, true, false},
		{"an open alarm without a next step gets one", forgotten, insole.Team{Steps: two}, insole.Active, 2, []string{"paul by sms @2"}, DefaultRepeat, false, false},
		{"resolved", insole.Alarm{State: insole.Resolved, Version: 3}, insole.Team{Steps: two}, insole.Resolved, 0, nil, -1, true, false},
		{"cancelled", insole.Alarm{State: insole.Cancelled, Version: 3}, insole.Team{Steps: two}, insole.Cancelled, 0, nil, -1, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Next(tt.alarm, Policy{Team: tt.team, Contacts: contacts, Topic: "arn:topic", Locale: "fr"}, noon)
			if got.Alarm.State != tt.state || got.Alarm.Step != tt.step || got.Changed == tt.quiet || got.Silent != tt.mute {
				t.Errorf("state %s step %d changed %v silent %v, want %s, %d, %v, %v", got.Alarm.State, got.Alarm.Step, got.Changed, got.Silent, tt.state, tt.step, !tt.quiet, tt.mute)
			}
			var pages []string
			for _, p := range got.Pages {
				pages = append(pages, fmt.Sprintf("%s by %s @%d", p.Contact, p.Channel, p.Step))
				if p.Channel == insole.Email && p.Address != "arn:topic" || p.Address == "" || p.State != insole.PageQueued {
					t.Errorf("page %+v", p)
				}
			}
			if fmt.Sprint(pages) != fmt.Sprint(tt.pages) {
				t.Errorf("pages %q, want %q", pages, tt.pages)
			}
			switch {
			case tt.next == -1 && !got.Alarm.NextStepAt.IsZero():
				t.Errorf("next step at %v, want none", got.Alarm.NextStepAt)
			case tt.next >= 0 && !got.Alarm.NextStepAt.Equal(noon.Add(tt.next)):
				t.Errorf("next step at %v, want noon + %v", got.Alarm.NextStepAt, tt.next)
			}
			if v := got.Alarm.Version; got.Changed && v != 4 || !got.Changed && v != 3 {
				t.Errorf("version %d after 3, changed %v", v, got.Changed)
			}
			if got.Alarm.State == insole.Active && got.Alarm.Owner != "" {
				t.Errorf("active with owner %s", got.Alarm.Owner)
			}
			if again := Next(got.Alarm, Policy{Team: tt.team, Contacts: contacts}, noon); again.Changed {
				t.Errorf("a second look at the same time changes it again: %+v", again)
			}
		})
	}
}

func drawPolicy(t *rapid.T) Policy {
	names := []insole.ContactID{"claire", "paul", "mute", "gone"}
	p := Policy{Contacts: contacts, Topic: "arn:topic"}
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		p.Team.Steps = append(p.Team.Steps, insole.Step{
			Delay:    rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, 20 * time.Minute}).Draw(t, "delay"),
			Contacts: rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "contacts"),
			Channels: rapid.SliceOfN(rapid.SampledFrom(both), 0, 2).Draw(t, "channels"),
		})
	}
	p.Team.Repeat = rapid.SampledFrom([]time.Duration{0, time.Second, 5 * time.Minute}).Draw(t, "repeat")
	p.Team.Lapse = rapid.SampledFrom([]time.Duration{0, 10 * time.Minute}).Draw(t, "lapse")
	p.Team.Fallback = rapid.SampledFrom([]string{"", "+33400000000"}).Draw(t, "fallback")
	if rapid.Bool().Draw(t, "hours") {
		p.Team.Hours = []insole.Shift{{Days: everyDay, From: 12 * time.Hour, To: time.Duration(rapid.IntRange(722, 800).Draw(t, "until")) * time.Minute, Zone: "UTC"}}
		p.Team.OutOfHours = []insole.Step{step(time.Minute, both, "mute", "paul"), step(0, sms, rapid.SampledFrom(names).Draw(t, "by night"))}
	}
	return p
}

// Random histories of one alarm, with policies edited under way and looks that come early, late and twice: an open alarm always has a next
// step or an owner, nobody is paged while somebody has it or after its end, no page has the name of another, and steps only go up.
func TestNextHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		p := drawPolicy(t)
		c := Cause{ID: "a", Org: "acme", Team: "north", Worker: "marie", Kind: insole.AlarmFall, Key: "k00", SentAt: now, Confirmed: true}
		if rapid.Bool().Draw(t, "pre-alarm") {
			c.Hold, c.Confirmed = 30*time.Second, false
		}
		plan := start(c, around{}, p, now)
		a := plan.Alarm
		names := map[string]bool{}
		paged := 0
		look := func(plan Plan, was insole.Alarm) {
			if len(plan.Pages) > 0 && plan.Alarm.State != insole.Active {
				t.Fatalf("%d pages in state %s", len(plan.Pages), plan.Alarm.State)
			}
			for _, page := range plan.Pages {
				name := fmt.Sprintf("%d#%s#%s", page.Step, page.Contact, page.Channel)
				if names[name] {
					t.Fatalf("page %s was queued before", name)
				}
				names[name] = true
			}
			paged += len(plan.Pages)
			if len(plan.Pages) > 91 || len(plan.Pages)+len(plan.Log)+5 > 100 {
				t.Fatalf("%d pages and %d lines do not fit one transaction", len(plan.Pages), len(plan.Log))
			}
			if plan.Alarm.Step < was.Step {
				t.Fatalf("step %d after %d", plan.Alarm.Step, was.Step)
			}
		}
		look(plan, insole.Alarm{})
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			was := a
			switch rapid.SampledFrom([]string{"look", "look", "look", "on time", "take", "note", "press", "edit", "resolve", "cancel"}).Draw(t, "event") {
			case "look":
				now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
				plan := Next(a, p, now)
				look(plan, was)
				a = plan.Alarm
				if again := Next(a, p, now); again.Changed {
					t.Fatalf("a second look changes %+v to %+v", a, again.Alarm)
				}
			case "on time":
				if a.NextStepAt.After(now) {
					now = a.NextStepAt
				}
				plan := Next(a, p, now)
				look(plan, was)
				if a.State.Open() && !a.NextStepAt.IsZero() && !plan.Changed {
					t.Fatalf("due at %v, nothing happens: %+v", now, a)
				}
				a = plan.Alarm
			case "take":
				if a.State.Open() && a.State != insole.Taken {
					a.State, a.Owner, a.OwnerName, a.TakenAt, a.NextStepAt = insole.Taken, "u1", "Claire", now, time.Time{}
					if p.Team.Lapse > 0 {
						a.NextStepAt = now.Add(p.Team.Lapse)
					}
				}
			case "press":
				if a.State.Open() {
					again, line := again(a, Cause{Key: "k99", Press: true, Confirmed: true}, p.Team, now)
					if line == nil {
						t.Fatal("a press did nothing")
					}
					before := paged
					plan := Next(again, p, now)
					look(plan, was)
					a = plan.Alarm
					if a.Step <= was.Step || !plan.Silent && paged == before {
						t.Fatalf("a press started no step: %+v", a)
					}
				}
			case "edit":
				p = drawPolicy(t)
			case "resolve":
				if a.State.Open() && rapid.IntRange(0, 3).Draw(t, "really") == 0 {
					a.State, a.EndedAt, a.NextStepAt = insole.Resolved, now, time.Time{}
				}
			case "cancel":
				if a.State == insole.Pending {
					a.State, a.EndedAt, a.NextStepAt = insole.Cancelled, now, time.Time{}
				}
			}
			if (a.State == insole.Active || a.State == insole.Pending) && a.NextStepAt.IsZero() {
				t.Fatalf("open without a next step: %+v", a)
			}
			if (a.Owner != "") != (a.State == insole.Taken) && a.State.Open() {
				t.Fatalf("state %s with owner %q", a.State, a.Owner)
			}
			if !a.State.Open() && !a.NextStepAt.IsZero() {
				t.Fatalf("ended with a next step: %+v", a)
			}
		}
	})
}

// A team of many is paged within one transaction.
func TestNextFitsATransaction(t *testing.T) {
	var p Policy
	for i := range 500 {
		id := insole.ContactID(fmt.Sprintf("c%d", i))
		p.Contacts = append(p.Contacts, contact(string(id), "+33600000000", "x@example.com"))
		p.Team.Steps = append(p.Team.Steps, step(0, both, id))
	}
	var all []insole.ContactID
	for _, c := range p.Contacts {
		all = append(all, c.ID)
	}
	p.Team.Steps = append(p.Team.Steps, step(0, both, all...))
	plan := Next(active(0, 0), p, noon)
	if n := len(plan.Pages) + len(plan.Log); n > 95 || len(plan.Pages) == 0 {
		t.Errorf("%d pages and %d lines in one transaction", len(plan.Pages), len(plan.Log))
	}
	if plan.Alarm.NextStepAt.Sub(noon) != time.Second {
		t.Errorf("what had no room is due after %v, want a second", plan.Alarm.NextStepAt.Sub(noon))
	}
}
