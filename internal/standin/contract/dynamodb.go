package contract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type (
	obj = map[string]types.AttributeValue
	av  = types.AttributeValue
)

func itoa(n int) string { return strconv.Itoa(n) }

func str(s string) av       { return &types.AttributeValueMemberS{Value: s} }
func num(s string) av       { return &types.AttributeValueMemberN{Value: s} }
func bin(s string) av       { return &types.AttributeValueMemberB{Value: []byte(s)} }
func boolean(b bool) av     { return &types.AttributeValueMemberBOOL{Value: b} }
func null() av              { return &types.AttributeValueMemberNULL{Value: true} }
func list(v ...av) av       { return &types.AttributeValueMemberL{Value: v} }
func object(m obj) av       { return &types.AttributeValueMemberM{Value: m} }
func strs(v ...string) av   { return &types.AttributeValueMemberSS{Value: v} }
func nums(v ...string) av   { return &types.AttributeValueMemberNS{Value: v} }
func bins(v ...[]byte) av   { return &types.AttributeValueMemberBS{Value: v} }
func key(pk, sk string) obj { return obj{"pk": str(pk), "sk": str(sk)} }

// with adds attributes to a key.
func with(k obj, rest obj) obj {
	out := maps.Clone(k)
	maps.Copy(out, rest)
	return out
}

func (e *env) put(t *testing.T, it obj) {
	t.Helper()
	if _, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: it}); err != nil {
		t.Fatalf("PutItem: %v", err)
	}
}

func (e *env) get(t *testing.T, k obj) obj {
	t.Helper()
	out, err := e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: k, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatalf("GetItem: %v", err)
	}
	return out.Item
}

// sameSets compares attribute values; the members of a set have no order.
var sameSets = cmp.Options{
	cmp.Transformer("set", func(v *types.AttributeValueMemberSS) []string { return slices.Sorted(slices.Values(v.Value)) }),
	cmp.Transformer("numberSet", func(v *types.AttributeValueMemberNS) []string { return slices.Sorted(slices.Values(v.Value)) }),
	cmp.Transformer("binarySet", func(v *types.AttributeValueMemberBS) []string {
		var out []string
		for _, b := range v.Value {
			out = append(out, string(b))
		}
		return slices.Sorted(slices.Values(out))
	}),
	cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{},
		types.AttributeValueMemberBOOL{}, types.AttributeValueMemberNULL{}, types.AttributeValueMemberL{}, types.AttributeValueMemberM{}),
	cmpopts.EquateEmpty(),
}

func wantItem(t *testing.T, what string, got, want obj) {
	t.Helper()
	if d := cmp.Diff(want, got, sameSets); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// update runs an UpdateItem and returns its attributes.
func (e *env) update(t *testing.T, k obj, expr string, vals obj, ret types.ReturnValue) (obj, error) {
	t.Helper()
	out, err := e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k, UpdateExpression: &expr,
		ExpressionAttributeValues: vals, ReturnValues: ret})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// updated runs an UpdateItem that must work, and checks the item afterwards.
func (e *env) updated(t *testing.T, k obj, expr string, vals obj, want obj) {
	t.Helper()
	if _, err := e.update(t, k, expr, vals, ""); err != nil {
		t.Errorf("UpdateItem(%s): %v", expr, err)
		return
	}
	wantItem(t, "after "+expr, e.get(t, k), with(k, want))
}

func (e *env) query(t *testing.T, in *dynamodb.QueryInput) *dynamodb.QueryOutput {
	t.Helper()
	in.TableName = &e.table
	out, err := e.ddb.Query(t.Context(), in)
	if err != nil {
		t.Fatalf("Query: %v", err)
	}
	return out
}

func sortKeys(items []obj) string {
	var out []string
	for _, it := range items {
		switch v := it["sk"].(type) {
		case *types.AttributeValueMemberS:
			out = append(out, v.Value)
		case *types.AttributeValueMemberN:
			out = append(out, v.Value)
		}
	}
	return strings.Join(out, " ")
}

