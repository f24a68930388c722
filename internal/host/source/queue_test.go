package source

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/host/lambda"
	"solewatch/internal/standin"
)

// fakeQueue hands its messages out once, in order, and notes what is deleted.
type fakeQueue struct {
	mu      sync.Mutex
	waiting []standin.Message
	deleted []string
	polls   int
	wake    chan struct{}
}

func newFakeQueue(bodies ...string) *fakeQueue {
	q := &fakeQueue{wake: make(chan struct{}, 100)}
	q.add(bodies...)
	return q
}

func (q *fakeQueue) add(bodies ...string) {
	q.mu.Lock()
	for _, b := range bodies {
		q.waiting = append(q.waiting, standin.Message{ID: "id-" + b, ReceiptHandle: b, Body: b, Attributes: map[string]string{}})
	}
	q.mu.Unlock()
	for range startLanes {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

func (q *fakeQueue) Receive(ctx context.Context, _ string, max int, wait time.Duration) ([]standin.Message, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		q.mu.Lock()
		q.polls++
		n := min(max, len(q.waiting))
		out := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		q.mu.Unlock()
		if n > 0 {
			return out, nil
		}
		select {
		case <-q.wake:
		case <-end.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (q *fakeQueue) DeleteBatch(_ string, handles []string) []error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deleted = append(q.deleted, handles...)
	return make([]error, len(handles))
}

func (q *fakeQueue) gone() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Sorted(slices.Values(q.deleted))
}

type invokerFunc func(payload []byte) (lambda.Result, error)

func (f invokerFunc) Invoke(_ context.Context, _ string, payload []byte) (lambda.Result, error) {
	return f(payload)
}

// The rows of "ReportBatchItemFailures": Lambda developer guide, "Implementing partial batch responses".
func TestPartialBatch(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		fail         bool // the function fails
		off          bool // without ReportBatchItemFailures
		deleted      string
	}{
		{name: "empty object", answer: `{}`, deleted: "a b c"},
		{name: "null", answer: `null`, deleted: "a b c"},
		{name: "nothing", answer: ``, deleted: "a b c"},
		{name: "empty list", answer: `{"batchItemFailures":[]}`, deleted: "a b c"},
		{name: "null list", answer: `{"batchItemFailures":null}`, deleted: "a b c"},
		{name: "one failed", answer: `{"batchItemFailures":[{"itemIdentifier":"id-b"}]}`, deleted: "a c"},
		{name: "two failed", answer: `{"batchItemFailures":[{"itemIdentifier":"id-c"},{"itemIdentifier":"id-a"}]}`, deleted: "b"},
		{name: "all failed", answer: `{"batchItemFailures":[{"itemIdentifier":"id-a"},{"itemIdentifier":"id-b"},{"itemIdentifier":"id-c"}]}`},
		{name: "invalid JSON", answer: `{"batchItemFailures":`},
		{name: "a text", answer: `"ok"`},
		{name: "a list that is none", answer: `{"batchItemFailures":"id-a"}`},
		{name: "empty identifier", answer: `{"batchItemFailures":[{"itemIdentifier":""}]}`},
		{name: "null identifier", answer: `{"batchItemFailures":[{"itemIdentifier":null}]}`},
		{name: "number as identifier", answer: `{"batchItemFailures":[{"itemIdentifier":7}]}`},
		{name: "wrong key", answer: `{"batchItemFailures":[{"id":"id-a"}]}`},
		{name: "identifier not in the batch", answer: `{"batchItemFailures":[{"itemIdentifier":"id-z"}]}`},
		{name: "one known, one not", answer: `{"batchItemFailures":[{"itemIdentifier":"id-a"},{"itemIdentifier":"id-z"}]}`},
		{name: "function error", answer: `{"errorMessage":"x"}`, fail: true},
		{name: "setting off: the answer is not looked at", answer: `{"batchItemFailures":[{"itemIdentifier":"id-b"}]}`, off: true, deleted: "a b c"},
		{name: "setting off, function error", answer: `{}`, fail: true, off: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := newFakeQueue()
			m := &Queue{Function: "F", Queue: "q", Partial: !tc.off, Messages: q, Log: logger(nil), Invoker: invokerFunc(func([]byte) (lambda.Result, error) {
				r := lambda.Result{Payload: []byte(tc.answer)}
				if tc.fail {
					r.FunctionError = "Unhandled"
				}
				return r, nil
			})}
			if err := m.deliver(t.Context(), newFakeQueue("a", "b", "c").waiting); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(q.gone(), " "); got != tc.deleted {
				t.Errorf("answer %s deleted %q, want %q", tc.answer, got, tc.deleted)
			}
		})
	}
}

