package e2e

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// The page behind the link of an SMS, on the smallest phone, at night: it is read, answered, and then says so.
func TestAnswerPageOnAPhone(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	e := w.of(insole.SOLE, 0)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
	f.heard()
	seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
	until(t, "an SMS", func() bool { return len(w.about(seen.Reference, "sms")) > 0 })
	link := answerLink.FindStringSubmatch(w.about(seen.Reference, "sms")[0].Text)
	if link == nil {
		t.Fatalf("no link: %q", w.about(seen.Reference, "sms")[0].Text)
	}

	b := startBrowser(t)
	b.do(order{"do": "open", "url": w.Web + link[1], "width": 320, "height": 640, "dark": true})
	b.do(order{"do": "see", "at": "button.go"})
	b.shot("answer-320-dark")
	b.do(order{"do": "click", "at": "button.go"})
	b.do(order{"do": "see", "at": ".said"})
	b.shot("answer-taken-320-dark")
	taken := screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "taken" })
	if !strings.HasPrefix(taken.Owner, "contact:") || taken.OwnerName == "" {
		t.Errorf("taken by %q, called %q", taken.Owner, taken.OwnerName)
	}
	if said := b.do(order{"do": "complaints"}); said != nil && len(said.([]any)) > 0 {
		t.Errorf("the browser complains: %v", said)
	}
}
