// Package auth knows who somebody is: it signs people in and out, looks at their sessions, and gives tickets for the
// WebSocket.
//
// A session token is 32 random bytes. The table holds its SHA-256 only, with the time when it ends; what has ended is
// compared at every read, because DynamoDB deletes it within days only. The role is read from the user at every look,
// so that a change of it, a new password or the removal of the user ends what the session could do, at once.
package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// CookieName is the session's cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain.
const CookieName = "__Host-session"

// A Session is somebody who is signed in.
type Session struct {
	ID     string // SHA-256 of the token, hexadecimal: how the table names the session; opens nothing
	Org    insole.OrgID
	User   insole.UserID
	Role   insole.Role
	Name   string
	Locale string    // "fr" or "en"
	Ends   time.Time // zero when the caller did not need to know
}

// Store is what auth asks of the table. Every method returns an error that wraps insole.ErrAway when the table cannot
// be reached, and nothing is known then.
type Store interface {
	// UserByEmail finds a user over all orgs; insole.ErrNotFound when nobody has that address.
	UserByEmail(ctx context.Context, email string) (insole.User, error)
	// UserOf returns one user of org, or insole.ErrNotFound.
	UserOf(ctx context.Context, org insole.OrgID, id insole.UserID) (insole.User, error)

	PutSession(ctx context.Context, g store.Grant) error
	// SessionOf returns insole.ErrNotFound for a session that has ended, whether the row is still there or not.
	SessionOf(ctx context.Context, hash string, now time.Time) (store.Grant, error)
	// DropSession ends a session. One that is not there is no error.
	DropSession(ctx context.Context, hash string) error

	PutTicket(ctx context.Context, g store.Grant) error
	// TakeTicket removes the ticket and returns it. Of any number of callers at the same time one gets it; the others,
	// and all after its end, get insole.ErrNotFound.
	TakeTicket(ctx context.Context, hash string, now time.Time) (store.Grant, error)

	// CountTry adds one to the tries of subject unless max are counted already in a window that has not ended; then it
	// returns insole.ErrConflict. The first try opens a window that ends at ends. The check and the count are one write.
	CountTry(ctx context.Context, subject string, max int, now, ends time.Time) error
	// ForgetTries takes n tries of subject back; n = 0 takes all.
	ForgetTries(ctx context.Context, subject string, n int) error

	// Remember makes subject known until ends; Known says whether it is.
	Remember(ctx context.Context, subject string, ends time.Time) error
	Known(ctx context.Context, subject string, now time.Time) (bool, error)
}

// Sessions looks at, opens and ends sessions.
type Sessions struct {
	Store Store
	Now   func() time.Time
	TTL   time.Duration // how long a session lasts from sign-in; not prolonged by use
}

// Look says whose session token is. It returns insole.ErrNotFound when token opens nothing (any more), and an error
// wrapping insole.ErrAway when that cannot be told.
func (s *Sessions) Look(ctx context.Context, token string) (Session, error) {
	hash, err := tokenHash(token)
	if err != nil {
		return Session{}, err
	}
	g, err := s.Store.SessionOf(ctx, hash, s.Now())
	if err != nil {
		return Session{}, fmt.Errorf("looking at a session: %w", err)
	}
	return holder(ctx, s.Store, g)
}

// holder reads who holds the session g now.
func holder(ctx context.Context, st Store, g store.Grant) (Session, error) {
	u, err := st.UserOf(ctx, g.Org, g.User)
	if err != nil {
		return Session{}, fmt.Errorf("reading user %s: %w", g.User, err)
	}
	if stampOf(u.Password) != g.Stamp {
		return Session{}, fmt.Errorf("the password of %s has changed: %w", g.User, insole.ErrNotFound)
	}
	return Session{ID: g.Hash, Org: g.Org, User: u.ID, Role: u.Role, Name: u.Name, Locale: u.Locale, Ends: g.Ends}, nil
}

// End ends the session named id. One that is not there is no error.
func (s *Sessions) End(ctx context.Context, id string) error {
	err := s.Store.DropSession(ctx, id)
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// open makes a session for u.
func (s *Sessions) open(ctx context.Context, u insole.User) (token string, sess Session, err error) {
	now := s.Now()
	token, hash := newToken()
	g := store.Grant{Hash: hash, Org: u.Org, User: u.ID, Stamp: stampOf(u.Password), Made: now, Ends: now.Add(s.TTL)}
	err = s.Store.PutSession(ctx, g)
	if err != nil {
		return "", Session{}, fmt.Errorf("storing a session of %s: %w", u.ID, err)
	}
	return token, Session{ID: hash, Org: u.Org, User: u.ID, Role: u.Role, Name: u.Name, Locale: u.Locale, Ends: g.Ends}, nil
}

// stampOf names a stored password without telling anything of it.
func stampOf(phc string) string {
	sum := sha256.Sum256([]byte(phc))
	return hex.EncodeToString(sum[:8])
}

// Cookie is what a browser is given for token.
func Cookie(token string, ttl time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: token, Path: "/", MaxAge: int(ttl / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// NoCookie makes a browser forget its token.
func NoCookie() *http.Cookie {
	c := Cookie("", 0)
	c.MaxAge = -1
	return c
}

// ErrTwoCookies is returned for a request that carries more than one session cookie: which one is meant is a guess,
// and one of them was put there by somebody else.
var ErrTwoCookies = errors.New("more than one session cookie")

// TokenIn finds the session token in cookies, each as "name=value" or several joined by "; ". "" when there is none.
func TokenIn(cookies []string) (string, error) {
	token, found := "", false
	for _, line := range cookies {
		for _, part := range strings.Split(line, ";") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if !ok || name != CookieName {
				continue
			}
			if found {
				return "", ErrTwoCookies
			}
			token, found = value, true
		}
	}
	return token, nil
}

type sessionKey struct{}

// With returns a context that carries who is asking.
func With(ctx context.Context, s Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// From returns who is asking; false when nobody is signed in.
func From(ctx context.Context) (Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(Session)
	return s, ok
}
