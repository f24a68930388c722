package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/store"
)

// A Publisher sends one page. *notify.Publisher is one.
type Publisher interface {
	// Send publishes page about a and returns the name that SNS gave it. Its error wraps notify.ErrAmbiguous when the publish may have
	// happened, notify.ErrRefused when it never will, and neither when it certainly has not.
	Send(ctx context.Context, a insole.Alarm, page insole.Page, now time.Time) (string, error)
	// Topic is the address of a team's e-mail pages.
	Topic(insole.OrgID, insole.TeamID) string
}

// An Engine does what is due. Any number of them may work on one alarm at once: conditions in the writes decide who does what.
type Engine struct {
	Store     *store.Store
	Teams     Directory
	Publisher Publisher
	Steps     Steps
	Now       func() time.Time
	Log       *slog.Logger
}

// Advance brings alarm id to where it should be now: states whose time is over, pages of steps that are due. It returns when to look
// again (zero: never) and whether it changed anything. Any error leaves what is undone due, for whoever looks next.
func (e *Engine) Advance(ctx context.Context, o insole.OrgID, id insole.AlarmID) (next time.Time, changed bool, err error) {
	for range attempts {
		next, changed, err = e.advance(ctx, o, id)
		if !errors.Is(err, insole.ErrConflict) {
			return next, changed, err
		}
	}
	return next, changed, err
}

func (e *Engine) advance(ctx context.Context, o insole.OrgID, id insole.AlarmID) (time.Time, bool, error) {
	f, err := e.Store.GetAlarmFile(ctx, o, id)
	if err != nil {
		return time.Time{}, false, err
	}
	a, pages := f.Alarm, f.Pages
	if !a.State.Open() || a.State == insole.Taken && (a.NextStepAt.IsZero() || a.NextStepAt.After(e.Now())) {
		return a.NextStepAt, false, e.drop(ctx, pages, string(a.State))
	}
	changed := false
	for round := 0; ; round++ {
		policy, err := policyOf(ctx, e.Teams, e.Publisher.Topic, a.Org, a.Team, "")
		if err != nil {
			return time.Time{}, changed, err
		}
		plan := Next(a, policy, e.Now())
		if plan.Changed {
			err = e.Store.SaveAlarm(ctx, plan.Alarm, plan.Pages, plan.Log, "")
			if err != nil {
				return time.Time{}, changed, err
			}
			changed = true
			a, pages = plan.Alarm, append(pages, plan.Pages...)
			if plan.Silent {
				e.Log.ErrorContext(ctx, "alarm reaches nobody", "org", a.Org, "team", a.Team, "alarm", a.ID)
			}
		}
		if a.State != insole.Active {
			return a.NextStepAt, changed, nil
		}
		next, failed, err := e.publish(ctx, a, pages)
		if err != nil {
			return time.Time{}, changed, err
		}
		// A step of which every page was refused reached nobody: the next one starts at once, but the last repeats at its own pace.
		if failed && a.Step <= len(policy.Team.Steps) && a.NextStepAt.After(e.Now()) && round <= len(policy.Team.Steps) {
			hurried := a
			hurried.NextStepAt = e.Now().UTC()
			hurried.Version++
			err = e.Store.SaveAlarm(ctx, hurried, nil, []store.LogLine{{At: hurried.NextStepAt, What: "unreachable", Who: "clock", Text: fmt.Sprintf("every page of step %d was refused", a.Step)}}, "")
			if err != nil {
				return time.Time{}, changed, err
			}
			a, changed = hurried, true
			continue
		}
		return next, changed, nil
	}
}

// publish sends every page of a that is due. next is when the first of its steps or of the pages left is due; failed says that its newest
// step had pages and that all of them were refused for good.
func (e *Engine) publish(ctx context.Context, a insole.Alarm, pages []insole.Page) (next time.Time, failed bool, err error) {
	next = a.NextStepAt
	var errs []error
	sent, refused := 0, 0
	for i, p := range pages {
		if at := store.PageDue(p); !at.IsZero() && !at.After(e.Now()) {
			p, err = e.send(ctx, a, p)
			if errors.Is(err, insole.ErrConflict) {
				err = nil // somebody else has it, or the alarm was taken: the next look sees what became of it
			}
			errs = append(errs, err)
			pages[i] = p
		}
		if at := store.PageDue(p); !at.IsZero() && at.Before(next) {
			next = at
		}
		if p.Step == a.Step {
			sent++
			if p.State == insole.PageFailed {
				refused++
			}
		}
	}
	return next, sent > 0 && sent == refused, errors.Join(errs...)
}

// send claims p, publishes it and says what became of it. Only one that has claimed publishes, and a claim that was not finished is
// claimed again after store.ClaimLapse: the one way to a second page with one reference, beside a reply that was lost.
func (e *Engine) send(ctx context.Context, a insole.Alarm, p insole.Page) (insole.Page, error) {
	claimed, err := e.Store.ClaimPage(ctx, p, e.Now().UTC())
	if err != nil {
		return p, err
	}
	done := claimed
	id, err := e.Publisher.Send(ctx, a, claimed, e.Now().UTC())
	switch {
	case err == nil:
		done.State, done.MessageID, done.Why = insole.PageAccepted, id, ""
	case errors.Is(err, notify.ErrRefused):
		done.State, done.Why = insole.PageFailed, "refused"
	case errors.Is(err, notify.ErrAmbiguous):
		done.State, done.Why = insole.PageQueued, "ambiguous"
	default:
		done.State, done.Why = insole.PageQueued, "not sent"
	}
	if done.State != insole.PageQueued {
		done.DoneAt = e.Now().UTC()
	}
	if err != nil {
		e.Log.WarnContext(ctx, "page not accepted", "alarm", a.ID, "step", p.Step, "contact", p.Contact, "channel", p.Channel, "try", claimed.Tries, "why", done.Why, "err", err)
	}
	// The caller's time may be up; what was published must be written down all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := e.Store.SavePage(ctx, claimed, done); err != nil {
		return claimed, err
	}
	return done, nil
}

// drop ends the pages that nobody needs any more.
func (e *Engine) drop(ctx context.Context, pages []insole.Page, why string) error {
	var errs []error
	for _, p := range pages {
		if p.State != insole.PageQueued {
			continue
		}
		done := p
		done.State, done.Why, done.DoneAt = insole.PageFailed, why, e.Now().UTC()
		if err := e.Store.SavePage(ctx, p, done); err != nil && !errors.Is(err, insole.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ask sends a step message for next.
func (e *Engine) ask(ctx context.Context, o insole.OrgID, id insole.AlarmID, next time.Time) {
	err := e.Steps.Send(ctx, o, id, next, next.Sub(e.Now()))
	if err != nil {
		e.Log.WarnContext(ctx, "step not asked for; the sweep will find it", "alarm", id, "err", err)
	}
}
