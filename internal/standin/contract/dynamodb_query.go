package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// fill puts items with the given sort keys and n counting from 0.
func (e *env) fill(t *testing.T, pk string, sks ...string) {
	t.Helper()
	for i, sk := range sks {
		e.put(t, with(key(pk, sk), obj{"n": num(itoa(i))}))
	}
}

func queryCases() []testCase {
	ranges := func(name, cond string, vals obj, want string) testCase {
		return testCase{"query " + name, func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "b", "a", "ab", "c", "B", "a\x00", "é")
			e.fill(t, pk+"0", "a")
			v := with(vals, obj{":p": str(pk)})
			got := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p" + cond), ExpressionAttributeValues: v})
			if s := sortKeys(got.Items); s != want {
				t.Errorf("keys = %q, want %q", s, want)
			}
			back := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p" + cond), ExpressionAttributeValues: v, ScanIndexForward: aws.Bool(false)})
			words := strings.Split(want, " ")
			for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
				words[i], words[j] = words[j], words[i]
			}
			if s := sortKeys(back.Items); s != strings.Join(words, " ") {
				t.Errorf("backward keys = %q, want %q", s, strings.Join(words, " "))
			}
		}}
	}
	refuse := func(name string, in dynamodb.QueryInput) testCase {
		return testCase{"query refuses " + name, func(t *testing.T, e *env) {
			in.TableName = &e.table
			_, err := e.ddb.Query(t.Context(), &in)
			wantCode(t, err, "ValidationException")
		}}
	}
	p := obj{":p": str("x"), ":s": str("y")}
	return []testCase{
		ranges("gives a partition in byte order", "", obj{}, "B a a\x00 ab b c é"),
		ranges("sort key =", " AND sk = :s", obj{":s": str("a")}, "a"),
		ranges("sort key <", " AND sk < :s", obj{":s": str("ab")}, "B a a\x00"),
		ranges("sort key <=", " AND sk <= :s", obj{":s": str("ab")}, "B a a\x00 ab"),
		ranges("sort key >", " AND sk > :s", obj{":s": str("ab")}, "b c é"),
		ranges("sort key >=", " AND sk >= :s", obj{":s": str("ab")}, "ab b c é"),
		ranges("sort key BETWEEN", " AND sk BETWEEN :s AND :t", obj{":s": str("a"), ":t": str("b")}, "a a\x00 ab b"),
		ranges("sort key begins_with", " AND begins_with(sk, :s)", obj{":s": str("a")}, "a a\x00 ab"),
		{"query accepts the sort key first", func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "a", "b")
			got := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("sk >= :s AND #p = :p"), ExpressionAttributeNames: map[string]string{"#p": "pk"}, ExpressionAttributeValues: obj{":p": str(pk), ":s": str("b")}})
			if s := sortKeys(got.Items); s != "b" {
				t.Errorf("keys = %q, want b", s)
			}
		}},
		{"query orders numbers as numbers", func(t *testing.T, e *env) {
			pk := unique()
			for _, n := range []string{"10", "9", "-1", "0", "2.5", "-10", "1e10", "0.001"} {
				must[*dynamodb.PutItemOutput](t)(e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.numbers, Item: obj{"pk": str(pk), "sk": num(n)}}))
			}
			got := must[*dynamodb.QueryOutput](t)(e.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &e.numbers, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}}))
			if s := sortKeys(got.Items); s != "-10 -1 0 0.001 2.5 9 10 10000000000" {
				t.Errorf("keys = %q", s)
			}
			got = must[*dynamodb.QueryOutput](t)(e.ddb.Query(t.Context(), &dynamodb.QueryInput{TableName: &e.numbers, KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :a AND :b"), ExpressionAttributeValues: obj{":p": str(pk), ":a": num("-1.5"), ":b": num("9.0")}}))
			if s := sortKeys(got.Items); s != "-1 0 0.001 2.5 9" {
				t.Errorf("keys = %q", s)
			}
		}},
		{"query pages by limit and key", func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "a", "b", "c", "d", "e")
			for _, forward := range []bool{true, false} {
				var all []obj
				var start obj
				pages := 0
				for {
					out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}, Limit: aws.Int32(2), ExclusiveStartKey: start, ScanIndexForward: &forward})
					all = append(all, out.Items...)
					pages++
					if start = out.LastEvaluatedKey; start == nil {
						break
					}
				}
				want := "a b c d e"
				if !forward {
					want = "e d c b a"
				}
				if s := sortKeys(all); s != want || pages != 3 {
					t.Errorf("forward %v: keys = %q in %d pages", forward, s, pages)
				}
			}
		}},
		{"query limit may end with a key and nothing behind it", func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "a", "b")
			in := &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}, Limit: aws.Int32(2)}
			out := e.query(t, in)
			wantItem(t, "last key", out.LastEvaluatedKey, key(pk, "b"))
			in.ExclusiveStartKey = out.LastEvaluatedKey
			if out = e.query(t, in); out.Count != 0 || out.LastEvaluatedKey != nil {
				t.Errorf("behind it: %d items, key %v", out.Count, out.LastEvaluatedKey)
			}
		}},
		{"query filters after the limit", func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "a", "b", "c", "d")
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("n >= :n"), ExpressionAttributeValues: obj{":p": str(pk), ":n": num("2")}, Limit: aws.Int32(3)})
			if s := sortKeys(out.Items); s != "c" || out.Count != 1 || out.ScannedCount != 3 {
				t.Errorf("keys = %q, count %d of %d, want c, 1 of 3", s, out.Count, out.ScannedCount)
			}
		}},
		{"query ends a page after 1 MB", func(t *testing.T, e *env) {
			pk := unique()
			for i := range 5 {
				e.put(t, with(key(pk, itoa(i)), obj{"x": str(strings.Repeat("x", 300_000))}))
			}
			in := &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("attribute_not_exists(x)"), ExpressionAttributeValues: obj{":p": str(pk)}}
			out := e.query(t, in)
			if out.Count != 0 || out.ScannedCount < 3 || out.ScannedCount > 4 || out.LastEvaluatedKey == nil {
				t.Errorf("count %d of %d, key %v; want 0 of 3 or 4 with a key", out.Count, out.ScannedCount, out.LastEvaluatedKey)
			}
			scanned := out.ScannedCount
			in.ExclusiveStartKey = out.LastEvaluatedKey
			if out = e.query(t, in); scanned+out.ScannedCount != 5 || out.LastEvaluatedKey != nil {
				t.Errorf("second page: %d, key %v", out.ScannedCount, out.LastEvaluatedKey)
			}
		}},
		{"query counts without items", func(t *testing.T, e *env) {
			pk := unique()
			e.fill(t, pk, "a", "b")
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}, Select: types.SelectCount})
			if out.Count != 2 || len(out.Items) != 0 {
				t.Errorf("count %d, %d items; want 2, 0", out.Count, len(out.Items))
			}
		}},
		{"query projects", func(t *testing.T, e *env) {
			pk := unique()
			e.put(t, with(key(pk, "a"), obj{"m": object(obj{"x": num("1"), "y": num("2")})}))
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}, ProjectionExpression: aws.String("sk, m.x")})
			wantItem(t, "item", out.Items[0], obj{"sk": str("a"), "m": object(obj{"x": num("1")})})
		}},
		{"query of an empty partition", func(t *testing.T, e *env) {
			out := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(unique())}})
			if out.Count != 0 || out.LastEvaluatedKey != nil {
				t.Errorf("answer = %+v", out)
			}
		}},
		{"index holds only items with both its keys", func(t *testing.T, e *env) {
			g := unique()
			e.put(t, with(key(g, "both"), obj{"gpk": str(g), "gsk": str("1")}))
			e.put(t, with(key(g, "half"), obj{"gpk": str(g)}))
			e.put(t, key(g, "none"))
			if s := sortKeys(e.index(t, IndexAll, g).Items); s != "both" {
				t.Errorf("keys = %q, want both", s)
			}
		}},
		{"index follows its item", func(t *testing.T, e *env) {
			g := unique()
			k := key(g, "a")
			e.put(t, with(k, obj{"gpk": str(g), "gsk": str("1"), "a": str("x")}))
			if _, err := e.update(t, k, "SET gsk = :2, a = :y", obj{":2": str("2"), ":y": str("y")}, ""); err != nil {
				t.Fatal(err)
			}
			out := e.index(t, IndexAll, g)
			if out.Count != 1 {
				t.Fatalf("%d items, want 1", out.Count)
			}
			wantItem(t, "moved", out.Items[0], with(k, obj{"gpk": str(g), "gsk": str("2"), "a": str("y")}))
			if _, err := e.update(t, k, "REMOVE gpk", nil, ""); err != nil {
				t.Fatal(err)
			}
			if out = e.index(t, IndexAll, g); out.Count != 0 {
				t.Errorf("%d items after the key is gone, want 0", out.Count)
			}
			e.put(t, with(k, obj{"gpk": str(g), "gsk": str("1")}))
			must[*dynamodb.DeleteItemOutput](t)(e.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &e.table, Key: k}))
			if out = e.index(t, IndexAll, g); out.Count != 0 {
				t.Errorf("%d items after the item is gone, want 0", out.Count)
			}
		}},
		{"index projects keys only, or some", func(t *testing.T, e *env) {
			g := unique()
			base := with(key(g, "a"), obj{"gpk": str(g), "gsk": str("1")})
			e.put(t, with(base, obj{"a": str("x"), "b": str("y")}))
			wantItem(t, "keys only", e.index(t, IndexKeys, g).Items[0], base)
			wantItem(t, "some", e.index(t, IndexSome, g).Items[0], with(base, obj{"a": str("x")}))
		}},
		{"index pages through equal keys", func(t *testing.T, e *env) {
			g := unique()
			for i := range 5 {
				e.put(t, with(key(g+itoa(i), "a"), obj{"gpk": str(g), "gsk": str("same"), "n": num(itoa(i))}))
			}
			seen := map[string]bool{}
			var start obj
			for page := range 6 {
				out := e.query(t, &dynamodb.QueryInput{IndexName: aws.String(IndexAll), KeyConditionExpression: aws.String("gpk = :g"), ExpressionAttributeValues: obj{":g": str(g)}, Limit: aws.Int32(1), ExclusiveStartKey: start})
				for _, it := range out.Items {
					seen[it["n"].(*types.AttributeValueMemberN).Value] = true
				}
				if start = out.LastEvaluatedKey; start == nil {
					break
				}
				if len(start) != 4 {
					t.Fatalf("page %d: last key %v, want pk, sk, gpk, gsk", page, start)
				}
			}
			if len(seen) != 5 {
				t.Errorf("saw %d items, want 5", len(seen))
			}
		}},
		{"index ranges and reverse", func(t *testing.T, e *env) {
			g := unique()
			for i := range 5 {
				e.put(t, with(key(g, itoa(i)), obj{"gpk": str(g), "gsk": str(fmt.Sprintf("t%d", i))}))
			}
			out := e.query(t, &dynamodb.QueryInput{IndexName: aws.String(IndexAll), KeyConditionExpression: aws.String("gpk = :g AND gsk < :t"), ExpressionAttributeValues: obj{":g": str(g), ":t": str("t3")}, ScanIndexForward: aws.Bool(false)})
			if s := sortKeys(out.Items); s != "2 1 0" {
				t.Errorf("keys = %q, want 2 1 0", s)
			}
		}},
		refuse("a consistent read of an index", dynamodb.QueryInput{IndexName: aws.String(IndexAll), ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("gpk = :p"), ExpressionAttributeValues: obj{":p": str("x")}}),
		refuse("an unknown index", dynamodb.QueryInput{IndexName: aws.String("nope"), KeyConditionExpression: aws.String("gpk = :p"), ExpressionAttributeValues: obj{":p": str("x")}}),
		refuse("a missing partition key", dynamodb.QueryInput{KeyConditionExpression: aws.String("sk = :s"), ExpressionAttributeValues: obj{":s": str("x")}}),
		refuse("a partition key with <", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk < :s"), ExpressionAttributeValues: obj{":s": str("x")}}),
		refuse("OR in the key condition", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p OR sk = :s"), ExpressionAttributeValues: p}),
		refuse("<> in the key condition", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p AND sk <> :s"), ExpressionAttributeValues: p}),
		refuse("another attribute in the key condition", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p AND n = :s"), ExpressionAttributeValues: p}),
		refuse("a key value of another type", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": num("1")}}),
		refuse("an empty key value", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("")}}),
		refuse("a filter on the key", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("sk = :s"), ExpressionAttributeValues: p}),
		refuse("a limit of 0", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("x")}, Limit: aws.Int32(0)}),
		refuse("an incomplete start key", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("x")}, ExclusiveStartKey: obj{"pk": str("x")}}),
		refuse("a start key of another partition", dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str("x")}, ExclusiveStartKey: key("y", "a")}),
		refuse("a projection the index does not hold", dynamodb.QueryInput{IndexName: aws.String(IndexKeys), KeyConditionExpression: aws.String("gpk = :p"), ExpressionAttributeValues: obj{":p": str("x")}, ProjectionExpression: aws.String("b")}),
		refuse("ALL_ATTRIBUTES of a small index", dynamodb.QueryInput{IndexName: aws.String(IndexKeys), KeyConditionExpression: aws.String("gpk = :p"), ExpressionAttributeValues: obj{":p": str("x")}, Select: types.SelectAllAttributes}),
	}
}

// index queries one partition of an index.
func (e *env) index(t *testing.T, name, gpk string) *dynamodb.QueryOutput {
	t.Helper()
	return e.query(t, &dynamodb.QueryInput{IndexName: &name, KeyConditionExpression: aws.String("gpk = :g"), ExpressionAttributeValues: obj{":g": str(gpk)}})
}
