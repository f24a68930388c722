package source

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/host/lambda"
	"solewatch/internal/standin"
)

// fakeStream is a stream of records and one mapping's checkpoint.
type fakeStream struct {
	mu       sync.Mutex
	records  []standin.StreamRecord
	position uint64
	known    bool
	changed  chan struct{}
}

// newFakeStream makes one record for each word: "key" or "key:mark", with the mark in the new image.
func newFakeStream(words ...string) *fakeStream {
	s := &fakeStream{changed: make(chan struct{})}
	s.add(words...)
	return s
}

func (s *fakeStream) add(words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range words {
		key, mark, _ := strings.Cut(w, ":")
		s.records = append(s.records, standin.StreamRecord{
			Seq: uint64(len(s.records) + 1), EventName: "INSERT", At: time.Now(),
			Keys: json.RawMessage(fmt.Sprintf(`{"PK":{"S":%q}}`, key)), NewImage: json.RawMessage(fmt.Sprintf(`{"m":{"S":%q}}`, mark)),
		})
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *fakeStream) StreamRecords(ctx context.Context, _ string, after uint64, max int, wait time.Duration) ([]standin.StreamRecord, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		s.mu.Lock()
		left := s.records[min(int(after), len(s.records)):]
		out := slices.Clone(left[:min(max, len(left))])
		changed := s.changed
		s.mu.Unlock()
		if len(out) > 0 {
			return out, nil
		}
		select {
		case <-changed:
		case <-end.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (s *fakeStream) StreamHead(string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.records))
}

func (s *fakeStream) StreamPosition(string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

func (s *fakeStream) HasStreamPosition(string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

func (s *fakeStream) SetStreamPosition(_ string, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.known = seq, true
}

// tries notes the batches of a stream mapping, as "1,2,3", and answers by rule.
type tries struct {
	mu   sync.Mutex
	all  []string
	keys []string // key of every record that was answered as done, in order
	rule func(seqs []uint64, marks []string) (answer string, fail bool)
}

func (b *tries) invoke(payload []byte) (lambda.Result, error) {
	var e struct {
		Records []struct {
			Dynamodb struct {
				SequenceNumber string
				Keys           map[string]map[string]string
				NewImage       map[string]map[string]string
			} `json:"dynamodb"`
		}
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return lambda.Result{}, err
	}
	var seqs []uint64
	var texts, marks []string
	for _, r := range e.Records {
		n, err := strconv.ParseUint(r.Dynamodb.SequenceNumber, 10, 64)
		if err != nil {
			return lambda.Result{}, err
		}
		seqs, texts, marks = append(seqs, n), append(texts, fmt.Sprint(n)), append(marks, r.Dynamodb.NewImage["m"]["S"])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, strings.Join(texts, ","))
	answer, fail := "{}", false
	if b.rule != nil {
		answer, fail = b.rule(seqs, marks)
	}
	res := lambda.Result{RequestID: "r", Payload: []byte(answer)}
	if fail {
		res.FunctionError = "Unhandled"
	} else {
		for _, r := range e.Records {
			b.keys = append(b.keys, r.Dynamodb.Keys["PK"]["S"])
		}
	}
	return res, nil
}

func (b *tries) batches() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.all, " ")
}

// failing answers that every record marked bad failed, as a partial answer.
func failing(seqs []uint64, marks []string) (string, bool) {
	var items []string
	for i, m := range marks {
		if m == "bad" {
			items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, sequence(seqs[i])))
		}
	}
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`, false
}

// exploding fails the whole function when a record is marked bad.
func exploding(_ []uint64, marks []string) (string, bool) {
	return `{}`, slices.Contains(marks, "bad")
}

func TestStream(t *testing.T) {
	for _, tc := range []struct {
		name     string
		records  string
		mapping  Stream
		rule     func([]uint64, []string) (string, bool)
		batches  string // all of them, in order, within the time
		position uint64
		sent     string // condition start-end of each failure record
		within   time.Duration
	}{
		{name: "all done", records: "a b c", mapping: Stream{BatchSize: 10, Retries: -1}, batches: "1,2,3", position: 3},
		{name: "batches", records: "a b c", mapping: Stream{BatchSize: 2, Retries: -1}, batches: "1,2 3", position: 3},
		{
			name: "a poison record blocks what follows", records: "a b:bad c", mapping: Stream{BatchSize: 10, Retries: -1}, rule: exploding,
			batches: "1,2,3 1,2,3 1,2,3", position: 0, within: 4 * time.Second, // again after 1 s and 2 s
		},
		{
			name: "retries end", records: "a b:bad c", mapping: Stream{BatchSize: 10, Retries: 1, OnFailure: "dead"}, rule: exploding,
			batches: "1,2,3 1,2,3", position: 3, sent: "RetryAttemptsExhausted 1-3", within: 10 * time.Second,
		},
		{
			name: "bisect finds the poison record; splits use up no retry", records: "a b c:bad d", rule: exploding,
			mapping: Stream{BatchSize: 10, Retries: 1, Bisect: true, OnFailure: "dead"},
			batches: "1,2,3,4 1,2 3,4 3 3 4", position: 4, sent: "RetryAttemptsExhausted 3-3", within: 10 * time.Second,
		},
		{
			name: "partial answer: the lowest failed one is the checkpoint", records: "a b c:bad d e:bad", rule: failing,
			mapping: Stream{BatchSize: 10, Retries: -1, Partial: true},
			batches: "1,2,3,4,5 3,4,5", position: 2, within: 1500 * time.Millisecond,
		},
		{
			name: "partial and bisect: a partial answer splits at that record", records: "a b c:bad d", rule: failing,
			mapping: Stream{BatchSize: 10, Retries: 0, Partial: true, Bisect: true, OnFailure: "dead"},
			batches: "1,2,3,4 3,4 3 4", position: 4, sent: "RetryAttemptsExhausted 3-3", within: 10 * time.Second,
		},
		{
			name: "identifier not in the batch fails it whole", records: "a b", mapping: Stream{BatchSize: 10, Retries: 0, Partial: true, OnFailure: "dead"},
			rule: func([]uint64, []string) (string, bool) {
				return `{"batchItemFailures":[{"itemIdentifier":"99"}]}`, false
			},
			batches: "1,2", position: 2, sent: "RetryAttemptsExhausted 1-2", within: time.Second,
		},
		{
			name: "null list is success", records: "a b", mapping: Stream{BatchSize: 10, Partial: true},
			rule:    func([]uint64, []string) (string, bool) { return `{"batchItemFailures":null}`, false },
			batches: "1,2", position: 2,
		},
		{
			name: "filtered records are passed over", records: "a:x b:y c:x", batches: "2", position: 3,
			mapping: Stream{BatchSize: 10, Filters: []string{`{"dynamodb":{"NewImage":{"m":{"S":["y"]}}}}`}},
		},
		{
			name: "records too old are given up", records: "a:bad", rule: exploding,
			mapping: Stream{BatchSize: 10, Retries: -1, MaxAge: time.Minute, OnFailure: "dead"},
			batches: "1 1 1 1 1 1", position: 1, sent: "RecordAgeExceeded 1-1", within: 3 * time.Minute,
		},
		{name: "latest begins behind what is there", records: "a b", mapping: Stream{BatchSize: 10, Latest: true}, batches: "", position: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, b := newFakeStream(strings.Fields(tc.records)...), &tries{rule: tc.rule}
				var sent []string
				m := tc.mapping
				m.ID, m.Function, m.Table, m.Records, m.Invoker = "M", "F", "T", in, invokerFunc(b.invoke)
				m.Send = func(arn, body string) error {
					var f struct {
						RequestContext     struct{ Condition string }
						DDBStreamBatchInfo struct{ StartSequenceNumber, EndSequenceNumber string }
					}
					if err := json.Unmarshal([]byte(body), &f); err != nil {
						return err
					}
					trim := func(s string) string { return strings.TrimLeft(s, "0") }
					sent = append(sent, f.RequestContext.Condition+" "+trim(f.DDBStreamBatchInfo.StartSequenceNumber)+"-"+trim(f.DDBStreamBatchInfo.EndSequenceNumber))
					return nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- m.Run(ctx) }()
				time.Sleep(tc.within)
				synctest.Wait()
				got := b.batches()
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got != tc.batches {
					t.Errorf("batches %q, want %q", got, tc.batches)
				}
				if p := in.StreamPosition(""); p != tc.position {
					t.Errorf("checkpoint %d, want %d", p, tc.position)
				}
				if s := strings.Join(sent, " "); s != tc.sent {
					t.Errorf("failure records %q, want %q", s, tc.sent)
				}
			})
		})
	}
}

// Lanes keep the order of each item; one blocked lane holds the checkpoint and not the other lanes.
func TestStreamLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var words []string
		for i := range 40 {
			words = append(words, fmt.Sprintf("k%d:%d", i%8, i))
		}
		words[0] = "k0:bad"
		in, b := newFakeStream(words...), &tries{rule: exploding}
		m := Stream{ID: "M", Function: "F", Table: "T", BatchSize: 1, Retries: -1, Parallel: 4, Records: in, Invoker: invokerFunc(b.invoke)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if p := in.StreamPosition(""); p != 0 {
			t.Errorf("checkpoint %d with the first record not done, want 0", p)
		}
		b.mu.Lock()
		if len(b.keys) == 0 || slices.Contains(b.keys, "k0") {
			t.Errorf("done while k0 is blocked: %q", b.keys)
		}
		b.rule = nil // the function is repaired
		b.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if p := in.StreamPosition(""); p != 40 {
			t.Errorf("checkpoint %d, want 40", p)
		}
		if len(b.keys) != 40 {
			t.Errorf("%d records done, want 40", len(b.keys))
		}
		last := map[string]int{}
		for _, batch := range b.all {
			n, err := strconv.Atoi(batch)
			if err != nil {
				t.Fatal(err)
			}
			key := fmt.Sprintf("k%d", (n-1)%8)
			if n < last[key] {
				t.Errorf("record %d of %s came after %d", n, key, last[key])
			}
			last[key] = n
		}
	})
}

func TestStreamEvent(t *testing.T) {
	s := Stream{Region: "eu-west-3", ARN: "arn:stream", View: "NEW_AND_OLD_IMAGES", Log: logger(nil)}
	var e map[string]any
	if err := json.Unmarshal(s.event(standin.StreamRecord{
		Seq: 7, EventName: "REMOVE", Keys: json.RawMessage(`{"PK":{"S":"a"}}`), OldImage: json.RawMessage(`{"PK":{"S":"a"}}`), TTLDelete: true, Size: 9,
	}), &e); err != nil {
		t.Fatal(err)
	}
	id, ok := e["userIdentity"].(map[string]any)
	if !ok || id["principalId"] != "dynamodb.amazonaws.com" || id["type"] != "Service" {
		t.Errorf("userIdentity = %v", e["userIdentity"])
	}
	change, ok := e["dynamodb"].(map[string]any)
	if !ok || change["NewImage"] != nil || change["OldImage"] == nil || change["SequenceNumber"] != "000000000000000000007" {
		t.Errorf("dynamodb = %v", e["dynamodb"])
	}
}
