package bridge

import (
	"errors"
	"fmt"
	"time"

	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// errShort says that a frame is not complete; errForged, that it is not the insole's.
var (
	errShort  = errors.New("frame not complete")
	errForged = errors.New("frame not proven")
)

// ErrNoDownlink is an order that the insole's language cannot say.
var ErrNoDownlink = errors.New("order not known to this dialect")

// A Downlink is an order to an insole.
type Downlink = sole.Downlink

// A piece is one frame as a tongue cut it from the stream. Its slices point into the buffer.
type piece struct {
	raw    []byte // what the envelope carries; nil when there is nothing to carry
	token  uint32 // what its acknowledgement says
	urgent bool
	bye    bool
	away   bool // of bye: the insole goes away, by its own will
	frame  sole.Frame
}

// A tongue is one connection's language after the greeting. split and prove are called by the reader only, the others under the session's lock.
type tongue interface {
	split(b []byte) (p piece, n int, err error) // errShort, or what is wrong with the frame
	prove(p *piece) error                       // an error ends the connection; nothing of p is believed then
	hello(dst []byte, now time.Time) []byte     // after the first proven frame
	ack(dst []byte, token uint32) []byte
	bye(dst []byte, why sole.ByeReason) []byte
	downlink(dst []byte, d Downlink) ([]byte, error)
	waits() bool // the insole sends nothing more until it is acknowledged, and an acknowledgement does not say of what
}

type soleTongue struct{ s sole.Session }

func (t *soleTongue) split(b []byte) (piece, int, error) {
	f, n, err := sole.Split(b)
	if err != nil {
		if errors.Is(err, sole.ErrShort) {
			return piece{}, 0, errShort
		}
		return piece{}, 0, err
	}
	p := piece{frame: f}
	switch f.Type {
	case sole.TypeData:
		number, ok := sole.Number(f.Body)
		if !ok {
			return piece{}, 0, fmt.Errorf("data without number: %w", sole.ErrMalformed)
		}
		p.raw, p.token, p.urgent = f.Body, uint32(number), sole.Urgent(f.Body)
	case sole.TypeBye:
		why, err := sole.ParseBye(f.Body)
		p.bye, p.away = true, err == nil && why == sole.ByeGoingAway
	}
	return p, n, nil
}

func (t *soleTongue) prove(p *piece) error {
	err := t.s.Open(p.frame)
	if err != nil {
		return fmt.Errorf("%w: %w", errForged, err)
	}
	return nil
}

func (t *soleTongue) hello(dst []byte, now time.Time) []byte    { return t.s.AppendWelcome(dst, now) }
func (t *soleTongue) ack(dst []byte, token uint32) []byte       { return t.s.AppendAck(dst, uint16(token)) }
func (t *soleTongue) bye(dst []byte, why sole.ByeReason) []byte { return t.s.AppendBye(dst, why) }
func (t *soleTongue) waits() bool                               { return false }
func (t *soleTongue) downlink(dst []byte, d Downlink) ([]byte, error) {
	return t.s.AppendDownlink(dst, d), nil
}

// teltonikaTongue proves nothing: its IMEI was on the allow-list, and that is all the language offers.
type teltonikaTongue struct{}

func (teltonikaTongue) split(b []byte) (piece, int, error) {
	f, n, err := teltonika.Split(b)
	if err != nil {
		if errors.Is(err, teltonika.ErrShort) {
			return piece{}, 0, errShort
		}
		return piece{}, 0, err
	}
	switch f.Type {
	case teltonika.Login:
		return piece{}, 0, fmt.Errorf("second login: %w", teltonika.ErrMalformed)
	case teltonika.AVL:
		return piece{raw: f.Raw, token: uint32(f.Count), urgent: teltonika.Urgent(f)}, n, nil
	case teltonika.Answer:
		return piece{raw: f.Raw, token: noAck, urgent: true}, n, nil
	}
	return piece{}, n, nil
}

// noAck is the token of a frame that is carried and not answered.
const noAck = 1<<32 - 1

func (teltonikaTongue) prove(*piece) error                      { return nil }
func (teltonikaTongue) hello(dst []byte, _ time.Time) []byte    { return dst }
func (teltonikaTongue) bye(dst []byte, _ sole.ByeReason) []byte { return dst }
func (teltonikaTongue) waits() bool                             { return true }
func (teltonikaTongue) ack(dst []byte, token uint32) []byte {
	if token == noAck {
		return dst
	}
	return teltonika.AppendAck(dst, int(token))
}

func (teltonikaTongue) downlink(dst []byte, d Downlink) ([]byte, error) {
	if d.Command != sole.AskFix {
		return dst, ErrNoDownlink
	}
	return teltonika.AppendCommand(dst, "getgps")
}
