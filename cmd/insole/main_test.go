package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"insole": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

const (
	native = "00a1b2c3d4e5f607"
	badge  = "352093081452251"
)

func keysFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "insoles.json")
	text := fmt.Sprintf(`{"insoles":[{"insole":%q,"dialect":"sole","key":%q,"org":"acme","worker":"marie"},{"insole":%q,"dialect":"teltonika","org":"acme","worker":"paul"}]}`,
		native, strings.Repeat("0f", 32), badge)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// A fleet answers its control address from the start, whether or not there is a bridge; "press" goes through it.
func TestPressThroughTheFleet(t *testing.T) {
	keys, control, bridge := keysFile(t), nobody(t), nobody(t)
	log := filepath.Join(t.TempDir(), "oracle.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	var out buffer
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-addr", bridge, "-keys", keys, "-control", control, "-log", log}, &out)
	}()
	list := func() string {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			resp, err := http.Get("http://" + control + "/")
			if err == nil {
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}
			if time.Now().After(deadline) {
				t.Fatalf("the control address does not answer: %v\n%s", err, out.String())
			}
		}
	}
	if l := list(); !strings.Contains(l, native) || !strings.Contains(l, badge) {
		t.Errorf("list = %s", l)
	}
	var said bytes.Buffer
	for _, args := range [][]string{{"press", "sos", "-insole", native}, {"press", "fall", "-insole", badge}, {"press", "sos"}} {
		if err := run(ctx, append(args, "-keys", keys, "-control", control, "-addr", bridge), &said); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if !strings.Contains(said.String(), "the fleet's insole "+native+": sos") {
		t.Errorf("press said %q", said.String())
	}
	if err := run(ctx, []string{"press", "covert", "-insole", badge, "-keys", keys, "-control", control}, &said); err == nil || !strings.Contains(err.Error(), "no such call") {
		t.Errorf("covert call of a badge: %v", err)
	}
	if l := list(); !strings.Contains(l, `"preAlarm": "fall"`) {
		t.Errorf("list after the calls = %s", l)
	}
	// A second fleet on the same address is told so.
	if err := run(ctx, []string{"-addr", bridge, "-keys", keys, "-control", control}, io.Discard); err == nil || !strings.Contains(err.Error(), "-control") {
		t.Errorf("second fleet: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("fleet ended with %v", err)
	}
	if s := out.String(); !strings.Contains(s, "2 insoles walk") || !strings.Contains(s, "connected 0/2") || !strings.Contains(s, "in backlog 2") {
		t.Errorf("the fleet printed %q", s)
	}
}

// Without a fleet the insole connects by itself, and says so when it cannot.
func TestPressAlone(t *testing.T) {
	keys := keysFile(t)
	var out bytes.Buffer
	err := run(t.Context(), []string{"press", "sos", "-insole", native, "-keys", keys, "-control", nobody(t), "-addr", nobody(t), "-wait", "50ms"}, &out)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 reports not acknowledged") {
		t.Errorf("error = %v", err)
	}
	err = run(t.Context(), []string{"press", "sos", "-insole", "ffffffffffffffff", "-keys", keys, "-control", ""}, &out)
	if err == nil || !strings.Contains(err.Error(), "ffffffffffffffff") {
		t.Errorf("unknown insole: %v", err)
	}
}
