package teltonika

import (
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

// Whatever comes, Split takes no more than there is, nothing panics, and no help is left in the slow lane.
func FuzzSplit(f *testing.F) {
	for _, file := range goldenFiles(f) {
		b, err := hex.DecodeString(load(f, file).Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n, err := Split(b)
		switch {
		case errors.Is(err, ErrShort):
			if n <= len(b) || n > MaxFrame {
				t.Fatalf("%d bytes are short of %d", len(b), n)
			}
			return
		case err != nil:
			return
		case n > len(b) || n > MaxFrame || len(got.Raw) != n:
			t.Fatalf("Split took %d of %d bytes", n, len(b))
		}
		for i := range n {
			_, more, err := Split(b[:i])
			if !errors.Is(err, ErrShort) || more > n {
				t.Fatalf("Split of %d of %d bytes = %d, %v", i, n, more, err)
			}
		}
		checkRecords(t, got)
	})
}

// The same behind a valid CRC, which chance does not find.
func FuzzRecords(f *testing.F) {
	for _, file := range goldenFiles(f) {
		b, err := hex.DecodeString(load(f, file).Hex)
		if err != nil {
			f.Fatal(err)
		}
		if got, _, err := Split(b); err == nil && got.Codec != 0 {
			f.Add(got.Codec, got.Raw[9], got.Raw[10:len(got.Raw)-5])
		}
	}
	f.Fuzz(func(t *testing.T, codec, count byte, records []byte) {
		b := append([]byte{0, 0, 0, 0, 0, 0, 0, 0, codec, count}, records...)
		b = seal(append(b, count), 0)
		got, n, err := Split(b)
		if err != nil {
			if !errors.Is(err, ErrCodec) && !errors.Is(err, ErrTooLong) {
				t.Fatal(err)
			}
			return
		}
		if n != len(b) {
			t.Fatalf("Split took %d of %d bytes", n, len(b))
		}
		checkRecords(t, got)
	})
}

func checkRecords(t *testing.T, f Frame) {
	t.Helper()
	if f.Type != AVL {
		_, _ = Reports(imei, f.Raw, heard)
		return
	}
	reports, err := Reports(imei, f.Raw, heard)
	for _, r := range reports {
		if r.Kind.Urgent() && !Urgent(f) {
			t.Fatalf("%s is not urgent", r.Kind)
		}
	}
	if err != nil {
		if !errors.Is(err, ErrMalformed) || !Urgent(f) {
			t.Fatalf("Reports = %v, urgent %v", err, Urgent(f))
		}
		return
	}
	records, err := Records(f.Raw)
	if err != nil || len(records) != f.Count || len(reports) != f.Count {
		t.Fatalf("%d records, %d reports of %d, %v", len(records), len(reports), f.Count, err)
	}
	again, err := AppendPacket(nil, f.Codec, records)
	if err != nil {
		return // values of their own length that belong to a group: the encoder puts them there, and they may not fit
	}
	got, err := Records(again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, got, cmpopts.IgnoreFields(Record{}, "Raw", "IO")); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
}

func drawPacket(t *rapid.T) (codec byte, records []Record) {
	codec = rapid.SampledFrom([]byte{Codec8, Codec8E, Codec16}).Draw(t, "codec")
	ids, sizes := uint16(math.MaxUint16), []int{1, 2, 4, 8}
	if codec == Codec8 {
		ids = math.MaxUint8
	}
	if codec == Codec8E {
		sizes = append(sizes, 0, 3, 17)
	}
	records = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Millis:     rapid.Uint64().Draw(t, "millis"),
			Priority:   rapid.Byte().Draw(t, "priority"),
			Lon:        rapid.Int32().Draw(t, "lon"),
			Lat:        rapid.Int32().Draw(t, "lat"),
			Altitude:   rapid.Int16().Draw(t, "altitude"),
			Course:     rapid.Uint16().Draw(t, "course"),
			Satellites: rapid.Byte().Draw(t, "satellites"),
			Speed:      rapid.Uint16().Draw(t, "speed"),
			Event:      rapid.Uint16Range(0, ids).Draw(t, "event"),
		}
		if codec == Codec16 {
			r.Generation = rapid.Byte().Draw(t, "generation")
		}
		for _, size := range sizes { // in the order of the wire
			for range rapid.IntRange(0, 2).Draw(t, "values") {
				r.IO = append(r.IO, IO{
					ID:    rapid.Uint16Range(0, ids).Draw(t, "id"),
					Value: rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "value"),
				})
			}
		}
		return r
	}), 0, 10).Draw(t, "records")
	return codec, records
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codec, want := drawPacket(t)
		b, err := AppendPacket([]byte("before"), codec, want)
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("before"):]
		got, err := Records(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Record{}, "Raw"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("codec %02x (-want +got):\n%s", codec, diff)
		}
		f, n, err := Split(append(b, 0xff))
		if err != nil || n != len(b) || f.Count != len(want) || f.Codec != codec {
			t.Fatalf("Split = %+v, %d, %v", f, n, err)
		}
		urgent := false
		for _, r := range want {
			urgent = urgent || r.Priority >= Panic || r.Event == IOAlarm || r.Event == IOManDown
		}
		if Urgent(f) != urgent {
			t.Fatalf("Urgent = %v, want %v", Urgent(f), urgent)
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		command, err := AppendCommand(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseText(command)
		if err != nil || got != (Text{Command: true, Text: text}) {
			t.Fatalf("ParseText = %+v, %v", got, err)
		}
		answer, err := AppendAnswer(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		got, err = ParseText(answer)
		if err != nil || got != (Text{Text: text}) {
			t.Fatalf("ParseText = %+v, %v", got, err)
		}
		f, _, err := Split(answer)
		if err != nil || !Urgent(f) {
			t.Fatalf("answer %+v, %v, urgent %v", f, err, Urgent(f))
		}
	})
}

