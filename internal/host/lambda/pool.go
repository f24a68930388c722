package lambda

import (
	"fmt"
	"math"
	"time"
)

// pool is the environments of one function. Its fields are guarded by the Service's mutex.
type pool struct {
	service *Service
	fn      Function
	all     map[*environment]bool
	idle    []*environment // the one used last is taken first
}

// An invocation is one event on its way through an environment.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	began    chan struct{} // closed when the runtime has fetched it
	answered chan struct{} // closed when the runtime has answered it
	ended    chan struct{} // closed when the runtime asks for the next one
	result   Result        // valid after answered
}

func newInvocation(payload []byte) *invocation {
	return &invocation{
		id: newID(), payload: payload,
		began: make(chan struct{}), answered: make(chan struct{}), ended: make(chan struct{}),
	}
}

// linger is how long an answer waits for its environment to be free again, so that a caller who invokes one
// after the other finds it so; and no longer, because an answer is worth more than a tidy pool.
const linger = 20 * time.Millisecond

// take returns an idle environment, or makes room for a new one: nil, with fresh true.
func (p *pool) take() (e *environment, fresh bool, err error) {
	s := p.service
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		e = p.idle[n-1]
		p.idle = p.idle[:n-1]
		return e, false, nil
	}
	if p.fn.Reserved >= 0 && len(p.all) >= p.fn.Reserved || s.total >= s.opt.Limit {
		return nil, false, ErrThrottled
	}
	e = &environment{pool: p, assign: make(chan *invocation, 1), gone: make(chan struct{})}
	p.all[e] = true
	s.total++
	return e, true, nil
}

// release puts an environment back when its runtime asks for the next event.
func (p *pool) release(e *environment) {
	p.service.mu.Lock()
	defer p.service.mu.Unlock()
	if p.all[e] {
		e.idleSince = time.Now()
		p.idle = append(p.idle, e)
	}
}

// remove forgets an environment that has ended.
func (p *pool) remove(e *environment) {
	p.service.mu.Lock()
	defer p.service.mu.Unlock()
	if !p.all[e] {
		return
	}
	delete(p.all, e)
	p.service.total--
	for i, other := range p.idle {
		if other == e {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			break
		}
	}
}

func (p *pool) invoke(payload []byte) (Result, error) {
	for {
		e, fresh, err := p.take()
		if err != nil {
			p.service.opt.Count("lambda.throttles", 1)
			return Result{}, err
		}
		inv := newInvocation(payload)
		if fresh {
			if err := e.start(); err != nil {
				p.remove(e)
				return Result{}, err
			}
		}
		r, ok := e.run(inv, fresh)
		if ok {
			p.service.opt.Count("lambda.invocations", 1)
			return r, nil
		}
		// the environment had died while idle and never saw the event: another one takes it
	}
}

// run hands the invocation to the environment and waits for its end. ok is false when an environment that was
// idle turned out to be dead.
func (e *environment) run(inv *invocation, fresh bool) (r Result, ok bool) {
	f, started := e.pool.fn, time.Now()
	e.setCurrent(inv)
	e.assign <- inv
	if fresh {
		t := time.NewTimer(initTimeout)
		defer t.Stop()
		select {
		case <-inv.began:
		case <-e.gone:
			return failure(inv.id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", inv.id, e.ending())), true
		case <-t.C:
			e.end()
			return failure(inv.id, "Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: initialization took longer than %.2f seconds", inv.id, initTimeout.Seconds())), true
		}
		e.pool.service.opt.Count("lambda.coldStarts", 1)
	} else {
		select {
		case <-inv.began:
		case <-e.gone:
			select {
			case <-inv.began:
			default:
				return Result{}, false
			}
		}
	}
	t := time.NewTimer(f.Timeout)
	defer t.Stop()
	select {
	case <-inv.answered:
		r = inv.result
		t.Reset(linger)
		select {
		case <-inv.ended:
		case <-e.gone:
		case <-t.C:
		}
	case <-e.gone:
		select {
		case <-inv.answered:
			r = inv.result
		default:
			r = failure(inv.id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", inv.id, e.ending()))
		}
	case <-t.C:
		e.end()
		r = failure(inv.id, "Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, f.Timeout.Seconds()))
		e.pool.service.opt.Log.Warn("function timed out", "function", f.ID, "after", f.Timeout)
	}
	ms := math.Ceil(float64(time.Since(started)) / float64(time.Millisecond))
	e.pool.service.opt.Count("lambda.gbMs", ms*float64(f.Memory)/1024)
	return r, true
}
