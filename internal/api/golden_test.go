package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/auth"
	"solewatch/internal/text"
)

// golden compares got with the file, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, got, 0o644))
		return
	}
	want, err := os.ReadFile(name)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; go test -update rewrites it):\n%s", name, diff)
	}
}

func indent(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, json.Indent(&b, raw, "", "  "))
	b.WriteByte('\n')
	return b.Bytes()
}

// The document is what clients were written against: a change of it is read in the diff.
func TestOpenAPI(t *testing.T) {
	o := newOffice(t)
	a := o.ask(t, auth.Session{}, "GET", "/openapi.json", nil)
	golden(t, "testdata/openapi.json", indent(t, []byte(a.body)))

	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
		}
	}
	must(t, json.Unmarshal([]byte(a.body), &doc))
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", doc.OpenAPI)
	}
	handbook, err := os.ReadFile("../../docs/api.md")
	must(t, err)
	for path, methods := range doc.Paths {
		if !strings.Contains(string(handbook), path) {
			t.Errorf("docs/api.md does not name %s", path)
		}
		for method, op := range methods {
			need, ok := needs[op.OperationID]
			if public := len(op.Security) == 0; !ok || public != (need == "") {
				t.Errorf("%s %s says that it needs %v, the table says %q", method, path, op.Security, need)
			}
		}
	}
}

var secrets = regexp.MustCompile(`__Host-session=[A-Za-z0-9_-]{43}`)

// Every events/api-*.json goes through the handler as the function gets it; the answers are in testdata.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("../../events/api-*.json")
	must(t, err)
	if len(files) < 15 {
		t.Fatalf("%d events", len(files))
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			o := newOffice(t)
			event, err := os.ReadFile(name)
			must(t, err)
			raw, err := o.api.Lambda().Invoke(t.Context(), event)
			must(t, err)
			var out struct {
				StatusCode int               `json:"statusCode"`
				Headers    map[string]string `json:"headers,omitempty"`
				Cookies    []string          `json:"cookies,omitempty"`
				Body       string            `json:"-"`
				JSON       json.RawMessage   `json:"body,omitempty"` // not as a string, so that a person can read it
			}
			must(t, json.Unmarshal(raw, &out))
			var body struct{ Body string }
			must(t, json.Unmarshal(raw, &body))
			out.JSON = nil
			if json.Valid([]byte(body.Body)) {
				out.JSON = json.RawMessage(body.Body)
			}
			for i, c := range out.Cookies {
				out.Cookies[i] = secrets.ReplaceAllString(c, "__Host-session=<43 characters>")
			}
			got, err := json.Marshal(out)
			must(t, err)
			golden(t, "testdata/events/"+filepath.Base(name), indent(t, got))
		})
	}
}

// Every problem there is has its texts.
func TestProblemTexts(t *testing.T) {
	src, err := os.ReadFile("problem.go")
	must(t, err)
	found := regexp.MustCompile(`(?m)^\t\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(src), -1)
	if len(found) < 15 {
		t.Fatalf("%d problems found", len(found))
	}
	for _, f := range found {
		for _, part := range []string{".title", ".detail"} {
			if !text.Has("problem." + f[1] + part) {
				t.Errorf("problem %s has no %s", f[1], part)
			}
		}
	}
	schema := regexp.MustCompile("`\\), \"([a-z-]+)\", ").FindAllStringSubmatch(string(src), -1)
	if len(schema) < 14 {
		t.Fatalf("%d texts for the schema found", len(schema))
	}
	for _, s := range schema {
		if !text.Has("problem.schema." + s[1]) {
			t.Errorf("no text for problem.schema.%s", s[1])
		}
	}
	faults := 0
	for _, dir := range []string{"../directory", "../../cmd/provision"} {
		files, err := filepath.Glob(dir + "/*.go")
		must(t, err)
		for _, name := range files {
			src, err := os.ReadFile(name)
			must(t, err)
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, f := range regexp.MustCompile(`(?:fault\([^,\n]+, |What: )"([a-z-]+)"`).FindAllStringSubmatch(string(src), -1) {
				faults++
				if !text.Has("problem.fault." + f[1]) {
					t.Errorf("%s: fault %s has no text", name, f[1])
				}
			}
		}
	}
	if faults < 40 {
		t.Fatalf("%d faults found", faults)
	}
}
