package bridge

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/wire/sole"
)

func TestSOSAndPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		d := meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindFix) // proves the session as well
		d.report(2, insole.KindSOS)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{2}) {
			t.Errorf("at once acknowledged: %v, want the SOS alone", got)
		}
		if got := st.urgent.frames(t); len(got) != 1 || got[0].Insole != marie || got[0].Org != "acme" || got[0].Team != "north" ||
			got[0].WorkerName != "Marie D." || got[0].Locale != "fr" || got[0].HeardAtMs == 0 {
			t.Errorf("urgent lane has %+v", got)
		}
		time.Sleep(time.Second) // the leading edge: the first position does not linger
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("after a second acknowledged: %v, want both", got)
		}
		for n := 3; n < 6; n++ {
			d.report(n, insole.KindFix)
			time.Sleep(9 * time.Second)
		}
		synctest.Wait()
		if got := st.track.messages(); got != 1 {
			t.Errorf("positions within the linger made %d messages, want 1", got)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
			t.Errorf("after the linger acknowledged: %v, want all", got)
		}
		if got := st.track.messages(); got != 2 {
			t.Errorf("two flushes made %d messages, want 2", got)
		}
		if welcome, _, _ := d.said(); !welcome {
			t.Error("no welcome")
		}
		d.hangUp()
	})
}

// An insole that works off a backlog is not held up by the linger.
func TestBurstDoesNotLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		d := meet(t, st.dial(), marie, testKey)
		d.report(0, insole.KindFix)
		time.Sleep(2 * time.Second)
		for n := 1; n <= burst; n++ {
			d.report(n, insole.KindFix)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := len(d.acks()); got != burst+1 {
			t.Errorf("acknowledged %d of a burst of %d after two seconds", got-1, burst)
		}
		d.hangUp()
	})
}

// What the queue may do to a batch, and what may be acknowledged after each of its answers. The insole's frames are urgent, three of them wait
// for one call while a first call is under way.
func TestAcknowledgedOnlyWhenKept(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second func(n int) []error // the answer to the call with the three
		kept   int                 // acknowledged right after it
	}{
		{"kept", func(n int) []error { return make([]error, n) }, 3},
		{"refused", func(n int) []error { return all(errAway, n) }, 0},
		{"one entry refused", func(n int) []error { e := make([]error, n); e[1] = errAway; return e }, 2},
		{"reply lost", func(n int) []error { return all(errLostReply, n) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, second := make(chan struct{}), make(chan struct{})
				var st *stage
				st = play(t, func(srv *Server) {
					srv.prepare()
					srv.urgent.workers = 1
				})
				st.urgent.do = func(call int, bodies []string) []error {
					switch call {
					case 1:
						<-first
					case 2:
						if len(bodies) != 3 {
							t.Errorf("second call has %d messages, want the 3 that waited", len(bodies))
						}
						<-second
						return tt.second(len(bodies))
					}
					return make([]error, len(bodies))
				}
				d := meet(t, st.dial(), marie, testKey)
				d.report(0, insole.KindSOS)
				synctest.Wait() // the one worker is busy with it
				for n := 1; n < 4; n++ {
					d.report(n, insole.KindSOS)
				}
				synctest.Wait()
				if got := d.acks(); len(got) != 0 {
					t.Errorf("acknowledged %v before any answer", got)
				}
				close(first)
				synctest.Wait()
				if got := d.acks(); !slices.Equal(got, []int{0}) {
					t.Errorf("acknowledged %v after the answer to the first, want 0 alone", got)
				}
				close(second)
				synctest.Wait()
				if got := len(d.acks()); got != 1+tt.kept {
					t.Errorf("acknowledged %d of three right after the answer, want %d", got-1, tt.kept)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := d.acks(); !slices.Equal(got, []int{0, 1, 2, 3}) {
					t.Errorf("acknowledged in the end: %v, want all, once each", got)
				}
				for n := range 4 {
					if !slices.Contains(st.urgent.numbers(t, marie), n) {
						t.Errorf("frame %d acknowledged and not kept", n)
					}
				}
				d.hangUp()
			})
		})
	}
}

