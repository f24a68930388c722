package teltonika

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"solewatch/internal/insole"
)

// Priorities of a record.
const (
	Low   = 0
	High  = 1
	Panic = 2
)

// I/O ids that this package gives a meaning.
const (
	IOSignal     = 21  // 1 to 5
	IOMillivolts = 67  // of the battery
	IOGNSS       = 69  // state of the receiver
	IOBattery    = 113 // percent
	IOPDOP       = 181 // × 0.1
	IOHDOP       = 182 // × 0.1
	IOSleep      = 200
	IOAlarm      = 236 // the alarm button
	IOMovement   = 240
	IOManDown    = 242 // 1 fallen, 0 upright again
)

// A Record is one record of an AVL packet, in the language's own units.
type Record struct {
	Millis     uint64 // since 1970
	Priority   byte
	Lon, Lat   int32 // 1e-7°
	Altitude   int16 // metres
	Course     uint16
	Satellites byte   // 0 = no fix: the place is an old one
	Speed      uint16 // km/h
	Event      uint16 // id of what made the record; 0 when time or distance did
	Generation byte   // codec 16 only
	IO         []IO
	Raw        []byte // when read; points into the packet
}

// An IO is one value of a record. Codecs 8 and 16 can carry values of 1, 2, 4 and 8 bytes, 8E of any length.
type IO struct {
	ID    uint16
	Value []byte
}

// Get is the unsigned value of id in r; ok is false when r does not have it, or has it in more than 8 bytes.
func (r *Record) Get(id uint16) (v uint64, ok bool) {
	for _, io := range r.IO {
		if io.ID == id && len(io.Value) <= 8 {
			for _, b := range io.Value {
				v = v<<8 | uint64(b)
			}
			return v, true
		}
	}
	return 0, false
}

const recordHead = 8 + 1 + 4 + 4 + 2 + 2 + 1 + 2

var groups = [4]int{1, 2, 4, 8}

// next takes the first record from data, of the given codec. With keep it is decoded into r; otherwise only r.Priority, r.Event
// and r.Raw are set, and nothing is allocated. The error wraps ErrMalformed.
func (r *Record) next(codec byte, data []byte, keep bool) (rest []byte, err error) {
	idLen, countLen := 1, 1
	switch codec {
	case Codec8E:
		idLen, countLen = 2, 2
	case Codec16:
		idLen = 2
	}
	in := reader{p: data}
	head := in.bytes(recordHead)
	if head == nil {
		return nil, fmt.Errorf("record of %d bytes: %w", len(data), ErrMalformed)
	}
	r.Priority = head[8]
	if keep {
		r.Millis = binary.BigEndian.Uint64(head)
		r.Lon = int32(binary.BigEndian.Uint32(head[9:]))
		r.Lat = int32(binary.BigEndian.Uint32(head[13:]))
		r.Altitude = int16(binary.BigEndian.Uint16(head[17:]))
		r.Course = binary.BigEndian.Uint16(head[19:])
		r.Satellites = head[21]
		r.Speed = binary.BigEndian.Uint16(head[22:])
	}
	r.Event = in.number(idLen)
	if codec == Codec16 {
		r.Generation = byte(in.number(1))
	}
	in.number(countLen) // total: the groups say it again
	for _, size := range groups {
		for range in.number(countLen) {
			id, value := in.number(idLen), in.bytes(size)
			if value == nil {
				return nil, fmt.Errorf("values of %d bytes are cut: %w", size, ErrMalformed)
			}
			if keep {
				r.IO = append(r.IO, IO{id, value})
			}
		}
	}
	if codec == Codec8E {
		for range in.number(2) {
			id := in.number(2)
			value := in.bytes(int(in.number(2)))
			if value == nil {
				return nil, fmt.Errorf("values of own length are cut: %w", ErrMalformed)
			}
			if keep {
				r.IO = append(r.IO, IO{id, value})
			}
		}
	}
	if in.cut {
		return nil, fmt.Errorf("record is cut: %w", ErrMalformed)
	}
	r.Raw = data[: len(data)-len(in.p) : len(data)-len(in.p)]
	return in.p, nil
}

// Records reads the records of an AVL packet, as Split returned it in Frame.Raw.
//
// There may be both records and an error, which wraps ErrMalformed: the records before the first one that cannot be read, and
// that one as well as far as it goes when it is a call for help.
func Records(packet []byte) ([]Record, error) {
	f, n, err := Split(packet)
	switch {
	case err != nil:
		return nil, err
	case f.Type != AVL || n != len(packet):
		return nil, fmt.Errorf("not one packet of records: %w", ErrMalformed)
	}
	rest := packet[10 : len(packet)-5]
	records := make([]Record, 0, min(f.Count, len(rest)/recordHead))
	for i := range f.Count {
		var r Record
		left := rest
		rest, err = r.next(f.Codec, left, true)
		if err != nil {
			if r.urgent() {
				r.Raw = left
				records = append(records, r)
			}
			return records, fmt.Errorf("record %d of %d: %w", i+1, f.Count, err)
		}
		records = append(records, r)
	}
	if len(rest) > 0 {
		return records, fmt.Errorf("%d bytes after the last record: %w", len(rest), ErrMalformed)
	}
	return records, nil
}

