package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// What feed says beside "go on".
var (
	errStalled = errors.New("no room for another frame") // stop reading until resumed
	errBye     = errors.New("the insole has said bye")
)

// A session is one connection of one insole, from the moment the bridge knows who it claims to be. It holds no buffer and no goroutine:
// what an idle connection costs is this struct, its link and its tongue.
type session struct {
	srv    *Server
	id     insole.ID
	who    atomic.Pointer[insole.Assignment] // shared with the directory
	tongue tongue
	link   link
	remote string

	watch   atomic.Bool  // something of it may take too long: ending, or waiting to be written
	heard   atomic.Int64 // Unix seconds of the last byte
	checked atomic.Int64 // Unix seconds when who was last asked for

	hold holding // the packer's

	mu       sync.Mutex
	proof    *proof // nil once proven
	bytes    int    // held, of both lanes
	inflight int32
	last     uint32 // token of the newest frame, for a tongue that waits
	stalled  bool
	through  bool // read on without room, up to the next urgent frame
	state    state
	why      sole.ByeReason // while ending
	endBy    int64          // Unix seconds; while ending
}

type state byte

const (
	open   state = iota
	ending       // not read any more; ends when what is in flight is settled
	closed       // the link is closed or finishing
)

// proof is what a session needs only until it is proven.
type proof struct {
	stay  *stay
	timer *time.Timer
}

// feed takes the whole frames at the start of b, and says how many bytes it took. The error is nil (more bytes are needed), errStalled, or says
// why the connection must end. It is called by the link, never twice at once.
func (s *session) feed(b []byte) (n int, err error) {
	now := s.srv.now()
	s.heard.Store(now.Unix())
	for n < len(b) {
		p, size, err := s.tongue.split(b[n:])
		if err != nil {
			if err == errShort {
				return n, nil
			}
			s.srv.quarantine(s, b[n:], err)
			return n, fmt.Errorf("frame not understood: %w", err)
		}
		if p.raw != nil && !s.reserve(&p) {
			return n, errStalled
		}
		err = s.tongue.prove(&p)
		if err != nil {
			if p.raw != nil {
				s.release(&p)
			}
			return n, err
		}
		n += size
		if !s.proven(now) {
			if p.raw != nil {
				s.release(&p)
			}
			return n, nil
		}
		switch {
		case p.raw != nil:
			s.admit(&p, now)
		case p.bye:
			if p.away {
				s.srv.leaving(s, now)
			}
			return n, errBye
		}
	}
	return n, nil
}

// cost is what holding p takes.
func (p *piece) cost() int { return len(p.raw) + overhead }

// excess is the part of n held bytes that the connection's own allowance does not cover.
func excess(n int) int64 { return int64(max(0, n-allowance)) }

// reserve finds room for p. When there is none, the session is stalled until there is.
func (s *session) reserve(p *piece) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link.clogged() {
		s.stalled = true
		return false
	}
	more := excess(s.bytes+p.cost()) - excess(s.bytes)
	switch {
	case more <= 0:
	case s.through:
		s.srv.budget.force(more)
		s.through = !p.urgent
	case !s.srv.budget.take(more, p.urgent, s):
		s.stalled = true
		s.srv.Metrics.stalls.Inc()
		return false
	}
	s.stalled = false
	s.bytes += p.cost()
	s.inflight++
	s.srv.inflight.Add(1)
	return true
}

// helpAhead says whether b, read and not taken yet, has a whole urgent frame. Nothing of b is proven.
func (s *session) helpAhead(b []byte) bool {
	for {
		p, n, err := s.tongue.split(b)
		if err != nil || n == 0 {
			return false
		}
		if p.urgent {
			return true
		}
		b = b[n:]
	}
}

// pass lets the session take what there is no room for, up to the next urgent frame.
func (s *session) pass() {
	s.mu.Lock()
	s.through, s.stalled = true, false
	s.mu.Unlock()
}

// release undoes reserve.
func (s *session) release(p *piece) {
	s.mu.Lock()
	less := excess(s.bytes) - excess(s.bytes-p.cost())
	s.bytes -= p.cost()
	s.inflight--
	s.srv.inflight.Add(-1)
	s.mu.Unlock()
	resumeAll(s.srv.budget.give(less))
}

