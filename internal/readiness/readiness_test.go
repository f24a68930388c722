package readiness_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/readiness"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/text"
	"solewatch/internal/watchdog"
)

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) // a Monday

const (
	sms   = insole.SMS
	email = insole.Email
)

func step(channel insole.Channel, who ...insole.ContactID) insole.Step {
	return insole.Step{Contacts: who, Channels: []insole.Channel{channel}}
}

// protected are the facts of a worker of whom all is well; change changes them.
func protected(change ...func(*readiness.Facts)) readiness.Facts {
	f := readiness.Facts{
		Worker: insole.Worker{ID: "marie", Team: "north", Name: "Marie", Insole: "00a1"},
		Insole: &store.InsoleRef{ID: "00a1", Worker: "marie"},
		Live: &store.Live{Insole: "00a1", Worker: "marie", State: rules.State{
			HeardAt: now.Add(-time.Minute), Expect: time.Minute, Battery: &insole.Battery{Percent: 80},
		}},
		Team: &insole.Team{ID: "north", Name: "North", Steps: []insole.Step{step(sms, "boss"), step(email, "desk")}},
		Contacts: map[insole.ContactID]insole.Contact{
			"boss": {ID: "boss", Name: "Boss", Phone: "+33639980001"},
			"desk": {ID: "desk", Name: "Desk", Email: "desk@acme.example"},
			"both": {ID: "both", Name: "Both", Phone: "+33639980002", Email: "both@acme.example"},
		},
		Confirmed: map[insole.ContactID]bool{"desk": true, "both": false},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

// said is a verdict in one line: "ready" or "not ready", then each reason.
func said(v readiness.Verdict) string {
	out := "not ready"
	if v.Ready {
		out = "ready"
	}
	for _, r := range v.Reasons {
		out += fmt.Sprintf(", %s %s", r.Weight, r.Code)
		if s := r.Args["step"]; s != "" {
			out += " " + s
		}
	}
	return out
}

func TestOf(t *testing.T) {
	type f = *readiness.Facts
	night := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 20 * time.Hour, To: 23 * time.Hour, Zone: "UTC"}}
	for _, tt := range []struct {
		name   string
		change func(f)
		want   string
	}{
		{"all is well", func(f) {}, "ready, unchecked sms"},
		{"nothing is known at all", func(x f) { *x = readiness.Facts{} }, "not ready, blocks no-insole, blocks no-team"},

		{"no insole", func(x f) { x.Worker.Insole = "" }, "not ready, blocks no-insole, unchecked sms"},
		{"an insole that is not registered", func(x f) { x.Insole = nil }, "not ready, blocks insole-unknown, unchecked sms"},
		{"an insole of somebody else", func(x f) { x.Insole.Worker = "paul" }, "not ready, blocks insole-else, unchecked sms"},
		{"revoked", func(x f) { x.Insole.Revoked = true }, "not ready, blocks insole-revoked, unchecked sms"},
		{"never heard", func(x f) { x.Live = nil }, "not ready, blocks never-heard, unchecked sms"},
		{"silent for less than its team allows", func(x f) {
			x.Live.State.HeardAt = now.Add(-30 * time.Minute)
			x.Team.Settings = insole.Settings{insole.AlarmLostContact: {Minimum: time.Hour}}
		}, "ready, unchecked sms"},
		{"heard on another foot only", func(x f) { x.Live.Worker = "paul" }, "not ready, blocks never-heard, unchecked sms"},
		{"silent for just three minutes", func(x f) { x.Live.State.HeardAt = now.Add(-3 * time.Minute) }, "ready, unchecked sms"},
		{"silent for longer", func(x f) { x.Live.State.HeardAt = now.Add(-3*time.Minute - 1) }, "not ready, blocks silent, unchecked sms"},
		{"ten seconds announced: the minimum counts", func(x f) {
			x.Live.State.Expect, x.Live.State.HeardAt = 10*time.Second, now.Add(-2*time.Minute)
		}, "ready, unchecked sms"},
		{"an hour announced", func(x f) { x.Live.State.Expect, x.Live.State.HeardAt = time.Hour, now.Add(-2*time.Hour) }, "ready, unchecked sms"},
		{"nothing announced: 15 min", func(x f) { x.Live.State.Expect, x.Live.State.HeardAt = 0, now.Add(-16*time.Minute) }, "not ready, blocks silent, unchecked sms"},
		{"the watchdog has given up", func(x f) { x.Live.State.Lost = true }, "not ready, blocks silent, unchecked sms"},
		{"battery at 30 %", func(x f) { x.Live.State.Battery.Percent = 30 }, "ready, unchecked sms"},
		{"battery at 29 %", func(x f) { x.Live.State.Battery.Percent = 29 }, "not ready, blocks battery-low, unchecked sms"},
		{"empty and charging", func(x f) { *x.Live.State.Battery = insole.Battery{Charging: true} }, "ready, unchecked sms"},
		{"battery not told", func(x f) { x.Live.State.Battery = nil }, "ready, unchecked battery-unknown, unchecked sms"},
		{"taken off", func(x f) { x.Live.State.Conditions = rules.TakenOff }, "not ready, blocks taken-off, unchecked sms"},
		{"taken off, off shift", func(x f) { x.Live.State.Conditions, x.Worker.Shifts = rules.TakenOff, night }, "ready, unchecked sms"},

		{"no such team", func(x f) { x.Team = nil }, "not ready, blocks no-team"},
		{"a team without steps", func(x f) { x.Team.Steps = nil }, "not ready, blocks team-nobody"},
		{"without steps, with a fallback", func(x f) { x.Team.Steps, x.Team.Fallback = nil, "+33639980009" }, "ready, unchecked sms"},
		{"a contact that is gone", func(x f) { x.Team.Steps[0] = step(sms, "gone") }, "not ready, blocks step-nobody 1"},
		{"a phone-less contact by SMS", func(x f) { x.Team.Steps[0] = step(sms, "desk") }, "not ready, blocks step-nobody 1"},
		{"no channel", func(x f) { x.Team.Steps[0].Channels = nil }, "not ready, blocks step-nobody 1"},
		{"e-mail not confirmed", func(x f) { x.Confirmed["desk"] = false }, "not ready, blocks step-nobody 2, warns email-unconfirmed, unchecked sms"},
		{"e-mail without a subscription", func(x f) { x.Confirmed = map[insole.ContactID]bool{} }, "not ready, blocks step-nobody 2, warns email-unconfirmed, unchecked sms"},
		{"the same, with a fallback in its place", func(x f) { x.Confirmed["desk"], x.Team.Fallback = false, "+33639980009" }, "ready, warns email-unconfirmed, unchecked sms"},
		{"a fallback does not help an earlier step", func(x f) { x.Team.Steps[0], x.Team.Fallback = step(sms, "gone"), "+33639980009" }, "not ready, blocks step-nobody 1, unchecked sms"},
		{"another of the step is reached", func(x f) { x.Team.Steps[1] = step(email, "both", "desk") }, "ready, warns email-unconfirmed, unchecked sms"},
		{"confirmations not known", func(x f) { x.Confirmed = nil }, "not ready, blocks step-unsure 2, unchecked email, unchecked sms"},
		{"not known, and not needed", func(x f) {
			x.Confirmed, x.Team.Steps[1] = nil, insole.Step{Contacts: []insole.ContactID{"both"}, Channels: []insole.Channel{sms, email}}
		}, "ready, unchecked email, unchecked sms"},
		{"no text messages at all", func(x f) { x.Team.Steps = x.Team.Steps[1:] }, "ready"},
		{"every step reaches nobody", func(x f) { x.Contacts = nil }, "not ready, blocks team-nobody"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := said(readiness.Of(protected(tt.change), now)); got != tt.want {
				t.Errorf("Of = %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Over random facts: ready is exactly "nothing blocks", reasons are in order and known, and a ready worker has an insole that was
// heard and a team of which each step has an address that pages can go to.
func TestOfHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 12))
	coin := func() bool { return r.IntN(3) > 0 }
	ids := []insole.ContactID{"boss", "desk", "both", "gone"}
	ready := 0
	for range 20_000 {
		f := protected(func(x *readiness.Facts) {
			if !coin() {
				x.Insole = nil
			} else if !coin() {
				x.Insole.Revoked = true
			}
			x.Live.State.HeardAt = now.Add(-time.Duration(r.IntN(400)) * time.Second)
			x.Live.State.Battery.Percent = r.IntN(101)
			x.Team.Steps = nil
			for range r.IntN(4) {
				s := insole.Step{Contacts: []insole.ContactID{ids[r.IntN(4)], ids[r.IntN(4)]}}
				for _, ch := range []insole.Channel{sms, email} {
					if coin() {
						s.Channels = append(s.Channels, ch)
					}
				}
				x.Team.Steps = append(x.Team.Steps, s)
			}
			if !coin() {
				x.Team.Fallback = "+33639980009"
			}
			x.Confirmed["desk"], x.Confirmed["both"] = coin(), coin()
			if !coin() {
				x.Confirmed = nil
			}
		})
		v := readiness.Of(f, now)
		blocks := slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return r.Weight == readiness.Blocks })
		if v.Ready == blocks {
			t.Fatalf("%+v: %s", f, said(v))
		}
		for i, reason := range v.Reasons {
			if !slices.Contains(readiness.Codes, reason.Code) || i > 0 && v.Reasons[i-1].Weight > reason.Weight && v.Reasons[i-1].Weight == readiness.Unchecked {
				t.Fatalf("%s", said(v))
			}
		}
		if !v.Ready {
			continue
		}
		ready++
		if f.Insole == nil || f.Insole.Revoked || now.Sub(f.Live.State.HeardAt) > 3*time.Minute || f.Live.State.Battery.Percent < 30 {
			t.Fatalf("ready, but %+v", f)
		}
		for i, s := range f.Team.Steps {
			reached := i == len(f.Team.Steps)-1 && f.Team.Fallback != ""
			for _, id := range s.Contacts {
				c := f.Contacts[id]
				reached = reached || slices.Contains(s.Channels, sms) && c.Phone != "" || slices.Contains(s.Channels, email) && c.Email != "" && f.Confirmed[id]
			}
			if !reached {
				t.Fatalf("ready, but step %d of %+v reaches nobody", i+1, f.Team)
			}
		}
		if len(f.Team.Steps) == 0 && f.Team.Fallback == "" {
			t.Fatal("ready, without anybody to tell")
		}
	}
	if ready < 100 {
		t.Fatalf("%d of the workers were ready: nothing was tested", ready)
	}
}

