// Package host runs a template on one machine: it is AWS around the product's own programs.
//
//	services :8001   DynamoDB, SQS, SNS, @connections (internal/standin), and /_host/ for tests
//	API      :8002   the HTTP API, and the WebSocket API under its stage's name
//	web      :8000   the distribution: the page's files, the API and the socket behind one name, and /outbox
//	insoles  :9000   the bridge, a child process as its task definition says; its health and figures on :9001
//
// Functions are child processes behind the Lambda runtime API; queues, streams and schedules feed them. Every
// program gets the environment that the template spells, with AWS's addresses turned into this machine's, and
// nothing of ours: it cannot know that it runs here.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"solewatch/internal/host/gateway"
	"solewatch/internal/host/lambda"
	"solewatch/internal/host/source"
	"solewatch/internal/host/template"
	"solewatch/internal/standin"
)

// A Config says what to run, and where. Addresses are host:port; port 0 takes a free one.
type Config struct {
	Template   string            // path of template.yaml
	Parameters map[string]string // of the template, over its defaults
	Stack      string            // "" means solewatch
	State      string            // folder; what is in it survives a restart
	// Programs is the folder of the functions' programs: <Programs>/<last part of CodeUri>/bootstrap.
	Programs string
	Bridge   string // program of the template's task; "" runs none
	Web      string // folder of the page; "" or missing: no files

	WebAddr, ServicesAddr, APIAddr, BridgeAddr, HealthAddr string

	// Bridge environment over the template's, for tests: "BRIDGE_LINGER": "1s".
	BridgeEnv map[string]string

	Output func(program, line string) // what functions and the bridge print; nil drops it
	Log    *slog.Logger               // nil means silence
}

// A System is a running template.
type System struct {
	Template *template.Template
	Standin  *standin.Server

	// Where it listens: http://host:port for the first three, host:port for the others ("" without a bridge).
	Web, Services, API string
	Insoles, Health    string

	cfg       Config
	log       *slog.Logger
	lambda    *lambda.Service
	async     *source.Async
	sockets   []*gateway.WebSocketAPI
	bridge    *bridge
	servers   []*http.Server
	addresses template.Addresses
	keysMu    sync.RWMutex
	keys      map[string][]template.Statement // by access key id

	running     context.Context    // ends when mappings and schedules shall
	stopSources context.CancelFunc // ends it
	sources     sync.WaitGroup
	stopOnce    sync.Once
	stopErr     error
}

const (
	region  = "eu-west-3"
	account = "000000000000"
)

// Start reads the template, starts everything, and returns when all of it is ready: every function's program has
// asked for its first event, the bridge is ready, every address answers. When it returns an error nothing is left
// running. The system goes on until Stop; ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*System, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Output == nil {
		cfg.Output = func(string, string) {}
	}
	if cfg.Stack == "" {
		cfg.Stack = "solewatch"
	}
	s := &System{cfg: cfg, log: cfg.Log, keys: map[string][]template.Statement{}}
	s.running, s.stopSources = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.start(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stop))
	}
	return s, nil
}

