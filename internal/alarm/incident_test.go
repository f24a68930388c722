package alarm_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

func causeOf(kind insole.AlarmKind, key string) alarm.Cause {
	c := cause(key)
	c.Kind, c.ID = kind, insole.NewAlarmID("acme", "marie", kind, key)
	c.Press = kind == insole.AlarmSOS || kind == insole.AlarmCovertSOS
	return c
}

// What follows within ten minutes is one incident, link by link; what comes later, or after the end, is another; exercises are none.
func TestIncident(t *testing.T) {
	w := newWorld(t)
	fall := w.raise(causeOf(insole.AlarmFall, "k1"))
	w.clock.Advance(8 * time.Minute)
	still := w.raise(causeOf(insole.AlarmStill, "k2"))
	w.clock.Advance(8 * time.Minute) // 16 minutes after the first, 8 after the second
	lost := w.raise(causeOf(insole.AlarmLostContact, "k3"))
	drill := w.raise(causeOf(insole.AlarmDrill, "k4"))
	w.clock.Advance(alarm.IncidentGap + time.Second)
	low := w.raise(causeOf(insole.AlarmLowBattery, "k5"))
	other := causeOf(insole.AlarmSOS, "k6")
	other.Worker = "marie-2"
	far := w.raise(other)
	for _, tt := range []struct {
		a    insole.Alarm
		want insole.AlarmID
	}{{fall, fall.ID}, {still, fall.ID}, {lost, fall.ID}, {drill, drill.ID}, {low, low.ID}, {far, far.ID}} {
		if got := w.get(tt.a.ID).Alarm.Incident; got != tt.want || tt.a.Incident != tt.want {
			t.Errorf("%s belongs to %s, and was raised in %s; want %s", tt.a.Kind, got, tt.a.Incident, tt.want)
		}
	}
	for _, id := range []insole.AlarmID{fall.ID, still.ID, lost.ID, low.ID} {
		if _, err := w.desk.Resolve(t.Context(), "acme", id, claire, insole.ReasonReal, ""); err != nil {
			t.Fatal(err)
		}
	}
	if again := w.raise(causeOf(insole.AlarmFall, "k7")); again.Incident != again.ID {
		t.Errorf("after the end: part of %s", again.Incident)
	}
}

// Taking charge takes along what is no graver and has nobody, and never a call for help, nor what is still the wearer's to cancel.
func TestTakingAnIncident(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	fall := w.raise(causeOf(insole.AlarmFall, "k1"))
	sos := w.raise(causeOf(insole.AlarmSOS, "k2"))
	low := w.raise(causeOf(insole.AlarmLowBattery, "k3"))
	danger := w.raise(causeOf(insole.AlarmDangerZone, "k4"))
	c := causeOf(insole.AlarmStill, "k5")
	c.Hold, c.Confirmed = time.Minute, false
	still := w.raise(c)
	covert := w.raise(causeOf(insole.AlarmCovertSOS, "k6"))
	if _, err := w.desk.Take(ctx, "acme", danger.ID, paul); err != nil {
		t.Fatal(err)
	}
	states := func() (out []string) {
		for _, a := range []insole.Alarm{fall, sos, low, danger, still, covert} {
			got := w.get(a.ID).Alarm
			out = append(out, fmt.Sprint(got.State, got.Owner))
		}
		return out
	}
	if got, want := states(), []string{"takenu2", "active", "takenu2", "takenu2", "pending", "active"}; !slices.Equal(got, want) {
		t.Errorf("paul took the danger zone: %q, want %q", got, want)
	}
	if _, err := w.desk.Take(ctx, "acme", sos.ID, claire); err != nil {
		t.Fatal(err)
	}
	if got, want := states(), []string{"takenu2", "takenu1", "takenu2", "takenu2", "pending", "active"}; !slices.Equal(got, want) {
		t.Errorf("claire took the SOS: %q, want %q", got, want)
	}
	log := w.get(low.ID).Log
	if l := log[len(log)-1]; l.What != "taken" || l.Who != "u2" || l.Text != "with "+danger.ID.Reference() {
		t.Errorf("the log of what was taken along ends in %+v", l)
	}
}

