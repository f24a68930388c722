// Package source feeds functions from queues and streams, as Lambda's event source mappings do, and runs
// invocations that nobody waits for.
//
//	Queue   polls an SQS queue (AWS-EVENTS: batches, window, partial batch answers, filters, concurrency)
//	Stream  reads a DynamoDB stream (order of each item, lanes, retries, bisecting, checkpoints, filters)
//	Async   asynchronous invocations (two retries, throttles retried for hours, dead letters)
//
// Each is AWS itself here, so it reads the stand-in directly and not over the wire.
//
// Source: Lambda developer guide, "Using Lambda with Amazon SQS", "Process DynamoDB records with Lambda",
// "How Lambda handles errors and retries with asynchronous invocation".
package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"solewatch/internal/host/filter"
	"solewatch/internal/host/lambda"
)

// An Invoker runs a function and returns when it has answered. Its error is not the function's: it means that
// the function was not run (lambda.ErrThrottled, lambda.ErrTooLarge, lambda.ErrClosed).
type Invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) (lambda.Result, error)
}

// A Destination takes what is sent to an ARN by an event source mapping: a queue or a topic.
type Destination func(arn, body string) error

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// failures reads the answer of a function with ReportBatchItemFailures on a batch with the given identifiers. It
// returns those to offer again; whole is true when the batch failed as one: an answer that is not JSON or has
// another shape, an empty or null identifier, an identifier that is not in the batch.
//
// Success is {}, null, nothing at all, an empty list and a null list.
func failures(answer []byte, ids map[string]bool) (failed map[string]bool, whole bool) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 || string(answer) == "null" {
		return nil, false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(answer, &fields) != nil {
		return nil, true
	}
	raw, ok := fields["batchItemFailures"]
	if !ok || string(bytes.TrimSpace(raw)) == "null" {
		return nil, false
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, true
	}
	failed = map[string]bool{}
	for _, item := range items {
		var id *string
		v, ok := item["itemIdentifier"]
		if !ok || json.Unmarshal(v, &id) != nil || id == nil || *id == "" || !ids[*id] {
			return nil, true
		}
		failed[*id] = true
	}
	return failed, false
}

// matches reports whether an event passes the filters: any one of them, or there are none.
func matches(filters []*filter.Pattern, event []byte) bool {
	if len(filters) == 0 {
		return true
	}
	for _, p := range filters {
		if p.Match(event) {
			return true
		}
	}
	return false
}

func parseFilters(patterns []string) ([]*filter.Pattern, error) {
	var out []*filter.Pattern
	var errs []error
	for _, p := range patterns {
		f, err := filter.Parse([]byte(p))
		if err != nil {
			errs = append(errs, err)
		}
		out = append(out, f)
	}
	return out, errors.Join(errs...)
}
