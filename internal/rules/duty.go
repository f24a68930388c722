package rules

import (
	"time"

	"solewatch/internal/insole"
)

// How somebody walks who goes to work, and not to the door.
const (
	WalkFor   = 2 * time.Minute  // so long, in at least two reports
	WalkBreak = 10 * time.Minute // and not longer than this without a report
	WalkSteps = 20               // counted between two reports
)

// Walk is what is kept of the walking of somebody who is not at work: since when and how many steps, and not where.
type Walk struct {
	Since, Last time.Time // of the walk that goes on; zero when none does
	Boot, Steps uint32    // the step counter at the newest report that had one
}

// Walking looks at r, which happened at at, for a worker whose shift begins by walking, and returns what is known of the walk then. began is
// since when they have walked for so long that their shift has begun, zero while they have not.
//
// It is told off shift only, reports in the insole's own order, and looks at posture and step counter alone.
func (w Walk) Walking(r insole.Report, at time.Time) (next Walk, began time.Time) {
	if at.Before(w.Last) {
		return w, time.Time{}
	}
	walks := r.Posture == insole.Walking || r.Posture == insole.Running
	stands := r.Posture != insole.PostureUnknown && !walks
	if r.Steps > 0 {
		if w.Steps > 0 && w.Boot == r.Boot && r.Steps >= w.Steps+WalkSteps {
			walks = true
		}
		w.Boot, w.Steps = r.Boot, r.Steps
	}
	switch {
	case r.Battery != nil && r.Battery.Charging:
		w.Since, w.Last = time.Time{}, time.Time{}
		return w, time.Time{}
	case walks && (w.Since.IsZero() || at.Sub(w.Last) > WalkBreak):
		w.Since, w.Last = at, at
	case walks:
		w.Last = at
	case stands:
		w.Since, w.Last = time.Time{}, time.Time{}
	}
	if !w.Since.IsZero() && w.Last.Sub(w.Since) >= WalkFor {
		began = w.Since
		w = Walk{}
	}
	return w, began
}

// Moved says whether r, at work, shows that its wearer walks: posture, or steps since s.
func Moved(s State, r insole.Report) bool {
	return r.Posture == insole.Walking || r.Posture == insole.Running || r.Boot == s.Boot && s.Steps > 0 && r.Steps > s.Steps
}

// When is when r happened, as Decide has it.
func (ru Rules) When(r insole.Report, now time.Time) time.Time {
	if r.HeardAt.IsZero() || r.HeardAt.After(now) {
		r.HeardAt = now
	}
	at, _ := r.At(ru.ahead(), ru.back())
	return at
}
