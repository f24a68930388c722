package bridge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// What is tested here goes through real sockets, once for each kind of link.
var links = []struct {
	name   string
	change func(*Server)
	secure bool
}{
	{"epoll", func(srv *Server) { srv.Goroutines = false }, false},
	{"goroutine", func(*Server) {}, false},
	{"tls", func(srv *Server) { srv.TLS = testTLS() }, true},
}

// onLinks runs f with a bridge behind a real port, for every kind of link.
func onLinks(t *testing.T, change func(*Server), f func(t *testing.T, st *stage, dial func() net.Conn)) {
	for _, l := range links {
		t.Run(l.name, func(t *testing.T) {
			port, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			st := playOn(t, Listener{Listener: port, Secure: l.secure}, func(srv *Server) {
				srv.Linger, srv.LingerWaiting = 20*time.Millisecond, 10*time.Millisecond
				l.change(srv)
				if change != nil {
					change(srv)
				}
			})
			f(t, st, func() net.Conn {
				conn, err := net.Dial("tcp", port.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				if l.secure {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				t.Cleanup(func() { conn.Close() })
				return conn
			})
		})
	}
}

// until waits for ok, which is looked at after every frame that the insole reads.
func (d *device) until(what string, ok func() bool) {
	d.t.Helper()
	for !ok() {
		select {
		case <-d.changed:
		case <-d.done:
			if !ok() {
				d.t.Fatalf("connection over (%v) before %s", d.over, what)
			}
			return
		}
	}
}

func testTLS() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"bridge.test"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func TestLinkCarries(t *testing.T) {
	onLinks(t, nil, func(t *testing.T, st *stage, dial func() net.Conn) {
		d := meet(t, dial(), marie, testKey)
		var all []byte
		for n := range 200 {
			kind := insole.KindFix
			if n%20 == 7 {
				kind = insole.KindSOS
			}
			all = append(all, d.frame(n, kind)...)
		}
		for i := 0; i < 300; i++ { // byte by byte, so that every place to cut is tried
			d.write(all[i : i+1])
		}
		d.write(all[300:])
		d.until("200 acknowledgements", func() bool { return len(d.acks()) == 200 })
		got := append(st.urgent.numbers(t, marie), st.track.numbers(t, marie)...)
		slices.Sort(got)
		for n := range 200 {
			if got[n] != n || d.acks()[n] != n {
				t.Fatalf("kept %v, acknowledged %v", got, d.acks())
			}
		}
		if n := len(st.urgent.numbers(t, marie)); n != 10 {
			t.Errorf("%d frames in the urgent lane, want 10", n)
		}
		err := st.Downlink(marie, Downlink{ID: 9, Command: sole.Evacuate})
		if err != nil {
			t.Error(err)
		}
		d.until("the order", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.orders) == 1 })
		d.write(d.s.AppendBye(nil, sole.ByeGoingAway))
		<-d.done
		if err := st.Downlink(marie, Downlink{}); !errors.Is(err, insole.ErrNotFound) {
			t.Errorf("downlink to nobody: %v", err)
		}
	})
}

func TestLinkBackPressure(t *testing.T) {
	var gate sync.WaitGroup
	onLinks(t, func(srv *Server) { srv.MemoryBytes = 256 << 10 }, func(t *testing.T, st *stage, dial func() net.Conn) {
		gate = sync.WaitGroup{}
		gate.Add(1)
		open := sync.OnceFunc(gate.Done)
		defer open()
		st.track.do = func(_ int, bodies []string) []error { gate.Wait(); return make([]error, len(bodies)) }
		const each, insoles = 4000, 4
		var ds []*device
		var writers sync.WaitGroup
		for i := range insoles {
			id := insole.ID(fmt.Sprintf("%016x", i+1))
			st.table.put(id, insole.Assignment{Org: "acme", Dialect: insole.SOLE, Key: testKey})
			d := meet(t, dial(), id, testKey)
			ds = append(ds, d)
			writers.Go(func() {
				for n := range each {
					d.report(n, insole.KindFix)
				}
			})
		}
		stalled := func() bool { return count(st.Metrics.stalls) >= insoles }
		eventually(t, "stalled connections", stalled)
		if held := st.budget.held(); held > 256<<10 {
			t.Errorf("%d bytes held, the bound is %d", held, 256<<10)
		}
		p := meet(t, dial(), paul, testKey)
		p.report(1, insole.KindSOS)
		p.until("the SOS to be acknowledged while positions are stalled", func() bool { return len(p.acks()) == 1 })
		open()
		writers.Wait()
		for _, d := range ds {
			d.until("all to be acknowledged", func() bool { return len(d.acks()) == each })
		}
		eventually(t, "end of what is held", func() bool { return st.budget.held() == 0 && st.inflight.Load() == 0 })
	})
}

