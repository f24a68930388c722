// Package standin serves, over AWS's own wire protocols, the DynamoDB, SQS, SNS and @connections operations
// that this product makes, and refuses every other loudly, naming it.
//
// It is a stand-in for a subset, not a re-implementation: one region, one account, one process, one file on
// disk. What it serves behaves as AWS's documentation says; the suite in internal/standin/contract states that
// behaviour case by case and runs against other implementations too. See docs/adr/0003-standin.md.
//
//	DynamoDB  GetItem PutItem UpdateItem DeleteItem Query BatchGetItem BatchWriteItem TransactWriteItems DescribeTable
//	SQS       SendMessage SendMessageBatch ReceiveMessage DeleteMessage DeleteMessageBatch ChangeMessageVisibility
//	          GetQueueAttributes GetQueueUrl
//	SNS       Publish CreateTopic Subscribe Unsubscribe ListSubscriptionsByTopic SetSubscriptionAttributes
//	          GetSubscriptionAttributes
//	gateway   POST GET DELETE /{stage}/@connections/{id}
//	admin     /_standin/faults /_standin/usage /_standin/outbox /_standin/confirm
//
// Tables, queues and topics are made by the program that embeds the Server (EnsureTable and its siblings), as
// CloudFormation would make them; there is no CreateTable on the wire.
package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// Options are what Open needs. Only Dir is required.
type Options struct {
	Dir         string           // state lives in Dir/standin.db and Dir/outbox; made when missing
	Region      string           // "" means eu-west-3
	Account     string           // "" means 000000000000
	Now         func() time.Time // nil means time.Now; decides visibility, retention, expiry and time stamps
	Log         *slog.Logger     // nil means silence
	Connections Connections      // who serves @connections; nil answers 410 for every id

	// Sync makes every commit reach the disk before it is answered. Without it a write survives the death of
	// the process (kill -9 included) but not of the machine, and is some hundred times faster.
	Sync bool

	// SweepEvery is the pause between two background sweeps (expired items, retention of queues and streams,
	// old tokens). 0 means 30 s; below 0 there is no background sweep and only Sweep sweeps.
	SweepEvery time.Duration
}

// Connections is the WebSocket gateway behind @connections.
//
// Every method returns an error that wraps ErrGone for an id that is unknown, closed or not yet open.
type Connections interface {
	Post(ctx context.Context, id string, data []byte) error // data is one text message; ErrTooLarge above the gateway's limit
	Get(ctx context.Context, id string) (ConnInfo, error)
	Delete(ctx context.Context, id string) error
}

// ConnInfo is what @connections tells of an open connection.
type ConnInfo struct {
	ConnectedAt  time.Time
	LastActiveAt time.Time
	SourceIP     string
	UserAgent    string
}

// What a Connections answers when it cannot serve a call.
var (
	ErrGone     = errors.New("standin: connection is gone") // answered as 410 GoneException
	ErrTooLarge = errors.New("standin: message too large")  // answered as 413 PayloadTooLargeException
)

// ErrNoQueue, ErrNoTable and ErrReceipt are returned by the calls of the embedding program.
var (
	ErrNoQueue = errors.New("standin: no such queue")
	ErrNoTable = errors.New("standin: no such table")
	ErrReceipt = errors.New("standin: not a receipt handle of this queue")
)

// An Attr is a key attribute: its name and its type, "S", "N" or "B".
type Attr struct{ Name, Type string }

// A KeySchema names the attributes an item is found by. Sort.Name is "" where there is no sort key.
type KeySchema struct{ Partition, Sort Attr }

// A Table is what the template says about one DynamoDB table.
type Table struct {
	Name         string
	Key          KeySchema
	Indexes      []Index
	TTLAttribute string // "" when items do not expire
	StreamView   string // "", NEW_AND_OLD_IMAGES, NEW_IMAGE, OLD_IMAGE or KEYS_ONLY
}

// An Index is one global secondary index. It holds only items that have all of its key attributes.
type Index struct {
	Name       string
	Key        KeySchema
	Projection string   // ALL, KEYS_ONLY or INCLUDE
	Include    []string // attributes beside the keys, for INCLUDE
}

// A Queue is what the template says about one standard SQS queue. Zero durations mean AWS's defaults.
type Queue struct {
	Name          string
	Visibility    time.Duration // 0 means 30 s
	Retention     time.Duration // 0 means 4 days
	Delay         time.Duration // of every message, at most 900 s
	Wait          time.Duration // of a receive that names none, at most 20 s
	DeadLetterARN string        // "" when nothing is redriven
	MaxReceives   int           // receives before a message goes to DeadLetterARN
}

