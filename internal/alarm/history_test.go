package alarm_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/store"
)

// history is one random life of one worker's alarms on the real Raiser, Desk and Engine.
type history struct {
	*rapid.T
	w      *world
	told   []alarm.Cause // every cause that was raised, to be told again
	people []insole.User
}

func (h *history) ok(what string, err error) {
	h.Helper()
	if err != nil && !errors.Is(err, insole.ErrConflict) && !errors.Is(err, insole.ErrInvalid) && !errors.Is(err, insole.ErrNotFound) {
		h.Fatalf("%s: %v", what, err)
	}
}

// files are the alarms of every cause, by name; a cause that joined another alarm finds that.
func (h *history) files() map[insole.AlarmID]store.AlarmFile {
	h.Helper()
	out := map[insole.AlarmID]store.AlarmFile{}
	for _, c := range h.told {
		f, err := h.w.store.GetAlarmFile(h.Context(), "acme", c.ID)
		if err != nil {
			h.Fatalf("%s of %s is lost: %v", c.Kind, c.Key, err)
		}
		out[f.Alarm.ID] = f
	}
	return out
}

// check holds after every event.
func (h *history) check() map[insole.AlarmID]store.AlarmFile {
	h.Helper()
	all := h.files()
	open := map[insole.AlarmKind]insole.AlarmID{}
	for id, f := range all {
		a := f.Alarm
		switch {
		case a.State.Open() && a.State != insole.Taken && a.NextStepAt.IsZero():
			h.Fatalf("open without a next step: %+v", a)
		case a.State == insole.Taken && a.NextStepAt.IsZero() && h.w.team.Lapse > 0:
			h.Fatalf("taken for ever: %+v", a)
		case (a.Owner != "") != (a.State == insole.Taken) && a.State.Open():
			h.Fatalf("%s with owner %q", a.State, a.Owner)
		case a.State == insole.Taken && !a.Shelf.Until.IsZero(), !a.State.Open() && !a.NextStepAt.IsZero():
			h.Fatalf("both: %+v", a)
		case !a.Shelf.Until.IsZero() && (!a.Shelvable() || a.Shelf.Until.After(h.w.clock.Now().Add(insole.MaxShelf))):
			h.Fatalf("set aside: %+v", a)
		}
		if a.State.Open() {
			if other, twice := open[a.Kind]; twice {
				h.Fatalf("two open alarms of kind %s: %s and %s", a.Kind, id, other)
			}
			open[a.Kind] = id
		}
		owner := insole.UserID("") // as the log tells it: the state is what the log says, and nobody has it twice
		names := map[string]bool{}
		for _, l := range f.Log {
			switch l.What {
			case "taken":
				if owner != "" {
					h.Fatalf("taken by %s while %s has it: %+v", l.Who, owner, f.Log)
				}
				owner = insole.UserID(l.Who)
			case "lapsed", "pressed", "escalated":
				owner = ""
			case "step":
				if owner != "" {
					h.Fatalf("a step while %s has it: %+v", owner, f.Log)
				}
			}
		}
		if a.State == insole.Taken && owner != a.Owner {
			h.Fatalf("owner %q, and the log says %q", a.Owner, owner)
		}
		for _, p := range f.Pages {
			name := fmt.Sprint(p.Step, p.Contact, p.Channel)
			if names[name] || p.Step > a.Step {
				h.Fatalf("page %s twice, or ahead of its step %d", name, a.Step)
			}
			names[name] = true
			if p.Tries > 0 && !h.pagedWhile(f, p) {
				h.Fatalf("paged while somebody had it: %+v in %+v", p, f.Log)
			}
		}
	}
	return all
}

// pagedWhile says whether p was claimed at a time at which, by the log, nobody had charge.
func (h *history) pagedWhile(f store.AlarmFile, p insole.Page) bool {
	free := true
	at := p.ClaimedAt
	if at.IsZero() {
		return true
	}
	for _, l := range f.Log {
		if l.At.After(at) {
			break
		}
		switch l.What {
		case "taken":
			free = l.At.Equal(at) // in the same moment either may have been first
		case "lapsed", "pressed", "escalated":
			free = true
		}
	}
	return free
}

var kinds = []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, insole.AlarmFall, insole.AlarmStill, insole.AlarmLostContact, insole.AlarmLowBattery, insole.AlarmTakenOff}

