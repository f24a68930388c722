package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/wire/sole"
)

// A Server is one bridge. Every field of the first three groups is required, unless it says what its zero value means.
type Server struct {
	Name        string // of this instance, in every envelope
	Assignments Assignments
	Urgent      Queue
	Track       Queue
	Downlinks   Downlinks // nil: none are delivered
	Log         *slog.Logger
	Metrics     *Metrics

	Linger        time.Duration // longest time a position is held to be packed, of a dialect that goes on meanwhile
	LingerWaiting time.Duration // the same, of a dialect that waits for its acknowledgement
	PackBytes     int           // of one track message
	MemoryBytes   int64         // held unacknowledged for all, beyond the allowance of each connection
	Idle          time.Duration // silence before a connection is dropped
	AuthTimeout   time.Duration // for a connection to prove itself
	WriteTimeout  time.Duration // 0 = 10 s
	Grace         time.Duration // for what is in flight when the bridge ends
	KeyTTL        time.Duration // how long an answer of the table is good
	KeyCache      int           // answers remembered
	DownlinkEvery time.Duration // between two looks for downlinks; 0 = 2 s
	PulseEvery    time.Duration // between two words that this bridge works; 0 = it says nothing

	MaxConns           int
	MaxUnproven        int
	MaxUnprovenPerAddr int

	TLS        *tls.Config      // of the listeners that Run is told to secure
	TrustProxy bool             // every connection begins with a PROXY v2 header
	Goroutines bool             // one goroutine for each connection, also where epoll would do
	Now        func() time.Time // nil means time.Now

	once      sync.Once
	budget    budget
	caps      caps
	directory *directory
	urgent    *lane
	track     *lane
	packer    *packer
	sessions  registry
	oddities  *rate.Limiter
	frames    [2]frameMetrics // by dialect
	conns     sync.WaitGroup
	pollers   []*poller
	next      atomic.Uint32
	draining  atomic.Bool
	inflight  atomic.Int64 // frames admitted and not settled
}

type frameMetrics struct{ urgent, track prometheus.Counter }

const (
	soleFrames = iota
	teltonikaFrames
)

func (srv *Server) now() time.Time {
	if srv.Now != nil {
		return srv.Now()
	}
	return time.Now()
}

// A Listener is where insoles connect.
type Listener struct {
	net.Listener
	Secure bool // TLS
}

func (srv *Server) prepare() {
	srv.once.Do(func() {
		if srv.WriteTimeout == 0 {
			srv.WriteTimeout = 10 * time.Second
		}
		if srv.DownlinkEvery == 0 {
			srv.DownlinkEvery = 2 * time.Second
		}
		srv.budget.limit = srv.MemoryBytes
		srv.caps = caps{conns: srv.MaxConns, unproven: srv.MaxUnproven, perAddr: srv.MaxUnprovenPerAddr}
		srv.directory = newDirectory(srv.Assignments, srv.KeyCache, srv.KeyTTL, srv.now, srv.Metrics)
		srv.oddities = rate.NewLimiter(10, 100)
		srv.urgent = &lane{
			name: "urgent", queue: srv.Urgent, bridge: srv.Name, named: true, workers: 8, patience: 3 * time.Second, slowest: time.Second,
			log: srv.Log, m: srv.Metrics,
		}
		srv.track = &lane{
			name: "track", queue: srv.Track, bridge: srv.Name, workers: 4, patience: 10 * time.Second, slowest: 5 * time.Second,
			log: srv.Log, m: srv.Metrics,
		}
		srv.urgent.some.L, srv.track.some.L = &srv.urgent.mu, &srv.track.mu
		srv.packer = newPacker(max(srv.Linger, srv.LingerWaiting), min(srv.Linger, srv.LingerWaiting), srv.PackBytes, srv.now, srv.track.push)
		for i, d := range []insole.Dialect{soleFrames: insole.SOLE, teltonikaFrames: insole.Teltonika} {
			srv.frames[i] = frameMetrics{
				urgent: srv.Metrics.frames.WithLabelValues(string(d), "urgent"),
				track:  srv.Metrics.frames.WithLabelValues(string(d), "track"),
			}
		}
	})
}

