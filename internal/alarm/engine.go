package alarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

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

	published published
}

// published remembers what SNS took but could not be written down, because the table was away just then: whoever looks next in this process
// writes it down instead of publishing again. It holds at most maxPublished pages.
type published struct {
	mu sync.Mutex
	m  map[pageName]string // SNS's name of it
}

type pageName struct {
	org     insole.OrgID
	alarm   insole.AlarmID
	step    int
	contact insole.ContactID
	channel insole.Channel
}

const maxPublished = 10_000

func nameOf(p insole.Page) pageName { return pageName{p.Org, p.Alarm, p.Step, p.Contact, p.Channel} }

func (p *published) put(n pageName, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil || len(p.m) >= maxPublished {
		p.m = map[pageName]string{}
	}
	p.m[n] = message
}

func (p *published) take(n pageName) (message string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	message, ok = p.m[n]
	delete(p.m, n)
	return message, ok
}

// An Outcome is what Advance left to do.
type Outcome struct {
	Due     time.Time // of the alarm's next step or deadline; zero when there is none
	Retry   time.Time // of a page that SNS did not take; zero when there is none
	Changed bool      // Due is new
	Kind    insole.AlarmKind
}

// Advance brings alarm id to where it should be now: states whose time is over, pages of steps that are due. Any error leaves what is
// undone due, for whoever looks next.
func (e *Engine) Advance(ctx context.Context, o insole.OrgID, id insole.AlarmID) (out Outcome, err error) {
	for range attempts {
		var again Outcome
		again, err = e.advance(ctx, o, id)
		again.Changed = again.Changed || out.Changed
		out = again
		if !errors.Is(err, insole.ErrConflict) {
			break
		}
	}
	if err == nil {
		e.account(ctx, o, id, &out)
	}
	return out, err
}

// account has the alarm's log say what became of its pages. What cannot be said now is said at the next look, which it asks for.
func (e *Engine) account(ctx context.Context, o insole.OrgID, id insole.AlarmID, out *Outcome) {
	err := e.Store.AccountPages(ctx, o, id, e.Now().UTC())
	if err == nil {
		return
	}
	e.Log.WarnContext(ctx, "what became of pages is not in the log yet", "alarm", id, "err", err)
	if out.Retry.IsZero() {
		out.Retry = e.Now().Add(5 * time.Second)
	}
}

func (e *Engine) advance(ctx context.Context, o insole.OrgID, id insole.AlarmID) (out Outcome, err error) {
	f, err := e.Store.GetAlarmFile(ctx, o, id)
	if err != nil {
		return out, err
	}
	a, pages := f.Alarm, f.Pages
	out.Kind = a.Kind
	if !a.State.Open() || a.State == insole.Taken && (a.NextStepAt.IsZero() || a.NextStepAt.After(e.Now())) {
		out.Due = a.NextStepAt
		return out, e.drop(ctx, pages, string(a.State))
	}
	policy, err := policyOf(ctx, e.Teams, e.Publisher.Topic, a.Org, a.Team, "")
	if err != nil {
		return out, err
	}
	for {
		plan := Next(a, policy, e.Now())
		if plan.Changed {
			also, _ := feel(ctx, e.Store, a, plan.Alarm)
			err = e.Store.SaveAlarm(ctx, plan.Alarm, plan.Pages, plan.Log, "", also...)
			if err != nil {
				return out, err
			}
			a, pages, out.Changed = plan.Alarm, append(pages, plan.Pages...), true
			if plan.Silent {
				e.Log.ErrorContext(ctx, "alarm reaches nobody", "org", a.Org, "team", a.Team, "alarm", a.ID)
			}
		}
		out.Due = a.NextStepAt
		if a.State != insole.Active {
			return out, nil
		}
		if a.Shelf.Holds(e.Now()) {
			return out, e.drop(ctx, pages, "set aside")
		}
		refused, retry, err := e.publish(ctx, a, pages)
		out.Retry = retry
		if err != nil {
			return out, err
		}
		// A step of which every page was refused reached nobody: the next one starts at once. The last one repeats at its own pace, but
		// for its first repeat, which the fallback number joins.
		if !refused || !policy.further(a, e.Now()) || !a.NextStepAt.After(e.Now()) {
			return out, nil
		}
		now := e.Now().UTC()
		hurried := a
		hurried.NextStepAt, hurried.Version = now, a.Version+1
		err = e.Store.SaveAlarm(ctx, hurried, nil, []store.LogLine{{At: now, What: "unreachable", Who: "clock", Text: fmt.Sprintf("every page of step %d was refused", a.Step)}}, "")
		if err != nil {
			return out, err
		}
		a = hurried
	}
}

