package bridge

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/prometheus/client_golang/prometheus"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/wire/sole"
)

// The benchmarks count the CPU time (user and kernel, getrusage) of this process alone: the insoles and the stand-in for SQS are processes of
// their own, started from this same binary. Each insole sends a plain position every interval and does not wait for its acknowledgement; the
// linger is three intervals, as it is in service (10 s and 30 s). "lockstep" is the other extreme: every insole waits for each acknowledgement.
//
// The collector's goal is set to 400 %, as tcpbridge sets it, for the floor as well.
//
//	go test ./internal/bridge -run '^$' -bench 'Minimal|Bridge' -benchtime 100000x
//	go test ./internal/bridge -run '^$' -bench Idle -benchtime 1x
const (
	fleetSize = 400
	interval  = 20 * time.Millisecond
)

// child is what this binary does when a benchmark starts it.
func child(role string) {
	switch role {
	case "fleet":
		fleet()
	case "standin":
		standinProcess()
	default:
		panic("no such role: " + role)
	}
}

// start runs this binary as role, and returns what it writes and how to end it.
func start(b *testing.B, role string, env ...string) (*bufio.Reader, func()) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "SOLEWATCH_BENCH_ROLE="+role)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	err = cmd.Start()
	if err != nil {
		b.Fatal(err)
	}
	return bufio.NewReader(out), func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	}
}

func line(b *testing.B, r *bufio.Reader) string {
	b.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		b.Fatalf("child process: %v", err)
	}
	return strings.TrimSpace(s)
}

// cpu is the time this process has used, user and kernel.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// drive sends b.N frames from a fleet to addr and reports the CPU time of each frame from its being read to its acknowledgement being written.
func drive(b *testing.B, addr, mode string) {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	out, stop := start(b, "fleet", "FLEET_ADDR="+addr, "FLEET_MODE="+mode, "FLEET_SIZE="+strconv.Itoa(fleetSize), "FLEET_FRAMES="+strconv.Itoa(b.N))
	defer stop()
	if s := line(b, out); s != "connected" {
		b.Fatalf("fleet: %s", s)
	}
	b.ResetTimer()
	before := cpu()
	b.StartTimer()
	if s := line(b, out); s != "acknowledged "+strconv.Itoa(b.N) {
		b.Fatalf("fleet: %s", s)
	}
	used := cpu() - before
	b.StopTimer()
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/frame")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkMinimalReader is the floor: a goroutine for each connection reads a frame and writes an acknowledgement of the same size as ours. It
// verifies, keeps and promises nothing.
func BenchmarkMinimalReader(b *testing.B) {
	for _, mode := range []string{"paced", "lockstep"} {
		b.Run(mode, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			var conns sync.WaitGroup
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					conns.Go(func() { minimal(c) })
				}
			}()
			drive(b, l.Addr().String(), "bare-"+mode)
			l.Close()
			conns.Wait()
		})
	}
}

func minimal(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 1024)
	ack := sole.AppendReject(make([]byte, 0, 16), 0)[:8]
	ack = append(ack, ack...)
	have := 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		at := 0
		for have-at >= 4 {
			size := 4 + int(binary.BigEndian.Uint16(buf[at+2:])) + 10
			if have-at < size {
				break
			}
			at += size
			if _, err := c.Write(ack); err != nil {
				return
			}
		}
		have = copy(buf, buf[at:have])
	}
}

