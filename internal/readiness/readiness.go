// Package readiness says whether a worker is protected: whether a press would be heard, and whether somebody would be told. It is
// pure: what is known of a worker, their insole, their team and its contacts → a verdict with its reasons.
//
// A verdict is made of what the system knows. What it cannot know is a reason of its own, Unchecked, so that "ready" never claims
// more than was looked at.
package readiness

import (
	"slices"
	"strconv"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// The bounds of a verdict.
const (
	Factor        = 3               // an insole silent for more of its own announced intervals is not heard; template.yaml gives watchdog the same
	Minimum       = 3 * time.Minute // silent for less is never too long, as for watchdog
	DefaultExpect = 5 * time.Minute // the interval of an insole that announces none, as for watchdog
	LowBattery    = 30              // percent; less does not last a shift of eight hours with room for a call for help
)

// How often a team exercises, and what of a monthly limit is too little: AWS gives new accounts 1 USD, which is 10 to 20 messages in Europe.
const (
	DrillEvery = 90 * 24 * time.Hour
	LittleUSD  = 5.0
)

// A Weight says what a reason does to the verdict.
type Weight string

const (
	Blocks    Weight = "blocks"    // the worker is not protected
	Warns     Weight = "warns"     // protected, but less well than was set up
	Unchecked Weight = "unchecked" // nothing here can know it
)

// A Code names a reason; its text is readiness.<code>.
type Code string

const (
	NoInsole       Code = "no-insole"
	InsoleUnknown  Code = "insole-unknown"  // the worker's insole is not registered
	InsoleElse     Code = "insole-else"     // registered, but not as this worker's
	InsoleRevoked  Code = "insole-revoked"  // it would be refused
	NeverHeard     Code = "never-heard"     // not since this worker wears it
	Silent         Code = "silent"          // ago: when it was last heard
	TakenOff       Code = "taken-off"       // on shift, and the insole is on no foot
	BatteryLow     Code = "battery-low"     // percent
	BatteryUnknown Code = "battery-unknown" // the insole does not say
	NoTeam         Code = "no-team"
	TeamNobody     Code = "team-nobody"       // team: no step reaches anybody
	StepNobody     Code = "step-nobody"       // team, step
	StepUnsure     Code = "step-unsure"       // team, step: by e-mail only, and whether that is confirmed is not known
	EmailWaiting   Code = "email-unconfirmed" // contact: others of the step are reached
	SMSUnchecked   Code = "sms"               // whether AWS sends text messages: sandbox, monthly spend
	EmailUnchecked Code = "email"             // whether the e-mail subscriptions are confirmed
	SMSSandbox     Code = "sms-sandbox"       // the account is in the sandbox: only numbers verified by hand get messages
	SMSLimit       Code = "sms-limit"         // usd: what may be spent a month is what a new account may, some ten messages
	SMSSpent       Code = "sms-spent"         // usd: whether that has been spent already
	DrillNever     Code = "drill-never"       // team
	DrillOld       Code = "drill-old"         // team, ago, took, by
)

// Codes lists every reason there is.
var Codes = []Code{
	NoInsole, InsoleUnknown, InsoleElse, InsoleRevoked, NeverHeard, Silent, TakenOff, BatteryLow, BatteryUnknown,
	NoTeam, TeamNobody, StepNobody, StepUnsure, EmailWaiting, SMSUnchecked, EmailUnchecked, SMSSandbox, SMSLimit, SMSSpent, DrillNever, DrillOld,
}

// A Reason is one thing that a verdict rests on.
type Reason struct {
	Code   Code
	Weight Weight
	Since  time.Time         // of Silent: when the insole was last heard; of DrillOld: when that was
	Args   map[string]string // of its text
}

// A Verdict on one worker. Ready means that nothing that was looked at blocks.
type Verdict struct {
	Ready   bool
	Reasons []Reason // what blocks first, then what warns, then what was not checked
}

// Facts are what is known of one worker. The zero value of a field is "there is none".
type Facts struct {
	Worker   insole.Worker
	CheckIns *insole.CheckIns // of Worker; nil: none. A shift by hand or by walking is in them
	Insole   *store.InsoleRef // the one that Worker names; nil: not registered in the org
	Live     *store.Live      // of that insole; nil: never heard
	Team     *insole.Team     // nil: there is none of that name
	Contacts map[insole.ContactID]insole.Contact
	// Confirmed says which contacts have confirmed their e-mail subscription to the team's topic; one that is absent has none.
	// nil: it is not known.
	Confirmed map[insole.ContactID]bool
	SMS       *insole.SMSAccount // nil: it is not known
	Drill     *insole.Drill      // of the team, the newest; nil: never
	Drills    bool               // drills could be read
}

// Of is the verdict at now, of the server's clock.
func Of(f Facts, now time.Time) Verdict {
	var v Verdict
	v.ofInsole(f, now)
	v.ofTeam(f, now)
	v.ofDrill(f, now)
	order := []Weight{Blocks, Warns, Unchecked}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return slices.Index(order, a.Weight) - slices.Index(order, b.Weight) })
	v.Ready = len(v.Reasons) == 0 || v.Reasons[0].Weight != Blocks
	return v
}

func (v *Verdict) add(w Weight, c Code, args ...string) {
	r := Reason{Code: c, Weight: w}
	for i := 0; i+1 < len(args); i += 2 {
		if r.Args == nil {
			r.Args = map[string]string{}
		}
		r.Args[args[i]] = args[i+1]
	}
	v.Reasons = append(v.Reasons, r)
}

