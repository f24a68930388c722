package contract

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (e *env) queueARN(ctx context.Context, name string) (string, error) {
	u, err := e.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return "", err
	}
	out, err := e.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: u.QueueUrl, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	if err != nil {
		return "", err
	}
	return out.Attributes["QueueArn"], nil
}

func (e *env) send(t *testing.T, url, body string) string {
	t.Helper()
	out, err := e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
	if err != nil {
		t.Fatalf("SendMessage: %v", err)
	}
	return *out.MessageId
}

// receive asks once, with a long poll of wait seconds, and hides what it gets for hide seconds.
func (e *env) receive(t *testing.T, url string, wait, hide int32) []types.Message {
	t.Helper()
	out, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait, VisibilityTimeout: hide,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatalf("ReceiveMessage: %v", err)
	}
	return out.Messages
}

// receiveOne wants exactly one message within wait seconds.
func (e *env) receiveOne(t *testing.T, url string, wait, hide int32) types.Message {
	t.Helper()
	got := e.receive(t, url, wait, hide)
	if len(got) != 1 {
		t.Fatalf("received %d messages, want 1", len(got))
	}
	return got[0]
}

func (e *env) remove(t *testing.T, url string, m types.Message) {
	t.Helper()
	if _, err := e.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatalf("DeleteMessage: %v", err)
	}
}

func entry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
}

func (e *env) sendBatch(t *testing.T, url string, entries ...types.SendMessageBatchRequestEntry) (*sqs.SendMessageBatchOutput, error) {
	t.Helper()
	return e.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
}

func sqsCases() []testCase {
	return slices.Concat(messageCases(), visibilityCases(), sendRefusals(), queueCases())
}

func messageCases() []testCase {
	return []testCase{
		{"send, receive, delete", func(t *testing.T, e *env) {
			q := e.fresh(t)
			body := "é ☃ 𝄞 \t\r\n <&> \"x\" {\"a\":1}"
			id := e.send(t, q, body)
			m := e.receiveOne(t, q, 5, 30)
			sum := md5.Sum([]byte(body))
			if *m.Body != body || *m.MessageId != id || *m.MD5OfBody != hex.EncodeToString(sum[:]) {
				t.Errorf("message = %q %q %q", *m.Body, *m.MessageId, *m.MD5OfBody)
			}
			e.remove(t, q, m)
			if got := e.receive(t, q, 1, 30); len(got) != 0 {
				t.Errorf("received %d after the delete", len(got))
			}
		}},
		{"a received message carries its system attributes", func(t *testing.T, e *env) {
			q := e.fresh(t)
			before := time.Now().Add(-time.Second).UnixMilli()
			e.send(t, q, "x")
			m := e.receiveOne(t, q, 5, 30)
			for _, name := range []string{"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} {
				if m.Attributes[name] == "" {
					t.Errorf("attribute %s is missing in %v", name, m.Attributes)
				}
			}
			if m.Attributes["ApproximateReceiveCount"] != "1" || len(m.Attributes["SentTimestamp"]) != 13 || m.Attributes["SentTimestamp"] < itoa(int(before)) {
				t.Errorf("attributes = %v", m.Attributes)
			}
		}},
		{"message attributes come back with their digest", func(t *testing.T, e *env) {
			q := e.fresh(t)
			attrs := map[string]types.MessageAttributeValue{
				"lane": {DataType: aws.String("String"), StringValue: aws.String("urgent")},
				"n":    {DataType: aws.String("Number"), StringValue: aws.String("7")},
				"b":    {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 255}},
			}
			sent := must[*sqs.SendMessageOutput](t)(e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), MessageAttributes: attrs}))
			m := e.receiveOne(t, q, 5, 30)
			if aws.ToString(sent.MD5OfMessageAttributes) == "" || aws.ToString(sent.MD5OfMessageAttributes) != aws.ToString(m.MD5OfMessageAttributes) {
				t.Errorf("digests %v and %v", sent.MD5OfMessageAttributes, m.MD5OfMessageAttributes)
			}
			if *m.MessageAttributes["lane"].StringValue != "urgent" || *m.MessageAttributes["n"].DataType != "Number" || string(m.MessageAttributes["b"].BinaryValue) != "\x00\x01\xff" {
				t.Errorf("attributes = %+v", m.MessageAttributes)
			}
		}},
		{"attributes that are not asked for stay away", func(t *testing.T, e *env) {
			q := e.fresh(t)
			must[*sqs.SendMessageOutput](t)(e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{"lane": {DataType: aws.String("String"), StringValue: aws.String("urgent")}}}))
			out := must[*sqs.ReceiveMessageOutput](t)(e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 5}))
			if len(out.Messages) != 1 || len(out.Messages[0].Attributes) != 0 || len(out.Messages[0].MessageAttributes) != 0 {
				t.Errorf("messages = %+v", out.Messages)
			}
		}},
		{"a batch of ten arrives whole", func(t *testing.T, e *env) {
			q := e.fresh(t)
			var entries []types.SendMessageBatchRequestEntry
			for i := range 10 {
				entries = append(entries, entry("e"+itoa(i), "body "+itoa(i)))
			}
			out := must[*sqs.SendMessageBatchOutput](t)(e.sendBatch(t, q, entries...))
			if len(out.Successful) != 10 || len(out.Failed) != 0 {
				t.Fatalf("answer = %+v", out)
			}
			seen := map[string]bool{}
			for len(seen) < 10 {
				got := e.receive(t, q, 5, 30)
				if len(got) == 0 {
					break
				}
				var del []types.DeleteMessageBatchRequestEntry
				for i, m := range got {
					seen[*m.Body] = true
					del = append(del, types.DeleteMessageBatchRequestEntry{Id: aws.String(itoa(i)), ReceiptHandle: m.ReceiptHandle})
				}
				d := must[*sqs.DeleteMessageBatchOutput](t)(e.sqs.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q, Entries: del}))
				if len(d.Successful) != len(got) || len(d.Failed) != 0 {
					t.Errorf("delete = %+v", d)
				}
			}
			if len(seen) != 10 {
				t.Errorf("saw %d bodies, want 10", len(seen))
			}
		}},
		{"a batch answers 200 with failures entry by entry", func(t *testing.T, e *env) {
			q := e.fresh(t)
			late := entry("late", "x")
			late.DelaySeconds = 901
			out := must[*sqs.SendMessageBatchOutput](t)(e.sendBatch(t, q, entry("good", "good"), late, entry("also", "also good")))
			if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "late" || !out.Failed[0].SenderFault || aws.ToString(out.Failed[0].Code) == "" {
				t.Errorf("successful %+v, failed %+v", out.Successful, out.Failed)
			}
		}},
		{"a message of 1 MiB is taken", func(t *testing.T, e *env) {
			q := e.fresh(t)
			body := strings.Repeat("x", 1<<20)
			e.send(t, q, body)
			if m := e.receiveOne(t, q, 5, 30); *m.Body != body {
				t.Errorf("body has %d bytes", len(*m.Body))
			}
		}},
	}
}

