package ingest_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/ingest"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/notify"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
)

const (
	marie  insole.ID = "00a1b2c3d4e5f607"
	public           = "https://solewatch.example"
	prefix           = "arn:aws:sns:eu-west-3:000000000000:test-team-"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday

// A clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A world is an org with one team, two contacts and one insole, on a stand-in of AWS, and the two functions that an SOS passes.
type world struct {
	*testing.T
	clock  *clock
	srv    *standin.Server
	store  *store.Store
	ingest *ingest.Handler
	alarm  *alarm.Handler
	desk   *alarm.Desk
	seq    uint32
	sent   int
}

func newWorld(t *testing.T, shifts ...insole.Shift) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{t: noon}}
	srv, cfg := standintest.Open(t, w.clock.Now)
	w.srv = srv
	if err := srv.EnsureQueue(standin.Queue{Name: "steps"}); err != nil {
		t.Fatal(err)
	}
	w.store = store.New(cfg, standintest.Table, store.Brisk)
	w.store.Now = w.clock.Now
	w.provision(cfg, shifts)
	w.start(cfg)
	return w
}

// start makes the two functions anew, as a cold start does.
func (w *world) start(cfg aws.Config) {
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(w.Output(), nil))
	}
	steps := &queue.Steps{Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.Retryer = store.Brisk.Retryer() }), URL: w.srv.QueueURL("steps")}
	pub := notify.NewPublisher(cfg, prefix, public, time.Second)
	teams := &alarm.Cached{Of: w.store, Now: w.clock.Now}
	raiser := &alarm.Raiser{Store: w.store, Teams: teams, Steps: steps, Topics: pub.Topic, Now: w.clock.Now, Log: log}
	w.ingest = &ingest.Handler{Store: w.store, Alarms: raiser, Pager: pub, Musters: &muster.Engine{Store: w.store, Alarms: raiser, Now: w.clock.Now, Log: log}, Retention: 720 * time.Hour, Now: w.clock.Now, Log: log}
	engine := &alarm.Engine{Store: w.store, Teams: w.store, Publisher: pub, Steps: steps, Now: w.clock.Now, Log: log}
	w.alarm = &alarm.Handler{Engine: engine, Log: log}
	w.desk = &alarm.Desk{Store: w.store, Teams: teams, Steps: steps, Now: w.clock.Now}
}

func (w *world) provision(cfg aws.Config, shifts []insole.Shift) {
	w.Helper()
	ctx := context.Background()
	if err := w.store.CreateOrg(ctx, insole.Org{ID: "acme", Name: "Acme", Locale: "fr"}); err != nil {
		w.Fatal(err)
	}
	d, err := w.store.Directory(ctx, "acme")
	if err != nil {
		w.Fatal(err)
	}
	team := insole.Team{Org: "acme", ID: "north", Name: "North", Repeat: 5 * time.Minute, Lapse: 20 * time.Minute, Steps: []insole.Step{
		{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS, insole.Email}},
		{Delay: 2 * time.Minute, Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS}},
	}, Fallback: "+33400000000"}
	contacts := []insole.Contact{
		{Org: "acme", ID: "claire", Name: "Claire M.", Phone: "+33600000001", Email: "claire@example.com", Locale: "fr"},
		{Org: "acme", ID: "paul", Name: "Paul B.", Phone: "+33600000002", Locale: "en"},
	}
	err = w.store.Edit(ctx, "acme", d.Revision,
		store.PutTeam(store.Kept[insole.Team]{Value: team}),
		store.PutContact(store.Kept[insole.Contact]{Value: contacts[0]}),
		store.PutContact(store.Kept[insole.Contact]{Value: contacts[1]}),
		store.PutInsole(store.Kept[store.InsoleRef]{Value: store.InsoleRef{Org: "acme", ID: marie, Dialect: insole.SOLE, Team: "north", Worker: "marie"}},
			insole.Assignment{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Locale: "fr",
				Key: make([]byte, 32), Shifts: shifts}))
	if err != nil {
		w.Fatal(err)
	}
	topics := notify.NewTopics(cfg, prefix)
	if err := topics.Sync(ctx, team, contacts); err != nil {
		w.Fatal(err)
	}
	all, err := w.srv.Outbox().List(0, 0)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range all {
		if n.Kind == "confirm" {
			w.confirm(n.Link)
		}
	}
}

