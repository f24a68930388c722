package teltonika

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"solewatch/internal/insole"
)

// AppendLogin appends the frame that opens a connection. imei must be 15 digits; Split refuses any other.
func AppendLogin(dst []byte, imei insole.ID) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(imei))), imei...)
}

// AppendLoginReply appends the server's answer to a login. After a refusal the server closes.
func AppendLoginReply(dst []byte, accept bool) []byte {
	if accept {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendAck appends the server's answer to an AVL packet: count, the number of its records that are kept for good. The insole forgets the
// packet when that is the number it sent, and sends it again otherwise.
func AppendAck(dst []byte, count int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(count))
}

// Types of a command packet.
const (
	typeCommand = 5
	typeAnswer  = 6
	typeRefusal = 0x11 // of codec 14: the IMEI is another
)

// MaxCommand is the longest text of a command or answer, in bytes.
const MaxCommand = MaxData - 8

// AppendCommand appends a Codec 12 command, for example "getgps". The error wraps ErrTooLong above MaxCommand; nothing is appended then.
func AppendCommand(dst []byte, text string) ([]byte, error) {
	return appendText(dst, typeCommand, text)
}

// AppendAnswer appends the answer of an insole to a Codec 12 command. Errors as of AppendCommand.
func AppendAnswer(dst []byte, text string) ([]byte, error) {
	return appendText(dst, typeAnswer, text)
}

func appendText(dst []byte, kind byte, text string) ([]byte, error) {
	if len(text) > MaxCommand {
		return dst, fmt.Errorf("text of %d bytes: %w", len(text), ErrTooLong)
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, Codec12, 1, kind)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	dst = append(dst, text...)
	return seal(append(dst, 1), start), nil
}

// A Text is a command or the answer to one.
type Text struct {
	Command bool      // server to insole
	Refused bool      // Codec 14: the insole has another IMEI
	Text    string    // as the insole wrote it; not necessarily UTF-8
	At      time.Time // Codec 13; zero otherwise
	IMEI    insole.ID // Codec 14; "" otherwise
}

// ParseText reads a packet of Codec 12, 13 or 14, as Split returned it in Frame.Raw. The error wraps ErrMalformed, or is one of Split's.
func ParseText(packet []byte) (Text, error) {
	f, n, err := Split(packet)
	switch {
	case err != nil:
		return Text{}, err
	case f.Type != Answer || n != len(packet):
		return Text{}, fmt.Errorf("not one command or answer: %w", ErrMalformed)
	}
	data := packet[8 : len(packet)-4] // codec, count, type, u32 length, text, count
	if len(data) < 8 || data[1] != 1 {
		return Text{}, fmt.Errorf("command packet of %d bytes, %d entries: %w", len(data), data[1], ErrMalformed)
	}
	body := data[7 : len(data)-1]
	if size := binary.BigEndian.Uint32(data[3:]); uint64(size) != uint64(len(body)) {
		return Text{}, fmt.Errorf("text of %d bytes in %d: %w", size, len(body), ErrMalformed)
	}
	var t Text
	switch data[2] {
	case typeCommand:
		t.Command = true
	case typeAnswer:
	case typeRefusal:
		t.Refused = true
	default:
		return Text{}, fmt.Errorf("command packet of type %02x: %w", data[2], ErrMalformed)
	}
	switch f.Codec {
	case Codec13:
		if len(body) < 4 {
			return Text{}, fmt.Errorf("no time before the text: %w", ErrMalformed)
		}
		t.At = time.Unix(int64(binary.BigEndian.Uint32(body)), 0).UTC()
		body = body[4:]
	case Codec14:
		if len(body) < 8 {
			return Text{}, fmt.Errorf("no imei before the text: %w", ErrMalformed)
		}
		t.IMEI = insole.ID(hex.EncodeToString(body[:8])[1:])
		body = body[8:]
	}
	t.Text = string(body)
	return t, nil
}