// admit hands a proven frame with a reserved place to its lane.
func (s *session) admit(p *piece, now time.Time) {
	h := held{s: s, raw: bytes.Clone(p.raw), at: now.UnixMilli(), token: p.token}
	waits := s.tongue.waits()
	if waits && p.token != noAck {
		s.mu.Lock()
		s.last = p.token
		s.mu.Unlock()
	}
	m := &s.srv.frames[soleFrames]
	if waits {
		m = &s.srv.frames[teltonikaFrames]
	}
	if p.urgent {
		m.urgent.Inc()
		s.srv.urgent.push(&message{frames: []held{h}, size: envelopeSize + frameSize(&h), since: now})
		if waits {
			s.srv.packer.hurry(s) // its acknowledgement must not wait for what was sent before
		}
		return
	}
	m.track.Inc()
	linger := s.srv.Linger
	if waits {
		linger = s.srv.LingerWaiting
	}
	s.srv.packer.add(h, linger)
	if s.srv.budget.pressed() {
		s.srv.packer.flush()
	}
}

func frameSize(h *held) int {
	f := h.frame(true)
	return f.Size()
}

// settle is called with frames of s that the queue keeps: it acknowledges them in one write, returns their bytes, and ends the session
// when that was what its end waited for.
func (s *session) settle(frames []held, scratch []byte) []byte {
	s.mu.Lock()
	before := s.bytes
	for i := range frames {
		s.bytes -= len(frames[i].raw) + overhead
	}
	s.inflight -= int32(len(frames))
	s.srv.inflight.Add(-int64(len(frames)))
	if s.state != closed {
		out := scratch[:0]
		if s.tongue.waits() {
			// An acknowledgement that does not name its frame is taken for the newest one: it may be said only when
			// all that was sent is kept.
			if s.inflight == 0 {
				out = s.tongue.ack(out, s.last)
				s.last = noAck
			}
		} else {
			for i := range frames {
				out = s.tongue.ack(out, frames[i].token)
			}
		}
		scratch = out
		if len(out) > 0 {
			s.link.send(out)
		}
		if s.state == ending && s.inflight == 0 {
			s.farewell()
		}
	}
	wake := s.stalled
	s.stalled = false
	less := excess(before) - excess(s.bytes)
	s.mu.Unlock()
	var others []*session
	if less > 0 {
		others = s.srv.budget.give(less)
	}
	resumeAll(others)
	if wake {
		s.link.resume()
	}
	return scratch
}

func resumeAll(ss []*session) {
	for _, s := range ss {
		s.mu.Lock()
		s.stalled = false
		s.mu.Unlock()
		s.link.resume()
	}
}

// proven is called with every proven frame, and makes the first one the beginning of the session. It is false when it came too late.
func (s *session) proven(now time.Time) bool {
	s.mu.Lock()
	if s.proof == nil {
		s.mu.Unlock()
		return true
	}
	ok := s.state == open
	if ok {
		s.proof.timer.Stop()
		s.proof.stay.end()
		s.proof = nil
		s.srv.Metrics.sessions.WithLabelValues(string(s.who.Load().Dialect)).Inc()
		if out := s.tongue.hello(nil, now); len(out) > 0 {
			s.link.send(out)
		}
	}
	s.mu.Unlock()
	if !ok {
		return false
	}
	if old := s.srv.sessions.seat(s); old != nil {
		old.end(sole.ByeNewer, "newer")
	}
	return true
}

// overdue ends a session that has proven nothing in time.
func (s *session) overdue() {
	s.mu.Lock()
	late := s.proof != nil && s.state == open
	s.mu.Unlock()
	if late {
		s.srv.Metrics.refused.WithLabelValues("auth-timeout").Inc()
		s.srv.Log.Info("insole proved nothing in time", "insole", s.id, "remote", s.remote)
		s.gone("")
	}
}

// end closes the session from our side: nothing more is read, and when what is in flight is settled, or after Grace, the insole is told why.
func (s *session) end(why sole.ByeReason, reason string) {
	s.mu.Lock()
	if s.state != open {
		s.mu.Unlock()
		return
	}
	s.state, s.why = ending, why
	s.watch.Store(true)
	s.endBy = s.srv.now().Add(s.srv.Grace).Unix() + 1
	proven := s.proof == nil
	s.link.pause()
	wait := s.inflight > 0
	if !wait {
		s.farewell()
	}
	s.mu.Unlock()
	if proven {
		s.srv.Metrics.ended.WithLabelValues(reason).Inc()
	}
	if wait {
		s.srv.packer.hurry(s)
	}
}

