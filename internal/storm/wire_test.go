package storm

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// faults are the shares of all calls that go wrong, each in its way; the rest of 1 goes well.
type faults struct {
	refused   float64 // the connection is refused: certainly no effect
	throttled float64 // answered as throttled: certainly no effect
	delayed   float64 // by up to longest, half of it before the effect and half after: the caller may have given up meanwhile
	lost      float64 // the effect happens, its reply is lost
	longest   time.Duration
}

func (f faults) share() float64 { return f.refused + f.throttled + f.delayed + f.lost }

// A wire carries the calls of the SDK to the stand-in, in memory, so that waiting costs virtual time only. It is where calls go wrong.
type wire struct {
	to     http.Handler
	faults faults

	mu        sync.Mutex
	rand      *rand.Rand
	calls     int
	wrong     int
	published map[pageName]int     // publishes that SNS took, by page
	ambiguous map[pageName]int     // publishes whose caller cannot know whether SNS took them
	emergency int                  // publishes that SNS took and that belong to no page
	first     map[string]time.Time // publish about an alarm, also beside the table
	texted    map[string]time.Time // first text message about an alarm
	texts     *rate.Limiter        // of text messages that SNS takes; nil: as many as come
	over      int                  // text messages that SNS did not take because of it
}

// A pageName is one page: the same for every publish of it.
type pageName struct{ alarm, contact, channel, step string }

type pageKey struct{}

func newWire(to http.Handler, f faults, seed uint64) *wire {
	return &wire{to: to, faults: f, rand: rand.New(rand.NewPCG(seed, 1)), published: map[pageName]int{}, ambiguous: map[pageName]int{}, first: map[string]time.Time{}, texted: map[string]time.Time{}}
}

// link is where a notice that goes out beside the table names its alarm.
var link = regexp.MustCompile(`/a/([a-z2-7]{16})\b`)

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.calls++
	what, latency := w.rand.Float64(), time.Duration(2+w.rand.IntN(15))*time.Millisecond
	late := time.Duration(w.rand.Float64() * float64(w.faults.longest))
	if what < w.faults.share() {
		w.wrong++
	}
	w.mu.Unlock()
	f := w.faults
	switch {
	case what < f.refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case what < f.refused+f.throttled:
		if err := pause(r.Context(), latency); err != nil {
			return nil, err
		}
		return throttled(r), nil
	case what < f.refused+f.throttled+f.delayed:
		return w.carry(r, late/2, late/2, false)
	case what < f.share():
		return w.carry(r, latency, 0, true)
	}
	return w.carry(r, latency, 0, false)
}

// carry makes the call after before, and answers after after. lost answers nothing.
func (w *wire) carry(r *http.Request, before, after time.Duration, lost bool) (*http.Response, error) {
	name, page := r.Context().Value(pageKey{}).(pageName)
	publish := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	unsure := func() {
		if publish && page {
			w.mu.Lock()
			w.ambiguous[name]++
			w.mu.Unlock()
		}
	}
	if err := pause(r.Context(), before); err != nil {
		unsure()
		return nil, err
	}
	text, sms := "", false
	if publish {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ := url.ParseQuery(string(b))
		text, sms = form.Get("Message"), form.Get("PhoneNumber") != ""
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	if sms && w.texts != nil && !w.texts.Allow() {
		w.mu.Lock()
		w.over++
		w.mu.Unlock()
		return throttled(r), nil
	}
	rec := httptest.NewRecorder()
	w.to.ServeHTTP(rec, r)
	if publish && rec.Code == http.StatusOK {
		w.mu.Lock()
		switch {
		case page:
			w.published[name]++
			if w.first[name.alarm].IsZero() {
				w.first[name.alarm] = time.Now()
			}
			if sms && w.texted[name.alarm].IsZero() {
				w.texted[name.alarm] = time.Now()
			}
		default:
			w.emergency++
			if m := link.FindStringSubmatch(text); m != nil && w.first[m[1]].IsZero() {
				w.first[m[1]] = time.Now()
			}
		}
		w.mu.Unlock()
	}
	if lost {
		unsure()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err := pause(r.Context(), after); err != nil {
		unsure()
		return nil, err
	}
	return rec.Result(), nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// throttled is what each service answers when it is asked too much.
func throttled(r *http.Request) *http.Response {
	body, kind := `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}`, "application/x-amz-json-1.0"
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS"):
		body = `{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Rate exceeded"}`
	case r.Header.Get("X-Amz-Target") == "":
		kind = "text/xml"
		body = `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>0</RequestId></ErrorResponse>`
	}
	return &http.Response{StatusCode: http.StatusBadRequest, Status: "400 Bad Request", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)), Request: r}
}
