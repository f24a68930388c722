package queue

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

func TestAppendEnvelopeIsJSON(t *testing.T) {
	text := rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune{'"', '\\', '<', '\n', 0x7f, 0x2028, 0xfffe, 'é'})), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		e := Envelope{V: EnvelopeVersion, Bridge: text.Draw(t, "bridge"), Frames: []Frame{}}
		for range rapid.IntRange(0, 3).Draw(t, "frames") {
			e.Frames = append(e.Frames, Frame{
				Insole: insole.ID(text.Draw(t, "insole")), Dialect: insole.SOLE, Org: insole.OrgID(text.Draw(t, "org")),
				WorkerName: text.Draw(t, "name"), Locale: "fr", HeardAtMs: rapid.Int64().Draw(t, "ms"),
				Quarantine: text.Draw(t, "why"), Bye: rapid.Bool().Draw(t, "bye"), Raw: rapid.SliceOfN(rapid.Byte(), 1, 80).Draw(t, "raw"),
			})
		}
		got := AppendEnvelope(nil, e.Bridge, e.Frames)
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatalf("%s is not JSON: %v", got, err)
		}
		if err := json.Unmarshal([]byte(legal(string(want))), &b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("AppendEnvelope(%+v): %s", e, diff)
		}
		if s := string(got); !utf8.ValidString(s) || legal(s) != s {
			t.Errorf("AppendEnvelope(%+v) has characters that SQS does not carry", e)
		}
		size := len(AppendTail(AppendHead(nil, e.Bridge)))
		for i := range e.Frames {
			size += e.Frames[i].Size() + 5*len(e.Frames[i].Insole+insole.ID(e.Frames[i].Org))
		}
		if len(got) > size {
			t.Errorf("%d bytes, and Size says at most %d", len(got), size)
		}
	})
}

// legal replaces what SQS does not carry.
func legal(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			out[i] = 0xfffd
		}
	}
	return string(out)
}

func TestAppendFrames(t *testing.T) {
	f := Frame{Insole: "00a1b2c3d4e5f607", Dialect: insole.SOLE, Org: "acme", WorkerName: "Zoé"}
	var want []byte
	for i := range 3 {
		g := f
		g.HeardAtMs, g.Raw = int64(i), []byte{byte(i)}
		want = AppendFrame(want, i == 0, &g)
	}
	got := AppendFrames(nil, true, f, func(yield func(int64, []byte) bool) {
		for i := range 3 {
			yield(int64(i), []byte{byte(i)})
		}
	})
	if string(got) != string(want) {
		t.Errorf("AppendFrames = %s, one by one %s", got, want)
	}
}

func TestParseAppended(t *testing.T) {
	frames := []Frame{
		{Insole: "00a1b2c3d4e5f607", Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", HeardAtMs: 1795367926000, Raw: []byte{1, 2}},
		{HeardAtMs: 1, Remote: "192.0.2.7:5000", Quarantine: "no dialect", Raw: []byte("GET / HTTP/1.1")},
	}
	e, err := ParseEnvelope(string(AppendEnvelope(nil, "b-7f3a", frames)))
	if diff := cmp.Diff(Envelope{V: 1, Bridge: "b-7f3a", Frames: frames}, e); diff != "" || err != nil {
		t.Errorf("ParseEnvelope(AppendEnvelope) error = %v, difference:\n%s", err, diff)
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	f := Frame{Insole: "00a1b2c3d4e5f607", Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", HeardAtMs: 1795367926000, Raw: make([]byte, 46)}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendFrame(buf[:0], true, &f)
	}
	b.ReportMetric(float64(len(buf)), "B/frame")
}
