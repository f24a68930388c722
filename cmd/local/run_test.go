package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestConfigNamesAllFaults(t *testing.T) {
	_, err := configFrom([]string{"-host", "nowhere", "-web-port", "70000", "-fleet", "-1", "extra"}, io.Discard)
	if err == nil {
		t.Fatal("bad settings were taken")
	}
	for _, want := range []string{`-host: "nowhere"`, "-web-port: 70000", "-fleet: -1 is below 0", `arguments not understood: ["extra"]`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
	if _, err := configFrom([]string{"-param", "novalue"}, io.Discard); err == nil || !strings.Contains(err.Error(), "want Name=value") {
		t.Errorf("-param novalue: %v", err)
	}
	if _, err := configFrom([]string{"-fleet", "3"}, io.Discard); err == nil || !strings.Contains(err.Error(), "add -demo") {
		t.Errorf("-fleet without -demo: %v", err)
	}
	c, err := configFrom([]string{"-param", "A=1", "-param", "B=x=y"}, io.Discard)
	if err != nil || c.Parameters["A"] != "1" || c.Parameters["B"] != "x=y" || c.Template != "template.yaml" || c.Ports.insoles != 9000 {
		t.Errorf("config = %+v, %v", c, err)
	}
}

func TestConsole(t *testing.T) {
	for _, tc := range []struct {
		line  string
		quiet bool
	}{
		{`{"time":"x","level":"INFO","msg":"a"}`, true}, {`{"level":"WARN","msg":"a"}`, false}, {`time=x level=INFO msg=a`, true},
		{`time=x level=ERROR msg=a`, false}, {`panic: x`, false}, {`{not json`, false},
	} {
		var out bytes.Buffer
		newConsole(&out, false).Line("p", tc.line)
		if (out.Len() == 0) != tc.quiet {
			t.Errorf("%s printed %q, want quiet = %v", tc.line, out.String(), tc.quiet)
		}
	}
	var out bytes.Buffer
	log := slog.New(newConsole(&out, false)).With("a", 1)
	log.Info("no")
	log.Warn("careful", "b", "two words")
	if got := out.String(); strings.Contains(got, "no") || !strings.Contains(got, `local      warn careful a="1" b="two words"`) {
		t.Errorf("log = %q", got)
	}
}

// A template that is not understood stops the start before anything is built or started, with all its faults.
func TestFaultyTemplate(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	err := run(t.Context(), os.Getenv, []string{"-template", "../../internal/host/template/testdata/faults.yaml", "-state", state}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "line 18: Queue: VisibilityTimout: property not understood (did you mean VisibilityTimeout?)") ||
		!strings.Contains(err.Error(), "line 53: Outputs: Bad") {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("state was made: %v", err)
	}
}

func TestBuildErrorIsShown(t *testing.T) {
	dir := t.TempDir()
	tpl := filepath.Join(dir, "template.yaml")
	text := "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: provided.al2023, CodeUri: functions/f}}}\n"
	for name, content := range map[string]string{
		tpl: text, filepath.Join(dir, "go.mod"): "module x\ngo 1.26\n", filepath.Join(dir, "functions", "f", "main.go"): "package main\nfunc main() { wrong }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := run(t.Context(), os.Getenv, []string{"-template", tpl, "-builddir", filepath.Join(dir, "build"), "-state", filepath.Join(dir, "state")}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "undefined: wrong") {
		t.Errorf("error = %v", err)
	}
}

// programs builds the test function and the test bridge as -nobuild expects them.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for to, from := range map[string]string{
		"fn/bootstrap": "../../internal/host/testdata/fn", "bin/tcpbridge": "../../internal/host/testdata/bridge",
	} {
		if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, to), from).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return dir
}

// ports are six free ones: web, services, api, insoles, health, control.
func freePorts(t *testing.T) []string {
	t.Helper()
	var args []string
	for _, name := range []string{"web", "services", "api", "insole", "health", "control"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "-"+name+"-port", port)
	}
	return args
}

// output is a writer whose text can be waited for.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		o.mu.Lock()
		got := o.b.String()
		o.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q in\n%s", text, got)
		}
		time.Sleep(10 * time.Millisecond) // other processes start
	}
}

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ports := freePorts(t)
	args := append([]string{
		"-nobuild", "-builddir", programs(t), "-template", "../../internal/host/testdata/app.yaml", "-state", t.TempDir(), "-web", t.TempDir(),
		"-param", "Record=" + t.TempDir(),
	}, ports...)
	out := &output{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, os.Getenv, args, out) }()
	out.wait(t, "Ctrl-C stops it.")
	res, err := http.Get("http://127.0.0.1:" + ports[5] + "/do/pid")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %s", res.Status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run error = %v", err)
	}
	out.wait(t, "stopping")
	out.wait(t, "bridge     drained")
}

// When the host is killed without a word, no function and no bridge outlives it.
func TestKilledHostLeavesNoOrphans(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skipf("%s cannot tie a child's life to its parent's; functions end there when their runtime API is gone", runtime.GOOS)
	}
	local := filepath.Join(t.TempDir(), "local")
	if out, err := exec.Command("go", "build", "-o", local, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ports := freePorts(t)
	cmd := exec.Command(local, append([]string{
		"-nobuild", "-builddir", programs(t), "-template", "../../internal/host/testdata/app.yaml", "-state", t.TempDir(), "-web", t.TempDir(),
		"-param", "Record=" + t.TempDir(),
	}, ports...)...)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the wish above is the thread's
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.wait(t, "Ctrl-C stops it.")
	pids := []int{ask[int](t, "http://127.0.0.1:"+ports[5]+"/do/pid")}
	var ready string
	res, err := http.Get("http://127.0.0.1:" + ports[9] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var bridge int
	if _, err := fmt.Sscan(string(b), &ready, &bridge); err != nil {
		t.Fatal(err)
	}
	pids = append(pids, bridge)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as told
	deadline := time.Now().Add(10 * time.Second)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
			time.Sleep(5 * time.Millisecond) // the kernel ends another process
		}
	}
}

// alive is whether a process runs: one that has ended and was not waited for does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

func ask[T any](t *testing.T, url string) T {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v T
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