// record is a report of Marie's insole, happened just now, with the next sequence.
func (w *world) record(kind insole.Kind) sole.Record {
	w.seq++
	return sole.Record{Kind: kind, Boot: 1, Seq: w.seq, At: w.clock.Now()}
}

func (w *world) fix() *insole.Fix {
	return &insole.Fix{Lat: 43.6155, Lon: 7.0718, Accuracy: 4, Satellites: 9, Source: insole.SourceGPS, At: w.clock.Now()}
}

func (w *world) frame(records ...sole.Record) queue.Frame {
	w.Helper()
	body, err := sole.AppendBody(nil, sole.Data{Number: 1, Boot: 1, Records: records})
	if err != nil {
		w.Fatal(err)
	}
	return queue.Frame{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Locale: "fr",
		HeardAtMs: w.clock.Now().UnixMilli(), Raw: body}
}

func (w *world) message(frames ...queue.Frame) events.SQSMessage {
	w.Helper()
	body, err := json.Marshal(queue.Envelope{V: 1, Bridge: "b-1", Frames: frames})
	if err != nil {
		w.Fatal(err)
	}
	w.sent++
	return events.SQSMessage{MessageId: "m" + strconv.Itoa(w.sent), Body: string(body), EventSource: "aws:sqs",
		Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(w.clock.Now().UnixMilli(), 10)}}
}

// tell gives messages to ingest and returns which failed.
func (w *world) tell(messages ...events.SQSMessage) []string {
	w.Helper()
	resp, err := w.ingest.HandleSQS(w.Context(), events.SQSEvent{Records: messages})
	if err != nil {
		w.Fatalf("HandleSQS: %v", err)
	}
	var failed []string
	for _, f := range resp.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func (w *world) must(messages ...events.SQSMessage) {
	w.Helper()
	if failed := w.tell(messages...); len(failed) > 0 {
		w.Fatalf("messages %v failed", failed)
	}
}

// steps gives every step message that is due to the alarm function, until there is none.
func (w *world) steps() {
	w.Helper()
	for {
		got, err := w.srv.Receive(w.Context(), "steps", 10, 0)
		if err != nil {
			w.Fatal(err)
		}
		if len(got) == 0 {
			return
		}
		var ev events.SQSEvent
		for _, m := range got {
			ev.Records = append(ev.Records, events.SQSMessage{MessageId: m.ID, Body: m.Body, EventSource: "aws:sqs"})
		}
		resp, err := w.alarm.HandleSQS(w.Context(), ev)
		if err != nil || len(resp.BatchItemFailures) > 0 {
			w.Fatalf("steps: %v, failed %v", err, resp.BatchItemFailures)
		}
		for _, m := range got {
			if err := w.srv.Delete("steps", m.ReceiptHandle); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// outbox is what people got, without the confirmations.
func (w *world) outbox() []standin.Notice {
	w.Helper()
	all, err := w.srv.Outbox().List(0, 0)
	if err != nil {
		w.Fatal(err)
	}
	var out []standin.Notice
	for _, n := range all {
		if n.Kind != "confirm" {
			out = append(out, n)
		}
	}
	return out
}

func (w *world) open() []insole.Alarm {
	w.Helper()
	all, err := w.store.OpenAlarms(w.Context(), "acme")
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// one is the only open alarm.
func (w *world) one() insole.Alarm {
	w.Helper()
	all := w.open()
	if len(all) != 1 {
		w.Fatalf("%d open alarms, want 1: %v", len(all), all)
	}
	return all[0]
}

// confirm follows the link of a confirmation mail, as its reader would.
func (w *world) confirm(link string) {
	w.Helper()
	resp, err := http.Get(link)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("confirming: %s", resp.Status)
	}
}
