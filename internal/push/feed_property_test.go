package push

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// However writes, pushes, connections, board reads and lost, late, repeated and reordered messages interleave, a screen that
// follows the rules of feed.Screen ends equal to the table, and on the way there never shows an older version of
// anything than it showed before.
func TestScreensEndEqualToTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range newSim(rapid.SliceOfN(rapid.Byte(), 0, 900).Draw(t, "tape")).run() {
			t.Error(f)
		}
	})
}

// The same over histories that are always long. They do lose messages: else the property would say nothing.
func TestScreensEndEqualToTheTableAfterMuch(t *testing.T) {
	gaps := 0
	for seed := range 1500 {
		s := newSim(tapeOf(seed, 600))
		for _, f := range s.run() {
			t.Errorf("seed %d: %s", seed, f)
		}
		gaps += s.gaps
	}
	if gaps < 1500 {
		t.Errorf("screens saw %d gaps in 1,500 histories: the simulation is too kind", gaps)
	}
}

// tapeOf is a tape made from seed, the same every time.
func tapeOf(seed, n int) []byte {
	tape := make([]byte, n)
	x := uint32(seed*7919 + 1)
	for i := range tape {
		x = x*1664525 + 1013904223
		tape[i] = byte(x >> 24)
	}
	return tape
}

// run plays the tape to its end and returns what was wrong on the way and at the end.
func (s *sim) run() []string {
	for len(s.tape) > 0 {
		s.step()
	}
	s.settle()
	want := s.board()
	for _, c := range s.clients {
		got := c.screen.Board()
		got.Seq = want.Seq
		if diff := gocmp.Diff(want, got); diff != "" {
			s.faults = append(s.faults, fmt.Sprintf("screen %s (-table +screen):\n%s", c.name, diff))
		}
	}
	return s.faults
}

const theOrg = insole.OrgID("acme")

type sim struct {
	tape    []byte // decisions; when used up every decision is 0
	calm    bool   // no more faults
	depth   int
	seq     int64
	lives   map[string]feed.Live
	alarms  map[string]feed.Alarm
	lanes   [2][]news // of the stream, each in its own order
	busy    [2]bool
	refs    map[string]store.Connection
	conns   map[string]store.Connection
	sockets map[string]*socket
	clients []*client
	names   int
	gaps    int
	faults  []string
}

type socket struct {
	open, closed bool
	inbox        []feed.Message
}

type client struct {
	name   string
	screen feed.Screen
	id     string
	sock   *socket
	ping   bool // one in hand
	fetch  int  // the fetch in hand, 0 when none
	stage  int  // of it: 1 seq read, 2 answered
	board  feed.Board
	shown  map[string]int64 // the newest version of each item that was on the screen
}

func newSim(tape []byte) *sim {
	s := &sim{
		tape: tape, lives: map[string]feed.Live{}, alarms: map[string]feed.Alarm{}, refs: map[string]store.Connection{},
		conns: map[string]store.Connection{}, sockets: map[string]*socket{},
	}
	for _, w := range []string{"ana", "marie", "paul"} {
		s.lives[w] = feed.Live{Worker: w, Insole: "i-" + w}
	}
	for _, n := range []string{"one", "two"} {
		s.clients = append(s.clients, &client{name: n, shown: map[string]int64{}})
	}
	return s
}

// choose decides between n ways; 0 is the plain one.
func (s *sim) choose(n int) int {
	if len(s.tape) == 0 {
		return 0
	}
	d := int(s.tape[0]) % n
	s.tape = s.tape[1:]
	return d
}

func (s *sim) fault(oneIn int) bool { return s.choose(oneIn) == oneIn-1 && !s.calm }

func (s *sim) step() {
	switch s.choose(8) {
	case 0, 1:
		s.write()
	case 2, 3:
		s.push(s.choose(2), 1+s.choose(4))
	default:
		s.client(s.clients[s.choose(len(s.clients))])
	}
}

// interlude lets other things happen in the middle of something.
func (s *sim) interlude() {
	if s.depth >= 3 || s.calm {
		return
	}
	s.depth++
	for range s.choose(3) {
		s.step()
	}
	s.depth--
}

