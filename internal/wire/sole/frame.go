package sole

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits, all checked before anything is allocated.
const (
	MaxFrame = 1024 // bytes, everything included
	MaxBody  = MaxFrame - headerLen - macLen - crcLen

	headerLen = 4
	macLen    = 8
	crcLen    = 2
	magic     = 'S'
)

// What callers act on. After every one of them but ErrShort and ErrTooMany the connection is of no more use: the counters of the two
// sides, or the place where the next frame starts, can no longer be trusted.
var (
	ErrShort     = errors.New("frame not complete") // more bytes are needed
	ErrMagic     = errors.New("not a SOLE frame")
	ErrTooLong   = errors.New("frame above 1024 bytes")
	ErrCRC       = errors.New("wrong CRC") // noise on the line
	ErrMAC       = errors.New("wrong MAC") // forged, replayed, reordered, reflected, or under another key
	ErrVersion   = errors.New("version not spoken")
	ErrMalformed = errors.New("malformed body")
	ErrKey       = errors.New("key is not 32 bytes")
	ErrTooMany   = errors.New("records do not fit one frame")
)

// A Type says what a frame is.
type Type byte

const (
	TypeHello     Type = 'L'
	TypeChallenge Type = 'C'
	TypeReject    Type = 'R'
	TypeAuth      Type = 'a'
	TypeWelcome   Type = 'w'
	TypeData      Type = 'd'
	TypeAck       Type = 'k'
	TypeNack      Type = 'n'
	TypeDownlink  Type = 'v'
	TypeBye       Type = 'b'
)

// Authenticated says whether frames of this type carry a MAC, known or not.
func (t Type) Authenticated() bool { return t&0x20 != 0 }

// String is the name in the specification.
func (t Type) String() string {
	switch t {
	case TypeHello:
		return "HELLO"
	case TypeChallenge:
		return "CHALLENGE"
	case TypeReject:
		return "REJECT"
	case TypeAuth:
		return "AUTH"
	case TypeWelcome:
		return "WELCOME"
	case TypeData:
		return "DATA"
	case TypeAck:
		return "ACK"
	case TypeNack:
		return "NACK"
	case TypeDownlink:
		return "DOWNLINK"
	case TypeBye:
		return "BYE"
	}
	return fmt.Sprintf("type-%02x", byte(t))
}

// A Frame is one frame as it stood on the wire. Its slices point into the buffer given to Split.
type Frame struct {
	Type Type
	Body []byte
	Raw  []byte // the whole frame, header to CRC
}

// Split cuts the first frame from b and says how many bytes it took.
//
// The error is ErrShort when b ends inside the frame (n is then the length that b must reach before Split can say
// more), or wraps ErrMagic, ErrTooLong or ErrCRC. An authenticated frame is only known to be whole: who sent it is for Session.Open to say.
// Split does not allocate unless it fails.
func Split(b []byte) (f Frame, n int, err error) {
	if len(b) > 0 && b[0] != magic {
		return Frame{}, 0, fmt.Errorf("first byte %02x: %w", b[0], ErrMagic)
	}
	if len(b) < headerLen {
		return Frame{}, headerLen, ErrShort
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	if size > MaxBody {
		return Frame{}, 0, fmt.Errorf("body of %d bytes: %w", size, ErrTooLong)
	}
	n = headerLen + size + crcLen
	if Type(b[1]).Authenticated() {
		n += macLen
	}
	if len(b) < n {
		return Frame{}, n, ErrShort
	}
	sum, want := crc16(b[:n-crcLen]), binary.BigEndian.Uint16(b[n-crcLen:])
	if sum != want {
		return Frame{}, n, fmt.Errorf("%s, computed %04x, sent %04x: %w", Type(b[1]), sum, want, ErrCRC)
	}
	return Frame{Type: Type(b[1]), Body: b[headerLen : headerLen+size : headerLen+size], Raw: b[:n:n]}, n, nil
}

// begin appends the header of a frame of type t; finish or Session.seal fills in its length.
func begin(dst []byte, t Type) []byte { return append(dst, magic, byte(t), 0, 0) }

// finish writes the length of the open frame that starts at dst[start] and appends its CRC.
func finish(dst []byte, start int) []byte {
	binary.BigEndian.PutUint16(dst[start+2:], uint16(len(dst)-start-headerLen))
	return binary.BigEndian.AppendUint16(dst, crc16(dst[start:]))
}

// crcTables are of CRC-16/IBM-3740, also called CCITT-FALSE: crcTables[k][b] is what byte b leaves in the register after k more bytes of zero.
var crcTables = func() (t [8][256]uint16) {
	for i := range t[0] {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[0][i] = c
	}
	for k := 1; k < len(t); k++ {
		for i, c := range t[k-1] {
			t[k][i] = c<<8 ^ t[0][c>>8]
		}
	}
	return t
}()

// crc16 takes eight bytes at a time: one after the other it was a fifth of what a frame costs.
func crc16(p []byte) uint16 {
	c, t := uint16(0xffff), &crcTables
	for ; len(p) >= 8; p = p[8:] {
		c ^= uint16(p[0])<<8 | uint16(p[1])
		c = t[7][c>>8] ^ t[6][c&0xff] ^ t[5][p[2]] ^ t[4][p[3]] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]]
	}
	for _, b := range p {
		c = c<<8 ^ t[0][byte(c>>8)^b]
	}
	return c
}
