package watchdog_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

// bye is what i says last.
func (h *history) bye(i *walker) {
	h.Helper()
	i.silent = true
	l, err := h.store.GetLive(h.Context(), "acme", i.id)
	if err != nil {
		h.Fatal(err)
	}
	l.State.ByeAt = h.clock.Now().Add(time.Second)
	l.Version++
	if err := h.store.SaveLive(h.Context(), l); err != nil {
		h.Fatal(err)
	}
}

func (h *history) guess(who insole.WorkerID) insole.Guess {
	for _, a := range h.open() {
		if a.Kind == insole.AlarmLostContact && a.Worker == who {
			return a.Guess
		}
	}
	return ""
}

// Three who are switched off at once are no outage of ours, and each is said to be switched off; the flat battery is said to be flat.
func TestSwitchedOff(t *testing.T) {
	all := crew(4, false)
	all[3].battery = &insole.Battery{Percent: 4}
	h := newHistory(t, all...)
	h.play(10)
	want := map[insole.WorkerID][2]int{}
	for _, i := range all {
		h.bye(i)
		want[i.worker()] = [2]int{14, 14} // as soon as anybody silent
	}
	h.play(5)
	h.want(want)
	for i, want := range []insole.Guess{insole.GuessOff, insole.GuessOff, insole.GuessOff, insole.GuessBattery} {
		if got := h.guess(all[i].worker()); got != want {
			t.Errorf("%s: guess %q, want %q", all[i].id, got, want)
		}
	}
	if a := h.technical(); a != nil {
		t.Errorf("technical alarm %+v", a)
	}
}

// A bye counts for nothing once the insole was heard again.
func TestByeAndBack(t *testing.T) {
	all := crew(1, false)
	h := newHistory(t, all...)
	h.play(10)
	h.bye(all[0])
	all[0].silent = false
	h.play(2)
	all[0].silent = true
	h.play(5)
	if got := h.guess(all[0].worker()); got != insole.GuessUnknown {
		t.Errorf("guess %q", got)
	}
}

// The clock begins at noon; the shift ends at 12:30. Switched off at 12:19 is an alarm, at 12:20 and later it is going home; silence without a bye is not.
func TestByeAtTheEndOfTheShift(t *testing.T) {
	for _, tt := range []struct {
		minute int
		bye    bool
		want   bool
	}{{18, true, true}, {20, true, false}, {24, true, false}, {24, false, true}} {
		all := crew(1, false)
		all[0].shifts = []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 6 * time.Hour, To: 12*time.Hour + 30*time.Minute, Zone: "UTC"}}
		h := newHistory(t, all...)
		h.play(tt.minute)
		all[0].silent = true
		if tt.bye {
			h.bye(all[0])
		}
		h.play(20)
		if _, got := h.raised[all[0].worker()]; got != tt.want {
			t.Errorf("silent from 12:%d, bye %v: alarm %v, want %v", tt.minute, tt.bye, got, tt.want)
		}
	}
}
