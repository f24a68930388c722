// Package contract states, case by case, the behaviour of DynamoDB, SQS and SNS that this product relies on.
//
// Run holds any endpoint to it, through the same SDK that the product uses. The stand-in is held to it in every
// test run; other implementations judge whether the cases themselves are right. A promise of the store or of a
// queue that is not a case here is not a promise.
package contract

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// Services are the names Run takes.
var Services = []string{"dynamodb", "sqs", "sns"}

// Setup makes what the cases work on. Names are fresh in every run.
type Setup interface {
	// Table makes the table of TableSpec under the given name, with a sort key of the given type, "S" or "N".
	Table(ctx context.Context, name, sortType string) error
	// Queue makes a standard queue with a visibility timeout of 30 s. Where deadLetter is not "", that queue of
	// the same setup gets its messages after maxReceives receives.
	Queue(ctx context.Context, name, deadLetter string, maxReceives int) error
}

// The table of the cases: partition key pk (S), sort key sk, three indexes of which each needs gpk (S) and
// gsk (S): "all" projects everything, "keys" only keys, "some" the attribute a beside them. Items expire by the
// attribute expires.
const (
	IndexAll  = "all"
	IndexKeys = "keys-only"
	IndexSome = "some"
)

// env is what a case works with.
type env struct {
	ddb     *dynamodb.Client
	sqs     *sqs.Client
	sns     *sns.Client
	table   string // sort key S
	numbers string // sort key N
	queue   string // URL
	redrive string // URL; a message goes to dead after two receives
	dead    string // URL
	deadARN string
	setup   Setup
}

// A testCase is one behaviour. Its name says what is promised.
type testCase struct {
	name string
	run  func(t *testing.T, e *env)
}

// Run holds endpoint, such as "http://127.0.0.1:8001", to the cases of the named services; none means all.
// setup nil makes tables and queues by the SDK's own CreateTable and CreateQueue.
func Run(t *testing.T, endpoint string, setup Setup, services ...string) {
	if len(services) == 0 {
		services = Services
	}
	e := newEnv(endpoint)
	e.setup = setup
	if setup == nil {
		e.setup = sdkSetup{e}
	}
	prefix := "contract-" + unique()
	all := map[string]struct {
		prepare func(*testing.T, string)
		cases   []testCase
	}{
		"dynamodb": {e.prepareDynamoDB, dynamoCases()},
		"sqs":      {e.prepareSQS, sqsCases()},
		"sns":      {func(*testing.T, string) {}, snsCases()},
	}
	for _, s := range services {
		if !slices.Contains(Services, s) {
			t.Fatalf("service %q, want some of %q", s, Services)
		}
		t.Run(s, func(t *testing.T) {
			all[s].prepare(t, prefix)
			for _, c := range all[s].cases {
				t.Run(c.name, func(t *testing.T) {
					if s == "sqs" {
						t.Parallel() // each has a queue of its own, and several wait for a timeout of the queue's
					}
					c.run(t, e)
				})
			}
		})
	}
}

// closedOnly repeats a call only for a fault of the client itself: the SDK closes its request body as soon as an
// answer begins (smithy-go v1.28.8, transport/http/client.go), and when that is before net/http has looked for
// the body's end, net/http closes the connection under an answer of more than its 4 KiB buffer. A server on the
// same machine is quick enough for that about once in fifty large answers. Every other failure is the case's to see.
type closedOnly struct{ aws.NopRetryer }

func (closedOnly) IsErrorRetryable(err error) bool { return errors.Is(err, net.ErrClosed) }
func (closedOnly) MaxAttempts() int                { return 5 }

func (closedOnly) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

func newEnv(endpoint string) *env {
	cfg := aws.Config{
		Region:       "eu-west-3",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("contract", "contract", ""),
		Retryer:      func() aws.Retryer { return closedOnly{} },
	}
	return &env{ddb: dynamodb.NewFromConfig(cfg), sqs: sqs.NewFromConfig(cfg), sns: sns.NewFromConfig(cfg)}
}

