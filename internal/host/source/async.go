package source

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"solewatch/internal/host/lambda"
)

// Async runs invocations that nobody waits for: on a function error it tries twice more, after one minute and
// after two; a throttled one is tried for as long as the event lives, first after a second, at last every five
// minutes; then the event goes to the dead-letter queue or an invocation record to the destination.
//
// Events wait in memory: what is not done when the program ends is lost, and logged.
type Async struct {
	Invoker Invoker
	Send    Destination
	Log     *slog.Logger

	wg sync.WaitGroup
}

// An Event is one asynchronous invocation.
type Event struct {
	Function  string // logical id
	ARN       string
	Payload   []byte
	Retries   int           // after the first try
	MaxAge    time.Duration // 0: 6 h
	DeadARN   string        // gets the event itself
	OnFailure string        // gets an invocation record
	OnSuccess string
}

const (
	asyncLife     = 6 * time.Hour
	throttleFirst = time.Second
	throttleMost  = 5 * time.Minute
)

// Start accepts an event and returns at once, as AWS answers 202. Its fate is decided in the background until
// ctx ends.
func (a *Async) Start(ctx context.Context, e Event) {
	a.wg.Go(func() { a.run(ctx, e) })
}

// Wait waits until every accepted event has come to its end.
func (a *Async) Wait() { a.wg.Wait() }

func (a *Async) run(ctx context.Context, e Event) {
	log := logger(a.Log)
	life := e.MaxAge
	if life == 0 {
		life = asyncLife
	}
	born, throttle, tries := time.Now(), throttleFirst, 0
	var last lambda.Result
	condition := "RetriesExhausted"
	for {
		res, err := a.Invoker.Invoke(context.WithoutCancel(ctx), e.Function, e.Payload)
		wait := time.Duration(0)
		switch {
		case err == nil && res.FunctionError == "":
			if e.OnSuccess != "" {
				a.record(log, e.OnSuccess, e, res, "Success", tries+1)
			}
			return
		case err == nil:
			tries++
			last = res
			log.Warn("asynchronous invocation failed", "function", e.Function, "try", tries, "answer", clip(res.Payload))
			if tries > e.Retries {
				a.end(log, e, last, condition, tries)
				return
			}
			wait = time.Duration(tries) * time.Minute
		case errors.Is(err, lambda.ErrClosed):
			log.Warn("asynchronous invocation dropped: the system is stopping", "function", e.Function)
			return
		case errors.Is(err, lambda.ErrThrottled):
			wait, throttle = throttle, min(2*throttle, throttleMost)
		default:
			log.Error("asynchronous invocation not possible", "function", e.Function, "err", err)
			a.end(log, e, last, condition, tries)
			return
		}
		if time.Since(born)+wait > life {
			a.end(log, e, last, "EventAgeExceeded", tries)
			return
		}
		sleep(ctx, wait)
		if ctx.Err() != nil {
			log.Warn("asynchronous invocation dropped: the system is stopping", "function", e.Function)
			return
		}
	}
}

// end hands a failed event over.
func (a *Async) end(log *slog.Logger, e Event, last lambda.Result, condition string, tries int) {
	log.Error("asynchronous invocation given up", "function", e.Function, "condition", condition, "tries", tries)
	if e.DeadARN != "" {
		if err := a.Send(e.DeadARN, string(e.Payload)); err != nil {
			log.Error("event not sent to its dead-letter queue", "to", e.DeadARN, "err", err)
		}
	}
	if e.OnFailure != "" {
		a.record(log, e.OnFailure, e, last, condition, tries)
	}
}

func (a *Async) record(log *slog.Logger, to string, e Event, res lambda.Result, condition string, tries int) {
	body := map[string]any{
		"version": "1.0", "timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": res.RequestID, "functionArn": e.ARN + ":$LATEST", "condition": condition, "approximateInvokeCount": tries,
		},
		"requestPayload":  rawOrText(e.Payload),
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": res.FunctionError},
		"responsePayload": rawOrText(res.Payload),
	}
	b, err := json.Marshal(body)
	if err == nil {
		err = a.Send(to, string(b))
	}
	if err != nil {
		log.Error("invocation record not sent", "to", to, "err", err)
	}
}

func rawOrText(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	if json.Valid(b) {
		return json.RawMessage(b)
	}
	return string(b)
}
