package contract

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func (e *env) transact(t *testing.T, items ...types.TransactWriteItem) error {
	t.Helper()
	_, err := e.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

func (e *env) putIn(it obj, cond string) types.TransactWriteItem {
	p := &types.Put{TableName: &e.table, Item: it}
	if cond != "" {
		p.ConditionExpression = &cond
		p.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return types.TransactWriteItem{Put: p}
}

func transactionCases() []testCase {
	return []testCase{
		{"transaction does all four kinds", func(t *testing.T, e *env) {
			pk := unique()
			e.put(t, with(key(pk, "updated"), obj{"n": num("1")}))
			e.put(t, key(pk, "deleted"))
			e.put(t, key(pk, "checked"))
			err := e.transact(t, e.putIn(key(pk, "put"), "attribute_not_exists(pk)"),
				types.TransactWriteItem{Update: &types.Update{TableName: &e.table, Key: key(pk, "updated"), UpdateExpression: aws.String("SET n = n + :1"), ExpressionAttributeValues: obj{":1": num("1")}}},
				types.TransactWriteItem{Delete: &types.Delete{TableName: &e.table, Key: key(pk, "deleted")}},
				types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &e.table, Key: key(pk, "checked"), ConditionExpression: aws.String("attribute_exists(pk)")}})
			if err != nil {
				t.Fatal(err)
			}
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}})
			if s := sortKeys(out.Items); s != "checked put updated" {
				t.Errorf("keys = %q", s)
			}
			wantItem(t, "updated", e.get(t, key(pk, "updated")), with(key(pk, "updated"), obj{"n": num("2")}))
		}},
		{"transaction does nothing when one condition fails, with reasons in order", func(t *testing.T, e *env) {
			pk := unique()
			there := with(key(pk, "there"), obj{"a": str("1")})
			e.put(t, there)
			err := e.transact(t, e.putIn(key(pk, "one"), ""), e.putIn(key(pk, "there"), "attribute_not_exists(pk)"), e.putIn(key(pk, "two"), ""))
			var cancelled *types.TransactionCanceledException
			if !errors.As(err, &cancelled) {
				t.Fatalf("error = %v, want *types.TransactionCanceledException", err)
			}
			var codes []string
			for _, r := range cancelled.CancellationReasons {
				codes = append(codes, aws.ToString(r.Code))
			}
			if s := strings.Join(codes, " "); s != "None ConditionalCheckFailed None" {
				t.Fatalf("reasons = %q", s)
			}
			wantItem(t, "item of the reason", cancelled.CancellationReasons[1].Item, there)
			if it := e.get(t, key(pk, "one")); it != nil {
				t.Errorf("item = %v, want none", it)
			}
		}},
		{"transaction with a bad operand is cancelled", func(t *testing.T, e *env) {
			pk := unique()
			e.put(t, with(key(pk, "s"), obj{"a": str("1")}))
			err := e.transact(t, e.putIn(key(pk, "one"), ""), types.TransactWriteItem{Update: &types.Update{TableName: &e.table, Key: key(pk, "s"), UpdateExpression: aws.String("SET a = a + :1"), ExpressionAttributeValues: obj{":1": num("1")}}})
			wantCode(t, err, "TransactionCanceledException", "ValidationException")
			if it := e.get(t, key(pk, "one")); it != nil {
				t.Errorf("item = %v, want none", it)
			}
		}},
		{"transaction refuses one item twice", func(t *testing.T, e *env) {
			k := key(unique(), "a")
			wantCode(t, e.transact(t, e.putIn(k, ""), types.TransactWriteItem{Delete: &types.Delete{TableName: &e.table, Key: k}}), "ValidationException")
		}},
		{"transaction refuses 101 items", func(t *testing.T, e *env) {
			var items []types.TransactWriteItem
			for i := range 101 {
				items = append(items, e.putIn(key("many", itoa(i)), ""))
			}
			wantCode(t, e.transact(t, items...), "ValidationException")
		}},
		{"transaction of 100 items", func(t *testing.T, e *env) {
			var items []types.TransactWriteItem
			pk := unique()
			for i := range 100 {
				items = append(items, e.putIn(key(pk, itoa(i)), ""))
			}
			if err := e.transact(t, items...); err != nil {
				t.Fatal(err)
			}
			if out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}}); out.Count != 100 {
				t.Errorf("%d items, want 100", out.Count)
			}
		}},
		{"transaction repeated with its token has no second effect", func(t *testing.T, e *env) {
			k := key(unique(), "a")
			in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(unique()), TransactItems: []types.TransactWriteItem{
				{Update: &types.Update{TableName: &e.table, Key: k, UpdateExpression: aws.String("ADD n :1, o :2, p :3"), ExpressionAttributeValues: obj{":1": num("1"), ":2": num("2"), ":3": num("3")}}}}}
			for range 5 { // each is written anew by the SDK, with the members of its maps in another order
				must[*dynamodb.TransactWriteItemsOutput](t)(e.ddb.TransactWriteItems(t.Context(), in))
			}
			wantItem(t, "item", e.get(t, k), with(k, obj{"n": num("1"), "o": num("2"), "p": num("3")}))
		}},
		{"transaction token with another request is refused", func(t *testing.T, e *env) {
			token := aws.String(unique())
			must[*dynamodb.TransactWriteItemsOutput](t)(e.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{ClientRequestToken: token, TransactItems: []types.TransactWriteItem{e.putIn(key(unique(), "a"), "")}}))
			_, err := e.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{ClientRequestToken: token, TransactItems: []types.TransactWriteItem{e.putIn(key(unique(), "b"), "")}})
			var mismatch *types.IdempotentParameterMismatchException
			if !errors.As(err, &mismatch) {
				t.Errorf("error = %v, want *types.IdempotentParameterMismatchException", err)
			}
		}},
	}
}