// farewell says bye and closes. s.mu is held.
func (s *session) farewell() {
	if s.proof == nil {
		if out := s.tongue.bye(nil, s.why); len(out) > 0 {
			s.link.send(out)
		}
	}
	s.leave()
	s.link.finish()
}

// leave makes the session one that is no more: nothing finds it, and its places are free. What is in flight stays counted. s.mu is held.
func (s *session) leave() {
	s.state = closed
	if s.proof != nil {
		s.proof.timer.Stop()
		s.proof.stay.end()
	} else {
		s.srv.Metrics.sessions.WithLabelValues(string(s.who.Load().Dialect)).Dec()
	}
	s.srv.caps.leave()
	s.srv.sessions.remove(s)
}

// gone closes the session at once: the other side is not there, or not who it says. What is in flight goes on to the queue.
func (s *session) gone(reason string) {
	s.mu.Lock()
	if s.state == closed {
		s.mu.Unlock()
		return
	}
	if s.state == open && s.proof == nil && reason != "" {
		s.srv.Metrics.ended.WithLabelValues(reason).Inc()
	}
	s.leave()
	s.mu.Unlock()
	s.link.abort()
}

// lost is called by the link when reading ended with err, which is not errStalled.
func (s *session) lost(err error) {
	log := s.srv.Log.With("insole", s.id, "remote", s.remote)
	s.mu.Lock()
	proven := s.proof == nil
	s.mu.Unlock()
	switch {
	case errors.Is(err, errBye):
		s.end(sole.ByeGoingAway, "bye")
		return
	case errors.Is(err, errForged):
		s.srv.Metrics.refused.WithLabelValues("forged").Inc()
		log.Warn("frame not proven", "err", err)
		s.srv.directory.doubt(s.id)
		s.gone("forged")
		return
	case errors.Is(err, errPeer):
		if !proven {
			s.srv.Metrics.refused.WithLabelValues("left").Inc()
		}
		log.Debug("insole left", "err", err)
		s.gone("left")
		return
	}
	log.Warn("connection ended", "err", err)
	if !proven {
		s.srv.Metrics.refused.WithLabelValues("frame").Inc()
	}
	s.end(sole.ByeProtocol, "protocol")
}

// downlink sends an order. Whether the insole got it, its answer says.
func (s *session) downlink(d Downlink) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open || s.proof != nil {
		return insole.ErrNotFound
	}
	out, err := s.tongue.downlink(nil, d)
	if err != nil {
		return err
	}
	s.link.send(out)
	return nil
}

// idle ends the session if it waits for the insole. While the insole may be waiting for us, its silence is no fault of its own.
func (s *session) idle() {
	s.mu.Lock()
	ours := s.inflight > 0 || s.stalled || s.state != open || s.proof != nil
	s.mu.Unlock()
	if ours {
		s.heard.Store(s.srv.now().Unix())
		return
	}
	s.end(sole.ByeIdle, "idle")
}

// check ends what takes too long: an end, or a write.
func (s *session) check(now time.Time) {
	s.mu.Lock()
	late := s.state == ending && now.Unix() >= s.endBy
	s.watch.Store(false) // before looking, so that what begins to wait now is seen next time
	waits, stuck := s.link.stuck(now)
	if waits || s.state == ending {
		s.watch.Store(true)
	}
	s.mu.Unlock()
	switch {
	case late:
		s.part()
	case stuck:
		s.gone("write-timeout")
	}
}

// part ends an end that has waited long enough: what is in flight stays unacknowledged, and the insole has it still.
func (s *session) part() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == ending {
		s.farewell()
	}
}

// recheck asks again who the insole is: it may be revoked by now, or worn by somebody else.
func (s *session) recheck(ctx context.Context) {
	a, err := s.srv.directory.find(ctx, s.id)
	switch {
	case errors.Is(err, insole.ErrNotFound), err == nil && (a.Revoked || a.Dialect != s.who.Load().Dialect):
		s.end(sole.ByeRevoked, "revoked")
	case err == nil:
		s.who.Store(a)
	}
}