func dynamoCases() []testCase {
	return slices.Concat(itemCases(), conditionCases(), updateCases(), queryCases(), refusalCases(), batchCases(), transactionCases(), capacityCases())
}

func itemCases() []testCase {
	return []testCase{
		{"put and get every type", func(t *testing.T, e *env) {
			it := with(key("types", unique()), obj{"s": str("é ☃ \"\\ <&> \u2028"), "empty": str(""), "n": num("-12.5"), "b": bin("\x00\xff"), "eb": bin(""),
				"t": boolean(true), "f": boolean(false), "z": null(), "l": list(str("a"), num("1"), list()),
				"m": object(obj{"x": object(obj{"y": str("z")}), "": str("empty name")}), "ss": strs("b", "a"), "ns": nums("2", "1"), "bs": bins([]byte("b"), []byte("a"))})
			delete(it["m"].(*types.AttributeValueMemberM).Value, "")
			e.put(t, it)
			wantItem(t, "item", e.get(t, obj{"pk": it["pk"], "sk": it["sk"]}), it)
		}},
		{"get of nothing is no error", func(t *testing.T, e *env) {
			if it := e.get(t, key("nothing", unique())); it != nil {
				t.Errorf("item = %v, want none", it)
			}
		}},
		{"get with projection keeps shape", func(t *testing.T, e *env) {
			k := key("projection", unique())
			e.put(t, with(k, obj{"a": str("1"), "m": object(obj{"x": str("2"), "y": str("3")}), "l": list(str("4"), str("5"), str("6")), "status": str("7")}))
			out := must[*dynamodb.GetItemOutput](t)(e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: k,
				ProjectionExpression: aws.String("m.x, l[0], l[2], #s, absent.deep"), ExpressionAttributeNames: map[string]string{"#s": "status"}}))
			wantItem(t, "projected", out.Item, obj{"m": object(obj{"x": str("2")}), "l": list(str("4"), str("6")), "status": str("7")})
		}},
		{"put replaces the whole item and returns the old", func(t *testing.T, e *env) {
			k := key("replace", unique())
			e.put(t, with(k, obj{"a": str("1")}))
			out := must[*dynamodb.PutItemOutput](t)(e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(k, obj{"b": str("2")}), ReturnValues: types.ReturnValueAllOld}))
			wantItem(t, "old", out.Attributes, with(k, obj{"a": str("1")}))
			wantItem(t, "new", e.get(t, k), with(k, obj{"b": str("2")}))
		}},
		{"delete returns the old item", func(t *testing.T, e *env) {
			k := key("delete", unique())
			e.put(t, with(k, obj{"a": str("1")}))
			out := must[*dynamodb.DeleteItemOutput](t)(e.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &e.table, Key: k, ReturnValues: types.ReturnValueAllOld}))
			wantItem(t, "old", out.Attributes, with(k, obj{"a": str("1")}))
			if it := e.get(t, k); it != nil {
				t.Errorf("item = %v, want none", it)
			}
		}},
		{"delete of nothing is no error", func(t *testing.T, e *env) {
			must[*dynamodb.DeleteItemOutput](t)(e.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &e.table, Key: key("delete", unique())}))
		}},
		{"delete with a condition on nothing fails", func(t *testing.T, e *env) {
			_, err := e.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &e.table, Key: key("delete", unique()), ConditionExpression: aws.String("attribute_exists(pk)")})
			wantCode(t, err, "ConditionalCheckFailedException")
		}},
		{"numbers are normalised and keep 38 digits", func(t *testing.T, e *env) {
			k := key("numbers", unique())
			for in, want := range map[string]string{"007": "7", "1.50": "1.5", "-0": "0", "1e3": "1000", "+5": "5", ".5": "0.5", "12E-1": "1.2",
				"99999999999999999999999999999999999999": "99999999999999999999999999999999999999", "0.1234567890123456789012345678901234567": "0.1234567890123456789012345678901234567"} {
				e.put(t, with(k, obj{"n": num(in)}))
				wantItem(t, in, e.get(t, k), with(k, obj{"n": num(want)}))
			}
		}},
		{"numbers beyond DynamoDB's are refused", func(t *testing.T, e *env) {
			for _, bad := range []string{"999999999999999999999999999999999999999", "1e126", "1e-131", "abc", "", "1_000", "0x10", "Infinity", "NaN"} {
				_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(key("numbers", "bad"), obj{"n": num(bad)})})
				wantCode(t, err, "ValidationException")
			}
		}},
		{"expired items still come back", func(t *testing.T, e *env) {
			k := key("expired", unique())
			e.put(t, with(k, obj{"expires": num("1700000000")}))
			if it := e.get(t, k); it == nil {
				t.Error("the item is gone at once; AWS takes up to days")
			}
		}},
		{"describe names keys and indexes", func(t *testing.T, e *env) {
			out := must[*dynamodb.DescribeTableOutput](t)(e.ddb.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &e.table}))
			if out.Table.TableStatus != types.TableStatusActive || len(out.Table.KeySchema) != 2 || len(out.Table.GlobalSecondaryIndexes) != 3 || out.Table.LatestStreamArn == nil {
				t.Errorf("description = %+v", out.Table)
			}
		}},
		{"concurrent adds all count", func(t *testing.T, e *env) {
			k := key("concurrent", unique())
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if _, err := e.update(t, k, "ADD n :one", obj{":one": num("1")}, ""); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			wantItem(t, "counter", e.get(t, k), with(k, obj{"n": num("50")}))
		}},
		{"one of many conditional puts wins", func(t *testing.T, e *env) {
			k := key("race", unique())
			var mu sync.Mutex
			won := 0
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(k, obj{"n": num(itoa(i))}), ConditionExpression: aws.String("attribute_not_exists(pk)")})
					mu.Lock()
					defer mu.Unlock()
					var lost *types.ConditionalCheckFailedException
					switch {
					case err == nil:
						won++
					case !errors.As(err, &lost):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Errorf("%d puts won, want 1", won)
			}
		}},
	}
}

