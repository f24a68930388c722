package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

func chain(t interface{ Helper() }, n int) ([]Line, Head) {
	t.Helper()
	var lines []Line
	var head Head
	for i := range n {
		var l Line
		l, head = Append("acme", "a1", head, Line{AtMs: 1795435200000 + int64(i), What: "note", Who: "claire", Name: "Claire M.", Text: strings.Repeat("x", i)})
		lines = append(lines, l)
	}
	return lines, head
}

// The bytes that are hashed, written out, so that anybody can write a verifier of their own.
func TestCanonical(t *testing.T) {
	l, head := Append("acme", "a1", Head{}, Line{AtMs: 1795435200000, What: "note", Who: "claire", Name: "Zoé", Text: "a \"b\" \\ \n\x01 <&> \u2028 \xff", Data: `{"pages":[]}`})
	want := `{"alarm":"a1","atMs":1795435200000,"data":"{\"pages\":[]}","n":1,"name":"Zoé","org":"acme","prev":"","text":"a \"b\" \\ \n\u0001 <&> ` + "\u2028 \uFFFD" + `","what":"note","who":"claire"}`
	if got := string(l.canonical("acme", "a1")); got != want {
		t.Errorf("canonical = %s\nwant        %s", got, want)
	}
	sum := sha256.Sum256([]byte(want))
	if l.Hash != hex.EncodeToString(sum[:]) || head != (Head{1, l.Hash}) {
		t.Errorf("hash %s, head %v", l.Hash, head)
	}
}

func TestCheck(t *testing.T) {
	lines, head := chain(t, 5)
	if err := Check("acme", "a1", lines, head); err != nil {
		t.Fatal(err)
	}
	if err := Check("acme", "a1", nil, Head{}); err != nil {
		t.Errorf("no lines: %v", err)
	}
	rewritten := func() ([]Line, Head) { // line 3 changed, and every hash after it made anew
		out := slices.Clone(lines[:2])
		at := Head{2, lines[1].Hash}
		for _, l := range lines[2:] {
			l.Text = "nothing happened"
			l, at = Append("acme", "a1", at, l)
			out = append(out, l)
		}
		return out, at
	}
	tests := []struct {
		name string
		f    func() ([]Line, Head, insole.AlarmID)
		n    int
	}{
		{"text changed", func() ([]Line, Head, insole.AlarmID) {
			l := slices.Clone(lines)
			l[2].Text = "other"
			return l, head, "a1"
		}, 3},
		{"taken out of the middle", func() ([]Line, Head, insole.AlarmID) { return slices.Delete(slices.Clone(lines), 1, 2), head, "a1" }, 2},
		{"cut off the end", func() ([]Line, Head, insole.AlarmID) { return lines[:4], head, "a1" }, 5},
		{"all gone", func() ([]Line, Head, insole.AlarmID) { return nil, head, "a1" }, 1},
		{"twice", func() ([]Line, Head, insole.AlarmID) {
			return slices.Insert(slices.Clone(lines), 3, lines[2]), head, "a1"
		}, 4},
		{"of another alarm", func() ([]Line, Head, insole.AlarmID) { return lines, head, "a2" }, 1},
		{"after the head", func() ([]Line, Head, insole.AlarmID) { return lines, Head{4, lines[3].Hash}, "a1" }, 5},
		{"another head", func() ([]Line, Head, insole.AlarmID) { return lines, Head{5, lines[3].Hash}, "a1" }, 5},
		{"rewritten from 3 on", func() ([]Line, Head, insole.AlarmID) { l, _ := rewritten(); return l, head, "a1" }, 5},
		{"spliced", func() ([]Line, Head, insole.AlarmID) {
			l, _ := rewritten()
			return append(slices.Clone(l[:4]), lines[4]), head, "a1"
		}, 5},
	}
	for _, tt := range tests {
		l, h, a := tt.f()
		var b Break
		if err := Check("acme", a, l, h); !errors.As(err, &b) || b.N != tt.n {
			t.Errorf("%s: %v, want a break at line %d", tt.name, err, tt.n)
		}
	}
	l, h := rewritten()
	if err := Check("acme", "a1", l, h); err != nil { // said in docs/audit.md: only a head that somebody has noted proves against that
		t.Errorf("chain and head rewritten together: %v", err)
	}
}

// Whatever one changes of a chain, without its head, is found, and nothing before the change is called broken.
func TestAnyChangeIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines, head := chain(t, rapid.IntRange(1, 20).Draw(t, "lines"))
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		l := slices.Clone(lines)
		switch rapid.IntRange(0, 8).Draw(t, "change") {
		case 0:
			l[i].AtMs++
		case 1:
			l[i].What += "x"
		case 2:
			l[i].Who = ""
		case 3:
			l[i].Name += " "
		case 4:
			l[i].Text = "x" + l[i].Text
		case 5:
			l[i].Data = "{}"
		case 6:
			l[i].Prev = l[i].Hash
		case 7:
			l[i].Hash = strings.Repeat("0", 64)
		case 8:
			l = slices.Delete(l, i, i+1)
		}
		var b Break
		if err := Check("acme", "a1", l, head); !errors.As(err, &b) || b.N < i+1 || b.N > i+2 {
			t.Errorf("line %d changed: %v", i+1, err)
		}
	})
}

func TestPages(t *testing.T) {
	a := Page{Step: 1, Contact: "claire", Channel: "sms", State: "queued", QueuedAtMs: 1}
	b := Page{Step: 1, Contact: "paul", Channel: "sms", State: "queued", QueuedAtMs: 1}
	lines := []Line{{N: 1, Data: PagesData([]Page{a, b})}, {N: 2}}
	if got := Unsaid(lines, []Page{a, b}); len(got) != 0 {
		t.Errorf("unsaid of queued pages: %v", got)
	}
	done := a
	done.State, done.Message, done.DoneAtMs = "accepted", "m-1", 2
	waits := b
	waits.Why = "not sent"
	if got := Unsaid(lines, []Page{done, waits}); !slices.Equal(got, []Page{done}) {
		t.Errorf("unsaid %v, want %v", got, done)
	}
	lines = append(lines, Line{N: 3, Data: PagesData([]Page{done})})
	if got := Unsaid(lines, []Page{done, b}); len(got) != 0 {
		t.Errorf("unsaid after it was said: %v", got)
	}
	if got := Pages(lines); !slices.Equal(got, []Page{done, b}) {
		t.Errorf("pages %v", got)
	}
}
