package e2e

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

var answerLink = regexp.MustCompile(`http://localhost:8000(/a/[A-Z2-7]{26})\b`)

// From a button on a foot to the link in an SMS, and from there, without signing in, to a name on everybody's screen.
func TestAnswerByLink(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	e := w.of(insole.SOLE, 0)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	f.say(sole.Record{Kind: insole.KindSOS, At: time.Now(), Fix: here(43.6163, 7.0552)})
	f.heard()
	seen := screen.alarm(func(a feed.Alarm) bool { return a.Insole == string(e.Insole) && a.State == "active" })
	until(t, "an SMS and an e-mail", func() bool {
		return len(w.about(seen.Reference, "sms")) > 0 && len(w.about(seen.Reference, "email")) > 0
	})
	links := map[string]bool{}
	var path string
	for _, kind := range []string{"email", "sms"} {
		for _, n := range w.about(seen.Reference, kind) {
			m := answerLink.FindStringSubmatch(n.Text)
			if m == nil {
				t.Fatalf("%s to %s has no link of its own: %q", n.Kind, n.To, n.Text)
			}
			if strings.Contains(n.Text, seen.ID) || links[m[1]] {
				t.Errorf("%s to %s has a link that is not its own: %q", n.Kind, n.To, n.Text)
			}
			links[m[1]], path = true, m[1]
		}
	}

	anybody := &http.Client{Timeout: patience}
	answered := func(resp *http.Response, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	if resp, body := answered(anybody.Head(w.Web + path)); resp.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: %d %q", resp.StatusCode, body)
	}
	resp, body := answered(anybody.Get(w.Web + path))
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, seen.WorkerName) || !strings.Contains(body, `<form method="post">`) || len(body) > 15_000 {
		t.Fatalf("GET: %d, %d bytes: %s", resp.StatusCode, len(body), body)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", csp)
	}

	resp, body = answered(anybody.PostForm(w.Web+path, url.Values{"answer": {"taken"}})) // and follows the redirect
	if resp.StatusCode != http.StatusOK || resp.Request.Method != http.MethodGet || strings.Contains(body, "<form") {
		t.Fatalf("POST: %d %s", resp.StatusCode, body)
	}
	taken := screen.alarm(func(a feed.Alarm) bool { return a.ID == seen.ID && a.State == "taken" })
	var file struct {
		Pages []struct{ Name, Channel, State, Answer string }
	}
	claire.call("GET", "/api/alarms/"+seen.ID, nil, &file)
	by := ""
	for _, p := range file.Pages {
		if p.State == "answered" && p.Answer == "taken" {
			by += p.Name
		}
	}
	if by == "" || taken.OwnerName != by || !strings.Contains(body, by) {
		t.Errorf("the screen says %q, the answered page is of %q", taken.OwnerName, by)
	}
	for other := range links {
		if other == path {
			continue
		}
		if _, body := answered(anybody.Get(w.Web + other)); !strings.Contains(body, by) || strings.Contains(body, "<form") {
			t.Errorf("another message's link does not say who has it: %s", body)
		}
	}
	if resp, _ := answered(anybody.Get(w.Web + "/a/" + strings.Repeat("A", 26))); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a link that was never made: %d", resp.StatusCode)
	}
}
