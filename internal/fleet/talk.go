package fleet

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// Errors of a connection that decide when the insole comes back.
var (
	errRefused = errors.New("refused")                // no such insole, or revoked
	errBusy    = errors.New("come back later")        // the server cannot tell now
	errAway    = errors.New("the server goes away")   // restarts
	errNewer   = errors.New("superseded")             // the same insole has a newer session
	errBroken  = errors.New("the language is broken") // either side's fault
)

// A heard is one thing that the server said.
type heard struct {
	ack   bool
	nack  bool // send again later
	bad   bool // with nack: do not send again
	token uint32
	count int // records acknowledged, in a language that counts them; 0 = all of the frame
	order *sole.Downlink
	reply []byte // to be sent back at once
}

// A talk is one connection in one dialect. open and hear are called by one goroutine, frame by another; frame may be called while hear waits.
type talk interface {
	// open proves who the insole is, with first as its first frames, and returns when the server has accepted it.
	open(c net.Conn, first func() []byte) error
	// hear waits for the next thing said.
	hear() (heard, error)
	// frame appends the frame with these entries. token is what its answer will carry.
	frame(dst []byte, entries []*entry) (out []byte, token uint32, err error)
	// fit says how many of entries, from the first, go into one frame.
	fit(entries []*entry) int
	// window is how many frames may wait for their answer.
	window() int
	// bye appends what is said before hanging up.
	bye(dst []byte) []byte
}

func newTalk(k Key, boot uint32) talk {
	if k.Dialect == insole.Teltonika {
		return &badge{key: k}
	}
	return &native{key: k, boot: boot}
}

// native speaks SOLE/1.
type native struct {
	key    Key
	boot   uint32
	in     *bufio.Reader
	sess   sole.Session
	number uint16
}

func (n *native) open(c net.Conn, first func() []byte) error {
	id, err := sole.ParseID(n.key.Insole)
	if err != nil {
		return err
	}
	h := sole.Hello{ID: id, Boot: n.boot}
	if _, err := rand.Read(h.Nonce[:]); err != nil {
		return fmt.Errorf("nonce: %w", err)
	}
	if _, err := c.Write(sole.AppendHello(nil, h)); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	n.in = bufio.NewReaderSize(c, sole.MaxFrame)
	f, err := n.next()
	if err != nil {
		return err
	}
	switch f.Type {
	case sole.TypeChallenge:
	case sole.TypeReject:
		why, _, err := sole.ParseReject(f.Body)
		if err != nil {
			return err
		}
		if why == sole.RejectRefused {
			return errRefused
		}
		return errBusy
	default:
		return fmt.Errorf("%s instead of a challenge: %w", f.Type, errBroken)
	}
	challenge, err := sole.ParseChallenge(f.Body)
	if err != nil {
		return err
	}
	n.sess, err = sole.NewSession(sole.Insole, n.key.Secret, h, challenge)
	if err != nil {
		return err
	}
	out := first()
	if len(out) == 0 {
		out = n.sess.AppendAuth(nil)
	}
	if _, err := c.Write(out); err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	f, err = n.next()
	if err != nil {
		return err
	}
	if f.Type == sole.TypeReject {
		return errRefused
	}
	if err := n.sess.Open(f); err != nil {
		return err // not our server
	}
	if f.Type == sole.TypeBye {
		return goodbye(f.Body)
	}
	if f.Type != sole.TypeWelcome {
		return fmt.Errorf("%s instead of a welcome: %w", f.Type, errBroken)
	}
	return nil
}

// next reads one frame, good until the next call.
func (n *native) next() (sole.Frame, error) {
	need := 1
	for {
		b, err := n.in.Peek(need)
		if err != nil {
			return sole.Frame{}, fmt.Errorf("reading: %w", err)
		}
		b, _ = n.in.Peek(n.in.Buffered())
		f, size, err := sole.Split(b)
		switch {
		case errors.Is(err, sole.ErrShort):
			need = max(size, len(b)+1)
			continue
		case err != nil:
			return f, err
		}
		_, _ = n.in.Discard(size) // what was peeked can be discarded; the bytes stay where they are until the next read
		return f, nil
	}
}

func (n *native) hear() (heard, error) {
	for {
		f, err := n.next()
		if err != nil {
			return heard{}, err
		}
		if err := n.sess.Open(f); err != nil {
			return heard{}, err
		}
		switch f.Type {
		case sole.TypeAck:
			number, err := sole.ParseAck(f.Body)
			return heard{ack: true, token: uint32(number)}, err
		case sole.TypeNack:
			number, why, err := sole.ParseNack(f.Body)
			return heard{nack: true, bad: why == sole.NackMalformed, token: uint32(number)}, err
		case sole.TypeDownlink:
			d, err := sole.ParseDownlink(f.Body)
			return heard{order: &d}, err
		case sole.TypeBye:
			return heard{}, goodbye(f.Body)
		}
		// A newer server's frame: proven, and nothing to us.
	}
}

func goodbye(body []byte) error {
	why, err := sole.ParseBye(body)
	if err != nil {
		return err
	}
	switch why {
	case sole.ByeNewer:
		return errNewer
	case sole.ByeRevoked:
		return errRefused
	case sole.ByeProtocol:
		return errBroken
	}
	return errAway
}

func (n *native) frame(dst []byte, entries []*entry) ([]byte, uint32, error) {
	n.number++
	out, err := n.sess.AppendData(dst, sole.Data{Number: n.number, Boot: n.boot, Records: records(entries)})
	if err != nil {
		return dst, 0, fmt.Errorf("frame %d: %w", n.number, err)
	}
	return out, uint32(n.number), nil
}

