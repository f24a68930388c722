package source

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/host/lambda"
)

func TestAsync(t *testing.T) {
	failed := lambda.Result{FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"x"}`)}
	ok := lambda.Result{Payload: []byte(`{}`)}
	const m = time.Minute
	for _, tc := range []struct {
		name    string
		event   Event
		answers func(n int, at time.Duration) (lambda.Result, error) // of the n-th try
		at      []time.Duration                                      // when it is tried
		sent    []string                                             // "arn condition", "arn event"
	}{
		{
			name: "done at once", event: Event{Retries: 2},
			answers: func(int, time.Duration) (lambda.Result, error) { return ok, nil }, at: []time.Duration{0},
		},
		{
			name: "two retries, after one and two minutes", event: Event{Retries: 2, DeadARN: "dlq", OnFailure: "failed"},
			answers: func(int, time.Duration) (lambda.Result, error) { return failed, nil },
			at:      []time.Duration{0, m, 3 * m}, sent: []string{"dlq event", "failed RetriesExhausted"},
		},
		{
			name: "no retries", event: Event{OnFailure: "failed"},
			answers: func(int, time.Duration) (lambda.Result, error) { return failed, nil },
			at:      []time.Duration{0}, sent: []string{"failed RetriesExhausted"},
		},
		{
			name: "second try works", event: Event{Retries: 2, OnSuccess: "good", OnFailure: "failed"},
			answers: func(n int, _ time.Duration) (lambda.Result, error) {
				if n == 1 {
					return failed, nil
				}
				return ok, nil
			},
			at: []time.Duration{0, m}, sent: []string{"good Success"},
		},
		{
			name: "throttles use up no retry and grow to five minutes", event: Event{Retries: 0, MaxAge: 10 * m, OnFailure: "failed"},
			answers: func(int, time.Duration) (lambda.Result, error) { return lambda.Result{}, lambda.ErrThrottled },
			at: []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 63 * time.Second,
				127 * time.Second, 255 * time.Second, 511 * time.Second},
			sent: []string{"failed EventAgeExceeded"},
		},
		{
			name: "stopping", event: Event{Retries: 2, DeadARN: "dlq"},
			answers: func(int, time.Duration) (lambda.Result, error) { return lambda.Result{}, lambda.ErrClosed }, at: []time.Duration{0},
		},
		{
			name: "cannot be invoked at all", event: Event{Retries: 2, DeadARN: "dlq"},
			answers: func(int, time.Duration) (lambda.Result, error) { return lambda.Result{}, errors.New("no program") },
			at:      []time.Duration{0}, sent: []string{"dlq event"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var at []time.Duration
				var sent []string
				a := &Async{
					Invoker: invokerFunc(func([]byte) (lambda.Result, error) {
						at = append(at, time.Since(began))
						return tc.answers(len(at), time.Since(began))
					}),
					Send: func(arn, body string) error {
						var r struct {
							RequestContext *struct{ Condition string }
							RequestPayload json.RawMessage
						}
						if err := json.Unmarshal([]byte(body), &r); err != nil {
							return err
						}
						if r.RequestContext == nil {
							sent = append(sent, arn+" event")
						} else {
							sent = append(sent, arn+" "+r.RequestContext.Condition)
							if string(r.RequestPayload) != `{"a":1}` {
								t.Errorf("request payload = %s", r.RequestPayload)
							}
						}
						return nil
					},
				}
				tc.event.Payload = []byte(`{"a":1}`)
				a.Start(t.Context(), tc.event)
				a.Wait()
				if !slices.Equal(at, tc.at) {
					t.Errorf("tried at %v, want %v", at, tc.at)
				}
				if !slices.Equal(sent, tc.sent) {
					t.Errorf("sent %q, want %q", sent, tc.sent)
				}
			})
		})
	}
}
