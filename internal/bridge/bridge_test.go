package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("SOLEWATCH_BENCH_ROLE"); role != "" {
		child(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// A shelf is a queue in memory. do decides the fate of every call; nil keeps all.
type shelf struct {
	do func(call int, bodies []string) []error

	mu     sync.Mutex
	calls  int
	bodies []string // kept
}

func (q *shelf) Send(ctx context.Context, bodies []string) []error {
	q.mu.Lock()
	q.calls++
	call, do := q.calls, q.do
	q.mu.Unlock()
	errs := make([]error, len(bodies))
	if do != nil {
		errs = do(call, bodies)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, b := range bodies {
		if errs[i] == nil || errors.Is(errs[i], errLostReply) {
			q.bodies = append(q.bodies, b)
		}
	}
	return errs
}

var (
	errAway      = errors.New("queue away")
	errLostReply = errors.New("reply lost") // kept all the same
)

func all(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// frames returns what is kept, envelope after envelope.
func (q *shelf) frames(t testing.TB) []queue.Frame {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []queue.Frame
	for _, b := range q.bodies {
		e, err := queue.ParseEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Frames...)
	}
	return out
}

func (q *shelf) messages() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.bodies)
}

// numbers lists the frame numbers of SOLE/1 DATA that are kept for id.
func (q *shelf) numbers(t testing.TB, id insole.ID) []int {
	t.Helper()
	var out []int
	for _, f := range q.frames(t) {
		if n, ok := sole.Number(f.Raw); ok && f.Insole == id && f.Quarantine == "" {
			out = append(out, int(n))
		}
	}
	slices.Sort(out)
	return out
}

// A register is the table of assignments. away makes every question fail.
type register struct {
	mu    sync.Mutex
	who   map[insole.ID]insole.Assignment
	away  bool
	hang  bool // with away: say nothing until the question is given up
	asked int
}

func (r *register) GetAssignment(ctx context.Context, id insole.ID) (insole.Assignment, error) {
	r.mu.Lock()
	r.asked++
	away, hang := r.away, r.hang
	a, ok := r.who[id]
	r.mu.Unlock()
	switch {
	case hang:
		<-ctx.Done()
		return insole.Assignment{}, insole.ErrAway
	case away:
		return insole.Assignment{}, insole.ErrAway
	case !ok:
		return insole.Assignment{}, fmt.Errorf("insole %s: %w", id, insole.ErrNotFound)
	}
	a.Insole = id
	return a, nil
}

func (r *register) set(away bool) {
	r.mu.Lock()
	r.away = away
	r.mu.Unlock()
}

func (r *register) put(id insole.ID, a insole.Assignment) {
	r.mu.Lock()
	r.who[id] = a
	r.mu.Unlock()
}

func (r *register) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

const (
	marie = insole.ID("00a1b2c3d4e5f607")
	paul  = insole.ID("00a1b2c3d4e5f608")
	badge = insole.ID("352093081452251")
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// A stage is one bridge under test, with everything around it in memory.
type stage struct {
	*Server
	t        testing.TB
	urgent   *shelf
	track    *shelf
	table    *register
	ln       *memory // of play
	port     net.Listener
	stop     context.CancelFunc
	finished chan struct{}
}

// play starts a bridge over connections in memory; change may alter its settings first. It is stopped when the test ends.
func play(t testing.TB, change func(*Server)) *stage {
	t.Helper()
	ln := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
	st := playOn(t, Listener{Listener: ln}, change)
	st.ln = ln
	return st
}

// playOn is play behind any listener.
func playOn(t testing.TB, l Listener, change func(*Server)) *stage {
	t.Helper()
	st := &stage{
		t: t, urgent: &shelf{}, track: &shelf{}, port: l, finished: make(chan struct{}),
		table: &register{who: map[insole.ID]insole.Assignment{
			marie: {Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Locale: "fr", Dialect: insole.SOLE, Key: testKey},
			paul:  {Org: "acme", Team: "north", Worker: "paul", WorkerName: "Paul", Locale: "fr", Dialect: insole.SOLE, Key: testKey},
			badge: {Org: "acme", Team: "south", Worker: "jean", WorkerName: "Jean", Locale: "en", Dialect: insole.Teltonika},
		}},
	}
	st.Server = &Server{
		Name: "b-test", Assignments: st.table, Urgent: st.urgent, Track: st.track,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: NewMetrics(prometheus.NewRegistry()),
		Linger: 30 * time.Second, LingerWaiting: time.Second, PackBytes: 64 << 10, MemoryBytes: 1 << 20,
		Idle: 15 * time.Minute, AuthTimeout: 10 * time.Second, Grace: 5 * time.Second, KeyTTL: time.Minute, KeyCache: 1000,
		MaxConns: 100, MaxUnproven: 10, MaxUnprovenPerAddr: 10, Goroutines: true,
	}
	if change != nil {
		change(st.Server)
	}
	ctx, stop := context.WithCancel(context.Background())
	st.stop = stop
	go func() {
		defer close(st.finished)
		err := st.Run(ctx, l)
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-st.finished
	})
	return st
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if testing.Verbose() {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

// memory is a listener over net.Pipe.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (st *stage) dial() net.Conn {
	a, b := net.Pipe()
	st.ln.conns <- b
	return a
}

// A device is one simulated insole of SOLE/1 on one connection. It reads in the background, so that the bridge can always write.
type device struct {
	t    testing.TB
	conn net.Conn
	s    sole.Session
	mu   sync.Mutex

	acked   []int
	welcome bool
	bye     sole.ByeReason
	orders  []sole.Downlink
	rejects []sole.RejectReason
	over    error // why reading ended
	rest    []byte
	done    chan struct{}
	changed chan struct{} // capacity 1
}

// meet opens a session for id over conn with key.
func meet(t testing.TB, conn net.Conn, id insole.ID, key []byte) *device {
	t.Helper()
	d := meetOnly(t, conn, id, key)
	if d.rest != nil {
		go d.read(d.rest)
	}
	return d
}

// meetOnly is meet for an insole that never reads afterwards.
func meetOnly(t testing.TB, conn net.Conn, id insole.ID, key []byte) *device {
	t.Helper()
	d := &device{t: t, conn: conn, done: make(chan struct{}), changed: make(chan struct{}, 1)}
	var h sole.Hello
	var err error
	h.ID, err = sole.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	rand.Read(h.Nonce[:])
	h.Boot = 1
	d.write(sole.AppendHello(nil, h))
	f, rest, err := readFrame(conn, nil)
	if err != nil {
		d.over = err
		close(d.done)
		return d
	}
	if f.Type == sole.TypeReject {
		why, _, _ := sole.ParseReject(f.Body)
		d.rejects = append(d.rejects, why)
		close(d.done)
		return d
	}
	c, err := sole.ParseChallenge(f.Body)
	if err != nil {
		t.Fatal(err)
	}
	d.s, err = sole.NewSession(sole.Insole, key, h, c)
	if err != nil {
		t.Fatal(err)
	}
	d.rest = append([]byte{}, rest...)
	return d
}

// readFrame reads one frame, beginning with what rest has.
func readFrame(r io.Reader, rest []byte) (sole.Frame, []byte, error) {
	for {
		f, n, err := sole.Split(rest)
		if err == nil && n > 0 {
			return f, rest[n:], nil
		}
		if err != nil && !errors.Is(err, sole.ErrShort) {
			return f, nil, err
		}
		b := make([]byte, 512)
		k, err := r.Read(b)
		rest = append(rest[:len(rest):len(rest)], b[:k]...)
		if err != nil && k == 0 {
			return f, rest, err
		}
	}
}

func (d *device) read(rest []byte) {
	defer close(d.done)
	for {
		f, left, err := readFrame(d.conn, rest)
		rest = left
		d.mu.Lock()
		if err == nil {
			err = d.s.Open(f)
		}
		if err != nil {
			d.over = err
			d.mu.Unlock()
			signal(d.changed)
			return
		}
		switch f.Type {
		case sole.TypeWelcome:
			d.welcome = true
		case sole.TypeAck:
			n, _ := sole.ParseAck(f.Body)
			d.acked = append(d.acked, int(n))
		case sole.TypeBye:
			d.bye, _ = sole.ParseBye(f.Body)
		case sole.TypeDownlink:
			order, _ := sole.ParseDownlink(f.Body)
			d.orders = append(d.orders, order)
		}
		d.mu.Unlock()
		signal(d.changed)
	}
}

func (d *device) write(b []byte) {
	d.conn.Write(b) // an error is the reader's to say
}

// report sends one DATA frame with one record of kind.
func (d *device) report(number int, kind insole.Kind) {
	d.t.Helper()
	d.write(d.frame(number, kind))
}

func (d *device) frame(number int, kind insole.Kind) []byte {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.s.AppendData(nil, sole.Data{Number: uint16(number), Boot: 1, Records: []sole.Record{{
		Seq: uint32(number) + 1, Kind: kind, At: time.Now(), Fix: &insole.Fix{Lat: 43.6, Lon: 7.05, Source: insole.SourceGPS},
	}}})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *device) acks() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := slices.Clone(d.acked)
	slices.Sort(out)
	return out
}

func (d *device) said() (welcome bool, bye sole.ByeReason, rejects []sole.RejectReason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.welcome, d.bye, d.rejects
}

func (d *device) hangUp() {
	d.conn.Close()
	<-d.done
}

// packet is one Teltonika packet with n positions; event 236 makes the first one a press of the button.
func packet(t testing.TB, n int, event uint16) []byte {
	t.Helper()
	rs := make([]teltonika.Record, n)
	for i := range rs {
		rs[i] = teltonika.Record{Millis: uint64(1795367926000 + i), Lat: 436_000_000, Lon: 70_500_000, Satellites: 9}
	}
	rs[0].Event = event
	b, err := teltonika.AppendPacket(nil, teltonika.Codec8, rs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reads reads exactly n bytes.
func reads(t testing.TB, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	if err != nil {
		t.Fatalf("reading %d bytes: %v", n, err)
	}
	return b
}

// count is the value of a counter or gauge.
func count(m prometheus.Metric) int {
	var v dto.Metric
	m.Write(&v)
	return int(v.GetCounter().GetValue() + v.GetGauge().GetValue())
}