func unique() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func (e *env) prepareDynamoDB(t *testing.T, prefix string) {
	e.table, e.numbers = prefix, prefix+"-numbers"
	for name, typ := range map[string]string{e.table: "S", e.numbers: "N"} {
		if err := e.setup.Table(t.Context(), name, typ); err != nil {
			t.Fatalf("making table %s: %v", name, err)
		}
	}
}

func (e *env) prepareSQS(t *testing.T, prefix string) {
	dead := prefix + "-dead"
	for _, q := range []struct {
		name, dead string
		url        *string
	}{{dead, "", &e.dead}, {prefix, "", &e.queue}, {prefix + "-redrive", dead, &e.redrive}} {
		if err := e.setup.Queue(t.Context(), q.name, q.dead, 2); err != nil {
			t.Fatalf("making queue %s: %v", q.name, err)
		}
		out, err := e.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &q.name})
		if err != nil {
			t.Fatalf("GetQueueUrl(%s): %v", q.name, err)
		}
		*q.url = *out.QueueUrl
	}
}

// fresh returns a queue of its own, for cases that count.
func (e *env) fresh(t *testing.T) string {
	t.Helper()
	name := "contract-" + unique()
	if err := e.setup.Queue(t.Context(), name, "", 0); err != nil {
		t.Fatalf("making queue %s: %v", name, err)
	}
	out, err := e.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatalf("GetQueueUrl(%s): %v", name, err)
	}
	return *out.QueueUrl
}

// sdkSetup makes tables and queues by AWS's own calls.
type sdkSetup struct{ e *env }

// TableSpec is the CreateTable call for the table of the cases.
func TableSpec(name, sortType string) *dynamodb.CreateTableInput {
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange}}
	}
	index := func(name string, p types.ProjectionType, include ...string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{IndexName: &name, KeySchema: key("gpk", "gsk"), Projection: &types.Projection{ProjectionType: p, NonKeyAttributes: include}}
	}
	def := func(name, typ string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeType(typ)}
	}
	return &dynamodb.CreateTableInput{
		TableName: &name, KeySchema: key("pk", "sk"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{def("pk", "S"), def("sk", sortType), def("gpk", "S"), def("gsk", "S")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{index(IndexAll, types.ProjectionTypeAll),
			index(IndexKeys, types.ProjectionTypeKeysOnly), index(IndexSome, types.ProjectionTypeInclude, "a")},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	}
}

func (s sdkSetup) Table(ctx context.Context, name, sortType string) error {
	if _, err := s.e.ddb.CreateTable(ctx, TableSpec(name, sortType)); err != nil {
		return err
	}
	w := dynamodb.NewTableExistsWaiter(s.e.ddb, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 200 * time.Millisecond })
	if err := w.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		return err
	}
	_, err := s.e.ddb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)}})
	return err
}

func (s sdkSetup) Queue(ctx context.Context, name, deadLetter string, maxReceives int) error {
	attrs := map[string]string{"VisibilityTimeout": "30"}
	if deadLetter != "" {
		arn, err := s.e.queueARN(ctx, deadLetter)
		if err != nil {
			return err
		}
		attrs["RedrivePolicy"] = `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":` + itoa(maxReceives) + `}`
	}
	_, err := s.e.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attrs})
	return err
}

// wantCode checks that err is AWS's error of that code. Its words are no promise; -v shows them, to compare.
func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("error = %v, want AWS's %s", err, strings.Join(codes, " or "))
	}
	if !slices.Contains(codes, api.ErrorCode()) {
		t.Fatalf("error = %s: %s, want %s", api.ErrorCode(), api.ErrorMessage(), strings.Join(codes, " or "))
	}
	t.Logf("refused with %s: %s", api.ErrorCode(), api.ErrorMessage())
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
