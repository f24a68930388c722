package alarm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// states are the columns of the lifecycle: where an alarm stands, with the two marks that an active one may bear.
var states = []string{"pending", "active", "returned", "set aside", "taken", "resolved", "cancelled"}

// lifecycle is every state × event. A cell says what becomes of the alarm, the lines that its log gains, and what people notice:
//
//	–            nothing is written
//	refused      whoever asked is told so, and nothing is written
//	pages        a step starts
//	felt: …      the insole is ordered to let its wearer feel it; "unfelt": an order that waited is withdrawn
//	new alarm    the alarm stays as it is, and another one is raised
//
// docs/lifecycle.md has the same table, and TestLifecycle does every cell to the real thing.
var lifecycle = []struct {
	event string
	cells [7]string
}{
	{"the same message again", [7]string{"–", "–", "–", "–", "–", "–", "–"}},
	{"a newer pre-alarm", [7]string{"pending: raised", "–", "–", "–", "–", "resolved: new alarm", "cancelled: new alarm"}},
	{"it happens, or happens again", [7]string{"active: activated, step, pages", "–", "active: raised", "–", "–", "resolved: new alarm", "cancelled: new alarm"}},
	{"pressed by hand", [7]string{"active: pressed, step, pages", "active: pressed, step, pages", "active: pressed, step, pages", "active: pressed, step, pages", "active: pressed, step, pages, unfelt", "resolved: new alarm", "cancelled: new alarm"}},
	{"the wearer cancels", [7]string{"cancelled: cancelled", "–", "–", "–", "–", "–", "–"}},
	{"the wearer cancels covertly", [7]string{"pending: new alarm", "active: new alarm", "returned: new alarm", "set aside: new alarm", "taken by A: unfelt, new alarm", "resolved: unfelt, new alarm", "cancelled: new alarm"}},
	{"over by itself", [7]string{"pending: returned", "returned: returned", "–", "set aside: returned", "taken by A: returned", "–", "–"}},
	{"its time is over", [7]string{"active: activated, step, pages", "active: step, pages", "returned: step, pages", "active: unshelved, step, pages", "active: lapsed, step, pages, unfelt", "–", "–"}},
	{"looked at before", [7]string{"–", "–", "–", "–", "–", "–", "–"}},
	{"A takes charge", [7]string{"taken by A: taken, felt: taken", "taken by A: taken, felt: taken", "taken by A: taken, felt: taken", "taken by A: taken", "–", "refused", "refused"}},
	{"B takes charge", [7]string{"taken by B: taken, felt: taken", "taken by B: taken, felt: taken", "taken by B: taken, felt: taken", "taken by B: taken", "refused", "refused", "refused"}},
	{"taken by link", [7]string{"refused", "taken by a contact: taken, felt: taken", "taken by a contact: taken, felt: taken", "taken by a contact: taken", "refused", "refused", "refused"}},
	{"declined by link", [7]string{"refused", "active: declined, step, pages", "returned: declined, step, pages", "set aside: declined", "refused", "refused", "refused"}},
	{"note of A", [7]string{"pending: note", "active: note", "returned: note", "set aside: note", "taken by A: note", "resolved: note", "cancelled: note"}},
	{"note of B", [7]string{"pending: note", "active: note", "returned: note", "set aside: note", "taken by A: note", "resolved: note", "cancelled: note"}},
	{"resolved with a reason", [7]string{"resolved: resolved, felt: over", "resolved: resolved, felt: over", "resolved: resolved, felt: over", "resolved: resolved", "resolved by A: resolved, felt: over", "refused", "refused"}},
	{"seen by a person", [7]string{"refused", "refused", "resolved: seen", "refused", "refused", "refused", "refused"}},
	{"escalate now", [7]string{"active: escalated, step, pages", "active: escalated, step, pages", "returned: escalated, step, pages", "active: escalated, step, pages", "active: escalated, step, pages, unfelt", "refused", "refused"}},
	{"set aside", [7]string{"refused", "set aside: shelved", "set aside: shelved", "set aside: shelved", "refused", "refused", "refused"}},
	{"taken back", [7]string{"–", "–", "–", "active: unshelved, step, pages", "–", "refused", "refused"}},
	{"asked for a position", [7]string{"pending: sent-ask-fix", "active: sent-ask-fix", "returned: sent-ask-fix", "set aside: sent-ask-fix", "taken by A: sent-ask-fix", "refused", "refused"}},
}

