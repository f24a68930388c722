package standin

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// streamRetention is how long a table's stream keeps a record.
const streamRetention = 24 * time.Hour

// A StreamRecord is one change of one item. Keys and images are in DynamoDB's JSON.
type StreamRecord struct {
	Seq       uint64          `json:"seq"`       // rises by one with every change of the table
	EventName string          `json:"eventName"` // INSERT, MODIFY or REMOVE
	Keys      json.RawMessage `json:"keys"`
	NewImage  json.RawMessage `json:"newImage,omitempty"` // nil for REMOVE, and where the view type leaves it out
	OldImage  json.RawMessage `json:"oldImage,omitempty"` // nil for INSERT, and where the view type leaves it out
	At        time.Time       `json:"at"`
	Size      int             `json:"size"`                // bytes, as SizeBytes
	TTLDelete bool            `json:"ttlDelete,omitempty"` // expired: the event carries userIdentity dynamodb.amazonaws.com
}

// StreamRecords returns up to max records after the given sequence, oldest first. It waits up to wait for the
// first one and returns none, without an error, when the wait or ctx ends. Records older than 24 hours are gone:
// the first one returned may then be more than after+1. It returns ErrNoTable for an unknown table.
func (s *Server) StreamRecords(ctx context.Context, table string, after uint64, max int, wait time.Duration) ([]StreamRecord, error) {
	if s.table(table) == nil {
		return nil, fmt.Errorf("reading the stream of %q: %w", table, ErrNoTable)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed := s.wake.wait("t:" + table)
		out, err := s.readStream(table, after, max)
		if err != nil {
			return nil, fmt.Errorf("reading the stream of %q: %w", table, err)
		}
		if len(out) > 0 || wait <= 0 {
			return out, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		case <-s.done:
			return nil, nil
		}
	}
}

func (s *Server) readStream(table string, after uint64, max int) ([]StreamRecord, error) {
	var out []StreamRecord
	oldest := s.opt.Now().Add(-streamRetention)
	err := s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(tableBucket(table)).Bucket(bktStream)
		c := b.Cursor()
		for k, v := c.Seek(binary.BigEndian.AppendUint64(nil, after+1)); k != nil && len(out) < max; k, v = c.Next() {
			r, err := readStreamRecord(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return err
			}
			if !r.At.Before(oldest) {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}

// StreamHead is the sequence of the table's newest record, 0 before the first: where LATEST starts.
func (s *Server) StreamHead(table string) uint64 {
	var n uint64
	_ = s.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(tableBucket(table)); b != nil {
			n = b.Bucket(bktStream).Sequence()
		}
		return nil
	})
	return n
}

// StreamPosition is a mapping's checkpoint: the last sequence it is done with, 0 when it has none yet.
func (s *Server) StreamPosition(mapping string) uint64 {
	var n uint64
	_ = s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bktPositions).Get([]byte(mapping)); len(v) == 8 {
			n = binary.BigEndian.Uint64(v)
		}
		return nil
	})
	return n
}

// HasStreamPosition tells a mapping that is done with nothing from one that has never run.
func (s *Server) HasStreamPosition(mapping string) bool {
	var have bool
	_ = s.db.View(func(tx *bbolt.Tx) error {
		have = tx.Bucket(bktPositions).Get([]byte(mapping)) != nil
		return nil
	})
	return have
}

// SetStreamPosition stores a mapping's checkpoint. An error of the disk is logged: the mapping would then see
// the records again, which every consumer of a stream must bear.
func (s *Server) SetStreamPosition(mapping string, seq uint64) {
	err := s.update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bktPositions).Put([]byte(mapping), binary.BigEndian.AppendUint64(nil, seq))
	})
	if err != nil {
		s.log.Error("stream position not stored", "mapping", mapping, "err", err)
	}
}

// appendStream writes one record; it is called inside the write transaction of the change itself.
func appendStream(b *bbolt.Bucket, r StreamRecord) error {
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	return b.Put(binary.BigEndian.AppendUint64(nil, n), r.bytes())
}

// bytes spells r for the file, without its sequence: the time (ns), the event's first letter, 'T' for an expiry,
// the size, then keys, new and old image, each with its length.
func (r StreamRecord) bytes() []byte {
	b := make([]byte, 0, 30+len(r.Keys)+len(r.NewImage)+len(r.OldImage))
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixNano()))
	ttl := byte(' ')
	if r.TTLDelete {
		ttl = 'T'
	}
	b = append(b, r.EventName[0], ttl)
	b = binary.AppendUvarint(b, uint64(r.Size))
	for _, part := range [][]byte{r.Keys, r.NewImage, r.OldImage} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

var errStream = errors.New("standin: bad stream record")

// readStreamRecord reads what bytes wrote; nothing in it refers to b.
func readStreamRecord(seq uint64, b []byte) (StreamRecord, error) {
	if len(b) < 10 {
		return StreamRecord{}, errStream
	}
	r := StreamRecord{Seq: seq, At: time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), TTLDelete: b[9] == 'T'}
	r.EventName = map[byte]string{'I': "INSERT", 'M': "MODIFY", 'R': "REMOVE"}[b[8]]
	b = b[10:]
	next := func() (n uint64) {
		n, w := binary.Uvarint(b)
		if w <= 0 {
			b = nil
			return 1 << 40 // more than there is
		}
		b = b[w:]
		return n
	}
	r.Size = int(next())
	for _, part := range []*json.RawMessage{&r.Keys, &r.NewImage, &r.OldImage} {
		n := next()
		if n > uint64(len(b)) {
			return r, errStream
		}
		if n > 0 {
			*part = slices.Clone(b[:n])
		}
		b = b[n:]
	}
	return r, nil
}

// trimStream drops records older than a day.
func trimStream(b *bbolt.Bucket, now time.Time) error {
	var old [][]byte
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(v) < 8 {
			return errStream
		}
		if now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(v)))) < streamRetention {
			break
		}
		old = append(old, slices.Clone(k))
	}
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
