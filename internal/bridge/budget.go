package bridge

import "sync"

// overhead is what a held frame costs beside its bytes: its struct, and rounding by the allocator.
const overhead = 112

// allowance is how many bytes each connection may always have in hand, whatever the others do: more than the positions of a day's walk that an
// insole has in flight. A call for help behind a backlog that is longer is found by polled.help.
const allowance = 8 << 10

// A budget bounds the bytes held for all connections together, beyond what each is allowed for itself.
// The last eighth is for the urgent lane alone.
type budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiting []*session // stalled, to be resumed when there is room
}

// take asks for n bytes for s. When there are none, s is remembered and resumed later.
func (b *budget) take(n int64, urgent bool, s *session) bool {
	limit := b.limit
	if !urgent {
		limit -= limit / 8
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > limit {
		if s != nil {
			b.waiting = append(b.waiting, s)
		}
		return false
	}
	b.used += n
	return true
}

// force takes n bytes that there may be no room for.
func (b *budget) force(n int64) {
	b.mu.Lock()
	b.used += n
	b.mu.Unlock()
}

// give returns n bytes, and the sessions to resume: the caller does that when it holds no lock.
func (b *budget) give(n int64) []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if len(b.waiting) == 0 || b.used > b.limit*3/4 {
		return nil
	}
	w := b.waiting
	b.waiting = nil
	return w
}

// pressed says whether so much is held that lingering would be a mistake.
func (b *budget) pressed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used > b.limit/2
}

func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
