package standin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"solewatch/internal/standin"
)

func (w *world) fault(t *testing.T, list ...standin.Fault) {
	t.Helper()
	if err := w.s.SetFaults(list...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) sendErr(t *testing.T, body string) error {
	t.Helper()
	_, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: w.queueURL(), MessageBody: &body})
	return err
}

func TestFaultRefuse(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Kind: standin.FaultRefuse})
	var api smithy.APIError
	if err := w.sendErr(t, "x"); err == nil || errors.As(err, &api) {
		t.Errorf("error = %v, want a broken connection", err)
	}
	w.put(t, obj{"pk": str("a"), "sk": str("b")}) // the other services go on
	w.fault(t)
	w.receive(t, 0)
}

func TestFaultLostReplyHasItsEffect(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Operation: "SendMessage", Kind: standin.FaultLostReply, Count: 1})
	var api smithy.APIError
	if err := w.sendErr(t, "x"); err == nil || errors.As(err, &api) {
		t.Errorf("error = %v, want a broken connection", err)
	}
	w.receive(t, 1)
	if err := w.sendErr(t, "y"); err != nil {
		t.Errorf("after its one strike: %v", err)
	}
}

func TestFaultsSpeakAsAWSDoes(t *testing.T) {
	w := newWorld(t, nil)
	for kind, codes := range map[string][3]string{
		standin.Fault5xx:      {"InternalServerError", "InternalFailure", "InternalFailure"},
		standin.FaultThrottle: {"ThrottlingException", "RequestThrottled", "Throttling"},
	} {
		w.fault(t, standin.Fault{Service: "dynamodb", Kind: kind}, standin.Fault{Service: "sqs", Kind: kind}, standin.Fault{Service: "sns", Kind: kind})
		_, ddb := w.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: obj{"pk": str("a"), "sk": str("b")}})
		_, pub := w.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: w.topic(), Message: aws.String("x")})
		for i, err := range []error{ddb, w.sendErr(t, "x"), pub} {
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != codes[i] {
				t.Errorf("%s: error = %v, want %s", kind, err, codes[i])
			}
		}
	}
	w.fault(t)
	w.receive(t, 0)
}

func TestFaultOfOneResource(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Resource: "dead", Kind: standin.Fault5xx}, standin.Fault{Service: "dynamodb", Resource: "solewatch", Operation: "Query", Kind: standin.Fault5xx})
	if err := w.sendErr(t, "x"); err != nil {
		t.Errorf("the other queue: %v", err)
	}
	_, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(w.s.QueueURL("dead")), MessageBody: aws.String("x")})
	if err == nil {
		t.Error("the faulted queue took a message")
	}
	w.put(t, obj{"pk": str("a"), "sk": str("b")})
	_, err = w.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &w.table, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("a")}})
	if err == nil {
		t.Error("the faulted operation worked")
	}
}

func TestFaultPartialBatch(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Kind: standin.FaultPartialBatch}, standin.Fault{Service: "dynamodb", Kind: standin.FaultPartialBatch})
	var entries []sqstypes.SendMessageBatchRequestEntry
	var reqs []types.WriteRequest
	var keys []obj
	for _, id := range []string{"a", "b", "c", "d"} {
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: &id, MessageBody: &id})
		k := obj{"pk": str("p"), "sk": str(id)}
		keys = append(keys, k)
		reqs = append(reqs, types.WriteRequest{PutRequest: &types.PutRequest{Item: k}})
	}
	out, err := w.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: w.queueURL(), Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Failed) == 0 || len(out.Successful) == 0 || len(out.Failed)+len(out.Successful) != 4 {
		t.Errorf("failed %d, successful %d", len(out.Failed), len(out.Successful))
	}
	bw, err := w.ddb.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{w.table: reqs}})
	if err != nil {
		t.Fatal(err)
	}
	left := len(bw.UnprocessedItems[w.table])
	if left == 0 || left == 4 || bw.UnprocessedItems[w.table][0].PutRequest == nil {
		t.Errorf("unprocessed = %+v", bw.UnprocessedItems)
	}
	bg, err := w.ddb.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{w.table: {Keys: keys, ConsistentRead: aws.Bool(true)}}})
	if err != nil {
		t.Fatal(err)
	}
	if un := bg.UnprocessedKeys[w.table]; len(un.Keys) == 0 || len(un.Keys) == 4 || !aws.ToBool(un.ConsistentRead) {
		t.Errorf("unprocessed keys = %+v", bg.UnprocessedKeys)
	}
	w.fault(t)
	w.receive(t, len(out.Successful))
	q, err := w.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &w.table, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("p")}})
	if err != nil || int(q.Count) != 4-left {
		t.Errorf("%d items, %v; want %d", q.Count, err, 4-left)
	}
}

