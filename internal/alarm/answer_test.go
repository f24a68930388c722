package alarm_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// token is that of the link in the message that was sent as what ("claire by sms @1").
func (w *world) token(what string) string {
	w.Helper()
	w.phone.mu.Lock()
	defer w.phone.mu.Unlock()
	token := w.phone.link[what]
	if !store.IsLinkToken(token) {
		w.Fatalf("%s carried the token %q", what, token)
	}
	return token
}

// page is the row of what was sent as what.
func (w *world) page(id insole.AlarmID, contact insole.ContactID, ch insole.Channel, step int) insole.Page {
	w.Helper()
	for _, p := range w.get(id).Pages {
		if p.Contact == contact && p.Channel == ch && p.Step == step {
			return p
		}
	}
	w.Fatalf("no page for %s by %s in step %d", contact, ch, step)
	return insole.Page{}
}

func (w *world) answer(token string, answer insole.Answer) {
	w.Helper()
	if _, err := w.desk.Answer(w.Context(), token, answer); err != nil {
		w.Fatalf("%s: %v", answer, err)
	}
}

func (w *world) last(id insole.AlarmID) store.LogLine {
	w.Helper()
	log := w.get(id).Log
	return log[len(log)-1]
}

func TestAnswerTake(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	w.run(time.Minute)
	sms, email := w.token("claire by sms @1"), w.token("claire by email @1")
	if sms == email {
		t.Fatal("two messages with one link")
	}
	w.answer(sms, insole.AnswerTake)
	got := w.get(a.ID).Alarm
	if got.State != insole.Taken || got.Owner != "contact:claire" || got.OwnerName != "Claire M." || !got.TakenAt.Equal(w.clock.Now()) {
		t.Errorf("alarm = %+v", got)
	}
	if want := w.clock.Now().Add(w.team.Lapse); !got.NextStepAt.Equal(want) {
		t.Errorf("lapses at %v, want %v as for everybody else", got.NextStepAt, want)
	}
	if p := w.page(a.ID, "claire", insole.SMS, 1); p.State != insole.PageAnswered || p.Answer != insole.AnswerTake || !p.AnsweredAt.Equal(w.clock.Now()) || p.MessageID == "" {
		t.Errorf("page = %+v", p)
	}
	if l := w.last(a.ID); l.What != "taken" || l.Name != "Claire M." {
		t.Errorf("log says %+v", l)
	}
	felt := insole.NewDownlink(got.Insole, "acme", a.ID, insole.CommandTaken, got.TakenAt)
	if _, err := w.store.GetDownlink(t.Context(), got.Insole, felt.ID); err != nil {
		t.Errorf("the wearer is not to feel it: %v", err)
	}
	version := got.Version
	w.answer(sms, insole.AnswerTake)   // the same again
	w.answer(email, insole.AnswerTake) // and by the other message
	if _, err := w.desk.Answer(t.Context(), sms, insole.AnswerDecline); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("another answer through a used link = %v, want ErrConflict", err)
	}
	if got := w.get(a.ID).Alarm; got.Version != version || got.State != insole.Taken {
		t.Errorf("repeats changed the alarm: %+v", got)
	}
	w.run(10 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1")

	w.run(15 * time.Minute) // Claire does nothing: it lapses; her link stays used
	if _, err := w.desk.Answer(t.Context(), sms, insole.AnswerTake); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("a used link after the owner's time = %v, want ErrConflict", err)
	}
	w.answer(email, insole.AnswerTake) // this one was not
}

// Two who were paged, and a supervisor on the screen, at once: one wins.
func TestAnswerRace(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	w.run(2 * time.Minute)
	one, two := w.token("claire by sms @1"), w.token("paul by sms @2")
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, take := range []func() error{
		func() error { _, err := w.desk.Answer(t.Context(), one, insole.AnswerTake); return err },
		func() error { _, err := w.desk.Answer(t.Context(), two, insole.AnswerTake); return err },
		func() error { _, err := w.desk.Take(t.Context(), "acme", a.ID, paul); return err },
	} {
		wg.Go(func() { errs[i] = take() })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, insole.ErrConflict):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d took charge: %v", won, errs)
	}
	answered := 0
	for _, p := range w.get(a.ID).Pages {
		if p.State == insole.PageAnswered {
			answered++
		}
	}
	if owner := w.get(a.ID).Alarm.Owner; answered != 1 && owner != paul.ID || answered != 0 && owner == paul.ID {
		t.Errorf("%d pages are answered, the owner is %s", answered, owner)
	}
}

func TestDeclineGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first []insole.ContactID // of step 1
		say   []string           // messages whose link says no
		want  []string           // sent within a minute, in all
	}{
		{"the only one", []insole.ContactID{"claire"}, []string{"claire by sms @1"}, []string{"claire by sms @1", "claire by email @1", "paul by sms @2"}},
		{"one of two", []insole.ContactID{"claire", "paul"}, []string{"claire by email @1"}, []string{"claire by sms @1", "claire by email @1", "paul by sms @1"}},
		{"one of two, twice", []insole.ContactID{"claire", "paul"}, []string{"claire by email @1", "claire by sms @1"}, []string{"claire by sms @1", "claire by email @1", "paul by sms @1"}},
		{"both", []insole.ContactID{"claire", "paul"}, []string{"claire by email @1", "paul by sms @1"}, []string{"claire by sms @1", "claire by email @1", "paul by sms @1", "paul by sms @2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.team.Steps[0].Contacts = tt.first
			a := w.raise(cause("k1"))
			w.run(10 * time.Second)
			for _, what := range tt.say {
				w.answer(w.token(what), insole.AnswerDecline)
			}
			w.run(time.Minute) // the next step's own delay is two
			w.sent(tt.want...)
			f := w.get(a.ID)
			declined := 0
			for _, l := range f.Log {
				if l.What == "declined" {
					declined++
				}
			}
			if f.Alarm.State != insole.Active || declined != len(tt.say) {
				t.Errorf("alarm %s, %d lines of the log say declined", f.Alarm.State, declined)
			}
			if f.Alarm.NextStepAt.IsZero() {
				t.Error("an open alarm without a next step")
			}
		})
	}
}

