package bridge

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// A link is a session's socket.
type link interface {
	send(b []byte)                             // queues b behind what was sent before; never blocks. The session's lock is held
	pause()                                    // no more reading; the session's lock is held
	resume()                                   // read again after errStalled
	finish()                                   // close when what was sent is written, or cannot be in time; the session's lock is held
	abort()                                    // close now
	clogged() bool                             // so much waits to be written that no more should be read; resumes itself. The session's lock is held
	stuck(now time.Time) (waits, tooLong bool) // something waits to be written; for longer than WriteTimeout
}

// errPeer is the other side's doing: it closed, or the network did.
var errPeer = errors.New("connection over")

const (
	// readSize holds the longest frame of every dialect (Teltonika: 4108 bytes).
	readSize = 4608
	// clog is how much may wait for a peer that does not read, in bytes, before it is not read either. What waits can then only grow by the
	// acknowledgements of what is in flight already, which the budget bounds.
	clog = 4 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

// A pipe is a link with two goroutines, one of them only while there is something to write: for TLS, for tests, and for systems without epoll.
type pipe struct {
	conn    net.Conn
	s       *session
	timeout time.Duration // of one write
	again   chan struct{} // capacity 1: resumed

	mu      sync.Mutex
	out     []byte
	writing bool
	last    bool // close when out is written
	paused  bool
	broken  bool
}

func newPipe(conn net.Conn, s *session, timeout time.Duration) *pipe {
	return &pipe{conn: conn, s: s, timeout: timeout, again: make(chan struct{}, 1)}
}

// run reads until the connection ends. rest is what was read before.
func (p *pipe) run(rest []byte) {
	p.conn.SetReadDeadline(time.Time{}) // from here on the sweep watches over silence
	p.mu.Lock()
	if p.paused {
		p.conn.SetReadDeadline(past)
	}
	p.mu.Unlock()
	buf := make([]byte, readSize)
	have := copy(buf, rest)
	for !p.stopped() {
		n, err := p.s.feed(buf[:have])
		have = copy(buf, buf[n:have])
		switch {
		case err == errStalled:
			<-p.again
			continue
		case err != nil:
			p.s.lost(err)
			return
		}
		n, err = p.conn.Read(buf[have:])
		have += n
		if p.stopped() {
			return
		}
		if err != nil && n == 0 {
			p.s.lost(fmt.Errorf("%w: %w", errPeer, err))
			return
		}
	}
}

var past = time.Unix(1, 0)

func (p *pipe) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

func (p *pipe) send(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken || p.last {
		return
	}
	p.out = append(p.out, b...)
	if !p.writing {
		p.writing = true
		p.s.srv.conns.Go(p.write)
	}
}

func (p *pipe) write() {
	for {
		p.mu.Lock()
		out := p.out
		p.out = nil
		if len(out) == 0 || p.broken {
			p.writing = false
			if p.last {
				p.conn.Close()
			}
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.conn.SetWriteDeadline(p.s.srv.now().Add(p.timeout))
		_, err := p.conn.Write(out)
		if len(out) > clog {
			p.resume()
		}
		if err != nil {
			p.mu.Lock()
			p.broken = true
			p.mu.Unlock()
			p.cut() // the reader says so
		}
	}
}

func (p *pipe) pause() {
	p.mu.Lock()
	p.paused = true
	p.mu.Unlock()
	p.conn.SetReadDeadline(past)
	p.resume()
}

func (p *pipe) resume() { signal(p.again) }

func (p *pipe) finish() {
	p.pause()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = true
	if !p.writing {
		p.conn.Close()
	}
}

func (p *pipe) abort() {
	p.mu.Lock()
	p.paused, p.broken, p.last = true, true, true
	p.mu.Unlock()
	p.cut()
	p.resume()
}

// cut closes without a word: TLS would wait seconds to say that it does.
func (p *pipe) cut() {
	if t, ok := p.conn.(*tls.Conn); ok {
		t.NetConn().Close()
	}
	p.conn.Close()
}

func (p *pipe) clogged() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.out) > clog
}

func (p *pipe) stuck(time.Time) (waits, tooLong bool) { return false, false } // its writes have deadlines

// timedOut says whether err is a deadline of ours.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