// A backlog of long frames, more than a connection's allowance and with no room for it, does not hold up the SOS that was sent behind it.
func TestHelpBehindBacklog(t *testing.T) {
	onLinks(t, func(srv *Server) { srv.MemoryBytes = 1 }, func(t *testing.T, st *stage, dial func() net.Conn) {
		if t.Name() != "TestHelpBehindBacklog/epoll" {
			return // the others cannot look ahead: docs/adr/0005-bridge.md
		}
		gate := make(chan struct{})
		open := sync.OnceFunc(func() { close(gate) })
		defer open()
		st.track.do = func(_ int, bodies []string) []error { <-gate; return make([]error, len(bodies)) }
		d := meet(t, dial(), marie, testKey)
		long := make([]sole.Record, 20)
		for i := range long {
			long[i] = sole.Record{Seq: uint32(i + 1), Kind: insole.KindFix, At: time.Now(), Fix: &insole.Fix{Lat: 43.6, Lon: 7.05, Source: insole.SourceGPS}}
		}
		var backlog int
		send := func(from, to int) {
			for n := from; n < to; n++ {
				b, err := d.s.AppendData(nil, sole.Data{Number: uint16(n), Boot: 1, Records: long})
				if err != nil {
					t.Fatal(err)
				}
				backlog += len(b)
				d.write(b)
			}
		}
		send(0, 32)
		eventually(t, "stalled connection", func() bool { return count(st.Metrics.stalls) > 0 })
		d.report(100, insole.KindSOS)
		send(101, 110)
		d.until("the SOS to be acknowledged", func() bool { return len(d.acks()) > 0 })
		if !slices.Equal(d.acks(), []int{100}) || backlog < 2*allowance {
			t.Errorf("behind %d bytes: acknowledged %v", backlog, d.acks())
		}
		open()
		d.until("all to be acknowledged", func() bool { return len(d.acks()) == 42 })
		eventually(t, "end of what is held", func() bool { return st.budget.held() == 0 && st.inflight.Load() == 0 })
	})
}

// eventually polls, because what happens in the kernel's sockets tells nobody.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(15 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("no %s in 15 s", what)
		}
	}
}

// An insole that never reads cannot hold up others, and loses its connection.
func TestLinkPeerDoesNotRead(t *testing.T) {
	onLinks(t, func(srv *Server) { srv.WriteTimeout = time.Second }, func(t *testing.T, st *stage, dial func() net.Conn) {
		conn := dial()
		d := meetOnly(t, conn, marie, testKey)
		var n atomic.Int32
		for { // until the bridge ends it
			_, err := conn.Write(d.frame(int(n.Add(1)), insole.KindSOS))
			if timedOut(err) {
				t.Fatal("the connection was never ended")
			}
			if err != nil {
				break
			}
		}
		p := meet(t, dial(), paul, testKey)
		p.report(1, insole.KindSOS)
		p.until("another insole to be acknowledged", func() bool { return len(p.acks()) == 1 })
	})
}

func TestLinkDrain(t *testing.T) {
	onLinks(t, func(srv *Server) { srv.Linger = time.Minute }, func(t *testing.T, st *stage, dial func() net.Conn) {
		d := meet(t, dial(), marie, testKey)
		d.report(1, insole.KindFix)
		d.until("welcome", func() bool { w, _, _ := d.said(); return w })
		st.stop()
		<-d.done
		if _, bye, _ := d.said(); bye != sole.ByeGoingAway || !slices.Equal(d.acks(), []int{1}) {
			t.Errorf("bye %d, acknowledged %v", bye, d.acks())
		}
		<-st.finished
	})
}

