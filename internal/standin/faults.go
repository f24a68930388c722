package standin

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// What a Fault does.
const (
	FaultRefuse       = "refuse"        // the connection is reset before anything happens
	FaultDelay        = "delay"         // Delay passes first, then the call goes on
	Fault5xx          = "5xx"           // answered as the service's internal error, nothing happens
	FaultThrottle     = "throttle"      // answered as the service's throttling, nothing happens
	FaultLostReply    = "lost-reply"    // the call has its effect, then the connection is reset
	FaultPartialBatch = "partial-batch" // some entries of a batch fail, with status 200
	FaultDuplicate    = "duplicate"     // SQS sends are stored twice, SNS publishes delivered twice; named ReceiveMessage: delivered and offered again at once
	FaultReorder      = "reorder"       // SQS receives take messages in any order
)

var (
	faultKinds    = []string{FaultRefuse, FaultDelay, Fault5xx, FaultThrottle, FaultLostReply, FaultPartialBatch, FaultDuplicate, FaultReorder}
	faultServices = []string{"dynamodb", "sqs", "sns", "execute-api"}
)

// A Fault makes calls go wrong until it is cleared or has struck Count times.
type Fault struct {
	Service     string   `json:"service"`             // dynamodb, sqs, sns or execute-api
	Operation   string   `json:"operation,omitempty"` // SendMessageBatch, PostToConnection, …; "" means all
	Resource    string   `json:"resource,omitempty"`  // name of a table, queue or topic, "+33…" or connection id; "" means all
	Kind        string   `json:"kind"`
	Probability float64  `json:"probability,omitempty"` // 0 means 1: every call
	Delay       Duration `json:"delay,omitempty"`       // for delay; "250ms" in JSON
	Count       int      `json:"count,omitempty"`       // strikes left; 0 means until cleared
}

// A Duration is a time.Duration that is "250ms" in JSON.
type Duration time.Duration

// MarshalText writes d as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration takes.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

func (f Fault) check() error {
	switch {
	case !slices.Contains(faultServices, f.Service):
		return fmt.Errorf("fault: service %q, want one of %q", f.Service, faultServices)
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("fault: kind %q, want one of %q", f.Kind, faultKinds)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("fault: probability %v is not within 0 and 1", f.Probability)
	case f.Delay < 0 || f.Count < 0:
		return errors.New("fault: delay and count cannot be negative")
	case f.Kind == FaultDelay && f.Delay == 0:
		return errors.New("fault: delay without a duration")
	}
	return nil
}

type faultSet struct {
	mu   sync.Mutex
	list []Fault
	rand func() float64 // nil means math/rand/v2
}

// SetFaults replaces all faults; none clears them.
func (s *Server) SetFaults(list ...Fault) error {
	var errs []error
	for _, f := range list {
		errs = append(errs, f.check())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = slices.Clone(list)
	return nil
}

// Faults returns the faults that may still strike.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.list)
}

// strikes are the faults that hit one call, by kind.
type strikes map[string]Fault

func (st strikes) has(kind string) bool { _, ok := st[kind]; return ok }

// strike decides which faults hit a call, and uses them up. resources are all tables, queues or topics it names.
func (fs *faultSet) strike(service, operation string, resources ...string) strikes {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.list) == 0 {
		return nil
	}
	hit := strikes{}
	keep := fs.list[:0]
	for _, f := range fs.list {
		if f.Service == service && (f.Operation == "" || f.Operation == operation) &&
			(f.Resource == "" || slices.Contains(resources, f.Resource)) && fs.happens(f.Probability) {
			hit[f.Kind] = f
			if f.Count > 0 {
				f.Count--
				if f.Count == 0 {
					continue
				}
			}
		}
		keep = append(keep, f)
	}
	fs.list = keep
	return hit
}

func (fs *faultSet) happens(p float64) bool {
	if p == 0 || p == 1 {
		return true
	}
	if fs.rand != nil {
		return fs.rand() < p
	}
	return rand.Float64() < p
}

// victims picks which of n entries a partial-batch fault fails: each with even chance, at least one, and with
// two or more entries never all.
func victims(n int) []bool {
	out := make([]bool, n)
	failed := 0
	for i := range out {
		if rand.IntN(2) == 0 {
			out[i] = true
			failed++
		}
	}
	switch {
	case n == 0:
	case failed == 0:
		out[rand.IntN(n)] = true
	case failed == n && n > 1:
		out[rand.IntN(n)] = false
	}
	return out
}
