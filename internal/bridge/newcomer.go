package bridge

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/detect"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// errRefused ends a connection that gets no session; its text is the metric's label.
type errRefused string

func (e errRefused) Error() string { return "refused: " + string(e) }

// A newcomer is a connection from its first byte until its language and its insole are known.
type newcomer struct {
	srv    *Server
	conn   net.Conn
	tls    bool
	remote net.Addr
	stay   *stay
	by     time.Time // when it must have proven itself
	buf    []byte
	have   int
}

// greet reads the greeting of conn and hands it to a link. It returns when the connection is over or has moved to a poller.
func (srv *Server) greet(ctx context.Context, conn net.Conn, place *stay, secure bool) {
	box := buffers.Get().(*[]byte)
	c := &newcomer{srv: srv, conn: conn, tls: secure, remote: conn.RemoteAddr(), stay: place, by: srv.now().Add(srv.AuthTimeout), buf: *box}
	moved := false
	defer func() {
		v := recover()
		if v != nil {
			srv.panicked(v, c.remote.String())
		}
		if !moved || v != nil {
			conn.Close()
		}
		if !moved {
			place.end()
			srv.caps.leave()
		}
	}()
	conn.SetDeadline(c.by)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(past) })
	s, err := c.meet(ctx)
	stop()
	if err != nil {
		buffers.Put(box)
		srv.refuse(c, err)
		return
	}
	rest := append([]byte(nil), c.buf[:c.have]...)
	buffers.Put(box)
	moved = true
	srv.take(ctx, c, s, rest)
}

func (srv *Server) refuse(c *newcomer, err error) {
	reason := "left"
	var why errRefused
	switch {
	case errors.As(err, &why):
		reason = string(why)
	case timedOut(err):
		reason = "auth-timeout"
	case errors.Is(err, errProxy):
		reason = "proxy"
	case errors.Is(err, errAddrFull):
		reason = "address-crowded"
	}
	srv.Metrics.refused.WithLabelValues(reason).Inc()
	if reason == "left" {
		srv.Log.Debug("connection without session", "remote", c.remote.String(), "err", err)
		return
	}
	srv.Log.Info("connection refused", "remote", c.remote.String(), "reason", reason, "err", err)
}

// meet goes through the greeting, up to where the first frame can be proven.
func (c *newcomer) meet(ctx context.Context) (*session, error) {
	if c.srv.TrustProxy {
		addr, err := readProxy(c.conn)
		if err != nil {
			return nil, err
		}
		if addr != nil {
			c.remote = addr
		}
	}
	err := c.stay.claim(c.remote)
	if err != nil {
		return nil, err
	}
	if c.tls {
		secured := tls.Server(c.conn, c.srv.TLS)
		err := secured.HandshakeContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		c.conn = secured
	}
	for {
		d, answer := detect.First(c.buf[:c.have])
		switch {
		case answer == detect.None:
			return nil, c.odd("dialect-unknown", "no dialect begins so")
		case answer == detect.Yes && d == insole.SOLE:
			return c.meetSOLE(ctx)
		case answer == detect.Yes && d == insole.Teltonika:
			return c.meetTeltonika(ctx)
		case answer == detect.Yes:
			return nil, c.odd("dialect-unspoken", "dialect not spoken: "+string(d))
		}
		err := c.more()
		if err != nil {
			return nil, err
		}
	}
}

// odd keeps what was sent in quarantine, with why, and is the refusal with reason as its label.
func (c *newcomer) odd(reason, why string) error {
	c.srv.keep(nil, c.remote.String(), c.buf[:c.have], why)
	return errRefused(reason)
}

// more reads.
func (c *newcomer) more() error {
	if c.have == len(c.buf) {
		return c.odd("too-long", "greeting without end")
	}
	n, err := c.conn.Read(c.buf[c.have:])
	c.have += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errPeer, err)
}

func (c *newcomer) skip(n int) { c.have = copy(c.buf, c.buf[n:c.have]) }

