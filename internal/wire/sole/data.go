package sole

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"solewatch/internal/insole"
)

const (
	dataLen   = 2 + 4 + 4 + 4 + 1 // of a DATA body before its records
	recordMin = 1 + 2 + 1         // length, kind, flags, sequence

	flagFix     = 0x01
	flagBattery = 0x02
	flagExpect  = 0x04
	flagSteps   = 0x08
	flagPosture = 0x10
	flagBoot    = 0x20
	flagNoClock = 0x40
	flagTail    = 0x80

	tagPreAlarm = 1
	tagAnswer   = 2
)

// A Data is what one DATA frame says.
type Data struct {
	Number  uint16 // of the frame in its session, for the ACK; may be used again once acknowledged
	Boot    uint32 // of every record that gives none itself
	Records []Record
}

// A Record is one thing an insole says. Fields hold what the insoles' language can: times in whole milliseconds, speeds in
// cm/s, and so on; AppendBody brings a value beyond its field's bounds to the nearest one.
type Record struct {
	Boot     uint32    // of a record from before the restart; 0 = Data.Boot when appending, never 0 when read unless that is
	Seq      uint32    // from 1
	At       time.Time // zero when the insole has no clock
	Kind     insole.Kind
	Fix      *insole.Fix // its At is kept as an age in whole seconds before Record.At
	Battery  *insole.Battery
	Expect   time.Duration // whole seconds; 0 = not said
	Steps    uint32        // 0 = not said
	Posture  insole.Posture
	PreAlarm time.Duration // of KindPreAlarm: how long the wearer has, whole seconds up to 65,535
	About    insole.Kind   // of KindPreAlarm
	Downlink uint32        // of KindAnswer
	Result   Result        // of KindAnswer

	Faults []string // what was read and could not be believed: "fix", "battery", "clock", "tail", "sequence"; nil when appending
	Raw    []byte   // the record's own bytes, when read; points into the body

	age time.Duration // of Fix, when read; Fix.At stays zero when the insole has no clock
}

// A Result is how an insole answers a downlink.
type Result byte

const (
	Done        Result = 1 // it was done
	Unsupported Result = 2 // the insole does not know the command
	Confirmed   Result = 3 // the wearer answered by a gesture
	Unable      Result = 4 // it could not be done
)

// AppendData appends a DATA frame. The error wraps ErrTooMany when the records do not fit (see Fit), or insole.ErrInvalid
// for a record that cannot be written at all: sequence 0, or a kind without a code. Nothing is appended then.
func (s *Session) AppendData(dst []byte, d Data) ([]byte, error) {
	start := len(dst)
	out, err := AppendBody(begin(dst, TypeData), d)
	if err != nil {
		return dst, err
	}
	return s.seal(out, start), nil
}

// AppendBody appends the body of a DATA frame. Errors are those of AppendData.
func AppendBody(dst []byte, d Data) ([]byte, error) {
	if len(d.Records) > math.MaxUint8 {
		return dst, fmt.Errorf("%d records: %w", len(d.Records), ErrTooMany)
	}
	seq, base := bases(d)
	out := binary.BigEndian.AppendUint16(dst, d.Number)
	out = binary.BigEndian.AppendUint32(out, d.Boot)
	out = binary.BigEndian.AppendUint32(out, seq)
	out = binary.BigEndian.AppendUint32(out, base)
	out = append(out, byte(len(d.Records)))
	for i := range d.Records {
		var err error
		out, err = appendRecord(out, &d.Records[i], d.Boot, seq, int64(base)*1000)
		if err != nil {
			return dst, err
		}
		if len(out)-len(dst) > MaxBody {
			return dst, fmt.Errorf("%d of %d records: %w", i, len(d.Records), ErrTooMany)
		}
	}
	return out, nil
}

// Fit says how many of records, from the first, go into one frame of the given boot.
func Fit(boot uint32, records []Record) int {
	low, high := 0, min(len(records), math.MaxUint8)
	var scratch [MaxBody]byte
	for low < high {
		middle := (low + high + 1) / 2
		_, err := AppendBody(scratch[:0], Data{Boot: boot, Records: records[:middle]})
		if errors.Is(err, ErrTooMany) {
			high = middle - 1
		} else {
			low = middle
		}
	}
	return low
}

