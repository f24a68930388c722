package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithytime "github.com/aws/smithy-go/time"

	"solewatch/internal/insole"
)

// DB is what the store asks of DynamoDB. *dynamodb.Client is one.
type DB interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// A Store is the table. Its methods may be called at once from many goroutines. Every error wraps one of
//
//	insole.ErrNotFound  no such item, or it has expired
//	insole.ErrConflict  a condition of the write did not hold: somebody else was first
//	insole.ErrAway      the table cannot be reached, or will not serve us; nothing is known about the question asked,
//	                    and a write may or may not have happened
//	insole.ErrInvalid   a stored item cannot be read
//
// or none of them when DynamoDB calls the request malformed, which is a fault in this package.
type Store struct {
	DB    DB
	Table string
	Now   func() time.Time // nil means time.Now; decides what has expired
}

// Patience says how long a call to AWS may take before the service counts as away.
type Patience struct {
	Dial     time.Duration // to open a connection
	Attempt  time.Duration // one attempt, all included
	Attempts int           // of one call
	Backoff  time.Duration // the longest pause between two attempts
}

// Brisk gives up soon enough that an SOS still pages within two seconds when the table is gone: refused connections cost
// two attempts and one short pause, lost packets 2 × 700 ms. Steady waits out a slow minute of AWS.
var (
	Brisk  = Patience{Dial: 400 * time.Millisecond, Attempt: 700 * time.Millisecond, Attempts: 2, Backoff: 50 * time.Millisecond}
	Steady = Patience{Dial: 2 * time.Second, Attempt: 4 * time.Second, Attempts: 4, Backoff: time.Second}
)

// Client is an HTTP client for one SDK client with the dial and attempt times of p.
func (p Patience) Client() *http.Client {
	tr := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = p.Dial }).GetTransport()
	tr.TLSHandshakeTimeout = p.Attempt
	tr.MaxIdleConnsPerHost = 64
	return &http.Client{Transport: tr, Timeout: p.Attempt}
}

// Retryer counts and spaces the attempts of p. The SDK's retry quota is off: in an outage it would turn the second
// attempt of every call into none.
func (p Patience) Retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = p.Attempts
		o.MaxBackoff = p.Backoff
		o.RateLimiter = noQuota{}
	})
}

type noQuota struct{}

func (noQuota) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noQuota) AddTokens(uint) error { return nil }

// New is a Store on the table named table, with the endpoint and credentials of cfg.
func New(cfg aws.Config, table string, p Patience) *Store {
	hc := p.Client()
	db := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.HTTPClient = hc
		o.Retryer = p.Retryer()
	})
	return &Store{DB: db, Table: table}
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// item is one item as DynamoDB holds it. Every item has PK, SK and t; those that end have ttl, in epoch seconds.
type item = map[string]types.AttributeValue

// Helpers for attribute values.
func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func num(v int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(v, 10)}
}
func bin(v []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: v} }
func yes() types.AttributeValue         { return &types.AttributeValueMemberBOOL{Value: true} }

func strOf(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func numOf(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64)
		return n
	}
	return 0
}

func binOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func boolOf(it item, name string) bool {
	v, ok := it[name].(*types.AttributeValueMemberBOOL)
	return ok && v.Value
}

// ms is t in Unix milliseconds, 0 for the zero time; timeOf is its other half, in UTC.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (k key) item() item { return item{"PK": str(k.PK), "SK": str(k.SK)} }

// marshal makes the item of v, a struct with dynamodbav tags, under k. It sets PK, SK and t.
func marshal(k key, t string, v any) (item, error) {
	it, err := attributevalue.MarshalMap(v)
	if err != nil {
		return nil, fmt.Errorf("marshalling a %s: %w", t, err)
	}
	it["PK"], it["SK"], it["t"] = str(k.PK), str(k.SK), str(t)
	return it, nil
}

// unmarshal reads it into dst, a pointer to a struct with dynamodbav tags.
func unmarshal(it item, dst any) error {
	err := attributevalue.UnmarshalMap(it, dst)
	if err != nil {
		return fmt.Errorf("reading item %s %s: %w: %w", strOf(it, "PK"), strOf(it, "SK"), insole.ErrInvalid, err)
	}
	return nil
}

// expired says whether it ended before now. DynamoDB itself deletes expired items within days only.
func expired(it item, now time.Time) bool {
	ttl := numOf(it, "ttl")
	return ttl != 0 && ttl <= now.Unix()
}