// Server is the stand-in. It is an http.Handler; all methods may be called at once from many goroutines.
type Server struct {
	opt Options

	smsAccount atomic.Pointer[smsAccount]

	db  *bbolt.DB
	log *slog.Logger

	writes chan *writeJob
	done   chan struct{} // closed by Close

	writerGone chan struct{} // closed when writeLoop has ended

	wg   sync.WaitGroup
	once sync.Once

	mu       sync.RWMutex
	endpoint string
	conns    Connections
	tables   map[string]*Table
	queues   map[string]*Queue
	topics   map[string]bool

	wake   wakers
	faults faultSet
	usage  usageCounter
	outbox outboxState
}

// The buckets of the file.
var (
	bktMeta      = []byte("meta")      // table/…, queue/…, topic/… as JSON
	bktSubs      = []byte("subs")      // subscription ARN: JSON
	bktOutbox    = []byte("outbox")    // sequence: JSON
	bktPositions = []byte("positions") // mapping: sequence
	bktTokens    = []byte("tokens")    // ClientRequestToken: expiry, hash
)

// Open opens or makes the state in o.Dir. Only one process may have it open; a second waits two seconds and
// gets an error. Tables, queues and topics of an earlier run are there again with all they held.
func Open(o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = "eu-west-3"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = 30 * time.Second
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "outbox"), 0o755); err != nil {
		return nil, fmt.Errorf("making the stand-in's folder: %w", err)
	}
	db, err := bbolt.Open(filepath.Join(o.Dir, "standin.db"), 0o600, &bbolt.Options{
		Timeout:         2 * time.Second,
		NoSync:          !o.Sync,
		NoGrowSync:      !o.Sync,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: 1 << 28, // address space only: a remap would stop every reader
	})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", filepath.Join(o.Dir, "standin.db"), err)
	}
	s := &Server{
		opt: o, db: db, log: o.Log,
		conns:    o.Connections,
		endpoint: "http://127.0.0.1:8001",
		writes:   make(chan *writeJob, 256),
		done:     make(chan struct{}),

		writerGone: make(chan struct{}),

		tables: map[string]*Table{},
		queues: map[string]*Queue{},
		topics: map[string]bool{},
	}
	s.usage.since = o.Now()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.wg.Go(s.writeLoop)
	if o.SweepEvery > 0 {
		s.wg.Go(s.sweepLoop)
	}
	return s, nil
}

// load makes the buckets and reads back what earlier runs were told to hold.
func (s *Server) load() error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for _, b := range [][]byte{bktMeta, bktSubs, bktOutbox, bktPositions, bktTokens} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return tx.Bucket(bktMeta).ForEach(func(k, v []byte) error {
			kind, name := metaName(k)
			switch kind {
			case "table":
				t := new(Table)
				s.tables[name] = t
				return json.Unmarshal(v, t)
			case "queue":
				q := new(Queue)
				s.queues[name] = q
				return json.Unmarshal(v, q)
			case "topic":
				s.topics[name] = true
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("reading the stand-in's state: %w", err)
	}
	return nil
}

func metaName(k []byte) (kind, name string) {
	for i, c := range k {
		if c == '/' {
			return string(k[:i]), string(k[i+1:])
		}
	}
	return string(k), ""
}

// Close ends the waiting calls, finishes the writes in hand and closes the file. A write asked for after Close
// fails with errClosed.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.done)
		s.wg.Wait()
		s.outbox.close()
		if s.opt.Sync {
			err = s.db.Sync()
		}
		err = errors.Join(err, s.db.Close())
	})
	return err
}

// SetEndpoint sets the base of queue URLs and confirmation links, "http://127.0.0.1:8001" until then.
func (s *Server) SetEndpoint(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = base
}

// SetConnections sets who serves @connections from now on.
func (s *Server) SetConnections(c Connections) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = c
}

func (s *Server) base() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.endpoint
}

// QueueURL is the URL that SDKs use for the queue. It need not exist.
func (s *Server) QueueURL(name string) string {
	return s.base() + "/" + s.opt.Account + "/" + name
}

// QueueARN, TopicARN, TableARN and TableStreamARN spell Amazon resource names. What they name need not exist.
func (s *Server) QueueARN(name string) string { return s.arn("sqs", name) }

// TopicARN: see QueueARN.
func (s *Server) TopicARN(name string) string { return s.arn("sns", name) }

// TableARN: see QueueARN.
func (s *Server) TableARN(name string) string { return s.arn("dynamodb", "table/"+name) }

// TableStreamARN: see QueueARN. A table has one stream for its whole life here, so the label is constant.
func (s *Server) TableStreamARN(name string) string {
	return s.TableARN(name) + "/stream/2026-01-01T00:00:00.000"
}

func (s *Server) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + s.opt.Region + ":" + s.opt.Account + ":" + rest
}

var (
	tableNames = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	otherNames = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)
)

