package bridge

import (
	"sync"

	"solewatch/internal/insole"
)

// A registry knows every session, and which is the newest of each insole.
type registry struct {
	mu   sync.Mutex
	byID map[insole.ID]*session
	all  map[*session]struct{}
}

// add makes s known to the sweep and the drain.
func (r *registry) add(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.byID, r.all = map[insole.ID]*session{}, map[*session]struct{}{}
	}
	r.all[s] = struct{}{}
}

// seat makes s the session of its insole and returns the one it was before, or nil.
func (r *registry) seat(s *session) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.byID[s.id]
	if _, here := r.all[s]; here {
		r.byID[s.id] = s
	}
	return old
}

func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, s)
	if r.byID[s.id] == s {
		delete(r.byID, s.id)
	}
}

func (r *registry) find(id insole.ID) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// which returns the sessions for which want is true. want must be quick and lock nothing.
func (r *registry) which(want func(*session) bool) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*session
	for s := range r.all {
		if want(s) {
			out = append(out, s)
		}
	}
	return out
}

// empty says whether no insole is connected.
func (r *registry) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.byID) == 0
}
