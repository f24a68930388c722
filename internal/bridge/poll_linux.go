package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller reads many sockets with one goroutine and one buffer, so that an idle connection costs neither. It waits in the Go runtime's own
// poller (an epoll descriptor can itself be polled), so that it blocks no thread.
type poller struct {
	ep   int
	file *os.File // owns ep
	raw  syscall.RawConn
	buf  []byte

	ahead []byte // of help; nil until a connection stalls

	mu    sync.Mutex
	conns map[int32]*polled
}

// A polled is the link of a plain TCP connection. It owns fd until it is closed; the lock is held around every use of fd, so that a number that the
// kernel gives out again is never touched.
type polled struct {
	s *session
	p *poller

	mu     sync.Mutex
	fd     int32 // -1 once closed
	paused bool
	last   bool  // close when out is written
	since  int64 // Unix seconds since when out waits
	out    []byte

	rest []byte // of the poller's goroutine: the beginning of a frame, or what there was no room for
}

const wanted = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	err = unix.SetNonblock(ep, true) // so that NewFile gives it to the runtime's poller
	if err != nil {
		unix.Close(ep)
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	p := &poller{ep: ep, file: os.NewFile(uintptr(ep), "epoll"), buf: make([]byte, readSize), conns: map[int32]*polled{}}
	p.raw, err = p.file.SyscallConn()
	if err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // an error says that the runtime cannot wait for it
	}
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	return p, nil
}

// adopt takes the socket of conn, which is closed for everybody else, and makes it the link of s. Reading begins when start is called.
func (p *poller) adopt(conn *net.TCPConn, s *session) (*polled, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("taking the socket: %w", err)
	}
	conn.Close()
	return &polled{s: s, p: p, fd: int32(fd)}, nil
}

// start begins to read c. rest is what was read before.
func (p *poller) start(c *polled, rest []byte) {
	if len(rest) > 0 {
		c.rest = append([]byte(nil), rest...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return
	}
	p.mu.Lock()
	p.conns[c.fd] = c
	p.mu.Unlock()
	err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, int(c.fd), &unix.EpollEvent{Events: wanted, Fd: c.fd})
	if err != nil {
		go c.s.lost(fmt.Errorf("%w: epoll: %w", errPeer, err))
	}
}