// The documentation's own command, byte for byte.
func TestAppendCommand(t *testing.T) {
	got, err := AppendCommand(nil, "getinfo")
	want := load(t, "testdata/codec12-command.json").Hex
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("AppendCommand(getinfo) = %x, %v, want %s", got, err, want)
	}
}

func TestAppendPacketRefuses(t *testing.T) {
	value := func(id uint16, n int) []Record { return []Record{{IO: []IO{{id, make([]byte, n)}}}} }
	for _, tt := range []struct {
		name    string
		codec   byte
		records []Record
		want    error
	}{
		{"a codec without records", Codec12, nil, insole.ErrInvalid},
		{"256 records", Codec8, make([]Record, 256), ErrTooLong},
		{"more than 4096 bytes", Codec8E, value(1, 4096), ErrTooLong},
		{"an id of two bytes in codec 8", Codec8, value(256, 1), insole.ErrInvalid},
		{"an event of two bytes in codec 8", Codec8, []Record{{Event: 11317}}, insole.ErrInvalid},
		{"three bytes in codec 16", Codec16, value(1, 3), insole.ErrInvalid},
		{"256 values in codec 16", Codec16, []Record{{IO: make([]IO, 256)}}, insole.ErrInvalid},
	} {
		got, err := AppendPacket([]byte("kept"), tt.codec, tt.records)
		if !errors.Is(err, tt.want) || string(got) != "kept" {
			t.Errorf("%s: %q, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	_, err := AppendCommand(nil, string(make([]byte, MaxCommand+1)))
	if !errors.Is(err, ErrTooLong) {
		t.Errorf("command of %d bytes: %v, want %v", MaxCommand+1, err, ErrTooLong)
	}
	b, err := AppendCommand(nil, string(make([]byte, MaxCommand)))
	if err == nil {
		_, err = ParseText(b)
	}
	if err != nil {
		t.Errorf("the longest command: %v", err)
	}
}

// Two records of the same second are two reports; the same record sent again is the same.
func TestKeysArePerRecord(t *testing.T) {
	records := []Record{{Millis: 1_795_369_126_000, Speed: 1}, {Millis: 1_795_369_126_000, Speed: 2}}
	keys := func(records ...Record) (all []string) {
		b, err := AppendPacket(nil, Codec8E, records)
		if err != nil {
			t.Fatal(err)
		}
		reports, err := Reports(imei, b, heard)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reports {
			all = append(all, r.Key())
		}
		return all
	}
	both, alone := keys(records...), keys(records[1])
	if both[0] == both[1] || both[1] != alone[0] {
		t.Errorf("keys %q together, %q alone", both, alone)
	}
}

func TestUrgentDoesNotAllocate(t *testing.T) {
	b, err := hex.DecodeString(load(t, "testdata/walking.json").Hex)
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		f, _, err := Split(b)
		if err != nil || Urgent(f) {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for a packet, want none", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	raw, err := hex.DecodeString(load(b, "testdata/walking.json").Hex)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		f, _, err := Split(raw)
		if err != nil || Urgent(f) {
			b.Fatal(err)
		}
		out = AppendAck(out[:0], f.Count)
	}
}
