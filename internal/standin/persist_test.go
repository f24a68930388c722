package standin_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/standin"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STANDIN_CHILD"); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child serves a stand-in until it is killed. It prints its address.
func child(dir string) error {
	s, err := standin.Open(standin.Options{Dir: dir, SweepEvery: -1})
	if err != nil {
		return err
	}
	err = s.EnsureTable(standin.Table{Name: "solewatch", Key: standin.KeySchema{Partition: standin.Attr{Name: "pk", Type: "S"}, Sort: standin.Attr{Name: "sk", Type: "S"}}, StreamView: "NEW_AND_OLD_IMAGES"})
	if err != nil {
		return err
	}
	if err := s.EnsureQueue(standin.Queue{Name: "q"}); err != nil {
		return err
	}
	ln, err := listen()
	if err != nil {
		return err
	}
	fmt.Println("http://" + ln.Addr().String())
	return http.Serve(ln, s)
}

// TestKilledProcessLosesNothingAcknowledged kills the process by SIGKILL in the middle of writes and counts:
// every put and every message that was answered must be there afterwards, with its stream record.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STANDIN_CHILD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url)
	cfg := aws.Config{Region: "eu-west-3", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	ddb, queue := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg)

	var mu sync.Mutex
	var puts, bodies []string
	enough := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := strconv.Itoa(g) + "." + strconv.Itoa(i)
				if g%2 == 0 {
					_, err := ddb.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("solewatch"), Item: obj{"pk": str("p"), "sk": str(id)}})
					if err != nil {
						return
					}
				} else if _, err := queue.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: aws.String(url + "/000000000000/q"), MessageBody: &id}); err != nil {
					return
				}
				mu.Lock()
				if g%2 == 0 {
					puts = append(puts, id)
				} else {
					bodies = append(bodies, id)
				}
				if len(puts) > 500 && len(bodies) > 500 {
					once.Do(func() { close(enough) })
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(60 * time.Second):
		t.Error("no 500 writes within a minute")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_ = cmd.Wait() // says that it was killed

	s, err := standin.Open(standin.Options{Dir: dir, SweepEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	have := map[string]bool{}
	for after := uint64(0); ; {
		list, err := s.StreamRecords(t.Context(), "solewatch", after, 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			if r.Seq != after+1 {
				t.Fatalf("sequence %d after %d", r.Seq, after)
			}
			after = r.Seq
			have[string(r.Keys)] = true
		}
	}
	for _, id := range puts {
		if !have[`{"pk":{"S":"p"},"sk":{"S":"`+id+`"}}`] {
			t.Errorf("put %s was answered and is lost", id)
		}
	}
	got := map[string]bool{}
	for {
		list, err := s.Receive(t.Context(), "q", 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, m := range list {
			got[m.Body] = true
		}
	}
	for _, id := range bodies {
		if !got[id] {
			t.Errorf("message %s was answered and is lost", id)
		}
	}
	t.Logf("killed after %d puts and %d messages", len(puts), len(bodies))
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	options := func(o *standin.Options) { o.Dir, o.Now, o.Sync = dir, c.now, true }
	var handle string
	t.Run("first run", func(t *testing.T) {
		w := newWorld(t, options)
		w.put(t, obj{"pk": str("a"), "sk": str("b"), "gpk": str("g"), "gsk": str("1")})
		w.send(t, "in flight")
		handle = w.receive(t, 1)[0].ReceiptHandle
		w.send(t, "waiting")
		w.subscribe(t, "sms", "+33600000001", `{"contact":["c1"]}`)
		if _, err := w.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("late")}); err != nil {
			t.Fatal(err)
		}
		w.publish(t, "filtered", nil)
		if _, err := w.sns.Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+33600000009"), Message: aws.String("x")}); err != nil {
			t.Fatal(err)
		}
		w.s.SetStreamPosition("m", 1)
		if _, err := standin.Open(standin.Options{Dir: dir}); err == nil {
			t.Error("a second process could open the state")
		}
	})
	w := newWorld(t, options)
	if w.get(t, obj{"pk": str("a"), "sk": str("b")}) == nil {
		t.Error("the item is gone")
	}
	q, err := w.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &w.table, IndexName: aws.String("gsi"), KeyConditionExpression: aws.String("gpk = :g"), ExpressionAttributeValues: obj{":g": str("g")}})
	if err != nil || q.Count != 1 {
		t.Errorf("index: %d items, %v", q.Count, err)
	}
	if m := w.receive(t, 1)[0]; m.Body != "waiting" {
		t.Errorf("received %q, want the one not in flight", m.Body)
	}
	if err := w.s.Delete("q", handle); err != nil {
		t.Error(err)
	}
	c.pass(31 * time.Second)
	if m := w.receive(t, 1)[0]; m.Body != "waiting" || m.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("received %q, count %s", m.Body, m.Attributes["ApproximateReceiveCount"])
	}
	if got := notices(t, w); len(got) != 1 || got[0].To != "+33600000009" {
		t.Errorf("outbox = %+v", got)
	}
	list, err := w.sns.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: w.topic()})
	if err != nil || len(list.Subscriptions) != 1 {
		t.Errorf("subscriptions = %+v, %v", list, err)
	}
	if _, err := w.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(w.s.TopicARN("late")), Message: aws.String("x")}); err != nil {
		t.Errorf("topic made on the wire: %v", err)
	}
	if w.s.StreamPosition("m") != 1 || w.s.StreamHead(w.table) != 1 {
		t.Error("the stream or its checkpoint is gone")
	}
}

