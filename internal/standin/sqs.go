package standin

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// SQS limits.
const (
	maxDelay      = 900 * time.Second
	maxVisibility = 12 * time.Hour
	maxWait       = 20 * time.Second
	maxMessage    = 1 << 20 // bytes, of one message and of a whole batch, attributes included
	sqsChunk      = 64 << 10
)

// A queue is three buckets inside "q:<name>". A message's number never changes while it is in the queue.
//
//	msg    number                    → storedMessage as JSON, written once
//	state  number                    → msgState
//	due    visible at (ns) | number  → nothing; the order in which messages are offered
var (
	bktMsg   = []byte("msg")
	bktState = []byte("state")
	bktDue   = []byte("due")
)

type storedMessage struct {
	ID         string                      `json:"id"`
	Body       string                      `json:"body"`
	Attributes map[string]MessageAttribute `json:"attributes,omitempty"`
	System     map[string]string           `json:"system,omitempty"` // MessageGroupId, AWSTraceHeader, DeadLetterQueueSourceArn
}

// A MessageAttribute is one typed attribute of an SQS or SNS message. Binary types use BinaryValue.
type MessageAttribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

func (a MessageAttribute) binary() bool { return strings.HasPrefix(a.DataType, "Binary") }

// size is what the attribute adds to the message's size, beside its name.
func (a MessageAttribute) size() int {
	return len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
}

type msgState struct {
	visible time.Time // from when on it may be received
	sent    time.Time
	first   time.Time // first receive, zero before
	count   uint32    // receives
	nonce   uint32    // part of the newest receipt handle
}

func (m msgState) bytes() []byte {
	b := make([]byte, 0, 32)
	b = binary.BigEndian.AppendUint64(b, uint64(m.visible.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(m.sent.UnixNano()))
	first := uint64(0)
	if !m.first.IsZero() {
		first = uint64(m.first.UnixNano())
	}
	b = binary.BigEndian.AppendUint64(b, first)
	b = binary.BigEndian.AppendUint32(b, m.count)
	return binary.BigEndian.AppendUint32(b, m.nonce)
}

func readState(b []byte) msgState {
	if len(b) != 32 {
		return msgState{}
	}
	m := msgState{
		visible: time.Unix(0, int64(binary.BigEndian.Uint64(b))),
		sent:    time.Unix(0, int64(binary.BigEndian.Uint64(b[8:]))),
		count:   binary.BigEndian.Uint32(b[24:]),
		nonce:   binary.BigEndian.Uint32(b[28:]),
	}
	if f := int64(binary.BigEndian.Uint64(b[16:])); f != 0 {
		m.first = time.Unix(0, f)
	}
	return m
}

func dueKey(at time.Time, n []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(at.UnixNano())), n...)
}

