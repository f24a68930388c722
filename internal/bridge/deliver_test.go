package bridge

import (
	"context"
	"iter"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// A drawer is the table's downlinks.
type drawer struct {
	mu    sync.Mutex
	all   []insole.Downlink
	asked int
	away  bool
}

func (d *drawer) Downlinks(context.Context) iter.Seq2[insole.Downlink, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	all, away := append([]insole.Downlink(nil), d.all...), d.away
	return func(yield func(insole.Downlink, error) bool) {
		if away {
			yield(insole.Downlink{}, insole.ErrAway)
			return
		}
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func (d *drawer) set(away bool, all ...insole.Downlink) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all, d.away = all, away
}

func (d *drawer) looks() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *device) told() (out []sole.Command) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.orders {
		out = append(out, o.Command)
	}
	return out
}

func wait(d time.Duration) {
	time.Sleep(d) // of the bubble's own clock
	synctest.Wait()
}

// Two bridges see the same downlinks: the one that holds the connection delivers, oldest first, again every ten seconds until it is
// answered, and nothing whose time is over. A bridge without insoles does not ask.
func TestDownlinkIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &drawer{}
		with := func(s *Server) { s.Downlinks = table }
		here, elsewhere := play(t, with), play(t, with)
		wait(10 * time.Second)
		if n := table.looks(); n != 0 {
			t.Errorf("asked %d times for nobody", n)
		}
		m := meet(t, here.dial(), marie, testKey)
		m.report(1, insole.KindStatus)
		p := meet(t, elsewhere.dial(), paul, testKey)
		p.report(1, insole.KindStatus)
		wait(time.Second)

		now := time.Now()
		taken := insole.NewDownlink(marie, "acme", "a", insole.CommandTaken, now.Add(-time.Second))
		over := insole.NewDownlink(marie, "acme", "a", insole.CommandCancelled, now)
		old := insole.NewDownlink(marie, "acme", "a", insole.CommandEvacuate, now.Add(-insole.DownlinkLife))
		table.set(false, over, old, taken)
		wait(2 * time.Second)
		if got := m.told(); len(got) != 2 || got[0] != sole.Taken || got[1] != sole.Cancelled {
			t.Fatalf("told %v, want taken, then cancelled", got)
		}
		wait(7 * time.Second)
		if got := m.told(); len(got) != 2 {
			t.Errorf("told again before ten seconds: %v", got)
		}
		table.set(false, over) // taken is answered
		wait(4 * time.Second)
		if got := m.told(); len(got) != 3 || got[2] != sole.Cancelled {
			t.Errorf("told %v, want cancelled again", got)
		}
		table.set(false)
		wait(time.Minute)
		if got := m.told(); len(got) != 3 {
			t.Errorf("told after its answer: %v", got)
		}
		if got := p.told(); len(got) != 0 {
			t.Errorf("another insole was told %v", got)
		}
		m.hangUp()
		p.hangUp()
	})
}

// The table away costs nothing but time; an insole that comes later, to another bridge, is told there.
func TestDownlinkWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &drawer{}
		with := func(s *Server) { s.Downlinks = table }
		one, two := play(t, with), play(t, with)
		m := meet(t, one.dial(), marie, testKey)
		m.report(1, insole.KindStatus)
		wait(time.Second)
		table.set(true)
		wait(5 * time.Second)
		m.hangUp()
		table.set(false, insole.NewDownlink(marie, "acme", "a", insole.CommandTaken, time.Now()))
		wait(5 * time.Second)
		m = meet(t, two.dial(), marie, testKey)
		m.report(2, insole.KindStatus)
		wait(3 * time.Second)
		if got := m.told(); len(got) != 1 || got[0] != sole.Taken {
			t.Errorf("told %v, want taken", got)
		}
		m.hangUp()
	})
}

// A tracker is asked for a position in its own language, and is not sent what it cannot do.
func TestDownlinkToTracker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &drawer{}
		st := play(t, func(s *Server) { s.Downlinks = table })
		conn := st.dial()
		if _, err := conn.Write(teltonika.AppendLogin(nil, badge)); err != nil {
			t.Fatal(err)
		}
		if got := reads(t, conn, 1); got[0] != 1 {
			t.Fatalf("login answered %x", got)
		}
		now := time.Now()
		table.set(false, insole.NewDownlink(badge, "acme", "a", insole.CommandTaken, now), insole.NewDownlink(badge, "acme", "", insole.CommandAskFix, now.Add(time.Second)))
		got := make(chan []byte)
		go func() { got <- firstBytes(conn) }()
		wait(3 * time.Second)
		if b := <-got; len(b) < 12 || string(b[15:21]) != "getgps" {
			t.Errorf("told %q, want getgps", b)
		}
		conn.Close()
		wait(time.Second)
	})
}

func firstBytes(c net.Conn) []byte {
	b := make([]byte, 128)
	n, err := c.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}