func (s *sim) write() {
	n := news{org: theOrg}
	lane := 0
	if s.choose(3) == 0 {
		id := []string{"a1", "a2", "a3"}[s.choose(3)]
		a, ok := s.alarms[id]
		if ok && !a.Open() {
			return
		}
		a.ID, a.Kind, a.Priority, a.Version = id, "sos", 1, a.Version+1
		a.State = []string{"active", "taken", "resolved"}[s.choose(3)]
		s.alarms[id] = a
		n.item, n.change, lane = "alarm "+id, feed.Change{Kind: feed.KindAlarm, Alarm: &a}, 1
	} else {
		w := []string{"ana", "marie", "paul"}[s.choose(3)]
		l := s.lives[w]
		l.Version++
		l.Steps = int64(s.choose(200))
		s.lives[w] = l
		n.item, n.change = "live "+w, feed.Change{Kind: feed.KindLive, Live: &l}
		if w == "paul" {
			lane = 1
		}
	}
	s.lanes[lane] = append(s.lanes[lane], n)
}

// push runs the push function on the first n records of a lane, as the stream mapping does: what fails or dies is offered again.
func (s *sim) push(lane, n int) {
	n = min(n, len(s.lanes[lane]))
	if n == 0 || s.busy[lane] {
		return
	}
	s.busy[lane] = true
	batch := slices.Clone(s.lanes[lane][:n])
	for i := range batch {
		batch[i].record = i
	}
	inv := &invocation{sim: s}
	h := &Handler{
		Store: inv, Poster: inv, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at },
		AtOnce: 1, Tries: 2, Attempt: time.Hour, Backoff: 1,
	}
	failed := h.tell(context.Background(), batch)
	s.busy[lane] = false
	switch {
	case inv.dead:
	case failed >= 0:
		s.lanes[lane] = s.lanes[lane][failed:]
	default:
		s.lanes[lane] = s.lanes[lane][n:]
	}
}

// An invocation is the push function while it runs. Once dead it has no effect on anything.
type invocation struct {
	sim  *sim
	dead bool
}

var errFault = errors.New("fault")

func (v *invocation) around() error {
	v.sim.interlude()
	if v.sim.fault(24) {
		v.dead = true
	}
	if v.dead || v.sim.fault(12) {
		return errFault
	}
	return nil
}

