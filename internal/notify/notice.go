package notify

import (
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/text"
)

// Late is how much later than it was sent an alarm may reach us before its pages say "sent".
const Late = 2 * time.Minute

// IsLate says whether a reached us so late that people must be told.
func IsLate(a insole.Alarm) bool {
	return !a.RaisedAt.IsZero() && !a.SentAt.IsZero() && a.Kind != insole.AlarmLostContact && a.RaisedAt.Sub(a.SentAt) > Late
}

// A notice is what people read about an alarm, in one language: who, what, how long ago, the reference, the link, and nothing more.
type notice struct {
	locale               string
	ref, kind, who, link string
	ago                  string
	guess                string // why contact was lost, "" of every other kind
	late, drill          bool
}

// noticeOf is what is read about a. link is the last part of its link: the token of a page, or the name of the alarm.
func noticeOf(a insole.Alarm, locale, publicURL, link string, now time.Time) notice {
	sent := a.SentAt
	if sent.IsZero() {
		sent = a.RaisedAt
	}
	who := a.WorkerName
	if who == "" {
		who = string(a.Worker)
	}
	return notice{
		locale: locale,
		ref:    a.ID.Reference(),
		kind:   text.Say(locale, "alarm.kind."+string(a.Kind)),
		who:    who,
		link:   publicURL + "/a/" + link,
		ago:    text.Ago(locale, now.Sub(sent)),
		guess:  Guess(a, locale),
		late:   IsLate(a),
		drill:  a.Drill,
	}
}

// Guess is what is guessed of why contact was lost, for people; "" when a is of another kind.
func Guess(a insole.Alarm, locale string) string {
	if a.Guess == "" {
		return ""
	}
	return text.Say(locale, "guess."+string(a.Guess))
}

func (n notice) say(key string) string {
	return text.Say(n.locale, key, "ref", n.ref, "kind", n.kind, "worker", n.who, "ago", n.ago, "link", n.link)
}

func (n notice) sms() string {
	switch {
	case n.drill:
		return text.SMS(n.say("page.sms.drill"))
	case n.late:
		return text.SMS(n.say("page.sms.late"))
	}
	return text.SMS(n.say("page.sms"))
}

func (n notice) emergency() string { return text.SMS(n.say("page.emergency")) }

func (n notice) subject() string { return text.Subject(n.say("page.email.subject")) }

func (n notice) email(repeat bool) string {
	body := n.say("page.email.body")
	if n.late {
		body = n.say("page.email.late") + "\n" + body
	}
	if n.guess != "" {
		body = n.kind + ": " + n.guess + ".\n\n" + body
	}
	if repeat {
		body = n.say("page.repeat") + "\n\n" + body
	}
	if n.drill {
		body = n.say("page.email.drill") + "\n" + body
	}
	return body
}
