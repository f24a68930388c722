package sole

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The worked example in the documentation is the vectors, so that nobody writes firmware against a slip of the pen.
func TestDocumentedExample(t *testing.T) {
	b, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, found := strings.Cut(string(b), "### 1.7 A worked example")
	page, _, ended := strings.Cut(page, "\n---\n")
	if !found || !ended {
		t.Fatal("docs/protocol.md has no worked example")
	}
	idle, sos := loadVector(t, "testdata/session-idle.json"), loadVector(t, "testdata/session-sos.json")
	want := []hexed{idle.Key, idle.ClientNonce, idle.ServerNonce, idle.UpKey, idle.DownKey}
	for _, f := range idle.Frames {
		want = append(want, f.Hex)
	}
	var position hexed
	for _, f := range sos.Frames {
		switch f.Name {
		case "a plain position":
			position = f.Hex
			want = append(want, f.Hex)
		case "ack of the plain position":
			want = append(want, f.Hex)
		}
	}
	for _, h := range want {
		if !strings.Contains(page, hex.EncodeToString(h)) {
			t.Errorf("docs/protocol.md does not show %x", []byte(h))
		}
	}
	var table strings.Builder
	for _, row := range regexp.MustCompile("(?m)^\\| `([0-9a-f ]+)` \\|").FindAllStringSubmatch(page, -1) {
		table.WriteString(strings.ReplaceAll(row[1], " ", ""))
	}
	if got := table.String(); got != hex.EncodeToString(position) {
		t.Errorf("the table of docs/protocol.md adds up to\n%s, want\n%x", got, []byte(position))
	}
}