func records(entries []*entry) []sole.Record {
	all := make([]sole.Record, len(entries))
	for i, e := range entries {
		all[i] = e.rec
	}
	return all
}

func (n *native) fit(entries []*entry) int {
	return sole.Fit(n.boot, records(entries[:min(len(entries), 60)]))
}

func (n *native) window() int { return 32 }

func (n *native) bye(dst []byte) []byte { return n.sess.AppendBye(dst, sole.ByeGoingAway) }

// badge speaks Teltonika's Codec 8 Extended.
type badge struct {
	key Key
	in  *bufio.Reader
}

func (b *badge) open(c net.Conn, first func() []byte) error {
	if _, err := c.Write(teltonika.AppendLogin(nil, b.key.Insole)); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	b.in = bufio.NewReaderSize(c, 512)
	answer, err := b.in.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return errBusy // closed without an answer: the server cannot tell
	case err != nil:
		return fmt.Errorf("login: %w", err)
	case answer != 1:
		return errRefused
	}
	if out := first(); len(out) > 0 {
		if _, err := c.Write(out); err != nil {
			return fmt.Errorf("first packet: %w", err)
		}
	}
	return nil
}

func (b *badge) hear() (heard, error) {
	var head [4]byte
	if _, err := io.ReadFull(b.in, head[:]); err != nil {
		return heard{}, fmt.Errorf("reading: %w", err)
	}
	if n := binary.BigEndian.Uint32(head[:]); n != 0 {
		return heard{ack: true, count: int(n)}, nil
	}
	// The preamble of a command. (An answer of no records looks the same so far; then nothing follows, and the packet's time runs out.)
	size, err := b.in.Peek(4)
	if err != nil {
		return heard{}, fmt.Errorf("reading: %w", err)
	}
	length := int(binary.BigEndian.Uint32(size))
	if length > teltonika.MaxData {
		return heard{}, fmt.Errorf("packet of %d bytes: %w", length, errBroken)
	}
	packet := make([]byte, 8+length+4)
	if _, err := io.ReadFull(b.in, packet[4:]); err != nil {
		return heard{}, fmt.Errorf("reading: %w", err)
	}
	if _, err := teltonika.ParseText(packet); err != nil {
		return heard{}, err
	}
	reply, err := teltonika.AppendAnswer(nil, "OK")
	return heard{reply: reply}, err
}

func (b *badge) frame(dst []byte, entries []*entry) ([]byte, uint32, error) {
	all := make([]teltonika.Record, len(entries))
	for i, e := range entries {
		all[i] = avl(&e.rec)
	}
	out, err := teltonika.AppendPacket(dst, teltonika.Codec8E, all)
	if err != nil {
		return dst, 0, err
	}
	return out, 0, nil
}

func (b *badge) fit(entries []*entry) int { return min(len(entries), 25) }

func (b *badge) window() int { return 1 } // it stops and waits

func (b *badge) bye(dst []byte) []byte { return dst }

// avl is r as a badge says it. The same record has the same bytes however often it is sent.
func avl(r *sole.Record) teltonika.Record {
	t := teltonika.Record{Millis: uint64(r.At.UnixMilli()), Priority: teltonika.Low}
	if f := r.Fix; f != nil {
		t.Lat, t.Lon = int32(math.Round(f.Lat*1e7)), int32(math.Round(f.Lon*1e7))
		t.Altitude, t.Course, t.Speed, t.Satellites = int16(f.Altitude), uint16(f.Course), uint16(math.Round(f.Speed*3.6)), byte(f.Satellites)
	}
	moving := byte(0)
	if r.Fix != nil && r.Fix.Speed > 0 {
		moving = 1
	}
	t.IO = append(t.IO, teltonika.IO{ID: teltonika.IOMovement, Value: []byte{moving}}, teltonika.IO{ID: teltonika.IOSignal, Value: []byte{4}})
	if b := r.Battery; b != nil {
		t.IO = append(t.IO, teltonika.IO{ID: teltonika.IOBattery, Value: []byte{byte(b.Percent)}},
			teltonika.IO{ID: teltonika.IOMillivolts, Value: binary.BigEndian.AppendUint16(nil, uint16(b.Millivolts))})
	}
	edge := func(id uint16, value byte, priority byte) {
		t.Event, t.Priority = id, priority
		t.IO = append(t.IO, teltonika.IO{ID: id, Value: []byte{value}})
	}
	switch r.Kind {
	case insole.KindSOS:
		edge(teltonika.IOAlarm, 1, teltonika.Panic)
	case insole.KindFall:
		edge(teltonika.IOManDown, 1, teltonika.Panic)
	case insole.KindUpright:
		edge(teltonika.IOManDown, 0, teltonika.High)
	case insole.KindLowBattery:
		t.Priority = teltonika.High
	}
	return t
}

// name is the permanent name that the server will know rec by.
func (d *device) name(rec *sole.Record) string {
	if d.key.Dialect == insole.SOLE {
		return insole.Report{Boot: rec.Boot, Seq: rec.Seq}.Key()
	}
	packet, err := teltonika.AppendPacket(nil, teltonika.Codec8E, []teltonika.Record{avl(rec)})
	if err == nil {
		var reports []insole.Report
		reports, err = teltonika.Reports(d.key.Insole, packet, time.Time{})
		if err == nil && len(reports) == 1 {
			return reports[0].Key()
		}
	}
	return "unwritable: " + fmt.Sprint(err)
}
