package feed

import (
	"cmp"
	"maps"
	"slices"
)

// A Screen is what one browser knows, and the rules by which it stays true. It holds no socket and no clock: whoever
// drives it fetches the board whenever NeedsBoard, and shows the page as live only while Live.
//
// web/src/state follows the same rules; the property test in internal/push shows that they are enough.
//
//  1. A new socket means a new board: what happened between the sockets is not told again.
//  2. Changes that arrive while the board is being fetched are held. The board covers every Seq up to its own,
//     because it is read after its Seq is, and a Seq is given out after its changes are stored.
//  3. After that, only the next Seq is applied; a higher one is held, and the board is wanted until the gap is filled
//     by what is late or by a newer board.
//  4. A pong (or sync) with a Seq above what has been applied says that something was lost, one below what was
//     applied before it was asked for says that the feed began anew, and "away" says that nothing is known: the board is wanted.
//  5. An item's version decides: an equal or lower one is older news, also for an alarm that has left the list, whether a
//     change ended it or a board no longer had it.
type Screen struct {
	seq     int64
	synced  bool  // a board was fetched over this socket
	known   int64 // highest Seq that the server is known to have given out
	asked   int64 // seq when the last ping was sent
	away    bool
	dead    bool // the server does not know this connection
	fetches int  // the fetch in hand; an answer to an earlier one is not taken
	held    map[int64][]Change
	workers map[string]Worker
	alarms  map[string]Alarm // open ones
	ended   map[string]int64 // version in which an alarm left the list
}

// Connected begins a new socket.
func (s *Screen) Connected() {
	s.synced, s.dead, s.away = false, false, false
	s.known, s.held = 0, map[int64][]Change{}
	s.fetches++
}

// NeedsBoard says whether the board must be fetched.
func (s *Screen) NeedsBoard() bool {
	return !s.dead && !s.away && (!s.synced || len(s.held) > 0 || s.seq < s.known)
}

// MustReconnect says whether only a new socket helps.
func (s *Screen) MustReconnect() bool { return s.dead }

// Live says whether the page may be shown as live, as far as the messages heard so far can tell.
func (s *Screen) Live() bool { return s.synced && !s.dead && !s.away && !s.NeedsBoard() }

// Seq is the last one applied.
func (s *Screen) Seq() int64 { return s.seq }

// Fetching is called before the board is asked for; its result goes to Fetched with the answer.
func (s *Screen) Fetching() int { s.fetches++; return s.fetches }

// Pinging is called before a ping is sent.
func (s *Screen) Pinging() { s.asked = s.seq }

// Fetched takes a board. The answer to any but the latest Fetching of this socket is dropped, and so is a board older
// than what was applied meanwhile.
func (s *Screen) Fetched(fetch int, b Board) {
	if fetch != s.fetches || (s.synced && b.Seq < s.seq) {
		return
	}
	for id, a := range s.alarms {
		s.end(id, a.Version) // unless the board still has it
	}
	s.workers, s.alarms = map[string]Worker{}, map[string]Alarm{}
	for _, w := range b.Workers {
		s.workers[w.Worker] = w
	}
	for _, a := range b.Alarms {
		s.alarms[a.ID] = a
		delete(s.ended, a.ID)
	}
	s.seq, s.synced = b.Seq, true
	s.drain()
}

// Hear takes one message, in whatever order it arrives.
func (s *Screen) Hear(m Message) {
	switch m.Type {
	case TypeChanges:
		if s.held == nil {
			s.held = map[int64][]Change{}
		}
		s.held[m.Seq] = m.Changes
		s.drain()
	case TypeSync, TypePong:
		if m.Store == StoreAway {
			s.away, s.synced = true, false
			return
		}
		s.away = false
		if s.synced && m.Seq < s.asked {
			s.synced, s.known = false, 0
		}
		s.known = max(s.known, m.Seq)
	case TypeReconnect:
		s.dead = true
	}
}

// drain applies what is held and next, and drops what the board already covered.
func (s *Screen) drain() {
	if !s.synced {
		return
	}
	for seq := range s.held {
		if seq <= s.seq {
			delete(s.held, seq)
		}
	}
	for changes, ok := s.held[s.seq+1]; ok; changes, ok = s.held[s.seq+1] {
		s.seq++
		delete(s.held, s.seq)
		for _, c := range changes {
			s.apply(c)
		}
	}
}

func (s *Screen) apply(c Change) {
	switch {
	case c.Kind == KindLive && c.Live != nil:
		w, ok := s.workers[c.Live.Worker]
		if !ok {
			// Somebody new: what is known of them is shown until the next board says the rest.
			w = Worker{Worker: c.Live.Worker, Name: c.Live.Worker, Insole: c.Live.Insole, OnShift: true}
		}
		if w.Live != nil && w.Live.Insole == c.Live.Insole && c.Live.Version <= w.Live.Version {
			return
		}
		w.Live = c.Live
		s.workers[w.Worker] = w
	case c.Kind == KindAlarm && c.Alarm != nil:
		a := *c.Alarm
		if a.Version <= s.alarms[a.ID].Version || a.Version <= s.ended[a.ID] {
			return
		}
		if !a.Open() {
			delete(s.alarms, a.ID)
			s.end(a.ID, a.Version)
			return
		}
		s.alarms[a.ID] = a
	}
}

// end remembers the version in which an alarm was last seen, so that no older one brings it back.
func (s *Screen) end(id string, version int64) {
	if s.ended == nil {
		s.ended = map[string]int64{}
	}
	s.ended[id] = version
}

// Board is what the page shows: workers by name of worker, alarms by priority, then the oldest first.
func (s *Screen) Board() Board {
	b := Board{Seq: s.seq, Workers: []Worker{}, Alarms: []Alarm{}}
	b.Workers = slices.AppendSeq(b.Workers, maps.Values(s.workers))
	slices.SortFunc(b.Workers, func(x, y Worker) int { return cmp.Compare(x.Worker, y.Worker) })
	b.Alarms = slices.AppendSeq(b.Alarms, maps.Values(s.alarms))
	slices.SortFunc(b.Alarms, CompareAlarms)
	return b
}

// CompareAlarms is the order in which alarms are listed and sent: priority, then the oldest first.
func CompareAlarms(x, y Alarm) int {
	return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(x.RaisedAtMs, y.RaisedAtMs), cmp.Compare(x.ID, y.ID))
}