func capacityCases() []testCase {
	kb := func(n int) av { return str(strings.Repeat("x", n*1024)) }
	return []testCase{
		{"capacity of a put is 1 per KB, and 1 for each index that changes", func(t *testing.T, e *env) {
			k := key(unique(), "a")
			out := must[*dynamodb.PutItemOutput](t)(e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(k, obj{"x": kb(1)}), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}))
			wantUnits(t, "1.1 KB", out.ConsumedCapacity, 2)
			out = must[*dynamodb.PutItemOutput](t)(e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(key(unique(), "a"), obj{"gpk": str("g"), "gsk": str("s")}), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes}))
			wantUnits(t, "with three indexes", out.ConsumedCapacity, 4)
		}},
		{"capacity of an update is that of the whole item", func(t *testing.T, e *env) {
			k := key(unique(), "a")
			e.put(t, with(k, obj{"x": kb(3)}))
			out := must[*dynamodb.UpdateItemOutput](t)(e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k, UpdateExpression: aws.String("SET y = :y"), ExpressionAttributeValues: obj{":y": num("1")}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}))
			wantUnits(t, "3.1 KB", out.ConsumedCapacity, 4)
			out = must[*dynamodb.UpdateItemOutput](t)(e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k, UpdateExpression: aws.String("REMOVE x"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}))
			wantUnits(t, "from 3.1 KB to little", out.ConsumedCapacity, 4)
		}},
		{"capacity of a transaction is double, its indexes too", func(t *testing.T, e *env) {
			out := must[*dynamodb.TransactWriteItemsOutput](t)(e.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{e.putIn(key(unique(), "a"), "")}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}))
			if len(out.ConsumedCapacity) != 1 {
				t.Fatalf("capacity = %+v", out.ConsumedCapacity)
			}
			wantUnits(t, "one small put", &out.ConsumedCapacity[0], 2)
			out = must[*dynamodb.TransactWriteItemsOutput](t)(e.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{e.putIn(with(key(unique(), "a"), obj{"gpk": str("g"), "gsk": str("s")}), "")}, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes}))
			wantUnits(t, "one small put with three indexes", &out.ConsumedCapacity[0], 8)
		}},
		{"capacity of a get is 1 per 4 KB, half when eventual", func(t *testing.T, e *env) {
			k := key(unique(), "a")
			e.put(t, with(k, obj{"x": kb(4)}))
			for consistent, want := range map[bool]float64{true: 2, false: 1} {
				out := must[*dynamodb.GetItemOutput](t)(e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: k, ConsistentRead: &consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}))
				wantUnits(t, "4.1 KB", out.ConsumedCapacity, want)
			}
		}},
		{"capacity of a query counts all that was read", func(t *testing.T, e *env) {
			pk := unique()
			for i := range 10 {
				e.put(t, with(key(pk, itoa(i)), obj{"x": kb(1)}))
			}
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("attribute_not_exists(x)"), ExpressionAttributeValues: obj{":p": str(pk)}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
			wantUnits(t, "10.3 KB", out.ConsumedCapacity, 1.5)
		}},
	}
}

func wantUnits(t *testing.T, what string, got *types.ConsumedCapacity, want float64) {
	t.Helper()
	if got == nil || got.CapacityUnits == nil || *got.CapacityUnits != want {
		t.Errorf("%s: capacity = %+v, want %v units", what, got, want)
	}
}
