package auth

import (
	"context"
	"fmt"
	"time"

	"solewatch/internal/store"
)

// TicketLife is how long a ticket for the WebSocket can be used.
const TicketLife = 30 * time.Second

// Tickets gives tickets for the WebSocket, each for one use. A browser cannot send a header with its handshake, and the
// address it opens is written to logs: so what it carries must be worthless a moment later.
type Tickets struct {
	Store Store
	Now   func() time.Time
}

// Issue makes a ticket for whoever holds s.
func (t *Tickets) Issue(ctx context.Context, s Session) (ticket string, ends time.Time, err error) {
	now := t.Now()
	ticket, hash := newToken()
	g := store.Grant{Hash: hash, Org: s.Org, User: s.User, Session: s.ID, Made: now, Ends: now.Add(TicketLife)}
	err = t.Store.PutTicket(ctx, g)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("storing a ticket of %s: %w", s.User, err)
	}
	return ticket, g.Ends, nil
}

// Redeem says who ticket was issued to, once. It returns insole.ErrNotFound for a ticket that was used, has ended or
// never was, and an error wrapping insole.ErrAway when that cannot be told. Session.Ends is when the session that asked
// for the ticket ends; a session that was ended since makes the ticket worthless.
func (t *Tickets) Redeem(ctx context.Context, ticket string) (Session, error) {
	hash, err := tokenHash(ticket)
	if err != nil {
		return Session{}, err
	}
	g, err := t.Store.TakeTicket(ctx, hash, t.Now())
	if err != nil {
		return Session{}, fmt.Errorf("redeeming a ticket: %w", err)
	}
	sess, err := t.Store.SessionOf(ctx, g.Session, t.Now())
	if err != nil {
		return Session{}, fmt.Errorf("session of a ticket: %w", err)
	}
	return holder(ctx, t.Store, sess)
}