// Once somebody has charge, what is graver or as grave pages all the same, and what is less grave is theirs.
func TestRaisedIntoATakenIncident(t *testing.T) {
	w := newWorld(t)
	fall := w.raise(causeOf(insole.AlarmFall, "k1"))
	w.run(0)
	if _, err := w.desk.Take(t.Context(), "acme", fall.ID, claire); err != nil {
		t.Fatal(err)
	}
	n := len(w.phone.list())
	w.clock.Advance(5 * time.Minute)
	lost := w.raise(causeOf(insole.AlarmLostContact, "k2"))
	w.run(0)
	if lost.State != insole.Taken || lost.Owner != claire.ID || len(w.phone.list()) != n {
		t.Errorf("lost contact: %s by %q, %d pages", lost.State, lost.Owner, len(w.phone.list())-n)
	}
	sos := w.raise(causeOf(insole.AlarmSOS, "k3"))
	w.run(0)
	if sos.State != insole.Active || len(w.phone.list()) != n+2 {
		t.Errorf("SOS: %s, pages %q after %d; want active and 2 more", sos.State, w.phone.list(), n)
	}
	w.run(15 * time.Minute) // claire did nothing for her 20 minutes
	if got := w.get(lost.ID).Alarm; got.State != insole.Active || got.Step == 0 {
		t.Errorf("the owner's time is over: %s at step %d, want it to page", got.State, got.Step)
	}
}

// Who cannot be asked about the incident or about what is set aside does not keep an alarm from being raised and paging.
func TestRaisedAlone(t *testing.T) {
	w := newWorld(t)
	w.raise(causeOf(insole.AlarmFall, "k1"))
	for _, operation := range []string{"Query", "GetItem"} {
		if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: operation, Kind: "5xx", Probability: 1}); err != nil {
			t.Fatal(err)
		}
		kind := map[string]insole.AlarmKind{"Query": insole.AlarmSOS, "GetItem": insole.AlarmLowBattery}[operation]
		a := w.raise(causeOf(kind, "k2"))
		if a.State != insole.Active || a.Step != 1 || !a.Shelf.Until.IsZero() {
			t.Errorf("%s away: %s %+v", operation, kind, a)
		}
		if operation == "Query" && a.Incident != a.ID {
			t.Errorf("%s away: belongs to %s", operation, a.Incident)
		}
	}
}

// What is set aside pages nobody until its time is over, and then at once; also what is raised meanwhile; a press ends it.
func TestShelf(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	a := w.raise(causeOf(insole.AlarmLowBattery, "k1"))
	if _, err := w.desk.Shelve(ctx, "acme", a.ID, claire, 2*time.Hour, "a new one is on its way", true); err != nil { // its pages wait, and are dropped
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.sent()
	if _, err := w.desk.Resolve(ctx, "acme", a.ID, paul, insole.ReasonOther, ""); err != nil {
		t.Fatal(err)
	}
	b := w.raise(causeOf(insole.AlarmLowBattery, "k2"))
	if !b.Shelf.Until.Equal(noon.Add(2*time.Hour)) || b.Shelf.Name != claire.Name || b.State != insole.Active {
		t.Errorf("raised meanwhile: %+v", b)
	}
	w.run(59 * time.Minute)
	w.sent()
	w.run(2 * time.Minute)
	w.sent("claire by sms @1", "claire by email @1")
	if got := w.get(b.ID); got.Alarm.Shelf.By != "" || !slices.ContainsFunc(got.Log, func(l store.LogLine) bool { return l.What == "unshelved" && l.Who == "clock" }) {
		t.Errorf("after its time: %+v, %+v", got.Alarm, got.Log)
	}
	if c := w.raise(causeOf(insole.AlarmZoneLeft, "k3")); !c.Shelf.Until.IsZero() {
		t.Errorf("another kind is set aside too: %+v", c)
	}
	for _, kind := range []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, insole.AlarmFall, insole.AlarmStill, insole.AlarmDangerZone, insole.AlarmLostContact,
		insole.AlarmMissedCheckIn, insole.AlarmAmber, insole.AlarmNoAnswer, insole.AlarmUnwatched, insole.AlarmDrill} {
		c := causeOf(kind, "k9")
		if kind == insole.AlarmUnwatched { // off unless the team that it is about wants it
			c.Set = &insole.Setting{Priority: 2}
		}
		a := w.raise(c)
		if _, err := w.desk.Shelve(ctx, "acme", a.ID, claire, time.Hour, "noise", false); !errors.Is(err, alarm.ErrLatched) {
			t.Errorf("%s set aside: %v", kind, err)
		}
	}
	for _, span := range []time.Duration{0, insole.MinShelf - 1, insole.MaxShelf + 1} {
		if _, err := w.desk.Shelve(ctx, "acme", b.ID, claire, span, "noise", false); !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("for %s: %v", span, err)
		}
	}
}