func TestTLSVersion(t *testing.T) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	playOn(t, Listener{Listener: port, Secure: true}, func(srv *Server) { srv.TLS = testTLS() })
	_, err = tls.Dial("tcp", port.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestTeltonika(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		st.table.put("352093081452252", insole.Assignment{Org: "acme", Dialect: insole.Teltonika, Revoked: true})
		for _, imei := range []insole.ID{"352093081452299", "352093081452252"} {
			conn := st.dial()
			conn.Write(teltonika.AppendLogin(nil, imei))
			if got := reads(t, conn, 1); got[0] != 0 {
				t.Errorf("login of %s answered %d, want 0", imei, got[0])
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("connection of %s still open", imei)
			}
		}
		conn := st.dial()
		conn.Write([]byte{0xff})
		conn.Write(teltonika.AppendLogin(nil, badge))
		if got := reads(t, conn, 1); got[0] != 1 {
			t.Fatalf("login answered %d, want 1", got[0])
		}
		started := time.Now()
		conn.Write(packet(t, 3, 0))
		if got := binary.BigEndian.Uint32(reads(t, conn, 4)); got != 3 || time.Since(started) > time.Second {
			t.Errorf("three positions answered %d after %s", got, time.Since(started))
		}
		started = time.Now()
		conn.Write(packet(t, 1, teltonika.IOAlarm))
		if got := binary.BigEndian.Uint32(reads(t, conn, 4)); got != 1 || time.Since(started) != 0 {
			t.Errorf("button answered %d after %s", got, time.Since(started))
		}
		if u := st.urgent.frames(t); len(u) != 1 || u[0].Insole != badge || u[0].Worker != "jean" || u[0].Dialect != insole.Teltonika {
			t.Errorf("urgent lane has %+v", u)
		}
		err := st.Downlink(badge, Downlink{Command: sole.Taken})
		if !errors.Is(err, ErrNoDownlink) {
			t.Errorf("an order that the language lacks: %v", err)
		}
		conn.Close()
	})
}

// Teltonika's answer does not say which packet it is for: it may only be said when everything that was sent is kept. Here the first packet's
// queue is away, and the insole, tired of waiting, sends its alarm.
func TestTeltonikaAnswersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		var away atomic.Bool
		away.Store(true)
		st.track.do = func(_ int, bodies []string) []error {
			if away.Load() {
				return all(errAway, len(bodies))
			}
			return make([]error, len(bodies))
		}
		conn := st.dial()
		conn.Write(teltonika.AppendLogin(nil, badge))
		reads(t, conn, 1)
		conn.Write(packet(t, 5, 0))
		time.Sleep(10 * time.Second)
		conn.Write(packet(t, 2, teltonika.IOAlarm))
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, err := conn.Read(make([]byte, 4)); !timedOut(err) {
			t.Fatalf("answered %d bytes (%v) with a packet in flight that nobody keeps", n, err)
		}
		if st.urgent.messages() != 1 {
			t.Error("the alarm did not travel at once")
		}
		away.Store(false)
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if got := binary.BigEndian.Uint32(reads(t, conn, 4)); got != 2 {
			t.Errorf("answered %d, want 2: the count of the newest packet", got)
		}
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, err := conn.Read(make([]byte, 4)); !timedOut(err) {
			t.Errorf("a second answer of %d bytes (%v)", n, err)
		}
		conn.Close()
	})
}

