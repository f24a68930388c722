// Package teltonika reads and writes the language of Teltonika's personal trackers and badges: Codec 8, 8 Extended and 16 up,
// Codec 12 down, and the answers of Codec 12, 13 and 14.
//
// It holds no socket and no clock. Integers are big-endian. A connection begins with a login
//
//	00 0F IMEI (15 ASCII digits)          answered with one byte: 01 accepted, 00 refused
//
// and goes on with packets
//
//	00000000 LLLLLLLL CC NN records NN 0000KKKK          answered with u32 NN, the number of records kept
//
//	L     length of CC … NN in bytes, at most 4096
//	CC    codec: 08, 8E, 10 (Codec 16)
//	NN    number of records, the same twice
//	KKKK  CRC-16/IBM (poly 8005 reflected, init 0, check value BB3D) over CC … NN
//
// and single bytes FF, a ping without answer. A record is
//
//	time u64 (ms since 1970) · priority u8 (0 low 1 high 2 panic) · lon i32 · lat i32 (1e-7°) · altitude i16 (m)
//	course u16 (°) · satellites u8 · speed u16 (km/h) · event id · [codec 16: generation u8] · total
//	four groups of count · count × (id, value), values of 1, 2, 4 and 8 bytes
//	[codec 8E: count · count × (id, length u16, value)]
//
//	          event id, ids   total, counts
//	codec 8   u8              u8
//	codec 8E  u16             u16
//	codec 16  u16             u8
//
// A command and its answer are packets of Codec 12, where NN is 1 and the record is type u8 (05 command, 06 answer) · u32 length · text.
// Codec 13 has a u32 time (s) before the text, inside the length; Codec 14 eight bytes of IMEI, and type 11 for a refusal. They are not answered.
//
// Source: docs/protocol.md, section 2; Teltonika's "Data Sending Protocols".
package teltonika

import (
	"encoding/binary"
	"errors"
	"fmt"

	"solewatch/internal/insole"
)

// Codecs of a packet.
const (
	Codec8  = 0x08
	Codec8E = 0x8e
	Codec16 = 0x10
	Codec12 = 0x0c
	Codec13 = 0x0d
	Codec14 = 0x0e
)

// Limits, checked before anything is allocated.
const (
	MaxData  = 4096 // bytes of codec … second count
	MaxFrame = 8 + MaxData + 4

	imeiLen = 15
	ping    = 0xff
)

// What callers act on. After every one of them but ErrShort the connection is of no more use: where the next frame starts is not known.
var (
	ErrShort     = errors.New("frame not complete") // more bytes are needed
	ErrTooLong   = errors.New("packet above 4096 bytes")
	ErrCRC       = errors.New("wrong CRC")
	ErrCount     = errors.New("record counts differ")
	ErrMalformed = errors.New("malformed frame")
	ErrCodec     = errors.New("codec not spoken")
)

// A Type says what a frame is.
type Type byte

const (
	Ping   Type = iota // nothing to answer
	Login              // answer with AppendLoginReply
	AVL                // records: answer with AppendAck
	Answer             // to a command: not answered
)

// A Frame is one frame as it stood on the wire. Its slices point into the buffer given to Split.
type Frame struct {
	Type  Type
	IMEI  insole.ID // of a Login
	Codec byte      // of AVL and Answer
	Count int       // of AVL: the number of records, for the answer
	Raw   []byte    // the whole frame; of an AVL or an Answer, what Reports reads
}

// Split cuts the first frame from b and says how many bytes it took.
//
// The error is ErrShort when b ends inside the frame (n is then the length that b must reach before Split can say more), or wraps ErrTooLong, ErrCRC,
// ErrCount, ErrCodec or ErrMalformed. The records themselves are not looked at.
func Split(b []byte) (f Frame, n int, err error) {
	switch {
	case len(b) == 0:
		return Frame{}, 1, ErrShort
	case b[0] == ping:
		return Frame{Type: Ping, Raw: b[:1:1]}, 1, nil
	case len(b) < 2:
		return Frame{}, 2, ErrShort
	case b[0] != 0 || b[1] != 0:
		return splitLogin(b)
	case len(b) < 8:
		return Frame{}, 8, ErrShort
	case b[2] != 0 || b[3] != 0:
		return Frame{}, 0, fmt.Errorf("preamble %x: %w", b[:4], ErrMalformed)
	}
	size := binary.BigEndian.Uint32(b[4:])
	if size > MaxData {
		return Frame{}, 0, fmt.Errorf("packet of %d bytes: %w", size, ErrTooLong)
	}
	if size < 3 {
		return Frame{}, 0, fmt.Errorf("packet of %d bytes: %w", size, ErrMalformed)
	}
	n = 8 + int(size) + 4
	if len(b) < n {
		return Frame{}, n, ErrShort
	}
	data := b[8 : n-4]
	sum, want := uint32(crc16(data)), binary.BigEndian.Uint32(b[n-4:])
	if sum != want {
		return Frame{}, n, fmt.Errorf("computed %08x, sent %08x: %w", sum, want, ErrCRC)
	}
	if data[1] != data[len(data)-1] {
		return Frame{}, n, fmt.Errorf("%d before, %d after: %w", data[1], data[len(data)-1], ErrCount)
	}
	f = Frame{Codec: data[0], Raw: b[:n:n]}
	switch f.Codec {
	case Codec8, Codec8E, Codec16:
		f.Type, f.Count = AVL, int(data[1])
	case Codec12, Codec13, Codec14:
		f.Type = Answer
	default:
		return Frame{}, n, fmt.Errorf("codec %02x: %w", f.Codec, ErrCodec)
	}
	return f, n, nil
}

func splitLogin(b []byte) (Frame, int, error) {
	if size := binary.BigEndian.Uint16(b); size != imeiLen {
		return Frame{}, 0, fmt.Errorf("login of %d digits: %w", size, ErrMalformed)
	}
	n := 2 + imeiLen
	if len(b) < n {
		return Frame{}, n, ErrShort
	}
	for _, c := range b[2:n] {
		if c < '0' || c > '9' {
			return Frame{}, n, fmt.Errorf("imei %q: %w", b[2:n], ErrMalformed)
		}
	}
	return Frame{Type: Login, IMEI: insole.ID(b[2:n]), Raw: b[:n:n]}, n, nil
}

// seal ends the packet that starts at dst[start] and of which only length and CRC are missing.
func seal(dst []byte, start int) []byte {
	data := dst[start+8:]
	binary.BigEndian.PutUint32(dst[start+4:], uint32(len(data)))
	return binary.BigEndian.AppendUint32(dst, uint32(crc16(data)))
}

var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xa001
			} else {
				c >>= 1
			}
		}
		t[i] = c
	}
	return t
}()

func crc16(p []byte) uint16 {
	var c uint16
	for _, b := range p {
		c = c>>8 ^ crcTable[byte(c)^b]
	}
	return c
}
