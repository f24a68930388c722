package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"solewatch/internal/host/filter"
	"solewatch/internal/host/lambda"
	"solewatch/internal/standin"
)

// Records is the stream that a mapping reads. *standin.Server is one.
type Records interface {
	StreamRecords(ctx context.Context, table string, after uint64, max int, wait time.Duration) ([]standin.StreamRecord, error)
	StreamHead(table string) uint64
	StreamPosition(mapping string) uint64
	HasStreamPosition(mapping string) bool
	SetStreamPosition(mapping string, seq uint64)
}

// A Stream is one DynamoDB event source mapping. The table's stream is one shard.
//
// Records go to Parallel lanes by the hash of their item's key, and each lane is worked through in order: a batch
// that fails blocks its lane until it succeeds, has been tried often enough, or is too old. The checkpoint is the
// highest sequence below which everything is done; after a restart what lies above is seen again.
type Stream struct {
	ID          string // of the mapping; names its checkpoint
	Function    string // logical id
	FunctionARN string
	Table       string
	ARN         string
	Region      string
	View        string // StreamViewType
	BatchSize   int
	Window      time.Duration
	Latest      bool // a mapping that has never run begins at the newest record, else at the oldest
	Partial     bool
	Filters     []string // records that match none are passed over
	Bisect      bool
	Retries     int           // -1: for as long as the record lives
	MaxAge      time.Duration // 0: 24 h
	Parallel    int
	OnFailure   string // ARN; "" when records given up are only logged
	Records     Records
	Invoker     Invoker
	Send        Destination
	Log         *slog.Logger

	filters []*filter.Pattern
	done    *progress
}

// progress follows which sequences are done, in any order, and tells the highest one below which all are.
type progress struct {
	mu   sync.Mutex
	low  uint64          // all up to here are done
	open map[uint64]bool // read and not done
	top  uint64          // the highest one read
}

func (p *progress) read(seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[seq] = true
	p.top = seq
}

// finish marks sequences done and returns the checkpoint, with moved true when it is higher than before.
func (p *progress) finish(seqs ...uint64) (low uint64, moved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range seqs {
		delete(p.open, s)
	}
	before := p.low
	for p.low < p.top && !p.open[p.low+1] {
		p.low++
	}
	return p.low, p.low > before
}

const (
	streamLife = 24 * time.Hour
	laneBuffer = 4 // readings ahead of each lane
)

