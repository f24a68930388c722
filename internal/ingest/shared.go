package ingest

import (
	"context"
	"sync"
	"time"
)

// What people set up changes rarely: a warm process asks again after knownFor. What cannot be read is not asked for again for settingsPause, and
// SettingsWait is how long a batch of positions waits for it. A call for help never does.
const (
	SettingsWait  = time.Second
	settingsPause = 5 * time.Second
)

// shared remembers what many insoles have in common: the zones of an org, the settings of a team. Old is better than none while the table is away.
type shared[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]*sharedOne[V]
}

type sharedOne[V any] struct {
	known   bool
	v       V
	asked   time.Time     // when reading it last ended
	failed  bool          // at that time
	reading chan struct{} // closed when somebody has read it; nil when nobody is
}

// remembered is what is known of k without asking.
func (s *shared[K, V]) remembered(k K) (v V, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.m[k]; e != nil {
		return e.v, e.known
	}
	return v, false
}

// get is k's value, at most knownFor old unless it cannot be read. err says that it could not be, just now.
func (s *shared[K, V]) get(ctx context.Context, now func() time.Time, k K, read func(context.Context) (V, error)) (v V, known bool, err error) {
	s.mu.Lock()
	if s.m == nil || len(s.m) >= maxKnown {
		s.m = map[K]*sharedOne[V]{}
	}
	e := s.m[k]
	if e == nil {
		e = &sharedOne[V]{}
		s.m[k] = e
	}
	age := now().Sub(e.asked)
	switch {
	case !e.failed && e.known && age < knownFor, e.failed && age < settingsPause:
		defer s.mu.Unlock()
		return e.v, e.known, nil
	case e.reading != nil:
		wait := e.reading
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
		}
		v, known = s.remembered(k)
		return v, known, nil
	}
	e.reading = make(chan struct{})
	s.mu.Unlock()
	v, err = read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(e.reading)
	e.reading, e.asked, e.failed = nil, now(), err != nil
	if err == nil {
		e.v, e.known = v, true
	}
	return e.v, e.known, err
}
