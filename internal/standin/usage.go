package standin

import (
	"maps"
	"sync"
	"time"
)

// Usage is what AWS would have billed since the Server was opened.
type Usage struct {
	Since       time.Time             `json:"since"`
	DynamoDB    map[string]TableUsage `json:"dynamodb"` // by table
	SQS         map[string]QueueUsage `json:"sqs"`      // by queue
	SNS         SNSUsage              `json:"sns"`
	Connections ConnectionUsage       `json:"connections"` // @connections
	Other       map[string]float64    `json:"other"`       // what the embedding program counted with Count
}

// TableUsage counts on-demand request units of one table.
type TableUsage struct {
	WriteUnits float64            `json:"writeUnits"` // of the table itself: 1 KB of the larger of before and after, ×2 in transactions
	ReadUnits  float64            `json:"readUnits"`  // 4 KB, half when eventually consistent
	IndexWrite map[string]float64 `json:"indexWrite"` // by index
	IndexRead  map[string]float64 `json:"indexRead"`
	Calls      map[string]int64   `json:"calls"` // by operation
}

// QueueUsage counts requests of one queue: each started 64 KiB of a call's payload is one.
type QueueUsage struct {
	Requests map[string]int64 `json:"requests"` // by operation
	Empty    int64            `json:"empty"`    // receives among them that found nothing
	Messages int64            `json:"messages"` // sent
}

// SNSUsage counts publishes (each started 64 KiB is one) and what was delivered.
type SNSUsage struct {
	Publishes int64 `json:"publishes"`
	SMSParts  int64 `json:"smsParts"`
	Emails    int64 `json:"emails"`
	Requests  int64 `json:"requests"` // other operations
}

// ConnectionUsage counts messages to browsers (each started 32 KiB is one) and the other @connections calls.
type ConnectionUsage struct {
	Posts int64 `json:"posts"`
	Gone  int64 `json:"gone"` // posts answered 410; not among Posts
	Other int64 `json:"other"`
}

type usageCounter struct {
	mu    sync.Mutex
	since time.Time
	u     Usage
}

// Usage returns a copy of the counters.
func (s *Server) Usage() Usage {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	u := s.usage.u
	u.Since = s.usage.since
	u.DynamoDB = map[string]TableUsage{}
	for name, t := range s.usage.u.DynamoDB {
		t.IndexWrite, t.IndexRead, t.Calls = maps.Clone(t.IndexWrite), maps.Clone(t.IndexRead), maps.Clone(t.Calls)
		u.DynamoDB[name] = t
	}
	u.SQS = map[string]QueueUsage{}
	for name, q := range s.usage.u.SQS {
		q.Requests = maps.Clone(q.Requests)
		u.SQS[name] = q
	}
	u.Other = map[string]float64{}
	maps.Copy(u.Other, s.usage.u.Other)
	return u
}

// Count adds n to a counter of the embedding program, such as "lambda.invocations" or "lambda.gbMs".
func (s *Server) Count(name string, n float64) {
	s.usage.with(func(u *Usage) {
		if u.Other == nil {
			u.Other = map[string]float64{}
		}
		u.Other[name] += n
	})
}

func (c *usageCounter) with(f func(*Usage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.u)
}

func (c *usageCounter) table(name string, f func(*TableUsage)) {
	c.with(func(u *Usage) {
		if u.DynamoDB == nil {
			u.DynamoDB = map[string]TableUsage{}
		}
		t, ok := u.DynamoDB[name]
		if !ok {
			t = TableUsage{IndexWrite: map[string]float64{}, IndexRead: map[string]float64{}, Calls: map[string]int64{}}
		}
		f(&t)
		u.DynamoDB[name] = t
	})
}

func (c *usageCounter) queue(name string, f func(*QueueUsage)) {
	c.with(func(u *Usage) {
		if u.SQS == nil {
			u.SQS = map[string]QueueUsage{}
		}
		q, ok := u.SQS[name]
		if !ok {
			q = QueueUsage{Requests: map[string]int64{}}
		}
		f(&q)
		u.SQS[name] = q
	})
}

// chunks is how many pieces of size are billed for n bytes: one even for none.
func chunks(n, size int) int64 {
	if n <= size {
		return 1
	}
	return int64((n + size - 1) / size)
}