// batches collects what a mapping delivers, as "a,b".
type batches struct {
	mu  sync.Mutex
	all []string
	at  []time.Time
}

func (b *batches) invoke(payload []byte) (lambda.Result, error) {
	var e struct{ Records []record }
	if err := json.Unmarshal(payload, &e); err != nil {
		return lambda.Result{}, err
	}
	var bodies []string
	for _, r := range e.Records {
		bodies = append(bodies, r.Body)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, strings.Join(bodies, ","))
	b.at = append(b.at, time.Now())
	return lambda.Result{Payload: []byte(`{}`)}, nil
}

func (b *batches) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

func runQueue(t *testing.T, m *Queue) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestQueueFiltersDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, b := newFakeQueue(`{"kind":"sos"}`, `{"kind":"track"}`, `not json`), &batches{}
		m := &Queue{
			Function: "F", Queue: "q", BatchSize: 10, Messages: q, Invoker: invokerFunc(b.invoke),
			Filters: []string{`{"body":{"kind":["sos"]}}`},
		}
		stop := runQueue(t, m)
		synctest.Wait()
		stop()
		if len(b.seen()) != 1 || b.seen()[0] != `{"kind":"sos"}` {
			t.Errorf("delivered %q", b.seen())
		}
		if len(q.gone()) != 3 {
			t.Errorf("deleted %q, want all three", q.gone())
		}
	})
}

func TestQueueWindowFillsABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, b := newFakeQueue(), &batches{}
		m := &Queue{Function: "F", Queue: "q", BatchSize: 4, Window: 2 * time.Second, Concurrency: 2, Messages: q, Invoker: invokerFunc(b.invoke)}
		stop := runQueue(t, m)
		began := time.Now()
		q.add("a")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(b.seen()) != 0 {
			t.Errorf("delivered %q before the window ended", b.seen())
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		stop()
		if len(b.all) != 1 || b.at[0].Sub(began) != 2*time.Second {
			t.Errorf("delivered %q at %v, want at the window's end", b.all, b.at)
		}
	})
}

func TestQueueThrottledComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, b, calls := newFakeQueue("a"), &batches{}, 0
		m := &Queue{Function: "F", Queue: "q", BatchSize: 1, Messages: q, Invoker: invokerFunc(func(p []byte) (lambda.Result, error) {
			calls++
			if calls == 1 {
				return lambda.Result{}, lambda.ErrThrottled
			}
			return b.invoke(p)
		})}
		stop := runQueue(t, m)
		synctest.Wait()
		if len(q.gone()) != 0 {
			t.Errorf("a throttled batch was deleted")
		}
		q.add("a") // its visibility timeout is over
		synctest.Wait()
		stop()
		if len(q.gone()) != 1 || len(b.seen()) != 1 {
			t.Errorf("delivered %q, deleted %q", b.all, q.gone())
		}
	})
}

// Five batches at once to begin with, five more each second while all are busy, never above the maximum.
func TestQueueConcurrency(t *testing.T) {
	for _, tc := range []struct {
		most int
		want []int // at once after 0.5, 1.5 and 2.5 s
	}{{0, []int{5, 10, 15}}, {7, []int{5, 7, 7}}, {2, []int{2, 2, 2}}} {
		synctest.Test(t, func(t *testing.T) {
			q := newFakeQueue()
			for i := range 100 {
				q.add(fmt.Sprint(i))
			}
			var mu sync.Mutex
			now := 0
			release := make(chan struct{})
			m := &Queue{Function: "F", Queue: "q", BatchSize: 1, Concurrency: tc.most, Messages: q, Invoker: invokerFunc(func([]byte) (lambda.Result, error) {
				mu.Lock()
				now++
				mu.Unlock()
				<-release
				return lambda.Result{Payload: []byte("{}")}, nil
			})}
			stop := runQueue(t, m)
			time.Sleep(500 * time.Millisecond)
			for i, want := range tc.want {
				synctest.Wait()
				mu.Lock()
				if now != want {
					t.Errorf("maximum %d: %d at once in second %d, want %d", tc.most, now, i, want)
				}
				mu.Unlock()
				time.Sleep(time.Second)
			}
			close(release)
			stop()
		})
	}
}