// EnsureTable makes the table, or takes over its new definition and keeps its items: indexes and the expiry
// index are rebuilt when they differ. It refuses a change of the primary key.
func (s *Server) EnsureTable(t Table) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("table %q: %w", t.Name, err)
	}
	s.mu.RLock()
	old := s.tables[t.Name]
	s.mu.RUnlock()
	if old != nil && old.Key != t.Key {
		return fmt.Errorf("table %q: the primary key cannot change from %v to %v", t.Name, old.Key, t.Key)
	}
	err := s.update(func(tx *bbolt.Tx) error {
		if err := putJSON(tx.Bucket(bktMeta), "table/"+t.Name, t); err != nil {
			return err
		}
		return rebuildTable(tx, &t, old)
	})
	if err != nil {
		return fmt.Errorf("table %q: %w", t.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[t.Name] = &t
	return nil
}

func (t *Table) check() error {
	if !tableNames.MatchString(t.Name) {
		return errors.New("name must be 3 to 255 letters, digits, '_', '.' or '-'")
	}
	if err := t.Key.check(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, ix := range t.Indexes {
		if seen[ix.Name] || !tableNames.MatchString(ix.Name) {
			return fmt.Errorf("index name %q is bad or used twice", ix.Name)
		}
		seen[ix.Name] = true
		if err := ix.Key.check(); err != nil {
			return fmt.Errorf("index %q: %w", ix.Name, err)
		}
		switch ix.Projection {
		case "ALL", "KEYS_ONLY", "INCLUDE":
		default:
			return fmt.Errorf("index %q: projection %q", ix.Name, ix.Projection)
		}
	}
	switch t.StreamView {
	case "", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY":
		return nil
	}
	return fmt.Errorf("stream view type %q", t.StreamView)
}

func (k KeySchema) check() error {
	if k.Partition.Name == "" {
		return errors.New("no partition key")
	}
	for _, a := range k.attrs() {
		if a.Type != "S" && a.Type != "N" && a.Type != "B" {
			return fmt.Errorf("key attribute %q has type %q, want S, N or B", a.Name, a.Type)
		}
	}
	return nil
}

// attrs returns the one or two attributes of the key.
func (k KeySchema) attrs() []Attr {
	if k.Sort.Name == "" {
		return []Attr{k.Partition}
	}
	return []Attr{k.Partition, k.Sort}
}

// EnsureQueue makes the queue, or takes over its new settings and keeps its messages.
func (s *Server) EnsureQueue(q Queue) error {
	switch {
	case !otherNames.MatchString(q.Name):
		return fmt.Errorf("queue %q: name must be 1 to 80 letters, digits, '_' or '-' (FIFO queues are not served)", q.Name)
	case q.Delay < 0 || q.Delay > maxDelay:
		return fmt.Errorf("queue %q: delay %v is not within 0 and %v", q.Name, q.Delay, maxDelay)
	case q.Visibility < 0 || q.Visibility > maxVisibility:
		return fmt.Errorf("queue %q: visibility %v is not within 0 and %v", q.Name, q.Visibility, maxVisibility)
	case q.Wait < 0 || q.Wait > maxWait:
		return fmt.Errorf("queue %q: wait %v is not within 0 and %v", q.Name, q.Wait, maxWait)
	case q.Retention != 0 && (q.Retention < time.Minute || q.Retention > 14*24*time.Hour):
		return fmt.Errorf("queue %q: retention %v is not within 1 minute and 14 days", q.Name, q.Retention)
	case q.DeadLetterARN != "" && (q.MaxReceives < 1 || q.MaxReceives > 1000):
		return fmt.Errorf("queue %q: %d receives before the dead-letter queue, want 1 to 1000", q.Name, q.MaxReceives)
	}
	if q.Visibility == 0 {
		q.Visibility = 30 * time.Second
	}
	if q.Retention == 0 {
		q.Retention = 4 * 24 * time.Hour
	}
	err := s.update(func(tx *bbolt.Tx) error {
		if _, err := queueBucket(tx, q.Name); err != nil {
			return err
		}
		return putJSON(tx.Bucket(bktMeta), "queue/"+q.Name, q)
	})
	if err != nil {
		return fmt.Errorf("queue %q: %w", q.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[q.Name] = &q
	return nil
}

// EnsureTopic makes the topic if it is not there.
func (s *Server) EnsureTopic(name string) error {
	if len(name) > 256 || !topicNames.MatchString(name) {
		return fmt.Errorf("topic %q: name must be 1 to 256 letters, digits, '_' or '-' (FIFO topics are not served)", name)
	}
	s.mu.RLock()
	have := s.topics[name]
	s.mu.RUnlock()
	if have {
		return nil
	}
	err := s.update(func(tx *bbolt.Tx) error {
		return putJSON(tx.Bucket(bktMeta), "topic/"+name, struct{}{})
	})
	if err != nil {
		return fmt.Errorf("topic %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[name] = true
	return nil
}

func (s *Server) table(name string) *Table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tables[name]
}

func (s *Server) queue(name string) *Queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.queues[name]
}

func (s *Server) hasTopic(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics[name]
}

func putJSON(b *bbolt.Bucket, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), data)
}