// bases are the lowest sequence of d's own boot, and the second of the earliest time, clamped to 32 bits.
func bases(d Data) (seq, base uint32) {
	var first int64 = math.MaxInt64
	for i := range d.Records {
		r := &d.Records[i]
		if (r.Boot == 0 || r.Boot == d.Boot) && (seq == 0 || r.Seq < seq) {
			seq = r.Seq
		}
		if !r.At.IsZero() {
			first = min(first, r.At.UnixMilli())
		}
	}
	if first == math.MaxInt64 {
		return seq, 0
	}
	return seq, uint32(max(0, min(first/1000, math.MaxUint32)))
}

func appendRecord(dst []byte, r *Record, boot, seq uint32, base int64) ([]byte, error) {
	code, ok := codeOf(r.Kind)
	if !ok {
		return dst, fmt.Errorf("record of kind %q: %w", r.Kind, insole.ErrInvalid)
	}
	if r.Seq == 0 {
		return dst, fmt.Errorf("record without sequence: %w", insole.ErrInvalid)
	}
	start := len(dst)
	dst = append(dst, 0, code, 0)
	var flags byte
	if r.Boot != 0 && r.Boot != boot {
		flags |= flagBoot
		dst = binary.BigEndian.AppendUint32(dst, r.Boot)
		dst = binary.AppendUvarint(dst, uint64(r.Seq))
	} else {
		dst = binary.AppendUvarint(dst, uint64(r.Seq-seq))
	}
	if r.At.IsZero() {
		flags |= flagNoClock
	} else {
		dst = binary.AppendVarint(dst, r.At.UnixMilli()-base)
	}
	if r.Fix != nil {
		flags |= flagFix
		dst = appendFix(dst, r.Fix, r.At)
	}
	if r.Battery != nil {
		flags |= flagBattery
		charge := byte(clamp(float64(r.Battery.Percent), 0, 100))
		if r.Battery.Charging {
			charge |= 0x80
		}
		dst = append(dst, charge)
		dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(float64(r.Battery.Millivolts), 0, 0xffff)))
	}
	if r.Expect > 0 {
		flags |= flagExpect
		dst = binary.AppendUvarint(dst, uint64(clamp(math.Ceil(r.Expect.Seconds()), 0, math.MaxUint32)))
	}
	if r.Steps != 0 {
		flags |= flagSteps
		dst = binary.AppendUvarint(dst, uint64(r.Steps))
	}
	if p := postureCodes[r.Posture]; p != 0 {
		flags |= flagPosture
		dst = append(dst, p)
	}
	if r.PreAlarm != 0 || r.About != "" {
		flags |= flagTail
		about := kindCodes[r.About]
		dst = append(dst, tagPreAlarm, 3)
		dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(r.PreAlarm.Seconds(), 0, 0xffff)))
		dst = append(dst, about)
	}
	if r.Downlink != 0 || r.Result != 0 {
		flags |= flagTail
		dst = append(dst, tagAnswer, 5)
		dst = binary.BigEndian.AppendUint32(dst, r.Downlink)
		dst = append(dst, byte(r.Result))
	}
	dst[start] = byte(len(dst) - start - 1) // at most 77 bytes: every field is bounded
	dst[start+2] = flags
	return dst, nil
}

func appendFix(dst []byte, f *insole.Fix, at time.Time) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(int32(clamp(f.Lat*1e7, -900_000_000, 900_000_000))))
	dst = binary.BigEndian.AppendUint32(dst, uint32(int32(clamp(f.Lon*1e7, -1_800_000_000, 1_800_000_000))))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(clamp(f.Altitude, math.MinInt16, math.MaxInt16))))
	dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(f.Speed*100, 0, 0xffff)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(f.Course*100, 0, 35_999)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(clamp(f.Accuracy, 0, 0xffff)))
	dst = append(dst, byte(clamp(float64(f.Satellites), 0, 0xff)), sourceCodes[f.Source])
	var age float64
	if !f.At.IsZero() && !at.IsZero() {
		age = at.Sub(f.At).Seconds()
	}
	return binary.AppendUvarint(dst, uint64(clamp(age, 0, math.MaxUint32)))
}

