package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// The real program is killed twenty times under load, while the queues refuse, lose replies and fail single entries. Outside it an oracle notes
// every frame that was sent and every acknowledgement. In the end every acknowledged frame must be in a message in a queue.
func TestKilledTwentyTimes(t *testing.T) {
	const kills, soles, badges = 20, 24, 8
	st := openStage(t)
	log := &oracle{sent: map[string]bool{}, acked: map[string]bool{}}
	ctx, stop := context.WithTimeout(t.Context(), 55*time.Second)
	defer stop()

	var fleet sync.WaitGroup
	quiet := make(chan struct{}) // closed: send nothing new, get the rest acknowledged
	for i := range soles + badges {
		in := newLoad(i, i >= soles, st.addr, log)
		st.provision(t, in)
		fleet.Go(func() { in.run(ctx, quiet) })
	}

	bad := func(kind string, p float64) []standin.Fault {
		return []standin.Fault{{Service: "sqs", Operation: "SendMessageBatch", Kind: kind, Probability: p}}
	}
	weather := [][]standin.Fault{
		nil,
		bad(standin.FaultRefuse, .4),
		bad(standin.FaultPartialBatch, .4),
		bad(standin.FaultLostReply, .4),
		bad(standin.Fault5xx, .3),
		append(bad(standin.FaultThrottle, .3), standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse, Probability: .3}),
	}
	started := time.Now()
	for n := range kills {
		err := st.aws.SetFaults(weather[n%len(weather)]...)
		if err != nil {
			t.Fatal(err)
		}
		p := st.start(t)
		before := log.count()
		waitFor(t, ctx, "acknowledgements", func() bool { return log.count() >= before+60 })
		wait, cancel := context.WithTimeout(ctx, mrand.N(150*time.Millisecond)) // then somewhere in the middle of it
		<-wait.Done()
		cancel()
		p.Process.Kill()
		p.Wait()
	}
	err := st.aws.SetFaults()
	if err != nil {
		t.Fatal(err)
	}
	p := st.start(t)
	close(quiet)
	done := make(chan struct{})
	go func() { fleet.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		t.Error("the fleet did not get everything acknowledged in time")
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}

	kept := st.drain(t)
	lost := 0
	for name := range log.acked {
		if kept[name] == 0 {
			lost++
			t.Logf("acknowledged and lost: %s", name)
		}
	}
	twice := 0
	for _, n := range kept {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d kills in %s: %d frames sent, %d acknowledged, %d in the queues, %d of them more than once, lost = %d",
		kills, time.Since(started).Round(time.Second), len(log.sent), len(log.acked), len(kept), twice, lost)
	if lost > 0 {
		t.Errorf("%d frames acknowledged and lost", lost)
	}
	if len(log.acked) != len(log.sent) {
		t.Errorf("%d frames sent and %d acknowledged in the end", len(log.sent), len(log.acked))
	}
	if len(log.acked) < 60*kills {
		t.Errorf("only %d frames acknowledged: no load", len(log.acked))
	}
}

