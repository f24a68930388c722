package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// What a Line says happened.
const (
	Sent    = "sent"    // is about to be written to the socket
	Acked   = "acked"   // the server has promised to keep it: from here on it must be in the table
	Refused = "refused" // the server will not take it as it is (NACK 2); the insole gives it up
)

// A Line is one line of the oracle log, JSON. Tests compare the log with what the system under test has stored.
type Line struct {
	AtMs    int64          `json:"atMs"` // Unix milliseconds
	What    string         `json:"what"`
	Insole  insole.ID      `json:"insole"`
	Dialect insole.Dialect `json:"dialect"`
	Try     int            `json:"try"` // of the record sent most often in this frame; above 1 = sent again
	Reports []Reported     `json:"reports"`
}

// Reported names one report of a frame.
type Reported struct {
	Key  string      `json:"key"` // insole.Report.Key
	Kind insole.Kind `json:"kind"`
}

// An Oracle writes down what was sent and what was acknowledged, outside the system under test. Each line is in the operating system's hands before
// note returns, so that it survives the death of this process.
type Oracle struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

// OpenOracle appends to the file at path.
func OpenOracle(path string) (*Oracle, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("oracle log: %w", err)
	}
	return &Oracle{file: f}, nil
}

// Close returns the first error of any write: a log with holes proves nothing.
func (o *Oracle) Close() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.file.Close()
	if o.err != nil {
		err = o.err
	}
	if err != nil {
		return fmt.Errorf("oracle log: %w", err)
	}
	return nil
}

func (o *Oracle) note(at time.Time, what string, k Key, entries []*entry) {
	if o == nil {
		return
	}
	l := Line{AtMs: at.UnixMilli(), What: what, Insole: k.Insole, Dialect: k.Dialect, Reports: make([]Reported, len(entries))}
	for i, e := range entries {
		l.Try = max(l.Try, e.tries)
		l.Reports[i] = Reported{e.name, e.rec.Kind}
	}
	b, err := json.Marshal(l)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		_, err = o.file.Write(append(b, '\n'))
	}
	if err != nil && o.err == nil {
		o.err = err
	}
}