// Random histories with messages told twice and out of order, people who race, SNS that fails, time that goes on: see check. In the end
// everybody is told again everything, and nothing changes; and when time goes on, whatever nobody has pages.
func TestHistories(t *testing.T) {
	// Each is some hundred calls of the table; more by -rapid.checks.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
		defer f.Value.Set(f.DefValue)
	}
	w := newWorld(t)
	w.team.Fallback = "+33400000000"
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		h := &history{T: t, w: w, people: []insole.User{claire, paul}}
		worker := insole.WorkerID(fmt.Sprintf("worker-%d", n)) // each history has its own, in one table
		ctx := t.Context()
		raise := func(c alarm.Cause) {
			if !slices.ContainsFunc(h.told, func(o alarm.Cause) bool { return o.ID == c.ID }) {
				h.told = append(h.told, c)
			}
			_, _, err := w.raiser.Raise(ctx, c)
			h.ok("raise", err)
		}
		draw := func() alarm.Cause {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			key := fmt.Sprintf("b1-%02d", rapid.IntRange(1, 30).Draw(t, "key"))
			c := cause(key)
			c.Worker, c.Kind, c.ID, c.SentAt = worker, kind, insole.NewAlarmID("acme", worker, kind, key), w.clock.Now()
			c.Press = kind == insole.AlarmSOS || kind == insole.AlarmCovertSOS
			if (kind == insole.AlarmFall || kind == insole.AlarmStill) && rapid.Bool().Draw(t, "pre-alarm") {
				c.Hold, c.Confirmed = 30*time.Second, false
			}
			return c
		}
		raise(draw())
		for range rapid.IntRange(1, 15).Draw(t, "events") {
			all := h.files()
			ids := slices.Sorted(maps.Keys(all))
			a := all[rapid.SampledFrom(ids).Draw(t, "alarm")].Alarm
			who := rapid.SampledFrom(h.people).Draw(t, "who")
			key := fmt.Sprintf("b1-%02d", rapid.IntRange(1, 30).Draw(t, "its key"))
			what := rapid.SampledFrom([]string{"raise", "raise", "again", "cancel", "over", "take", "race", "note", "resolve", "seen", "escalate", "shelve", "unshelve", "signal",
				"answer", "time", "time", "sweep", "phones"}).Draw(t, "what")
			var err error
			switch what {
			case "raise":
				raise(draw())
			case "again":
				raise(rapid.SampledFrom(h.told).Draw(t, "cause"))
			case "cancel":
				_, err = w.raiser.Cancel(ctx, "acme", worker, a.Kind, key)
			case "over":
				err = w.raiser.Return(ctx, "acme", worker, a.Kind, key)
			case "take":
				_, err = w.desk.Take(ctx, "acme", a.ID, who)
			case "race":
				errs := make(chan error, 2)
				for _, u := range h.people {
					go func() {
						_, err := w.desk.Take(ctx, "acme", a.ID, u)
						errs <- err
					}()
				}
				first, second := <-errs, <-errs
				if first == nil && second == nil && a.State != insole.Taken {
					t.Fatalf("both have taken %s", a.ID)
				}
				h.ok(what, errors.Join(first, second))
			case "note":
				_, err = w.desk.Note(ctx, "acme", a.ID, who, "on my way")
			case "resolve":
				_, err = w.desk.Resolve(ctx, "acme", a.ID, who, insole.ReasonReal, "")
			case "seen":
				_, err = w.desk.Seen(ctx, "acme", a.ID, who)
			case "escalate":
				_, err = w.desk.Escalate(ctx, "acme", a.ID, who, a.Step)
			case "shelve":
				_, err = w.desk.Shelve(ctx, "acme", a.ID, who, time.Duration(rapid.IntRange(5, 60).Draw(t, "minutes"))*time.Minute, "noise", rapid.Bool().Draw(t, "all"))
			case "unshelve":
				_, err = w.desk.Unshelve(ctx, "acme", a.ID, who)
			case "signal":
				_, err = w.desk.Signal(ctx, "acme", a.ID, who, rapid.SampledFrom([]insole.Command{insole.CommandAskFix, insole.CommandSignal}).Draw(t, "signal"))
			case "answer":
				for _, p := range all[a.ID].Pages {
					if token := w.phone.link[fmt.Sprintf("%s %s by %s @%d", a.ID, p.Contact, p.Channel, p.Step)]; token != "" {
						_, err = w.desk.Answer(ctx, token, rapid.SampledFrom([]insole.Answer{insole.AnswerTake, insole.AnswerDecline}).Draw(t, "answer"))
						break
					}
				}
			case "time":
				w.run(time.Duration(rapid.IntRange(0, 25).Draw(t, "minutes")) * time.Minute)
			case "sweep":
				_, err = w.engine.Advance(ctx, "acme", a.ID)
			case "phones":
				clear(w.phone.fail)
				if fail := rapid.SampledFrom([]error{nil, notify.ErrRefused, notify.ErrAmbiguous, errors.New("away")}).Draw(t, "SNS"); fail != nil {
					w.phone.fail["claire"] = fail
				}
			}
			h.ok(what, err)
			h.check()
		}
		clear(w.phone.fail)
		before := h.check()
		for _, c := range h.told {
			_, _, err := w.raiser.Raise(ctx, c)
			h.ok("telling it again", err)
		}
		for id, f := range h.check() {
			if was, ok := before[id]; !ok || was.Alarm.Version != f.Alarm.Version {
				t.Fatalf("told again, it is another: %+v after %+v", f.Alarm, was.Alarm)
			}
		}
		for _, f := range before { // longer than anything else may wait
			_, err := w.desk.Unshelve(ctx, "acme", f.Alarm.ID, claire)
			h.ok("taking it back", err)
		}
		w.run(45 * time.Minute)
		for _, f := range h.check() {
			if f.Alarm.State.Open() && f.Alarm.Step == 0 {
				t.Fatalf("nobody was ever paged: %+v", f.Alarm)
			}
			_, err := w.desk.Resolve(ctx, "acme", f.Alarm.ID, claire, insole.ReasonTest, "")
			h.ok("the end", err)
		}
		for _, c := range kinds {
			h.ok("the end", w.desk.EndNuisance(ctx, "acme", worker, c, claire))
		}
	})
}
