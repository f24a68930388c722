package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"solewatch/internal/insole"
)

// Limits of tries that did not succeed. By account against guessing one password, by address against guessing many
// accounts; an address may be a whole company's, so it has room. The window opens with its first try.
//
// An account that is locked because somebody else guesses would keep out a supervisor who is needed: an address that
// the account has signed in from lately is counted on its own.
const (
	TriesByAccount = 10
	TriesByAddress = 60
	TriesByVia     = 600
	TriesWindow    = 15 * time.Minute
	knownFor       = 60 * 24 * time.Hour
	knownTries     = 5 // of a known address, above TriesByAccount
)

// ErrCredentials says that the address or the password is wrong, and not which.
var ErrCredentials = errors.New("e-mail address or password is wrong")

// ErrThrottled says that there were too many tries; TriesWindow after the first of them there may be more.
var ErrThrottled = errors.New("too many tries")

// An Origin is where a request to sign in came from.
type Origin struct {
	Viewer string // the browser, as the servers in between say; can be made up by whoever talks to us directly
	Via    string // who really talks to us: one of the content network's, with many browsers behind it
}

// SignIn opens a session for whoever knows the password of email.
// It returns ErrCredentials, ErrThrottled, or an error wrapping insole.ErrAway.
func (s *Sessions) SignIn(ctx context.Context, email, password string, from Origin) (token string, sess Session, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	account, address, via := subject("account", email), subject("address", from.Viewer), subject("via", from.Via)
	pair, known := subject("pair", email, from.Viewer), subject("known", email, from.Viewer)

	now := s.Now()
	ends := now.Add(TriesWindow)
	err = s.Store.CountTry(ctx, via, TriesByVia, now, ends)
	if err == nil {
		err = s.Store.CountTry(ctx, address, TriesByAddress, now, ends)
	}
	if err != nil {
		return "", Session{}, tried(err)
	}
	err = s.Store.CountTry(ctx, account, TriesByAccount, now, ends)
	if errors.Is(err, insole.ErrConflict) {
		err = s.fromKnown(ctx, known, pair, now, ends)
	}
	if err != nil {
		return "", Session{}, tried(err)
	}

	u, err := s.Store.UserByEmail(ctx, email)
	unknown := errors.Is(err, insole.ErrNotFound)
	if err != nil && !unknown {
		return "", Session{}, fmt.Errorf("reading the user: %w", err)
	}
	phc := u.Password
	if unknown {
		phc = dummyHash()
	}
	ok, err := VerifyPassword(phc, bounded(password))
	if err != nil {
		return "", Session{}, fmt.Errorf("user %s: %w", u.ID, err)
	}
	if unknown || !ok || len(password) > MaxPassword {
		return "", Session{}, ErrCredentials
	}

	token, sess, err = s.open(ctx, u)
	if err != nil {
		return "", Session{}, err
	}
	// Whoever knew the password has not been guessing. A fault here leaves one try too many counted, no more.
	err = errors.Join(
		s.Store.ForgetTries(ctx, account, 0),
		s.Store.ForgetTries(ctx, pair, 0),
		s.Store.ForgetTries(ctx, address, 1),
		s.Store.ForgetTries(ctx, via, 1),
		s.Store.Remember(ctx, known, now.Add(knownFor)),
	)
	if err != nil && !errors.Is(err, insole.ErrAway) {
		return "", Session{}, fmt.Errorf("after signing in: %w", err)
	}
	return token, sess, nil
}

// fromKnown counts a try for a locked account, if it comes from an address that the account is known to use.
func (s *Sessions) fromKnown(ctx context.Context, known, pair string, now, ends time.Time) error {
	ok, err := s.Store.Known(ctx, known, now)
	if err != nil {
		return err
	}
	if !ok {
		return insole.ErrConflict
	}
	return s.Store.CountTry(ctx, pair, knownTries, now, ends)
}

// tried tells a full counter from a table that is away.
func tried(err error) error {
	if errors.Is(err, insole.ErrConflict) {
		return ErrThrottled
	}
	return fmt.Errorf("counting a try: %w", err)
}

// bounded cuts what nobody's password can be, before it costs anything.
func bounded(password string) string {
	if len(password) > MaxPassword {
		return password[:MaxPassword]
	}
	return password
}

// subject names what is counted, without holding an address of a person.
func subject(kind string, parts ...string) string {
	return kind + ":" + hashOf([]byte(strings.Join(parts, "\n")))[:32]
}