// A cond is a condition of a write, or the filter of a query. The zero cond is none.
type cond struct {
	expr   string
	names  map[string]string
	values item
}

var (
	ifAbsent  = cond{expr: "attribute_not_exists(PK)"}
	ifPresent = cond{expr: "attribute_exists(PK)"}
)

// ifVersion holds when the stored item's v is n.
func ifVersion(n int64) cond {
	return cond{expr: "#v = :ifv", names: map[string]string{"#v": "v"}, values: item{":ifv": num(n)}}
}

func (c cond) exprPtr() *string {
	if c.expr == "" {
		return nil
	}
	return &c.expr
}

// merged is both with c's entries; nil when there are none, as DynamoDB refuses an empty map.
func merged[V any](both, c map[string]V) map[string]V {
	if len(both) == 0 && len(c) == 0 {
		return nil
	}
	out := make(map[string]V, len(both)+len(c))
	maps.Copy(out, both)
	maps.Copy(out, c)
	return out
}

// get reads the item under k into it, strongly consistent. ErrNotFound when it is absent or has expired.
func (s *Store) get(ctx context.Context, k key) (item, error) { return s.getItem(ctx, k, true) }

// getStale is get at half the price: it may miss the last second's writes.
func (s *Store) getStale(ctx context.Context, k key) (item, error) { return s.getItem(ctx, k, false) }

func (s *Store) getItem(ctx context.Context, k key, consistent bool) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Table, Key: k.item(), ConsistentRead: &consistent})
	if err != nil {
		return nil, classify("reading", k, err)
	}
	if len(out.Item) == 0 || expired(out.Item, s.now()) {
		return nil, fmt.Errorf("reading %s %s: %w", k.PK, k.SK, insole.ErrNotFound)
	}
	return out.Item, nil
}

// put writes it whole. ErrConflict when c does not hold.
func (s *Store) put(ctx context.Context, it item, c cond) error {
	s.canary(it)
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Table, Item: it,
		ConditionExpression: c.exprPtr(), ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	})
	return classify("writing", key{strOf(it, "PK"), strOf(it, "SK")}, err)
}

// update changes the item under k by an update expression and returns it as it is afterwards. It makes the item when it
// is absent, unless c says otherwise. names and values are those of expr; c brings its own.
func (s *Store) update(ctx context.Context, k key, expr string, names map[string]string, values item, c cond) (item, error) {
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table, Key: k.item(), UpdateExpression: &expr,
		ConditionExpression:       c.exprPtr(),
		ExpressionAttributeNames:  merged(names, c.names),
		ExpressionAttributeValues: merged(values, c.values),
		ReturnValues:              types.ReturnValueAllNew,
	})
	if err != nil {
		return nil, classify("updating", k, err)
	}
	return out.Attributes, nil
}

// remove deletes the item under k and returns what it was. Without a condition an absent item is no error, and the
// item returned is nil.
func (s *Store) remove(ctx context.Context, k key, c cond) (item, error) {
	out, err := s.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Table, Key: k.item(),
		ConditionExpression: c.exprPtr(), ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		return nil, classify("deleting", k, err)
	}
	return out.Attributes, nil
}

// A question is one query: a partition, and either a prefix of the sort key or a range of it, both ends included.
type question struct {
	index    string // "" = the table itself
	pk       string
	prefix   string
	from, to string // used when to is not ""
	stale    bool   // eventually consistent: half the price. An index always is
	newest   bool   // last sort key first
}