// clamp rounds v and brings it between low and high. What is not a number is low or 0, whichever is nearer to 0.
func clamp(v, low, high float64) float64 {
	if math.IsNaN(v) {
		return max(low, 0)
	}
	return max(low, min(high, math.Round(v)))
}

// Number reads the frame number from the body of a DATA frame; ok is false when the body is too short to have one.
func Number(body []byte) (number uint16, ok bool) {
	if len(body) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(body), true
}

// Urgent says whether the body of a DATA frame must travel in the urgent lane. It looks at the kinds only; a body it cannot follow, and
// a kind it does not know, are urgent. It does not allocate.
func Urgent(body []byte) bool {
	if len(body) < dataLen {
		return true
	}
	n, rest := int(body[dataLen-1]), body[dataLen:]
	for range n {
		if len(rest) < recordMin || int(rest[0]) >= len(rest) || !calm(rest[1]) {
			return true
		}
		rest = rest[1+int(rest[0]):]
	}
	return len(rest) > 0
}

// DecodeBody reads the body of a DATA frame.
//
// Records stand alone: one that cannot be read is left out, the others are returned, and the error names what is missing. So there may be both
// records and an error, which then wraps ErrMalformed. An urgent record is never left out: without a sequence it has Boot and Seq 0 and nothing
// but its kind, so that it is named by the hash of its bytes. A value that cannot be true (a latitude of 200°) does not cost its record: it is
// left out and named in Faults.
func DecodeBody(body []byte) (Data, error) {
	if len(body) < dataLen {
		return Data{}, fmt.Errorf("data of %d bytes: %w", len(body), ErrMalformed)
	}
	d := Data{Number: binary.BigEndian.Uint16(body), Boot: binary.BigEndian.Uint32(body[2:])}
	seq, base := binary.BigEndian.Uint32(body[6:]), int64(binary.BigEndian.Uint32(body[10:]))*1000
	n, rest := int(body[14]), body[dataLen:]
	d.Records = make([]Record, 0, min(n, len(rest)/recordMin))
	var faults []error
	for i := range n {
		if len(rest) == 0 || int(rest[0]) >= len(rest) {
			if len(rest) > 1 && !calm(rest[1]) {
				d.Records = append(d.Records, nameless(rest))
			}
			return d, errors.Join(append(faults, fmt.Errorf("record %d of %d is cut: %w", i+1, n, ErrMalformed))...)
		}
		size := 1 + int(rest[0])
		r := Record{Boot: d.Boot, Raw: rest[:size:size]}
		rest = rest[size:]
		err := r.decode(seq, base)
		if err != nil {
			faults = append(faults, fmt.Errorf("record %d of %d: %w", i+1, n, err))
			if len(r.Raw) > 1 && !calm(r.Raw[1]) {
				d.Records = append(d.Records, nameless(r.Raw))
			}
			continue
		}
		d.Records = append(d.Records, r)
	}
	if len(rest) > 0 {
		faults = append(faults, fmt.Errorf("%d bytes after the last record: %w", len(rest), ErrMalformed))
	}
	return d, errors.Join(faults...)
}

// nameless is the urgent record that raw, of at least two bytes, was meant to be.
func nameless(raw []byte) Record {
	return Record{Kind: kindOf(raw[1]), Faults: []string{"sequence"}, Raw: raw}
}