func conditionCases() []testCase {
	it := obj{"s": str("hello"), "n": num("5"), "t": boolean(true), "z": null(), "l": list(str("a"), num("2")), "m": object(obj{"x": num("1"), "deep": list(object(obj{"y": str("end")}))}),
		"ss": strs("a", "b"), "ns": nums("1", "2"), "b": bin("abc"), "s2": str("hello")}
	vals := obj{":hello": str("hello"), ":hell": str("hell"), ":z": str("z"), ":5": num("5"), ":05": num("5.0"), ":4": num("4"), ":6": num("6"), ":10": num("10"), ":true": boolean(true),
		":null": null(), ":a": str("a"), ":2": num("2"), ":S": str("S"), ":SS": str("SS"), ":x1": object(obj{"x": num("1")}), ":set": strs("b", "a"), ":bin": bin("ab"), ":end": str("end"), ":1": num("1"), ":list": list(str("a"), num("2"))}
	table := []struct {
		expr string
		want bool
	}{
		{"s = :hello", true}, {"s <> :hello", false}, {"s = :5", false}, {"s <> :5", true}, {"n = :05", true},
		{"n < :6 AND n > :4", true}, {"n < :10", true}, {"n <= :5", true}, {"n >= :6", false}, {"s < :z", true}, {"s > :5", false},
		{"n BETWEEN :4 AND :6", true}, {"n BETWEEN :6 AND :10", false}, {"n IN (:4, :5)", true}, {"n IN (:4)", false},
		{"s = s2", true}, {"s < s2", false}, {"absent = :hello", false}, {"absent <> :hello", true}, {"NOT absent = :hello", true}, {"absent < :5", false},
		{"t = :true", true}, {"z = :null", true}, {"ss = :set", true}, {"l = :list", true},
		{"attribute_exists(m.x)", true}, {"attribute_exists(m.q)", false}, {"attribute_not_exists(absent)", true}, {"attribute_not_exists(l[1])", false}, {"attribute_not_exists(l[2])", true},
		{"attribute_type(s, :S)", true}, {"attribute_type(ss, :SS)", true}, {"attribute_type(n, :S)", false}, {"attribute_type(absent, :S)", false},
		{"begins_with(s, :hell)", true}, {"begins_with(s, :z)", false}, {"begins_with(b, :bin)", true}, {"begins_with(n, :hell)", false}, {"begins_with(absent, :hell)", false},
		{"contains(s, :hell)", true}, {"contains(ss, :a)", true}, {"contains(ns, :2)", true}, {"contains(ss, :2)", false}, {"contains(l, :2)", true}, {"contains(l, :z)", false}, {"contains(absent, :a)", false},
		{"size(s) = :5", true}, {"size(ss) = :2", true}, {"size(l) = :2", true}, {"size(m) = :2", true}, {"size(b) < :4", true}, {"size(n) = :1", false}, {"size(absent) = :1", false},
		{"m.deep[0].y = :end", true}, {"l[1] = :2", true},
		{"s = :z OR n = :5 AND t = :true", true}, {"(s = :z OR n = :5) AND n = :6", false}, {"NOT s = :z AND n = :5", true}, {"NOT (s = :hello AND n = :5)", false},
		{"s = :hello or not n = :5", true}, {"NOT NOT n = :5", true},
	}
	cases := []testCase{}
	for _, c := range table {
		cases = append(cases, testCase{"condition " + c.expr, func(t *testing.T, e *env) {
			k := key("conditions", unique())
			e.put(t, with(k, it))
			used := obj{}
			for name, v := range vals {
				for _, word := range strings.FieldsFunc(c.expr, func(r rune) bool { return strings.ContainsRune(" (),", r) }) {
					if word == name {
						used[name] = v
					}
				}
			}
			if len(used) == 0 {
				used = nil
			}
			_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: with(k, it), ConditionExpression: &c.expr, ExpressionAttributeValues: used})
			if c.want && err != nil {
				t.Errorf("%s: %v, want it to hold", c.expr, err)
			}
			if !c.want {
				wantCode(t, err, "ConditionalCheckFailedException")
			}
		}})
	}
	return append(cases, []testCase{
		{"failed condition is a typed error without the item", func(t *testing.T, e *env) {
			k := key("typed", unique())
			e.put(t, with(k, obj{"a": str("1")}))
			_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: k, ConditionExpression: aws.String("attribute_not_exists(pk)")})
			var failed *types.ConditionalCheckFailedException
			if !errors.As(err, &failed) {
				t.Fatalf("error = %v, want *types.ConditionalCheckFailedException", err)
			}
			if failed.Item != nil {
				t.Errorf("item = %v, want none: it was not asked for", failed.Item)
			}
		}},
		{"failed condition gives the item when asked", func(t *testing.T, e *env) {
			k := key("typed", unique())
			e.put(t, with(k, obj{"a": str("1")}))
			for name, call := range map[string]func() error{
				"put": func() error {
					_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: k, ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
					return err
				},
				"update": func() error {
					_, err := e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k, ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
					return err
				},
				"delete": func() error {
					_, err := e.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &e.table, Key: k, ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
					return err
				},
			} {
				var failed *types.ConditionalCheckFailedException
				if err := call(); !errors.As(err, &failed) {
					t.Errorf("%s: error = %v, want *types.ConditionalCheckFailedException", name, err)
					continue
				}
				wantItem(t, name, failed.Item, with(k, obj{"a": str("1")}))
			}
		}},
		{"a failed condition changes nothing", func(t *testing.T, e *env) {
			k := key("unchanged", unique())
			e.put(t, with(k, obj{"a": str("1")}))
			_, err := e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k, UpdateExpression: aws.String("SET a = :x"), ConditionExpression: aws.String("a = :x"), ExpressionAttributeValues: obj{":x": str("2")}})
			wantCode(t, err, "ConditionalCheckFailedException")
			wantItem(t, "item", e.get(t, k), with(k, obj{"a": str("1")}))
		}},
	}...)
}

