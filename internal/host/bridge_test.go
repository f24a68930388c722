package host

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines collects what programs print.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(program, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, program+": "+line)
}

func (l *lines) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.all, s)
}

func bridgeConfig(t *testing.T, out *lines) Config {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bridge")
	if text, err := exec.Command("go", "build", "-o", program, "./testdata/bridge").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return Config{
		Template: "testdata/app.yaml", Parameters: map[string]string{"Record": t.TempDir()}, State: t.TempDir(), Programs: programs, Stack: "t",
		WebAddr: "127.0.0.1:0", ServicesAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", BridgeAddr: "127.0.0.1:0", HealthAddr: "127.0.0.1:0",
		Bridge: program, BridgeEnv: map[string]string{"EXTRA": "1"}, Output: out.add,
	}
}

func TestBridge(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DEVELOPER", "x")
	out := &lines{}
	s, err := Start(t.Context(), bridgeConfig(t, out))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{System: s, t: t}
	_, _, env := a.get("GET", "http://"+a.Health+"/env", nil, "")
	for _, want := range []string{
		"TABLE=t-Table", "QUEUE_URL=" + a.Services + "/000000000000/t-Work", "BRIDGE_LISTEN=" + a.Insoles, "BRIDGE_HEALTH_LISTEN=" + a.Health,
		"BRIDGE_TRUST_PROXY=false", "AWS_ENDPOINT_URL_SQS=" + a.Services, "AWS_ACCESS_KEY_ID=LOCALTASK", "EXTRA=1", "AWS_REGION=eu-west-3",
	} {
		if !slices.Contains(strings.Split(env, "\n"), want) {
			t.Errorf("%s is missing in\n%s", want, env)
		}
	}
	if strings.Contains(env, "SECRET_OF_THE_DEVELOPER") {
		t.Error("the developer's environment leaked in")
	}
	_, _, first := a.get("GET", "http://"+a.Health+"/readyz", nil, "")
	if err := s.KillBridge(); err != nil {
		t.Fatal(err)
	}
	if err := s.RestartBridge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, second := a.get("GET", "http://"+a.Health+"/readyz", nil, ""); second == first {
		t.Errorf("the same process answers: %s", second)
	}
	if out.has("bridge: drained") {
		t.Error("a killed bridge had time to drain")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !out.has("bridge: drained") {
		t.Errorf("the bridge was not asked to end: %q", out.all)
	}
}

func TestBridgeNotReadyFailsTheStart(t *testing.T) {
	out := &lines{}
	cfg := bridgeConfig(t, out)
	cfg.BridgeEnv = map[string]string{"FAIL": "1"}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := Start(ctx, cfg)
	if err == nil || !strings.Contains(err.Error(), "the bridge is not ready") {
		t.Errorf("Start error = %v", err)
	}
	if !out.has("bridge: FAIL is set") {
		t.Errorf("its words were lost: %q", out.all)
	}
}

func TestNoBridge(t *testing.T) {
	a := start(t, t.TempDir())
	if err := a.KillBridge(); !errors.Is(err, ErrNoBridge) {
		t.Errorf("KillBridge error = %v", err)
	}
	if err := a.RestartBridge(t.Context()); !errors.Is(err, ErrNoBridge) {
		t.Errorf("RestartBridge error = %v", err)
	}
}
