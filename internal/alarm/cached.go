package alarm

import (
	"context"
	"errors"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// Cached is a Directory that remembers what another one said for TTL, and for as long as the other one cannot be reached. The zero Cached
// with Of and Now remembers for a minute. It holds one entry for each team and org it was asked about.
type Cached struct {
	Of  Directory
	TTL time.Duration
	Now func() time.Time

	teams    memo[teamName, insole.Team]
	contacts memo[insole.OrgID, []insole.Contact]
}

type teamName struct {
	org  insole.OrgID
	team insole.TeamID
}

// Team is Of's, at most TTL old unless Of is away.
func (c *Cached) Team(ctx context.Context, o insole.OrgID, t insole.TeamID) (insole.Team, error) {
	return c.teams.get(c.Now(), c.ttl(), teamName{o, t}, func() (insole.Team, error) { return c.Of.Team(ctx, o, t) })
}

// Contacts are Of's, at most TTL old unless Of is away. The caller does not change them.
func (c *Cached) Contacts(ctx context.Context, o insole.OrgID) ([]insole.Contact, error) {
	return c.contacts.get(c.Now(), c.ttl(), o, func() ([]insole.Contact, error) { return c.Of.Contacts(ctx, o) })
}

func (c *Cached) ttl() time.Duration {
	if c.TTL == 0 {
		return time.Minute
	}
	return c.TTL
}

type remembered[V any] struct {
	v  V
	at time.Time
}

type memo[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]remembered[V]
}

func (m *memo[K, V]) get(now time.Time, ttl time.Duration, k K, read func() (V, error)) (V, error) {
	m.mu.Lock()
	old, ok := m.m[k]
	m.mu.Unlock()
	if ok && now.Sub(old.at) < ttl {
		return old.v, nil
	}
	v, err := read()
	if errors.Is(err, insole.ErrAway) && ok {
		return old.v, nil
	}
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = map[K]remembered[V]{}
	}
	m.m[k] = remembered[V]{v, now}
	return v, nil
}