func (s *System) start(ctx context.Context) error {
	insoles := ""
	if s.cfg.Bridge != "" { // functions are told where insoles call before the bridge is there
		addr, err := concrete(s.cfg.BridgeAddr)
		if err != nil {
			return err
		}
		s.cfg.BridgeAddr, insoles = addr, local(addr)
	}
	var lns []net.Listener
	for _, addr := range []string{s.cfg.ServicesAddr, s.cfg.APIAddr, s.cfg.WebAddr} {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			for _, l := range lns {
				l.Close()
			}
			return fmt.Errorf("listening: %w", err)
		}
		lns = append(lns, ln)
	}
	services, api, web := lns[0], lns[1], lns[2]
	s.Services, s.API, s.Web = "http://"+reachable(services.Addr()), "http://"+reachable(api.Addr()), "http://"+named(web.Addr())
	s.addresses = template.Addresses{Services: s.Services, API: s.API, Web: s.Web, Insoles: insoles}

	t, err := template.Load(s.cfg.Template, template.Options{
		Parameters: s.cfg.Parameters, Stack: s.cfg.Stack, Region: region, Account: account, QueueBase: s.Services,
	})
	if err == nil {
		s.Template = t
		err = s.resources()
	}
	if err != nil {
		for _, l := range lns {
			l.Close()
		}
		return err
	}
	for _, n := range t.Notes {
		s.log.Info("template", "note", n)
	}
	s.functions()
	apiHandler, webHandler := s.gateways()
	s.serve(services, s.servicesHandler())
	s.serve(api, apiHandler)
	s.serve(web, webHandler)

	if err := s.warm(ctx); err != nil {
		return err
	}
	s.mappings(s.running)
	s.schedules(s.running)
	return s.startBridge(ctx)
}

// reachable is an address as a client on this machine writes it.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// named is reachable with the name that browsers take for a secure origin.
func named(a net.Addr) string {
	r := reachable(a)
	if port, ok := strings.CutPrefix(r, "127.0.0.1:"); ok {
		return "localhost:" + port
	}
	return r
}

func (s *System) serve(ln net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, srv)
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("listener ended", "address", ln.Addr().String(), "err", err)
		}
	}()
}

// resources opens the state and makes what the template says is there.
func (s *System) resources() error {
	var err error
	s.Standin, err = standin.Open(standin.Options{Dir: s.cfg.State, Region: region, Account: account, Log: s.log})
	if err != nil {
		return err
	}
	s.Standin.SetEndpoint(s.Services)
	var errs []error
	for _, t := range s.Template.Tables {
		def := standin.Table{
			Name: t.Name, Key: keySchema(t.Partition, t.Sort), TTLAttribute: t.TTLAttribute, StreamView: t.StreamView,
		}
		for _, ix := range t.Indexes {
			def.Indexes = append(def.Indexes, standin.Index{
				Name: ix.Name, Key: keySchema(ix.Partition, ix.Sort), Projection: ix.Projection, Include: ix.Include,
			})
		}
		errs = append(errs, s.Standin.EnsureTable(def))
	}
	for _, q := range s.Template.Queues {
		errs = append(errs, s.Standin.EnsureQueue(standin.Queue{
			Name: q.Name, Visibility: q.Visibility, Retention: q.Retention, Delay: q.Delay, Wait: q.Wait,
			DeadLetterARN: q.DeadARN, MaxReceives: q.MaxReceives,
		}))
	}
	for _, t := range s.Template.Topics {
		errs = append(errs, s.Standin.EnsureTopic(t.Name))
	}
	if len(s.Template.Subscriptions) > 0 {
		s.log.Info("template", "note", fmt.Sprintf("%d subscriptions of the template itself are not made here", len(s.Template.Subscriptions)))
	}
	return errors.Join(errs...)
}

func keySchema(partition, sort template.Attribute) standin.KeySchema {
	return standin.KeySchema{
		Partition: standin.Attr{Name: partition.Name, Type: partition.Type},
		Sort:      standin.Attr{Name: sort.Name, Type: sort.Type},
	}
}

// endpoints are the SDK's variables that lead a program to this machine. The endpoint of @connections is not among
// them: on AWS too it has to be told, by the template.
func (s *System) endpoints() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": s.Services,
		"AWS_ENDPOINT_URL_SQS":      s.Services,
		"AWS_ENDPOINT_URL_SNS":      s.Services,
	}
}

// local is an environment of the template as it is on this machine, with the endpoints.
func (s *System) local(env map[string]string) map[string]string {
	out := s.endpoints()
	for k, v := range env {
		out[k] = s.Template.Local(v, s.addresses)
	}
	return out
}

