package storm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/host/lambda"
	"solewatch/internal/host/source"
	"solewatch/internal/ingest"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/notify"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
	"solewatch/internal/watchdog"
	"solewatch/internal/wire/sole"
)

const (
	prefix  = "arn:aws:sns:eu-west-3:000000000000:storm-team-"
	public  = "https://solewatch.example"
	org     = insole.OrgID("acme")
	team    = insole.TeamID("north")
	stepTwo = 2 * time.Minute
)

// processes is how many instances of each function share the work: what one of them remembers the others do not know.
const processes = 4

// A system is the product from the urgent queue to SNS: the very handlers, event source mappings that behave as AWS's, one process of the
// watchdog, on a stand-in behind a wire on which calls go wrong.
type system struct {
	*testing.T
	srv     *standin.Server
	wire    *wire // with faults
	calm    aws.Config
	store   *store.Store // without faults, for the test's own eyes
	sender  *queue.Sender
	desks   []*alarm.Desk
	ingest  []*ingest.Handler
	alarm   []*alarm.Handler
	dog     *watchdog.Handler
	musters *muster.Engine // as the API has it
	lanes   lanes
}

// lanes is how template.yaml shares the alarm function among what is due.
type lanes struct {
	help  bool // steps of calls for help have a queue of their own
	steps int  // the most batches of the other queue at once; 0: as many as AWS likes
}

// asDeployed is what template.yaml says.
var asDeployed = lanes{help: true, steps: 10}

func newSystem(t *testing.T, f faults, seed uint64, l lanes) *system {
	t.Helper()
	srv, cfg := standintest.Unserved(t)
	s := &system{T: t, srv: srv, wire: newWire(srv, f, seed), lanes: l}
	s.calm = cfg
	s.calm.HTTPClient = &http.Client{Transport: newWire(srv, faults{}, seed)}
	for _, q := range []standin.Queue{{Name: "urgent", Visibility: time.Minute}, {Name: "steps", Visibility: 2 * time.Minute}, {Name: "help", Visibility: 2 * time.Minute}} {
		if err := srv.EnsureQueue(q); err != nil {
			t.Fatal(err)
		}
	}
	s.store = s.storeOn(s.calm.HTTPClient)
	s.provision()

	log := slog.New(slog.DiscardHandler)
	via := func(p store.Patience) *http.Client { return &http.Client{Transport: s.wire, Timeout: p.Attempt} }
	sqsOn := func() *sqs.Client {
		return sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient, o.Retryer = via(store.Brisk), store.Brisk.Retryer() })
	}
	s.sender = queue.NewSender(cfg, srv.QueueURL("urgent"), func(o *sqs.Options) { o.HTTPClient = via(store.Steady) })
	publisher := func() recorded {
		return recorded{&notify.Publisher{Prefix: prefix, PublicURL: public, Client: sns.NewFromConfig(cfg, func(o *sns.Options) {
			o.HTTPClient, o.Retryer = &http.Client{Transport: s.wire, Timeout: 2 * time.Second}, aws.NopRetryer{}
		})}}
	}
	steps := func() *queue.Steps {
		q := &queue.Steps{Client: sqsOn(), URL: srv.QueueURL("steps")}
		if l.help {
			q.Help = srv.QueueURL("help")
		}
		return q
	}
	engine := func(st *store.Store) *alarm.Engine {
		return &alarm.Engine{Store: st, Teams: st, Publisher: publisher(), Steps: steps(), Now: time.Now, Log: log}
	}
	raiser := func(st *store.Store) *alarm.Raiser {
		return &alarm.Raiser{Store: st, Teams: &alarm.Cached{Of: st, Now: time.Now}, Steps: steps(), Topics: publisher().Topic, Now: time.Now, Log: log}
	}
	musters := func(st *store.Store) *muster.Engine {
		return &muster.Engine{Store: st, Alarms: raiser(st), Steps: steps(), Now: time.Now, Log: log}
	}
	for range processes {
		st := s.storeOn(via(store.Brisk))
		s.ingest = append(s.ingest, &ingest.Handler{Store: st, Alarms: raiser(st), Pager: publisher(), Retention: 720 * time.Hour, Now: time.Now, Log: log})
		s.alarm = append(s.alarm, &alarm.Handler{Engine: engine(st), Musters: musters(st), Log: log})
		s.desks = append(s.desks, &alarm.Desk{Store: st, Teams: &alarm.Cached{Of: st, Now: time.Now}, Steps: steps(), Now: time.Now})
	}
	st := s.storeOn(via(store.Brisk))
	s.musters = musters(st)
	s.dog = &watchdog.Handler{Store: st, Engine: engine(st), Alarms: raiser(st), LostFactor: 1000, LostMinimum: 1000 * time.Hour, Now: time.Now, Log: log}
	return s
}

func (s *system) storeOn(c aws.HTTPClient) *store.Store {
	cfg := aws.Config{Region: s.calm.Region, BaseEndpoint: s.calm.BaseEndpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	return &store.Store{Table: standintest.Table, DB: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.HTTPClient, o.Retryer = c, store.Brisk.Retryer()
	})}
}

