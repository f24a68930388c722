package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"solewatch/internal/insole"
)

// What an insole does not wait longer for. See docs/protocol.md, 1.2.
const (
	dialTime  = 10 * time.Second
	helloTime = 15 * time.Second
	writeTime = 10 * time.Second
	ackTime   = 2 * time.Minute  // positions
	helpTime  = 15 * time.Second // calls for help
	nackPause = 5 * time.Second
)

// A walker is a device with its radio: it connects, sends, hears and comes back. Everything below mu is guarded by it; the goroutine of run
// alone writes to the connection, and one goroutine for each connection reads.
type walker struct {
	fleet *Fleet
	woken chan struct{}
	jobs  sync.WaitGroup

	mu       sync.Mutex
	dev      *device
	line     *line
	dialing  bool
	dialAt   time.Time
	failures int

	air       *rand.Rand // coverage
	covered   bool
	changesAt time.Time
	backoff   *rand.Rand
}

// A line is one connection that the server has accepted, or is about to.
type line struct {
	conn    net.Conn
	talk    talk
	waiting map[uint32]*flight
	replies [][]byte
	silent  bool // out of coverage: nothing comes or goes, and nobody knows
}

// A flight is a frame that waits for its answer.
type flight struct {
	entries []*entry
	at      time.Time
	help    bool
}

func newWalker(f *Fleet, k Key, start time.Time) *walker {
	w := &walker{
		fleet: f, woken: make(chan struct{}, 1), dev: newDevice(k, f.o, start, &f.stats), covered: true, changesAt: never,
		air: stream(f.o.Seed, k.Insole, "air"), backoff: stream(f.o.Seed, k.Insole, "backoff"), dialAt: start,
	}
	w.plan(start)
	return w
}

// plan decides when coverage next comes or goes.
func (w *walker) plan(now time.Time) {
	mean, shortest, longest := 40*time.Minute, 20*time.Second, 4*time.Minute
	switch {
	case w.fleet.o.silent || w.fleet.o.NoGaps:
		return
	case w.fleet.o.Profile == Storm:
		mean, shortest, longest = 2*time.Minute, 5*time.Second, time.Minute
	}
	if w.covered {
		w.changesAt = now.Add(time.Second + time.Duration(w.air.ExpFloat64()*float64(mean)))
	} else {
		w.changesAt = now.Add(between(w.air, shortest, longest))
	}
}

func (w *walker) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// run lives until ctx ends, or, of an insole that only calls, until all it had to say is acknowledged.
func (w *walker) run(ctx context.Context) {
	defer w.jobs.Wait()
	defer w.hangUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l, out, next, done := w.turn(ctx, time.Now())
		if done {
			return
		}
		if len(out) > 0 {
			_ = l.conn.SetWriteDeadline(time.Now().Add(writeTime)) // the write says what is wrong
			if _, err := l.conn.Write(out); err != nil {
				w.lose(l, err)
			}
			continue
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.woken:
		}
	}
}

