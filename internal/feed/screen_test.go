package feed

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func changes(seq int64, all ...Change) Message {
	return Message{Type: TypeChanges, Seq: seq, Changes: all}
}

func liveAt(version int64) Change {
	return Change{Kind: KindLive, Live: &Live{Worker: "marie", Insole: "i1", Version: version}}
}

func alarmIn(state string, version int64) Change {
	return Change{Kind: KindAlarm, Alarm: &Alarm{ID: "q", Priority: 1, State: state, Version: version}}
}

// A screen that fetched a board of seq 10, with marie at version 5 and alarm q active at version 2.
func synced() *Screen {
	s := &Screen{}
	s.Connected()
	s.Fetched(s.Fetching(), boardAt(10))
	return s
}

func boardAt(seq int64) Board {
	return Board{
		Seq: seq, Workers: []Worker{{Worker: "marie", Name: "Marie D.", Live: liveAt(5).Live}},
		Alarms: []Alarm{*alarmIn("active", 2).Alarm},
	}
}

// Rules 1 to 5 of Screen, one after the other. want is marie's version and q's (0 = not on the list) after all steps.
func TestScreen(t *testing.T) {
	for _, c := range []struct {
		name      string
		do        func(s *Screen)
		live      bool
		board     bool // wants a board
		reconnect bool
		seq       int64
		marie, q  int64
	}{
		{"fetched", func(*Screen) {}, true, false, false, 10, 5, 2},
		{"next", func(s *Screen) { s.Hear(changes(11, liveAt(6), alarmIn("taken", 3))) }, true, false, false, 11, 6, 3},
		{"twice", func(s *Screen) { s.Hear(changes(11, liveAt(6))); s.Hear(changes(11, liveAt(7))) }, true, false, false, 11, 6, 2},
		{"covered by the board", func(s *Screen) { s.Hear(changes(10, liveAt(6))) }, true, false, false, 10, 5, 2},
		{"gap", func(s *Screen) { s.Hear(changes(12, liveAt(7))) }, false, true, false, 10, 5, 2},
		{"gap filled by what was late", func(s *Screen) { s.Hear(changes(12, liveAt(7))); s.Hear(changes(11, liveAt(6))) }, true, false, false, 12, 7, 2},
		{"gap filled by a board", func(s *Screen) {
			s.Hear(changes(13, liveAt(8)))
			s.Fetched(s.Fetching(), boardAt(12))
		}, true, false, false, 13, 8, 2},
		{"gap behind the board", func(s *Screen) {
			s.Hear(changes(14, liveAt(8)))
			s.Fetched(s.Fetching(), boardAt(12))
		}, false, true, false, 12, 5, 2},
		{"board older than what was applied meanwhile", func(s *Screen) {
			f := s.Fetching()
			s.Hear(changes(11, liveAt(6)))
			s.Fetched(f, boardAt(10))
		}, true, false, false, 11, 6, 2},
		{"older version under a new number", func(s *Screen) { s.Hear(changes(11, liveAt(4), alarmIn("active", 1))) }, true, false, false, 11, 5, 2},
		{"alarm ended", func(s *Screen) { s.Hear(changes(11, alarmIn("resolved", 4))) }, true, false, false, 11, 5, 0},
		{"ended alarm is not brought back", func(s *Screen) {
			s.Hear(changes(11, alarmIn("resolved", 4)))
			s.Hear(changes(12, alarmIn("taken", 3)))
		}, true, false, false, 12, 5, 0},
		{"alarm that left with a board is not brought back", func(s *Screen) {
			b := boardAt(12)
			b.Alarms = nil
			s.Fetched(s.Fetching(), b)
			s.Hear(changes(13, alarmIn("active", 2)))
		}, true, false, false, 13, 5, 0},
		{"ended alarm that a board has again", func(s *Screen) {
			s.Hear(changes(11, alarmIn("resolved", 4)))
			b := boardAt(12)
			b.Alarms[0].Version = 5
			s.Fetched(s.Fetching(), b)
			s.Hear(changes(13, alarmIn("taken", 6)))
		}, true, false, false, 13, 5, 6},
		{"new socket", func(s *Screen) { s.Connected() }, false, true, false, 10, 5, 2},
		{"board asked for over the old socket", func(s *Screen) {
			f := s.Fetching()
			s.Connected()
			s.Fetched(f, boardAt(20))
		}, false, true, false, 10, 5, 2},
		{"changes before the board of a new socket", func(s *Screen) {
			s.Connected()
			s.Hear(changes(11, liveAt(6)))
			s.Hear(changes(12, liveAt(7)))
			s.Fetched(s.Fetching(), boardAt(11))
		}, true, false, false, 12, 7, 2},
		{"pong of the same", func(s *Screen) { s.Pinging(); s.Hear(Message{Type: TypePong, Seq: 10, Store: StoreOK}) }, true, false, false, 10, 5, 2},
		{"pong ahead: a message was lost", func(s *Screen) { s.Pinging(); s.Hear(Message{Type: TypePong, Seq: 11, Store: StoreOK}) }, false, true, false, 10, 5, 2},
		{"pong ahead of what comes next", func(s *Screen) {
			s.Hear(Message{Type: TypePong, Seq: 11, Store: StoreOK})
			s.Hear(changes(11, liveAt(6)))
		}, true, false, false, 11, 6, 2},
		{"pong overtaken by a change", func(s *Screen) {
			s.Pinging()
			s.Hear(changes(11, liveAt(6)))
			s.Hear(Message{Type: TypePong, Seq: 10, Store: StoreOK})
		}, true, false, false, 11, 6, 2},
		{"pong behind: the feed began anew", func(s *Screen) { s.Pinging(); s.Hear(Message{Type: TypePong, Seq: 3, Store: StoreOK}) }, false, true, false, 10, 5, 2},
		{"feed began anew, fetched", func(s *Screen) {
			s.Pinging()
			s.Hear(Message{Type: TypePong, Seq: 3, Store: StoreOK})
			s.Fetched(s.Fetching(), boardAt(3))
		}, true, false, false, 3, 5, 2},
		{"store away: nobody can fetch", func(s *Screen) { s.Hear(Message{Type: TypePong, Store: StoreAway}) }, false, false, false, 10, 5, 2},
		{"store back: nothing before counts", func(s *Screen) {
			s.Hear(Message{Type: TypePong, Store: StoreAway})
			s.Hear(Message{Type: TypePong, Seq: 10, Store: StoreOK})
		}, false, true, false, 10, 5, 2},
		{"sync is heard like pong", func(s *Screen) { s.Hear(Message{Type: TypeSync, Seq: 12, Store: StoreOK}) }, false, true, false, 10, 5, 2},
		{"reconnect", func(s *Screen) { s.Hear(Message{Type: TypeReconnect}) }, false, false, true, 10, 5, 2},
		{"reconnected", func(s *Screen) { s.Hear(Message{Type: TypeReconnect}); s.Connected() }, false, true, false, 10, 5, 2},
		{"error is nothing", func(s *Screen) { s.Hear(Message{Type: TypeError, Detail: "?"}) }, true, false, false, 10, 5, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := synced()
			c.do(s)
			if s.Live() != c.live || s.NeedsBoard() != c.board || s.MustReconnect() != c.reconnect {
				t.Errorf("live %v, board %v, reconnect %v; want %v, %v, %v", s.Live(), s.NeedsBoard(), s.MustReconnect(), c.live, c.board, c.reconnect)
			}
			b := s.Board()
			var q int64
			if len(b.Alarms) > 0 {
				q = b.Alarms[0].Version
			}
			if got, want := []int64{s.Seq(), b.Workers[0].Live.Version, q}, []int64{c.seq, c.marie, c.q}; !cmp.Equal(got, want) {
				t.Errorf("seq, marie, q = %v, want %v", got, want)
			}
		})
	}
}

// Somebody who is not on the board yet is shown with what is known; another insole on a known foot replaces the first
// whatever its version.
func TestScreenNewcomers(t *testing.T) {
	s := synced()
	s.Hear(changes(11,
		Change{Kind: KindLive, Live: &Live{Worker: "new", Insole: "i9", Version: 1}},
		Change{Kind: KindLive, Live: &Live{Worker: "marie", Insole: "i2", Version: 1}},
		Change{Kind: KindAlarm}, Change{Kind: KindLive}, Change{Kind: "later"}))
	got := s.Board().Workers
	want := []Worker{
		{Worker: "marie", Name: "Marie D.", Live: &Live{Worker: "marie", Insole: "i2", Version: 1}},
		{Worker: "new", Name: "new", Insole: "i9", OnShift: true, Live: &Live{Worker: "new", Insole: "i9", Version: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}
}
