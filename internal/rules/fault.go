package rules

import (
	"time"

	"solewatch/internal/insole"
)

// Bounds of what is wrong with an insole itself. Reasons: docs/alarms.md.
const (
	clockHold     = 4 * time.Hour // of a clock that is not believed, before that is a fault
	garbledMost   = 5             // frames that nobody understood …
	garbledWithin = time.Hour     // … within so long are a fault; without any for so long it is over
)

// Strays are the frames of an insole that nobody understood, as far as they count. The zero Strays are none.
type Strays struct {
	From, Last time.Time // the first and the last that count; the server's clock
	N          int
}

// Stray is s after a frame that was heard at at and that nobody understood, and the alarm that it raises. One that is told again, or late, counts for nothing.
// It proves that the insole is there, but not that it can call for help: it does not count as heard.
func (ru Rules) Stray(s State, shifts []insole.Shift, at time.Time) (State, []Raise) {
	if !at.After(s.Strays.Last) {
		return s, nil
	}
	if s.Strays.N == 0 || at.Sub(s.Strays.From) >= garbledWithin && s.Conditions&Garbled == 0 {
		s.Strays = Strays{From: at}
	}
	s.Strays.Last, s.Strays.N = at, min(s.Strays.N+1, garbledMost)
	if s.Strays.N < garbledMost || s.Conditions&Garbled != 0 || !insole.On(shifts, at) || ru.Settings.Of(insole.AlarmTechnical).Off {
		return s, nil
	}
	s.Conditions |= Garbled
	return s, []Raise{{Kind: insole.AlarmTechnical, Confirmed: true, Guess: insole.GuessGarbled}}
}

// faults finds what r, whose clock is off by off, says of the insole itself: its clock has been wrong for long, or is right again; it is understood again.
func (d *Decision) faults(ru Rules, s State, r insole.Report, on bool, off time.Duration) {
	n := &d.State
	if d.Newer {
		switch {
		case off != 0 && (s.ClockSince.IsZero() || r.HeardAt.Sub(s.HeardAt) > clockHold): // nobody knows what it was while it was silent
			n.ClockSince = r.HeardAt
		case off == 0 && !r.DeviceAt.IsZero() && r.HeardAt.Sub(r.DeviceAt) <= ru.ahead(): // right now; one in a backlog was written by who knows which clock
			n.ClockSince = time.Time{}
			n.Conditions &^= ClockBad
		}
		if off != 0 && on && s.Conditions&ClockBad == 0 && r.HeardAt.Sub(n.ClockSince) >= clockHold && !ru.Settings.Of(insole.AlarmTechnical).Off {
			d.Raise = append(d.Raise, Raise{Kind: insole.AlarmTechnical, Confirmed: true, Guess: insole.GuessClock})
			n.Conditions |= ClockBad
		}
	}
	if s.Strays.N > 0 && r.HeardAt.Sub(s.Strays.Last) >= garbledWithin {
		n.Strays = Strays{}
		n.Conditions &^= Garbled
	}
	if s.Conditions&(ClockBad|Garbled) != 0 && n.Conditions&(ClockBad|Garbled) == 0 {
		d.Return = append(d.Return, insole.AlarmTechnical)
	}
}