// openStage builds the bridge and starts the stand-in with its table and queues.
func openStage(t *testing.T) *stage {
	t.Helper()
	st := &stage{bin: filepath.Join(t.TempDir(), "tcpbridge")}
	out, err := exec.Command("go", "build", "-o", st.bin, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	var cfg aws.Config
	st.aws, cfg = standintest.Open(t, nil)
	for _, name := range []string{"urgent", "track"} {
		err = st.aws.EnsureQueue(standin.Queue{Name: name})
		if err != nil {
			t.Fatal(err)
		}
	}
	st.addr, st.health = freeAddr(t), freeAddr(t)
	st.base = *cfg.BaseEndpoint
	st.store = store.New(cfg, standintest.Table, store.Steady)
	err = st.store.CreateOrg(t.Context(), insole.Org{ID: "acme", Name: "Acme", Locale: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

type stage struct {
	bin, addr, health, base string
	aws                     *standin.Server
	store                   *store.Store
}

func (st *stage) provision(t *testing.T, in *load) {
	t.Helper()
	d, err := st.store.Directory(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	a := insole.Assignment{Insole: in.id, Dialect: in.dialect, Org: "acme", Team: "north", Worker: insole.WorkerID("w-" + in.id), WorkerName: "W", Locale: "fr", Key: in.key}
	ref := store.InsoleRef{Org: "acme", ID: in.id, Dialect: in.dialect, Team: "north", Worker: a.Worker, MadeAt: time.Now()}
	err = st.store.Edit(t.Context(), "acme", d.Revision, store.PutInsole(store.Kept[store.InsoleRef]{Value: ref, Version: 1}, a))
	if err != nil {
		t.Fatal(err)
	}
}

// start runs the bridge and returns when its insole port answers.
func (st *stage) start(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	p := exec.Command(st.bin)
	p.Env = append(os.Environ(),
		"AWS_REGION=eu-west-3", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_ENDPOINT_URL="+st.base, "AWS_EC2_METADATA_DISABLED=true",
		"TABLE="+standintest.Table, "URGENT_QUEUE_URL="+st.aws.QueueURL("urgent"), "TRACK_QUEUE_URL="+st.aws.QueueURL("track"),
		"BRIDGE_LISTEN="+st.addr, "BRIDGE_HEALTH_LISTEN="+st.health, "BRIDGE_LINGER=60ms", "BRIDGE_LINGER_WAITING=20ms", "LOG_LEVEL=warn")
	p.Env = append(p.Env, env...)
	var out bytes.Buffer
	p.Stdout, p.Stderr = &out, &out
	err := p.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
		if t.Failed() {
			t.Logf("bridge said:\n%.4000s", out.String())
		}
	})
	waitFor(t, t.Context(), "the bridge", func() bool {
		conn, err := net.Dial("tcp", st.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}

// drain takes everything from both queues and returns how often each frame is there.
func (st *stage) drain(t *testing.T) map[string]int {
	t.Helper()
	kept := map[string]int{}
	for _, name := range []string{"urgent", "track"} {
		for {
			ms, err := st.aws.Receive(t.Context(), name, 10, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(ms) == 0 {
				break
			}
			for _, m := range ms {
				e, err := queue.ParseEnvelope(m.Body)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range e.Frames {
					if f.Quarantine == "" {
						kept[nameOf(f.Insole, f.Raw)]++
					}
				}
			}
		}
	}
	return kept
}

// nameOf names what one frame says: of SOLE/1 without the frame's number, which belongs to one connection.
func nameOf(id insole.ID, raw []byte) string {
	if len(id) == 16 && len(raw) > 2 {
		raw = raw[2:]
	}
	return string(id) + " " + hex.EncodeToString(raw)
}

// An oracle knows what was sent and what was acknowledged.
type oracle struct {
	mu          sync.Mutex
	sent, acked map[string]bool
}

func (o *oracle) note(m map[string]bool, name string) {
	o.mu.Lock()
	m[name] = true
	o.mu.Unlock()
}

func (o *oracle) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.acked)
}

// A load is one insole that reports as fast as it is acknowledged, keeps what is not acknowledged, and sends that again on its next connection.
type load struct {
	id      insole.ID
	dialect insole.Dialect
	key     []byte
	addr    string
	log     *oracle
	seq     uint32
	pending [][]byte // not acknowledged, oldest first: record bodies of SOLE/1 without number, packets of Teltonika
}

func newLoad(i int, badge bool, addr string, log *oracle) *load {
	in := &load{id: insole.ID(fmt.Sprintf("%016x", 0xa000+i)), dialect: insole.SOLE, key: bytes.Repeat([]byte{byte(i + 1)}, 32), addr: addr, log: log}
	if badge {
		in.id, in.dialect, in.key = insole.ID(fmt.Sprintf("3520930814%05d", i)), insole.Teltonika, nil
	}
	return in
}

func (in *load) run(ctx context.Context, quiet <-chan struct{}) {
	for ctx.Err() == nil {
		select {
		case <-quiet:
			if len(in.pending) == 0 {
				return
			}
		default:
		}
		conn, err := net.DialTimeout("tcp", in.addr, time.Second)
		if err == nil {
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			if in.dialect == insole.SOLE {
				in.speakSOLE(conn, quiet)
			} else {
				in.speakTeltonika(conn, quiet)
			}
			conn.Close()
		}
		again, cancel := context.WithTimeout(ctx, 20*time.Millisecond+mrand.N(30*time.Millisecond))
		<-again.Done()
		cancel()
	}
}

func (in *load) record() sole.Record {
	in.seq++
	r := sole.Record{Seq: in.seq, Kind: insole.KindFix, At: time.Now(), Fix: &insole.Fix{Lat: 43.6, Lon: 7.05, Source: insole.SourceGPS}}
	if in.seq%10 == 0 {
		r.Kind = insole.KindSOS
	}
	return r
}

const window = 12 // frames in flight

func (in *load) speakSOLE(conn net.Conn, quiet <-chan struct{}) {
	var h sole.Hello
	h.ID, _ = sole.ParseID(in.id)
	h.Boot = 1
	if _, err := conn.Write(sole.AppendHello(nil, h)); err != nil {
		return
	}
	f, rest, err := nextFrame(conn, nil)
	if err != nil || f.Type != sole.TypeChallenge {
		return
	}
	c, err := sole.ParseChallenge(f.Body)
	if err != nil {
		return
	}
	s, err := sole.NewSession(sole.Insole, in.key, h, c)
	if err != nil {
		return
	}
	number := uint16(0)
	flying := map[uint16][]byte{}
	send := func(body []byte) bool {
		number++
		b, err := s.Seal(nil, sole.TypeData, append([]byte{byte(number >> 8), byte(number)}, body...))
		if err != nil {
			return false
		}
		flying[number] = body
		_, err = conn.Write(b)
		return err == nil
	}
	for _, body := range in.pending {
		if !send(body) {
			return
		}
	}
	for {
		for len(in.pending) < window && !over(quiet) {
			b, err := sole.AppendBody(nil, sole.Data{Boot: 1, Records: []sole.Record{in.record()}})
			if err != nil {
				return
			}
			body := b[2:]
			in.log.note(in.log.sent, nameOf(in.id, b))
			in.pending = append(in.pending, body)
			if !send(body) {
				return
			}
		}
		if len(in.pending) == 0 {
			return
		}
		f, rest, err = nextFrame(conn, rest)
		if err != nil || s.Open(f) != nil {
			return
		}
		if f.Type == sole.TypeAck {
			n, _ := sole.ParseAck(f.Body)
			body := flying[n]
			in.log.note(in.log.acked, nameOf(in.id, append([]byte{0, 0}, body...)))
			in.forget(body)
		}
	}
}

func (in *load) speakTeltonika(conn net.Conn, quiet <-chan struct{}) {
	_, err := conn.Write(teltonika.AppendLogin(nil, in.id))
	answer := make([]byte, 4)
	if err != nil {
		return
	}
	if _, err = io.ReadFull(conn, answer[:1]); err != nil || answer[0] != 1 {
		return
	}
	for {
		if len(in.pending) == 0 {
			if over(quiet) {
				return
			}
			in.seq++
			r := teltonika.Record{Millis: uint64(1795367926000 + int64(in.seq)), Lat: 436_000_000, Lon: 70_500_000, Satellites: 9}
			if in.seq%10 == 0 {
				r.Event = teltonika.IOAlarm
			}
			b, err := teltonika.AppendPacket(nil, teltonika.Codec8, []teltonika.Record{r})
			if err != nil {
				return
			}
			in.log.note(in.log.sent, nameOf(in.id, b))
			in.pending = append(in.pending, b)
		}
		b := in.pending[0]
		if _, err := conn.Write(b); err != nil {
			return
		}
		if _, err := io.ReadFull(conn, answer); err != nil || answer[3] != 1 {
			return
		}
		in.log.note(in.log.acked, nameOf(in.id, b))
		in.forget(b)
	}
}

func (in *load) forget(b []byte) {
	for i := range in.pending {
		if bytes.Equal(in.pending[i], b) {
			in.pending = append(in.pending[:i], in.pending[i+1:]...)
			return
		}
	}
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func nextFrame(r io.Reader, rest []byte) (sole.Frame, []byte, error) {
	for {
		f, n, err := sole.Split(rest)
		if err == nil {
			return f, rest[n:], nil
		}
		b := make([]byte, 512)
		k, err := r.Read(b)
		rest = append(rest[:len(rest):len(rest)], b[:k]...)
		if err != nil {
			return f, rest, err
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor polls, because what it waits for happens in another process.
func waitFor(t *testing.T, ctx context.Context, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, ctx.Err())
		}
	}
}

// The health port of the real program says what is true.
func TestHealth(t *testing.T) {
	st := openStage(t)
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + st.health + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	err := st.aws.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse})
	if err != nil {
		t.Fatal(err)
	}
	p := st.start(t)
	waitFor(t, t.Context(), "liveness", func() bool { code, _ := get("/healthz"); return code == 200 })
	if code, body := get("/readyz"); code != 503 || body != "table does not answer\n" {
		t.Errorf("readyz with the table away: %d %q", code, body)
	}
	err = st.aws.SetFaults()
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, t.Context(), "readiness", func() bool { code, _ := get("/readyz"); return code == 200 })
	_, text := get("/metrics")
	for _, name := range []string{"bridge_connections ", "bridge_held_bytes ", "bridge_lookups_total{", "go_goroutines "} {
		if !bytes.Contains([]byte(text), []byte("\n"+name)) {
			t.Errorf("metrics without %s", name)
		}
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
