package alarm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
)

var update = flag.Bool("update", false, "rewrite events/alarm-*.json and testdata")

// Every events/alarm-*.json goes through the handler as the function gets it, raw, in a table that holds one alarm just raised; what it
// answers and whom it pages is in testdata.
func TestEvents(t *testing.T) {
	if *update {
		writeEvents(t)
	}
	files, err := filepath.Glob("../../events/alarm-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d events found, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			event, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			w.raise(cause("b0000000001-0000000001"))
			answer, err := w.h.Handle(t.Context(), event)
			got := struct {
				Answer any
				Error  string `json:",omitempty"`
				Sent   []string
			}{Answer: answer, Sent: w.phone.list()}
			if err != nil {
				got.Error = err.Error()
			}
			slices.Sort(got.Sent)
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

// stream is every record of w's stream after seq, as Lambda gives them to a function.
func (w *world) stream(after uint64) []byte {
	w.Helper()
	records, err := w.srv.StreamRecords(w.Context(), standintest.Table, after, 1000, 0)
	if err != nil {
		w.Fatal(err)
	}
	type change struct {
		ApproximateCreationDateTime int64
		Keys, NewImage, OldImage    json.RawMessage `json:",omitempty"`
		SequenceNumber              string
		SizeBytes                   int
		StreamViewType              string
	}
	type record struct {
		EventID        string `json:"eventID"`
		EventName      string `json:"eventName"`
		EventVersion   string `json:"eventVersion"`
		EventSource    string `json:"eventSource"`
		AwsRegion      string `json:"awsRegion"`
		EventSourceARN string `json:"eventSourceARN"`
		Dynamodb       change `json:"dynamodb"`
	}
	var ev struct{ Records []record }
	for _, r := range records {
		if !bytes.Contains(r.NewImage, []byte(`"t":{"S":"alarm"}`)) && !bytes.Contains(r.NewImage, []byte(`"t":{"S":"page"}`)) {
			continue
		}
		ev.Records = append(ev.Records, record{fmt.Sprintf("%032x", r.Seq), r.EventName, "1.1", "aws:dynamodb", "eu-west-3",
			"arn:aws:dynamodb:eu-west-3:000000000000:table/solewatch/stream/2026-11-22T10:00:00.000",
			change{noon.Unix(), r.Keys, r.NewImage, r.OldImage, fmt.Sprintf("%021d", r.Seq), r.Size, "NEW_AND_OLD_IMAGES"}})
	}
	b, err := json.MarshalIndent(ev, "", "  ")
	if err != nil {
		w.Fatal(err)
	}
	return append(b, '\n')
}

func writeEvents(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	c := cause("b0000000001-0000000001")
	w.raise(c)
	raised := w.stream(0)
	after := w.srv.StreamHead(standintest.Table)
	if _, err := w.desk.Take(t.Context(), "acme", c.ID, claire); err != nil {
		t.Fatal(err)
	}
	sqs := func(bodies ...string) []byte {
		var ev struct{ Records []map[string]any }
		for i, b := range bodies {
			ev.Records = append(ev.Records, map[string]any{
				"messageId": fmt.Sprintf("m%d", i+1), "receiptHandle": fmt.Sprintf("AQEBm%d", i+1), "body": b, "awsRegion": "eu-west-3",
				"attributes":  map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": fmt.Sprint(noon.UnixMilli())},
				"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-3:000000000000:StepsQueue",
			})
		}
		b, err := json.MarshalIndent(ev, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return append(b, '\n')
	}
	for name, b := range map[string][]byte{
		"stream-raised": raised,
		"stream-taken":  w.stream(after),
		"step":          sqs(`{"v":1,"org":"acme","alarm":"` + string(c.ID) + `"}`),
		"step-early":    sqs(fmt.Sprintf(`{"v":1,"org":"acme","alarm":"%s","dueMs":%d}`, c.ID, noon.Add(2*time.Minute).UnixMilli())),
		"step-strange":  sqs("{", `{"v":7}`, `{"v":1,"org":"acme","alarm":"nosuchalarm00000"}`),
		"other-source":  []byte(`{"Records":[{"EventSource":"aws:sns"}]}` + "\n"),
	} {
		if err := os.WriteFile("../../events/alarm-"+name+".json", b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The second way: the queue lost its message, and the stream alone pages; a pre-alarm that waits costs it no read.
func TestStreamIsEnough(t *testing.T) {
	w := newWorld(t)
	w.raise(cause("k1"))
	w.asks.list = nil
	if _, err := w.h.Handle(t.Context(), w.stream(0)); err != nil {
		t.Fatal(err)
	}
	w.sent("claire by sms @1", "claire by email @1")

	w = newWorld(t)
	c := cause("k1")
	c.Hold, c.Confirmed, c.Press, c.Kind = 30*time.Second, false, false, insole.AlarmFall
	w.raise(c)
	before := w.srv.Usage().DynamoDB[standintest.Table].ReadUnits
	if _, err := w.h.Handle(t.Context(), w.stream(0)); err != nil {
		t.Fatal(err)
	}
	if reads := w.srv.Usage().DynamoDB[standintest.Table].ReadUnits - before; reads != 0 {
		t.Errorf("a pre-alarm that waits cost %v read units", reads)
	}
}

// A record that cannot be served now is named, and so is offered again with all that follow it; a batch of steps names only what failed.
func TestWhatFailedIsNamed(t *testing.T) {
	w := newWorld(t)
	w.raise(cause("k1"))
	event := w.stream(0)
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	got, err := w.h.Handle(t.Context(), event)
	b, _ := json.Marshal(got)
	if err != nil || !bytes.Contains(b, []byte(`"itemIdentifier":"0000`)) {
		t.Errorf("stream answer %s, %v, want the record named", b, err)
	}
	event, err = os.ReadFile("../../events/alarm-step.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err = w.h.Handle(t.Context(), event)
	b, _ = json.Marshal(got)
	if err != nil || !bytes.Contains(b, []byte(`"itemIdentifier":"m1"`)) {
		t.Errorf("steps answer %s, %v, want m1 named", b, err)
	}
}

func TestCachedOutlivesTheTable(t *testing.T) {
	now := noon
	calls := 0
	away := false
	c := &alarm.Cached{Now: func() time.Time { return now }, Of: directoryFunc(func() (insole.Team, error) {
		calls++
		if away {
			return insole.Team{}, insole.ErrAway
		}
		return insole.Team{Name: fmt.Sprint(calls)}, nil
	})}
	read := func() string {
		team, err := c.Team(context.Background(), "acme", "north")
		if err != nil {
			t.Errorf("Team: %v", err)
		}
		return team.Name
	}
	if read() != "1" || read() != "1" {
		t.Error("not remembered")
	}
	now = now.Add(61 * time.Second)
	if read() != "2" {
		t.Error("remembered for too long")
	}
	away = true
	now = now.Add(time.Hour)
	if read() != "2" {
		t.Error("not remembered while the table is away")
	}
	if _, err := c.Team(context.Background(), "acme", "south"); !errors.Is(err, insole.ErrAway) {
		t.Errorf("a team never read = %v, want ErrAway", err)
	}
}

type directoryFunc func() (insole.Team, error)

func (f directoryFunc) Team(context.Context, insole.OrgID, insole.TeamID) (insole.Team, error) {
	return f()
}
func (f directoryFunc) Contacts(context.Context, insole.OrgID) ([]insole.Contact, error) {
	return nil, nil
}
