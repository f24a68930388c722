package ingest

import (
	"errors"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// Whose insole it is changes rarely; a warm process asks again after knownFor, and remembers at most maxKnown.
const (
	knownFor = time.Minute
	maxKnown = 20_000
)

// known remembers assignments. One that is older than knownFor is still better than none while the table is away.
type known struct {
	mu sync.Mutex
	m  map[insole.ID]knownOne
}

type knownOne struct {
	a  insole.Assignment
	at time.Time
}

func (k *known) get(now time.Time, id insole.ID, read func() (insole.Assignment, error)) (insole.Assignment, error) {
	k.mu.Lock()
	old, ok := k.m[id]
	k.mu.Unlock()
	if ok && now.Sub(old.at) < knownFor {
		return old.a, nil
	}
	a, err := read()
	switch {
	case err == nil:
	case ok && !errors.Is(err, insole.ErrNotFound):
		return old.a, nil
	default:
		return a, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m) >= maxKnown {
		k.m = map[insole.ID]knownOne{}
	}
	k.m[id] = knownOne{a, now}
	return a, nil
}