// With the track queue away memory stays bounded and the socket is not read; help goes through all the same, on the same connection and on others.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		st := play(t, func(srv *Server) { srv.MemoryBytes = 64 << 10 })
		st.track.do = func(_ int, bodies []string) []error {
			if away.Load() {
				return all(errAway, len(bodies))
			}
			return make([]error, len(bodies))
		}
		d := meet(t, st.dial(), marie, testKey)
		var written atomic.Int32
		const backlog = 2000
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for n := range backlog {
				d.report(n, insole.KindFix)
				written.Add(1)
			}
		}()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stuck := written.Load()
		if stuck == backlog {
			t.Fatal("a backlog above the memory was read to its end")
		}
		if held := st.budget.held(); held > 64<<10 || st.inflight.Load()*60 > 64<<10+allowance+readSize {
			t.Errorf("held %d bytes and %d frames", held, st.inflight.Load())
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if now := written.Load(); now != stuck {
			t.Errorf("%d more frames read while there is no room", now-stuck)
		}

		p := meet(t, st.dial(), paul, testKey) // another insole, whose backlog fills its own allowance as well
		for n := range 30 {
			p.report(n, insole.KindFix)
		}
		p.report(99, insole.KindSOS)
		synctest.Wait()
		if got := p.acks(); !slices.Equal(got, []int{99}) {
			t.Errorf("with no room for positions an SOS behind thirty of them: acknowledged %v, want it alone", got)
		}

		away.Store(false)
		<-sent
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := len(d.acks()); got != backlog {
			t.Errorf("%d of %d acknowledged after the queue came back", got, backlog)
		}
		if held, n := st.budget.held(), st.inflight.Load(); held != 0 || n != 0 {
			t.Errorf("%d bytes and %d frames still held", held, n)
		}
		if got := len(p.acks()); got != 31 {
			t.Errorf("%d of 31 of the other insole acknowledged", got)
		}
		d.hangUp()
		p.hangUp()
	})
}

// A track queue that says nothing at all holds up its own lane only.
func TestBlockedTrackDoesNotDelayUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		st := play(t, nil)
		st.track.do = func(_ int, bodies []string) []error { <-release; return make([]error, len(bodies)) }
		d := meet(t, st.dial(), marie, testKey)
		for n := range 100 {
			d.report(n, insole.KindFix)
		}
		time.Sleep(time.Minute)
		started := time.Now()
		d.report(100, insole.KindFall)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{100}) || time.Since(started) != 0 {
			t.Errorf("a fall behind a blocked track lane: acknowledged %v after %s", got, time.Since(started))
		}
		close(release)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := len(d.acks()); got != 101 {
			t.Errorf("%d of 101 acknowledged", got)
		}
		d.hangUp()
	})
}

func TestNewestSessionWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		old := meet(t, st.dial(), marie, testKey)
		old.report(1, insole.KindFix)
		time.Sleep(2 * time.Second)
		old.report(2, insole.KindFix) // lingers
		synctest.Wait()
		young := meet(t, st.dial(), marie, testKey)
		synctest.Wait()
		if _, bye, _ := old.said(); bye != 0 {
			t.Error("an unproven session ended a proven one")
		}
		young.report(3, insole.KindSOS)
		<-old.done
		if _, bye, _ := old.said(); bye != sole.ByeNewer {
			t.Errorf("the older session's bye is %d, want %d", bye, sole.ByeNewer)
		}
		if got := old.acks(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("the older session acknowledged %v, want what was in flight as well", got)
		}
		synctest.Wait()
		if got := young.acks(); !slices.Equal(got, []int{3}) {
			t.Errorf("the newer session acknowledged %v", got)
		}
		if n := count(st.Metrics.sessions.WithLabelValues("sole")); n != 1 {
			t.Errorf("%d sessions counted, want 1", n)
		}
		err := st.Downlink(marie, Downlink{ID: 7, Command: sole.Taken})
		synctest.Wait()
		young.mu.Lock()
		if err != nil || len(young.orders) != 1 || young.orders[0].ID != 7 || young.orders[0].Command != sole.Taken {
			t.Errorf("downlink: %v, the insole got %v", err, young.orders)
		}
		young.mu.Unlock()
		old.conn.Close()
		young.hangUp()
	})
}

