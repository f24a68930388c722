package standin_test

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/standin"
)

type obj = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

func newID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// A clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A world is a stand-in on a loopback listener with one table, two queues and a topic.
type world struct {
	s     *standin.Server
	srv   *httptest.Server
	ddb   *dynamodb.Client
	sqs   *sqs.Client
	sns   *sns.Client
	api   *apigatewaymanagementapi.Client
	table string
}

// newWorld opens one in a folder of its own; change may adjust the options. There is no background sweep.
func newWorld(t testing.TB, change func(*standin.Options)) *world {
	t.Helper()
	o := standin.Options{Dir: t.TempDir(), SweepEvery: -1}
	if change != nil {
		change(&o)
	}
	s, err := standin.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{s: s, srv: httptest.NewServer(s), table: "solewatch"}
	t.Cleanup(func() {
		w.srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.SetEndpoint(w.srv.URL)
	w.setUp(t)
	cfg := aws.Config{Region: "eu-west-3", BaseEndpoint: &w.srv.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	w.ddb, w.sqs, w.sns = dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), sns.NewFromConfig(cfg)
	stage := w.srv.URL + "/ws"
	cfg.BaseEndpoint = &stage
	w.api = apigatewaymanagementapi.NewFromConfig(cfg)
	return w
}

func (w *world) setUp(t testing.TB) {
	t.Helper()
	key := func(p, s string) standin.KeySchema {
		return standin.KeySchema{Partition: standin.Attr{Name: p, Type: "S"}, Sort: standin.Attr{Name: s, Type: "S"}}
	}
	err := w.s.EnsureTable(standin.Table{Name: w.table, Key: key("pk", "sk"), TTLAttribute: "expires", StreamView: "NEW_AND_OLD_IMAGES",
		Indexes: []standin.Index{{Name: "gsi", Key: key("gpk", "gsk"), Projection: "ALL"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []standin.Queue{{Name: "dead"}, {Name: "q", DeadLetterARN: w.s.QueueARN("dead"), MaxReceives: 3}} {
		if err := w.s.EnsureQueue(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.s.EnsureTopic("team"); err != nil {
		t.Fatal(err)
	}
}

func (w *world) queueURL() *string { return aws.String(w.s.QueueURL("q")) }
func (w *world) topic() *string    { return aws.String(w.s.TopicARN("team")) }

func (w *world) put(t testing.TB, it obj) {
	t.Helper()
	if _, err := w.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: it}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) get(t testing.TB, k obj) obj {
	t.Helper()
	out, err := w.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &w.table, Key: k})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

func (w *world) send(t testing.TB, body string) {
	t.Helper()
	if _, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: w.queueURL(), MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) receive(t testing.TB, n int) []standin.Message {
	t.Helper()
	list, err := w.s.Receive(t.Context(), "q", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != n {
		t.Fatalf("received %d messages, want %d", len(list), n)
	}
	return list
}

func listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
