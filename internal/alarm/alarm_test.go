package alarm_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/standin"
)

var (
	claire = insole.User{Org: "acme", ID: "u1", Name: "Claire M."}
	paul   = insole.User{Org: "acme", ID: "u2", Name: "Paul B."}
)

func TestEscalation(t *testing.T) {
	w := newWorld(t)
	w.team.Fallback = "+33400000000"
	a := w.raise(cause("k1"))
	w.run(0)
	w.sent("claire by sms @1", "claire by email @1")
	w.run(2 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "paul by sms @2")
	w.run(5 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "paul by sms @2", "paul by sms @3", "fallback by sms @3")
	if _, err := w.desk.Take(t.Context(), "acme", a.ID, claire); err != nil {
		t.Fatal(err)
	}
	w.run(19 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "paul by sms @2", "paul by sms @3", "fallback by sms @3")
	w.run(2 * time.Minute) // Claire did nothing for 20 minutes
	if got := w.get(a.ID).Alarm; got.State != insole.Active || got.Owner != "" || got.Step != 4 {
		t.Errorf("after the owner's time: %+v", got)
	}
	if n := len(w.phone.list()); n != 7 {
		t.Errorf("%d pages, want two more: %q", n, w.phone.list())
	}
	if _, err := w.desk.Resolve(t.Context(), "acme", a.ID, paul, insole.ReasonFalse, "a test of the button"); err != nil {
		t.Fatal(err)
	}
	n := len(w.phone.list())
	w.run(24 * time.Hour)
	if got := len(w.phone.list()); got != n {
		t.Errorf("%d pages after the end", got-n)
	}
	var what []string
	for _, l := range w.get(a.ID).Log {
		what = append(what, l.What)
	}
	want := []string{"raised", "step", "step", "step", "taken", "lapsed", "step", "resolved"}
	if !slices.Equal(what, want) {
		t.Errorf("log %q, want %q", what, want)
	}
	if len(w.asks.list) > 1 {
		t.Errorf("%d step messages are left of one alarm", len(w.asks.list))
	}
}

// A delay longer than SQS can hold a message is chained, with one message at a time.
func TestLongDelay(t *testing.T) {
	w := newWorld(t)
	w.team.Steps[1].Delay = 50 * time.Minute
	w.raise(cause("k1"))
	w.run(49 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1")
	if n := len(w.asks.list); n != 1 {
		t.Errorf("%d step messages under way, want 1", n)
	}
	w.run(time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "paul by sms @2")
}

// A step of which every page is refused reaches nobody: the next starts at once, and after the last the fallback number.
func TestRefusedStepGoesOn(t *testing.T) {
	w := newWorld(t)
	w.team.Fallback = "+33400000000"
	w.phone.fail["claire"] = notify.ErrRefused
	w.raise(cause("k1"))
	w.run(0)
	w.sent("paul by sms @2")
	w.phone.fail["paul"] = notify.ErrRefused
	w.run(5 * time.Minute)
	w.sent("paul by sms @2", "fallback by sms @3")

	w = newWorld(t)
	w.team.Fallback = "+33400000000"
	w.phone.fail["claire"], w.phone.fail["paul"] = notify.ErrRefused, notify.ErrRefused
	w.raise(cause("k1"))
	w.run(0)
	w.sent("fallback by sms @3")
}

// SNS away: the page is tried again until it is taken; nothing is sent twice.
func TestPageIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.phone.fail["claire"] = errors.New("connection refused")
	a := w.raise(cause("k1"))
	w.run(30 * time.Second)
	w.sent()
	delete(w.phone.fail, "claire")
	w.run(time.Minute)
	w.sent("claire by sms @1", "claire by email @1")
	for _, p := range w.get(a.ID).Pages {
		if p.State != insole.PageAccepted || p.Tries < 3 || p.MessageID == "" {
			t.Errorf("page %+v, want accepted after some tries", p)
		}
	}
}