func TestProxyHeader(t *testing.T) {
	head := func(command, family byte, body string) string {
		return proxySignature + string([]byte{command, family, byte(len(body) >> 8), byte(len(body))}) + body
	}
	v4 := "\xc0\x00\x02\x07\x0a\x00\x00\x01\x13\x88\x23\x28"
	v6 := "\x20\x01\x0d\xb8" + string(make([]byte, 28)) + "\x13\x88\x23\x28"
	for _, tt := range []struct {
		name, bytes, want string
		err               error
	}{
		{"tcp4", head(0x21, 0x11, v4), "192.0.2.7:5000", nil},
		{"tcp4 with what AWS adds", head(0x21, 0x11, v4+"\xea\x00\x05\x01vpce"), "192.0.2.7:5000", nil},
		{"tcp6", head(0x21, 0x21, v6), "[2001:db8::]:5000", nil},
		{"health check", head(0x20, 0x00, ""), "<nil>", nil},
		{"udp", head(0x21, 0x12, v4), "<nil>", errProxy},
		{"addresses cut", head(0x21, 0x11, v4[:8]), "<nil>", errProxy},
		{"version 1", "PROXY TCP4 192.0.2.7 10.0.0.1 5000 9000\r\n", "<nil>", errProxy},
		{"an insole", "SL\x00\x15\x01aaaaaaaaaaaaaaaaaaaa", "<nil>", errProxy},
		{"huge", proxySignature + "\x21\x11\xff\xff", "<nil>", errProxy},
		{"cut", head(0x21, 0x11, v4)[:20], "<nil>", io.ErrUnexpectedEOF},
	} {
		r := strings.NewReader(tt.bytes + "rest")
		if errors.Is(tt.err, io.ErrUnexpectedEOF) {
			r = strings.NewReader(tt.bytes)
		}
		got, err := readProxy(r)
		if s := fmt.Sprint(got); !errors.Is(err, tt.err) || s != tt.want {
			t.Errorf("%s: readProxy = %s, %v, want %s, %v", tt.name, s, err, tt.want, tt.err)
		}
		if left, _ := io.ReadAll(r); tt.err == nil && string(left) != "rest" {
			t.Errorf("%s: readProxy left %q, want what the insole says", tt.name, left)
		}
	}
}

// Behind a balancer the caps go by the insole's own address.
func TestProxiedCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, func(srv *Server) { srv.TrustProxy, srv.MaxUnprovenPerAddr = true, 1 })
		from := func(ip byte) net.Conn {
			conn := st.dial()
			conn.Write([]byte(proxySignature + "\x21\x11\x00\x0c\xc0\x00\x02" + string([]byte{ip}) + "\x0a\x00\x00\x01\x13\x88\x23\x28"))
			synctest.Wait()
			return conn
		}
		a, b, c := from(1), from(2), from(1)
		if n := count(st.Metrics.refused.WithLabelValues("address-crowded")); n != 1 {
			t.Errorf("%d refused, want the second of one address", n)
		}
		d := meet(t, b, marie, testKey)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		if !slices.Equal(d.acks(), []int{1}) {
			t.Errorf("acknowledged %v", d.acks())
		}
		d.hangUp()
		a.Close()
		c.Close()
	})
}

// A fault in this program ends one connection.
func TestPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		a, b := net.Pipe()
		st.ln.conns <- &faulty{Conn: b, after: 0}
		a.Read(make([]byte, 1))
		c, e := net.Pipe()
		st.ln.conns <- &faulty{Conn: e, after: 2}
		d := meet(t, c, marie, testKey)
		d.report(1, insole.KindFix)
		<-d.done
		synctest.Wait()
		if n := count(st.Metrics.panics); n != 2 {
			t.Errorf("%d panics counted, want 2", n)
		}
		if all, fresh := st.caps.counts(); all != 0 || fresh != 0 {
			t.Errorf("%d connections, %d unproven counted afterwards", all, fresh)
		}
		p := meet(t, st.dial(), paul, testKey)
		p.report(1, insole.KindSOS)
		synctest.Wait()
		if !slices.Equal(p.acks(), []int{1}) {
			t.Errorf("another insole: acknowledged %v", p.acks())
		}
		p.hangUp()
		a.Close()
		c.Close()
	})
}

// faulty panics when it is read for the nth time.
type faulty struct {
	net.Conn
	after int
}

func (f *faulty) Read(b []byte) (int, error) {
	f.after--
	if f.after < 0 {
		panic("a fault")
	}
	return f.Conn.Read(b)
}

// Accept failing is weather.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
		st := playOn(t, Listener{Listener: &stormy{memory: m, left: 5}}, nil)
		st.ln = m
		started := time.Now()
		d := meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		if !slices.Equal(d.acks(), []int{1}) || time.Since(started) > 5*time.Second {
			t.Errorf("acknowledged %v after %s", d.acks(), time.Since(started))
		}
		d.hangUp()
	})
}

type stormy struct {
	*memory
	left int
}

func (s *stormy) Accept() (net.Conn, error) {
	s.left--
	if s.left >= 0 {
		return nil, errors.New("too many open files")
	}
	return s.memory.Accept()
}