func TestDrain(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprintf("away=%t", away), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := play(t, nil)
				if away {
					st.track.do = func(_ int, bodies []string) []error { return all(errAway, len(bodies)) }
				}
				d := meet(t, st.dial(), marie, testKey)
				d.report(1, insole.KindFix)
				idle := meet(t, st.dial(), paul, testKey)
				idle.write(idle.s.AppendAuth(nil))
				stranger := st.dial()
				synctest.Wait()
				started := time.Now()
				st.stop()
				<-st.finished
				took := time.Since(started)
				<-d.done
				<-idle.done
				if _, bye, _ := idle.said(); bye != sole.ByeGoingAway {
					t.Errorf("idle insole's bye is %d, want %d", bye, sole.ByeGoingAway)
				}
				if _, bye, _ := d.said(); bye != sole.ByeGoingAway {
					t.Errorf("bye is %d, want %d", bye, sole.ByeGoingAway)
				}
				if _, err := stranger.Read(make([]byte, 1)); err == nil {
					t.Error("unproven connection still open")
				}
				switch got := d.acks(); {
				case away && (len(got) != 0 || took < st.Grace || took > st.Grace+time.Second):
					t.Errorf("with the queue away: acknowledged %v after %s, want none after %s", got, took, st.Grace)
				case !away && (!slices.Equal(got, []int{1}) || took > time.Second):
					t.Errorf("acknowledged %v after %s, want 1 at once", got, took)
				}
			})
		})
	}
}

// The three-valued answer: a table that cannot be asked is never a reason to refuse.
func TestCannotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, func(srv *Server) { srv.MaxUnproven, srv.MaxUnprovenPerAddr = 1, 1 })
		d := meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		d.hangUp()
		st.table.set(true)
		time.Sleep(2 * time.Hour) // long past the time the answer is good for
		again := meet(t, st.dial(), marie, testKey)
		again.report(2, insole.KindSOS)
		synctest.Wait()
		if got := again.acks(); !slices.Equal(got, []int{2}) {
			t.Errorf("known insole with the table away: acknowledged %v, want 2", got)
		}
		again.hangUp()

		met := make(chan *device, 2)
		go func() { met <- meet(t, st.dial(), paul, testKey) }()
		synctest.Wait()
		time.Sleep(time.Second)
		go func() { met <- meet(t, st.dial(), paul, testKey) }() // held connections do not fill the caps
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		select {
		case p := <-met:
			t.Fatalf("an unknown insole with the table away was answered: %v %v", p.rejects, p.over)
		default:
		}
		if n := count(st.Metrics.held); n != 2 {
			t.Errorf("%d connections held, want 2", n)
		}
		st.table.set(false)
		p := <-met
		p.report(3, insole.KindSOS)
		q := <-met
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.acks(); !slices.Equal(got, []int{3}) {
			t.Errorf("held insole acknowledged %v after the table came back, want 3", got)
		}
		p.hangUp()
		q.hangUp()
	})
}

// An insole that gives up while it is held leaves nothing behind.
func TestHeldInsoleLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		st.table.set(true)
		conn := st.dial()
		id, _ := sole.ParseID(marie)
		conn.Write(sole.AppendHello(nil, sole.Hello{ID: id}))
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := count(st.Metrics.held); n != 1 {
			t.Errorf("%d held, want 1", n)
		}
		conn.Close()
		synctest.Wait()
		if all, fresh := st.caps.counts(); all != 0 || fresh != 0 {
			t.Errorf("%d connections, %d unproven after it left", all, fresh)
		}
	})
}

