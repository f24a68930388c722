package bridge

import (
	"context"
	"sync"
	"time"

	"solewatch/internal/queue"
)

// burst is how many frames of one insole are never held for a whole linger: it is working off a backlog, and waits for
// acknowledgements to send more.
const burst = 8

// A packer holds positions until they are worth a message. Time goes in ticks. An insole's first frame after a quiet time goes with the next
// tick; what follows waits until its linger is over since the insole's last message, and then travels together. When a tick has something to
// send, it takes along what would be due soon.
type packer struct {
	tick  time.Duration
	soon  int64 // ticks
	bytes int   // of one message's body, at most
	out   func(...*message)
	now   func() time.Time

	start time.Time
	urge  chan struct{} // flush now, capacity 1
	wake  chan struct{} // there is something to wait for, capacity 1

	mu    sync.Mutex
	ring  [][]*session // by tick; an entry counts only when the session's due says so too
	done  int64        // every tick up to this one is flushed
	count int          // sessions that hold something
	loose []held       // of nobody
	all   bool         // the next flush takes everything
}

// holding is what the packer keeps in each session, under its own lock.
type holding struct {
	frames  []held
	bytes   int
	since   int64 // Unix nanoseconds of the first
	due     int64 // tick; 0 = nothing held
	flushed int64 // tick of the last flush; 0 = never
}

func newPacker(longest, shortest time.Duration, bytes int, now func() time.Time, out func(...*message)) *packer {
	tick := max(min(longest, shortest, time.Second), time.Millisecond)
	return &packer{
		tick: tick, soon: int64(longest / 10 / tick), bytes: bytes, out: out, now: now, start: now(),
		ring: make([][]*session, longest/tick+4),
		urge: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
}

func (p *packer) at(t time.Time) int64 { return int64(t.Sub(p.start)/p.tick) + 1 }

// add holds h. linger is of its insole's dialect.
func (p *packer) add(h held, linger time.Duration) {
	p.mu.Lock()
	now := p.now() // under the lock: a time from before the last pack would be a tick that is over
	s := h.s
	if s == nil {
		p.loose = append(p.loose, h)
		p.mu.Unlock()
		signal(p.wake)
		return
	}
	next := p.at(now) + 1
	if p.count == 0 { // the ring is empty, and may have stood still for long
		p.done = max(p.done, next-1)
	}
	hold := &s.hold
	due := hold.due
	if due == 0 {
		p.count++
		hold.since = now.UnixNano()
		due = next
		if hold.flushed > 0 {
			due = max(next, hold.flushed+int64(linger/p.tick))
		}
	}
	hold.frames = append(hold.frames, h)
	hold.bytes += len(h.raw)
	if len(hold.frames) >= burst || hold.bytes > p.bytes/4 {
		due = min(due, next)
	}
	p.schedule(s, due)
	p.mu.Unlock()
	signal(p.wake)
}

func (p *packer) schedule(s *session, due int64) {
	due = max(p.done+1, min(due, p.done+int64(len(p.ring))))
	if s.hold.due == due {
		return
	}
	s.hold.due = due
	slot := due % int64(len(p.ring))
	p.ring[slot] = append(p.ring[slot], s)
}

// hurry makes what is held for s due now.
func (p *packer) hurry(s *session) {
	p.mu.Lock()
	held := s.hold.due != 0
	if held {
		p.schedule(s, p.done+1)
	}
	p.mu.Unlock()
	if held {
		signal(p.urge)
	}
}

// flush makes everything due now.
func (p *packer) flush() {
	p.mu.Lock()
	p.all = true
	p.mu.Unlock()
	signal(p.urge)
}

func (p *packer) run(ctx context.Context) {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		p.mu.Lock()
		idle := p.count == 0 && len(p.loose) == 0
		p.mu.Unlock()
		if idle {
			select {
			case <-p.wake:
				continue
			case <-p.urge:
			case <-ctx.Done():
				return
			}
		} else {
			now := p.now()
			t.Reset(p.start.Add(time.Duration(p.at(now)) * p.tick).Sub(now))
			select {
			case <-t.C:
			case <-p.urge:
			case <-ctx.Done():
				return
			}
		}
		p.out(p.pack()...)
	}
}

// pack takes what is due and returns it as messages.
func (p *packer) pack() []*message {
	var b batcher
	b.limit = p.bytes
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.at(p.now())
	from := p.done + 1
	urged := from // hurried sessions are scheduled there even when their tick is not over
	last := max(t, urged)
	if p.all {
		last = from + int64(len(p.ring)) - 1
		p.all = false
	}
	for i := from; i <= min(last, from+int64(len(p.ring))-1); i++ {
		p.drain(i, t, &b)
	}
	if len(p.loose) > 0 {
		for _, h := range p.loose {
			b.add(h, p.now())
		}
		p.loose = nil
	}
	if b.any() {
		for i := last + 1; i <= last+p.soon && i < from+int64(len(p.ring)); i++ {
			p.drain(i, t, &b)
		}
	}
	p.done = max(p.done, t)
	return b.messages
}

func (p *packer) drain(tick, now int64, b *batcher) {
	slot := tick % int64(len(p.ring))
	rest := p.ring[slot][:0]
	for _, s := range p.ring[slot] {
		switch s.hold.due {
		case tick:
			b.addAll(s.hold.frames, time.Unix(0, s.hold.since))
			s.hold = holding{flushed: now}
			p.count--
		case 0:
		default:
			if s.hold.due%int64(len(p.ring)) == slot && s.hold.due > tick { // a whole round later
				rest = append(rest, s)
			}
		}
	}
	clear(p.ring[slot][len(rest):])
	if len(rest) == 0 {
		rest = nil
	}
	p.ring[slot] = rest
}

// A batcher fills messages. The frames of one insole that fit one message are not split over two.
type batcher struct {
	limit    int
	messages []*message
}

func (b *batcher) any() bool { return len(b.messages) > 0 }

func (b *batcher) addAll(hs []held, since time.Time) {
	size := 0
	for i := range hs {
		f := hs[i].frame(false)
		size += f.Size()
	}
	if m := b.last(); m == nil || m.size+size > b.limit {
		if size <= b.limit {
			b.open(since)
		} else {
			for i := range hs {
				b.add(hs[i], since)
			}
			return
		}
	}
	m := b.last()
	m.frames = append(m.frames, hs...)
	m.size += size
	if since.Before(m.since) {
		m.since = since
	}
}

func (b *batcher) add(h held, since time.Time) {
	f := h.frame(false)
	size := f.Size()
	if m := b.last(); m == nil || m.size+size > b.limit {
		b.open(since)
	}
	m := b.last()
	m.frames = append(m.frames, h)
	m.size += size
}

func (b *batcher) last() *message {
	if len(b.messages) == 0 {
		return nil
	}
	return b.messages[len(b.messages)-1]
}

func (b *batcher) open(since time.Time) {
	b.messages = append(b.messages, &message{size: envelopeSize, since: since})
}

// envelopeSize is more than what an envelope has around its frames.
const envelopeSize = 128

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

var _ Queue = (*queue.Sender)(nil)
