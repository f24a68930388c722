package standin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"solewatch/internal/standin"
)

func TestOtherOperationsFailByName(t *testing.T) {
	w := newWorld(t, nil)
	for name, call := range map[string]func() error{
		"ListTables": func() error { _, err := w.ddb.ListTables(t.Context(), &dynamodb.ListTablesInput{}); return err },
		"Scan":       func() error { _, err := w.ddb.Scan(t.Context(), &dynamodb.ScanInput{TableName: &w.table}); return err },
		"ListQueues": func() error { _, err := w.sqs.ListQueues(t.Context(), &sqs.ListQueuesInput{}); return err },
		"PurgeQueue": func() error {
			_, err := w.sqs.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: w.queueURL()})
			return err
		},
		"ListTopics": func() error { _, err := w.sns.ListTopics(t.Context(), &sns.ListTopicsInput{}); return err },
		"DeleteTopic": func() error {
			_, err := w.sns.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: w.topic()})
			return err
		},
	} {
		var api smithy.APIError
		if err := call(); !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" || !strings.Contains(api.ErrorMessage(), name) {
			t.Errorf("%s: error = %v, want it refused by name", name, err)
		}
	}
}

func TestUnknownMembersFailByName(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: obj{"pk": str("a"), "sk": str("b")},
		Expected: map[string]types.ExpectedAttributeValue{"pk": {Exists: aws.Bool(false)}}})
	if err == nil || !strings.Contains(err.Error(), `"Expected"`) {
		t.Errorf("error = %v, want Expected refused by name", err)
	}
	_, err = w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: w.queueURL(), MessageBody: aws.String("x"), MessageDeduplicationId: aws.String("d")})
	if err == nil || !strings.Contains(err.Error(), `"MessageDeduplicationId"`) {
		t.Errorf("error = %v, want MessageDeduplicationId refused by name", err)
	}
	_, err = w.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: w.topic(), Message: aws.String("x"), MessageStructure: aws.String("json")})
	if err == nil || !strings.Contains(err.Error(), "MessageStructure") {
		t.Errorf("error = %v, want MessageStructure refused by name", err)
	}
}

func TestUnsignedCallsAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct{ target, contentType, body, want string }{
		{"DynamoDB_20120810.GetItem", "application/x-amz-json-1.0", "{}", "MissingAuthenticationToken"},
		{"AmazonSQS.SendMessage", "application/x-amz-json-1.0", "{}", "MissingAuthenticationToken"},
		{"", "application/x-www-form-urlencoded", "Action=Publish&Version=2010-03-31", "<Code>MissingAuthenticationToken</Code>"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.srv.URL+"/", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", c.target)
		req.Header.Set("Content-Type", c.contentType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1000)
		n, _ := resp.Body.Read(b)
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(b[:n]), c.want) {
			t.Errorf("%s: %d %s, want %s", c.target, resp.StatusCode, b[:n], c.want)
		}
	}
}

// gateway is a Connections with one open connection.
type gateway struct {
	id     string
	posted []string
	closed bool
}

func (g *gateway) check(id string) error {
	if id != g.id || g.closed {
		return standin.ErrGone
	}
	return nil
}

func (g *gateway) Post(_ context.Context, id string, data []byte) error {
	if err := g.check(id); err != nil {
		return err
	}
	g.posted = append(g.posted, string(data))
	return nil
}

func (g *gateway) Get(_ context.Context, id string) (standin.ConnInfo, error) {
	return standin.ConnInfo{ConnectedAt: time.UnixMilli(1700000000123), LastActiveAt: time.UnixMilli(1700000001000), SourceIP: "10.0.0.1", UserAgent: "Chromium"}, g.check(id)
}

func (g *gateway) Delete(_ context.Context, id string) error {
	defer func() { g.closed = true }()
	return g.check(id)
}