func owner(a insole.Alarm) string {
	switch a.Owner {
	case "":
		return ""
	case claire.ID:
		return " by A"
	case paul.ID:
		return " by B"
	}
	return " by a contact"
}

func stateOf(a insole.Alarm) string {
	switch {
	case a.State == insole.Active && !a.Shelf.Until.IsZero():
		return "set aside"
	case a.State == insole.Active && !a.ReturnedAt.IsZero():
		return "returned"
	}
	return string(a.State) + owner(a)
}

// kindFor is the kind with which a cell can happen: what may be set aside is no fall, and a fall cannot be seen off.
func kindFor(event, state string) insole.AlarmKind {
	if state == "set aside" || event == "set aside" || event == "taken back" || event == "seen by a person" {
		return insole.AlarmTakenOff
	}
	return insole.AlarmFall
}

// in makes an alarm of kind in state.
func (w *world) in(state string, kind insole.AlarmKind) insole.Alarm {
	w.Helper()
	ctx := w.Context()
	c := cause("b1-05")
	c.Kind, c.ID, c.Press = kind, insole.NewAlarmID("acme", "marie", kind, "b1-05"), false
	if state == "pending" || state == "cancelled" {
		c.Hold, c.Confirmed = 30*time.Second, false
	}
	a := w.raise(c)
	w.run(0)
	var err error
	switch state {
	case "returned":
		err = w.raiser.Return(ctx, "acme", "marie", kind, "b1-06")
	case "set aside":
		_, err = w.desk.Shelve(ctx, "acme", a.ID, claire, time.Hour, "noise", false)
	case "taken":
		_, err = w.desk.Take(ctx, "acme", a.ID, claire)
	case "resolved":
		_, err = w.desk.Resolve(ctx, "acme", a.ID, claire, insole.ReasonReal, "")
	case "cancelled":
		_, err = w.raiser.Cancel(ctx, "acme", "marie", kind, "b1-06")
	}
	if err != nil {
		w.Fatal(err)
	}
	w.run(0)
	got := w.get(a.ID).Alarm
	if s, _, _ := strings.Cut(stateOf(got), " by"); s != state {
		w.Fatalf("made %s, want %s", s, state)
	}
	return got
}

// happen does event to a.
func (w *world) happen(event string, a insole.Alarm) error {
	w.Helper()
	ctx := w.Context()
	c := cause("b1-09")
	c.Kind, c.ID, c.Press, c.SentAt = a.Kind, insole.NewAlarmID("acme", "marie", a.Kind, "b1-09"), false, w.clock.Now()
	var err error
	switch event {
	case "the same message again":
		c.ID, c.Key = a.ID, "b1-05"
		_, _, err = w.raiser.Raise(ctx, c)
	case "a newer pre-alarm":
		c.Hold, c.Confirmed = 30*time.Second, false
		_, _, err = w.raiser.Raise(ctx, c)
	case "it happens, or happens again":
		_, _, err = w.raiser.Raise(ctx, c)
	case "pressed by hand":
		c.Press = true
		_, _, err = w.raiser.Raise(ctx, c)
	case "the wearer cancels":
		_, err = w.raiser.Cancel(ctx, "acme", "marie", a.Kind, "b1-09")
	case "the wearer cancels covertly":
		c.Kind, c.ID, c.Press = insole.AlarmCovertSOS, insole.NewAlarmID("acme", "marie", insole.AlarmCovertSOS, "b1-09"), true
		_, _, err = w.raiser.Raise(ctx, c)
	case "over by itself":
		err = w.raiser.Return(ctx, "acme", "marie", a.Kind, "b1-09")
	case "its time is over":
		if !a.NextStepAt.IsZero() {
			w.clock.Advance(a.NextStepAt.Sub(w.clock.Now()))
		}
		_, err = w.engine.Advance(ctx, "acme", a.ID)
	case "looked at before":
		_, err = w.engine.Advance(ctx, "acme", a.ID)
	case "A takes charge":
		_, err = w.desk.Take(ctx, "acme", a.ID, claire)
	case "B takes charge":
		_, err = w.desk.Take(ctx, "acme", a.ID, paul)
	case "taken by link", "declined by link":
		token := ""
		for what, link := range w.phone.link {
			if strings.HasPrefix(what, "claire by sms") {
				token = link
			}
		}
		answer := insole.AnswerTake
		if event == "declined by link" {
			answer = insole.AnswerDecline
		}
		_, err = w.desk.Answer(ctx, token, answer)
	case "note of A":
		_, err = w.desk.Note(ctx, "acme", a.ID, claire, "on my way")
	case "note of B":
		_, err = w.desk.Note(ctx, "acme", a.ID, paul, "I have the keys")
	case "resolved with a reason":
		_, err = w.desk.Resolve(ctx, "acme", a.ID, paul, insole.ReasonReal, "")
	case "seen by a person":
		_, err = w.desk.Seen(ctx, "acme", a.ID, paul)
	case "escalate now":
		_, err = w.desk.Escalate(ctx, "acme", a.ID, paul, a.Step)
	case "set aside":
		_, err = w.desk.Shelve(ctx, "acme", a.ID, paul, 2*time.Hour, "noise", false)
	case "taken back":
		_, err = w.desk.Unshelve(ctx, "acme", a.ID, paul)
	case "asked for a position":
		_, err = w.desk.Signal(ctx, "acme", a.ID, paul, insole.CommandAskFix)
	default:
		w.Fatalf("no such event: %s", event)
	}
	return err
}

