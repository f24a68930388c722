package ingest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
)

var update = flag.Bool("update", false, "rewrite events/ingest-*.json and testdata")

// outcome is what one event leaves behind.
type outcome struct {
	Failed     []string // messages the queue is to offer again
	Alarms     []string // kind, state, step, reference
	Seq        uint32   // newest of Marie's insole
	Ring       int      // her reports not in history yet
	Quarantine int
	Notices    []string // after the steps: kind and reader
}

// Every events/ingest-*.json goes through the handler as the function gets it, and then the steps it asked for; what is left behind is in
// testdata.
func TestEvents(t *testing.T) {
	if *update {
		writeEvents(t)
	}
	files, err := filepath.Glob("../../events/ingest-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d events found, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w := newWorld(t)
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var ev events.SQSEvent
			if err := json.Unmarshal(data, &ev); err != nil {
				t.Fatal(err)
			}
			got := outcome{Failed: []string{}, Alarms: []string{}, Notices: []string{}}
			got.Failed = append(got.Failed, w.tell(ev.Records...)...)
			w.steps()
			for _, a := range w.open() {
				got.Alarms = append(got.Alarms, string(a.Kind)+" "+string(a.State)+" "+a.ID.Reference())
			}
			if l, err := w.store.GetLive(t.Context(), "acme", marie); err == nil {
				got.Seq, got.Ring = l.State.Seq, len(l.Ring)
			}
			strays, err := w.store.Quarantined(t.Context(), noon)
			if err != nil {
				t.Fatal(err)
			}
			got.Quarantine = len(strays)
			for _, n := range w.outbox() {
				got.Notices = append(got.Notices, n.Kind+" "+n.To)
			}
			slices.Sort(got.Notices) // pages of one step go side by side
			b, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "events", filepath.Base(name)), append(b, '\n'))
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func writeEvents(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	fix := func() queue.Frame {
		r := w.record(insole.KindFix)
		r.Fix, r.Steps, r.Posture, r.Battery, r.Expect = w.fix(), 100+w.seq*19, insole.Walking, &insole.Battery{Percent: 87, Millivolts: 3912}, 10*time.Second
		w.clock.Advance(10 * time.Second)
		return w.frame(r)
	}
	sos := w.record(insole.KindSOS)
	sos.Fix = w.fix()
	strange := w.frame(w.record(insole.KindFix))
	strange.Raw = []byte{1, 2, 3}
	broken := w.message()
	broken.Body = `{"v":1,"frames":`
	for name, messages := range map[string][]events.SQSMessage{
		"urgent-sos":       {w.message(w.frame(sos))},
		"urgent-pre-alarm": {w.message(w.frame(w.pre()))},
		"urgent-twice":     {w.message(w.frame(sos)), w.message(w.frame(sos))},
		"track-pack":       {w.message(fix(), fix(), fix())},
		"quarantine": {broken, w.message(strange, fix()),
			w.message(queue.Frame{Quarantine: "no dialect begins with 47", Remote: "192.0.2.1:4711", HeardAtMs: noon.UnixMilli(), Raw: []byte("GET / HTTP/1.1\r\n")})},
	} {
		for i := range messages {
			m := &messages[i]
			m.ReceiptHandle, m.AWSRegion = "AQEB"+m.MessageId, "eu-west-3"
			m.EventSourceARN = "arn:aws:sqs:eu-west-3:000000000000:UrgentQueue"
			m.Attributes["ApproximateReceiveCount"] = "1"
		}
		b, err := json.MarshalIndent(events.SQSEvent{Records: messages}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("../../events/ingest-"+name+".json", append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
