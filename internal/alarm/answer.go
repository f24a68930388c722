package alarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Asked is a question that was put to one contact: the alarm, and the page that told of it. Whoever holds the token of the page's link may
// see it and answer it, once.
type Asked struct {
	Alarm insole.Alarm
	Page  insole.Page
}

// Owner is who the alarm belongs to once the contact of the page has taken charge. Contacts and users have names of their own, which may
// be the same; no user's has a ":".
func (q Asked) Owner() insole.UserID { return "contact:" + insole.UserID(q.Page.Contact) }

// Mine says whether the contact of the page has charge of the alarm.
func (q Asked) Mine() bool { return q.Alarm.State == insole.Taken && q.Alarm.Owner == q.Owner() }

// Open says whether the page can still be answered: nobody has charge, and this link was not used.
func (q Asked) Open() bool {
	return q.Alarm.State == insole.Active && q.Page.State != insole.PageAnswered
}

// Name is what the contact is called, and the fallback number, which is nobody's, is called by its number.
func (q Asked) Name() string {
	switch {
	case q.Page.Name != "":
		return q.Page.Name
	case q.Page.Channel == insole.SMS:
		return q.Page.Address
	}
	return string(q.Page.Contact)
}

// Asked reads what token asks. insole.ErrNotFound when it asks nothing, or nothing any more.
func (d *Desk) Asked(ctx context.Context, token string) (Asked, error) {
	q, _, err := d.asked(ctx, token)
	return q, err
}

func (d *Desk) asked(ctx context.Context, token string) (Asked, []insole.Page, error) {
	link, err := d.Store.LinkOf(ctx, token, d.Now())
	if err != nil {
		return Asked{}, nil, err
	}
	f, err := d.Store.GetAlarmFile(ctx, link.Org, link.Alarm)
	if err != nil {
		return Asked{}, nil, err
	}
	for _, p := range f.Pages {
		if link.Of(p) {
			return Asked{f.Alarm, p}, f.Pages, nil
		}
	}
	return Asked{}, nil, fmt.Errorf("page of a link to alarm %s: %w", link.Alarm, insole.ErrNotFound)
}

// Opened notes that the link of q was fetched. That it was says that the message arrived and no more: machines look into messages
// too. Whatever was noted before stays.
func (d *Desk) Opened(ctx context.Context, q Asked) error {
	if q.Page.State == insole.PageOpened || q.Page.State == insole.PageAnswered {
		return nil
	}
	next, now := q.Page, d.Now().UTC()
	next.State, next.OpenedAt = insole.PageOpened, now
	if next.DoneAt.IsZero() {
		next.DoneAt = now
	}
	err := d.Store.SavePage(ctx, q.Page, next)
	if errors.Is(err, insole.ErrConflict) { // written meanwhile, and noted at the next fetch
		return nil
	}
	return err
}

// Answer answers the question of token, and returns how things stand afterwards.
//
// insole.AnswerTake makes the contact the owner, as Take does for users, and the wearer is to feel it (Felt); the first one wins. insole.AnswerDecline is written down, and the
// next step starts at once when nobody is left of this one who could still say yes (see left). The same answer again is a repeat, and
// no error. insole.ErrConflict when the link was used for the other answer, or somebody has charge, or the alarm has ended: the Asked
// returned says which. insole.ErrNotFound as Asked, insole.ErrInvalid for any other answer.
func (d *Desk) Answer(ctx context.Context, token string, answer insole.Answer) (Asked, error) {
	if answer != insole.AnswerTake && answer != insole.AnswerDecline {
		return Asked{}, fmt.Errorf("answer %q: %w", answer, insole.ErrInvalid)
	}
	var err error
	for range attempts {
		var q Asked
		var pages []insole.Page
		q, pages, err = d.asked(ctx, token)
		if err != nil {
			return q, err
		}
		switch {
		case q.Page.State == insole.PageAnswered && q.Page.Answer == answer && (answer == insole.AnswerDecline || q.Mine()):
			return q, nil
		case answer == insole.AnswerTake && q.Mine(): // by the link of another message
			return q, nil
		case !q.Open():
			return q, fmt.Errorf("alarm %s is %s, its page %s: %w", q.Alarm.ID, q.Alarm.State, q.Page.State, insole.ErrConflict)
		}
		next := d.answered(ctx, q, pages, answer)
		line := store.LogLine{At: next.Page.AnsweredAt, What: string(answer), Who: string(q.Owner()), Name: q.Name()}
		also, lines := feel(ctx, d.Store, q.Alarm, next.Alarm)
		also = append(also, store.Answered(q.Page, next.Page))
		err = d.Store.SaveAlarm(ctx, next.Alarm, nil, append([]store.LogLine{line}, lines...), "", also...)
		if err == nil {
			if !next.Alarm.NextStepAt.IsZero() && !next.Alarm.NextStepAt.Equal(q.Alarm.NextStepAt) {
				d.ask(ctx, next.Alarm)
			}
			if answer == insole.AnswerTake {
				d.along(ctx, next.Alarm)
			}
			return next, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return q, err
		}
	}
	return Asked{}, err
}

// answered is q, which is open, after its answer.
func (d *Desk) answered(ctx context.Context, q Asked, pages []insole.Page, answer insole.Answer) Asked {
	now := d.Now().UTC()
	p := &q.Page
	p.State, p.Answer, p.AnsweredAt = insole.PageAnswered, answer, now
	if p.DoneAt.IsZero() {
		p.DoneAt = now
	}
	a := &q.Alarm
	a.Version++
	if answer == insole.AnswerTake {
		a.State, a.Owner, a.OwnerName, a.TakenAt, a.Shelf = insole.Taken, q.Owner(), q.Name(), now, insole.Shelf{}
		a.NextStepAt = d.lapse(ctx, *a, now)
		return q
	}
	if !left(*a, pages, *p) && a.NextStepAt.After(now) && !a.Shelf.Holds(now) && d.more(ctx, *a) {
		a.NextStepAt = now
	}
	return q
}

// left says whether somebody who was paged in the newest step of a could still say yes once declined is written. Those of earlier steps
// had their time. A contact who declined on one channel has declined; one whose every page failed was never asked; one who declined an
// earlier step and was paged again is asked again.
func left(a insole.Alarm, pages []insole.Page, declined insole.Page) bool {
	said := map[insole.ContactID]time.Time{declined.Contact: declined.AnsweredAt}
	for _, p := range pages {
		if p.Answer == insole.AnswerDecline && p.AnsweredAt.After(said[p.Contact]) {
			said[p.Contact] = p.AnsweredAt
		}
	}
	for _, p := range pages {
		if p.Step != a.Step || p.State == insole.PageFailed {
			continue
		}
		if at, ok := said[p.Contact]; !ok || at.Before(p.QueuedAt) {
			return true
		}
	}
	return false
}

// more says whether the next step of a would ask anybody who is not being asked already: the first repeat of the last step has the
// fallback number, and later ones are the same again. When the team cannot be read there may be.
func (d *Desk) more(ctx context.Context, a insole.Alarm) bool {
	if d.Teams == nil {
		return true
	}
	team, err := d.Teams.Team(ctx, a.Org, a.Team)
	if err != nil {
		return true
	}
	return Policy{Team: team}.further(a, d.Now())
}