func updateCases() []testCase {
	change := func(name, expr string, before, vals, after obj) testCase {
		return testCase{"update " + name, func(t *testing.T, e *env) {
			k := key("update", unique())
			if before != nil {
				e.put(t, with(k, before))
			}
			e.updated(t, k, expr, vals, after)
		}}
	}
	refuse := func(name, expr string, before, vals obj) testCase {
		return testCase{"update refuses " + name, func(t *testing.T, e *env) {
			k := key("update", unique())
			e.put(t, with(k, before))
			_, err := e.update(t, k, expr, vals, "")
			wantCode(t, err, "ValidationException")
			wantItem(t, "item", e.get(t, k), with(k, before))
		}}
	}
	return []testCase{
		change("makes the item", "SET a = :a", nil, obj{":a": str("1")}, obj{"a": str("1")}),
		change("sets and replaces", "SET a = :a, b = :b", obj{"a": num("1"), "c": str("kept")}, obj{":a": str("x"), ":b": list()}, obj{"a": str("x"), "b": list(), "c": str("kept")}),
		change("adds and subtracts", "SET n = n + :1, m = :10 - m", obj{"n": num("0.1"), "m": num("3")}, obj{":1": num("0.2"), ":10": num("10")}, obj{"n": num("0.3"), "m": num("7")}),
		change("keeps 38 digits", "SET n = n + :1", obj{"n": num("99999999999999999999999999999999999998")}, obj{":1": num("1")}, obj{"n": num("99999999999999999999999999999999999999")}),
		change("reads operands from before", "SET a = b, b = a", obj{"a": str("1"), "b": str("2")}, nil, obj{"a": str("2"), "b": str("1")}),
		change("if_not_exists keeps", "SET a = if_not_exists(a, :x)", obj{"a": str("1")}, obj{":x": str("2")}, obj{"a": str("1")}),
		change("if_not_exists sets", "SET a = if_not_exists(a, :x)", nil, obj{":x": str("2")}, obj{"a": str("2")}),
		change("counts from nothing", "SET n = if_not_exists(n, :0) + :1", nil, obj{":0": num("0"), ":1": num("1")}, obj{"n": num("1")}),
		change("appends to a list", "SET l = list_append(l, :l)", obj{"l": list(str("a"))}, obj{":l": list(str("b"), str("c"))}, obj{"l": list(str("a"), str("b"), str("c"))}),
		change("appends to a list that may be missing", "SET l = list_append(if_not_exists(l, :e), :l)", nil, obj{":l": list(str("b")), ":e": list()}, obj{"l": list(str("b"))}),
		change("sets nested", "SET m.x.y = :a, l[1].z = :a", obj{"m": object(obj{"x": object(obj{})}), "l": list(str("0"), object(obj{}))}, obj{":a": str("1")},
			obj{"m": object(obj{"x": object(obj{"y": str("1")})}), "l": list(str("0"), object(obj{"z": str("1")}))}),
		change("beyond the end of a list appends", "SET l[9] = :a", obj{"l": list(str("0"))}, obj{":a": str("1")}, obj{"l": list(str("0"), str("1"))}),
		change("removes", "REMOVE a, m.x, absent", obj{"a": str("1"), "m": object(obj{"x": str("1"), "y": str("2")})}, nil, obj{"m": object(obj{"y": str("2")})}),
		change("removes list elements by their old positions", "REMOVE l[0], l[2]", obj{"l": list(str("0"), str("1"), str("2"), str("3"))}, nil, obj{"l": list(str("1"), str("3"))}),
		change("ADD makes a number", "ADD n :1", nil, obj{":1": num("1")}, obj{"n": num("1")}),
		change("ADD to a number", "ADD n :1", obj{"n": num("-3")}, obj{":1": num("1")}, obj{"n": num("-2")}),
		change("ADD to a set", "ADD s :s", obj{"s": strs("a", "b")}, obj{":s": strs("b", "c")}, obj{"s": strs("a", "b", "c")}),
		change("ADD makes a set", "ADD s :s", nil, obj{":s": nums("1", "2")}, obj{"s": nums("1", "2")}),
		change("DELETE from a set", "DELETE s :s", obj{"s": strs("a", "b")}, obj{":s": strs("b", "z")}, obj{"s": strs("a")}),
		change("DELETE of the last member removes the attribute", "DELETE s :s", obj{"s": strs("a")}, obj{":s": strs("a")}, obj{}),
		change("DELETE from nothing", "DELETE s :s", nil, obj{":s": strs("a")}, obj{}),
		change("all sections at once", "set a = :a remove b add n :1 delete s :s", obj{"b": str("b"), "s": strs("x", "y")}, obj{":a": str("a"), ":1": num("1"), ":s": strs("x")}, obj{"a": str("a"), "n": num("1"), "s": strs("y")}),
		refuse("a missing operand", "SET a = b + :1", obj{"x": str("1")}, obj{":1": num("1")}),
		refuse("arithmetic with a string", "SET a = a + :1", obj{"a": str("1")}, obj{":1": num("1")}),
		refuse("a missing parent", "SET m.x = :1", obj{"a": str("1")}, obj{":1": num("1")}),
		refuse("list_append to a string", "SET a = list_append(a, :l)", obj{"a": str("1")}, obj{":l": list()}),
		refuse("ADD to a string", "ADD a :1", obj{"a": str("1")}, obj{":1": num("1")}),
		refuse("ADD of a string", "ADD b :1", obj{"a": str("1")}, obj{":1": str("1")}),
		refuse("DELETE of another type", "DELETE s :s", obj{"s": strs("1")}, obj{":s": nums("1")}),
		refuse("a key attribute", "SET sk = :1", obj{"a": str("1")}, obj{":1": str("1")}),
		refuse("overlapping paths", "SET m.x = :1, m = :1", obj{"m": object(obj{})}, obj{":1": num("1")}),
		refuse("the same path twice", "SET a = :1 REMOVE a", obj{"a": str("1")}, obj{":1": num("1")}),
		refuse("a section twice", "SET a = :1 SET b = :1", obj{"a": str("1")}, obj{":1": num("1")}),
		refuse("a result of more than 38 digits", "SET a = a + :1", obj{"a": num("99999999999999999999999999999999999999")}, obj{":1": num("0.1")}),
		refuse("an index key of another type", "SET gpk = :1", obj{"gsk": str("1")}, obj{":1": num("1")}),
		refuse("an empty index key", "SET gpk = :1", obj{"gsk": str("1")}, obj{":1": str("")}),
		{"update without expression makes the bare item", func(t *testing.T, e *env) {
			k := key("update", unique())
			must[*dynamodb.UpdateItemOutput](t)(e.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &e.table, Key: k}))
			wantItem(t, "item", e.get(t, k), k)
		}},
		{"update return values", func(t *testing.T, e *env) {
			k := key("update", unique())
			for _, c := range []struct {
				ret  types.ReturnValue
				want obj
			}{
				{types.ReturnValueAllOld, with(k, obj{"n": num("1"), "o": str("x"), "r": str("y")})},
				{types.ReturnValueAllNew, with(k, obj{"n": num("2"), "o": str("x"), "fresh": num("9")})},
				{types.ReturnValueUpdatedOld, obj{"n": num("1"), "r": str("y")}},
				{types.ReturnValueUpdatedNew, obj{"n": num("2"), "fresh": num("9")}},
				{types.ReturnValueNone, nil},
			} {
				e.put(t, with(k, obj{"n": num("1"), "o": str("x"), "r": str("y")}))
				got, err := e.update(t, k, "SET n = :2, fresh = :9 REMOVE r", obj{":2": num("2"), ":9": num("9")}, c.ret)
				if err != nil {
					t.Fatal(err)
				}
				wantItem(t, string(c.ret), got, c.want)
			}
		}},
		{"put refuses ALL_NEW", func(t *testing.T, e *env) {
			_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: key("a", "b"), ReturnValues: types.ReturnValueAllNew})
			wantCode(t, err, "ValidationException")
		}},
	}
}

