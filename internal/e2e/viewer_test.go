package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"solewatch/internal/feed"
)

// A person is somebody signed in, as a browser is: one name for page, API and WebSocket, one cookie.
type person struct {
	t    testing.TB
	base string // http://host:port
	http *http.Client
}

func signIn(t testing.TB, base, email, password string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, base: base, http: &http.Client{Jar: secure{jar}, Timeout: patience}}
	p.call("POST", "/api/session", map[string]string{"email": email, "password": password}, nil)
	return p
}

// secure gives a jar the belief of browsers that loopback is as good as https, so that a Secure cookie is sent there.
type secure struct{ *cookiejar.Jar }

func asHTTPS(u *url.URL) *url.URL { v := *u; v.Scheme = "https"; return &v }

func (s secure) SetCookies(u *url.URL, c []*http.Cookie) { s.Jar.SetCookies(asHTTPS(u), c) }
func (s secure) Cookies(u *url.URL) []*http.Cookie       { return s.Jar.Cookies(asHTTPS(u)) }

// ask makes one call; the answer's body goes into out when the status is 2xx and out is not nil.
func (p *person) ask(method, path string, in, out any) (int, []byte, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, p.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	if resp.StatusCode/100 == 2 && out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			return resp.StatusCode, b, fmt.Errorf("%s %s: %w in %s", method, path, err, b)
		}
	}
	return resp.StatusCode, b, nil
}

// call is ask where anything but 2xx fails the test.
func (p *person) call(method, path string, in, out any) {
	p.t.Helper()
	status, b, err := p.ask(method, path, in, out)
	if err != nil || status/100 != 2 {
		p.t.Fatalf("%s %s = %d %s %v", method, path, status, b, err)
	}
}

// A screen is an open page: it follows the feed by feed.Screen's rules and notes when it saw what.
type screen struct {
	person *person
	conn   *websocket.Conn
	heard  chan feed.Message
}

// open opens a WebSocket with a fresh ticket.
func (p *person) open(ctx context.Context) *screen {
	p.t.Helper()
	var ticket struct {
		Ticket string `json:"ticket"`
	}
	p.call("POST", "/api/ticket", map[string]string{}, &ticket)
	c, _, err := websocket.Dial(ctx, strings.Replace(p.base, "http", "ws", 1)+"/ws?ticket="+url.QueryEscape(ticket.Ticket), nil)
	if err != nil {
		p.t.Fatalf("opening the feed: %v", err)
	}
	c.SetReadLimit(1 << 20)
	s := &screen{person: p, conn: c, heard: make(chan feed.Message, 10_000)}
	p.t.Cleanup(func() { c.CloseNow() })
	go func() {
		defer close(s.heard)
		for {
			_, b, err := c.Read(ctx)
			if err != nil {
				return
			}
			var m feed.Message
			if json.Unmarshal(b, &m) == nil {
				s.heard <- m
			}
		}
	}()
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"action":"sync"}`)); err != nil {
		p.t.Fatal(err)
	}
	s.wait(func(m feed.Message) bool { return m.Type == "sync" })
	return s
}

// wait returns the first message for which is is true.
func (s *screen) wait(is func(feed.Message) bool) feed.Message {
	s.person.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case m, ok := <-s.heard:
			if !ok {
				s.person.t.Fatal("the feed ended")
			}
			if is(m) {
				return m
			}
		case <-timeout:
			s.person.t.Fatal("the feed did not say what was waited for")
		}
	}
}

// alarm waits for news of an alarm for which is is true.
func (s *screen) alarm(is func(feed.Alarm) bool) feed.Alarm {
	s.person.t.Helper()
	var found feed.Alarm
	s.wait(func(m feed.Message) bool {
		for _, c := range m.Changes {
			if c.Alarm != nil && is(*c.Alarm) {
				found = *c.Alarm
				return true
			}
		}
		return false
	})
	return found
}

// until asks again and again until ok, for what no channel tells: real processes are involved.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * patience) // a message that was not kept comes back after 60 s
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
