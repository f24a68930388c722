package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/wire/sole"
)

// A browser is a real Chromium, driven by web/test/browser/drive.mjs.
type browser struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Scanner
}

type order map[string]any

func startBrowser(t testing.TB) *browser {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, "web", "dist", "index.html")); err != nil {
		t.Fatalf("the page is not built (make web/dist/index.html): %v", err)
	}
	c := exec.Command("node", "test/browser/drive.mjs")
	c.Dir = filepath.Join(root, "web")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &lines{t: t}
	c.Stderr = said
	t.Cleanup(said.end)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("browser: %v", err)
		}
	})
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	return &browser{t: t, in: in, out: s}
}

// do gives one order and returns its value.
func (b *browser) do(o order) any {
	b.t.Helper()
	line, err := json.Marshal(o)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	if !b.out.Scan() {
		b.t.Fatalf("%s: the browser has ended: %v", line, b.out.Err())
	}
	var answer struct {
		OK    bool
		Value any
		Error string
	}
	if err := json.Unmarshal(b.out.Bytes(), &answer); err != nil {
		b.t.Fatalf("%s: %s: %v", line, b.out.Text(), err)
	}
	if !answer.OK {
		b.shot("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
		b.t.Fatalf("%s: %s", line, answer.Error)
	}
	return answer.Value
}

// shot keeps a picture of the page in screenshots/.
func (b *browser) shot(name string) {
	dir, err := filepath.Abs(filepath.Join(root, "screenshots"))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	line, _ := json.Marshal(order{"do": "shot", "file": filepath.Join(dir, name+".png")})
	if _, err := b.in.Write(append(line, '\n')); err == nil {
		b.out.Scan()
	}
}

func (b *browser) signIn(url, email, password string) {
	b.t.Helper()
	b.do(order{"do": "open", "url": url})
	b.do(order{"do": "fill", "at": "[name=email]", "text": email})
	b.do(order{"do": "fill", "at": "[name=password]", "text": password})
	b.do(order{"do": "click", "at": "[type=submit]"})
	b.mode("LIVE")
}

func (b *browser) mode(m string) {
	b.t.Helper()
	b.do(order{"do": "see", "at": "#board[data-mode=" + m + "]", "ms": 15000})
}

// What a supervisor sees: the row of an SOS, taking charge of it, and a page that says so when the table is away and comes back by itself.
func TestPage(t *testing.T) {
	w := start(t, nil)
	b := startBrowser(t)
	b.signIn(w.Web, supervisor, password)
	b.shot("page-calm")

	for i, d := range []insole.Dialect{insole.SOLE, insole.Teltonika} {
		e := w.of(d, 0)
		switch d {
		case insole.SOLE:
			f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
			f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552), Battery: &insole.Battery{Percent: 81}})
			f.heard()
		case insole.Teltonika:
			sosTeltonika(t, w.Insoles, e.Insole)
		}
		b.do(order{"do": "see", "at": ".alarm[data-state=active]", "ms": 10000})
		if title := b.do(order{"do": "title"}).(string); !strings.Contains(title, "SOS") && !strings.Contains(title, "1") {
			t.Errorf("the title does not say that somebody needs help: %q", title)
		}
		if i == 0 {
			b.shot("page-sos")
		}
		b.do(order{"do": "click", "at": ".alarm[data-state=active] button.take"})
		b.do(order{"do": "see", "at": ".alarm[data-state=taken]", "ms": 10000})
		b.do(order{"do": "gone", "at": ".alarm[data-state=active]", "ms": 10000})
		if i == 0 {
			b.shot("page-taken")
		}
	}

	w.faults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse})
	b.mode("UNAVAILABLE")
	if h := b.do(order{"do": "text", "at": ".statebar h1"}).(string); !strings.Contains(h, "2") {
		t.Errorf("with two people being helped when the store went away, the page says %q", h)
	}
	b.shot("page-unavailable")
	w.faults()
	b.mode("LIVE")
	b.shot("page-back")
}
