package standin

import (
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"
)

// errClosed is returned by writes after Close.
var errClosed = errors.New("standin: closed")

type writeJob struct {
	fn   func(*bbolt.Tx) error
	err  error
	done chan struct{}
}

// maxGroup bounds how many writes share one commit, and so how long the first of them waits.
const maxGroup = 256

// update runs fn in a write transaction and returns after it is committed. Writes that arrive while another
// commit is under way share the next one, so that many writers at once cost few commits.
//
// fn must look before it writes: an *apiError says that it wrote nothing, and the transaction goes on for the
// others. After any other error nothing of the whole group is kept, and everybody else's fn runs again.
func (s *Server) update(fn func(*bbolt.Tx) error) error {
	j := &writeJob{fn: fn, done: make(chan struct{})}
	select {
	case s.writes <- j:
	case <-s.done:
		return errClosed
	}
	select {
	case <-j.done:
		return j.err
	case <-s.done:
		// writeLoop finishes what it has taken before Close closes the file; wait for its word.
		<-s.writerGone
		select {
		case <-j.done:
			return j.err
		default:
			return errClosed
		}
	}
}

func (s *Server) writeLoop() {
	defer close(s.writerGone)
	group := make([]*writeJob, 0, maxGroup)
	for {
		select {
		case <-s.done:
			return
		case j := <-s.writes:
			group = append(group[:0], j)
		}
	more:
		for len(group) < maxGroup {
			select {
			case j := <-s.writes:
				group = append(group, j)
			default:
				break more
			}
		}
		s.commit(group)
	}
}

// commit runs the group in one transaction and tells each job how it went.
func (s *Server) commit(group []*writeJob) {
	defer func() {
		for _, j := range group {
			close(j.done)
		}
	}()
	live := append([]*writeJob(nil), group...)
	for len(live) > 0 {
		bad := -1
		err := s.db.Update(func(tx *bbolt.Tx) error {
			for i, j := range live {
				j.err = runJob(j.fn, tx)
				var refused *apiError
				if j.err != nil && !errors.As(j.err, &refused) {
					bad = i
					return j.err
				}
			}
			return nil
		})
		if err == nil {
			return
		}
		if bad < 0 { // the commit itself failed
			for _, j := range live {
				j.err = err
			}
			return
		}
		live = append(live[:bad], live[bad+1:]...)
	}
}

// runJob turns a panic of fn into an error, so that one bad request cannot end the process that holds
// everybody's state.
func runJob(fn func(*bbolt.Tx) error, tx *bbolt.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v", p)
		}
	}()
	return fn(tx)
}

// wakers lets readers wait for the next write under a name.
type wakers struct {
	mu sync.Mutex
	ch map[string]chan struct{}
}

// wait returns a channel that is closed by the next call of wake with the same name.
func (w *wakers) wait(name string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ch == nil {
		w.ch = map[string]chan struct{}{}
	}
	c := w.ch[name]
	if c == nil {
		c = make(chan struct{})
		w.ch[name] = c
	}
	return c
}

func (w *wakers) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.ch[name]; c != nil {
		close(c)
		delete(w.ch, name)
	}
}
