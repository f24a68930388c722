package push

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

var update = flag.Bool("update", false, "rewrite events/push-*.json and testdata")

// gateway is the WebSocket gateway behind @connections: one open connection and one that is gone.
type gateway struct {
	mu   sync.Mutex
	got  map[string][]feed.Message
	open map[string]bool
}

func (g *gateway) Post(_ context.Context, id string, data []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open[id] {
		return standin.ErrGone
	}
	var m feed.Message
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return err
	}
	g.got[id] = append(g.got[id], m)
	return nil
}

func (g *gateway) Get(context.Context, string) (standin.ConnInfo, error) {
	return standin.ConnInfo{}, standin.ErrGone
}

func (g *gateway) Delete(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, id)
	return nil
}

type bench struct {
	*Handler
	store   *store.Store
	standin *standin.Server
	gateway *gateway
}

// newBench is the push function with its real adapters, over AWS's wire protocol.
func newBench(t *testing.T) bench {
	now := func() time.Time { return at }
	srv, cfg := standintest.Open(t, now)
	g := &gateway{got: map[string][]feed.Message{}, open: map[string]bool{"open=": true}}
	srv.SetConnections(g)
	st := store.New(cfg, standintest.Table, store.Brisk)
	st.Now = now
	posts := cfg.Copy()
	base := *cfg.BaseEndpoint + "/ws"
	posts.BaseEndpoint = &base
	return bench{store: st, standin: srv, gateway: g, Handler: &Handler{
		Store: st, Poster: feed.NewPoster(posts), Log: slog.New(slog.DiscardHandler), Now: now,
		AtOnce: 8, Tries: 2, Attempt: time.Second, Backoff: time.Millisecond,
	}}
}