func refusalCases() []testCase {
	put := func(name string, it obj) testCase {
		return testCase{"put refuses " + name, func(t *testing.T, e *env) {
			_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: it})
			wantCode(t, err, "ValidationException")
		}}
	}
	expr := func(name, expr string, ns map[string]string, vals obj) testCase {
		return testCase{"condition refuses " + name, func(t *testing.T, e *env) {
			_, err := e.ddb.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &e.table, Item: key("refused", "x"), ConditionExpression: &expr, ExpressionAttributeNames: ns, ExpressionAttributeValues: vals})
			wantCode(t, err, "ValidationException")
		}}
	}
	one := obj{":v": num("1")}
	return []testCase{
		put("a missing key", obj{"pk": str("a")}),
		put("a key of another type", obj{"pk": str("a"), "sk": num("1")}),
		put("an empty partition key", key("", "a")),
		put("an empty sort key", key("a", "")),
		put("a partition key above 2048 bytes", key(strings.Repeat("a", 2049), "a")),
		put("a sort key above 1024 bytes", key("a", strings.Repeat("a", 1025))),
		put("an empty index key", with(key("a", "b"), obj{"gpk": str(""), "gsk": str("x")})),
		put("an index key of another type", with(key("a", "b"), obj{"gpk": num("1")})),
		put("an empty set", with(key("a", "b"), obj{"ss": strs()})),
		put("a set with duplicates", with(key("a", "b"), obj{"ss": strs("x", "x")})),
		put("a number set with equal numbers", with(key("a", "b"), obj{"ns": nums("1", "1.0")})),
		put("an item above 400 KB", with(key("a", "b"), obj{"x": str(strings.Repeat("a", 400<<10))})),
		expr("an unused name", "attribute_exists(pk)", map[string]string{"#a": "a"}, nil),
		expr("an unused value", "attribute_exists(pk)", nil, one),
		expr("an undefined name", "#a = :v", nil, one),
		expr("an undefined value", "a = :w", nil, nil),
		expr("a reserved word", "status = :v", nil, one),
		expr("bad syntax", "a = = :v", nil, one),
		expr("trailing words", "a = :v b", nil, one),
		expr("an open parenthesis", "(a = :v", nil, one),
		expr("an empty expression", "", nil, nil),
		expr("an unknown function", "is_fine(a, :v)", nil, one),
		expr("a wrong number of operands", "attribute_exists(a, :v)", nil, one),
		expr("an operand compared with itself", "a = a", nil, nil),
		expr("BETWEEN upside down", "a BETWEEN :v AND :w", nil, obj{":v": num("2"), ":w": num("1")}),
		expr("begins_with of a number", "begins_with(a, :v)", nil, one),
		expr("an unknown type name", "attribute_type(a, :v)", nil, obj{":v": str("X")}),
		{"an item of just under 400 KB is taken", func(t *testing.T, e *env) {
			it := with(key("big", "item"), obj{"x": str(strings.Repeat("a", 400<<10-20))})
			e.put(t, it)
			wantItem(t, "item", e.get(t, key("big", "item")), it)
		}},
		{"unknown table", func(t *testing.T, e *env) {
			_, err := e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("no-such-table"), Key: key("a", "b")})
			var missing *types.ResourceNotFoundException
			if !errors.As(err, &missing) {
				t.Errorf("error = %v, want *types.ResourceNotFoundException", err)
			}
		}},
		{"get refuses a key with too many attributes", func(t *testing.T, e *env) {
			_, err := e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: with(key("a", "b"), obj{"c": str("d")})})
			wantCode(t, err, "ValidationException")
		}},
		{"get refuses half a key", func(t *testing.T, e *env) {
			_, err := e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: obj{"pk": str("a")}})
			wantCode(t, err, "ValidationException")
		}},
		{"projection refuses overlapping paths", func(t *testing.T, e *env) {
			_, err := e.ddb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &e.table, Key: key("a", "b"), ProjectionExpression: aws.String("m, m.x")})
			wantCode(t, err, "ValidationException")
		}},
	}
}