// accessKey makes up the access key id of a program's role, and remembers what it may do.
func (s *System) accessKey(id string, may []template.Statement) string {
	key := "LOCAL" + strings.ToUpper(id)
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	s.keys[key] = may
	return key
}

func (s *System) functions() {
	s.lambda = lambda.New(lambda.Options{Region: region, Log: s.log, Output: s.output, Count: s.Standin.Count})
	for _, f := range s.Template.Functions {
		dir := filepath.Join(s.cfg.Programs, filepath.Base(f.CodeURI))
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		s.lambda.Add(lambda.Function{
			ID: f.ID, Name: f.Name, ARN: f.ARN, Program: filepath.Join(dir, "bootstrap"), Dir: dir, Env: s.local(f.Environment),
			Memory: f.Memory, Timeout: f.Timeout, Reserved: f.Reserved, Key: s.accessKey(f.ID, f.Statements),
		})
	}
	s.async = &source.Async{Invoker: s.lambda, Send: s.send, Log: s.log}
}

// output hands on a line of a function under a short name: "IngestFunction" prints as ingest.
func (s *System) output(id, line string) {
	s.cfg.Output(strings.ToLower(strings.TrimSuffix(id, "Function")), line)
}

// warm starts one environment of every function, and says of each that cannot start why.
func (s *System) warm(ctx context.Context) error {
	errs := make([]error, len(s.Template.Functions))
	var wg sync.WaitGroup
	for i, f := range s.Template.Functions {
		wg.Go(func() { errs[i] = s.lambda.Warm(ctx, f.ID) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// send delivers to a queue or topic as an AWS service does.
func (s *System) send(arn, body string) error {
	if name, ok := strings.CutPrefix(arn, "arn:aws:sqs:"+region+":"+account+":"); ok {
		return s.Standin.SendInternal(name, body)
	}
	return fmt.Errorf("destination %s is not served", arn)
}

func arnName(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// mappings starts the event source mappings.
func (s *System) mappings(ctx context.Context) {
	for _, f := range s.Template.Functions {
		for _, m := range f.Queues {
			q := &source.Queue{
				Function: f.ID, Queue: arnName(m.QueueARN), ARN: m.QueueARN, Region: region, BatchSize: m.BatchSize, Window: m.Window,
				Partial: m.Partial, Filters: m.Filters, Concurrency: m.Concurrency, Messages: s.Standin, Invoker: s.lambda, Log: s.log,
			}
			s.source(m.ID, func() error { return q.Run(ctx) })
		}
		for _, m := range f.Streams {
			st := &source.Stream{
				ID: m.ID, Function: f.ID, FunctionARN: f.ARN, Table: m.TableName, ARN: m.StreamARN, Region: region, View: m.StreamView,
				BatchSize: m.BatchSize, Window: m.Window, Latest: m.Latest, Partial: m.Partial, Filters: m.Filters, Bisect: m.Bisect,
				Retries: m.Retries, MaxAge: m.MaxAge, Parallel: m.Parallel, OnFailure: m.OnFailure,
				Records: s.Standin, Invoker: s.lambda, Send: s.send, Log: s.log,
			}
			s.source(m.ID, func() error { return st.Run(ctx) })
		}
	}
}

func (s *System) source(id string, run func() error) {
	s.sources.Go(func() {
		if err := run(); err != nil {
			s.log.Error("event source ended", "mapping", id, "err", err)
		}
	})
}

// gateways makes the handlers of the API and web addresses.
func (s *System) gateways() (api, web http.Handler) {
	origins := map[string]http.Handler{}
	domain := func(id string) string { return id + ".execute-api." + region + ".amazonaws.com" }
	var httpAPI http.Handler = http.NotFoundHandler()
	for i, a := range s.Template.HTTPAPIs {
		h := &gateway.HTTPAPI{API: a, Account: account, Region: region, Domain: domain(a.APIID), Invoker: s.lambda, Log: s.log}
		origins[h.Domain] = h
		if i == 0 {
			httpAPI = h
		} else {
			s.log.Warn("only the first HTTP API has an address of its own", "left out", a.ID)
		}
	}
	sockets := map[string]http.Handler{} // by stage
	for _, a := range s.Template.WebSockets {
		h := &gateway.WebSocketAPI{API: a, Account: account, Region: region, Domain: domain(a.APIID), Invoker: s.lambda, Log: s.log}
		s.sockets = append(s.sockets, h)
		origins[h.Domain] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Trim(r.URL.Path, "/") != a.Stage {
				http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		})
		sockets["/"+a.Stage] = h
	}
	s.Standin.SetConnections(gateway.Connections(s.sockets))
	api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := sockets[strings.TrimSuffix(r.URL.Path, "/")]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		httpAPI.ServeHTTP(w, r)
	})

	mux := http.NewServeMux()
	s.outbox(mux)
	if d := s.Template.Distribution; d != nil {
		edge := &gateway.Edge{Distribution: d, Origins: origins, Log: s.log}
		if s.cfg.Web != "" {
			root, err := os.OpenRoot(s.cfg.Web)
			if err != nil {
				s.log.Warn("the page is not there; build it first", "folder", s.cfg.Web, "err", err)
			} else {
				edge.Files = root
			}
		}
		mux.Handle("/", edge)
	}
	return api, mux
}

// Environ is the environment of a program that works on the system from outside, like cmd/provision: endpoints,
// credentials, region, and the template's outputs that it names as TABLE and TOPIC_PREFIX.
func (s *System) Environ() []string {
	env := s.endpoints()
	maps.Copy(env, s.identity("LOCALOPERATOR"))
	if v := s.Template.Outputs["TableName"]; v != "" {
		env["TABLE"] = v
	}
	if v := s.Template.Outputs["TopicPrefix"]; v != "" {
		env["TOPIC_PREFIX"] = v
	}
	return list(env)
}

// ConfirmSubscriptions follows the link of every e-mail that asks to confirm a subscription, as its readers
// would, and tells how many it confirmed. One that is confirmed already, or too old, is left alone.
func (s *System) ConfirmSubscriptions() (int, error) {
	notices, err := s.Standin.Outbox().List(0, 0)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, m := range notices {
		u, err := url.Parse(m.Link)
		if m.Kind != "confirm" || err != nil {
			continue
		}
		if _, err := s.Standin.Confirm(u.Query().Get("token")); err == nil {
			n++
		}
	}
	return n, nil
}

func (s *System) identity(key string) map[string]string {
	return map[string]string{
		"AWS_REGION": region, "AWS_DEFAULT_REGION": region,
		"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
		"PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC",
	}
}

func list(env map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

// Stop ends everything in the order that loses nothing: the bridge drains first, then browsers and listeners are
// closed, mappings finish their batches, functions end, the state is closed. When ctx ends what is left is killed.
func (s *System) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *System) stop(ctx context.Context) error {
	if s.bridge != nil {
		s.bridge.stop(ctx)
	}
	s.stopSources()
	var sockets sync.WaitGroup
	for _, a := range s.sockets {
		sockets.Go(a.Close)
	}
	wait(ctx, &sockets)
	for i, srv := range s.servers {
		if i == 0 {
			continue // the services stay until the functions have ended
		}
		if err := srv.Shutdown(ctx); err != nil {
			srv.Close()
		}
	}
	wait(ctx, &s.sources)
	if s.lambda != nil {
		s.lambda.Close(ctx)
	}
	s.sources.Wait() // ended functions let them go
	if s.async != nil {
		s.async.Wait()
	}
	if len(s.servers) > 0 {
		s.servers[0].Close()
	}
	if s.Standin != nil {
		if err := s.Standin.Close(); err != nil {
			return fmt.Errorf("closing the state: %w", err)
		}
	}
	return nil
}

func wait(ctx context.Context, wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
