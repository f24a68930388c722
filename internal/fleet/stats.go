package fleet

import (
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"
)

// Stats counts what a fleet does. All of it may be read at any time.
type Stats struct {
	connected, sent, acked, resent, refused, backlog, overwritten, connects, rejects, told atomic.Int64
	track, help                                                                            histogram
}

// A Snapshot is Stats at one moment. Counts are of records, not of frames.
type Snapshot struct {
	Insoles     int          `json:"insoles"`
	Connected   int64        `json:"connected"`
	Sent        int64        `json:"sent"`
	Acked       int64        `json:"acknowledged"`
	Resent      int64        `json:"resent"`
	Refused     int64        `json:"refused"`
	Backlog     int64        `json:"backlog"`
	Overwritten int64        `json:"overwritten"` // flash was full
	Connects    int64        `json:"connects"`
	Rejects     int64        `json:"rejects"`
	Told        int64        `json:"told"`  // orders of the server; one told twice counts twice
	P50         Milliseconds `json:"p50Ms"` // from sending to acknowledgement, of positions
	P99         Milliseconds `json:"p99Ms"`
	HelpP50     Milliseconds `json:"helpP50Ms"` // of calls for help
	HelpP99     Milliseconds `json:"helpP99Ms"`
}

// Milliseconds is a time that JSON has in milliseconds, to the microsecond.
type Milliseconds time.Duration

// MarshalJSON writes a number.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Duration(m).Microseconds())/1000, 'f', -1, 64), nil
}

// UnmarshalJSON is the other half.
func (m *Milliseconds) UnmarshalJSON(b []byte) error {
	ms, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("milliseconds: %w", err)
	}
	*m = Milliseconds(ms * float64(time.Millisecond))
	return nil
}

func (s *Stats) snapshot() Snapshot {
	return Snapshot{
		Connected: s.connected.Load(), Sent: s.sent.Load(), Acked: s.acked.Load(), Resent: s.resent.Load(), Refused: s.refused.Load(),
		Backlog: s.backlog.Load(), Overwritten: s.overwritten.Load(), Connects: s.connects.Load(), Rejects: s.rejects.Load(), Told: s.told.Load(),
		P50: Milliseconds(s.track.quantile(0.5)), P99: Milliseconds(s.track.quantile(0.99)),
		HelpP50: Milliseconds(s.help.quantile(0.5)), HelpP99: Milliseconds(s.help.quantile(0.99)),
	}
}

// String is the line of the live summary.
func (s Snapshot) String() string {
	line := fmt.Sprintf("connected %d/%d · sent %d · acknowledged %d · re-sent %d · in backlog %d · acknowledged after p50 %v p99 %v",
		s.Connected, s.Insoles, s.Sent, s.Acked, s.Resent, s.Backlog, short(s.P50), short(s.P99))
	if s.HelpP99 > 0 {
		line += fmt.Sprintf(" · help p50 %v p99 %v", short(s.HelpP50), short(s.HelpP99))
	}
	if s.Told > 0 {
		line += fmt.Sprintf(" · told %d", s.Told)
	}
	if s.Refused > 0 {
		line += fmt.Sprintf(" · refused %d", s.Refused)
	}
	if s.Overwritten > 0 {
		line += fmt.Sprintf(" · overwritten %d", s.Overwritten)
	}
	return line
}

// short is d with two or three digits.
func short(m Milliseconds) time.Duration {
	d := time.Duration(m)
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

// A histogram counts times in steps of an eighth of an octave (9 %), from a microsecond to some hours.
type histogram struct{ buckets [8 * 36]atomic.Int64 }

func (h *histogram) add(d time.Duration) {
	i := int(8 * math.Log2(max(1, float64(d)/float64(time.Microsecond))))
	h.buckets[min(i, len(h.buckets)-1)].Add(1)
}

// quantile is the upper end of the step that holds the q-th part of all; 0 when there is none.
func (h *histogram) quantile(q float64) time.Duration {
	var total int64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	need := int64(math.Ceil(q * float64(total)))
	if need == 0 {
		return 0
	}
	for i := range h.buckets {
		need -= h.buckets[i].Load()
		if need <= 0 {
			return time.Duration(math.Exp2(float64(i+1)/8) * float64(time.Microsecond))
		}
	}
	return 0
}