func TestFaultDuplicate(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Kind: standin.FaultDuplicate, Operation: "SendMessage"}, standin.Fault{Service: "sns", Kind: standin.FaultDuplicate})
	w.send(t, "x")
	got := w.receive(t, 2)
	if got[0].ID != got[1].ID || got[0].ReceiptHandle == got[1].ReceiptHandle {
		t.Errorf("messages = %+v, want one id with two handles", got)
	}
	if _, err := w.sns.Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	if n := notices(t, w); len(n) != 2 || n[0].MessageID != n[1].MessageID {
		t.Errorf("notices = %+v, want one twice", n)
	}
	w.fault(t, standin.Fault{Service: "sqs", Kind: standin.FaultDuplicate, Operation: "ReceiveMessage"})
	w.send(t, "y")
	if first, second := w.receive(t, 1)[0], w.receive(t, 1)[0]; first.ID != second.ID {
		t.Errorf("received %s, then %s", first.ID, second.ID)
	}
}

func TestFaultReorder(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Operation: "ReceiveMessage", Kind: standin.FaultReorder})
	for i := range 50 {
		w.send(t, string(rune('0'+i)))
	}
	inOrder := true
	last := ""
	for range 5 {
		for _, m := range w.receive(t, 10) {
			inOrder = inOrder && m.Body > last
			last = m.Body
		}
	}
	w.receive(t, 0)
	if inOrder {
		t.Error("50 messages came in order")
	}
}

func TestFaultDelay(t *testing.T) {
	w := newWorld(t, nil)
	w.fault(t, standin.Fault{Service: "sqs", Kind: standin.FaultDelay, Delay: standin.Duration(30 * time.Millisecond)})
	start := time.Now()
	w.send(t, "x")
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("took %v", d)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	w := newWorld(t, nil)
	post := func(body string) int {
		t.Helper()
		resp, err := http.Post(w.srv.URL+"/_standin/faults", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		return resp.StatusCode
	}
	if code := post(`[{"service":"sqs","kind":"delay","delay":"250ms","probability":0.5,"count":3}]`); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	got := w.s.Faults()
	if len(got) != 1 || got[0].Delay != standin.Duration(250*time.Millisecond) || got[0].Probability != 0.5 || got[0].Count != 3 {
		t.Errorf("faults = %+v", got)
	}
	for _, bad := range []string{`{}`, `[{"service":"s3","kind":"refuse"}]`, `[{"service":"sqs","kind":"explode"}]`, `[{"service":"sqs","kind":"refuse","probability":2}]`, `[{"service":"sqs","kind":"delay"}]`, `[{"service":"sqs","kind":"refuse","typo":1}]`} {
		if code := post(bad); code != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", bad, code)
		}
	}
	if len(w.s.Faults()) != 1 {
		t.Error("a refused list changed the faults")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, w.srv.URL+"/_standin/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if len(w.s.Faults()) != 0 {
		t.Errorf("faults = %+v after DELETE", w.s.Faults())
	}
}
