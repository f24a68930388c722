package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

// ConnectionLife is how long a connection is remembered: API Gateway ends every one after two hours.
const ConnectionLife = 2*time.Hour + 10*time.Minute

// A Connection is one screen that is told of its org's changes.
type Connection struct {
	Org         insole.OrgID
	ID          string
	User        insole.UserID
	ConnectedAt time.Time
	Ends        time.Time // of the session that it was opened with; zero when that is not known
}

// PutConnection remembers c for ConnectionLife, or until the session ends when that is sooner. The same connection twice
// is one.
//
// There are two items, because a closing connection knows its own name only: the reference is written first and deleted
// first, so that a connection whose reference is there and whose entry in the org's list is not has never been opened.
func (s *Store) PutConnection(ctx context.Context, c Connection) error {
	ends := c.ConnectedAt.Add(ConnectionLife)
	if !c.Ends.IsZero() && c.Ends.Before(ends) {
		ends = c.Ends
	}
	ttl := num(ends.Unix())
	ref := connRefKey(c.ID).item()
	ref["t"], ref["ttl"], ref["org"], ref["user"], ref["at"] = str("connref"), ttl, str(string(c.Org)), str(string(c.User)), num(ms(c.ConnectedAt))
	err := s.put(ctx, ref, cond{})
	if err != nil {
		return err
	}
	it := connKey(c.Org, c.ID).item()
	it["t"], it["ttl"], it["user"], it["at"] = str("conn"), ttl, str(string(c.User)), num(ms(c.ConnectedAt))
	return s.put(ctx, it, cond{})
}

// GetConnection reads a connection by its name. The error wraps insole.ErrNotFound when it was forgotten: it is told
// nothing then, whether or not its socket is still open.
func (s *Store) GetConnection(ctx context.Context, id string) (Connection, error) {
	it, err := s.get(ctx, connRefKey(id))
	if err != nil {
		return Connection{}, err
	}
	return Connection{
		Org: insole.OrgID(strOf(it, "org")), ID: id, User: insole.UserID(strOf(it, "user")), ConnectedAt: timeOf(numOf(it, "at")),
	}, nil
}

// ForgetConnection deletes c, and takes it off duty. Twice is harmless.
func (s *Store) ForgetConnection(ctx context.Context, c Connection) error {
	_, err := s.remove(ctx, connRefKey(c.ID), cond{})
	if err != nil {
		return err
	}
	_, err = s.remove(ctx, connKey(c.Org, c.ID), cond{})
	if err != nil {
		return err
	}
	return s.DropConsole(ctx, c.Org, c.ID)
}

// Connections lists the screens of org. Strongly consistent: see docs/adr/0008-feed.md for why nothing less will do.
func (s *Store) Connections(ctx context.Context, org insole.OrgID) ([]Connection, error) {
	var all []Connection
	for it, err := range s.query(ctx, question{pk: connKey(org, "").PK}) {
		if err != nil {
			return nil, err
		}
		all = append(all, Connection{
			Org: org, ID: strOf(it, "SK"), User: insole.UserID(strOf(it, "user")), ConnectedAt: timeOf(numOf(it, "at")),
		})
	}
	return all, nil
}

// ForgetConnectionsOf deletes every connection of one user, who is told nothing from then on: for when the user, or what
// they may see, is no more. Their screens learn it from their next ping.
func (s *Store) ForgetConnectionsOf(ctx context.Context, org insole.OrgID, user insole.UserID) error {
	all, err := s.Connections(ctx, org)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.User != user {
			continue
		}
		err := s.ForgetConnection(ctx, c)
		if err != nil {
			return err
		}
	}
	return nil
}
