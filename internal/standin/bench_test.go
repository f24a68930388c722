package standin_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// The client's own work, some 250 µs of CPU a call, is in these figures.

func BenchmarkPutItem(b *testing.B) {
	w := newWorld(b, nil)
	body := strings.Repeat("x", 150)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := w.ddb.PutItem(b.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: obj{"pk": str(newID()), "sk": str("INSOLE"), "body": str(body), "n": num("12")}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSendMessageBatch(b *testing.B) {
	w := newWorld(b, nil)
	body := strings.Repeat("x", 2000)
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var entries []sqstypes.SendMessageBatchRequestEntry
			for i := range 10 {
				id := string(rune('a' + i))
				entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body})
			}
			if _, err := w.sqs.SendMessageBatch(b.Context(), &sqs.SendMessageBatchInput{QueueUrl: w.queueURL(), Entries: entries}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReceiveAndDelete(b *testing.B) {
	w := newWorld(b, nil)
	for range b.N {
		if err := w.s.SendInternal("q", "x"); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for got := 0; got < b.N; {
		list, err := w.s.Receive(b.Context(), "q", 10, 0)
		if err != nil {
			b.Fatal(err)
		}
		var handles []string
		for _, m := range list {
			handles = append(handles, m.ReceiptHandle)
		}
		w.s.DeleteBatch("q", handles)
		got += len(list)
	}
}