func (r *Record) urgent() bool {
	return r.Priority >= Panic || r.Event == IOAlarm || r.Event == IOManDown
}

// Urgent says whether a frame that Split returned must travel in the urgent lane: one of its records is a panic, an alarm button or a
// man-down edge, or its records cannot be followed, or it is the answer to a command. It does not allocate unless the records cannot be followed.
func Urgent(f Frame) bool {
	switch f.Type {
	case Answer:
		return true
	case Ping, Login:
		return false
	}
	rest := f.Raw[10 : len(f.Raw)-5]
	for range f.Count {
		var r Record
		var err error
		rest, err = r.next(f.Codec, rest, false)
		if err != nil || r.urgent() {
			return true
		}
	}
	return len(rest) > 0
}

// AppendPacket appends an AVL packet of Codec8, Codec8E or Codec16. The error wraps insole.ErrInvalid for what the codec cannot
// carry, or ErrTooLong; nothing is appended then.
func AppendPacket(dst []byte, codec byte, records []Record) ([]byte, error) {
	if codec != Codec8 && codec != Codec8E && codec != Codec16 {
		return dst, fmt.Errorf("codec %02x has no records: %w", codec, insole.ErrInvalid)
	}
	if len(records) > math.MaxUint8 {
		return dst, fmt.Errorf("%d records: %w", len(records), ErrTooLong)
	}
	start := len(dst)
	out := append(dst, 0, 0, 0, 0, 0, 0, 0, 0, codec, byte(len(records)))
	for i := range records {
		var err error
		out, err = records[i].append(out, codec)
		if err != nil {
			return dst, fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
		}
		if len(out)-start-8+1 > MaxData {
			return dst, fmt.Errorf("%d of %d records: %w", i+1, len(records), ErrTooLong)
		}
	}
	return seal(append(out, byte(len(records))), start), nil
}

func (r *Record) append(dst []byte, codec byte) ([]byte, error) {
	idMax, countMax := math.MaxUint8, math.MaxUint8
	switch codec {
	case Codec8E:
		idMax, countMax = math.MaxUint16, math.MaxUint16
	case Codec16:
		idMax = math.MaxUint16
	}
	number := func(v, limit int) {
		if limit > math.MaxUint8 {
			dst = append(dst, byte(v>>8))
		}
		dst = append(dst, byte(v))
	}
	var count [5]int
	for _, io := range r.IO {
		g := group(len(io.Value))
		count[g]++
		if int(io.ID) > idMax || g == 4 && (codec != Codec8E || len(io.Value) > math.MaxUint16) {
			return dst, fmt.Errorf("value %d of %d bytes in codec %02x: %w", io.ID, len(io.Value), codec, insole.ErrInvalid)
		}
	}
	if int(r.Event) > idMax || len(r.IO) > countMax {
		return dst, fmt.Errorf("event %d with %d values in codec %02x: %w", r.Event, len(r.IO), codec, insole.ErrInvalid)
	}
	dst = binary.BigEndian.AppendUint64(dst, r.Millis)
	dst = append(dst, r.Priority)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Lon))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Lat))
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.Altitude))
	dst = binary.BigEndian.AppendUint16(dst, r.Course)
	dst = append(dst, r.Satellites)
	dst = binary.BigEndian.AppendUint16(dst, r.Speed)
	number(int(r.Event), idMax)
	if codec == Codec16 {
		dst = append(dst, r.Generation)
	}
	number(len(r.IO), countMax)
	for g := range count {
		if g == 4 && codec != Codec8E {
			break
		}
		number(count[g], countMax)
		for _, io := range r.IO {
			if group(len(io.Value)) != g {
				continue
			}
			number(int(io.ID), idMax)
			if g == 4 {
				dst = binary.BigEndian.AppendUint16(dst, uint16(len(io.Value)))
			}
			dst = append(dst, io.Value...)
		}
	}
	return dst, nil
}

// group is the place of values of n bytes among the groups of a record.
func group(n int) int {
	for g, size := range groups {
		if n == size {
			return g
		}
	}
	return 4
}

// time is when r was made; zero when r does not say, or says something beyond the year 9999.
func (r *Record) time() time.Time {
	if r.Millis == 0 || r.Millis > latest {
		return time.Time{}
	}
	return time.UnixMilli(int64(r.Millis)).UTC()
}

// latest is the last millisecond that RFC 3339 can write, less one second.
var latest = uint64(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli())

// A reader takes values from the front of p. Once p ends inside a value, cut is set and every value is 0 or nil.
type reader struct {
	p   []byte
	cut bool
}

// bytes never returns nil unless p is cut: of no bytes it returns an empty slice.
func (r *reader) bytes(n int) []byte {
	if r.cut || n > len(r.p) {
		r.cut, r.p = true, nil
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

// number is unsigned, of 1 or 2 bytes.
func (r *reader) number(n int) (v uint16) {
	for _, b := range r.bytes(n) {
		v = v<<8 | uint16(b)
	}
	return v
}