// msgNumber spells a message's number as a key.
func msgNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func queueBucket(tx *bbolt.Tx, name string) (*bbolt.Bucket, error) {
	q, err := tx.CreateBucketIfNotExists([]byte("q:" + name))
	if err != nil {
		return nil, err
	}
	for _, b := range [][]byte{bktMsg, bktState, bktDue} {
		if _, err := q.CreateBucketIfNotExists(b); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// A Message is a received SQS message.
type Message struct {
	ID                string
	ReceiptHandle     string
	Body              string
	MD5               string            // of Body, hexadecimal
	MD5OfAttributes   string            // "" without message attributes
	Attributes        map[string]string // ApproximateReceiveCount, SentTimestamp, SenderId, ApproximateFirstReceiveTimestamp, …
	MessageAttributes map[string]MessageAttribute
}

// outgoing is a message on its way into a queue.
type outgoing struct {
	storedMessage
	delay time.Duration
	twice bool // struck by a duplicate fault
}

// putMessages stores messages. It is called inside a write transaction.
func putMessages(tx *bbolt.Tx, queue string, now time.Time, list ...outgoing) error {
	b, err := queueBucket(tx, queue)
	if err != nil {
		return err
	}
	for _, m := range list {
		copies := 1
		if m.twice {
			copies = 2
		}
		for range copies {
			st := msgState{visible: now.Add(m.delay), sent: now}
			if err := putMessage(b, m.storedMessage, st); err != nil {
				return err
			}
		}
	}
	return nil
}

func putMessage(b *bbolt.Bucket, m storedMessage, st msgState) error {
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	key := msgNumber(n)
	if err := b.Bucket(bktMsg).Put(key, data); err != nil {
		return err
	}
	if err := b.Bucket(bktState).Put(key, st.bytes()); err != nil {
		return err
	}
	return b.Bucket(bktDue).Put(dueKey(st.visible, key), nil)
}

func removeMessage(b *bbolt.Bucket, key []byte, st msgState) error {
	return errors.Join(
		b.Bucket(bktDue).Delete(dueKey(st.visible, key)),
		b.Bucket(bktState).Delete(key),
		b.Bucket(bktMsg).Delete(key))
}

// SendInternal sends body to the queue as an AWS service would: for on-failure destinations and dead letters of
// asynchronous invocations. It is neither billed nor faulted. It returns ErrNoQueue for an unknown queue.
func (s *Server) SendInternal(queue, body string) error {
	q := s.queue(queue)
	if q == nil {
		return fmt.Errorf("sending to %q: %w", queue, ErrNoQueue)
	}
	m := outgoing{storedMessage: storedMessage{ID: newUUID(), Body: body}, delay: q.Delay}
	now := s.opt.Now()
	err := s.update(func(tx *bbolt.Tx) error { return putMessages(tx, queue, now, m) })
	if err != nil {
		return fmt.Errorf("sending to %q: %w", queue, err)
	}
	s.wake.wake("q:" + queue)
	return nil
}

// Receive returns up to max messages (1 to 10,000, a mapping may take more than the wire's 10) and hides them
// for the queue's visibility timeout. It waits up to wait for the first one and returns none, without an error,
// when the wait or ctx ends. Each call is counted as one request per 64 KiB, as AWS bills a mapping's polls.
func (s *Server) Receive(ctx context.Context, queue string, max int, wait time.Duration) ([]Message, error) {
	q := s.queue(queue)
	if q == nil {
		return nil, fmt.Errorf("receiving from %q: %w", queue, ErrNoQueue)
	}
	st := s.faults.strike("sqs", "ReceiveMessage", queue)
	msgs, err := s.receive(ctx, q, receiveOptions{max: max, wait: wait, visibility: q.Visibility, strikes: st})
	if err != nil {
		return nil, fmt.Errorf("receiving from %q: %w", queue, err)
	}
	return msgs, nil
}

// Delete removes a received message. A handle that is not the newest of its message, or whose message is gone,
// is accepted and does nothing. It returns ErrReceipt for a handle of another queue or of none.
func (s *Server) Delete(queue, receiptHandle string) error {
	if s.queue(queue) == nil {
		return fmt.Errorf("deleting from %q: %w", queue, ErrNoQueue)
	}
	s.usage.queue(queue, func(u *QueueUsage) { u.Requests["DeleteMessage"]++ })
	return s.deleteMessages(queue, []string{receiptHandle})[0]
}

// DeleteBatch removes received messages; errs[i] is Delete's answer for handles[i]. Ten handles are billed as
// one request.
func (s *Server) DeleteBatch(queue string, handles []string) (errs []error) {
	if s.queue(queue) == nil {
		return slices.Repeat([]error{fmt.Errorf("deleting from %q: %w", queue, ErrNoQueue)}, len(handles))
	}
	s.usage.queue(queue, func(u *QueueUsage) { u.Requests["DeleteMessageBatch"] += int64((len(handles) + 9) / 10) })
	return s.deleteMessages(queue, handles)
}

func (s *Server) deleteMessages(queue string, handles []string) []error {
	errs := make([]error, len(handles))
	err := s.update(func(tx *bbolt.Tx) error {
		b, err := queueBucket(tx, queue)
		if err != nil {
			return err
		}
		for i, h := range handles {
			key, nonce, err := readHandle(queue, h)
			if err != nil {
				errs[i] = err
				continue
			}
			raw := b.Bucket(bktState).Get(key)
			if st := readState(raw); raw != nil && st.nonce == nonce {
				if err := removeMessage(b, key, st); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// changeVisibility hides an in-flight message for d from now.
func (s *Server) changeVisibility(queue, handle string, d time.Duration) error {
	key, nonce, err := readHandle(queue, handle)
	if err != nil {
		return err
	}
	now := s.opt.Now()
	err = s.update(func(tx *bbolt.Tx) error {
		b, err := queueBucket(tx, queue)
		if err != nil {
			return err
		}
		raw := b.Bucket(bktState).Get(key)
		st := readState(raw)
		if raw == nil {
			return badParameter("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", handle)
		}
		if st.nonce != nonce || !st.visible.After(now) {
			return sqsError("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The specified message isn't in flight.")
		}
		return moveDue(b, key, st, now.Add(d))
	})
	if err == nil {
		s.wake.wake("q:" + queue)
	}
	return err
}

// moveDue writes st with a new time from which on the message may be received.
func moveDue(b *bbolt.Bucket, key []byte, st msgState, visible time.Time) error {
	due := b.Bucket(bktDue)
	if err := due.Delete(dueKey(st.visible, key)); err != nil {
		return err
	}
	st.visible = visible
	if err := b.Bucket(bktState).Put(key, st.bytes()); err != nil {
		return err
	}
	return due.Put(dueKey(visible, key), nil)
}

type receiveOptions struct {
	max        int
	wait       time.Duration
	visibility time.Duration
	strikes    strikes
}

// receive is Receive behind both doors. It counts the usage.
func (s *Server) receive(ctx context.Context, q *Queue, o receiveOptions) ([]Message, error) {
	deadline := s.opt.Now().Add(o.wait)
	var out []Message
	for {
		changed := s.wake.wait("q:" + q.Name)
		next, err := s.nextDue(q.Name)
		if err != nil {
			return nil, err
		}
		now := s.opt.Now()
		if !next.IsZero() && !next.After(now) {
			out, err = s.take(q, o, now)
			if err != nil || len(out) > 0 {
				s.countReceive(q.Name, out)
				return out, err
			}
			continue // the due ones were expired or went to the dead-letter queue
		}
		left := deadline.Sub(now)
		if left <= 0 {
			s.countReceive(q.Name, nil)
			return nil, nil
		}
		if !next.IsZero() && next.Sub(now) < left {
			left = next.Sub(now)
		}
		t := time.NewTimer(left)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
		case <-s.done:
		}
		t.Stop()
		if ctx.Err() != nil || s.closed() {
			return nil, nil
		}
	}
}

func (s *Server) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *Server) countReceive(queue string, got []Message) {
	n := 0
	for _, m := range got {
		n += len(m.Body)
		for name, a := range m.MessageAttributes {
			n += len(name) + a.size()
		}
	}
	s.usage.queue(queue, func(u *QueueUsage) {
		u.Requests["ReceiveMessage"] += chunks(n, sqsChunk)
		if len(got) == 0 {
			u.Empty++
		}
	})
}

// nextDue is when the next message of the queue may be received, zero for none at all.
func (s *Server) nextDue(queue string) (time.Time, error) {
	var at time.Time
	err := s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("q:" + queue))
		if b == nil {
			return nil
		}
		if k, _ := b.Bucket(bktDue).Cursor().First(); len(k) == 16 {
			at = time.Unix(0, int64(binary.BigEndian.Uint64(k)))
		}
		return nil
	})
	return at, err
}

// take receives what is due now: it hides, counts, redrives and drops the expired.
func (s *Server) take(q *Queue, o receiveOptions, now time.Time) ([]Message, error) {
	var out []Message
	var redriven string
	err := s.update(func(tx *bbolt.Tx) error {
		out, redriven = nil, ""
		b, err := queueBucket(tx, q.Name)
		if err != nil {
			return err
		}
		limit := o.max
		if o.strikes.has(FaultReorder) {
			limit = max(64, 4*o.max)
		}
		var keys [][]byte
		for k, _ := b.Bucket(bktDue).Cursor().First(); len(k) == 16 && len(keys) < limit; k, _ = nextKey(b.Bucket(bktDue), k) {
			if int64(binary.BigEndian.Uint64(k)) > now.UnixNano() {
				break
			}
			keys = append(keys, slices.Clone(k[8:]))
		}
		if o.strikes.has(FaultReorder) {
			mrand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			keys = keys[:min(len(keys), o.max)]
		}
		for _, key := range keys {
			st := readState(b.Bucket(bktState).Get(key))
			var m storedMessage
			if err := json.Unmarshal(b.Bucket(bktMsg).Get(key), &m); err != nil {
				return err
			}
			if now.Sub(st.sent) >= q.Retention {
				if err := removeMessage(b, key, st); err != nil {
					return err
				}
				continue
			}
			if q.DeadLetterARN != "" && int(st.count) >= q.MaxReceives {
				if err := s.redrive(tx, b, q, key, st, m, now); err != nil {
					return err
				}
				redriven = arnName(q.DeadLetterARN)
				continue
			}
			st.count++
			if st.first.IsZero() {
				st.first = now
			}
			nonce := make([]byte, 4)
			_, _ = rand.Read(nonce)
			st.nonce = binary.BigEndian.Uint32(nonce)
			visible := now.Add(o.visibility)
			if o.strikes.has(FaultDuplicate) && o.strikes[FaultDuplicate].Operation == "ReceiveMessage" {
				visible = now
			}
			if err := moveDue(b, key, st, visible); err != nil {
				return err
			}
			out = append(out, s.received(q.Name, key, st, m))
		}
		return nil
	})
	if redriven != "" {
		s.wake.wake("q:" + redriven)
	}
	return out, err
}

// nextKey moves on from k even when k itself was deleted meanwhile.
func nextKey(b *bbolt.Bucket, k []byte) ([]byte, []byte) {
	c := b.Cursor()
	if got, _ := c.Seek(k); !slices.Equal(got, k) {
		return c.Seek(k)
	}
	return c.Next()
}

// redrive moves a message that was received too often to the dead-letter queue. It keeps its id and the time
// it was first sent, so retention goes on counting, and starts its receives anew.
func (s *Server) redrive(tx *bbolt.Tx, b *bbolt.Bucket, q *Queue, key []byte, st msgState, m storedMessage, now time.Time) error {
	if err := removeMessage(b, key, st); err != nil {
		return err
	}
	dlq, err := queueBucket(tx, arnName(q.DeadLetterARN))
	if err != nil {
		return err
	}
	if m.System == nil {
		m.System = map[string]string{}
	}
	m.System["DeadLetterQueueSourceArn"] = s.QueueARN(q.Name)
	s.log.Info("message redriven", "queue", q.Name, "message", m.ID, "receives", st.count)
	return putMessage(dlq, m, msgState{visible: now, sent: st.sent})
}

func (s *Server) received(queue string, key []byte, st msgState, m storedMessage) Message {
	out := Message{
		ID:            m.ID,
		ReceiptHandle: handle(queue, key, st.nonce),
		Body:          m.Body,
		MD5:           md5Hex(m.Body),
		Attributes: map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(int(st.count)),
			"SentTimestamp":                    strconv.FormatInt(st.sent.UnixMilli(), 10),
			"SenderId":                         s.opt.Account,
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(st.first.UnixMilli(), 10),
		},
		MessageAttributes: m.Attributes,
		MD5OfAttributes:   md5OfAttributes(m.Attributes),
	}
	for k, v := range m.System {
		out.Attributes[k] = v
	}
	return out
}

// queueCounts are the approximate numbers of GetQueueAttributes, exact here.
func (s *Server) queueCounts(queue string) (visible, hidden, delayed int, err error) {
	now := s.opt.Now()
	err = s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("q:" + queue))
		if b == nil {
			return nil
		}
		return b.Bucket(bktState).ForEach(func(_, v []byte) error {
			switch st := readState(v); {
			case !st.visible.After(now):
				visible++
			case st.count > 0:
				hidden++
			default:
				delayed++
			}
			return nil
		})
	})
	return visible, hidden, delayed, err
}

// sweepQueue drops messages past the queue's retention.
func (s *Server) sweepQueue(q *Queue, now time.Time) error {
	return s.update(func(tx *bbolt.Tx) error {
		b, err := queueBucket(tx, q.Name)
		if err != nil {
			return err
		}
		type old struct {
			key []byte
			st  msgState
		}
		var expired []old
		err = b.Bucket(bktState).ForEach(func(k, v []byte) error {
			if st := readState(v); now.Sub(st.sent) >= q.Retention {
				expired = append(expired, old{slices.Clone(k), st})
			}
			return nil
		})
		for _, e := range expired {
			err = errors.Join(err, removeMessage(b, e.key, e.st))
		}
		return err
	})
}

func arnName(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
