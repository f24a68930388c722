// Package lambda runs function programs as AWS Lambda runs them: unmodified bootstrap binaries, each in an
// environment of its own that speaks the Lambda runtime API.
//
//	an environment  one child process with one HTTP listener; serves one invocation at a time
//	a new one       when all of a function's are busy, up to its reserved concurrency and the account's limit;
//	                beyond: ErrThrottled
//	its end         a timeout or a crash (the invocation fails), an answer that is never fetched, or idleness
//
//	GET  /2018-06-01/runtime/invocation/next            blocks; 200 with the event; ends the invocation before
//	POST /2018-06-01/runtime/invocation/{id}/response   202
//	POST /2018-06-01/runtime/invocation/{id}/error      202
//	POST /2018-06-01/runtime/init/error                 202
//
// Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes", "Lambda execution
// environment lifecycle".
package lambda

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Limits of AWS Lambda.
const (
	MaxPayload  = 6 << 20 // bytes, of an event or an answer of a synchronous invocation
	MaxAsync    = 1 << 20 // bytes, of an asynchronous event
	initTimeout = 10 * time.Second
)

var (
	// ErrThrottled is returned while every environment that the function may have is busy (429 TooManyRequestsException).
	ErrThrottled = errors.New("lambda: too many requests")
	// ErrTooLarge is returned for an event above MaxPayload (413 RequestTooLargeException).
	ErrTooLarge = errors.New("lambda: event too large")
	// ErrNoFunction is returned for a function that was not added.
	ErrNoFunction = errors.New("lambda: no such function")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("lambda: closed")
)

// A Function is one program and how it may run.
type Function struct {
	ID       string // logical id; what Invoke takes
	Name     string
	ARN      string
	Program  string            // path of its bootstrap
	Dir      string            // LAMBDA_TASK_ROOT and working directory
	Env      map[string]string // the template's and the endpoints; AWS's own variables are added
	Memory   int               // MB
	Timeout  time.Duration
	Reserved int    // at most so many environments; -1: only the account's limit
	Key      string // access key id
}

// Options are what New needs; zero values take the defaults.
type Options struct {
	Region string
	Limit  int           // environments of all functions together; 0 means 100
	Idle   time.Duration // an environment unused for so long is ended; 0 means 5 minutes
	Log    *slog.Logger  // nil means silence
	Output func(function, line string)
	Count  func(counter string, n float64) // "lambda.invocations", "lambda.gbMs", … ; nil drops them
}

// A Result is how an invocation ended.
type Result struct {
	RequestID string
	Payload   []byte
	// FunctionError is "" when the function answered, else "Unhandled", and Payload is errorType and errorMessage.
	FunctionError string
}

// Service runs functions. Its methods may be called from many goroutines.
type Service struct {
	opt Options

	mu     sync.Mutex
	pools  map[string]*pool
	total  int // environments of all pools
	closed bool
	wg     sync.WaitGroup // invocations in hand
	stop   chan struct{}
}

// New makes a Service without functions. The caller must Close it.
func New(o Options) *Service {
	if o.Limit == 0 {
		o.Limit = 100
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Output == nil {
		o.Output = func(string, string) {}
	}
	if o.Count == nil {
		o.Count = func(string, float64) {}
	}
	s := &Service{opt: o, pools: map[string]*pool{}, stop: make(chan struct{})}
	go s.reap()
	return s
}

// Add makes a function known. Its program is not started before the first invocation.
func (s *Service) Add(f Function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools[f.ID] = &pool{service: s, fn: f, all: map[*environment]bool{}}
}

// Invoke runs the function id on payload and returns when it has answered, failed or timed out. A function that
// fails is no error: see Result. When ctx ends first Invoke returns its error and the invocation goes on alone.
func (s *Service) Invoke(ctx context.Context, id string, payload []byte) (Result, error) {
	if len(payload) > MaxPayload {
		return Result{}, ErrTooLarge
	}
	s.mu.Lock()
	p := s.pools[id]
	closed := s.closed
	if !closed && p != nil {
		s.wg.Add(1)
	}
	s.mu.Unlock()
	switch {
	case closed:
		return Result{}, ErrClosed
	case p == nil:
		return Result{}, fmt.Errorf("invoking %s: %w", id, ErrNoFunction)
	}
	type outcome struct {
		r   Result
		err error
	}
	out := make(chan outcome, 1)
	go func() {
		defer s.wg.Done()
		r, err := p.invoke(payload)
		out <- outcome{r, err}
	}()
	select {
	case o := <-out:
		return o.r, o.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// Warm starts one environment of a function ahead of its first event and returns when it is ready, so that a
// program that cannot start is known at once.
func (s *Service) Warm(ctx context.Context, id string) error {
	s.mu.Lock()
	p := s.pools[id]
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("starting %s: %w", id, ErrNoFunction)
	}
	e, fresh, err := p.take()
	if err != nil {
		return fmt.Errorf("starting %s: %w", id, err)
	}
	if !fresh {
		p.release(e)
		return nil
	}
	ready := make(chan struct{})
	e.warming = ready
	if err := e.start(); err != nil {
		p.remove(e)
		return fmt.Errorf("starting %s: %w", id, err)
	}
	t := time.NewTimer(initTimeout)
	defer t.Stop()
	select {
	case <-ready:
		return nil
	case <-e.gone:
		return fmt.Errorf("starting %s: %s", id, e.ending())
	case <-t.C:
		e.end()
		return fmt.Errorf("starting %s: initialization took longer than %v", id, initTimeout)
	case <-ctx.Done():
		e.end()
		return ctx.Err()
	}
}

// Environments tells how many environments of the function are there now.
func (s *Service) Environments(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pools[id]; p != nil {
		return len(p.all)
	}
	return 0
}

// Close takes no more invocations, waits for those in hand until ctx ends, and ends every environment.
func (s *Service) Close(ctx context.Context) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.stop)
	s.mu.Unlock()
	idle := make(chan struct{})
	go func() { s.wg.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	var all []*environment
	s.mu.Lock()
	for _, p := range s.pools {
		for e := range p.all {
			all = append(all, e)
		}
	}
	s.mu.Unlock()
	for _, e := range all {
		e.end()
	}
	<-idle // ended environments fail their invocations at once
}

// reap ends environments that nobody used for a while.
func (s *Service) reap() {
	t := time.NewTicker(s.opt.Idle / 4)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-t.C:
			var old []*environment
			s.mu.Lock()
			for _, p := range s.pools {
				keep := p.idle[:0]
				for _, e := range p.idle {
					if now.Sub(e.idleSince) > s.opt.Idle {
						old = append(old, e)
					} else {
						keep = append(keep, e)
					}
				}
				p.idle = keep
			}
			s.mu.Unlock()
			for _, e := range old {
				e.end()
			}
		}
	}
}

func (s *Service) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// failure is the payload of a function error, as Lambda words it.
func failure(id, typ, message string) Result {
	b, err := json.Marshal(map[string]string{"errorType": typ, "errorMessage": message})
	if err != nil {
		b = []byte("{}") // two texts always marshal
	}
	return Result{RequestID: id, Payload: b, FunctionError: "Unhandled"}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
