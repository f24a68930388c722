package e2e

import (
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// From a walk to a screen and a phone, over the demo's zones: out of the site that is not to be left, into the old quarry, and back.
func TestZoneAlarms(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	var e entry
	for _, k := range w.keys {
		if w.teams[string(k.Worker)] == "maintenance" && k.Dialect == insole.SOLE && (e.Insole == "" || k.Insole < e.Insole) {
			e = k
		}
	}
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	// The insole's own clock says when: a minute of walking is told in a moment.
	begin := time.Now().Add(-3 * time.Minute).UTC().Truncate(time.Second)
	stay := func(s int, lat, lon float64) {
		for i := range 5 {
			fix := here(lat, lon)
			fix.At = begin.Add(time.Duration(s+i*10) * time.Second)
			f.say(sole.Record{Kind: insole.KindFix, At: fix.At, Fix: fix})
		}
	}
	of := func(kind string, is func(feed.Alarm) bool) feed.Alarm {
		t.Helper()
		return screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.Kind == kind && is(a) })
	}
	stay(0, 43.6163, 7.0552)  // on the site
	stay(50, 43.6218, 7.0672) // in the quarry, east of it
	f.heard()
	danger := of("danger-zone", func(a feed.Alarm) bool { return a.State == "active" && a.Lat != nil })
	if danger.Priority != 1 || danger.Worker != string(e.Worker) {
		t.Errorf("the screen was told %+v", danger)
	}
	until(t, "an SMS and an e-mail about the quarry", func() bool {
		return len(w.about(danger.Reference, "sms")) > 0 && len(w.about(danger.Reference, "email")) > 0
	})
	var open []feed.Alarm
	claire.call("GET", "/api/alarms", nil, &struct{ Alarms *[]feed.Alarm }{&open})
	left := ""
	for _, a := range open {
		if a.Insole == string(e.Insole) && a.Kind == "zone-left" {
			left = a.ID
			if a.Priority != 2 {
				t.Errorf("leaving the site has priority %d", a.Priority)
			}
		}
	}
	if left == "" {
		t.Errorf("leaving the site is not among %+v", open)
	}

	stay(100, 43.6163, 7.0552) // back
	f.heard()
	until(t, "both back to normal", func() bool {
		claire.call("GET", "/api/alarms", nil, &struct{ Alarms *[]feed.Alarm }{&open})
		over := 0
		for _, a := range open {
			if (a.ID == left || a.ID == danger.ID) && a.ReturnedAtMs > 0 && a.State == "active" {
				over++
			}
		}
		return over == 2
	})
}