// cell is what event makes of an alarm in state, in the words of the table.
func cell(t *testing.T, event, state string) string {
	w := newWorld(t)
	before := w.in(state, kindFor(event, state))
	w.clock.Advance(time.Second)
	was := w.get(before.ID)
	orders := w.pending()
	err := w.happen(event, was.Alarm)
	if errors.Is(err, insole.ErrConflict) || errors.Is(err, insole.ErrInvalid) || errors.Is(err, insole.ErrNotFound) {
		if now := w.get(before.ID); now.Alarm.Version != was.Alarm.Version {
			t.Errorf("%s while %s: %v, and yet it was written", event, state, err)
		}
		return "refused"
	}
	if err != nil {
		t.Fatalf("%s while %s: %v", event, state, err)
	}
	w.run(0)
	now := w.get(before.ID)
	var what []string
	for _, l := range now.Log[len(was.Log):] {
		what = append(what, l.What)
	}
	if len(now.Pages) > len(was.Pages) {
		what = append(what, "pages")
	}
	after := w.pending()
	for _, d := range after {
		if d.Alarm == before.ID && !slices.Contains(orders, d) && d.Command != insole.CommandAskFix {
			what = append(what, "felt: "+map[insole.Command]string{insole.CommandTaken: "taken", insole.CommandCancelled: "over"}[d.Command])
		}
	}
	for _, d := range orders {
		if !slices.Contains(after, d) {
			what = append(what, "unfelt")
		}
	}
	if rows, err := w.store.OpenOf(context.Background(), "acme", "marie"); err != nil {
		t.Fatal(err)
	} else if slices.ContainsFunc(rows, func(r store.OpenRow) bool { return r.Alarm != before.ID }) {
		what = append(what, "new alarm")
	}
	if now.Alarm.Version == was.Alarm.Version && len(what) == 0 {
		return "–"
	}
	return strings.TrimSuffix(stateOf(now.Alarm)+": "+strings.Join(what, ", "), ": ")
}

// Every cell, on the real Raiser, Desk and Engine over the table.
func TestLifecycle(t *testing.T) {
	for _, row := range lifecycle {
		for i, state := range states {
			t.Run(row.event+"/"+state, func(t *testing.T) {
				t.Parallel()
				if got := cell(t, row.event, state); got != row.cells[i] {
					t.Errorf("%s while %s: %q, want %q", row.event, state, got, row.cells[i])
				}
			})
		}
	}
}

// docs/lifecycle.md has the table between its two marks; go test -update puts it there.
func TestLifecycleIsDocumented(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "| | %s |\n|---%s|\n", strings.Join(states, " | "), strings.Repeat("|---", len(states)))
	for _, row := range lifecycle {
		fmt.Fprintf(&b, "| **%s** | %s |\n", row.event, strings.Join(row.cells[:], " | "))
	}
	const path, from, to = "../../docs/lifecycle.md", "<!-- lifecycle -->\n", "<!-- end -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), from)
	table, tail, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q … %q", path, from, to)
	}
	switch {
	case *update:
		if err := os.WriteFile(path, []byte(head+from+b.String()+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case table != b.String():
		t.Errorf("%s has another table; go test ./internal/alarm -update rewrites it", path)
	}
}
