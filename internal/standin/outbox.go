package standin

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// A Notice is one SMS or e-mail as its reader would see it.
type Notice struct {
	Seq       uint64    `json:"seq"`               // in order of delivery, from 1
	Kind      string    `json:"kind"`              // "sms", "email", or "confirm" for the e-mail that asks to confirm a subscription
	To        string    `json:"to"`                // +33612345678 or an e-mail address
	From      string    `json:"from"`              // sender name or address
	Subject   string    `json:"subject,omitempty"` // e-mail only
	Text      string    `json:"text"`
	Link      string    `json:"link,omitempty"`      // to confirm, or to unsubscribe
	Topic     string    `json:"topic,omitempty"`     // ARN; "" for an SMS to a number
	MessageID string    `json:"messageId,omitempty"` // as Publish answered
	Parts     int       `json:"parts,omitempty"`     // billed SMS parts
	At        time.Time `json:"at"`
}

// outboxKeep bounds how many notices are kept.
const outboxKeep = 10000

type outboxState struct {
	mu     sync.Mutex
	subs   map[chan Notice]bool
	closed bool
}

// Outbox is every SMS and e-mail that would have reached a person.
type Outbox struct{ s *Server }

// Outbox returns the outbox; it may be kept and used from many goroutines.
func (s *Server) Outbox() Outbox { return Outbox{s} }

// List returns the newest max notices after the given sequence, oldest first; max 0 means all that are kept,
// the newest 10,000.
func (o Outbox) List(after uint64, max int) ([]Notice, error) {
	out := []Notice{}
	err := o.s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bktOutbox).Cursor()
		for k, v := c.Last(); k != nil && binary.BigEndian.Uint64(k) > after && (max == 0 || len(out) < max); k, v = c.Prev() {
			var n Notice
			if err := json.Unmarshal(v, &n); err != nil {
				return err
			}
			out = append(out, n)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// Subscribe returns a channel of the notices from now on. One that is not read loses notices after 256; they
// are still in List. stop ends it and closes the channel, as does closing the Server.
func (o Outbox) Subscribe() (notices <-chan Notice, stop func()) {
	st := &o.s.outbox
	st.mu.Lock()
	defer st.mu.Unlock()
	c := make(chan Notice, 256)
	if st.closed {
		close(c)
		return c, func() {}
	}
	if st.subs == nil {
		st.subs = map[chan Notice]bool{}
	}
	st.subs[c] = true
	return c, func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.subs[c] {
			delete(st.subs, c)
			close(c)
		}
	}
}

func (st *outboxState) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	for c := range st.subs {
		close(c)
	}
	st.subs = nil
}

// storeNotices numbers and keeps notices inside a write transaction.
func storeNotices(tx *bbolt.Tx, list []Notice) error {
	b := tx.Bucket(bktOutbox)
	for i := range list {
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		list[i].Seq = n
		data, err := json.Marshal(list[i])
		if err != nil {
			return err
		}
		if err := b.Put(binary.BigEndian.AppendUint64(nil, n), data); err != nil {
			return err
		}
		if n > outboxKeep {
			if err := b.Delete(binary.BigEndian.AppendUint64(nil, n-outboxKeep)); err != nil {
				return err
			}
		}
	}
	return nil
}

// announce writes committed notices as files and tells the subscribers.
func (s *Server) announce(list []Notice) {
	for _, n := range list {
		name := fmt.Sprintf("%06d-%s-%s.txt", n.Seq, n.Kind, fileSafe(n.To))
		if err := os.WriteFile(filepath.Join(s.opt.Dir, "outbox", name), []byte(n.file()), 0o644); err != nil {
			s.log.Error("notice not written to a file", "notice", n.Seq, "err", err)
		}
		if n.Seq > outboxKeep {
			s.removeNoticeFile(n.Seq - outboxKeep)
		}
	}
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	for _, n := range list {
		for c := range s.outbox.subs {
			select {
			case c <- n:
			default:
			}
		}
	}
}

func (s *Server) removeNoticeFile(seq uint64) {
	old, _ := filepath.Glob(filepath.Join(s.opt.Dir, "outbox", fmt.Sprintf("%06d-*", seq)))
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			s.log.Warn("old notice file not removed", "err", err)
		}
	}
}

// file is the notice as a text file: headers, a blank line, the text.
func (n Notice) file() string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\nTo: %s\nDate: %s\n", n.From, n.To, n.At.UTC().Format(time.RFC1123Z))
	if n.Subject != "" {
		fmt.Fprintf(&b, "Subject: %s\n", n.Subject)
	}
	if n.Parts > 0 {
		fmt.Fprintf(&b, "Parts: %d\n", n.Parts)
	}
	if n.MessageID != "" {
		fmt.Fprintf(&b, "Message-Id: %s\n", n.MessageID)
	}
	b.WriteString("\n" + n.Text + "\n")
	return b.String()
}

// fileSafe keeps what every file system takes.
func fileSafe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '+', r == '-', r == '.', r == '@':
			return r
		}
		return '_'
	}, s)
}
