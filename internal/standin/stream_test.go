package standin_test

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/standin"
)

func records(t *testing.T, w *world, after uint64) []standin.StreamRecord {
	t.Helper()
	list, err := w.s.StreamRecords(t.Context(), w.table, after, 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestStreamShowsWhatChanged(t *testing.T) {
	w := newWorld(t, nil)
	k := obj{"pk": str("a"), "sk": str("b")}
	one := obj{"pk": str("a"), "sk": str("b"), "n": num("1")}
	w.put(t, one)
	w.put(t, one) // changes nothing: no record
	if _, err := w.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &w.table, Key: k, UpdateExpression: aws.String("SET n = :1"), ExpressionAttributeValues: obj{":1": num("1.0")}}); err != nil {
		t.Fatal(err) // nor does this
	}
	if _, err := w.ddb.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &w.table, Key: k, UpdateExpression: aws.String("SET n = :2"), ExpressionAttributeValues: obj{":2": num("2")}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing to delete
		if _, err := w.ddb.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &w.table, Key: k}); err != nil {
			t.Fatal(err)
		}
	}
	const (
		keys = `{"pk":{"S":"a"},"sk":{"S":"b"}}`
		v1   = `{"n":{"N":"1"},"pk":{"S":"a"},"sk":{"S":"b"}}`
		v2   = `{"n":{"N":"2"},"pk":{"S":"a"},"sk":{"S":"b"}}`
	)
	want := []standin.StreamRecord{
		{Seq: 1, EventName: "INSERT", Keys: json.RawMessage(keys), NewImage: json.RawMessage(v1)},
		{Seq: 2, EventName: "MODIFY", Keys: json.RawMessage(keys), NewImage: json.RawMessage(v2), OldImage: json.RawMessage(v1)},
		{Seq: 3, EventName: "REMOVE", Keys: json.RawMessage(keys), OldImage: json.RawMessage(v2)},
	}
	got := records(t, w, 0)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d: %+v", len(got), len(want), got)
	}
	for i, r := range got {
		x := want[i]
		if r.Seq != x.Seq || r.EventName != x.EventName || string(r.Keys) != string(x.Keys) || string(r.NewImage) != string(x.NewImage) || string(r.OldImage) != string(x.OldImage) || r.TTLDelete || r.Size == 0 {
			t.Errorf("record %d = %+v, want %+v", i, r, x)
		}
	}
	if head := w.s.StreamHead(w.table); head != 3 {
		t.Errorf("StreamHead = %d, want 3", head)
	}
}

func TestStreamHasNoRecordOfARefusedWrite(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.ddb.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &w.table, Item: obj{"pk": str("a"), "sk": str("1")}}},
		{Put: &types.Put{TableName: &w.table, Item: obj{"pk": str("a"), "sk": str("2")}, ConditionExpression: aws.String("attribute_exists(pk)")}},
	}})
	if err == nil {
		t.Fatal("the transaction went through")
	}
	if got := records(t, w, 0); len(got) != 0 {
		t.Errorf("records = %+v, want none", got)
	}
}

func TestStreamWaitsForTheNextChange(t *testing.T) {
	w := newWorld(t, nil)
	got := make(chan int, 1)
	go func() {
		list, err := w.s.StreamRecords(context.Background(), w.table, 0, 10, time.Minute)
		if err != nil {
			t.Error(err)
		}
		got <- len(list)
	}()
	w.put(t, obj{"pk": str("a"), "sk": str("b")})
	if n := <-got; n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func TestExpiryDeletesLaterAndSaysSo(t *testing.T) {
	c := newClock()
	w := newWorld(t, func(o *standin.Options) { o.Now = c.now })
	k := obj{"pk": str("a"), "sk": str("b")}
	at := c.now().Add(time.Minute).Unix()
	w.put(t, obj{"pk": str("a"), "sk": str("b"), "expires": num(strconv.FormatInt(at, 10))})
	w.put(t, obj{"pk": str("a"), "sk": str("forever"), "expires": str("never")})
	sweep(t, w)
	if w.get(t, k) == nil {
		t.Fatal("gone before its time")
	}
	c.pass(2 * time.Minute)
	if w.get(t, k) == nil {
		t.Fatal("gone before the sweep: AWS shows expired items until then")
	}
	sweep(t, w)
	if w.get(t, k) != nil {
		t.Fatal("still there after the sweep")
	}
	if w.get(t, obj{"pk": str("a"), "sk": str("forever")}) == nil {
		t.Fatal("an item whose expiry is no number was deleted")
	}
	got := records(t, w, 2)
	if len(got) != 1 || got[0].EventName != "REMOVE" || !got[0].TTLDelete {
		t.Errorf("records = %+v, want one REMOVE by expiry", got)
	}
	c.pass(25 * time.Hour)
	sweep(t, w)
	if got := records(t, w, 0); len(got) != 0 {
		t.Errorf("%d records after a day, want none", len(got))
	}
	w.put(t, k)
	if got := records(t, w, 0); len(got) != 1 || got[0].Seq != 4 {
		t.Errorf("records = %+v, want sequence 4: numbers are never used again", got)
	}
}

func sweep(t *testing.T, w *world) {
	t.Helper()
	if err := w.s.Sweep(); err != nil {
		t.Fatal(err)
	}
}

func TestStreamPositionIsKept(t *testing.T) {
	w := newWorld(t, nil)
	if w.s.HasStreamPosition("m") || w.s.StreamPosition("m") != 0 {
		t.Error("a new mapping has a position")
	}
	w.s.SetStreamPosition("m", 7)
	if !w.s.HasStreamPosition("m") || w.s.StreamPosition("m") != 7 {
		t.Errorf("position = %d, want 7", w.s.StreamPosition("m"))
	}
}