// publish sends every page of a that is due. refused says that its newest step had pages and that all of them were refused for good; retry
// is when the first page is to be tried again that SNS did not take now, zero when there is none.
func (e *Engine) publish(ctx context.Context, a insole.Alarm, pages []insole.Page) (refused bool, retry time.Time, err error) {
	newest := map[string]int{}
	for _, p := range pages {
		k := string(p.Contact) + "#" + string(p.Channel)
		newest[k] = max(newest[k], p.Step)
	}
	order := make([]int, len(pages))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { // what is newest and heard first, first
		return cmp.Or(cmp.Compare(pages[j].Step, pages[i].Step), -cmp.Compare(pages[i].Channel, pages[j].Channel))
	})
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	fail := func(err error) {
		if err != nil && !errors.Is(err, insole.ErrConflict) { // a conflict: somebody else has it, or it was taken; the next look sees
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		}
	}
	publishing := make(chan struct{}, 16)
	tried := make([]bool, len(pages))
	for _, i := range order {
		p := pages[i]
		if at := store.PageDue(p); at.IsZero() || at.After(e.Now()) {
			continue
		}
		if p.State == insole.PageQueued && p.Step < newest[string(p.Contact)+"#"+string(p.Channel)] {
			// SNS was away for longer than a step: one page with the newest news, not one for each step missed.
			fail(e.drop(ctx, pages[i:i+1], "a later step has the same page"))
			continue
		}
		// One after the other, since two transactions that look at the same alarm may cancel each other; the slow part goes on beside it.
		claimed, err := e.Store.ClaimPage(ctx, p, e.Now().UTC())
		if err != nil {
			fail(err)
			continue
		}
		publishing <- struct{}{}
		wg.Go(func() {
			defer func() { <-publishing }()
			done, err := e.send(ctx, a, claimed)
			fail(err)
			pages[i], tried[i] = done, true
		})
	}
	wg.Wait()
	of, failed := 0, 0
	for i, p := range pages {
		if tried[i] && p.State == insole.PageQueued {
			if at := store.PageDue(p); retry.IsZero() || at.Before(retry) {
				retry = at
			}
		}
		if p.Step == a.Step {
			of++
			if p.State == insole.PageFailed {
				failed++
			}
		}
	}
	return of > 0 && of == failed, retry, errors.Join(errs...)
}

// send publishes a page that was claimed and says what became of it. Only who has claimed publishes, and a claim that was not finished is
// claimed again after store.ClaimLapse: the one way to a second page with one reference, beside a reply that was lost.
func (e *Engine) send(ctx context.Context, a insole.Alarm, claimed insole.Page) (insole.Page, error) {
	done := claimed
	id, was := e.published.take(nameOf(claimed))
	var err error
	if !was {
		if e.Now().After(claimed.ClaimedAt.Add(store.ClaimLapse - publishRoom)) {
			// The table was slow to say that the claim holds: before the publish is over somebody else may claim it too.
			return claimed, fmt.Errorf("page of alarm %s, step %d, contact %s: claimed too long ago: %w", a.ID, claimed.Step, claimed.Contact, insole.ErrAway)
		}
		id, err = e.Publisher.Send(ctx, a, claimed, e.Now().UTC())
		for try := 1; a.Kind.Hurries() && try < pressing && busy(err) && e.pause(ctx, claimed); try++ {
			id, err = e.Publisher.Send(ctx, a, claimed, e.Now().UTC())
		}
	}
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
		e.Log.WarnContext(ctx, "page not accepted", "alarm", a.ID, "step", claimed.Step, "contact", claimed.Contact, "channel", claimed.Channel,
			"try", claimed.Tries, "why", done.Why, "err", err)
	}
	if err := e.write(ctx, claimed, done); err != nil {
		if done.State == insole.PageAccepted {
			e.published.put(nameOf(claimed), id)
		}
		return claimed, err
	}
	return done, nil
}

// pressing is how often a page for help is offered to SNS at once, every breath, where others wait for their turn: SNS takes 20 text messages a second of one account, and hundreds may
// be on their way about people who are only missing.
const (
	pressing = 15
	breath   = 200 * time.Millisecond
)

// busy says whether SNS did certainly not take a page, and may later.
func busy(err error) bool {
	return err != nil && !errors.Is(err, notify.ErrRefused) && !errors.Is(err, notify.ErrAmbiguous)
}

// pause waits a breath, unless ctx, which must have an end, or the claim is over before somebody could still publish and write it down.
func (e *Engine) pause(ctx context.Context, claimed insole.Page) bool {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) < publishRoom || e.Now().After(claimed.ClaimedAt.Add(store.ClaimLapse-publishRoom)) {
		return false
	}
	return smithytime.SleepWithContext(ctx, breath) == nil
}

// publishRoom is how long before a claim lapses a publish may last begin.
const publishRoom = 10 * time.Second

// write writes down what became of a page. Of a page that SNS took it tries for as long as the claim holds and ctx lasts, and for three
// seconds in any case, though the caller's time be up: as long as the row says "claimed", whoever comes after the claim has lapsed must believe
// that nobody was told, and tells them again.
func (e *Engine) write(ctx context.Context, claimed, done insole.Page) error {
	room := 3 * time.Second
	if done.State == insole.PageAccepted {
		held := claimed.ClaimedAt.Add(store.ClaimLapse - time.Second).Sub(e.Now())
		if end, ok := ctx.Deadline(); ok {
			held = min(held, time.Until(end)-time.Second)
		}
		room = max(room, held)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), room)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := e.Store.SavePage(ctx, claimed, done)
		if err == nil || !errors.Is(err, insole.ErrAway) {
			return err
		}
		if smithytime.SleepWithContext(ctx, wait) != nil {
			return err
		}
	}
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

// Ask sends the step messages that out calls for.
func (e *Engine) Ask(ctx context.Context, o insole.OrgID, id insole.AlarmID, out Outcome) {
	var errs []error
	if out.Changed && !out.Due.IsZero() {
		errs = append(errs, e.Steps.Send(ctx, o, id, out.Kind, out.Due, out.Due.Sub(e.Now())))
	}
	if !out.Retry.IsZero() {
		errs = append(errs, e.Steps.Send(ctx, o, id, out.Kind, out.Retry, out.Retry.Sub(e.Now())))
	}
	if err := errors.Join(errs...); err != nil {
		e.Log.WarnContext(ctx, "step not asked for; the sweep will find it", "alarm", id, "err", err)
	}
}