func visibilityCases() []testCase {
	return []testCase{
		{"a received message is hidden, then offered again with a higher count", func(t *testing.T, e *env) {
			q := e.fresh(t)
			e.send(t, q, "x")
			first := e.receiveOne(t, q, 5, 1)
			if got := e.receive(t, q, 0, 1); len(got) != 0 {
				t.Fatalf("received %d while hidden", len(got))
			}
			again := e.receiveOne(t, q, 5, 30)
			if *again.MessageId != *first.MessageId || again.Attributes["ApproximateReceiveCount"] != "2" {
				t.Errorf("again = %s, count %s", *again.MessageId, again.Attributes["ApproximateReceiveCount"])
			}
			if *again.ReceiptHandle == *first.ReceiptHandle {
				t.Error("the receipt handle is the same")
			}
		}},
		{"visibility 0 offers a message again at once", func(t *testing.T, e *env) {
			q := e.fresh(t)
			e.send(t, q, "x")
			m := e.receiveOne(t, q, 5, 30)
			must[*sqs.ChangeMessageVisibilityOutput](t)(e.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0}))
			e.receiveOne(t, q, 5, 30)
		}},
		{"visibility can be extended", func(t *testing.T, e *env) {
			q := e.fresh(t)
			e.send(t, q, "x")
			m := e.receiveOne(t, q, 5, 1)
			must[*sqs.ChangeMessageVisibilityOutput](t)(e.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 30}))
			if got := e.receive(t, q, 2, 30); len(got) != 0 {
				t.Errorf("received %d within the extension", len(got))
			}
		}},
		{"a delayed message comes after its delay", func(t *testing.T, e *env) {
			q := e.fresh(t)
			must[*sqs.SendMessageOutput](t)(e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), DelaySeconds: 1}))
			if got := e.receive(t, q, 0, 30); len(got) != 0 {
				t.Errorf("received %d before the delay", len(got))
			}
			e.receiveOne(t, q, 5, 30)
		}},
		{"a long poll ends when a message comes", func(t *testing.T, e *env) {
			q := e.fresh(t)
			got := make(chan int, 1)
			start := time.Now()
			go func() {
				out, err := e.sqs.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
				if err != nil {
					got <- -1
					return
				}
				got <- len(out.Messages)
			}()
			e.send(t, q, "x")
			if n := <-got; n != 1 {
				t.Errorf("received %d, want 1", n)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("the poll took %v", d)
			}
		}},
		{"a long poll of an empty queue takes its time", func(t *testing.T, e *env) {
			q := e.fresh(t)
			start := time.Now()
			if got := e.receive(t, q, 1, 30); len(got) != 0 {
				t.Errorf("received %d", len(got))
			}
			if d := time.Since(start); d < 900*time.Millisecond {
				t.Errorf("the poll took %v, want 1 s", d)
			}
		}},
		{"a message received too often goes to the dead-letter queue", func(t *testing.T, e *env) {
			id := e.send(t, e.redrive, "poison")
			for range 2 {
				if m := e.receiveOne(t, e.redrive, 5, 1); *m.MessageId != id {
					t.Fatalf("received %s, want %s", *m.MessageId, id)
				}
			}
			if got := e.receive(t, e.redrive, 3, 1); len(got) != 0 {
				t.Errorf("received %d after the second receive", len(got))
			}
			m := e.receiveOne(t, e.dead, 5, 30)
			if *m.MessageId != id || *m.Body != "poison" {
				t.Errorf("dead letter = %s %q, want %s", *m.MessageId, *m.Body, id)
			}
		}},
		{"deleting twice is no error", func(t *testing.T, e *env) {
			q := e.fresh(t)
			e.send(t, q, "x")
			m := e.receiveOne(t, q, 5, 30)
			e.remove(t, q, m)
			e.remove(t, q, m)
		}},
	}
}