// turn does what is due, and says what to write, and when to look again.
func (w *walker) turn(ctx context.Context, now time.Time) (l *line, out []byte, next time.Time, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dev.advance(now)
	if !now.Before(w.changesAt) {
		w.move(now)
	}
	next = earliest(w.dev.wake(), w.changesAt)
	switch {
	case w.line != nil && !w.line.silent:
		if late := w.late(); !late.IsZero() && !now.Before(late) {
			w.drop(w.line, errors.New("no acknowledgement"))
			return nil, nil, now, false
		}
		out = w.fill(w.line, now, w.line.talk.window())
		if late := w.late(); !late.IsZero() {
			next = earliest(next, late)
		}
		next = earliest(next, w.dev.retryAt(now))
	case w.line == nil && w.covered && !w.dialing && !now.Before(w.dialAt):
		w.dialing = true
		w.jobs.Go(func() { w.dial(ctx) })
	case w.line == nil && w.covered && !w.dialing:
		next = earliest(next, w.dialAt)
	}
	done = w.fleet.o.silent && len(w.dev.flash) == 0 && w.dev.pending == ""
	return w.line, out, next, done
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// move takes the insole out of coverage or back. Out there its connection is neither closed nor known to be dead, as on a real network;
// back, it opens another.
func (w *walker) move(now time.Time) {
	w.covered = !w.covered
	w.plan(now)
	if !w.covered {
		if w.line != nil {
			w.line.silent = true
			w.fleet.stats.connected.Add(-1)
			_ = w.line.conn.SetReadDeadline(now) // its reader stops without having heard anything
		}
		return
	}
	if w.line != nil {
		w.drop(w.line, nil)
	}
	w.failures, w.dialAt = 0, now.Add(between(w.backoff, 0, 2*time.Second))
}

// late is when the oldest frame has waited too long; zero when none waits.
func (w *walker) late() (t time.Time) {
	for _, f := range w.line.waiting {
		limit := ackTime
		if f.help {
			limit = helpTime
		}
		if end := f.at.Add(limit); t.IsZero() || end.Before(t) {
			t = end
		}
	}
	return t
}

// fill makes the frames that may be sent now, while less than window wait for their answer.
func (w *walker) fill(l *line, now time.Time, window int) []byte {
	out := slices.Concat(l.replies...)
	l.replies = nil
	for len(l.waiting) < window && len(out) < 16<<10 {
		entries := w.dev.next(now, l.talk.fit)
		if len(entries) == 0 {
			break
		}
		var token uint32
		var err error
		out, token, err = l.talk.frame(out, entries)
		if err != nil { // a record that its language cannot write: it would block all others
			w.fleet.o.Log.Error("record not written", "insole", w.dev.key.Insole, "report", entries[0].name, "err", err)
			w.dev.forget(entries)
			continue
		}
		for _, e := range entries {
			if e.tries > 0 {
				w.fleet.stats.resent.Add(1)
			}
			e.tries++
			e.waiting = true
		}
		w.fleet.stats.sent.Add(int64(len(entries)))
		l.waiting[token] = &flight{entries: entries, at: now, help: entries[0].urgent}
		w.fleet.o.Oracle.note(now, Sent, w.dev.key, entries)
	}
	return out
}

// dial connects, proves who the insole is, and goes on as the reader of the connection until that ends.
func (w *walker) dial(ctx context.Context) {
	l, err := w.open(ctx)
	w.mu.Lock()
	w.dialing = false
	switch {
	case err != nil:
		if l != nil {
			w.drop(l, err)
		} else {
			w.retry(err)
		}
		w.mu.Unlock()
		w.wake()
		return
	case !w.covered: // lost on the way in
		l.silent = true
	}
	w.line, w.failures = l, 0
	if !l.silent {
		w.fleet.stats.connected.Add(1)
	}
	w.mu.Unlock()
	w.wake()
	for {
		h, err := l.talk.hear()
		if err != nil {
			w.lose(l, err)
			return
		}
		w.take(l, h)
	}
}

// open is the handshake. Not more than Options.AtOnce insoles do this at a time: servers mistrust an address with many newcomers.
func (w *walker) open(ctx context.Context) (*line, error) {
	select {
	case w.fleet.newcomers <- struct{}{}:
		defer func() { <-w.fleet.newcomers }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.fleet.stats.connects.Add(1)
	dialCtx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := w.fleet.o.Dial(dialCtx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // the handshake says what became of it
	defer stop()
	l := &line{conn: conn, talk: newTalk(w.dev.key, w.dev.boot), waiting: map[uint32]*flight{}}
	_ = conn.SetDeadline(time.Now().Add(helloTime)) // likewise
	err = l.talk.open(conn, func() []byte {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.fill(l, time.Now(), 1) // the rest when somebody listens to the answers
	})
	if err != nil {
		return l, err
	}
	if ctx.Err() == nil {
		_ = conn.SetDeadline(time.Time{}) // likewise
	}
	return l, nil
}

// take is what the reader does with one thing heard.
func (w *walker) take(l *line, h heard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.wake()
	if l.silent || w.line != l {
		return // it never arrived
	}
	now := time.Now()
	switch {
	case h.order != nil:
		w.dev.advance(now)
		w.dev.obey(*h.order, now)
		w.fleet.stats.told.Add(1)
	case h.reply != nil:
		l.replies = append(l.replies, h.reply)
	}
	f := l.waiting[h.token]
	if f == nil || !h.ack && !h.nack {
		return
	}
	delete(l.waiting, h.token)
	switch {
	case h.ack && (h.count == 0 || h.count == len(f.entries)):
		w.fleet.o.Oracle.note(now, Acked, w.dev.key, f.entries)
		w.fleet.stats.acked.Add(int64(len(f.entries)))
		if f.help {
			w.fleet.stats.help.add(now.Sub(f.at))
		} else {
			w.fleet.stats.track.add(now.Sub(f.at))
		}
		w.dev.forget(f.entries)
	case h.bad:
		w.fleet.o.Oracle.note(now, Refused, w.dev.key, f.entries)
		w.fleet.stats.refused.Add(int64(len(f.entries)))
		w.dev.forget(f.entries)
	default:
		for _, e := range f.entries {
			e.waiting, e.after = false, now.Add(nackPause)
		}
	}
}

// lose ends l because of err.
func (w *walker) lose(l *line, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.wake()
	if l.silent {
		return // nobody knows yet; move ends it
	}
	w.drop(l, err)
}

// drop closes l and puts what was not acknowledged back into flash. It is called with mu held.
func (w *walker) drop(l *line, err error) {
	_ = l.conn.Close() // nothing of it is believed any more
	for _, f := range l.waiting {
		for _, e := range f.entries {
			e.waiting = false
		}
	}
	l.waiting = map[uint32]*flight{}
	if w.line == l {
		w.line = nil
		if !l.silent {
			w.fleet.stats.connected.Add(-1)
		}
	} else if w.line != nil {
		return
	}
	if err != nil {
		w.retry(err)
	}
}

// retry decides when to connect again: after a time that doubles, with full jitter, sooner with a call for help in flash.
func (w *walker) retry(err error) {
	w.failures++
	limit := min(time.Minute, time.Second<<min(w.failures, 10))
	switch {
	case errors.Is(err, errRefused):
		w.fleet.stats.rejects.Add(1)
		limit = min(15*time.Minute, 5*time.Second<<min(w.failures, 10))
	case errors.Is(err, errBusy), errors.Is(err, errBroken):
		limit = 10 * time.Second
	case errors.Is(err, errAway):
		limit = 5 * time.Second
	case errors.Is(err, errNewer):
		limit = 2 * time.Minute
	}
	if w.dev.helpWaits() {
		limit = min(limit, 10*time.Second)
	}
	w.dialAt = time.Now().Add(between(w.backoff, 0, limit))
	w.fleet.o.Log.Debug("connection ended", "insole", w.dev.key.Insole, "err", err)
}

// hangUp says goodbye and closes.
func (w *walker) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.line
	if l == nil {
		return
	}
	if out := l.talk.bye(nil); len(out) > 0 && !l.silent {
		_ = l.conn.SetWriteDeadline(time.Now().Add(time.Second)) // best effort
		_, _ = l.conn.Write(out)
	}
	w.drop(l, errAway)
}

// press is what Fleet.Press does to one insole.
func (w *walker) press(c Call) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.wake()
	now := time.Now()
	w.dev.advance(now)
	return w.dev.press(c, now)
}

// A State is what an insole is doing.
type State struct {
	Insole    insole.ID       `json:"insole"`
	Dialect   insole.Dialect  `json:"dialect"`
	Org       insole.OrgID    `json:"org"`
	Worker    insole.WorkerID `json:"worker,omitempty"`
	Connected bool            `json:"connected"`
	Covered   bool            `json:"covered"` // by a network
	Posture   insole.Posture  `json:"posture"`
	Waiting   insole.Kind     `json:"preAlarm,omitempty"`
	Alarm     insole.Kind     `json:"alarm,omitempty"` // fall or still, not over yet
	Battery   int             `json:"batteryPercent"`
	Charging  bool            `json:"charging,omitempty"`
	Backlog   int             `json:"backlog"`
	Lat       float64         `json:"lat"`
	Lon       float64         `json:"lon"`
}

func (w *walker) state() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dev
	d.advance(time.Now())
	p, _ := d.body.net.at(d.body.way)
	lat, lon := d.body.net.degrees(p)
	return State{
		Insole: d.key.Insole, Dialect: d.key.Dialect, Org: d.key.Org, Worker: d.key.Worker, Connected: w.line != nil && !w.line.silent, Covered: w.covered,
		Posture: d.body.posture, Waiting: d.pending, Alarm: d.raised, Battery: int(d.body.battery), Charging: d.body.charging,
		Backlog: len(d.flash), Lat: lat, Lon: lon,
	}
}