func (v *invocation) Connections(context.Context, insole.OrgID) ([]store.Connection, error) {
	if err := v.around(); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(v.sim.conns), func(a, b store.Connection) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func (v *invocation) NextFeedSeq(_ context.Context, _ insole.OrgID, n int) (int64, error) {
	if err := v.around(); err != nil {
		return 0, err
	}
	v.sim.seq += int64(n)
	first := v.sim.seq - int64(n) + 1
	if v.sim.fault(12) {
		return 0, errFault // the reply is lost
	}
	return first, nil
}

func (v *invocation) ForgetConnection(_ context.Context, c store.Connection) error {
	if err := v.around(); err != nil {
		return err
	}
	delete(v.sim.refs, c.ID)
	if err := v.around(); err != nil {
		return err
	}
	delete(v.sim.conns, c.ID)
	return nil
}

func (v *invocation) Post(_ context.Context, id string, data []byte) error {
	if err := v.around(); err != nil {
		return err
	}
	sock := v.sim.sockets[id]
	if !sock.open || sock.closed {
		return fmt.Errorf("posting: %w", insole.ErrNotFound)
	}
	var m feed.Message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	sock.inbox = append(sock.inbox, m)
	if v.sim.fault(12) {
		return errFault // the reply is lost
	}
	return nil
}

func (v *invocation) Drop(_ context.Context, id string) error {
	if err := v.around(); err != nil {
		return err
	}
	v.sim.sockets[id].closed = true
	return nil
}

// client takes one step of one browser.
func (s *sim) client(c *client) {
	if c.sock == nil || c.sock.closed || (c.sock.open && c.screen.MustReconnect()) {
		s.connect(c)
		return
	}
	if !c.sock.open {
		c.sock.open = true
		c.screen.Connected()
		c.fetch, c.ping = 0, false
		return
	}
	switch s.choose(8) {
	case 0, 1, 2:
		s.hear(c)
	case 3, 4, 5:
		s.fetch(c)
	case 6:
		s.ping(c)
	case 7:
		if s.fault(4) {
			c.sock.closed = true
			if s.choose(2) == 0 { // $disconnect is best effort
				delete(s.refs, c.id)
				delete(s.conns, c.id)
			}
		}
	}
}

func (s *sim) connect(c *client) {
	s.names++
	c.id, c.sock = fmt.Sprintf("c%03d", s.names), &socket{}
	since := at.Add(-time.Duration(s.choose(2)) * time.Hour) // perhaps a slow one, perhaps older than Opening
	conn := store.Connection{Org: theOrg, ID: c.id, ConnectedAt: since}
	s.sockets[c.id], s.refs[c.id], s.conns[c.id] = c.sock, conn, conn
}

func (s *sim) hear(c *client) {
	if len(c.sock.inbox) == 0 {
		return
	}
	i := s.choose(len(c.sock.inbox))
	m := c.sock.inbox[i]
	c.sock.inbox = slices.Delete(c.sock.inbox, i, i+1)
	live := c.screen.Live()
	c.screen.Hear(m)
	switch {
	case m.Type == feed.TypePong || m.Type == feed.TypeReconnect:
		c.ping = false
	case live && c.screen.NeedsBoard():
		s.gaps++
	}
	s.look(c)
}

// fetch asks for a board, or takes the fetch in hand one stage further: the sequence is read, then the items, then it arrives.
func (s *sim) fetch(c *client) {
	switch {
	case c.fetch == 0 && c.screen.NeedsBoard():
		c.fetch, c.stage = c.screen.Fetching(), 0
	case c.fetch == 0:
	case c.stage == 0:
		c.board, c.stage = feed.Board{Seq: s.seq}, 1
	case c.stage == 1:
		seq := c.board.Seq
		c.board, c.stage = s.board(), 2
		c.board.Seq = seq
	default:
		c.screen.Fetched(c.fetch, c.board)
		c.fetch = 0
		s.look(c)
	}
}

func (s *sim) ping(c *client) {
	if c.ping {
		return
	}
	c.ping = true
	c.screen.Pinging()
	m := feed.Message{Type: feed.TypePong, Seq: s.seq, Store: feed.StoreOK}
	if _, ok := s.refs[c.id]; !ok {
		m = feed.Message{Type: feed.TypeReconnect}
	} else if s.fault(6) {
		m = feed.Message{Type: feed.TypePong, Store: feed.StoreAway}
	}
	c.sock.inbox = append(c.sock.inbox, m)
}

// look checks that nothing on the screen went back.
func (s *sim) look(c *client) {
	now := map[string]int64{}
	for _, w := range c.screen.Board().Workers {
		if w.Live != nil {
			now["live "+w.Worker] = w.Live.Version
		}
	}
	for _, a := range c.screen.Board().Alarms {
		now["alarm "+a.ID] = a.Version
	}
	for item, v := range now {
		if v < c.shown[item] {
			s.faults = append(s.faults, fmt.Sprintf("%s went from version %d back to %d on screen %s", item, c.shown[item], v, c.name))
		}
		c.shown[item] = v
	}
}

func (s *sim) board() feed.Board {
	b := feed.Board{Seq: s.seq, Workers: []feed.Worker{}, Alarms: []feed.Alarm{}}
	for _, w := range slices.Sorted(maps.Keys(s.lives)) {
		l := s.lives[w]
		b.Workers = append(b.Workers, feed.Worker{Worker: w, Name: w, Insole: l.Insole, OnShift: true, Live: &l})
	}
	for _, id := range slices.Sorted(maps.Keys(s.alarms)) {
		if a := s.alarms[id]; a.Open() {
			b.Alarms = append(b.Alarms, a)
		}
	}
	return b
}

// settle ends the faults and lets everybody finish what the rules ask of them.
func (s *sim) settle() {
	s.calm = true
	for round := 0; ; round++ {
		if round == 30 {
			s.faults = append(s.faults, "the screens did not become live in 30 rounds")
			return
		}
		quiet := true
		for lane := range s.lanes {
			for len(s.lanes[lane]) > 0 {
				s.push(lane, len(s.lanes[lane]))
				quiet = false
			}
		}
		for _, c := range s.clients {
			for c.sock == nil || c.sock.closed || !c.sock.open || c.screen.MustReconnect() {
				s.client(c)
				quiet = false
			}
			for c.fetch != 0 || c.screen.NeedsBoard() {
				s.fetch(c)
				quiet = false
			}
			for len(c.sock.inbox) > 0 {
				s.hear(c)
				quiet = false
			}
			if round < 2 {
				c.ping = false
			}
			s.ping(c) // the answer is heard in the next round
			for len(c.sock.inbox) > 0 && round > 1 {
				s.hear(c)
			}
			quiet = quiet && c.screen.Live()
		}
		if quiet && round > 3 {
			return
		}
	}
}