// BenchmarkBridge is the whole way: framed, MAC verified, packed, sent to the queue, acknowledged with a MAC after the queue's answer.
func BenchmarkBridge(b *testing.B) {
	for _, way := range []string{"memory", "sqs"} {
		for _, mode := range []string{"paced", "lockstep"} {
			for _, link := range []string{"epoll", "goroutine"} {
				b.Run(way+"/"+mode+"/"+link, func(b *testing.B) {
					linger := 3 * interval
					if mode == "lockstep" {
						linger = 10 * time.Millisecond
					}
					var q Queue = forget{}
					if way == "sqs" {
						out, stop := start(b, "standin")
						defer stop()
						url := line(b, out)
						cfg := aws.Config{Region: "eu-west-3", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")}
						q = queue.NewSender(cfg, url+"/000000000000/track")
					}
					addr, stop := benchServer(b, q, linger, link == "goroutine")
					defer stop()
					drive(b, addr, "sole-"+mode)
				})
			}
		}
	}
}

// forget is a queue that keeps nothing and says so to nobody.
type forget struct{}

func (forget) Send(_ context.Context, bodies []string) []error { return make([]error, len(bodies)) }

func benchServer(b *testing.B, q Queue, linger time.Duration, goroutines bool) (addr string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &Server{
		Name: "b-bench", Assignments: everybody{}, Urgent: q, Track: q, Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()),
		Linger: linger, LingerWaiting: time.Second, PackBytes: 64 << 10, MemoryBytes: 64 << 20, Idle: time.Hour, AuthTimeout: time.Minute,
		Grace: 5 * time.Second, KeyTTL: time.Hour, KeyCache: 50_000, MaxConns: 20_000, MaxUnproven: 20_000, MaxUnprovenPerAddr: 20_000,
		Goroutines: goroutines,
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); srv.Run(ctx, Listener{Listener: l}) }()
	return l.Addr().String(), func() { cancel(); <-done }
}

// everybody knows every insole. Its strings are its own in each answer, as they are when they come from the table.
type everybody struct{}

func (everybody) GetAssignment(_ context.Context, id insole.ID) (insole.Assignment, error) {
	if strings.Trim(string(id), "0") == "" {
		return insole.Assignment{}, insole.ErrNotFound
	}
	c := strings.Clone
	return insole.Assignment{
		Insole: id, Org: insole.OrgID(c("acme")), Team: insole.TeamID(c("north")), Worker: insole.WorkerID(c("worker-" + string(id[8:]))),
		WorkerName: c("Somebody " + string(id[10:])), Locale: c("fr"), Dialect: insole.Dialect(c("sole")), Key: append([]byte(nil), testKey...),
	}, nil
}

// BenchmarkIdle measures what an idle proven connection keeps in this process: live heap, goroutine stacks, and growth of what the process has from
// the kernel. The kernel's own memory for the socket is not in it.
func BenchmarkIdle(b *testing.B) {
	const conns = 5000
	for _, link := range []string{"epoll", "goroutine"} {
		b.Run(link, func(b *testing.B) {
			for range b.N {
				addr, stop := benchServer(b, forget{}, time.Second, link == "goroutine")
				var before, after runtime.MemStats
				settleMemory(&before)
				rss := resident()
				out, end := start(b, "fleet", "FLEET_ADDR="+addr, "FLEET_MODE=sole-idle", "FLEET_SIZE="+strconv.Itoa(conns), "FLEET_FRAMES=0")
				if s := line(b, out); s != "connected" {
					b.Fatalf("fleet: %s", s)
				}
				settleMemory(&after)
				per := func(a, z uint64) float64 { return (float64(z) - float64(a)) / conns }
				b.ReportMetric(per(before.HeapAlloc, after.HeapAlloc), "heap-B/conn")
				b.ReportMetric(per(before.StackInuse, after.StackInuse), "stack-B/conn")
				b.ReportMetric(per(before.HeapAlloc+before.StackInuse, after.HeapAlloc+after.StackInuse), "user-B/conn")
				b.ReportMetric(per(rss, resident()), "rss-B/conn")
				end()
				stop()
			}
		})
	}
}

func settleMemory(m *runtime.MemStats) {
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(m)
}

func resident() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.Fields(string(b))[1], 10, 64)
	return n * uint64(os.Getpagesize())
}

