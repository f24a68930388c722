package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/queue"
)

// A bridge's word that it works is kept, and is no frame of anybody's.
func TestPulseIsKept(t *testing.T) {
	w := newWorld(t)
	at := w.clock.Now().Add(-time.Second)
	body, err := json.Marshal(queue.Envelope{V: queue.EnvelopeVersion, Bridge: "b-7f3a", Frames: []queue.Frame{}, Pulse: at.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // everything arrives at least once
		w.must(events.SQSMessage{MessageId: "pulse", Body: string(body), EventSource: "aws:sqs"})
	}
	all, _, err := w.store.Pulses(t.Context())
	if err != nil || len(all) != 1 || all[0].Bridge != "b-7f3a" || !all[0].At.Equal(at.Truncate(time.Millisecond)) || !all[0].LateAt.IsZero() {
		t.Errorf("Pulses = %+v, %v", all, err)
	}
}
