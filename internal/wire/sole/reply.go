package sole

import (
	"encoding/binary"
	"fmt"
	"time"
)

// AppendAuth appends the frame by which an insole that has nothing to say proves itself.
func (s *Session) AppendAuth(dst []byte) []byte {
	return s.seal(begin(dst, TypeAuth), len(dst))
}

// AppendWelcome appends the server's answer to the first proven frame of a session: the server's time, in milliseconds, UTC.
func (s *Session) AppendWelcome(dst []byte, now time.Time) []byte {
	start := len(dst)
	return s.seal(binary.BigEndian.AppendUint64(begin(dst, TypeWelcome), uint64(now.UnixMilli())), start)
}

// ParseWelcome reads the body of a WELCOME. The error wraps ErrMalformed.
func ParseWelcome(body []byte) (now time.Time, err error) {
	if len(body) < 8 {
		return time.Time{}, fmt.Errorf("welcome of %d bytes: %w", len(body), ErrMalformed)
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(body))).UTC(), nil
}

// AppendAck appends the server's promise that DATA frame number is kept for good. The insole may forget that frame, and no other.
func (s *Session) AppendAck(dst []byte, number uint16) []byte {
	start := len(dst)
	return s.seal(binary.BigEndian.AppendUint16(begin(dst, TypeAck), number), start)
}

// ParseAck reads the body of an ACK. The error wraps ErrMalformed.
func ParseAck(body []byte) (number uint16, err error) {
	if len(body) < 2 {
		return 0, fmt.Errorf("ack of %d bytes: %w", len(body), ErrMalformed)
	}
	return binary.BigEndian.Uint16(body), nil
}

// A NackReason says why a DATA frame was not acknowledged.
type NackReason byte

const (
	NackLater     NackReason = 1 // not kept: send it again after a pause
	NackMalformed NackReason = 2 // not understood; its bytes are kept for people to look at. Do not send it again as it is
)

// AppendNack appends the server's refusal of DATA frame number.
func (s *Session) AppendNack(dst []byte, number uint16, why NackReason) []byte {
	start := len(dst)
	return s.seal(append(binary.BigEndian.AppendUint16(begin(dst, TypeNack), number), byte(why)), start)
}

// ParseNack reads the body of a NACK. The error wraps ErrMalformed.
func ParseNack(body []byte) (number uint16, why NackReason, err error) {
	if len(body) < 3 {
		return 0, 0, fmt.Errorf("nack of %d bytes: %w", len(body), ErrMalformed)
	}
	return binary.BigEndian.Uint16(body), NackReason(body[2]), nil
}

// A ByeReason says why a session ends.
type ByeReason byte

const (
	ByeGoingAway ByeReason = 1 // the server restarts, or the insole switches off; an insole comes back after a random 0-5 s
	ByeNewer     ByeReason = 2 // the same insole has opened a newer session
	ByeIdle      ByeReason = 3 // nothing was heard for too long
	ByeProtocol  ByeReason = 4 // the other side broke the rules of this language
	ByeRevoked   ByeReason = 5 // the insole's key is no longer good
)

// AppendBye appends the last frame of a session. Either side may send it; unacknowledged frames stay unacknowledged.
func (s *Session) AppendBye(dst []byte, why ByeReason) []byte {
	start := len(dst)
	return s.seal(append(begin(dst, TypeBye), byte(why)), start)
}

// ParseBye reads the body of a BYE. The error wraps ErrMalformed.
func ParseBye(body []byte) (ByeReason, error) {
	if len(body) < 1 {
		return 0, fmt.Errorf("bye of %d bytes: %w", len(body), ErrMalformed)
	}
	return ByeReason(body[0]), nil
}

// A Command is what the server asks of an insole.
type Command byte

const (
	Vibrate      Command = 1 // in Downlink.Pattern
	Taken        Command = 2 // a named person has taken charge of the wearer's alarm
	Cancelled    Command = 3 // the alarm is over
	Evacuate     Command = 4 // leave, and answer with a gesture
	AskFix       Command = 5 // send a position now
	SetIntervals Command = 6 // report every Downlink.Moving while moving, every Downlink.Still otherwise
	RollCall     Command = 7 // the wearer is asked whether all is well: answer with a gesture
)

// Patterns of Vibrate.
const (
	PatternShort = 1
	PatternLong  = 2
	PatternAlarm = 3
)

// A Downlink is one order to an insole. The insole answers it with a record of KindAnswer that carries ID, also when it was
// done before: the same ID twice is the same order.
type Downlink struct {
	ID            uint32
	Command       Command
	Pattern       byte          // of Vibrate
	Moving, Still time.Duration // of SetIntervals, whole seconds, 1 s to 65,535 s
	Args          []byte        // of a command this package does not know
}

// AppendDownlink appends an order to the insole. Intervals outside 1 s to 65,535 s are brought to the nearest bound.
func (s *Session) AppendDownlink(dst []byte, d Downlink) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(begin(dst, TypeDownlink), d.ID)
	dst = append(dst, byte(d.Command))
	switch d.Command {
	case Vibrate:
		dst = append(dst, d.Pattern)
	case SetIntervals:
		dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(d.Moving.Seconds(), 1, 0xffff)))
		dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(d.Still.Seconds(), 1, 0xffff)))
	case Taken, Cancelled, Evacuate, AskFix, RollCall:
	default:
		dst = append(dst, d.Args[:min(len(d.Args), MaxBody-5)]...)
	}
	return s.seal(dst, start)
}

// ParseDownlink reads the body of a DOWNLINK. A command this package does not know is no error. The error wraps ErrMalformed.
func ParseDownlink(body []byte) (Downlink, error) {
	if len(body) < 5 {
		return Downlink{}, fmt.Errorf("downlink of %d bytes: %w", len(body), ErrMalformed)
	}
	d := Downlink{ID: binary.BigEndian.Uint32(body), Command: Command(body[4])}
	args := body[5:]
	switch d.Command {
	case Vibrate:
		if len(args) < 1 {
			return Downlink{}, fmt.Errorf("vibrate without pattern: %w", ErrMalformed)
		}
		d.Pattern = args[0]
	case SetIntervals:
		if len(args) < 4 {
			return Downlink{}, fmt.Errorf("intervals of %d bytes: %w", len(args), ErrMalformed)
		}
		d.Moving = time.Duration(binary.BigEndian.Uint16(args)) * time.Second
		d.Still = time.Duration(binary.BigEndian.Uint16(args[2:])) * time.Second
	case Taken, Cancelled, Evacuate, AskFix, RollCall:
	default:
		d.Args = args
	}
	return d, nil
}
