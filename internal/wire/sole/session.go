package sole

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// A Side says which end of the connection a Session is.
type Side byte

const (
	Server Side = iota
	Insole
)

const label = "SOLE/1 session keys"

// A Session holds the two keys of one connection and how many authenticated frames went each way. It is small (80 bytes) because
// a bridge holds one for every idle connection. Sending and receiving do not share state: one goroutine may Open while
// another appends, but no two may do the same.
type Session struct {
	send, recv   [32]byte
	sent, opened uint64
}

// NewSession derives the session that follows h and c. key is the insole's own, 32 bytes; the error is ErrKey when it is not.
func NewSession(side Side, key []byte, h Hello, c Challenge) (Session, error) {
	if len(key) != 32 {
		return Session{}, ErrKey
	}
	salt := append(append(make([]byte, 0, 24), c.Nonce[:]...), h.Nonce[:]...)
	prk, err := hkdf.Extract(sha256.New, key, salt)
	if err != nil {
		return Session{}, fmt.Errorf("deriving session keys: %w", err)
	}
	info := c.appendBody(h.appendBody([]byte(label)))
	keys, err := hkdf.Expand(sha256.New, prk, string(info), 64)
	if err != nil {
		return Session{}, fmt.Errorf("deriving session keys: %w", err)
	}
	up, down := [32]byte(keys[:32]), [32]byte(keys[32:])
	if side == Server {
		return Session{send: down, recv: up}, nil
	}
	return Session{send: up, recv: down}, nil
}

// Open says whether f is the next frame of the other side, and counts it. The error wraps ErrMAC, also for a type that
// carries no MAC; nothing of f may be believed then, and the connection must end. Open does not allocate.
func (s *Session) Open(f Frame) error {
	if !f.Type.Authenticated() || len(f.Raw) != headerLen+len(f.Body)+macLen+crcLen {
		return fmt.Errorf("%s has none: %w", f.Type, ErrMAC)
	}
	signed := f.Raw[:headerLen+len(f.Body)]
	m := macs.Get().(*mac)
	sum := m.sum(&s.recv, s.opened, signed)
	equal := subtle.ConstantTimeCompare(sum[:macLen], f.Raw[len(signed):len(signed)+macLen])
	macs.Put(m)
	if equal != 1 {
		return fmt.Errorf("%s, number %d of this session: %w", f.Type, s.opened, ErrMAC)
	}
	s.opened++
	return nil
}

// Opened says how many frames of the other side were proven: 0 means that the other side has proven nothing yet.
func (s *Session) Opened() uint64 { return s.opened }

// Seal appends a frame of an authenticated type with the given body. The error is ErrTooLong, or ErrMAC for a type
// without MAC; nothing is appended then.
func (s *Session) Seal(dst []byte, t Type, body []byte) ([]byte, error) {
	if !t.Authenticated() {
		return dst, fmt.Errorf("%s has none: %w", t, ErrMAC)
	}
	if len(body) > MaxBody {
		return dst, fmt.Errorf("body of %d bytes: %w", len(body), ErrTooLong)
	}
	start := len(dst)
	return s.seal(append(begin(dst, t), body...), start), nil
}

// seal ends the frame that starts at dst[start], whose header and body are there.
func (s *Session) seal(dst []byte, start int) []byte {
	binary.BigEndian.PutUint16(dst[start+2:], uint16(len(dst)-start-headerLen))
	m := macs.Get().(*mac)
	dst = append(dst, m.sum(&s.send, s.sent, dst[start:])[:macLen]...)
	macs.Put(m)
	s.sent++
	return binary.BigEndian.AppendUint16(dst, crc16(dst[start:]))
}

// A mac computes HMAC-SHA256 for any key. crypto/hmac cannot be given another key without allocating, and keeping one of
// its states for each direction of each connection would cost more than all else a connection holds; see docs/adr/0002-sole-1.md.
type mac struct {
	h     hash.Hash
	block [sha256.BlockSize]byte
	out   [sha256.Size]byte
}

var macs = sync.Pool{New: func() any { return &mac{h: sha256.New()} }}

// sum is HMAC-SHA256(key, n · p) as RFC 2104 has it. The result is m's, good until m's next use.
func (m *mac) sum(key *[32]byte, n uint64, p []byte) []byte {
	m.pad(key, &inner)
	m.h.Reset()
	m.h.Write(m.block[:])
	binary.BigEndian.PutUint64(m.block[:8], n)
	m.h.Write(m.block[:8])
	m.h.Write(p)
	half := m.h.Sum(m.out[:0])
	m.pad(key, &outer)
	m.h.Reset()
	m.h.Write(m.block[:])
	m.h.Write(half)
	return m.h.Sum(m.out[:0])
}

// inner and outer are the ipad and opad of RFC 2104.
var inner, outer = filled(0x36), filled(0x5c)

func filled(with byte) (b [sha256.BlockSize]byte) {
	for i := range b {
		b[i] = with
	}
	return b
}

func (m *mac) pad(key *[32]byte, with *[sha256.BlockSize]byte) {
	m.block = *with
	subtle.XORBytes(m.block[:len(key)], m.block[:len(key)], key[:])
}