// SNS away for longer than a step: people get the newest page, not one for each step that was missed.
func TestOldPagesGiveWay(t *testing.T) {
	w := newWorld(t)
	w.phone.fail["claire"], w.phone.fail["paul"] = errors.New("away"), errors.New("away")
	w.raise(cause("k1"))
	w.run(30 * time.Minute)
	clear(w.phone.fail)
	w.run(90 * time.Second) // before the next repeat
	got := w.phone.list()
	slices.Sort(got)
	if len(got) != 3 || got[0] != "claire by email @1" || got[1] != "claire by sms @1" || got[2][:11] != "paul by sms" {
		t.Errorf("after the outage %q were sent, want each contact once", got)
	}
}

// A lost reply is a repeat at most, and is counted.
func TestAmbiguousPublish(t *testing.T) {
	w := newWorld(t)
	w.phone.fail["claire"] = notify.ErrAmbiguous
	a := w.raise(cause("k1"))
	w.run(0)
	delete(w.phone.fail, "claire")
	w.run(time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "claire by sms @1", "claire by email @1")
	for _, p := range w.get(a.ID).Pages {
		if p.Tries != 2 || p.State != insole.PageAccepted {
			t.Errorf("page %+v, want accepted at the second try", p)
		}
	}
}

// Whoever claimed a page and died has it taken over when the claim has lapsed.
func TestClaimLapses(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	p := w.get(a.ID).Pages[0]
	if _, err := w.store.ClaimPage(t.Context(), p, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.advance(a.ID)
	if n := len(w.phone.list()); n != 1 {
		t.Errorf("%d pages, want only the one that nobody has", n)
	}
	w.clock.Advance(31 * time.Second)
	w.advance(a.ID)
	if n := len(w.phone.list()); n != 2 {
		t.Errorf("%d pages after the claim has lapsed, want 2", n)
	}
}

// Ten at once, by all three ways: every page once.
func TestManyEnginesPageOnce(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := w.engine.Advance(t.Context(), "acme", a.ID); err != nil && !errors.Is(err, insole.ErrConflict) {
				t.Errorf("Advance: %v", err)
			}
		})
	}
	wg.Wait()
	w.advance(a.ID)
	got := w.phone.list()
	slices.Sort(got)
	if fmt.Sprint(got) != "[claire by email @1 claire by sms @1]" {
		t.Errorf("sent %q", got)
	}
}

// The race of ten people: one wins, all see who, nobody is paged after.
func TestOneOwner(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []insole.UserID
	for i := range 10 {
		u := insole.User{Org: "acme", ID: insole.UserID(fmt.Sprintf("u%d", i)), Name: "x"}
		wg.Go(func() {
			_, err := w.desk.Take(t.Context(), "acme", a.ID, u)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners = append(winners, u.ID)
			case !errors.Is(err, insole.ErrConflict):
				t.Errorf("Take: %v", err)
			}
		})
	}
	wg.Wait()
	got := w.get(a.ID).Alarm
	if len(winners) != 1 || got.Owner != winners[0] || got.State != insole.Taken {
		t.Fatalf("winners %v, alarm %+v", winners, got)
	}
	w.run(19 * time.Minute)
	w.sent()
	for _, p := range w.get(a.ID).Pages {
		if p.State != insole.PageFailed || p.Why != "taken" {
			t.Errorf("page %+v, want dropped because it was taken", p)
		}
	}
	got = w.get(a.ID).Alarm // its log has since said what became of the pages
	if again, err := w.desk.Take(t.Context(), "acme", a.ID, insole.User{ID: got.Owner}); err != nil || again.Version != got.Version {
		t.Errorf("taking what one has: %v, version %d after %d", err, again.Version, got.Version)
	}
}

// Nobody is paged after a committed "taken", however stale what the engine read is.
func TestTakenBetweenReadAndClaim(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	p := w.get(a.ID).Pages[0]
	if _, err := w.desk.Take(t.Context(), "acme", a.ID, claire); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.ClaimPage(t.Context(), p, w.clock.Now()); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("ClaimPage after taken = %v, want ErrConflict", err)
	}
}

