package sole

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"solewatch/internal/insole"
)

// Version is the only version this package speaks.
const Version = 1

const (
	helloLen     = 1 + 8 + 8 + 4
	challengeLen = 1 + 16
)

// A Hello opens a session; the insole sends it.
type Hello struct {
	ID    [8]byte
	Nonce [8]byte // fresh for every connection
	Boot  uint32  // goes up by at least one whenever the insole starts; with a record's sequence its permanent name
	Extra []byte  // of a newer version; nil otherwise
}

// Insole is the name of the insole in the rest of the system.
func (h Hello) Insole() insole.ID { return insole.ID(hex.EncodeToString(h.ID[:])) }

// ParseID is the inverse of Hello.Insole. The error wraps insole.ErrInvalid.
func ParseID(id insole.ID) (b [8]byte, err error) {
	if len(id) != 16 {
		return b, fmt.Errorf("insole id %q is not 16 hexadecimal digits: %w", id, insole.ErrInvalid)
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return b, fmt.Errorf("insole id %q is not lower-case hexadecimal: %w", id, insole.ErrInvalid)
		}
	}
	_, err = hex.Decode(b[:], []byte(id))
	return b, err
}

func (h Hello) appendBody(dst []byte) []byte {
	dst = append(dst, Version)
	dst = append(dst, h.ID[:]...)
	dst = append(dst, h.Nonce[:]...)
	dst = binary.BigEndian.AppendUint32(dst, h.Boot)
	return append(dst, h.Extra...)
}

// AppendHello appends the frame that opens a session.
func AppendHello(dst []byte, h Hello) []byte {
	start := len(dst)
	return finish(h.appendBody(begin(dst, TypeHello)), start)
}

// ParseHello reads the body of a HELLO. The error wraps ErrVersion (answer with RejectVersion) or ErrMalformed.
func ParseHello(body []byte) (Hello, error) {
	var h Hello
	if len(body) > 0 && body[0] != Version {
		return h, fmt.Errorf("hello of version %d: %w", body[0], ErrVersion)
	}
	if len(body) < helloLen {
		return h, fmt.Errorf("hello of %d bytes: %w", len(body), ErrMalformed)
	}
	copy(h.ID[:], body[1:])
	copy(h.Nonce[:], body[9:])
	h.Boot = binary.BigEndian.Uint32(body[17:])
	if len(body) > helloLen {
		h.Extra = body[helloLen:]
	}
	return h, nil
}

// A Challenge is the server's answer to a Hello.
type Challenge struct {
	Nonce [16]byte // fresh for every connection, from a cryptographic source
	Extra []byte   // of a newer version; nil otherwise
}

func (c Challenge) appendBody(dst []byte) []byte {
	dst = append(dst, Version)
	dst = append(dst, c.Nonce[:]...)
	return append(dst, c.Extra...)
}

// AppendChallenge appends the answer to a HELLO.
func AppendChallenge(dst []byte, c Challenge) []byte {
	start := len(dst)
	return finish(c.appendBody(begin(dst, TypeChallenge)), start)
}

// ParseChallenge reads the body of a CHALLENGE. The error wraps ErrVersion or ErrMalformed.
func ParseChallenge(body []byte) (Challenge, error) {
	var c Challenge
	if len(body) > 0 && body[0] != Version {
		return c, fmt.Errorf("challenge of version %d: %w", body[0], ErrVersion)
	}
	if len(body) < challengeLen {
		return c, fmt.Errorf("challenge of %d bytes: %w", len(body), ErrMalformed)
	}
	copy(c.Nonce[:], body[1:])
	if len(body) > challengeLen {
		c.Extra = body[challengeLen:]
	}
	return c, nil
}

// A RejectReason says why there will be no session.
type RejectReason byte

const (
	RejectVersion RejectReason = 1 // speak the version named, or a lower one
	RejectRefused RejectReason = 2 // no such insole, or revoked: not said which
	RejectBusy    RejectReason = 3 // the server cannot tell now; come back
	RejectFrame   RejectReason = 4 // what was sent is not SOLE/1
)

// AppendReject appends the open frame that ends a connection before there is a session. Nobody can prove who sent it, so an insole
// only ever takes it as advice: it keeps all it has and tries again.
func AppendReject(dst []byte, why RejectReason) []byte {
	start := len(dst)
	return finish(append(begin(dst, TypeReject), byte(why), Version), start)
}

// ParseReject reads the body of a REJECT and the highest version the server speaks. The error wraps ErrMalformed.
func ParseReject(body []byte) (why RejectReason, version int, err error) {
	if len(body) < 2 {
		return 0, 0, fmt.Errorf("reject of %d bytes: %w", len(body), ErrMalformed)
	}
	return RejectReason(body[0]), int(body[1]), nil
}