// Run serves the insoles that connect to ls until ctx ends. It then accepts no more, gives what is in flight up to Grace to be kept by the
// queues and acknowledged, says bye to every insole, and returns. It closes ls.
func (srv *Server) Run(ctx context.Context, ls ...Listener) error {
	srv.prepare()
	after, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx by the drain
	defer stop()
	var parts sync.WaitGroup
	if !srv.Goroutines {
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			p, err := newPoller()
			if err != nil {
				srv.Log.WarnContext(ctx, "no epoll: one goroutine for each connection", "err", err)
				break
			}
			srv.pollers = append(srv.pollers, p)
			parts.Go(func() { p.run(after) })
		}
	}
	for _, part := range []func(context.Context){srv.urgent.run, srv.track.run, srv.packer.run, srv.sweep} {
		parts.Go(func() { part(after) })
	}
	srv.conns.Go(func() { // so that /readyz can say whether the table answers before an insole asks
		for d := time.Second; !srv.directory.answers(); d = min(2*d, 30*time.Second) {
			srv.directory.find(ctx, "0000000000000000")
			if !srv.directory.answers() && !pause(ctx, d) {
				return
			}
		}
	})
	if srv.Downlinks != nil {
		srv.conns.Go(func() { srv.deliver(ctx) })
	}
	if srv.PulseEvery > 0 {
		srv.conns.Go(func() { srv.pulse(ctx) })
	}
	var accepting sync.WaitGroup
	for _, l := range ls {
		accepting.Go(func() { srv.accept(ctx, l) })
		context.AfterFunc(ctx, func() { l.Close() })
	}
	<-ctx.Done()
	srv.draining.Store(true)
	accepting.Wait()
	srv.drain(after)
	if srv.PulseEvery > 0 {
		last, cancel := context.WithTimeout(after, 2*time.Second)
		srv.say(last, true)
		cancel()
	}
	stop()
	parts.Wait()
	srv.conns.Wait()
	srv.directory.close()
	return nil
}

// kernelBuffer bounds what the kernel keeps for one socket, in bytes each way. An insole has less in flight; without a bound, what
// stalled connections may pile up in the kernel is some MiB each.
const kernelBuffer = 32 << 10

// accept takes connections until ctx ends. A failure is weather: it waits a little and goes on.
func (srv *Server) accept(ctx context.Context, l Listener) {
	for failed := 0; ; {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil {
			failed++
			srv.Log.WarnContext(ctx, "accepting", "err", err)
			if !pause(ctx, backoff(failed, time.Second)) {
				return
			}
			continue
		}
		failed = 0
		srv.Metrics.accepted.Inc()
		place, err := srv.caps.enter()
		if err != nil {
			reason := "full"
			if errors.Is(err, errCrowd) {
				reason = "crowded"
			}
			srv.Metrics.refused.WithLabelValues(reason).Inc()
			conn.Close()
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetReadBuffer(kernelBuffer) // an error leaves the kernel's own choice
			tcp.SetWriteBuffer(kernelBuffer)
		}
		srv.conns.Go(func() { srv.greet(ctx, conn, place, l.Secure) })
	}
}

// session is a new session of the insole a, not proven and without a link.
func (srv *Server) session(a *insole.Assignment, t tongue, remote string) *session {
	s := &session{srv: srv, id: a.Insole, tongue: t, remote: remote, last: noAck}
	s.who.Store(a)
	now := srv.now().Unix()
	s.heard.Store(now)
	s.checked.Store(now)
	return s
}

// take gives s its link: a poller for a plain connection, else this goroutine until the connection is over. From here on the session owns
// the connection's place among the unproven.
func (srv *Server) take(ctx context.Context, c *newcomer, s *session, rest []byte) {
	begin := func(l link) {
		s.mu.Lock()
		s.link = l
		s.proof = &proof{stay: c.stay, timer: time.AfterFunc(c.by.Sub(srv.now()), s.overdue)}
		s.mu.Unlock()
		srv.sessions.add(s)
		if s.who.Load().Dialect != insole.SOLE {
			s.proven(srv.now()) // its login was all the proof there is
		}
		if ctx.Err() != nil {
			s.end(sole.ByeGoingAway, "drain")
		}
	}
	if tcp, ok := c.conn.(*net.TCPConn); ok && len(srv.pollers) > 0 {
		p := srv.pollers[int(srv.next.Add(1))%len(srv.pollers)]
		l, err := p.adopt(tcp, s)
		if err == nil {
			begin(l)
			p.start(l, rest)
			return
		}
		srv.Log.Warn("connection stays with its goroutine", "err", err)
	}
	p := newPipe(c.conn, s, srv.WriteTimeout)
	begin(p)
	defer func() {
		if v := recover(); v != nil {
			srv.panicked(v, s.remote)
			s.gone("panic")
		}
	}()
	p.run(rest)
}

