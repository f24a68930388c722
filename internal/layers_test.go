package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The layers of docs/architecture.md, from the bottom. A package may import its own layer's listed friends and everything below.
var layers = [][]string{
	{"internal/insole"},
	{"internal/wire/", "internal/rules", "internal/text", "internal/audit"},
	{"internal/store", "internal/queue", "internal/notify", "internal/feed"},
	{"internal/bridge", "internal/ingest", "internal/alarm", "internal/checkin", "internal/muster", "internal/watchdog", "internal/push", "internal/api", "internal/socket", "internal/auth", "internal/directory", "internal/readiness", "internal/tally", "internal/parts", "internal/canary"},
	{"internal/fleet", "internal/cost", "internal/standin", "internal/host", "internal/e2e", "tcpbridge", "functions/", "cmd/"},
}

func layer(pkg string) int {
	path := strings.TrimPrefix(pkg, "solewatch/")
	for i, names := range layers {
		for _, n := range names {
			if path == n || strings.HasPrefix(path, strings.TrimSuffix(n, "/")+"/") {
				return i
			}
		}
	}
	return -1
}

type listed struct {
	ImportPath string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,GoFiles,Imports,Deps", "solewatch/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, "solewatch/") && len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages of ours", len(all))
	}
	return all
}

// Imports point down the list of docs/architecture.md only.
func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t) {
		at := layer(p.ImportPath)
		if at < 0 {
			t.Errorf("%s is in no layer", p.ImportPath)
			continue
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, "solewatch/") {
				continue
			}
			if to := layer(i); to > at {
				t.Errorf("%s imports %s, which is above it", p.ImportPath, i)
			}
			if at <= 3 && (strings.HasPrefix(i, "solewatch/internal/standin") || strings.HasPrefix(i, "solewatch/internal/host")) {
				t.Errorf("%s imports %s: the product does not know where it runs", p.ImportPath, i)
			}
		}
	}
}

// Only adapters use the cloud's SDK, and programs to build its clients; the bottom two layers touch neither socket nor SDK.
func TestWhoUsesTheCloud(t *testing.T) {
	for _, p := range list(t) {
		at := layer(p.ImportPath)
		for _, i := range p.Imports {
			sdk := strings.HasPrefix(i, "github.com/aws/aws-sdk-go-v2")
			if sdk && at == 3 {
				t.Errorf("%s is a stage and imports %s", p.ImportPath, i)
			}
			if at <= 1 && (sdk || i == "net" || i == "net/http") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
		if p.ImportPath == "solewatch/internal/insole" {
			for _, d := range p.Deps {
				if first, _, _ := strings.Cut(d, "/"); strings.Contains(first, ".") && !slices.Contains([]string{"vendor"}, first) {
					t.Errorf("internal/insole depends on %s", d)
				}
			}
		}
	}
}
