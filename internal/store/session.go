package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"solewatch/internal/insole"
)

// A Grant is a session, or a ticket for the WebSocket.
type Grant struct {
	Hash    string // SHA-256 of the token, hexadecimal: its name. The token itself is never stored
	Org     insole.OrgID
	User    insole.UserID
	Stamp   string // of a session: names the password at the time; another password ends it
	Session string // of a ticket: the session that asked for it
	Made    time.Time
	Ends    time.Time
}

type grantItem struct {
	Org     string `dynamodbav:"org"`
	User    string `dynamodbav:"user"`
	Stamp   string `dynamodbav:"stamp,omitempty"`
	Session string `dynamodbav:"session,omitempty"`
	MadeMs  int64  `dynamodbav:"madeMs"`
	EndsMs  int64  `dynamodbav:"endsMs"`
	TTL     int64  `dynamodbav:"ttl"` // the second after EndsMs, which decides
}

// PutSession stores a session.
func (s *Store) PutSession(ctx context.Context, g Grant) error {
	return s.putGrant(ctx, sessionKey(g.Hash), "session", g)
}

// SessionOf reads a session. insole.ErrNotFound from its end on, whether the row is still there or not.
func (s *Store) SessionOf(ctx context.Context, hash string, now time.Time) (Grant, error) {
	it, err := s.get(ctx, sessionKey(hash))
	if err != nil {
		return Grant{}, err
	}
	return grantFrom(it, hash, now)
}

// DropSession ends a session. One that is not there is no error.
func (s *Store) DropSession(ctx context.Context, hash string) error {
	_, err := s.remove(ctx, sessionKey(hash), cond{})
	return err
}

// PutTicket stores a ticket.
func (s *Store) PutTicket(ctx context.Context, g Grant) error {
	return s.putGrant(ctx, ticketKey(g.Hash), "ticket", g)
}

// TakeTicket removes a ticket and returns it. Of any number of callers one gets it; the others, and everybody after its
// end, get insole.ErrNotFound.
func (s *Store) TakeTicket(ctx context.Context, hash string, now time.Time) (Grant, error) {
	it, err := s.remove(ctx, ticketKey(hash), ifPresent)
	if errors.Is(err, insole.ErrConflict) {
		return Grant{}, fmt.Errorf("taking a ticket: %w", insole.ErrNotFound)
	}
	if err != nil {
		return Grant{}, err
	}
	return grantFrom(it, hash, now)
}

func (s *Store) putGrant(ctx context.Context, k key, t string, g Grant) error {
	it, err := marshal(k, t, grantItem{
		Org: string(g.Org), User: string(g.User), Stamp: g.Stamp, Session: g.Session,
		MadeMs: ms(g.Made), EndsMs: ms(g.Ends), TTL: g.Ends.Unix() + 1,
	})
	if err != nil {
		return err
	}
	return s.put(ctx, it, ifAbsent)
}

func grantFrom(it item, hash string, now time.Time) (Grant, error) {
	var v grantItem
	err := unmarshal(it, &v)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{
		Hash: hash, Org: insole.OrgID(v.Org), User: insole.UserID(v.User), Stamp: v.Stamp, Session: v.Session,
		Made: timeOf(v.MadeMs), Ends: timeOf(v.EndsMs),
	}
	if !now.Before(g.Ends) {
		return Grant{}, fmt.Errorf("ended at %s: %w", g.Ends.Format(time.RFC3339), insole.ErrNotFound)
	}
	return g, nil
}

// CountTry adds one to the tries of subject, unless most are counted already in a window that has not ended: then it
// returns insole.ErrConflict. The first try opens a window that ends at ends. The check and the count are one write.
func (s *Store) CountTry(ctx context.Context, subject string, most int, now, ends time.Time) error {
	k := throttleKey(subject)
	names := map[string]string{"#t": "t", "#ttl": "ttl"}
	_, err := s.update(ctx, k, "SET endsMs = if_not_exists(endsMs, :ends), #ttl = if_not_exists(#ttl, :ttl), #t = :t ADD n :one", names,
		item{":ends": num(ms(ends)), ":ttl": num(ends.Unix() + 1), ":t": str("throttle"), ":one": num(1)},
		cond{expr: "attribute_not_exists(PK) OR (endsMs > :now AND n < :most)", values: item{":now": num(ms(now)), ":most": num(int64(most))}})
	if !errors.Is(err, insole.ErrConflict) {
		return err
	}
	// Full, or the window has ended: then a new one begins with this try.
	_, err = s.update(ctx, k, "SET endsMs = :ends, #ttl = :ttl, #t = :t, n = :one", names,
		item{":ends": num(ms(ends)), ":ttl": num(ends.Unix() + 1), ":t": str("throttle"), ":one": num(1)},
		cond{expr: "endsMs <= :now", values: item{":now": num(ms(now))}})
	return err
}

// ForgetTries takes n tries of subject back; n = 0 takes all of them.
func (s *Store) ForgetTries(ctx context.Context, subject string, n int) error {
	if n == 0 {
		_, err := s.remove(ctx, throttleKey(subject), cond{})
		return err
	}
	_, err := s.update(ctx, throttleKey(subject), "ADD n :less", nil, item{":less": num(int64(-n))},
		cond{expr: "n >= :n", values: item{":n": num(int64(n))}})
	if errors.Is(err, insole.ErrConflict) {
		return nil
	}
	return err
}

// Remember makes subject known until ends.
func (s *Store) Remember(ctx context.Context, subject string, ends time.Time) error {
	it := throttleKey(subject).item()
	it["t"], it["endsMs"], it["ttl"] = str("throttle"), num(ms(ends)), num(ends.Unix()+1)
	return s.put(ctx, it, cond{})
}

// Known says whether subject is remembered.
func (s *Store) Known(ctx context.Context, subject string, now time.Time) (bool, error) {
	it, err := s.get(ctx, throttleKey(subject))
	if errors.Is(err, insole.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return numOf(it, "endsMs") > ms(now), nil
}
