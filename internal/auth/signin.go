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
	try := tryOf(email, from)
	err = s.count(ctx, try)
	if err != nil {
		return "", Session{}, err
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
	return token, sess, s.forgive(ctx, try)
}

// Prove says whether password is that of whoever holds sess. Tries count as those to sign in do: whoever finds a screen
// that is signed in must not be able to guess. It returns ErrCredentials, ErrThrottled, or an error wrapping
// insole.ErrAway.
func (s *Sessions) Prove(ctx context.Context, sess Session, password string, from Origin) error {
	u, err := s.Store.UserOf(ctx, sess.Org, sess.User)
	if err != nil {
		return fmt.Errorf("reading user %s: %w", sess.User, err)
	}
	try := tryOf(u.Email, from)
	err = s.count(ctx, try)
	if err != nil {
		return err
	}
	ok, err := VerifyPassword(u.Password, bounded(password))
	if err != nil {
		return fmt.Errorf("user %s: %w", u.ID, err)
	}
	if !ok || len(password) > MaxPassword {
		return ErrCredentials
	}
	return s.forgive(ctx, try)
}

// Renew opens another session for whoever holds sess: their password has changed, which ended every session there was.
func (s *Sessions) Renew(ctx context.Context, sess Session) (token string, renewed Session, err error) {
	u, err := s.Store.UserOf(ctx, sess.Org, sess.User)
	if err != nil {
		return "", Session{}, fmt.Errorf("reading user %s: %w", sess.User, err)
	}
	return s.open(ctx, u)
}

// A try is a password given for an account: what is counted for it.
type try struct{ account, address, via, pair, known string }

func tryOf(email string, from Origin) try {
	return try{
		account: subject("account", email), address: subject("address", from.Viewer), via: subject("via", from.Via),
		pair: subject("pair", email, from.Viewer), known: subject("known", email, from.Viewer),
	}
}

// count counts t, or returns ErrThrottled when there were too many.
func (s *Sessions) count(ctx context.Context, t try) error {
	now := s.Now()
	ends := now.Add(TriesWindow)
	err := s.Store.CountTry(ctx, t.via, TriesByVia, now, ends)
	if err == nil {
		err = s.Store.CountTry(ctx, t.address, TriesByAddress, now, ends)
	}
	if err != nil {
		return tried(err)
	}
	err = s.Store.CountTry(ctx, t.account, TriesByAccount, now, ends)
	if errors.Is(err, insole.ErrConflict) {
		err = s.fromKnown(ctx, t.known, t.pair, now, ends)
	}
	if err != nil {
		return tried(err)
	}
	return nil
}

// forgive takes t back: whoever knew the password has not been guessing. A table that is away leaves one try too many
// counted, no more.
func (s *Sessions) forgive(ctx context.Context, t try) error {
	err := errors.Join(
		s.Store.ForgetTries(ctx, t.account, 0),
		s.Store.ForgetTries(ctx, t.pair, 0),
		s.Store.ForgetTries(ctx, t.address, 1),
		s.Store.ForgetTries(ctx, t.via, 1),
		s.Store.Remember(ctx, t.known, s.Now().Add(knownFor)),
	)
	if err != nil && !errors.Is(err, insole.ErrAway) {
		return fmt.Errorf("after a password was right: %w", err)
	}
	return nil
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
