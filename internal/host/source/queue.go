package source

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"solewatch/internal/host/filter"
	"solewatch/internal/host/lambda"
	"solewatch/internal/standin"
)

// Polling of a queue.
const (
	startLanes   = 5 // batches at once to begin with
	lanesEachSec = 5 // more per second while all are busy (300 a minute)
	mostLanes    = 1000
	longPoll     = 20 * time.Second
	pollTen      = 10 // messages that one receive of SQS returns at most
)

// Messages is the queue a mapping polls. *standin.Server is one.
type Messages interface {
	Receive(ctx context.Context, queue string, max int, wait time.Duration) ([]standin.Message, error)
	DeleteBatch(queue string, receiptHandles []string) []error
}

// A Queue is one SQS event source mapping.
type Queue struct {
	Function    string // logical id
	Queue       string // name
	ARN         string
	Region      string
	BatchSize   int           // at most
	Window      time.Duration // to fill a batch; 0: what one receive returns
	Partial     bool          // ReportBatchItemFailures
	Filters     []string      // messages that match none are deleted
	Concurrency int           // most batches at once; 0: AWS's scaling
	Messages    Messages
	Invoker     Invoker
	Log         *slog.Logger

	filters []*filter.Pattern
}

// lane states, for scaling
type lanes struct {
	mu   sync.Mutex
	all  int
	busy int
}

func (l *lanes) add(all, busy int) (nowAll, nowBusy int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all += all
	l.busy += busy
	return l.all, l.busy
}

// leave takes a lane away while there are more than keep.
func (l *lanes) leave(keep int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all <= keep {
		return false
	}
	l.all--
	return true
}

