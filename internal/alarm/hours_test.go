package alarm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

var (
	everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	dayTime  = []insole.Shift{{Days: everyDay, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "UTC"}}
)

// told runs Next forward, always on time, and says who was told when, in minutes after at.
func told(p Policy, at time.Time, looks int) (all []string, a insole.Alarm) {
	c := Cause{ID: "a", Org: "acme", Team: "north", Worker: "marie", Kind: insole.AlarmSOS, Key: "k", SentAt: at, Confirmed: true, Press: true}
	plan := start(c, around{}, p, at)
	now := at
	for range looks {
		for _, page := range plan.Pages {
			all = append(all, fmt.Sprintf("%v %s @%d", now.Sub(at).Minutes(), page.Contact, page.Step))
		}
		now = plan.Alarm.NextStepAt
		plan = Next(plan.Alarm, p, now)
	}
	return all, plan.Alarm
}

func TestOutOfHours(t *testing.T) {
	day := []insole.Step{step(0, sms, "claire"), step(2*time.Minute, sms, "boss"), step(3*time.Minute, sms, "director")}
	night := []insole.Step{step(time.Minute, sms, "guard"), step(4*time.Minute, sms, "paul")}
	var people []insole.Contact
	for i, id := range []string{"claire", "boss", "director", "guard", "paul"} {
		people = append(people, contact(id, fmt.Sprintf("+3360000000%d", i), ""))
	}
	clock := func(h, m int) time.Time { return time.Date(2026, 11, 23, h, m, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name string
		at   time.Time
		team insole.Team
		want []string
	}{
		{"by day", clock(12, 0), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"0 claire @1", "2 boss @2", "5 director @3", "10 director @4"}},
		{"by night, after the first step's own delay", clock(20, 0), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"1 guard @1", "5 paul @2", "10 paul @3"}},
		{"no list of its own for the night", clock(20, 0), insole.Team{Steps: day, Hours: dayTime}, []string{"0 claire @1", "2 boss @2", "5 director @3"}},
		{"no hours: by day always", clock(20, 0), insole.Team{Steps: day, OutOfHours: night}, []string{"0 claire @1", "2 boss @2", "5 director @3"}},
		{"work ends between two steps: the guard is told first, the numbers go on", clock(17, 59), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"0 claire @1", "2 guard @2", "6 paul @3", "11 paul @4"}},
		{"work ends while the last step repeats", clock(17, 52), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"0 claire @1", "2 boss @2", "5 director @3", "10 guard @4", "14 paul @5", "19 paul @6"}},
		{"work begins", clock(7, 58), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"1 guard @1", "5 claire @2", "7 boss @3", "10 director @4"}},
		{"work begins before the first step", clock(7, 59), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night}, []string{"1 claire @1", "3 boss @2"}},
		{"the fallback number joins the repeats of the list in force", clock(17, 59), insole.Team{Steps: day, Hours: dayTime, OutOfHours: night, Fallback: "+334"},
			[]string{"0 claire @1", "2 guard @2", "6 paul @3", "11 paul @4", "11 fallback @4"}},
		{"the first of the night cannot be reached: the next one at once", clock(17, 59),
			insole.Team{Steps: day, Hours: dayTime, OutOfHours: []insole.Step{step(0, sms, "gone"), step(4*time.Minute, sms, "paul")}}, []string{"0 claire @1", "2 paul @3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := told(Policy{Team: tt.team, Contacts: people}, tt.at, 8)
			if len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) {
				t.Errorf("told %q, want %q first", got, tt.want)
			}
		})
	}
}

// With any two lists, any hours and any beginning: every step is of the list in force when it starts, a list is gone through from its first step
// without leaving one out, no page has the name of another, and there is always a next step, later than now.
func TestHoursProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Policy
		list := func(name string, least int) (steps []insole.Step) {
			for i := range rapid.IntRange(least, 4).Draw(t, name) {
				id := fmt.Sprintf("%s%d", name, i+1)
				p.Contacts = append(p.Contacts, contact(id, "+33600000000", ""))
				steps = append(steps, step(time.Duration(rapid.IntRange(0, 90).Draw(t, "delay"))*time.Minute, sms, insole.ContactID(id)))
			}
			return steps
		}
		p.Team = insole.Team{Steps: list("day", 1), OutOfHours: list("night", 0), Repeat: 7 * time.Minute}
		for range rapid.IntRange(0, 3).Draw(t, "hours") {
			p.Team.Hours = append(p.Team.Hours, insole.Shift{
				Days: rapid.SliceOfNDistinct(rapid.SampledFrom(everyDay), 1, 7, func(d time.Weekday) time.Weekday { return d }).Draw(t, "days"),
				From: time.Duration(rapid.IntRange(0, 47).Draw(t, "from")) * 30 * time.Minute, To: time.Duration(rapid.IntRange(0, 48).Draw(t, "to")) * 30 * time.Minute,
				Zone: rapid.SampledFrom([]string{"Europe/Paris", "UTC", "America/St_Johns"}).Draw(t, "zone"),
			})
		}
		now := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "minute")) * time.Minute) // clocks change on the 29th
		a := Activate(insole.Alarm{ID: "a", Org: "acme", RaisedAt: now}, p.Team, now)
		names := map[string]bool{}
		place, wasOut := 0, false
		for range 60 {
			if a.NextStepAt.Before(now) {
				t.Fatalf("next step at %v, before %v", a.NextStepAt, now)
			}
			now = a.NextStepAt
			plan := Next(a, p, now)
			steps, out := p.Team.StepsAt(now)
			if out != wasOut {
				place, wasOut = 0, out
			}
			if len(plan.Pages) == 0 || plan.Silent {
				t.Fatalf("nobody is told at %v", now)
			}
			for _, page := range plan.Pages {
				place++
				if want := steps[min(place, len(steps))-1].Contacts[0]; page.Contact != want {
					t.Fatalf("at %v %s is told, want %s, number %d of the list in force", now, page.Contact, want, place)
				}
				name := fmt.Sprint(page.Step, page.Contact)
				if names[name] {
					t.Fatalf("page %s was queued before", name)
				}
				names[name] = true
			}
			if !plan.Alarm.NextStepAt.After(now) {
				t.Fatalf("next step at %v, now is %v", plan.Alarm.NextStepAt, now)
			}
			if again := Next(plan.Alarm, p, now); again.Changed {
				t.Fatalf("a second look changes %+v", again.Alarm)
			}
			a = plan.Alarm
		}
	})
}