// Run reads until ctx ends; batches in hand are finished first, without further tries. It returns an error only
// for a filter that cannot be read.
func (s *Stream) Run(ctx context.Context) error {
	s.Log = logger(s.Log)
	var err error
	if s.filters, err = parseFilters(s.Filters); err != nil {
		return err
	}
	s.Parallel = max(s.Parallel, 1)
	after := s.Records.StreamPosition(s.ID)
	if !s.Records.HasStreamPosition(s.ID) {
		if s.Latest {
			after = s.Records.StreamHead(s.Table)
		}
		s.Records.SetStreamPosition(s.ID, after)
	}
	s.done = &progress{low: after, top: after, open: map[uint64]bool{}}

	var wg sync.WaitGroup
	defer wg.Wait()
	in := make([]chan []standin.StreamRecord, s.Parallel)
	for i := range in {
		in[i] = make(chan []standin.StreamRecord, laneBuffer)
		defer close(in[i])
		wg.Go(func() { s.lane(ctx, in[i], i) })
	}
	for ctx.Err() == nil {
		got, err := s.Records.StreamRecords(ctx, s.Table, after, s.BatchSize*s.Parallel, 5*time.Second)
		if err != nil {
			if ctx.Err() == nil {
				s.Log.Error("stream not read", "table", s.Table, "err", err)
				sleep(ctx, time.Second)
			}
			continue
		}
		for _, r := range got {
			s.done.read(r.Seq)
		}
		var passed []standin.StreamRecord
		wanted := make([][]standin.StreamRecord, s.Parallel) // by lane
		for _, r := range got {
			after = r.Seq
			if matches(s.filters, s.event(r)) {
				n := laneOf(r.Keys, s.Parallel)
				wanted[n] = append(wanted[n], r)
			} else {
				passed = append(passed, r)
			}
		}
		if len(passed) > 0 {
			s.finish(passed...)
		}
		for n, chunk := range wanted {
			if len(chunk) == 0 {
				continue
			}
			select {
			case in[n] <- chunk:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

func laneOf(keys []byte, n int) int {
	if n == 1 {
		return 0
	}
	h := fnv.New32a()
	h.Write(keys)
	return int(h.Sum32() % uint32(n))
}

func (s *Stream) finish(batch ...standin.StreamRecord) {
	seqs := make([]uint64, len(batch))
	for i, r := range batch {
		seqs[i] = r.Seq
	}
	if low, moved := s.done.finish(seqs...); moved {
		s.Records.SetStreamPosition(s.ID, low)
	}
}

// lane works its records off, batch by batch. What the reader has read together comes together.
func (s *Stream) lane(ctx context.Context, in <-chan []standin.StreamRecord, number int) {
	var waiting []standin.StreamRecord
	for ctx.Err() == nil {
		if len(waiting) == 0 {
			chunk, ok := <-in
			if !ok {
				return
			}
			waiting = chunk
		}
		waiting = s.fill(ctx, waiting, in)
		n, size := 0, 0
		for n < min(len(waiting), s.BatchSize) && (n == 0 || size+recordSize(waiting[n]) < lambda.MaxPayload*9/10) {
			size += recordSize(waiting[n])
			n++
		}
		s.work(ctx, waiting[:n:n], number, 0)
		waiting = waiting[n:]
	}
}

// fill adds what there is to a batch that is not full, and waits for more until the window ends.
func (s *Stream) fill(ctx context.Context, waiting []standin.StreamRecord, in <-chan []standin.StreamRecord) []standin.StreamRecord {
	window := time.NewTimer(s.Window)
	defer window.Stop()
	for len(waiting) < s.BatchSize {
		if s.Window == 0 {
			select {
			case chunk := <-in: // nil when closed
				if chunk == nil {
					return waiting
				}
				waiting = append(waiting, chunk...)
			default:
				return waiting
			}
			continue
		}
		select {
		case chunk := <-in:
			if chunk == nil {
				return waiting
			}
			waiting = append(waiting, chunk...)
		case <-window.C:
			return waiting
		case <-ctx.Done():
			return waiting
		}
	}
	return waiting
}

func recordSize(r standin.StreamRecord) int {
	return len(r.Keys) + len(r.NewImage) + len(r.OldImage) + 500
}

// work brings one batch to its end: done, or given up. tries says how often its records were tried before. It
// returns early, with records not done, only when ctx ends.
func (s *Stream) work(ctx context.Context, batch []standin.StreamRecord, lane, tries int) {
	var last lambda.Result
	pause := 250 * time.Millisecond
	for len(batch) > 0 {
		batch = s.giveUpOld(batch, lane, tries, last)
		if len(batch) == 0 || ctx.Err() != nil {
			return
		}
		res, from, err := s.try(ctx, batch)
		switch {
		case err != nil: // not run: throttles and our own errors are no tries
			if errors.Is(err, lambda.ErrClosed) {
				return
			}
			sleep(ctx, pause)
			pause = min(2*pause, 10*time.Second)
			continue
		case from == len(batch):
			s.finish(batch...)
			return
		}
		pause, last = 250*time.Millisecond, res
		s.finish(batch[:from]...)
		split := from // with both settings a partial answer splits at the failed record
		batch = batch[from:]
		if split > 0 {
			tries = 0 // the checkpoint moved: these are a batch of their own
			if !s.Bisect {
				tries = 1
			}
		}
		if s.Bisect && split == 0 && len(batch) > 1 { // a split does not use up a try
			half := len(batch) / 2
			s.work(ctx, batch[:half], lane, tries)
			batch = batch[half:]
			continue
		}
		if split == 0 {
			tries++
		}
		if s.Retries >= 0 && tries > s.Retries {
			s.giveUp(batch, "RetryAttemptsExhausted", lane, tries, last)
			return
		}
		backoff := time.Duration(math.Min(float64(time.Second)*math.Pow(2, float64(min(tries, 10)-1)), float64(time.Minute)))
		sleep(ctx, max(backoff, 100*time.Millisecond))
	}
}

// try runs the function once. from is the index of the first record that is not done, len(batch) when all are.
func (s *Stream) try(ctx context.Context, batch []standin.StreamRecord) (res lambda.Result, from int, err error) {
	var records []json.RawMessage
	ids := map[string]bool{}
	for _, r := range batch {
		records = append(records, s.event(r))
		ids[sequence(r.Seq)] = true
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return res, 0, err
	}
	res, err = s.Invoker.Invoke(context.WithoutCancel(ctx), s.Function, payload)
	if err != nil {
		return res, 0, err
	}
	if res.FunctionError != "" {
		s.Log.Warn("batch failed", "function", s.Function, "table", s.Table, "records", len(batch), "answer", clip(res.Payload))
		return res, 0, nil
	}
	if !s.Partial {
		return res, len(batch), nil
	}
	failed, whole := failures(res.Payload, ids)
	if whole {
		s.Log.Warn("batch answer not understood; the whole batch is tried again", "function", s.Function, "answer", clip(res.Payload))
		return res, 0, nil
	}
	for i, r := range batch {
		if failed[sequence(r.Seq)] {
			return res, i, nil
		}
	}
	return res, len(batch), nil
}

// giveUpOld sends the records that are too old to the destination and returns the others.
func (s *Stream) giveUpOld(batch []standin.StreamRecord, lane, tries int, last lambda.Result) []standin.StreamRecord {
	age := s.MaxAge
	if age == 0 {
		age = streamLife
	}
	n := 0
	for n < len(batch) && time.Since(batch[n].At) > age {
		n++
	}
	if n > 0 {
		s.giveUp(batch[:n], "RecordAgeExceeded", lane, tries, last)
	}
	return batch[n:]
}

// giveUp tells the destination of the records, without their data, and goes on behind them.
func (s *Stream) giveUp(batch []standin.StreamRecord, condition string, lane, tries int, last lambda.Result) {
	first, end := batch[0], batch[len(batch)-1]
	s.Log.Error("records given up", "function", s.Function, "table", s.Table, "records", len(batch),
		"first", sequence(first.Seq), "condition", condition)
	if s.OnFailure != "" && s.Send != nil {
		const stamp = "2006-01-02T15:04:05.000Z"
		note, err := json.Marshal(map[string]any{
			"requestContext": map[string]any{
				"requestId": last.RequestID, "functionArn": s.FunctionARN, "condition": condition, "approximateInvokeCount": tries,
			},
			"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": last.FunctionError},
			"version":         "1.0",
			"timestamp":       time.Now().UTC().Format(stamp),
			"DDBStreamBatchInfo": map[string]any{
				"shardId": fmt.Sprintf("shardId-%020d-%08d", 1, lane), "startSequenceNumber": sequence(first.Seq), "endSequenceNumber": sequence(end.Seq),
				"approximateArrivalOfFirstRecord": first.At.UTC().Format(stamp), "approximateArrivalOfLastRecord": end.At.UTC().Format(stamp),
				"batchSize": len(batch), "streamArn": s.ARN,
			},
		})
		if err == nil {
			err = s.Send(s.OnFailure, string(note))
		}
		if err != nil {
			s.Log.Error("failure record not sent", "to", s.OnFailure, "err", err)
		}
	}
	s.finish(batch...)
}

// sequence spells a sequence number as DynamoDB does: digits, of one length so that text order is number order.
func sequence(n uint64) string { return fmt.Sprintf("%021d", n) }

// event is one record as a function sees it.
func (s *Stream) event(r standin.StreamRecord) json.RawMessage {
	change := map[string]any{
		"ApproximateCreationDateTime": json.Number(strconv.FormatInt(r.At.Unix(), 10)),
		"Keys":                        r.Keys,
		"SequenceNumber":              sequence(r.Seq),
		"SizeBytes":                   r.Size,
		"StreamViewType":              s.View,
	}
	if len(r.NewImage) > 0 {
		change["NewImage"] = r.NewImage
	}
	if len(r.OldImage) > 0 {
		change["OldImage"] = r.OldImage
	}
	e := map[string]any{
		"eventID": fmt.Sprintf("%032x", r.Seq), "eventName": r.EventName, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"awsRegion": s.Region, "eventSourceARN": s.ARN, "dynamodb": change,
	}
	if r.TTLDelete {
		e["userIdentity"] = map[string]string{"type": "Service", "principalId": "dynamodb.amazonaws.com"}
	}
	b, err := json.Marshal(e)
	if err != nil {
		s.Log.Error("stream record not spelled", "sequence", r.Seq, "err", err)
		return json.RawMessage("null")
	}
	return b
}