// A table that says nothing holds up a known insole only for a moment.
func TestSilentTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		d := meet(t, st.dial(), marie, testKey)
		d.hangUp()
		st.table.mu.Lock()
		st.table.hang = true
		st.table.mu.Unlock()
		time.Sleep(time.Hour)
		started := time.Now()
		d = meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1}) || time.Since(started) > stalePatience {
			t.Errorf("acknowledged %v after %s", got, time.Since(started))
		}
		d.hangUp()
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		st.table.put("00000000000000aa", insole.Assignment{Org: "acme", Dialect: insole.SOLE, Key: testKey, Revoked: true})
		st.table.put("00000000000000bb", insole.Assignment{Org: "acme", Dialect: insole.Teltonika})
		st.table.put("00000000000000cc", insole.Assignment{Org: "acme", Dialect: insole.SOLE, Key: testKey[:16]})
		for id, reason := range map[insole.ID]string{
			"00000000000000aa": "revoked", "00000000000000bb": "other-dialect", "00000000000000cc": "key", "00000000000000dd": "unknown",
		} {
			conn := st.dial()
			d := meet(t, conn, id, testKey)
			if _, _, rejects := d.said(); !slices.Equal(rejects, []sole.RejectReason{sole.RejectRefused}) {
				t.Errorf("insole %s: %v, want a reject that does not say why", id, rejects)
			}
			synctest.Wait()
			if n := count(st.Metrics.refused.WithLabelValues(reason)); n != 1 {
				t.Errorf("refused for %q: %d, want 1", reason, n)
			}
			conn.Close()
		}
	})
}

// Somebody without the key gets nothing kept and nothing acknowledged, and ends nobody's session.
func TestForged(t *testing.T) {
	wrong := []byte("ffffffffffffffffffffffffffffffff")
	for _, tt := range []struct {
		name string
		send func(d *device)
	}{
		{"wrong key", func(d *device) { d.report(1, insole.KindSOS) }},
		{"bit flipped", func(d *device) {
			d.report(0, insole.KindStatus)
			f, _, _ := sole.Split(d.frame(1, insole.KindSOS))
			f.Body[0] ^= 1
			b, _ := (&sole.Session{}).Seal(nil, sole.TypeData, f.Body) // a good CRC and somebody's MAC
			d.write(b)
		}},
		{"replayed", func(d *device) {
			b := d.frame(1, insole.KindFix)
			d.write(b)
			d.write(b)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := play(t, nil)
				victim := meet(t, st.dial(), marie, testKey)
				victim.write(victim.s.AppendAuth(nil))
				synctest.Wait()
				id, key := paul, testKey
				if tt.name == "wrong key" {
					id, key = marie, wrong
				}
				d := meet(t, st.dial(), id, key)
				tt.send(d)
				<-d.done
				if got := st.urgent.messages(); got != 0 {
					t.Errorf("%d urgent messages kept of a forger", got)
				}
				if got := d.acks(); len(got) != 0 {
					t.Errorf("acknowledged %v", got)
				}
				if n := count(st.Metrics.refused.WithLabelValues("forged")); n != 1 {
					t.Errorf("%d counted as forged, want 1", n)
				}
				victim.report(5, insole.KindSOS)
				synctest.Wait()
				if got := victim.acks(); !slices.Equal(got, []int{5}) {
					t.Errorf("the true insole's session: acknowledged %v, want 5", got)
				}
				d.conn.Close()
				victim.hangUp()
			})
		})
	}
}

// A key that was changed in the table is used after the old one failed, long before its time is over.
func TestRotatedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, func(srv *Server) { srv.KeyTTL = time.Hour })
		meet(t, st.dial(), marie, testKey).hangUp()
		fresh := []byte("abcdefabcdefabcdefabcdefabcdefab")
		st.table.put(marie, insole.Assignment{Org: "acme", Dialect: insole.SOLE, Key: fresh})
		time.Sleep(time.Minute)
		d := meet(t, st.dial(), marie, fresh)
		d.report(1, insole.KindSOS)
		<-d.done // refused: the old key is remembered
		d.conn.Close()
		d = meet(t, st.dial(), marie, fresh)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1}) {
			t.Errorf("second try with the new key: acknowledged %v", got)
		}
		d.hangUp()
	})
}

// A revoked insole loses its session, one that changed its wearer reports for the new one.
func TestReassigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		d := meet(t, st.dial(), marie, testKey)
		d.write(d.s.AppendAuth(nil))
		synctest.Wait()
		a := st.table.who[marie]
		a.Worker, a.Team = "claire", "south"
		st.table.put(marie, a)
		time.Sleep(6 * time.Minute)
		d.report(1, insole.KindSOS)
		synctest.Wait()
		if got := st.urgent.frames(t); len(got) != 1 || got[0].Worker != "claire" || got[0].Team != "south" {
			t.Errorf("reported as %+v", got)
		}
		a.Revoked = true
		st.table.put(marie, a)
		time.Sleep(7 * time.Minute)
		<-d.done
		if _, bye, _ := d.said(); bye != sole.ByeRevoked {
			t.Errorf("bye is %d, want %d", bye, sole.ByeRevoked)
		}
		d.conn.Close()
	})
}

