package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Store is what the directory asks of the table. Errors are those of store.Store.
type Store interface {
	Directory(ctx context.Context, org insole.OrgID) (store.Directory, error)
	Edit(ctx context.Context, org insole.OrgID, revision int64, changes ...store.Change) error
	SetOrg(ctx context.Context, o insole.Org) error
	// UserByEmail and GetAssignment find who has a name that is unique over all orgs.
	UserByEmail(ctx context.Context, email string) (insole.User, error)
	GetAssignment(ctx context.Context, id insole.ID) (insole.Assignment, error)
}

// Topics keeps a team's topic and its e-mail subscriptions in line with whom its policy names. Called again with the
// same, it changes nothing. A team without steps has no subscribers.
type Topics interface {
	Sync(ctx context.Context, team insole.Team, contacts []insole.Contact) error
}

// A Directory changes what people have set up.
type Directory struct {
	Store  Store
	Topics Topics
	Now    func() time.Time
	Log    *slog.Logger
}

// edits is how often a change is decided again when somebody else was faster.
const edits = 8

// Edit lets change work on a draft of org, checks the whole and writes it. When somebody else changes the org meanwhile,
// change is called again with a new draft. The error is change's own, Faults, ErrVersion, ErrTaken, ErrNotSynced,
// insole.ErrNotFound for an org that is not there, or wraps insole.ErrAway.
func (d *Directory) Edit(ctx context.Context, org insole.OrgID, change func(*Draft) error) error {
	for try := 1; ; try++ {
		draft, err := d.Open(ctx, org)
		if err != nil {
			return err
		}
		err = change(draft)
		if err != nil {
			return err
		}
		err = d.Save(ctx, draft)
		if errors.Is(err, store.ErrMoved) && try < edits {
			continue
		}
		return err
	}
}

// Open reads org.
func (d *Directory) Open(ctx context.Context, org insole.OrgID) (*Draft, error) {
	dir, err := d.Store.Directory(ctx, org)
	if err != nil {
		return nil, fmt.Errorf("reading org %s: %w", org, err)
	}
	return newDraft(dir, d.Now()), nil
}

// Check says everything that is wrong with draft, also names that somebody else has. The error is Faults, or wraps
// insole.ErrAway when it cannot be told.
func (d *Directory) Check(ctx context.Context, draft *Draft) error {
	faults := draft.check()
	taken, err := d.taken(ctx, draft)
	if err != nil {
		return err
	}
	faults = append(faults, taken...)
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// taken finds new names in draft that are unique over all orgs and in use already.
func (d *Directory) taken(ctx context.Context, draft *Draft) (Faults, error) {
	var faults Faults
	here := map[string]insole.UserID{}
	for id, u := range draft.users.now() {
		if other, ok := here[u.Email]; ok && u.Email != "" {
			checker{"user", string(max(id, other)), &faults}.fault("email", "email-taken", "given", u.Email)
			continue
		}
		here[u.Email] = id
		was, had := draft.users.was(id)
		if u.Email == "" || had && was.Email == u.Email {
			continue
		}
		other, err := d.Store.UserByEmail(ctx, u.Email)
		switch {
		case errors.Is(err, insole.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("looking for an address: %w", err)
		case other.Org != draft.Org.ID || other.ID != id && draft.users.has(other.ID):
			checker{"user", string(id), &faults}.fault("email", "email-taken", "given", u.Email)
		}
	}
	for id := range draft.insoles.now() {
		_, had := draft.insoles.was(id)
		if had {
			continue
		}
		_, err := d.Store.GetAssignment(ctx, id)
		switch {
		case errors.Is(err, insole.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("looking for an insole: %w", err)
		default:
			checker{"insole", string(id), &faults}.fault("insole", "insole-taken", "given", string(id))
		}
	}
	return faults, nil
}

// Save checks draft and writes what it changes. Up to store.MaxChanges changes are written together or not at all; more
// (a provisioning file) in that many at a time, in an order in which each part is whole: what others name comes first.
// store.ErrMoved when org has been changed since Open.
func (d *Directory) Save(ctx context.Context, draft *Draft) error {
	err := d.Check(ctx, draft)
	if err != nil {
		return err
	}
	changes := draft.changes()
	for revision := draft.revision; len(changes) > 0; revision++ {
		n := min(len(changes), store.MaxChanges)
		err := d.Store.Edit(ctx, draft.Org.ID, revision, changes[:n]...)
		if errors.Is(err, insole.ErrConflict) && !errors.Is(err, store.ErrMoved) {
			return fmt.Errorf("%w: %w", ErrTaken, err)
		}
		if err != nil {
			return err
		}
		changes = changes[n:]
	}
	if draft.Org != draft.wasOrg { // last: until then a second run finds the insoles' language to be changed
		err := d.Store.SetOrg(ctx, draft.Org)
		if err != nil {
			return err
		}
	}
	return d.sync(ctx, draft)
}

// sync brings the subscriptions of the teams that draft touches in line.
func (d *Directory) sync(ctx context.Context, draft *Draft) error {
	var faults []error
	for _, t := range draft.touchedTeams() {
		err := d.Topics.Sync(ctx, t, draft.called(t))
		if err != nil {
			d.Log.ErrorContext(ctx, "subscriptions not in line", "org", t.Org, "team", t.ID, "err", err)
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %w", ErrNotSynced, errors.Join(faults...))
	}
	return nil
}