func (p *poller) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.file.SetReadDeadline(past) })
	defer stop()
	defer p.file.Close()
	var events [128]unix.EpollEvent
	for {
		n := 0
		err := p.raw.Read(func(uintptr) bool {
			got, err := unix.EpollWait(p.ep, events[:], 0)
			n = max(got, 0)
			return n > 0 || err != nil && err != unix.EINTR
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil { // the deadline belongs to ctx alone, so this is a fault of the descriptor
			panic(fmt.Sprintf("polling: %v", err))
		}
		for i := range events[:n] {
			p.mu.Lock()
			c := p.conns[events[i].Fd]
			p.mu.Unlock()
			if c != nil {
				c.ready()
			}
		}
	}
}

// ready reads and writes what can be without waiting. A panic ends this connection and no other.
func (c *polled) ready() {
	defer func() {
		if v := recover(); v != nil {
			c.s.srv.panicked(v, c.s.remote)
			c.s.gone("panic")
		}
	}()
	if c.flush() {
		return
	}
	for range 16 { // then let others have their turn
		buf := c.p.buf
		have := copy(buf, c.rest)
		stalled := false
		if have > 0 {
			c.rest = nil
			var ok bool
			if have, stalled, ok = c.feed(buf, have); !ok {
				return
			}
		}
		if stalled {
			c.rest = append([]byte(nil), buf[:have]...)
			return
		}
		n, err := c.read(buf[have:])
		if n > 0 {
			full := have+n == len(buf)
			ok := true
			if have, stalled, ok = c.feed(buf, have+n); !ok {
				return
			}
			if have > 0 {
				c.rest = append([]byte(nil), buf[:have]...)
			}
			if stalled || !full {
				return // a short read has emptied the socket; what comes later is a new event
			}
			continue
		}
		if have > 0 {
			c.rest = append([]byte(nil), buf[:have]...)
		}
		switch err {
		case unix.EAGAIN, errPaused:
			return
		case unix.EINTR:
			continue
		case nil:
			err = io.EOF
		}
		c.s.lost(fmt.Errorf("%w: %w", errPeer, err))
		return
	}
	c.resume()
}

// feed gives the session what is in buf[:have] and moves what it did not take to the front. ok is false when the connection is over.
func (c *polled) feed(buf []byte, have int) (left int, stalled, ok bool) {
	n, err := c.s.feed(buf[:have])
	left = copy(buf, buf[n:have])
	for err == errStalled && c.help(buf[:left]) {
		c.s.pass()
		n, err = c.s.feed(buf[:left])
		if n == 0 && err == errStalled {
			break // it does not wait for room
		}
		left = copy(buf, buf[n:left])
	}
	if err != nil && err != errStalled {
		c.s.lost(err)
		return 0, false, false
	}
	return left, err == errStalled, true
}

// help says whether a call for help is behind rest in the kernel's buffer, which it leaves as it is. Only what an insole in need has in flight is
// read without room.
func (c *polled) help(rest []byte) bool {
	if c.p.ahead == nil {
		c.p.ahead = make([]byte, readSize+2*kernelBuffer)
	}
	have := copy(c.p.ahead, rest)
	c.mu.Lock()
	n := 0
	if c.fd >= 0 && !c.paused {
		n, _, _ = unix.Recvfrom(int(c.fd), c.p.ahead[have:], unix.MSG_PEEK)
	}
	c.mu.Unlock()
	return c.s.helpAhead(c.p.ahead[:have+max(n, 0)])
}

var errPaused = errors.New("paused")

func (c *polled) read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused || c.fd < 0 {
		return 0, errPaused
	}
	return unix.Read(int(c.fd), b)
}

func (c *polled) send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 || c.last {
		return
	}
	if len(c.out) == 0 {
		n, err := unix.Write(int(c.fd), b)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			unix.Shutdown(int(c.fd), unix.SHUT_RDWR) // the reader says so
			return
		}
		b = b[max(n, 0):]
		if len(b) == 0 {
			return
		}
		c.since = c.s.srv.now().Unix()
	}
	c.s.watch.Store(true)
	c.out = append(c.out, b...)
}

// flush writes what waits, when the socket takes it. It is true when there is nothing more to read.
func (c *polled) flush() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 || len(c.out) == 0 {
		return c.paused || c.fd < 0
	}
	n, err := unix.Write(int(c.fd), c.out)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return c.paused
	case err != nil:
		unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
		c.out = nil
	default:
		c.out = c.out[n:]
		c.since = c.s.srv.now().Unix()
	}
	if len(c.out) == 0 {
		c.out = nil
		if c.last {
			c.close()
		}
	}
	return c.paused || c.fd < 0
}

func (c *polled) pause() {
	c.mu.Lock()
	c.paused = true
	c.mu.Unlock()
}

// resume makes the poller look at c again, whether or not anything has come.
func (c *polled) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		unix.EpollCtl(c.p.ep, unix.EPOLL_CTL_MOD, int(c.fd), &unix.EpollEvent{Events: wanted, Fd: c.fd})
	}
}

func (c *polled) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused, c.last = true, true
	if len(c.out) == 0 {
		c.close()
		return
	}
	time.AfterFunc(c.s.srv.WriteTimeout, c.abort) // the sweep does not know the session any more
}

func (c *polled) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = nil
	c.close()
}

// close gives the descriptor back. c.mu is held.
func (c *polled) close() {
	if c.fd < 0 {
		return
	}
	c.p.mu.Lock()
	delete(c.p.conns, c.fd)
	c.p.mu.Unlock()
	unix.Close(int(c.fd))
	c.fd = -1
}

func (c *polled) clogged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out) > clog
}

func (c *polled) stuck(now time.Time) (waits, tooLong bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waits = len(c.out) > 0
	return waits, waits && now.Unix()-c.since > int64(c.s.srv.WriteTimeout/time.Second)
}