// quarantine keeps b, which the tongue of s could not read. Who has not proven to be s's insole is not kept under its name: whatever is counts against it.
func (srv *Server) quarantine(s *session, b []byte, why error) {
	s.mu.Lock()
	proven := s.proof == nil
	s.mu.Unlock()
	if !proven {
		srv.keep(nil, s.remote, b, "claims to be "+string(s.id)+": "+why.Error())
		return
	}
	srv.keep(s, s.remote, b, why.Error())
}

// keep puts b on the track lane as a frame in quarantine. Of what strangers send only so many are kept in a second; the others are counted.
func (srv *Server) keep(s *session, remote string, b []byte, why string) {
	b = b[:min(len(b), queue.MaxQuarantine)]
	n := int64(len(b) + overhead)
	if len(b) == 0 || !srv.oddities.AllowN(srv.now(), 1) || !srv.budget.take(n, false, nil) {
		srv.Metrics.odd.WithLabelValues("no").Inc()
		return
	}
	srv.Metrics.odd.WithLabelValues("yes").Inc()
	o := &oddity{why: why, remote: remote, give: func() { resumeAll(srv.budget.give(n)) }}
	if s != nil {
		o.who, o.id = s.who.Load(), s.id
	}
	srv.packer.add(held{raw: append([]byte(nil), b...), at: srv.now().UnixMilli(), odd: o}, 0)
}

// leaving hands on that the insole of s, which is proven, has said that it goes away: with its last positions, if there are any. It may be lost: then its
// silence has one guess fewer.
func (srv *Server) leaving(s *session, now time.Time) {
	if !srv.budget.take(overhead, false, nil) {
		return
	}
	o := &oddity{bye: true, id: s.id, who: s.who.Load(), give: func() { resumeAll(srv.budget.give(overhead)) }}
	srv.packer.add(held{at: now.UnixMilli(), odd: o}, 0)
}

func (srv *Server) panicked(v any, remote string) {
	srv.Metrics.panics.Inc()
	srv.Log.Error("connection ended by a fault", "remote", remote, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
}

// sweep watches over silence: idle sessions, writes that nobody takes, ends that take too long; and asks again, now and then, who the insoles are.
func (srv *Server) sweep(ctx context.Context) {
	every := max(min(srv.Idle/4, time.Second), 10*time.Millisecond)
	t := time.NewTicker(every)
	defer t.Stop()
	recheck := 5 * srv.KeyTTL
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := srv.now()
		idle := now.Add(-srv.Idle).Unix()
		old := now.Add(-recheck).Unix()
		for _, s := range srv.sessions.which(func(s *session) bool { return s.heard.Load() <= idle }) {
			s.idle()
		}
		for _, s := range srv.sessions.which(func(s *session) bool { return s.watch.Load() }) {
			s.check(now)
		}
		due := srv.sessions.which(func(s *session) bool { return s.checked.Load() <= old })
		for _, s := range due[:min(len(due), 200)] {
			s.checked.Store(now.Unix())
			srv.conns.Go(func() { s.recheck(ctx) })
		}
	}
}

// drain ends every session and waits until what is in flight is settled, at most Grace.
func (srv *Server) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, srv.Grace)
	defer cancel()
	everybody := func(*session) bool { return true }
	srv.Log.InfoContext(ctx, "draining", "sessions", len(srv.sessions.which(everybody)))
	for _, s := range srv.sessions.which(everybody) {
		s.end(sole.ByeGoingAway, "drain")
	}
	srv.packer.flush()
	for srv.inflight.Load() > 0 || len(srv.sessions.which(everybody)) > 0 {
		if !pause(ctx, 5*time.Millisecond) {
			break
		}
	}
	left := srv.sessions.which(everybody)
	for _, s := range left {
		s.part()
	}
	srv.Log.InfoContext(ctx, "drained", "sessionsUnsettled", len(left), "framesUnsettled", srv.inflight.Load())
}

// Downlink sends an order to the insole id over the connection that it holds. The error is insole.ErrNotFound when it holds none here, and
// ErrNoDownlink when its language has no such order. Whether the insole got it, only its answer says.
func (srv *Server) Downlink(id insole.ID, d Downlink) error {
	srv.prepare()
	s := srv.sessions.find(id)
	err := insole.ErrNotFound
	if s != nil {
		err = s.downlink(d)
	}
	outcome := "sent"
	if err != nil {
		outcome = "not-sent"
	}
	srv.Metrics.downlinks.WithLabelValues(outcome).Inc()
	if err != nil {
		return fmt.Errorf("order %d to insole %s: %w", d.ID, id, err)
	}
	return nil
}