func TestUnknownFramesAreKept(t *testing.T) {
	for _, tt := range []struct {
		name, bytes, why string
	}{
		{"web browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no dialect"},
		{"eview", "\xab\x10\x00\x00", "dialect not spoken: eview"},
		{"sole with a wrong sum", "SL\x00\x01\x01\x00\x00", "wrong CRC"},
		{"teltonika without login", "\xff\x00\x00\x00\x00\x00\x00\x00\x00", "malformed"},
		{"long", "\x00\x0fnot an imei" + strings.Repeat("x", 3000), "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := play(t, nil)
				conn := st.dial()
				go conn.Write([]byte(tt.bytes))
				b := make([]byte, 64)
				for {
					if _, err := conn.Read(b); err != nil {
						break
					}
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				got := st.track.frames(t)
				if len(got) != 1 || !strings.Contains(tt.bytes, string(got[0].Raw)) || len(got[0].Raw) > 1024 || len(got[0].Raw) == 0 ||
					!strings.Contains(got[0].Quarantine, tt.why) || got[0].Remote == "" || got[0].Insole != "" {
					t.Errorf("kept %+v, want %q because of %q", got, tt.bytes, tt.why)
				}
				if held, n := st.budget.held(), st.inflight.Load(); held != 0 || n != 0 {
					t.Errorf("%d bytes, %d frames still held", held, n)
				}
				conn.Close()
			})
		})
	}
	t.Run("in a session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			st := play(t, nil)
			d := meet(t, st.dial(), marie, testKey)
			d.report(1, insole.KindFix)
			d.write([]byte("\x7f noise"))
			<-d.done
			if _, bye, _ := d.said(); bye != sole.ByeProtocol {
				t.Errorf("bye is %d, want %d", bye, sole.ByeProtocol)
			}
			if got := d.acks(); !slices.Equal(got, []int{1}) {
				t.Errorf("acknowledged %v, want the good frame before the noise", got)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			fs := st.track.frames(t)
			odd := slices.IndexFunc(fs, func(f queue.Frame) bool { return f.Quarantine != "" })
			if len(fs) != 2 || odd < 0 || fs[odd].Insole != marie || fs[odd].Org != "acme" || string(fs[odd].Raw) != "\x7f noise" {
				t.Errorf("kept %+v", fs)
			}
			d.conn.Close()
		})
	})
	t.Run("flood", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			st := play(t, nil)
			for range 500 {
				conn := st.dial()
				conn.Write([]byte("?"))
				conn.Read(make([]byte, 1))
				conn.Close()
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			kept, dropped := count(st.Metrics.odd.WithLabelValues("yes")), count(st.Metrics.odd.WithLabelValues("no"))
			if kept+dropped != 500 || kept > 110 || kept < 100 {
				t.Errorf("of 500 strangers' frames in an instant %d kept and %d counted only", kept, dropped)
			}
		})
	})
}