func (b bench) connect(t *testing.T, org insole.OrgID, id string) {
	t.Helper()
	err := b.store.PutConnection(t.Context(), store.Connection{Org: org, ID: id, User: "claire", ConnectedAt: at.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
}

// stream is what the table's stream has since after, as Lambda hands it over.
func (b bench) stream(t *testing.T, after uint64) events.DynamoDBEvent {
	t.Helper()
	records, err := b.standin.StreamRecords(t.Context(), standintest.Table, after, 1000, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var ev events.DynamoDBEvent
	for _, r := range records {
		rec := events.DynamoDBEventRecord{
			EventID: "e" + strconv.FormatUint(r.Seq, 10), EventName: r.EventName, EventSource: "aws:dynamodb", EventVersion: "1.1", AWSRegion: "eu-west-3",
			EventSourceArn: "arn:aws:dynamodb:eu-west-3:000000000000:table/solewatch/stream/2026-11-22T00:00:00.000",
			Change: events.DynamoDBStreamRecord{
				ApproximateCreationDateTime: events.SecondsEpochTime{Time: r.At}, SequenceNumber: fmt.Sprintf("%021d", r.Seq), StreamViewType: "NEW_AND_OLD_IMAGES",
			},
		}
		for raw, into := range map[*json.RawMessage]*map[string]events.DynamoDBAttributeValue{
			&r.Keys: &rec.Change.Keys, &r.NewImage: &rec.Change.NewImage, &r.OldImage: &rec.Change.OldImage,
		} {
			if len(*raw) == 0 {
				continue
			}
			if err := json.Unmarshal(*raw, into); err != nil {
				t.Fatal(err)
			}
		}
		ev.Records = append(ev.Records, rec)
	}
	return ev
}

func anAlarm() insole.Alarm {
	return insole.Alarm{
		ID: insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "b1-1"), Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.",
		Insole: "00a1b2c3d4e5f607", Kind: insole.AlarmSOS, State: insole.Active, Cause: "b1-1", SentAt: at.Add(-2 * time.Second), RaisedAt: at,
		Fix:     &insole.Fix{Lat: 43.6163452, Lon: 7.0550217, Accuracy: 6.5, Source: insole.SourceGPS, At: at.Add(-3 * time.Second)},
		Presses: 1, Step: 1, NextStepAt: at.Add(2 * time.Minute), Version: 1,
	}
}

func aLive(version int64) store.Live {
	return store.Live{Org: "acme", Insole: "00a1b2c3d4e5f607", Worker: "marie", Version: version, State: rules.State{
		Boot: 1, Seq: uint32(version), At: at.Add(-2 * time.Second), HeardAt: at.Add(-time.Second), Steps: 4000 + uint32(version), Posture: insole.Walking,
		Fix:     &insole.Fix{Lat: 43.6163452, Lon: 7.0550217, Altitude: 120, Speed: 1.3, Course: 212, Accuracy: 6.5, Satellites: 9, Source: insole.SourceGPS, At: at.Add(-3 * time.Second)},
		Battery: &insole.Battery{Percent: 78, Millivolts: 3920}, Expect: 10 * time.Second,
	}}
}

// What is written with the store arrives at the browser, through the stream and the gateway, in the browser's shapes.
func TestFromTableToBrowser(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.connect(t, "acme", "open=")
	b.connect(t, "acme", "gone=")
	for v := range int64(3) {
		if err := b.store.SaveLive(ctx, aLive(v+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.RaiseAlarm(ctx, anAlarm(), nil, nil); err != nil {
		t.Fatal(err)
	}
	resp, err := b.HandleStream(ctx, b.stream(t, 0))
	if err != nil || len(resp.BatchItemFailures) != 0 {
		t.Fatalf("HandleStream = %+v, %v", resp, err)
	}
	alarm, live := feed.AlarmOf(anAlarm()), feed.LiveOf(aLive(3))
	want := []feed.Message{{Type: feed.TypeChanges, Seq: 1, NowMs: at.UnixMilli(), Changes: []feed.Change{
		{Kind: feed.KindAlarm, Alarm: &alarm}, {Kind: feed.KindLive, Live: &live},
	}}}
	if diff := cmp.Diff(want, b.gateway.got["open="]); diff != "" {
		t.Errorf("the browser was told (-want +got):\n%s", diff)
	}
	if live.Lat == nil || *live.Lat != 43.6163452 || live.BatteryPercent == nil || *live.BatteryPercent != 78 || live.Version != 3 {
		t.Errorf("live = %+v", live)
	}
	left, err := b.store.Connections(ctx, "acme")
	if err != nil || len(left) != 1 || left[0].ID != "open=" {
		t.Errorf("connections left = %+v, %v: the one that is gone should be forgotten", left, err)
	}
}

// Faults of the network: the table away names the record; the gateway away closes and forgets, and names nothing.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  standin.Fault
		failed bool
		told   bool
		conns  int
	}{
		{"table refuses to list connections", standin.Fault{Service: "dynamodb", Operation: "Query", Kind: "refuse", Probability: 1}, true, false, 1},
		{"table refuses a number", standin.Fault{Service: "dynamodb", Operation: "UpdateItem", Kind: "refuse", Probability: 1}, true, false, 1},
		{"gateway refuses once", standin.Fault{Service: "execute-api", Operation: "PostToConnection", Kind: "refuse", Probability: 1, Count: 1}, false, true, 1},
		{"gateway refuses", standin.Fault{Service: "execute-api", Operation: "PostToConnection", Kind: "refuse", Probability: 1}, false, false, 0},
		{"gateway throttles", standin.Fault{Service: "execute-api", Operation: "PostToConnection", Kind: "throttle", Probability: 1}, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.connect(t, "acme", "open=")
			if err := b.store.SaveLive(t.Context(), aLive(1)); err != nil {
				t.Fatal(err)
			}
			ev := b.stream(t, 0)
			if err := b.standin.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			resp, err := b.HandleStream(t.Context(), ev)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.standin.SetFaults(); err != nil {
				t.Fatal(err)
			}
			var want []events.DynamoDBBatchItemFailure
			if c.failed {
				want = []events.DynamoDBBatchItemFailure{{ItemIdentifier: ev.Records[2].Change.SequenceNumber}} // after the two of the connection
			}
			if diff := cmp.Diff(want, resp.BatchItemFailures); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
			if got := len(b.gateway.got["open="]) > 0; got != c.told {
				t.Errorf("told = %v, want %v", got, c.told)
			}
			left, err := b.store.Connections(t.Context(), "acme")
			if err != nil || len(left) != c.conns {
				t.Errorf("connections left = %+v, %v, want %d", left, err, c.conns)
			}
		})
	}
}

// Every events/push-*.json goes through the handler; what the screens are told is in testdata. The events are what the
// stand-in's stream has for the writes of makeEvents, and the unreadable one is made by hand.
func TestEvents(t *testing.T) {
	if *update {
		makeEvents(t)
	}
	files, err := filepath.Glob("../../events/push-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d events found, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var ev events.DynamoDBEvent
			if err := json.Unmarshal(data, &ev); err != nil {
				t.Fatal(err)
			}
			w := newWorld(conn("acme", "a1"))
			h := handler(w)
			var log strings.Builder
			h.Log = slog.New(slog.NewTextHandler(&log, nil))
			resp, err := h.HandleStream(t.Context(), ev)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(map[string]any{"answer": resp, "told": w.got["a1"], "errorsLogged": strings.Count(log.String(), "level=ERROR")}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", filepath.Base(f))
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func makeEvents(t *testing.T) {
	b := newBench(t)
	write := func(name string, ev events.DynamoDBEvent) {
		data, err := json.MarshalIndent(ev, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("../../events/push-"+name+".json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for v := range int64(2) {
		if err := b.store.SaveLive(t.Context(), aLive(v+1)); err != nil {
			t.Fatal(err)
		}
	}
	write("live", b.stream(t, 0))
	if err := b.store.RaiseAlarm(t.Context(), anAlarm(), nil, nil); err != nil {
		t.Fatal(err)
	}
	all := b.stream(t, 2)
	alarm := events.DynamoDBEvent{}
	for _, r := range all.Records {
		if store.Image(r.Change.NewImage).Kind() == "alarm" { // as the mapping's filter does
			alarm.Records = append(alarm.Records, r)
		}
	}
	write("alarm", alarm)
	write("unfiltered", all)
	bad := alarm
	bad.Records = append([]events.DynamoDBEventRecord{}, alarm.Records...)
	image := map[string]events.DynamoDBAttributeValue{}
	for k, v := range bad.Records[0].Change.NewImage {
		image[k] = v
	}
	image["v"] = events.NewStringAttribute("two")
	bad.Records[0].Change.NewImage = image
	bad.Records = append(bad.Records, b.stream(t, 0).Records[1])
	write("unreadable", bad)
}