func TestDesk(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	a := w.raise(cause("k1"))
	if _, err := w.desk.Take(ctx, "evil", a.ID, claire); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("taking another org's alarm = %v, want ErrNotFound", err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, claire, "because", ""); !errors.Is(err, insole.ErrInvalid) {
		t.Errorf("an unknown reason = %v, want ErrInvalid", err)
	}
	if _, err := w.desk.Note(ctx, "acme", a.ID, claire, "  "); !errors.Is(err, insole.ErrInvalid) {
		t.Errorf("an empty note = %v, want ErrInvalid", err)
	}
	if _, err := w.desk.Take(ctx, "acme", a.ID, claire); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(15 * time.Minute)
	if got, err := w.desk.Note(ctx, "acme", a.ID, claire, "on my way"); err != nil || !got.NextStepAt.Equal(w.clock.Now().Add(20*time.Minute)) {
		t.Errorf("a note by the owner: %+v, %v, want a later lapse", got, err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, claire, insole.ReasonReal, "sprained ankle"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, claire, insole.ReasonReal, "sprained ankle"); err != nil {
		t.Errorf("the same again = %v, want no error", err)
	}
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, paul, insole.ReasonFalse, ""); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("ending what has ended = %v, want ErrConflict", err)
	}
	if _, err := w.desk.Take(ctx, "acme", a.ID, paul); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("taking what has ended = %v, want ErrConflict", err)
	}
	if open, err := w.desk.Open(ctx, "acme"); err != nil || len(open) != 0 {
		t.Errorf("open alarms %v, %v, want none", open, err)
	}
	// The same worker may be in trouble again.
	if b := w.raise(cause("k2")); b.ID == a.ID || b.State != insole.Active {
		t.Errorf("second alarm = %+v", b)
	}
	f, err := w.desk.Get(ctx, "acme", a.ID)
	if err != nil || f.Alarm.State != insole.Resolved || f.Alarm.Note != "sprained ankle" || len(f.Log) == 0 {
		t.Errorf("file = %+v, %v", f, err)
	}
}

// A cause that joined an open alarm has a name of its own; asked by that name, the alarm it joined is found.
func TestAlias(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	c2 := cause("k2")
	w.raise(c2)
	w.raise(c2)
	if got := w.get(c2.ID).Alarm; got.ID != a.ID || got.Presses != 2 {
		t.Errorf("by the name of the second press: %+v", got)
	}
}

// What is stored wins: with the table away the message goes back to the queue, and is done when the table is there again.
func TestStepsWithTheTableAway(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Advance(t.Context(), "acme", a.ID); !errors.Is(err, insole.ErrAway) {
		t.Errorf("Advance = %v, want ErrAway", err)
	}
	w.sent()
	if err := w.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	w.run(0)
	w.sent("claire by sms @1", "claire by email @1")
}

// Writes that happen and lose their reply do not page twice.
func TestLostReplies(t *testing.T) {
	w := newWorld(t)
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultLostReply, Probability: 0.3}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		_, _, err := w.raiser.Raise(t.Context(), cause("k1"))
		if err == nil {
			break
		}
	}
	for range 20 {
		_, _ = w.engine.Advance(t.Context(), "acme", cause("k1").ID)
		w.clock.Advance(5 * time.Second)
	}
	if err := w.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.advance(cause("k1").ID)
		w.clock.Advance(31 * time.Second)
	}
	seen := map[string]int{}
	for _, s := range w.phone.list() {
		seen[s]++
	}
	// A claim whose reply was lost lapses unpublished; an acceptance whose reply was lost may be published once more, as a lost
	// reply of SNS itself.
	if seen["claire by sms @1"] == 0 || seen["claire by email @1"] == 0 {
		t.Errorf("sent %v, want both pages of the first step", seen)
	}
}
