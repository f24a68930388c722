// Package e2e holds the tests that run the whole system: the template, the real programs, real sockets, a real browser.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/host"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
)

const root = "../.."

// programs is where TestMain built what is tested.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "solewatch-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		if err := build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// build builds the very programs that are deployed, for this machine.
func build(dir string) error {
	functions, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(functions) == 0 {
		return errors.Join(fmt.Errorf("no functions in %s", root), err)
	}
	out := map[string]string{"tcpbridge": "./tcpbridge", "provision": "./cmd/provision", "insole": "./cmd/insole"}
	for _, f := range functions {
		name := filepath.Base(filepath.Dir(f))
		out[filepath.Join(name, "bootstrap")] = "./functions/" + name
	}
	for name, pkg := range out {
		c := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, name), pkg)
		c.Dir = root
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, b)
		}
	}
	return nil
}

// A world is one running system with the demo org in it.
type world struct {
	*host.System
	t     testing.TB
	keys  map[insole.ID]entry
	teams map[string]string // by worker
}

type entry struct {
	Insole  insole.ID       `json:"insole"`
	Dialect insole.Dialect  `json:"dialect"`
	Key     string          `json:"key"`
	Org     insole.OrgID    `json:"org"`
	Worker  insole.WorkerID `json:"worker"`
}

// start starts a system of its own for t, provisioned, with every e-mail address confirmed. bridge overrides the bridge's settings.
func start(t testing.TB, bridge map[string]string) *world {
	t.Helper()
	state := t.TempDir()
	log := &lines{t: t}
	t.Cleanup(log.end)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	env := map[string]string{"BRIDGE_LINGER": "1s"}
	for k, v := range bridge {
		env[k] = v
	}
	sys, err := host.Start(ctx, host.Config{
		Template: filepath.Join(root, "template.yaml"), State: state, Programs: programs, Bridge: filepath.Join(programs, "tcpbridge"),
		Parameters: map[string]string{"PublicUrl": "http://localhost:8000"},
		Web:        filepath.Join(root, "web", "dist"), BridgeEnv: env,
		WebAddr: "127.0.0.1:0", ServicesAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", BridgeAddr: "127.0.0.1:0", HealthAddr: "127.0.0.1:0",
		Output: func(program, line string) { log.print(program + ": " + line) },
		Log:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := sys.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	w := &world{System: sys, t: t, keys: map[insole.ID]entry{}, teams: map[string]string{}}
	w.provision(filepath.Join(state, "insoles.json"))
	var board feed.Board
	signIn(t, w.Web, supervisor, password).call("GET", "/api/board", nil, &board)
	for _, x := range board.Workers {
		w.teams[x.Worker] = x.Team
	}
	return w
}

func (w *world) provision(keys string) {
	w.t.Helper()
	c := exec.Command(filepath.Join(programs, "provision"), "-f", filepath.Join(root, "provisioning", "demo.yaml"), "-keys", keys)
	c.Env = w.Environ()
	if b, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("provisioning: %v\n%s", err, b)
	}
	var file struct{ Insoles []entry }
	if err := json.Unmarshal(readFile(w.t, keys), &file); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range file.Insoles {
		w.keys[e.Insole] = e
	}
	for _, n := range w.outbox() {
		if n.Kind == "confirm" {
			resp, err := http.Get(n.Link)
			if err != nil || resp.StatusCode != http.StatusOK {
				w.t.Fatalf("confirming %s: %v %v", n.Link, resp, err)
			}
			resp.Body.Close()
		}
	}
}

// night is the team of the demo org whose first step has both channels.
const night = "ronde"

// of is the first insole of the night team that speaks d, leaving out n of them.
func (w *world) of(d insole.Dialect, n int) entry {
	w.t.Helper()
	var ids []insole.ID
	for id, e := range w.keys {
		if e.Dialect == d && e.Org == "demo" && w.teams[string(e.Worker)] == night {
			ids = append(ids, id)
		}
	}
	if len(ids) <= n {
		w.t.Fatalf("the night team has %d insoles that speak %s", len(ids), d)
	}
	best := make([]insole.ID, 0, len(ids))
	for len(ids) > 0 {
		least := 0
		for i := range ids {
			if ids[i] < ids[least] {
				least = i
			}
		}
		best = append(best, ids[least])
		ids = append(ids[:least], ids[least+1:]...)
	}
	return w.keys[best[n]]
}

func (w *world) outbox() []standin.Notice {
	w.t.Helper()
	all, err := w.Standin.Outbox().List(0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// about is what was sent to people about the alarm with this reference, on one channel.
func (w *world) about(reference, kind string) []standin.Notice {
	var out []standin.Notice
	for _, n := range w.outbox() {
		if n.Kind == kind && strings.Contains(n.Subject+n.Text, reference) {
			out = append(out, n)
		}
	}
	return out
}

func (w *world) faults(f ...standin.Fault) {
	w.t.Helper()
	if err := w.Standin.SetFaults(f...); err != nil {
		w.t.Fatal(err)
	}
}

// lines keeps what programs print and shows it when the test fails.
type lines struct {
	t     testing.TB
	mu    sync.Mutex
	kept  bytes.Buffer
	ended bool
}

func (l *lines) Write(b []byte) (int, error) {
	l.print(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

func (l *lines) print(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended && l.kept.Len() < 1<<20 {
		fmt.Fprintln(&l.kept, s)
	}
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.t.Failed() {
		l.t.Logf("what the programs said:\n%s", l.kept.String())
	}
}