func sendRefusals() []testCase {
	refuse := func(name string, in sqs.SendMessageInput, codes ...string) testCase {
		return testCase{"send refuses " + name, func(t *testing.T, e *env) {
			in.QueueUrl = &e.queue
			_, err := e.sqs.SendMessage(t.Context(), &in)
			wantCode(t, err, codes...)
		}}
	}
	batch := func(name, code string, entries ...types.SendMessageBatchRequestEntry) testCase {
		return testCase{"batch refuses " + name, func(t *testing.T, e *env) {
			_, err := e.sendBatch(t, e.queue, entries...)
			wantCode(t, err, code, "AWS.SimpleQueueService."+code)
		}}
	}
	var eleven []types.SendMessageBatchRequestEntry
	for i := range 11 {
		eleven = append(eleven, entry(itoa(i), "x"))
	}
	half := strings.Repeat("x", 600<<10)
	return []testCase{
		refuse("a character XML has no place for", sqs.SendMessageInput{MessageBody: aws.String("a\x01b")}, "InvalidMessageContents"),
		refuse("U+FFFE", sqs.SendMessageInput{MessageBody: aws.String("a\ufffeb")}, "InvalidMessageContents"),
		refuse("an empty body", sqs.SendMessageInput{MessageBody: aws.String("")}, "MissingParameter", "InvalidParameterValue"),
		refuse("more than 1 MiB", sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1<<20+1))}, "InvalidParameterValue"),
		refuse("a delay above 900 s", sqs.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 901}, "InvalidParameterValue"),
		refuse("an attribute without a value", sqs.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("String"), StringValue: aws.String("")}}}, "InvalidParameterValue"),
		batch("eleven entries", "TooManyEntriesInBatchRequest", eleven...),
		batch("no entries", "EmptyBatchRequest", []types.SendMessageBatchRequestEntry{}...),
		batch("one id twice", "BatchEntryIdsNotDistinct", entry("a", "x"), entry("a", "y")),
		batch("an id with other characters", "InvalidBatchEntryId", entry("a b", "x")),
		batch("more than 1 MiB in all", "BatchRequestTooLong", entry("a", half), entry("b", half)),
	}
}

func queueCases() []testCase {
	return []testCase{
		{"an unknown queue is a typed error", func(t *testing.T, e *env) {
			_, err := e.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("no-such-queue")})
			var missing *types.QueueDoesNotExist
			if !errors.As(err, &missing) {
				t.Errorf("GetQueueUrl: error = %v, want *types.QueueDoesNotExist", err)
			}
			url := e.queue + "-nope"
			_, err = e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
			if !errors.As(err, &missing) {
				t.Errorf("SendMessage: error = %v, want *types.QueueDoesNotExist", err)
			}
		}},
		{"a made-up receipt handle is a typed error", func(t *testing.T, e *env) {
			_, err := e.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &e.queue, ReceiptHandle: aws.String("made up")})
			var bad *types.ReceiptHandleIsInvalid
			if !errors.As(err, &bad) {
				t.Errorf("error = %v, want *types.ReceiptHandleIsInvalid", err)
			}
		}},
		{"receive refuses eleven messages", func(t *testing.T, e *env) {
			_, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.queue, MaxNumberOfMessages: 11})
			wantCode(t, err, "InvalidParameterValue", "ReadCountOutOfRange")
		}},
		{"receive refuses a wait above 20 s", func(t *testing.T, e *env) {
			_, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.queue, WaitTimeSeconds: 21})
			wantCode(t, err, "InvalidParameterValue")
		}},
		{"queue attributes count the messages", func(t *testing.T, e *env) {
			q := e.fresh(t)
			e.send(t, q, "hidden")
			e.receiveOne(t, q, 5, 30)
			e.send(t, q, "visible")
			must[*sqs.SendMessageOutput](t)(e.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), DelaySeconds: 60}))
			out := must[*sqs.GetQueueAttributesOutput](t)(e.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q, AttributeNames: []types.QueueAttributeName{"All"}}))
			for name, want := range map[string]string{"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "1", "VisibilityTimeout": "30"} {
				if out.Attributes[name] != want {
					t.Errorf("%s = %q, want %q", name, out.Attributes[name], want)
				}
			}
		}},
	}
}
