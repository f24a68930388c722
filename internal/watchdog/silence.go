package watchdog

import (
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// Bounds of what silence is put down to a fault of ours. Reasons: docs/adr/0013-own-outage.md.
const (
	Settle    = 3 * time.Minute  // after an outage, for insoles to come back: they reconnect within a minute and empty their memory
	HoldMost  = 30 * time.Minute // of an outage that is known is taken off an insole's silence, and no more
	QuietMost = 10 * time.Minute // the same, of one that is only guessed because nobody is heard
	QuietFew  = 3                // insoles on shift that must be silent together before it is guessed
	Unheard   = 30 * time.Minute // into the shift, when an insole that was put away before it has still not been heard
	Leaving   = 10 * time.Minute // before the end of the shift, when an insole that says bye may
	Before    = time.Hour        // an insole heard within so long before its shift was on its way to it
)

// A span is a time in which insoles could not be heard. An open one ends now.
type span struct {
	from, to time.Time
	open     bool
}

// A way is what is known of the way from insoles to the table.
type way struct {
	known   []span                    // broken, or behind: bridges said so
	guessed map[insole.Dialect][]span // nobody of a language was heard, though the bridges work
}

// wayOf is what pulses and quiet say at now. Without any pulse nothing is known to be broken: whoever runs no bridge of ours has no fault of it.
func wayOf(pulses []store.Pulse, quiet []store.Quiet, now time.Time) way {
	w := way{guessed: map[insole.Dialect][]span{}}
	var good []span // times in which a bridge was heard
	for _, p := range pulses {
		from := p.First
		if !p.GapTo.IsZero() {
			good = append(good, span{from: p.First, to: p.GapFrom})
			w.known = append(w.known, span{from: p.GapFrom, to: p.GapFrom}) // its insoles had to go elsewhere
			from = p.GapTo
		}
		to := p.At
		switch {
		case p.Bye, now.Sub(p.Got) > store.PulseGap:
			w.known = append(w.known, span{from: p.At, to: p.At})
		default:
			to = now
		}
		if to.After(from) {
			good = append(good, span{from: from, to: to})
		}
		if !p.LateAt.IsZero() {
			late := span{from: p.LateFrom, to: p.LateAt}
			if now.Sub(p.LateAt) <= store.PulseGap { // no word in time since: what is behind it may still be to come
				late.to, late.open = now, true
			}
			w.known = append(w.known, late)
		}
	}
	slices.SortFunc(good, func(a, b span) int { return a.from.Compare(b.from) })
	for i, s := range good {
		if i > 0 && s.from.After(good[0].to) {
			w.known = append(w.known, span{from: good[0].to, to: s.from})
		}
		if s.to.After(good[0].to) {
			good[0].to = s.to
		}
	}
	if len(good) > 0 && good[0].to.Before(now) {
		w.known = append(w.known, span{from: good[0].to, to: now, open: true})
	}
	for _, q := range quiet {
		s := span{from: q.From, to: q.Until}
		if q.Until.IsZero() {
			s.to, s.open = now, true
		}
		w.guessed[q.Dialect] = append(w.guessed[q.Dialect], s)
	}
	return w
}

// down is since when insoles that speak d cannot be heard; ok is false when, as far as is known, they can.
func (w way) down(d insole.Dialect) (since time.Time, ok bool) {
	for _, s := range append(slices.Clone(w.known), w.guessed[d]...) {
		if s.open && (!ok || s.from.Before(since)) {
			since, ok = s.from, true
		}
	}
	return since, ok
}

// ended is when the last outage of d that is over was over; zero when there was none.
func (w way) ended(d insole.Dialect) (at time.Time) {
	for _, s := range append(slices.Clone(w.known), w.guessed[d]...) {
		if !s.open && s.to.Sub(s.from) >= store.PulseGap && s.to.After(at) {
			at = s.to
		}
	}
	return at
}

// deaf is how much of the time from from to now an insole that speaks d could not be heard, whatever it said: the outages and the time to come back from
// each. Never more than HoldMost, and of what is only guessed than QuietMost: whoever may be in trouble is not put off for ever.
func (w way) deaf(d insole.Dialect, from, now time.Time) time.Duration {
	known := covered(w.known, from, now)
	all := covered(append(slices.Clone(w.known), w.guessed[d]...), from, now)
	return min(min(known, HoldMost)+min(all-known, QuietMost), HoldMost)
}

// covered is how much of the time from from to now is in spans, each Settle longer.
func covered(spans []span, from, now time.Time) (sum time.Duration) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	at := from
	for _, s := range spans {
		begin, end := s.from, s.to.Add(Settle)
		if begin.Before(at) {
			begin = at
		}
		if end.After(now) {
			end = now
		}
		if end.After(begin) {
			sum += end.Sub(begin)
			at = end
		}
	}
	return sum
}