func TestConnections(t *testing.T) {
	g := &gateway{id: "aBcd+e="}
	w := newWorld(t, func(o *standin.Options) { o.Connections = g })
	ctx := t.Context()
	if _, err := w.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("other="), Data: []byte("x")}); !isGone(err) {
		t.Errorf("unknown id: error = %v, want *GoneException", err)
	}
	if _, err := w.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &g.id, Data: []byte(`{"a":1}`)}); err != nil || len(g.posted) != 1 || g.posted[0] != `{"a":1}` {
		t.Errorf("post: %v, posted %q", err, g.posted)
	}
	_, err := w.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &g.id, Data: make([]byte, 128<<10+1)})
	var large *apitypes.PayloadTooLargeException
	if !errors.As(err, &large) {
		t.Errorf("large post: error = %v, want *PayloadTooLargeException", err)
	}
	info, err := w.api.GetConnection(ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &g.id})
	if err != nil || info.ConnectedAt.UnixMilli() != 1700000000123 || *info.Identity.SourceIp != "10.0.0.1" {
		t.Errorf("get: %+v, %v", info, err)
	}
	if _, err := w.api.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &g.id}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := w.api.GetConnection(ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &g.id}); !isGone(err) {
		t.Errorf("get after delete: error = %v, want *GoneException", err)
	}
}

func isGone(err error) bool {
	var gone *apitypes.GoneException
	return errors.As(err, &gone)
}

func TestUsageCountsAsAWSBills(t *testing.T) {
	g := &gateway{id: "a="}
	w := newWorld(t, func(o *standin.Options) { o.Connections = g })
	ctx := t.Context()
	big := strings.Repeat("x", 2500)
	w.put(t, obj{"pk": str("a"), "sk": str("b"), "x": str(big)}) // 3 units
	k := obj{"pk": str("a"), "sk": str("b")}
	if _, err := w.ddb.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &w.table, Key: k, UpdateExpression: aws.String("SET gpk = :g, gsk = :g REMOVE x"), ExpressionAttributeValues: obj{":g": str("g")}}); err != nil {
		t.Fatal(err) // 3 units, 1 of the index
	}
	if _, err := w.ddb.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Delete: &types.Delete{TableName: &w.table, Key: k}}}}); err != nil {
		t.Fatal(err) // 2 units, 2 of the index
	}
	_, err := w.ddb.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &w.table, Key: k, ConditionExpression: aws.String("attribute_exists(pk)")})
	if err == nil {
		t.Fatal("the condition held")
	} // 1 unit: refused writes are billed
	w.get(t, k) // half a unit
	w.send(t, "x")
	w.send(t, strings.Repeat("x", 64<<10+1))
	w.receive(t, 2) // two chunks
	w.receive(t, 0) // one empty
	if _, err := w.sns.Publish(ctx, &sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: aws.String(strings.Repeat("☃", 71))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &g.id, Data: make([]byte, 32<<10+1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("gone="), Data: []byte("x")}); !isGone(err) {
		t.Fatal(err)
	}
	w.s.Count("lambda.invocations", 2)
	w.s.Count("lambda.invocations", 1)
	u := w.s.Usage()
	d, q := u.DynamoDB[w.table], u.SQS["q"]
	if d.WriteUnits != 9 || d.IndexWrite["gsi"] != 3 || d.ReadUnits != 0.5 || d.Calls["DeleteItem"] != 1 {
		t.Errorf("dynamodb = %+v", d)
	}
	if q.Requests["SendMessage"] != 3 || q.Requests["ReceiveMessage"] != 3 || q.Empty != 1 || q.Messages != 2 {
		t.Errorf("sqs = %+v", q)
	}
	if u.SNS.Publishes != 1 || u.SNS.SMSParts != 2 || u.Connections.Posts != 2 || u.Connections.Gone != 1 || u.Other["lambda.invocations"] != 3 {
		t.Errorf("sns %+v, connections %+v, other %v", u.SNS, u.Connections, u.Other)
	}
	if code, body := get(t, w.srv.URL+"/_standin/usage"); code != http.StatusOK || !strings.Contains(body, `"writeUnits":9`) {
		t.Errorf("usage over http: %d %s", code, body)
	}
}