// A covert cancel: the pre-alarm goes on to its deadline, and nothing of it is ever felt.
func TestCovertCancel(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := causeOf(insole.AlarmFall, "b1-01")
	c.Hold, c.Confirmed = 30*time.Second, false
	fall := w.raise(c)
	w.clock.Advance(10 * time.Second)
	covert := w.raise(causeOf(insole.AlarmCovertSOS, "b1-02"))
	w.run(time.Minute)
	if got := w.get(fall.ID).Alarm; got.State != insole.Active || got.Incident != covert.Incident {
		t.Errorf("the pre-alarm came to %s in %s, want active in %s", got.State, got.Incident, covert.Incident)
	}
	if _, err := w.desk.Take(ctx, "acme", covert.ID, claire); err != nil { // and with it the fall
		t.Fatal(err)
	}
	if got := w.get(fall.ID).Alarm; got.Owner != claire.ID {
		t.Errorf("the fall is %s by %q", got.State, got.Owner)
	}
	if _, err := w.desk.Signal(ctx, "acme", fall.ID, claire, insole.CommandSignal); !errors.Is(err, alarm.ErrDuress) {
		t.Errorf("a signal: %v, want ErrDuress", err)
	}
	if _, err := w.desk.Signal(ctx, "acme", fall.ID, claire, insole.CommandAskFix); err != nil {
		t.Error(err)
	}
	if got := w.pending(); commands(got) != "ask-fix" {
		t.Errorf("ordered: %q, want only what is not felt", commands(got))
	}
}

// A tracker is asked for a position for a moment, since its answer does not say what it answers; it cannot signal, which the log says.
func TestSignalToATracker(t *testing.T) {
	w := newWorld(t)
	c := cause("k1")
	c.Insole = tracker
	a := w.raise(c)
	for _, command := range []insole.Command{insole.CommandAskFix, insole.CommandSignal} {
		if _, err := w.desk.Signal(t.Context(), "acme", a.ID, claire, command); err != nil {
			t.Fatal(err)
		}
	}
	got := w.pending()
	if commands(got) != "ask-fix" || got[0].Alarm != "" || got[0].EndsAt.After(noon.Add(30*time.Second)) {
		t.Errorf("ordered %+v", got)
	}
	log := w.get(a.ID).Log
	if n := len(log); log[n-2].What != "sent-ask-fix" || log[n-1].What != "unable-signal" {
		t.Errorf("log %+v", log)
	}
}

// Forty people at once: one has it, all are told who, and nobody is paged after.
func TestManyTakeCharge(t *testing.T) {
	w := newWorld(t)
	a := w.raise(cause("k1"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[insole.UserID]bool{}
	start := make(chan struct{})
	for i := range 40 {
		u := insole.User{Org: "acme", ID: insole.UserID(fmt.Sprintf("u%d", i)), Name: "x"}
		wg.Go(func() {
			<-start
			got, err := w.desk.Take(t.Context(), "acme", a.ID, u)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won[u.ID] = true
			case !errors.Is(err, insole.ErrConflict):
				t.Errorf("%s: %v", u.ID, err)
			case got.Owner == "" && got.ID != "":
				t.Errorf("%s was refused and not told who has it: %+v", u.ID, got)
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			<-start
			if _, err := w.engine.Advance(t.Context(), "acme", a.ID); err != nil && !errors.Is(err, insole.ErrConflict) {
				t.Errorf("Advance: %v", err)
			}
		})
	}
	close(start)
	wg.Wait()
	if got := w.get(a.ID).Alarm; len(won) != 1 || !won[got.Owner] {
		t.Errorf("winners %v, owner %q", won, got.Owner)
	}
	sent := len(w.phone.list())
	w.run(19 * time.Minute)
	if n := len(w.phone.list()); n != sent {
		t.Errorf("%d pages after it was taken", n-sent)
	}
}