// A limit is how long insoles of a team may be silent.
type limit struct {
	factor  float64
	minimum time.Duration
	off     bool // the team wants no alarm of it
}

// patience is how long an insole in state s may be silent.
func (m limit) patience(s rules.State) time.Duration {
	expect := s.Expect
	if expect <= 0 {
		expect = DefaultExpect
	}
	return max(time.Duration(m.factor*float64(expect)), m.minimum)
}

// A verdict on one silent insole.
type verdict int

const (
	well    verdict = iota
	overdue         // silent for too long, and it is a fault of ours, as far as we know
	gone            // lost contact
)

// judge says whether the insole of l, worn by somebody whose shift began at began (zero: they have none that begins), is lost at now.
//
// Silence counts only while the insole could have been heard, and only in the shift. An insole that was put away before the shift (last seen on the charger or
// off the foot, or not heard for Before) is Unheard long no alarm: people come late, and walk to where they work. Then it is said, because who
// works without it believes to be protected.
func judge(l store.Live, began time.Time, m limit, w way, now time.Time) (verdict, insole.Guess) {
	s := l.State
	charging := s.Battery != nil && s.Battery.Charging
	shift := !began.IsZero()
	if shift && s.HeardAt.Before(began) {
		if charging || s.Conditions&rules.TakenOff != 0 || began.Sub(s.HeardAt) > Before {
			if now.Sub(began) <= Unheard {
				return well, ""
			}
			if now.Sub(began)-w.deaf(l.Insole.Speaks(), began, now) <= Unheard {
				return overdue, ""
			}
			return gone, insole.GuessUnheard
		}
	} else if charging {
		return well, ""
	}
	from := s.HeardAt
	if shift && from.Before(began) {
		from = began
	}
	silent, may := now.Sub(from), m.patience(s)
	deaf := w.deaf(l.Insole.Speaks(), from, now)
	switch {
	case silent <= may:
		return well, ""
	case silent-deaf <= may:
		return overdue, ""
	}
	if since, down := w.down(l.Insole.Speaks()); down && s.HeardAt.After(since.Add(-may)) {
		return gone, insole.GuessOutage // for longer than it may be put down to us
	}
	return gone, insole.GuessUnknown
}

// What the guess of a cause goes by.
const (
	emptyAt   = 5                // percent at which a battery is taken to be empty
	poor      = 100.0            // metres: fixes worse than this are not from satellites in the open
	nearby    = 200.0            // metres between the last positions of two who fell silent
	meanwhile = 15 * time.Minute // between them falling silent
)

// guess is why the insole of l fell silent, as far as what it said and who else is silent tells. What speaks most plainly comes first.
func guess(l store.Live, others []store.Live, now time.Time) insole.Guess {
	s := l.State
	if b := s.Battery; b != nil && !b.Charging && (b.Percent <= emptyAt || drained(l, now)) {
		return insole.GuessBattery
	}
	if s.Away() {
		return insole.GuessOff
	}
	if s.Conditions&rules.TakenOff != 0 {
		return insole.GuessTakenOff
	}
	if f := s.Fix; f != nil {
		if f.Accuracy > poor || f.Source == insole.SourceCell || f.Source == insole.SourceWiFi || f.Source == insole.SourceBeacon {
			return insole.GuessDeadZone
		}
		for _, o := range others {
			if o.Insole == l.Insole || !o.State.Lost || o.State.Fix == nil {
				continue
			}
			if o.State.HeardAt.Sub(s.HeardAt).Abs() < meanwhile && rules.Metres(*f, *o.State.Fix) < nearby {
				return insole.GuessDeadZone
			}
		}
	}
	return insole.GuessUnknown
}

// drained says whether the battery of l, going down as fast as it did, is empty by now.
func drained(l store.Live, now time.Time) bool {
	b := l.State.Battery
	rate, ok := rules.Drain(l.State.Level, b.Percent, l.State.At)
	return ok && b.Percent <= 20 && float64(b.Percent)-rate*now.Sub(l.State.HeardAt).Hours() <= 0
}
