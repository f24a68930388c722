package sole

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

// seeds are the frames of every vector.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, file := range vectorFiles(t) {
		for _, f := range loadVector(t, file).Frames {
			all = append(all, f.Hex)
		}
	}
	if len(all) == 0 {
		t.Fatal("no seeds in testdata")
	}
	return all
}

// Whatever comes, Split takes no more than there is, and what it takes is a frame.
func FuzzSplit(f *testing.F) {
	for _, b := range seeds(f) {
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
		case n > len(b) || n > MaxFrame || !bytes.Equal(got.Raw, b[:n]):
			t.Fatalf("Split took %d of %d bytes", n, len(b))
		}
		for i := range n {
			_, more, err := Split(b[:i])
			if !errors.Is(err, ErrShort) || more > n {
				t.Fatalf("Split of %d of %d bytes = %d, %v", i, n, more, err)
			}
		}
		var again []byte
		device, server := pair(t)
		if got.Type.Authenticated() {
			again, err = device.Seal(nil, got.Type, got.Body)
			if err != nil {
				t.Fatal(err)
			}
			f, _, err := Split(again)
			if err == nil {
				err = server.Open(f)
			}
			if err != nil || !bytes.Equal(f.Body, got.Body) {
				t.Fatalf("sealed again: %v", err)
			}
		} else if again = finish(append(begin(nil, got.Type), got.Body...), 0); !bytes.Equal(again, got.Raw) {
			t.Fatalf("written again: %x, want %x", again, got.Raw)
		}
		vec := frame{Hex: again}
		_ = vec.parse(&Session{recv: device.send}) // must not panic, whatever the type
	})
}

// Whatever an authenticated body holds: no panic, no help unheard, and reading what was written gives back what was read.
func FuzzBody(f *testing.F) {
	for _, b := range seeds(f) {
		if got, _, err := Split(b); err == nil && got.Type == TypeData {
			f.Add(got.Body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := DecodeBody(body)
		urgent := false
		for _, r := range d.Records {
			urgent = urgent || r.Kind.Urgent()
		}
		if urgent && !Urgent(body) {
			t.Fatal("help is not urgent")
		}
		if len(body) >= dataLen && len(d.Records) > int(body[14]) {
			t.Fatalf("%d records of %d", len(d.Records), body[14])
		}
		for i, r := range d.Records {
			d.Records[i].Raw = nil
			if len(r.Faults) > 0 || r.Boot == 0 && d.Boot != 0 {
				return
			}
		}
		if err != nil {
			return
		}
		again, err := AppendBody(nil, d)
		if errors.Is(err, ErrTooMany) {
			return // a body above MaxBody, or one that was packed tighter
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeBody(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got, same...); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

var same = cmp.Options{
	cmp.AllowUnexported(Record{}),
	cmpopts.IgnoreFields(Record{}, "Raw"),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".age" }, cmp.Ignore()),
	cmpopts.EquateEmpty(),
}

// drawRecord draws a record within the bounds of the language.
func drawRecord(t *rapid.T) Record {
	r := Record{
		Seq:     rapid.Uint32Min(1).Draw(t, "seq"),
		Boot:    rapid.SampledFrom([]uint32{42, 41, 1<<32 - 1}).Draw(t, "boot"),
		Kind:    insole.Kind(rapid.SampledFrom([]insole.Kind{insole.KindFix, insole.KindStatus, insole.KindSOS, insole.KindPreAlarm, insole.KindAnswer, "unknown-200"}).Draw(t, "kind")),
		Expect:  time.Duration(rapid.Uint32().Draw(t, "expect")) * time.Second,
		Steps:   rapid.Uint32().Draw(t, "steps"),
		Posture: rapid.SampledFrom([]insole.Posture{insole.PostureUnknown, insole.Standing, insole.Lying}).Draw(t, "posture"),
	}
	if rapid.Bool().Draw(t, "clock") {
		r.At = time.UnixMilli(rapid.Int64Range(0, latest).Draw(t, "at")).UTC()
	}
	if rapid.Bool().Draw(t, "fixed") {
		r.Fix = &insole.Fix{
			Lat:        float64(rapid.Int32Range(-900_000_000, 900_000_000).Draw(t, "lat")) / 1e7,
			Lon:        float64(rapid.Int32Range(-1_800_000_000, 1_800_000_000).Draw(t, "lon")) / 1e7,
			Altitude:   float64(rapid.Int16().Draw(t, "altitude")),
			Speed:      float64(rapid.Uint16().Draw(t, "speed")) / 100,
			Course:     float64(rapid.Uint16Range(0, 35_999).Draw(t, "course")) / 100,
			Accuracy:   float64(rapid.Uint16().Draw(t, "accuracy")),
			Satellites: int(rapid.Byte().Draw(t, "satellites")),
			Source:     rapid.SampledFrom([]insole.Source{"", insole.SourceGPS, insole.SourceBeacon}).Draw(t, "source"),
		}
		if !r.At.IsZero() {
			r.Fix.At = r.At.Add(-time.Duration(rapid.Uint32().Draw(t, "age")) * time.Second)
		}
	}
	if rapid.Bool().Draw(t, "charged") {
		r.Battery = &insole.Battery{Percent: rapid.IntRange(0, 100).Draw(t, "percent"), Millivolts: int(rapid.Uint16().Draw(t, "mv")), Charging: rapid.Bool().Draw(t, "charging")}
	}
	switch r.Kind {
	case insole.KindPreAlarm:
		r.PreAlarm = time.Duration(rapid.Uint16().Draw(t, "preAlarm")) * time.Second
		r.About = rapid.SampledFrom([]insole.Kind{"", insole.KindFall, insole.KindStill}).Draw(t, "about")
	case insole.KindAnswer:
		r.Downlink = rapid.Uint32().Draw(t, "downlink")
		r.Result = Result(rapid.Byte().Draw(t, "result"))
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Data{
			Number:  rapid.Uint16().Draw(t, "number"),
			Boot:    42,
			Records: rapid.SliceOfN(rapid.Custom(drawRecord), 0, 40).Draw(t, "records"),
		}
		n := Fit(d.Boot, d.Records)
		if n < len(d.Records) {
			_, err := AppendBody(nil, Data{Boot: d.Boot, Records: d.Records[:n+1]})
			if !errors.Is(err, ErrTooMany) {
				t.Fatalf("%d records fit, and with one more: %v", n, err)
			}
		}
		d.Records = d.Records[:n]
		prefix := []byte("before")
		body, err := AppendBody(prefix, d)
		if err != nil {
			t.Fatal(err)
		}
		body = body[len(prefix):]
		got, err := DecodeBody(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got, same...); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		urgent := false
		for _, r := range d.Records {
			urgent = urgent || r.Kind.Urgent()
		}
		if Urgent(body) != urgent {
			t.Fatalf("Urgent = %v, the kinds say %v", Urgent(body), urgent)
		}
	})
}
