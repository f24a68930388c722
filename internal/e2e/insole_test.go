package e2e

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

const patience = 20 * time.Second // for any one thing to happen; a shared machine may be slow, and nothing here measures

// A foot is one connected insole of a test.
type foot struct {
	t       testing.TB
	id      insole.ID
	conn    net.Conn
	buf     []byte
	session sole.Session
	boot    uint32
	seq     uint32
	number  uint16
}

// connectSOLE connects, proves itself and returns once the bridge has welcomed it.
func connectSOLE(t testing.TB, addr string, id insole.ID, key string) *foot {
	t.Helper()
	raw, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	f := &foot{t: t, id: id, conn: dial(t, addr), boot: uint32(time.Now().Unix())}
	h := sole.Hello{Boot: f.boot}
	h.ID, err = sole.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rand.Read(h.Nonce[:]); err != nil {
		t.Fatal(err)
	}
	f.write(sole.AppendHello(nil, h))
	c, err := sole.ParseChallenge(f.read(sole.TypeChallenge, false).Body)
	if err != nil {
		t.Fatal(err)
	}
	f.session, err = sole.NewSession(sole.Insole, raw, h, c)
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.session.AppendAuth(nil))
	f.read(sole.TypeWelcome, true)
	return f
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(3 * patience))
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("the bridge does not answer: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (f *foot) write(b []byte) {
	f.t.Helper()
	f.conn.SetDeadline(time.Now().Add(patience))
	if _, err := f.conn.Write(b); err != nil {
		f.t.Fatalf("%s: %v", f.id, err)
	}
}

// read returns the next frame of type want and leaves out others.
func (f *foot) read(want sole.Type, authenticated bool) sole.Frame {
	f.t.Helper()
	for {
		frame, n, err := sole.Split(f.buf)
		if errors.Is(err, sole.ErrShort) {
			more := make([]byte, 2048)
			f.conn.SetDeadline(time.Now().Add(patience))
			got, err := f.conn.Read(more)
			if err != nil {
				f.t.Fatalf("%s: waiting for %c: %v", f.id, want, err)
			}
			f.buf = append(f.buf, more[:got]...)
			continue
		}
		if err != nil {
			f.t.Fatalf("%s: %v", f.id, err)
		}
		body := append([]byte(nil), frame.Body...)
		if authenticated {
			if err := f.session.Open(frame); err != nil {
				f.t.Fatalf("%s: %c: %v", f.id, frame.Type, err)
			}
		}
		f.buf = f.buf[n:]
		if frame.Type == want {
			frame.Body = body
			return frame
		}
	}
}

// say sends one record and returns its key; it does not wait.
func (f *foot) say(r sole.Record) string {
	f.t.Helper()
	f.seq++
	f.number++
	r.Seq = f.seq
	b, err := f.session.AppendData(nil, sole.Data{Number: f.number, Boot: f.boot, Records: []sole.Record{r}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(b)
	return insole.Report{Boot: f.boot, Seq: r.Seq}.Key()
}

// heard waits until everything said so far is acknowledged.
func (f *foot) heard() {
	f.t.Helper()
	for {
		n, err := sole.ParseAck(f.read(sole.TypeAck, true).Body)
		if err != nil {
			f.t.Fatal(err)
		}
		if n == f.number {
			return
		}
	}
}

func here(lat, lon float64) *insole.Fix {
	return &insole.Fix{Lat: lat, Lon: lon, Accuracy: 6, Satellites: 9, Source: insole.SourceGPS, At: time.Now().UTC()}
}

// sosTeltonika connects as a tracker, presses its alarm button and returns once the bridge has acknowledged it.
func sosTeltonika(t testing.TB, addr string, imei insole.ID) {
	t.Helper()
	c := dial(t, addr)
	if _, err := c.Write(teltonika.AppendLogin(nil, imei)); err != nil {
		t.Fatal(err)
	}
	var one [1]byte
	if _, err := c.Read(one[:]); err != nil || one[0] != 1 {
		t.Fatalf("login answered %x, %v", one, err)
	}
	p, err := teltonika.AppendPacket(nil, teltonika.Codec8, []teltonika.Record{{
		Millis: uint64(time.Now().UnixMilli()), Priority: teltonika.Panic, Lat: 436160000, Lon: 70550000, Altitude: 120, Satellites: 11,
		Event: 236, IO: []teltonika.IO{{ID: 236, Value: []byte{1}}, {ID: 113, Value: []byte{77}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(p); err != nil {
		t.Fatal(err)
	}
	var count [4]byte
	if _, err := c.Read(count[:]); err != nil || binary.BigEndian.Uint32(count[:]) != 1 {
		t.Fatalf("packet answered %x, %v", count, err)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(fmt.Errorf("reading: %w", err))
	}
	return b
}