// Run polls until ctx ends; a batch in hand is finished first. It returns an error only for a filter that cannot
// be read.
func (q *Queue) Run(ctx context.Context) error {
	q.Log = logger(q.Log)
	var err error
	if q.filters, err = parseFilters(q.Filters); err != nil {
		return err
	}
	start, most := startLanes, mostLanes
	if q.Concurrency > 0 {
		start, most = min(startLanes, q.Concurrency), q.Concurrency
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	l := &lanes{all: start}
	for range start {
		wg.Go(func() { q.lane(ctx, l, start) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			all, busy := l.add(0, 0)
			if busy < all {
				continue
			}
			for range min(lanesEachSec, most-all) {
				l.add(1, 0)
				wg.Go(func() { q.lane(ctx, l, start) })
			}
		}
	}
}

// lane takes batch after batch. A lane that was added to the first ones ends when the queue has nothing for it.
func (q *Queue) lane(ctx context.Context, l *lanes, keep int) {
	pause := time.Second
	for ctx.Err() == nil {
		batch := q.collect(ctx)
		if len(batch) == 0 {
			if l.leave(keep) {
				return
			}
			continue
		}
		l.add(0, 1)
		err := q.deliver(context.WithoutCancel(ctx), batch)
		l.add(0, -1)
		if err == nil {
			pause = time.Second
			continue
		}
		// throttled: the messages come again after their visibility timeout; ask less often meanwhile
		if !errors.Is(err, lambda.ErrThrottled) && !errors.Is(err, lambda.ErrClosed) {
			q.Log.Error("batch not delivered", "function", q.Function, "queue", q.Queue, "err", err)
		}
		sleep(ctx, pause)
		pause = min(2*pause, 10*time.Second)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// collect gathers a batch: full, at the end of its window, or at 6 MB. It is empty when nothing came.
func (q *Queue) collect(ctx context.Context) []standin.Message {
	batch, err := q.Messages.Receive(ctx, q.Queue, min(q.BatchSize, pollTen), longPoll)
	if err != nil {
		if ctx.Err() == nil {
			q.Log.Error("queue not polled", "queue", q.Queue, "err", err)
			sleep(ctx, time.Second)
		}
		return nil
	}
	size := bytesOf(batch)
	if len(batch) == 0 || q.Window == 0 {
		return batch
	}
	end := time.Now().Add(q.Window)
	for len(batch) < q.BatchSize && size < lambda.MaxPayload*9/10 {
		left := time.Until(end)
		if left <= 0 || ctx.Err() != nil {
			break
		}
		more, err := q.Messages.Receive(ctx, q.Queue, min(q.BatchSize-len(batch), pollTen), min(left, longPoll))
		if err != nil {
			break // what is in hand is delivered
		}
		batch = append(batch, more...)
		size += bytesOf(more)
	}
	return batch
}

func bytesOf(batch []standin.Message) int {
	n := 0
	for _, m := range batch {
		n += len(m.Body) + 600 // the record around it
	}
	return n
}

// deliver runs the function on one batch and deletes what it is done with. Its error means that the function was
// not run.
func (q *Queue) deliver(ctx context.Context, batch []standin.Message) error {
	ids := map[string]bool{}
	var records []record
	var done []string
	seen := map[string]standin.Message{}
	for _, m := range batch {
		r := q.record(m)
		if !matches(q.filters, r.filterView()) {
			done = append(done, m.ReceiptHandle)
			continue
		}
		ids[m.ID] = true
		seen[m.ID] = m
		records = append(records, r)
	}
	defer func() { q.delete(done) }()
	if len(records) == 0 {
		return nil
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return err
	}
	if len(payload) > lambda.MaxPayload && len(batch) > 1 { // AWS splits a batch that is too large as an event
		half := len(batch) / 2
		return errors.Join(q.deliver(ctx, batch[:half]), q.deliver(ctx, batch[half:]))
	}
	res, err := q.Invoker.Invoke(ctx, q.Function, payload)
	if err != nil {
		return err
	}
	if res.FunctionError != "" {
		q.Log.Warn("batch failed", "function", q.Function, "queue", q.Queue, "messages", len(records), "answer", clip(res.Payload))
		return nil
	}
	var failed map[string]bool
	if q.Partial {
		var whole bool
		failed, whole = failures(res.Payload, ids)
		if whole {
			q.Log.Warn("batch answer not understood; the whole batch is offered again", "function", q.Function, "answer", clip(res.Payload))
			return nil
		}
	}
	for _, m := range batch {
		if ids[m.ID] && !failed[m.ID] {
			done = append(done, m.ReceiptHandle)
		}
	}
	return nil
}

func (q *Queue) delete(handles []string) {
	if len(handles) == 0 {
		return
	}
	for _, err := range q.Messages.DeleteBatch(q.Queue, handles) {
		if err != nil {
			q.Log.Error("message not deleted", "queue", q.Queue, "err", err)
		}
	}
}

func clip(b []byte) string {
	const most = 300
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// A record is one message as a function sees it.
type record struct {
	MessageID         string                   `json:"messageId"`
	ReceiptHandle     string                   `json:"receiptHandle"`
	Body              string                   `json:"body"`
	Attributes        map[string]string        `json:"attributes"`
	MessageAttributes map[string]attributeView `json:"messageAttributes"`
	MD5OfAttributes   string                   `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody         string                   `json:"md5OfBody"`
	EventSource       string                   `json:"eventSource"`
	EventSourceARN    string                   `json:"eventSourceARN"`
	AWSRegion         string                   `json:"awsRegion"`
}

type attributeView struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      *string  `json:"binaryValue,omitempty"` // base64
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func (q *Queue) record(m standin.Message) record {
	r := record{
		MessageID: m.ID, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Attributes: m.Attributes,
		MessageAttributes: map[string]attributeView{}, MD5OfAttributes: m.MD5OfAttributes, MD5OfBody: m.MD5,
		EventSource: "aws:sqs", EventSourceARN: q.ARN, AWSRegion: q.Region,
	}
	for name, a := range m.MessageAttributes {
		v := attributeView{DataType: a.DataType, StringListValues: []string{}, BinaryListValues: []string{}}
		if strings.HasPrefix(a.DataType, "Binary") {
			s := base64.StdEncoding.EncodeToString(a.BinaryValue)
			v.BinaryValue = &s
		} else {
			v.StringValue = &a.StringValue
		}
		r.MessageAttributes[name] = v
	}
	return r
}

// filterView is the record as filters see it: the body as JSON where it is JSON, else as a text.
func (r record) filterView() []byte {
	body := json.RawMessage(r.Body)
	if !json.Valid(body) {
		b, err := json.Marshal(r.Body)
		if err != nil {
			return nil
		}
		body = b
	}
	b, err := json.Marshal(map[string]any{
		"messageId": r.MessageID, "body": body, "attributes": r.Attributes, "messageAttributes": r.MessageAttributes,
		"eventSource": r.EventSource, "eventSourceARN": r.EventSourceARN, "awsRegion": r.AWSRegion,
	})
	if err != nil {
		return nil
	}
	return b
}