func batchCases() []testCase {
	write := func(t *testing.T, e *env, reqs ...types.WriteRequest) (*dynamodb.BatchWriteItemOutput, error) {
		return e.ddb.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{e.table: reqs}})
	}
	put := func(it obj) types.WriteRequest { return types.WriteRequest{PutRequest: &types.PutRequest{Item: it}} }
	return []testCase{
		{"batch write puts and deletes", func(t *testing.T, e *env) {
			pk := unique()
			e.put(t, key(pk, "gone"))
			reqs := []types.WriteRequest{{DeleteRequest: &types.DeleteRequest{Key: key(pk, "gone")}}}
			for i := range 24 {
				reqs = append(reqs, put(key(pk, fmt.Sprintf("%02d", i))))
			}
			out := must[*dynamodb.BatchWriteItemOutput](t)(write(t, e, reqs...))
			if len(out.UnprocessedItems) != 0 {
				t.Errorf("unprocessed = %v", out.UnprocessedItems)
			}
			got := e.query(t, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: obj{":p": str(pk)}})
			if got.Count != 24 {
				t.Errorf("%d items, want 24", got.Count)
			}
		}},
		{"batch write refuses 26", func(t *testing.T, e *env) {
			var reqs []types.WriteRequest
			for i := range 26 {
				reqs = append(reqs, put(key("batch26", itoa(i))))
			}
			_, err := write(t, e, reqs...)
			wantCode(t, err, "ValidationException")
		}},
		{"batch write refuses one key twice", func(t *testing.T, e *env) {
			_, err := write(t, e, put(key("twice", "a")), types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key("twice", "a")}})
			wantCode(t, err, "ValidationException")
		}},
		{"batch write with one bad item writes nothing", func(t *testing.T, e *env) {
			pk := unique()
			_, err := write(t, e, put(key(pk, "good")), put(key(pk, "")))
			wantCode(t, err, "ValidationException")
			if it := e.get(t, key(pk, "good")); it != nil {
				t.Errorf("item = %v, want none", it)
			}
		}},
		{"batch get finds what is there", func(t *testing.T, e *env) {
			pk := unique()
			e.put(t, with(key(pk, "a"), obj{"x": str("1"), "y": str("2")}))
			out := must[*dynamodb.BatchGetItemOutput](t)(e.ddb.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				e.table: {Keys: []obj{key(pk, "a"), key(pk, "b")}, ProjectionExpression: aws.String("x"), ConsistentRead: aws.Bool(true)}}}))
			if len(out.Responses[e.table]) != 1 || len(out.UnprocessedKeys) != 0 {
				t.Fatalf("answer = %+v", out)
			}
			wantItem(t, "item", out.Responses[e.table][0], obj{"x": str("1")})
		}},
		{"batch get refuses one key twice", func(t *testing.T, e *env) {
			_, err := e.ddb.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{e.table: {Keys: []obj{key("a", "a"), key("a", "a")}}}})
			wantCode(t, err, "ValidationException")
		}},
		{"batch get refuses 101", func(t *testing.T, e *env) {
			var keys []obj
			for i := range 101 {
				keys = append(keys, key("a", itoa(i)))
			}
			_, err := e.ddb.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{e.table: {Keys: keys}}})
			wantCode(t, err, "ValidationException")
		}},
	}
}