func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, func(srv *Server) { srv.MaxConns, srv.MaxUnproven, srv.MaxUnprovenPerAddr = 4, 3, 2 })
		refused := func(reason string) int { return count(st.Metrics.refused.WithLabelValues(reason)) }
		var conns []net.Conn
		dial := func() net.Conn {
			c := st.dial()
			conns = append(conns, c)
			synctest.Wait()
			return c
		}
		dial()
		dial()
		if dial(); refused("address-crowded") != 1 {
			t.Error("a third unproven connection of one address stays")
		}
		time.Sleep(9 * time.Second)
		conns[0].Write([]byte("S")) // a byte now and then does not buy time
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if n := refused("auth-timeout"); n != 2 {
			t.Errorf("%d connections ended for proving nothing in 10 s, want 2", n)
		}
		// The challenge is no proof.
		d := meet(t, dial(), marie, testKey)
		time.Sleep(11 * time.Second)
		<-d.done
		if n := refused("auth-timeout"); n != 3 {
			t.Errorf("%d connections ended for proving nothing in 10 s, want 3", n)
		}
		// Proven connections leave room for others, up to the limit of all.
		for _, id := range []insole.ID{"0000000000000001", "0000000000000002", "0000000000000003", "0000000000000004"} {
			st.table.put(id, insole.Assignment{Org: "acme", Dialect: insole.SOLE, Key: testKey})
			d := meet(t, dial(), id, testKey)
			d.write(d.s.AppendAuth(nil))
			synctest.Wait()
			if welcome, _, _ := d.said(); !welcome {
				t.Errorf("insole %s: no welcome", id)
			}
		}
		if dial(); refused("full") != 1 {
			t.Error("a fifth connection stays")
		}
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
		if all, fresh := st.caps.counts(); all != 0 || fresh != 0 {
			t.Errorf("%d connections, %d unproven counted when nobody is there", all, fresh)
		}
	})
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		st := play(t, nil)
		st.urgent.do = func(_ int, bodies []string) []error {
			if away.Load() {
				return all(errAway, len(bodies))
			}
			return make([]error, len(bodies))
		}
		d := meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindSOS)
		time.Sleep(time.Hour) // it waits for us
		synctest.Wait()
		if _, bye, _ := d.said(); bye != 0 {
			t.Fatal("an insole that waits for its acknowledgement was called idle")
		}
		away.Store(false)
		time.Sleep(14 * time.Minute)
		synctest.Wait()
		if _, bye, _ := d.said(); bye != 0 || len(d.acks()) != 1 {
			t.Fatalf("bye %d, acknowledged %v before the time is over", bye, d.acks())
		}
		time.Sleep(17 * time.Minute)
		<-d.done
		if _, bye, _ := d.said(); bye != sole.ByeIdle {
			t.Errorf("bye is %d, want %d", bye, sole.ByeIdle)
		}
		d.conn.Close()
	})
}

// Noise from somebody who has not proven to be an insole is kept, but not under its name.
func TestUnprovenNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		conn := st.dial()
		id, err := sole.ParseID(marie)
		if err != nil {
			t.Fatal(err)
		}
		d := &device{t: t, conn: conn, done: make(chan struct{}), changed: make(chan struct{}, 1)}
		d.write(sole.AppendHello(nil, sole.Hello{ID: id, Boot: 1}))
		_, rest, err := readFrame(conn, nil)
		if err != nil {
			t.Fatal(err)
		}
		go d.read(rest)
		d.write([]byte("\x7f noise, a whole frame of it"))
		<-d.done
		time.Sleep(2 * time.Second)
		synctest.Wait()
		fs := st.track.frames(t)
		if len(fs) != 1 || fs[0].Insole != "" || fs[0].Org != "" || !strings.Contains(fs[0].Quarantine, string(marie)) {
			t.Errorf("kept %+v", fs)
		}
		conn.Close()
	})
}

// An insole that says that it goes away is handed on as gone, with the positions that were held; one that was only cut off is not.
func TestByeIsHandedOn(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*device)
		want int
	}{
		{"goes away", func(d *device) { d.write(d.s.AppendBye(nil, sole.ByeGoingAway)) }, 1},
		{"heard nothing", func(d *device) { d.write(d.s.AppendBye(nil, sole.ByeIdle)) }, 0},
		{"cut off", func(d *device) { d.conn.Close() }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := play(t, nil)
				d := meet(t, st.dial(), marie, testKey)
				d.report(1, insole.KindFix)
				d.report(2, insole.KindFix)
				tt.end(d)
				<-d.done
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				byes := 0
				for _, f := range st.track.frames(t) {
					if f.Bye {
						byes++
						if f.Insole != marie || f.Org != "acme" || len(f.Raw) != 0 || f.Quarantine != "" || f.HeardAtMs == 0 {
							t.Errorf("handed on %+v", f)
						}
					}
				}
				if byes != tt.want {
					t.Errorf("%d byes handed on, want %d", byes, tt.want)
				}
				if got := st.track.numbers(t, marie); !slices.Contains(got, 1) || !slices.Contains(got, 2) {
					t.Errorf("kept %v", got)
				}
				if held, n := st.budget.held(), st.inflight.Load(); held != 0 || n != 0 {
					t.Errorf("%d bytes, %d frames still held", held, n)
				}
				d.conn.Close()
			})
		})
	}
}