func (c *newcomer) meetSOLE(ctx context.Context) (*session, error) {
	var f sole.Frame
	for {
		var n int
		var err error
		f, n, err = sole.Split(c.buf[:c.have])
		if err == nil {
			defer c.skip(n)
			break
		}
		if !errors.Is(err, sole.ErrShort) {
			c.conn.Write(sole.AppendReject(nil, sole.RejectFrame))
			return nil, c.odd("frame", err.Error())
		}
		if err := c.more(); err != nil {
			return nil, err
		}
	}
	hello, err := sole.ParseHello(f.Body)
	switch {
	case errors.Is(err, sole.ErrVersion):
		c.conn.Write(sole.AppendReject(nil, sole.RejectVersion))
		return nil, errRefused("version")
	case err != nil || f.Type != sole.TypeHello:
		c.conn.Write(sole.AppendReject(nil, sole.RejectFrame))
		return nil, c.odd("frame", "not a hello")
	}
	a, err := c.who(ctx, hello.Insole(), insole.SOLE)
	if err != nil {
		var no errRefused
		if errors.As(err, &no) {
			c.conn.Write(sole.AppendReject(nil, sole.RejectRefused))
		} else if errors.Is(err, errCannotTell) {
			c.conn.Write(sole.AppendReject(nil, sole.RejectBusy))
		}
		return nil, err
	}
	var challenge sole.Challenge
	rand.Read(challenge.Nonce[:])
	keys, err := sole.NewSession(sole.Server, a.Key, hello, challenge)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused("key"), err)
	}
	_, err = c.conn.Write(sole.AppendChallenge(nil, challenge))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPeer, err)
	}
	return c.srv.session(a, &soleTongue{keys}, c.remote.String()), nil
}

func (c *newcomer) meetTeltonika(ctx context.Context) (*session, error) {
	for {
		f, n, err := teltonika.Split(c.buf[:c.have])
		switch {
		case errors.Is(err, teltonika.ErrShort):
			if err := c.more(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, c.odd("frame", err.Error())
		case f.Type == teltonika.Ping:
			c.skip(n)
			continue
		case f.Type != teltonika.Login:
			return nil, c.odd("frame", "packet before login")
		}
		imei := insole.ID([]byte(f.IMEI))
		c.skip(n)
		a, err := c.who(ctx, imei, insole.Teltonika)
		if err != nil {
			var no errRefused
			if errors.As(err, &no) {
				c.conn.Write(teltonika.AppendLoginReply(nil, false))
			}
			return nil, err
		}
		_, err = c.conn.Write(teltonika.AppendLoginReply(nil, true))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPeer, err)
		}
		return c.srv.session(a, teltonikaTongue{}, c.remote.String()), nil
	}
}

// who asks who id is. The error is an errRefused when the answer is no: unknown, revoked, or of another dialect. While it cannot be told, the
// connection is held without an answer and out of the caps, and the question is asked again, for as long as the insole waits.
func (c *newcomer) who(ctx context.Context, id insole.ID, d insole.Dialect) (*insole.Assignment, error) {
	a, err := c.srv.directory.find(ctx, id)
	if errors.Is(err, errCannotTell) {
		c.srv.Log.Warn("insole held: cannot tell who it is", "insole", id, "err", err)
		a, err = c.hold(ctx, id)
	}
	switch {
	case errors.Is(err, insole.ErrNotFound):
		return nil, errRefused("unknown")
	case err != nil:
		return nil, err
	case a.Revoked:
		return nil, errRefused("revoked")
	case a.Dialect != d:
		return nil, errRefused("other-dialect")
	case d == insole.SOLE && len(a.Key) != 32:
		return nil, errRefused("key")
	}
	return a, nil
}

// hold asks again and again while the other side keeps the connection, at most Idle. What the insole sends meanwhile is kept.
func (c *newcomer) hold(ctx context.Context, id insole.ID) (*insole.Assignment, error) {
	c.stay.end() // a fault of ours must not crowd out others
	c.srv.Metrics.held.Inc()
	defer c.srv.Metrics.held.Dec()
	c.conn.SetDeadline(c.srv.now().Add(c.srv.Idle))
	ctx, cancel := context.WithTimeoutCause(ctx, c.srv.Idle, errCannotTell)
	defer cancel()
	here := make(chan struct{})
	go func() {
		defer close(here)
		for c.have < len(c.buf) {
			n, err := c.conn.Read(c.buf[c.have:])
			c.have += n
			if err != nil {
				if !timedOut(err) {
					cancel()
				}
				return
			}
		}
	}()
	defer func() {
		c.conn.SetReadDeadline(past)
		<-here
		c.by = c.srv.now().Add(c.srv.AuthTimeout)
		c.conn.SetDeadline(c.by)
		if ctx.Err() != nil && context.Cause(ctx) != errCannotTell {
			c.conn.SetDeadline(past)
		}
	}()
	for d := 250 * time.Millisecond; ; d = min(2*d, 5*time.Second) {
		if !pause(ctx, d/2+mrand.N(d)) {
			return nil, fmt.Errorf("%w: %w", errPeer, context.Cause(ctx))
		}
		a, err := c.srv.directory.find(ctx, id)
		if !errors.Is(err, errCannotTell) {
			return a, err
		}
	}
}