// Every code has a text, whose placeholders are those that the reason fills.
func TestTexts(t *testing.T) {
	for _, c := range readiness.Codes {
		if !text.Has("readiness." + string(c)) {
			t.Errorf("readiness.%s has no text", c)
		}
	}
	for _, change := range []func(*readiness.Facts){
		func(f *readiness.Facts) { f.Insole = nil },
		func(f *readiness.Facts) { f.Insole.Revoked = true },
		func(f *readiness.Facts) { f.Insole.Worker = "" },
		func(f *readiness.Facts) { f.Live = nil },
		func(f *readiness.Facts) { f.Live.State.HeardAt = now.Add(-22 * time.Minute) },
		func(f *readiness.Facts) { f.Live.State.Battery.Percent = 7 },
		func(f *readiness.Facts) { f.Team.Steps = nil },
		func(f *readiness.Facts) { f.Confirmed["desk"] = false },
		func(f *readiness.Facts) { f.Confirmed = nil },
	} {
		for _, r := range readiness.Of(protected(change), now).Reasons {
			for _, l := range text.Locales {
				if s := r.Text(l, now); strings.ContainsAny(s, "{}") || strings.HasPrefix(s, "readiness.") {
					t.Errorf("%s in %s: %q", r.Code, l, s)
				}
			}
		}
	}
}

// An insole that watchdog would call lost is not ready: both go by the same bounds. (One on the charger may be silent for watchdog; it is not heard all the same.)
func TestBoundsOfTheWatchdog(t *testing.T) {
	b, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("LOST_FACTOR: \"%d\"", readiness.Factor), fmt.Sprintf("LOST_MINIMUM: %.0fm", readiness.Minimum.Minutes())} {
		if !strings.Contains(string(b), want) {
			t.Errorf("template.yaml has no %s", want)
		}
	}
	if readiness.DefaultExpect != watchdog.DefaultExpect {
		t.Errorf("an insole that announces nothing: %v, watchdog %v", readiness.DefaultExpect, watchdog.DefaultExpect)
	}
}
