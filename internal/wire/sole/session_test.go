package sole

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"solewatch/internal/insole"
)

// pair makes the two sides of one session, from a key and nonces that never change.
func pair(t testing.TB) (device, server Session) {
	t.Helper()
	h, c := greeting()
	device, err := NewSession(Insole, testKey(), h, c)
	if err != nil {
		t.Fatal(err)
	}
	server, err = NewSession(Server, testKey(), h, c)
	if err != nil {
		t.Fatal(err)
	}
	return device, server
}

func greeting() (Hello, Challenge) {
	h := Hello{ID: [8]byte{0x00, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07}, Boot: 42}
	copy(h.Nonce[:], "\x10\x11\x12\x13\x14\x15\x16\x17")
	var c Challenge
	copy(c.Nonce[:], "\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29\x2a\x2b\x2c\x2d\x2e\x2f")
	return h, c
}

func testKey() []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

// plain is the position frame that insoles send all day: one fix with battery and the time until the next.
func plain() Data {
	at := time.Date(2026, 11, 22, 17, 38, 46, 789e6, time.UTC)
	return Data{Number: 7, Boot: 42, Records: []Record{{
		Seq:     1234567,
		At:      at,
		Kind:    insole.KindFix,
		Fix:     &insole.Fix{Lat: 43.6163442, Lon: 7.0552218, Altitude: 132, Speed: 1.34, Course: 271.5, Accuracy: 6, Satellites: 11, Source: insole.SourceGPS, At: at},
		Battery: &insole.Battery{Percent: 83, Millivolts: 3921},
		Expect:  10 * time.Second,
	}}}
}

func TestPlainPositionIsSmall(t *testing.T) {
	worst := plain()
	r := &worst.Records[0]
	r.Seq = 1<<32 - 1
	r.At = time.Date(2106, 2, 7, 6, 28, 14, 999e6, time.UTC)
	r.Fix.At = r.At.Add(-3 * time.Hour)
	r.Expect = 4 * time.Hour
	for name, d := range map[string]Data{"usual": plain(), "worst": worst} {
		device, _ := pair(t)
		b, err := device.AppendData(nil, d)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s plain position: %d bytes", name, len(b))
		if len(b) > 64 {
			t.Errorf("%s plain position is %d bytes on the wire, want at most 64", name, len(b))
		}
	}
}

func TestMACIsHMAC(t *testing.T) {
	key := [32]byte(testKey())
	m := macs.Get().(*mac)
	for n := range 300 {
		p := bytes.Repeat([]byte{byte(n)}, n)
		ref := hmac.New(sha256.New, key[:])
		ref.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
		ref.Write(p)
		if got, want := m.sum(&key, uint64(n), p), ref.Sum(nil); !bytes.Equal(got, want) {
			t.Fatalf("mac of %d bytes = %x, crypto/hmac says %x", n, got, want)
		}
	}
}

func TestExchange(t *testing.T) {
	device, server := pair(t)
	open := func(who *Session, b []byte) Frame {
		t.Helper()
		f, n, err := Split(b)
		if err != nil || n != len(b) {
			t.Fatalf("Split(%x) = %d, %v", b, n, err)
		}
		err = who.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	b, err := device.AppendData(nil, plain())
	if err != nil {
		t.Fatal(err)
	}
	f := open(&server, b)
	if n, ok := Number(f.Body); f.Type != TypeData || !ok || n != 7 {
		t.Fatalf("server read %v, number %d", f.Type, n)
	}
	now := time.Date(2026, 11, 22, 17, 38, 47, 5e6, time.UTC)
	f = open(&device, server.AppendWelcome(nil, now))
	got, err := ParseWelcome(f.Body)
	if err != nil || !got.Equal(now) {
		t.Errorf("welcome says %v, %v, want %v", got, err, now)
	}
	f = open(&device, server.AppendAck(nil, 7))
	n, err := ParseAck(f.Body)
	if err != nil || n != 7 {
		t.Errorf("ack of %d, %v, want 7", n, err)
	}
}

// What a thief of frames can do with them: nothing.
func TestOpenRefuses(t *testing.T) {
	device, server := pair(t)
	first, second := device.AppendAuth(nil), device.AppendAuth(nil)
	split := func(b []byte) Frame {
		f, _, err := Split(b)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	flipped := bytes.Clone(first)
	flipped[len(flipped)-3] ^= 1
	flipped = binary.BigEndian.AppendUint16(flipped[:len(flipped)-2], crc16(flipped[:len(flipped)-2]))
	ack := server.AppendAck(nil, 1)
	h, c := greeting()
	c.Nonce[0]++
	later, err := NewSession(Server, testKey(), h, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		by   Session
		b    []byte
	}{
		{"last bit of the MAC", server, flipped},
		{"out of order", server, second},
		{"reflected", server, ack},
		{"of another session", later, first},
		{"open type", server, AppendHello(nil, h)},
	} {
		err := tt.by.Open(split(tt.b))
		if !errors.Is(err, ErrMAC) {
			t.Errorf("%s: Open = %v, want %v", tt.name, err, ErrMAC)
		}
		if tt.by.Opened() != 0 {
			t.Errorf("%s: counted", tt.name)
		}
	}
	if err := server.Open(split(first)); err != nil {
		t.Fatal(err)
	}
	if err := server.Open(split(first)); !errors.Is(err, ErrMAC) {
		t.Errorf("replayed: Open = %v, want %v", err, ErrMAC)
	}
	if err := server.Open(split(second)); err != nil {
		t.Errorf("the right frame after a refused one: %v", err)
	}
}

func BenchmarkFrame(b *testing.B) {
	device, server := pair(b)
	raw, err := device.AppendData(nil, plain())
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		server.opened = 0 // the same frame again
		f, _, err := Split(raw)
		if err == nil {
			err = server.Open(f)
		}
		if err != nil || Urgent(f.Body) {
			b.Fatal(err)
		}
		n, _ := Number(f.Body)
		out = server.AppendAck(out[:0], n)
	}
}