// fleet is the process of the insoles. It says "connected", sends what it is asked to, and says "acknowledged N".
func fleet() {
	size, _ := strconv.Atoi(os.Getenv("FLEET_SIZE"))
	frames, _ := strconv.Atoi(os.Getenv("FLEET_FRAMES"))
	protocol, mode, _ := strings.Cut(os.Getenv("FLEET_MODE"), "-")
	ins := make([]*benchInsole, size)
	gate := make(chan struct{}, 64)
	var wg sync.WaitGroup
	for i := range ins {
		gate <- struct{}{}
		wg.Go(func() {
			ins[i] = connect(i, protocol)
			<-gate
		})
	}
	wg.Wait()
	fmt.Println("connected")
	if frames > 0 {
		for i, in := range ins {
			n := frames / size
			if i < frames%size {
				n++
			}
			wg.Go(func() { in.send(n, mode == "lockstep") })
			wg.Go(func() { in.count(n) })
		}
		wg.Wait()
		fmt.Printf("acknowledged %d\n", frames)
	}
	io.Copy(io.Discard, os.Stdin)
}

type benchInsole struct {
	conn  net.Conn
	s     sole.Session
	index int
	acked chan struct{}
}

func connect(i int, protocol string) *benchInsole {
	conn, err := net.Dial("tcp", os.Getenv("FLEET_ADDR"))
	check(err)
	in := &benchInsole{conn: conn, index: i, acked: make(chan struct{}, 1<<16)}
	if protocol == "bare" {
		return in
	}
	h := sole.Hello{Boot: 1}
	binary.BigEndian.PutUint64(h.ID[:], uint64(i+1))
	_, err = conn.Write(sole.AppendHello(nil, h))
	check(err)
	f, _, err := readFrame(conn, nil)
	check(err)
	c, err := sole.ParseChallenge(f.Body)
	check(err)
	in.s, err = sole.NewSession(sole.Insole, testKey, h, c)
	check(err)
	_, err = conn.Write(in.s.AppendAuth(nil))
	check(err)
	_, _, err = readFrame(conn, nil) // welcome
	check(err)
	return in
}

func (in *benchInsole) send(n int, lockstep bool) {
	t := time.NewTicker(interval)
	defer t.Stop()
	pause := time.NewTimer(time.Duration(in.index) * interval / fleetSize) // spread over the interval
	<-pause.C
	buf := make([]byte, 0, 128)
	for i := range n {
		at := time.UnixMilli(1795367926000 + int64(i)*10_000)
		var err error
		buf, err = in.s.AppendData(buf[:0], sole.Data{Number: uint16(i), Boot: 1, Records: []sole.Record{{
			Seq: uint32(i + 1), At: at, Kind: insole.KindFix, Expect: 10 * time.Second, Battery: &insole.Battery{Percent: 83, Millivolts: 3921},
			Fix: &insole.Fix{Lat: 43.6163442, Lon: 7.0552218, Altitude: 132, Speed: 1.34, Course: 271.5, Accuracy: 6, Satellites: 11, Source: insole.SourceGPS, At: at},
		}}})
		check(err)
		_, err = in.conn.Write(buf)
		check(err)
		if lockstep {
			<-in.acked
		} else {
			<-t.C
		}
	}
}

// count reads n acknowledgements, which have 16 bytes each.
func (in *benchInsole) count(n int) {
	buf := make([]byte, 16*64)
	for left := n * 16; left > 0; {
		k, err := in.conn.Read(buf[:min(len(buf), left)])
		check(err)
		before := left
		left -= k
		for range (before+15)/16 - (left+15)/16 {
			select {
			case in.acked <- struct{}{}:
			default:
			}
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// standinProcess serves SQS until its input ends.
func standinProcess() {
	dir, err := os.MkdirTemp("", "bench")
	check(err)
	defer os.RemoveAll(dir)
	s, err := standin.Open(standin.Options{Dir: dir, SweepEvery: -1})
	check(err)
	check(s.EnsureQueue(standin.Queue{Name: "track"}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s.SetEndpoint("http://" + l.Addr().String())
	go http.Serve(l, s)
	fmt.Println("http://" + l.Addr().String())
	io.Copy(io.Discard, os.Stdin)
	s.Close()
}