// query yields every item of q that has not expired, page after page; the caller may stop at any item. After an error
// it yields nothing more.
func (s *Store) query(ctx context.Context, q question) iter.Seq2[item, error] {
	pk, sk := "PK", "SK"
	if q.index != "" {
		pk, sk = q.index+"PK", q.index+"SK"
	}
	in := &dynamodb.QueryInput{
		TableName:                 &s.Table,
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": pk},
		ExpressionAttributeValues: item{":pk": str(q.pk)},
		ConsistentRead:            aws.Bool(!q.stale && q.index == ""),
		ScanIndexForward:          aws.Bool(!q.newest),
	}
	if q.index != "" {
		in.IndexName = &q.index
	}
	switch {
	case q.to != "":
		in.KeyConditionExpression = aws.String("#pk = :pk AND #sk BETWEEN :from AND :to")
		in.ExpressionAttributeNames["#sk"] = sk
		in.ExpressionAttributeValues[":from"], in.ExpressionAttributeValues[":to"] = str(q.from), str(q.to)
		if q.from == "" { // an empty key string is refused
			in.KeyConditionExpression = aws.String("#pk = :pk AND #sk <= :to")
			delete(in.ExpressionAttributeValues, ":from")
		}
	case q.prefix != "":
		in.KeyConditionExpression = aws.String("#pk = :pk AND begins_with(#sk, :sk)")
		in.ExpressionAttributeNames["#sk"] = sk
		in.ExpressionAttributeValues[":sk"] = str(q.prefix)
	}
	return func(yield func(item, error) bool) {
		now := s.now()
		for {
			out, err := s.DB.Query(ctx, in)
			if err != nil {
				yield(nil, classify("querying", key{q.pk, q.prefix}, err))
				return
			}
			for _, it := range out.Items {
				if expired(it, now) {
					continue
				}
				if !yield(it, nil) {
					return
				}
			}
			if len(out.LastEvaluatedKey) == 0 {
				return
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
}

// Parts of a transaction.
func (s *Store) txPut(it item, c cond) types.TransactWriteItem {
	s.canary(it)
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.Table, Item: it,
		ConditionExpression: c.exprPtr(), ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}
}

func (s *Store) txUpdate(k key, expr string, names map[string]string, values item, c cond) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Table, Key: k.item(), UpdateExpression: &expr,
		ConditionExpression:       c.exprPtr(),
		ExpressionAttributeNames:  merged(names, c.names),
		ExpressionAttributeValues: merged(values, c.values),
	}}
}

func (s *Store) txDelete(k key, c cond) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Table, Key: k.item(),
		ConditionExpression: c.exprPtr(), ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}
}

func (s *Store) txCheck(k key, c cond) types.TransactWriteItem {
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.Table, Key: k.item(),
		ConditionExpression: c.exprPtr(), ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}
}

// transact writes all of parts or none. ErrConflict when a condition does not hold: failedPart says which. Two transactions that meet on
// an item may cancel each other; that says nothing about conditions, and is tried again a few times.
func (s *Store) transact(ctx context.Context, parts ...types.TransactWriteItem) error {
	for try := 1; ; try++ {
		_, err := s.DB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: parts})
		if err == nil {
			return nil
		}
		err = classify("writing together", key{}, err)
		if try == 5 || !errors.Is(err, insole.ErrConflict) || failedPart(err) >= 0 {
			return err
		}
		if smithytime.SleepWithContext(ctx, time.Duration(try)*time.Duration(5+rand.IntN(20))*time.Millisecond) != nil {
			return err
		}
	}
}

// failedPart is the first part of the transaction whose own condition did not hold, or -1.
func failedPart(err error) int {
	var tx *types.TransactionCanceledException
	if !errors.As(err, &tx) {
		return -1
	}
	for i, r := range tx.CancellationReasons {
		if aws.ToString(r.Code) == "ConditionalCheckFailed" {
			return i
		}
	}
	return -1
}

// classify gives err one of the meanings that callers act on. nil stays nil.
func classify(doing string, k key, err error) error {
	if err == nil {
		return nil
	}
	what := doing
	if k.PK != "" {
		what += " " + k.PK + " " + k.SK
	}
	if m := meaning(err); m != nil {
		return fmt.Errorf("%s: %w: %w", what, m, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func meaning(err error) error {
	var (
		condition *types.ConditionalCheckFailedException
		cancelled *types.TransactionCanceledException
		conflict  *types.TransactionConflictException
		api       smithy.APIError
	)
	switch {
	case errors.As(err, &condition), errors.As(err, &conflict):
		return insole.ErrConflict
	case errors.As(err, &cancelled):
		m := insole.ErrAway
		for _, r := range cancelled.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "ConditionalCheckFailed", "TransactionConflict":
				return insole.ErrConflict
			case "ValidationError", "ItemCollectionSizeLimitExceeded":
				m = nil
			}
		}
		return m
	case errors.As(err, &api):
		switch api.ErrorCode() {
		case "ValidationException", "SerializationException":
			return nil // our own request is at fault
		}
	}
	// Everything else says nothing about the item: no connection, time over, throttled, 5xx, and also a missing table
	// or a refused signature, which are faults of ours as much as a cut cable is.
	return insole.ErrAway
}
