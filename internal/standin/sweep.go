package standin

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

func (s *Server) sweepLoop() {
	t := time.NewTicker(s.opt.SweepEvery)
	defer t.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-t.C:
			if err := s.Sweep(); err != nil && !errors.Is(err, errClosed) {
				s.log.Error("sweep failed", "err", err)
			}
		}
	}
}

// Sweep does now what happens in the background: it deletes expired items (as the expiry service would, marked so
// in the stream), stream records older than 24 h, messages past their queue's retention, used tokens, and
// subscriptions nobody confirmed within 48 h.
func (s *Server) Sweep() error {
	now := s.opt.Now()
	s.mu.RLock()
	tables, queues := make([]*Table, 0, len(s.tables)), make([]*Queue, 0, len(s.queues))
	for _, t := range s.tables {
		tables = append(tables, t)
	}
	for _, q := range s.queues {
		queues = append(queues, q)
	}
	s.mu.RUnlock()
	var errs []error
	for _, t := range tables {
		errs = append(errs, s.expire(t, now))
		errs = append(errs, s.update(func(tx *bbolt.Tx) error {
			return trimStream(tx.Bucket(tableBucket(t.Name)).Bucket(bktStream), now)
		}))
	}
	for _, q := range queues {
		errs = append(errs, s.sweepQueue(q, now))
	}
	errs = append(errs, s.update(func(tx *bbolt.Tx) error {
		return errors.Join(sweepTokens(tx, now), sweepPending(tx, now))
	}))
	return errors.Join(errs...)
}

// expireAtOnce bounds how many items one commit expires, so that other writes are not held up.
const expireAtOnce = 500

func (s *Server) expire(t *Table, now time.Time) error {
	for {
		n := 0
		err := s.update(func(tx *bbolt.Tx) error {
			n = 0
			tb := tx.Bucket(tableBucket(t.Name))
			var keys [][]byte
			c := tb.Bucket(bktTTL).Cursor()
			for k, _ := c.First(); k != nil && len(keys) < expireAtOnce; k, _ = c.Next() {
				if int64(binary.BigEndian.Uint64(k)) >= now.Unix() {
					break
				}
				keys = append(keys, slices.Clone(k[8:]))
			}
			for _, key := range keys {
				before, err := t.load(tx, key)
				if err != nil {
					return err
				}
				if _, err := t.change(tx, key, before, nil, now, true); err != nil {
					return err
				}
			}
			n = len(keys)
			return nil
		})
		if err != nil {
			return err
		}
		if n > 0 {
			s.wake.wake("t:" + t.Name)
		}
		if n < expireAtOnce {
			return nil
		}
	}
}

// A token remembers a transaction by its ClientRequestToken.
type token struct {
	Expires time.Time `json:"expires"`
	Hash    string    `json:"hash"` // of the request
}

func sweepTokens(tx *bbolt.Tx, now time.Time) error {
	b := tx.Bucket(bktTokens)
	var old [][]byte
	err := b.ForEach(func(k, v []byte) error {
		var t token
		if err := json.Unmarshal(v, &t); err != nil {
			return err
		}
		if now.After(t.Expires) {
			old = append(old, slices.Clone(k))
		}
		return nil
	})
	for _, k := range old {
		err = errors.Join(err, b.Delete(k))
	}
	return err
}