// Two decline at the same moment: neither sees the other as outstanding for ever.
func TestDeclineRace(t *testing.T) {
	w := newWorld(t)
	w.team.Steps[0].Contacts = []insole.ContactID{"claire", "paul"}
	w.raise(cause("k1"))
	w.run(10 * time.Second)
	var wg sync.WaitGroup
	for _, what := range []string{"claire by sms @1", "paul by sms @1"} {
		token := w.token(what)
		wg.Go(func() {
			if _, err := w.desk.Answer(t.Context(), token, insole.AnswerDecline); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	wg.Wait()
	w.run(10 * time.Second)
	w.sent("claire by sms @1", "claire by email @1", "paul by sms @1", "paul by sms @2")
}

// A page that SNS refused asked nobody, so that the step does not wait for it; and who was never asked again is not asked at once for ever.
func TestDeclineAtTheEnd(t *testing.T) {
	w := newWorld(t)
	w.team.Steps[0].Contacts = []insole.ContactID{"claire", "paul"}
	w.phone.fail["paul"] = notify.ErrRefused
	w.raise(cause("k1"))
	w.run(10 * time.Second)
	delete(w.phone.fail, "paul")
	w.answer(w.token("claire by sms @1"), insole.AnswerDecline)
	w.run(10 * time.Second)
	all := []string{"claire by sms @1", "claire by email @1", "paul by sms @2"}
	w.sent(all...)
	w.answer(w.token("paul by sms @2"), insole.AnswerDecline)
	w.run(4 * time.Minute)
	w.sent(all...) // the last step, and no fallback number: its repeat would ask the same people
	w.run(time.Minute)
	w.sent(append(all, "paul by sms @3")...)

	w = newWorld(t)
	w.team.Fallback = "+33400000000"
	a := w.raise(cause("k1"))
	w.run(2 * time.Minute)
	w.answer(w.token("paul by sms @2"), insole.AnswerDecline)
	w.run(10 * time.Second)
	all = []string{"claire by sms @1", "claire by email @1", "paul by sms @2", "paul by sms @3", "fallback by sms @3"}
	w.sent(all...)
	w.answer(w.token("fallback by sms @3"), insole.AnswerTake)
	if got := w.get(a.ID).Alarm; got.OwnerName != "+33400000000" {
		t.Errorf("taken by %q", got.OwnerName)
	}
}

// Whoever declined in the first step and is paged again in a later one is asked again.
func TestDeclinedAndAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.team.Steps[1].Contacts = []insole.ContactID{"claire"}
	w.team.Steps = append(w.team.Steps, insole.Step{Delay: 2 * time.Minute, Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS}})
	w.raise(cause("k1"))
	w.run(10 * time.Second)
	w.answer(w.token("claire by sms @1"), insole.AnswerDecline)
	w.run(10 * time.Second)
	w.sent("claire by sms @1", "claire by email @1", "claire by sms @2")
	w.answer(w.token("claire by sms @2"), insole.AnswerDecline)
	w.run(10 * time.Second)
	w.sent("claire by sms @1", "claire by email @1", "claire by sms @2", "paul by sms @3")
}

// Scanners fetch links: it is noted that they did, and nothing else happens.
func TestOpened(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	w.run(10 * time.Second)
	token := w.token("claire by email @1")
	before := w.get(a.ID)
	first := w.clock.Now()
	for range 10 {
		q, err := w.desk.Asked(t.Context(), token)
		if err != nil || !q.Open() {
			t.Fatalf("Asked = %+v, %v", q, err)
		}
		if err := w.desk.Opened(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
	}
	after := w.get(a.ID)
	if after.Alarm.Version != before.Alarm.Version || len(after.Log) != len(before.Log) {
		t.Errorf("ten fetches changed the alarm: %+v", after.Alarm)
	}
	if p := w.page(a.ID, "claire", insole.Email, 1); p.State != insole.PageOpened || !p.OpenedAt.Equal(first) || p.MessageID == "" {
		t.Errorf("page = %+v", p)
	}
	w.answer(token, insole.AnswerTake)
	if p := w.page(a.ID, "claire", insole.Email, 1); p.State != insole.PageAnswered || !p.OpenedAt.Equal(first) {
		t.Errorf("page = %+v", p)
	}
}

// A reply of SNS was lost: the page is sent again with the same link; once somebody fetched the link it has arrived, and is not.
func TestLinkOfARepeat(t *testing.T) {
	w := newWorld(t)
	w.phone.fail["claire"] = notify.ErrAmbiguous
	a := w.raise(cause("k1"))
	w.run(0)
	sms := w.token("claire by sms @1")
	q, err := w.desk.Asked(t.Context(), sms)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Opened(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	delete(w.phone.fail, "claire")
	w.run(time.Minute)
	w.sent("claire by sms @1", "claire by email @1", "claire by email @1") // the phone would refuse another link
	for _, p := range w.get(a.ID).Pages {
		if p.State == insole.PageFailed || p.Token != "" {
			t.Errorf("page = %+v, want done, and its token forgotten", p)
		}
	}
}

func TestLinkEnds(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	w.run(10 * time.Second)
	token := w.token("claire by sms @1")
	for _, wrong := range []string{"", "x", string(a.ID), strings.Repeat("A", 26), strings.ToLower(token), token + "A", token[:25] + "!"} {
		if _, err := w.desk.Asked(t.Context(), wrong); !errors.Is(err, insole.ErrNotFound) {
			t.Errorf("Asked(%q) = %v, want ErrNotFound", wrong, err)
		}
		if _, err := w.desk.Answer(t.Context(), wrong, insole.AnswerTake); !errors.Is(err, insole.ErrNotFound) {
			t.Errorf("Answer(%q) = %v, want ErrNotFound", wrong, err)
		}
	}
	if _, err := w.desk.Answer(t.Context(), token, "maybe"); !errors.Is(err, insole.ErrInvalid) {
		t.Errorf("Answer maybe = %v, want ErrInvalid", err)
	}
	if _, err := w.desk.Resolve(t.Context(), "acme", a.ID, paul, insole.ReasonFalse, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Answer(t.Context(), token, insole.AnswerTake); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("taking charge of what has ended = %v, want ErrConflict", err)
	}
	w.clock.Advance(store.LinkLife - 11*time.Second)
	if _, err := w.desk.Asked(t.Context(), token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	w.clock.Advance(2 * time.Second)
	if _, err := w.desk.Asked(t.Context(), token); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("after its end = %v, want ErrNotFound", err)
	}
}

func TestAnswerWithoutTheTable(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	w.run(10 * time.Second)
	token := w.token("claire by sms @1")
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Answer(t.Context(), token, insole.AnswerTake); !errors.Is(err, insole.ErrAway) {
		t.Errorf("Answer = %v, want ErrAway", err)
	}
	if err := w.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	if got := w.get(a.ID).Alarm; got.State != insole.Active {
		t.Errorf("alarm is %s", got.State)
	}
	w.answer(token, insole.AnswerTake)
}
