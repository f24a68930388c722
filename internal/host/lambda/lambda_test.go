package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the test function, built once.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambda")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", program, "../testdata/fn")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func service(t *testing.T, change func(*Function)) (*Service, *counts) {
	t.Helper()
	c := &counts{n: map[string]float64{}}
	s := New(Options{Region: "eu-west-3", Limit: 20, Count: c.add, Output: func(_, line string) { c.line(line) }})
	f := Function{
		ID: "Fn", Name: "stack-Fn", ARN: "arn:aws:lambda:eu-west-3:000000000000:function:stack-Fn", Program: program, Dir: filepath.Dir(program),
		Env: map[string]string{"TABLE": "t"}, Memory: 512, Timeout: 20 * time.Second, Reserved: -1, Key: "LOCALFN",
	}
	if change != nil {
		change(&f)
	}
	s.Add(f)
	t.Cleanup(func() { s.Close(context.Background()) })
	return s, c
}

type counts struct {
	mu    sync.Mutex
	n     map[string]float64
	lines []string
}

func (c *counts) add(name string, n float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name] += n
}

func (c *counts) line(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, s)
}

func (c *counts) get(name string) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

func call(t *testing.T, s *Service, event string) Result {
	t.Helper()
	r, err := s.Invoke(t.Context(), "Fn", []byte(event))
	if err != nil {
		t.Fatalf("Invoke(%s) error = %v", event, err)
	}
	return r
}

func TestInvokeKeepsItsEnvironment(t *testing.T) {
	s, c := service(t, nil)
	first := call(t, s, `{"do":"pid"}`)
	for range 50 {
		if r := call(t, s, `{"do":"pid"}`); string(r.Payload) != string(first.Payload) {
			t.Fatalf("a second process answered: %s, then %s", first.Payload, r.Payload)
		}
	}
	if r := call(t, s, `{"a":1}`); string(r.Payload) != `{"a":1}` || r.FunctionError != "" {
		t.Errorf("echo = %s %q", r.Payload, r.FunctionError)
	}
	if got := c.get("lambda.invocations"); got != 52 {
		t.Errorf("counted %v invocations, want 52", got)
	}
	if got := c.get("lambda.coldStarts"); got != 1 {
		t.Errorf("counted %v cold starts, want 1", got)
	}
	if got := c.get("lambda.gbMs"); got < 26 {
		t.Errorf("counted %v GB-ms, want at least 52 of 0.5", got)
	}
}

func TestEnvironmentIsAWS(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DEVELOPER", "x")
	s, _ := service(t, nil)
	var env []string
	if err := json.Unmarshal(call(t, s, `{"do":"env"}`).Payload, &env); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=stack-Fn", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_REGION=eu-west-3", "_HANDLER=bootstrap", "TZ=:UTC",
		"TABLE=t", "AWS_ACCESS_KEY_ID=LOCALFN", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, e := range env {
		if strings.HasPrefix(e, "SECRET") || strings.HasPrefix(e, "HOME=") || strings.HasPrefix(e, "AWS_EXECUTION_ENV") {
			t.Errorf("%s leaked in", e)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, tc := range []struct{ name, event, typ, text string }{
		{"error", `{"do":"error"}`, "errorString", "as asked"},
		{"panic", `{"do":"panic"}`, "string", "as asked"},
		{"exit", `{"do":"exit"}`, "Runtime.ExitError", "exit status 7"},
		{"answer too large", `{"do":"big"}`, "Function.ResponseSizeTooLarge", "exceeded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := service(t, nil)
			r := call(t, s, tc.event)
			var e struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal(r.Payload, &e); err != nil {
				t.Fatal(err)
			}
			if r.FunctionError != "Unhandled" || e.ErrorType != tc.typ || !strings.Contains(e.ErrorMessage, tc.text) {
				t.Errorf("%s = %q %+v, want %s … %s", tc.event, r.FunctionError, e, tc.typ, tc.text)
			}
			if r := call(t, s, `{"after":true}`); string(r.Payload) != `{"after":true}` {
				t.Errorf("the next invocation = %s", r.Payload)
			}
		})
	}
}

func TestTimeoutKills(t *testing.T) {
	s, _ := service(t, func(f *Function) { f.Timeout = 300 * time.Millisecond })
	call(t, s, `{}`)
	began := time.Now()
	r := call(t, s, `{"do":"sleep"}`)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	if !strings.Contains(string(r.Payload), "Sandbox.Timedout") || !strings.Contains(string(r.Payload), "Task timed out after 0.30 seconds") {
		t.Errorf("payload = %s", r.Payload)
	}
	if n := s.Environments("Fn"); n != 0 {
		t.Errorf("%d environments left", n)
	}
}

func TestInitFailure(t *testing.T) {
	s, c := service(t, func(f *Function) { f.Env = map[string]string{"FAIL_INIT": "1"} })
	r := call(t, s, `{}`)
	if !strings.Contains(string(r.Payload), "Runtime.ExitError") || !strings.Contains(string(r.Payload), "exit status 3") {
		t.Errorf("payload = %s", r.Payload)
	}
	if !slices.Contains(c.lines, "cannot start") {
		t.Errorf("output = %q", c.lines)
	}
	if err := s.Warm(t.Context(), "Fn"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Warm error = %v", err)
	}
}

func TestReservedConcurrency(t *testing.T) {
	s, c := service(t, func(f *Function) { f.Reserved, f.Timeout = 2, 400*time.Millisecond })
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { call(t, s, `{"do":"sleep"}`) })
	}
	deadline := time.Now().Add(5 * time.Second)
	for s.Environments("Fn") < 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // two processes start
	}
	if _, err := s.Invoke(t.Context(), "Fn", []byte(`{}`)); !errors.Is(err, ErrThrottled) {
		t.Errorf("third Invoke error = %v, want ErrThrottled", err)
	}
	wg.Wait()
	if c.get("lambda.throttles") != 1 {
		t.Errorf("throttles = %v", c.get("lambda.throttles"))
	}
	call(t, s, `{}`)
}

// A process that died while nobody used it costs no invocation.
func TestDeadIdleEnvironmentIsReplaced(t *testing.T) {
	s, _ := service(t, nil)
	if err := s.Warm(t.Context(), "Fn"); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	e := s.pools["Fn"].idle[0]
	s.mu.Unlock()
	if err := e.process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	<-e.gone
	if r := call(t, s, `{"a":2}`); string(r.Payload) != `{"a":2}` {
		t.Errorf("payload = %s %s", r.Payload, r.FunctionError)
	}
}

func TestRefusals(t *testing.T) {
	s, _ := service(t, nil)
	if _, err := s.Invoke(t.Context(), "Other", nil); !errors.Is(err, ErrNoFunction) {
		t.Errorf("unknown function: %v", err)
	}
	if _, err := s.Invoke(t.Context(), "Fn", make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large event: %v", err)
	}
	s.Close(t.Context())
	if _, err := s.Invoke(t.Context(), "Fn", []byte(`{}`)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func BenchmarkInvokeWarm(b *testing.B) {
	s := New(Options{Region: "eu-west-3"})
	s.Add(Function{ID: "Fn", Name: "Fn", Program: program, Dir: filepath.Dir(program), Memory: 128, Timeout: time.Second, Reserved: -1})
	defer s.Close(context.Background())
	for b.Loop() {
		if _, err := s.Invoke(context.Background(), "Fn", []byte(`{}`)); err != nil {
			b.Fatal(err)
		}
	}
}