// ofInsole says whether a press would be heard.
func (v *Verdict) ofInsole(f Facts, now time.Time) {
	id := f.Worker.Insole
	switch {
	case id == "":
		v.add(Blocks, NoInsole)
		return
	case f.Insole == nil:
		v.add(Blocks, InsoleUnknown, "insole", string(id))
		return
	case f.Insole.Revoked:
		v.add(Blocks, InsoleRevoked, "insole", string(id))
		return
	case f.Insole.Worker != f.Worker.ID:
		v.add(Blocks, InsoleElse, "insole", string(id))
		return
	}
	// What it said on somebody else's foot says nothing of this one.
	if f.Live == nil || f.Live.Worker != f.Worker.ID || f.Live.State.HeardAt.IsZero() {
		v.add(Blocks, NeverHeard, "insole", string(id))
		return
	}
	s := f.Live.State
	if s.Lost || now.Sub(s.HeardAt) > patience(s, f.Team) {
		v.add(Blocks, Silent)
		v.Reasons[len(v.Reasons)-1].Since = s.HeardAt
	}
	if s.Conditions&rules.TakenOff != 0 && insole.OnShift(f.Worker.Shifts, f.Worker.ShiftBy, f.CheckIns, now) {
		v.add(Blocks, TakenOff)
	}
	switch b := s.Battery; {
	case b == nil:
		v.add(Unchecked, BatteryUnknown)
	case b.Percent < LowBattery && !b.Charging:
		v.add(Blocks, BatteryLow, "percent", strconv.Itoa(b.Percent))
	}
}

// patience is how long an insole in state s may be silent, whose wearer is of team t; nil: of none.
func patience(s rules.State, t *insole.Team) time.Duration {
	expect := s.Expect
	if expect <= 0 {
		expect = DefaultExpect
	}
	if t == nil {
		t = &insole.Team{}
	}
	return t.Silence(expect, Factor, Minimum)
}

// What is known of whether a page would reach somebody.
type reach int

const (
	no reach = iota
	unsure
	yes
)

// ofTeam says whether somebody would be told, at every step.
func (v *Verdict) ofTeam(f Facts, now time.Time) {
	if f.Team == nil {
		v.add(Blocks, NoTeam)
		return
	}
	t := *f.Team
	t.Steps, _ = t.StepsAt(now) // at this hour
	last, best, sms, mail := len(t.Steps)-1, no, t.Fallback != "", false
	var found Verdict
	waiting := map[insole.ContactID]bool{}
	for i, s := range t.Steps {
		step := no
		for _, id := range s.Contacts {
			c, ok := f.Contacts[id]
			if !ok {
				continue
			}
			for _, ch := range s.Channels {
				switch {
				case ch == insole.SMS && c.Phone != "":
					step, sms = yes, true
				case ch == insole.Email && c.Email != "":
					mail = true
					switch {
					case f.Confirmed == nil:
						step = max(step, unsure)
					case f.Confirmed[id]:
						step = yes
					default:
						waiting[id] = true
					}
				}
			}
		}
		if i == last && t.Fallback != "" { // it is paged with the repeats of the last step, or in its place
			step = yes
		}
		best = max(best, step)
		switch step {
		case no:
			found.add(Blocks, StepNobody, "team", t.Name, "step", strconv.Itoa(i+1))
		case unsure:
			found.add(Blocks, StepUnsure, "team", t.Name, "step", strconv.Itoa(i+1))
		}
	}
	if len(t.Steps) == 0 && t.Fallback != "" {
		best = yes
	}
	if best == no {
		v.add(Blocks, TeamNobody, "team", t.Name)
	} else {
		v.Reasons = append(v.Reasons, found.Reasons...)
	}
	told := map[insole.ContactID]bool{}
	for _, s := range t.Steps {
		for _, id := range s.Contacts {
			if waiting[id] && !told[id] {
				told[id] = true
				v.add(Warns, EmailWaiting, "contact", f.Contacts[id].Name)
			}
		}
	}
	if mail && f.Confirmed == nil {
		v.add(Unchecked, EmailUnchecked)
	}
	if sms {
		v.ofSMS(f.SMS)
	}
}

// ofSMS says whether text messages are sent at all, to a team that counts on them.
func (v *Verdict) ofSMS(s *insole.SMSAccount) {
	if s == nil {
		v.add(Unchecked, SMSUnchecked)
		return
	}
	if s.Sandbox {
		v.add(Blocks, SMSSandbox)
	}
	if s.Limit < 0 {
		v.add(Unchecked, SMSUnchecked)
		return
	}
	usd := strconv.FormatFloat(s.Limit, 'f', -1, 64)
	if s.Limit < LittleUSD {
		v.add(Warns, SMSLimit, "usd", usd)
	}
	v.add(Unchecked, SMSSpent, "usd", usd)
}

// ofDrill says whether the team has shown lately that somebody takes charge.
func (v *Verdict) ofDrill(f Facts, now time.Time) {
	switch {
	case f.Team == nil || !f.Drills:
	case f.Drill == nil:
		v.add(Warns, DrillNever, "team", f.Team.Name)
	case now.Sub(f.Drill.At) > DrillEvery:
		v.add(Warns, DrillOld, "team", f.Team.Name, "took", strconv.Itoa(int((f.Drill.Took+time.Minute-1)/time.Minute)), "by", f.Drill.By)
		v.Reasons[len(v.Reasons)-1].Since = f.Drill.At
	}
}

// Text says r to a person, in locale; now is that of the verdict.
func (r Reason) Text(locale string, now time.Time) string {
	var args []string
	for k, v := range r.Args {
		args = append(args, k, v)
	}
	if !r.Since.IsZero() {
		args = append(args, "ago", text.Ago(locale, now.Sub(r.Since)))
	}
	return text.Say(locale, "readiness."+string(r.Code), args...)
}
