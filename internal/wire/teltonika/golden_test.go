package teltonika

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"solewatch/internal/insole"
)

var update = flag.Bool("update", false, "write what the bytes in testdata mean")

// heard is when every frame of testdata was read.
var heard = time.Date(2026, 11, 22, 17, 40, 0, 0, time.UTC)

const imei = "352093081452251"

// A golden is one file of testdata: what a tracker sends, given by name, source and hex, and what it means, written by -update.
type golden struct {
	Name    string          `json:"name"`
	Source  string          `json:"source"`
	Hex     string          `json:"hex"`
	Error   string          `json:"error,omitempty"` // name of the error that Split or Reports wraps
	Type    string          `json:"type,omitempty"`
	IMEI    insole.ID       `json:"imei,omitempty"`
	Codec   byte            `json:"codec,omitempty"`
	Count   int             `json:"count,omitempty"`
	Ack     string          `json:"ack,omitempty"` // hex of what the server answers once everything is kept
	Urgent  bool            `json:"urgent,omitempty"`
	Text    string          `json:"text,omitempty"`
	Reports []insole.Report `json:"reports,omitempty"`
	Keys    []string        `json:"keys,omitempty"` // of the reports
}

func (g *golden) read(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(g.Hex)
	if err != nil {
		t.Fatal(err)
	}
	*g = golden{Name: g.Name, Source: g.Source, Hex: g.Hex}
	f, n, err := Split(b)
	if err == nil && n != len(b) {
		t.Fatalf("Split took %d of %d bytes", n, len(b))
	}
	if err != nil {
		g.Error = errorName(err)
		return b
	}
	g.Type = [...]string{"ping", "login", "avl", "answer"}[f.Type]
	g.IMEI, g.Codec, g.Count, g.Urgent = f.IMEI, f.Codec, f.Count, Urgent(f)
	switch f.Type {
	case Login:
		g.Ack = hex.EncodeToString(AppendLoginReply(nil, true))
	case AVL:
		g.Ack = hex.EncodeToString(AppendAck(nil, f.Count))
	case Answer:
		text, err := ParseText(b)
		if err != nil {
			t.Error(err)
		}
		g.Text = text.Text
	}
	if f.Type == AVL || f.Type == Answer {
		g.Reports, err = Reports(imei, b, heard)
		g.Error = errorName(err)
	}
	for _, r := range g.Reports {
		g.Keys = append(g.Keys, r.Key())
	}
	return b
}

func errorName(err error) string {
	for name, e := range map[string]error{"ErrShort": ErrShort, "ErrTooLong": ErrTooLong, "ErrCRC": ErrCRC, "ErrCount": ErrCount, "ErrMalformed": ErrMalformed, "ErrCodec": ErrCodec} {
		if errors.Is(err, e) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

func load(t testing.TB, file string) golden {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	err = json.Unmarshal(b, &g)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return g
}

func TestGolden(t *testing.T) {
	for _, file := range goldenFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := load(t, file)
			got := want
			got.read(t)
			if *update {
				b, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				err = os.WriteFile(file, append(b, '\n'), 0o644)
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}
