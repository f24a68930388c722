package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// A server is a small bridge that keeps what it acknowledges. Its connections are pipes, so that it runs under virtual time.
type server struct {
	t    *testing.T
	keys map[insole.ID]Key

	mu     sync.Mutex
	kept   map[string]insole.Report // by insole and key: acknowledged
	heard  []string                 // every report heard, in order, again when it comes again
	conns  []net.Conn
	dials  int
	orders []sole.Downlink // given to every insole that connects

	refuse func() bool             // a dial
	reject sole.RejectReason       // 0: none
	answer func(frame int) verdict // of a frame, by its number over all connections; nil: acked at once
	frames int
	jobs   sync.WaitGroup
}

type verdict int

const (
	kept      verdict = iota // and acknowledged
	lostReply                // kept, but the connection breaks before it is said
	lostFrame                // the connection breaks before it is kept
	later                    // NACK 1
	never2                   // NACK 2
	mute                     // neither kept nor answered
)

func newServer(t *testing.T, keys ...Key) *server {
	s := &server{t: t, keys: map[insole.ID]Key{}, kept: map[string]insole.Report{}}
	for _, k := range keys {
		s.keys[k.Insole] = k
	}
	return s
}

func (s *server) dial(context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials++
	if s.refuse != nil && s.refuse() {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	s.conns = append(s.conns, ours)
	s.jobs.Go(func() {
		defer ours.Close()
		in := bufio.NewReaderSize(ours, 8192)
		first, err := in.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 0 {
			s.serveBadge(ours, in)
		} else {
			s.serveNative(ours, in)
		}
	})
	return theirs, nil
}

// cut breaks every connection.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *server) judge() verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames++
	if s.answer == nil {
		return kept
	}
	return s.answer(s.frames)
}

func (s *server) keep(reports []insole.Report, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range reports {
		name := string(r.Insole) + " " + r.Key()
		s.heard = append(s.heard, string(r.Kind))
		if keep {
			r.Raw = bytes.Clone(r.Raw)
			if old, ok := s.kept[name]; ok && old.DeviceAt != r.DeviceAt {
				s.t.Errorf("%s came again as another report", name)
			}
			s.kept[name] = r
		}
	}
}

// kinds counts what was kept.
func (s *server) kinds() map[insole.Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[insole.Kind]int{}
	for _, r := range s.kept {
		n[r.Kind]++
	}
	return n
}

func (s *server) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

func (s *server) serveNative(c net.Conn, in *bufio.Reader) {
	next := func() (sole.Frame, bool) {
		var b []byte
		need := 1
		for {
			for len(b) < need {
				one, err := in.ReadByte()
				if err != nil {
					return sole.Frame{}, false
				}
				b = append(b, one)
			}
			f, n, err := sole.Split(b)
			if errors.Is(err, sole.ErrShort) {
				need = n
				continue
			}
			if err != nil {
				s.t.Errorf("frame: %v", err)
				return f, false
			}
			return f, true
		}
	}
	f, ok := next()
	if !ok || f.Type != sole.TypeHello {
		return
	}
	h, err := sole.ParseHello(f.Body)
	if err != nil {
		s.t.Errorf("hello: %v", err)
		return
	}
	s.mu.Lock()
	key, known := s.keys[h.Insole()]
	reject, orders := s.reject, s.orders
	s.mu.Unlock()
	if !known {
		reject = sole.RejectRefused
	}
	if reject != 0 {
		c.Write(sole.AppendReject(nil, reject))
		return
	}
	ch := sole.Challenge{Nonce: [16]byte{1, 2, 3}}
	sess, err := sole.NewSession(sole.Server, key.Secret, h, ch)
	if err != nil {
		s.t.Errorf("session: %v", err)
		return
	}
	c.Write(sole.AppendChallenge(nil, ch))
	for {
		f, ok := next()
		if !ok {
			return
		}
		if err := sess.Open(f); err != nil {
			s.t.Errorf("insole not proven: %v", err)
			return
		}
		if sess.Opened() == 1 {
			c.Write(sess.AppendWelcome(nil, time.Now()))
			for _, o := range orders {
				c.Write(sess.AppendDownlink(nil, o))
			}
		}
		if f.Type == sole.TypeBye {
			return
		}
		if f.Type != sole.TypeData {
			continue
		}
		number, _ := sole.Number(f.Body)
		reports, err := sole.Reports(h.Insole(), f.Body, time.Now())
		if err != nil {
			s.t.Errorf("data: %v", err)
		}
		v := s.judge()
		s.keep(reports, v == kept || v == lostReply)
		switch v {
		case lostReply, lostFrame:
			return
		case later:
			c.Write(sess.AppendNack(nil, number, sole.NackLater))
		case never2:
			c.Write(sess.AppendNack(nil, number, sole.NackMalformed))
		case kept:
			c.Write(sess.AppendAck(nil, number))
		}
	}
}

func (s *server) serveBadge(c net.Conn, in *bufio.Reader) {
	login := make([]byte, 17)
	if _, err := io.ReadFull(in, login); err != nil {
		return
	}
	f, _, err := teltonika.Split(login)
	_, known := s.keys[f.IMEI]
	if err != nil || !known {
		c.Write(teltonika.AppendLoginReply(nil, false))
		return
	}
	c.Write(teltonika.AppendLoginReply(nil, true))
	s.mu.Lock()
	orders := len(s.orders)
	s.mu.Unlock()
	for range orders {
		command, err := teltonika.AppendCommand(nil, "getgps")
		if err != nil {
			s.t.Error(err)
		}
		c.Write(command)
	}
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(head[4:])+4)
		if _, err := io.ReadFull(in, rest); err != nil {
			return
		}
		packet := append(head, rest...)
		p, _, err := teltonika.Split(packet)
		if err != nil {
			s.t.Errorf("packet: %v", err)
			return
		}
		reports, err := teltonika.Reports(f.IMEI, packet, time.Now())
		if err != nil {
			s.t.Errorf("records: %v", err)
		}
		if p.Type == teltonika.Answer {
			s.keep(reports, true)
			continue
		}
		v := s.judge()
		s.keep(reports, v == kept || v == lostReply)
		switch v {
		case lostReply, lostFrame:
			return
		case later, never2:
			c.Write(teltonika.AppendAck(nil, p.Count+1))
		case kept:
			c.Write(teltonika.AppendAck(nil, p.Count))
		}
	}
}
