package child

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestLineWriter(t *testing.T) {
	for _, tc := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"whole lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"cut anywhere", []string{"he", "llo\nwor", "ld\n"}, []string{"hello", "world"}},
		{"no end", []string{"a\nlast"}, []string{"a", "last"}},
		{"carriage returns", []string{"a\r\n\r\n"}, []string{"a", ""}},
		{"too long", []string{strings.Repeat("x", longestLine+3)}, []string{strings.Repeat("x", longestLine), "xxx"}},
	} {
		var got []string
		w := &lineWriter{out: func(s string) { got = append(got, s) }}
		for _, s := range tc.writes {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("%s: Write = %d, %v", tc.name, n, err)
			}
		}
		w.flush()
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %.60q, want %.60q", tc.name, got, tc.want)
		}
	}
}

func TestStart(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DEVELOPER", "x")
	var mu sync.Mutex
	var got []string
	p, err := Start(Command{
		Path: "/bin/sh", Args: []string{"-c", `echo "[$SECRET_OF_THE_DEVELOPER][$OWN]"; pwd; echo no end >&2; exit 3`}, Env: []string{"OWN=1"}, Dir: "/",
		Output: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, line)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() == nil || p.Err().Error() != "exit status 3" {
		t.Errorf("Err = %v", p.Err())
	}
	for _, want := range []string{"[][1]", "/", "no end"} {
		if !slices.Contains(got, want) {
			t.Errorf("printed %q, want %q among it", got, want)
		}
	}
	p.Kill() // of one that has ended does nothing
	if _, err := Start(Command{Path: "/nowhere"}); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("Start of nothing = %v", err)
	}
}