func TestIndexesAreRebuiltWhenTheTemplateChanges(t *testing.T) {
	w := newWorld(t, nil)
	w.put(t, obj{"pk": str("a"), "sk": str("b"), "team": str("t1"), "expires": num("1"), "ends": num("1")})
	key := func(p, s string) standin.KeySchema {
		return standin.KeySchema{Partition: standin.Attr{Name: p, Type: "S"}, Sort: standin.Attr{Name: s, Type: "S"}}
	}
	next := standin.Table{Name: w.table, Key: key("pk", "sk"), TTLAttribute: "ends", Indexes: []standin.Index{{Name: "by-team", Key: key("team", "sk"), Projection: "KEYS_ONLY"}}}
	if err := w.s.EnsureTable(next); err != nil {
		t.Fatal(err)
	}
	q, err := w.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &w.table, IndexName: aws.String("by-team"), KeyConditionExpression: aws.String("team = :t"), ExpressionAttributeValues: obj{":t": str("t1")}})
	if err != nil || q.Count != 1 {
		t.Fatalf("new index: %v, %v", q, err)
	}
	next.Key.Sort.Type = "N"
	if err := w.s.EnsureTable(next); err == nil {
		t.Error("a change of the primary key was taken")
	}
	sweep(t, w)
	if w.get(t, obj{"pk": str("a"), "sk": str("b")}) != nil {
		t.Error("the item did not expire by the new attribute")
	}
}

func TestSetUpRefusesWhatAWSRefuses(t *testing.T) {
	w := newWorld(t, nil)
	ok := standin.KeySchema{Partition: standin.Attr{Name: "pk", Type: "S"}}
	for name, err := range map[string]error{
		"table name":       w.s.EnsureTable(standin.Table{Name: "a", Key: ok}),
		"no key":           w.s.EnsureTable(standin.Table{Name: "abc"}),
		"key type":         w.s.EnsureTable(standin.Table{Name: "abc", Key: standin.KeySchema{Partition: standin.Attr{Name: "pk", Type: "BOOL"}}}),
		"projection":       w.s.EnsureTable(standin.Table{Name: "abc", Key: ok, Indexes: []standin.Index{{Name: "gsi", Key: ok, Projection: "SOME"}}}),
		"index twice":      w.s.EnsureTable(standin.Table{Name: "abc", Key: ok, Indexes: []standin.Index{{Name: "gsi", Key: ok, Projection: "ALL"}, {Name: "gsi", Key: ok, Projection: "ALL"}}}),
		"stream view":      w.s.EnsureTable(standin.Table{Name: "abc", Key: ok, StreamView: "ALL"}),
		"fifo":             w.s.EnsureQueue(standin.Queue{Name: "a.fifo"}),
		"delay":            w.s.EnsureQueue(standin.Queue{Name: "a", Delay: time.Hour}),
		"visibility":       w.s.EnsureQueue(standin.Queue{Name: "a", Visibility: 13 * time.Hour}),
		"retention":        w.s.EnsureQueue(standin.Queue{Name: "a", Retention: 15 * 24 * time.Hour}),
		"receives":         w.s.EnsureQueue(standin.Queue{Name: "a", DeadLetterARN: "arn:aws:sqs:eu-west-3:000000000000:dead"}),
		"topic characters": w.s.EnsureTopic("a b"),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