// provision makes an org with one team: Claire by SMS and e-mail at once, Paul by SMS after stepTwo.
func (s *system) provision() {
	s.Helper()
	ctx := s.Context()
	if err := s.store.CreateOrg(ctx, insole.Org{ID: org, Name: "Acme", Locale: "en"}); err != nil {
		s.Fatal(err)
	}
	t := insole.Team{Org: org, ID: team, Name: "North", Repeat: time.Hour, Steps: []insole.Step{
		{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS, insole.Email}},
		{Delay: stepTwo, Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS}},
	}}
	contacts := []insole.Contact{
		{Org: org, ID: "claire", Name: "Claire M.", Phone: "+33600000001", Email: "claire@example.com", Locale: "fr"},
		{Org: org, ID: "paul", Name: "Paul B.", Phone: "+33600000002", Locale: "en"},
	}
	d, err := s.store.Directory(ctx, org)
	if err == nil {
		err = s.store.Edit(ctx, org, d.Revision, store.PutTeam(store.Kept[insole.Team]{Value: t}),
			store.PutContact(store.Kept[insole.Contact]{Value: contacts[0]}), store.PutContact(store.Kept[insole.Contact]{Value: contacts[1]}))
	}
	if err == nil {
		err = notify.NewTopics(s.calm, prefix).Sync(ctx, t, contacts)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// recorded tells the wire which page a publish is.
type recorded struct{ *notify.Publisher }

func (r recorded) Send(ctx context.Context, a insole.Alarm, p insole.Page, now time.Time) (string, error) {
	return r.Publisher.Send(context.WithValue(ctx, pageKey{}, nameOf(a.ID, p)), a, p, now)
}

func nameOf(a insole.AlarmID, p insole.Page) pageName {
	return pageName{string(a), string(p.Contact), string(p.Channel), strconv.Itoa(p.Step)}
}

// Invoke runs a function as Lambda does: in whichever process is free, for as long as template.yaml allows.
func (s *system) Invoke(ctx context.Context, function string, payload []byte) (lambda.Result, error) {
	limit := map[string]time.Duration{"ingest": 10 * time.Second, "alarm": 20 * time.Second}[function]
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	i := rand.IntN(processes)
	var out any
	var err error
	switch function {
	case "ingest":
		var ev events.SQSEvent
		if err = json.Unmarshal(payload, &ev); err == nil {
			out, err = s.ingest[i].HandleSQS(ctx, ev)
		}
	case "alarm":
		out, err = s.alarm[i].Handle(ctx, payload)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return lambda.Result{FunctionError: "Unhandled"}, nil
	}
	b, err := json.Marshal(out)
	return lambda.Result{Payload: b}, err
}

// run does the work of AWS until ctx ends: it polls the queues and the stream, and wakes the watchdog every minute.
func (s *system) run(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	for _, q := range []source.Queue{
		{Function: "ingest", Queue: "urgent", ARN: "arn:aws:sqs:eu-west-3:000000000000:urgent"},
		{Function: "alarm", Queue: "help", ARN: "arn:aws:sqs:eu-west-3:000000000000:help"},
		{Function: "alarm", Queue: "steps", ARN: "arn:aws:sqs:eu-west-3:000000000000:steps", Concurrency: s.lanes.steps},
	} {
		q.BatchSize, q.Partial, q.Messages, q.Invoker = 10, true, s.srv, s
		if q.Queue == "help" {
			q.BatchSize = 1
		}
		wg.Go(func() {
			if err := q.Run(ctx); err != nil {
				s.Error(err)
			}
		})
	}
	stream := &source.Stream{ID: "alarm-stream", Function: "alarm", Table: standintest.Table, View: "NEW_AND_OLD_IMAGES", BatchSize: 100, Partial: true, Bisect: true,
		Filters: []string{`{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"t":{"S":["alarm"]}}}}`},
		Retries: 20, MaxAge: time.Hour, Parallel: 4, Records: s.srv, Invoker: s, Send: func(string, string) error { return nil }}
	wg.Go(func() {
		if err := stream.Run(ctx); err != nil {
			s.Error(err)
		}
	})
	wg.Go(func() {
		for tick := time.NewTicker(time.Minute); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				dctx, cancel := context.WithTimeout(ctx, 55*time.Second)
				_ = s.dog.HandleSchedule(dctx, nil) // what fails is there again in a minute
				cancel()
			}
		}
	})
	return wg.Wait
}

// press is what bridge and insole do with an SOS: the envelope is offered until the queue has said that it keeps it.
func (s *system) press(ctx context.Context, i int) insole.AlarmID {
	id := insole.ID(fmt.Sprintf("%016x", i+1))
	worker := insole.WorkerID(fmt.Sprintf("w%d", i))
	now := time.Now()
	body, err := sole.AppendBody(nil, sole.Data{Number: 1, Boot: 1, Records: []sole.Record{{Kind: insole.KindSOS, Boot: 1, Seq: 1, At: now}}})
	if err != nil {
		s.Error(err)
		return ""
	}
	e, err := json.Marshal(queue.Envelope{V: 1, Bridge: "b-1", Frames: []queue.Frame{{Insole: id, Dialect: insole.SOLE, Org: org, Team: team, Worker: worker,
		WorkerName: fmt.Sprintf("Worker %d", i), Locale: "en", HeardAtMs: now.UnixMilli(), Raw: body}}})
	if err != nil {
		s.Error(err)
		return ""
	}
	for again := 100 * time.Millisecond; ; again = min(2*again, 5*time.Second) {
		if errors.Join(s.sender.Send(ctx, []string{string(e)})...) == nil {
			break
		}
		time.Sleep(again)
	}
	r := insole.Report{Insole: id, Boot: 1, Seq: 1}
	return insole.NewAlarmID(org, worker, insole.AlarmSOS, r.Key())
}

// confirm follows the links of all confirmation mails, as their readers would.
func (s *system) confirm() {
	s.Helper()
	all, err := s.srv.Outbox().List(0, 0)
	if err != nil {
		s.Fatal(err)
	}
	for _, n := range all {
		if n.Kind != "confirm" {
			continue
		}
		rec := httptest.NewRecorder()
		s.srv.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, n.Link, nil))
		if rec.Code != http.StatusOK {
			b, _ := io.ReadAll(rec.Body)
			s.Fatalf("confirming: %d %s", rec.Code, b)
		}
	}
}