// decode reads r.Raw. Without its sequence a record has no name, so only that is an error; whatever else is cut or silly becomes a fault.
func (r *Record) decode(seq uint32, base int64) error {
	in := reader{p: r.Raw[1:]}
	r.Kind = kindOf(in.byte())
	flags := in.byte()
	if flags&flagBoot != 0 {
		r.Boot = in.uint32()
		seq = 0
	}
	own := in.uvarint(math.MaxUint32)
	if in.cut {
		return fmt.Errorf("%s without sequence: %w", r.Kind, ErrMalformed)
	}
	if own += uint64(seq); own == 0 || own > math.MaxUint32 {
		return fmt.Errorf("%s with sequence %d: %w", r.Kind, own, ErrMalformed)
	}
	r.Seq = uint32(own)
	if flags&flagNoClock == 0 {
		ms := in.varint()
		if !in.cut {
			r.at(base, ms)
		}
	}
	if flags&flagFix != 0 {
		r.fix(&in)
	}
	if flags&flagBattery != 0 {
		b := in.byte()
		mv := in.uint16()
		switch {
		case in.cut:
		case b&0x7f > 100:
			r.Faults = append(r.Faults, "battery")
		default:
			r.Battery = &insole.Battery{Percent: int(b & 0x7f), Millivolts: int(mv), Charging: b&0x80 != 0}
		}
	}
	if flags&flagExpect != 0 {
		r.Expect = time.Duration(in.uvarint(math.MaxUint32)) * time.Second
	}
	if flags&flagSteps != 0 {
		r.Steps = uint32(in.uvarint(math.MaxUint32))
	}
	if flags&flagPosture != 0 {
		r.Posture = postures[in.byte()]
	}
	if flags&flagTail != 0 {
		r.tail(&in)
	}
	if in.cut || len(in.p) > 0 {
		r.Faults = append(r.Faults, "tail")
	}
	return nil
}

// latest is the last millisecond that a report may be dated with: the year 9999, which RFC 3339 can still write.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()

func (r *Record) at(base, ms int64) {
	if ms < -base || ms > latest-base {
		r.Faults = append(r.Faults, "clock")
		return
	}
	r.At = time.UnixMilli(base + ms).UTC()
}

func (r *Record) fix(in *reader) {
	lat, lon := int32(in.uint32()), int32(in.uint32())
	f := insole.Fix{
		Lat:        float64(lat) / 1e7,
		Lon:        float64(lon) / 1e7,
		Altitude:   float64(int16(in.uint16())),
		Speed:      float64(in.uint16()) / 100,
		Course:     float64(in.uint16()) / 100,
		Accuracy:   float64(in.uint16()),
		Satellites: int(in.byte()),
		Source:     sources[in.byte()],
	}
	age := in.uvarint(math.MaxUint32)
	switch {
	case in.cut:
	case lat < -900_000_000, lat > 900_000_000, lon < -1_800_000_000, lon > 1_800_000_000, f.Course >= 360:
		r.Faults = append(r.Faults, "fix")
	default:
		r.age = time.Duration(age) * time.Second
		if !r.At.IsZero() {
			f.At = r.At.Add(-r.age)
		}
		r.Fix = &f
	}
}

func (r *Record) tail(in *reader) {
	for len(in.p) > 0 && !in.cut {
		tag := in.byte()
		value := reader{p: in.bytes(int(in.byte()))}
		switch tag {
		case tagPreAlarm:
			r.PreAlarm = time.Duration(value.uint16()) * time.Second
			if code := value.byte(); code != 0 {
				r.About = kindOf(code)
			}
		case tagAnswer:
			r.Downlink = value.uint32()
			r.Result = Result(value.byte())
		}
		in.cut = in.cut || value.cut
	}
}

// A reader takes values from the front of p. Once p ends inside a value, cut is set and every value is 0.
type reader struct {
	p   []byte
	cut bool
}

func (r *reader) bytes(n int) []byte {
	if r.cut || n > len(r.p) {
		r.cut, r.p = true, nil
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (r *reader) uint16() uint16 {
	b := r.bytes(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func (r *reader) uint32() uint32 {
	b := r.bytes(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// uvarint counts a value above limit as cut.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.p)
	if r.cut || n <= 0 || v > limit {
		r.cut, r.p = true, nil
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	if r.cut || n <= 0 {
		r.cut, r.p = true, nil
		return 0
	}
	r.p = r.p[n:]
	return v
}
