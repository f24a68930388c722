package feed

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.json from the values in this test")

func ptr[T any](v T) *T { return &v }

var (
	marie = Live{
		Insole: "00a1b2c3d4e5f607", Worker: "marie", HeardAtMs: 1795367926120, AtMs: 1795367925400,
		Lat: ptr(43.6163452), Lon: ptr(7.0550217), AccuracyM: 6.5, SpeedMps: 1.3, CourseDeg: 212, Source: "gps",
		FixAtMs: 1795367925400, BatteryPercent: ptr(78), Steps: 4312, Posture: "walking", ExpectS: 10, Version: 417,
	}
	// Heard late from a backlog while on the charger, without a position: the fields of a position are absent together.
	paul = Live{
		Insole: "352093081452251", Worker: "paul", HeardAtMs: 1795367880000, AtMs: 1795367870000,
		BatteryPercent: ptr(0), Charging: true, Posture: "sitting", ExpectS: 300, Lost: true, ClockOffMs: -93000, Version: 12,
	}
	sos = Alarm{
		ID: "q2f7mzk4d5xw3a6b", Reference: "Q2F7MZ", Worker: "marie", WorkerName: "Marie D.", Team: "north", Insole: "00a1b2c3d4e5f607",
		Kind: "sos", Priority: 1, State: "active", SentAtMs: 1795367925400, RaisedAtMs: 1795367926180,
		Lat: ptr(43.6163452), Lon: ptr(7.0550217), AccuracyM: 6.5, FixAtMs: 1795367925400,
		Presses: 1, Step: 1, NextStepAtMs: 1795368046180, Version: 2,
	}
	fall = Alarm{
		ID: "zk4d5xw3a6bq2f7m", Reference: "ZK4D5X", Worker: "paul", WorkerName: "Paul N.", Team: "north", Insole: "352093081452251",
		Kind: "fall", Priority: 1, State: "pending", SentAtMs: 1795367920000, RaisedAtMs: 1795367921000, DeadlineMs: 1795367951000,
		Presses: 1, Version: 1,
	}
)

func taken() *Alarm {
	a := sos
	a.State, a.Owner, a.OwnerName, a.TakenAtMs, a.NextStepAtMs, a.Version = "taken", "claire", "Claire M.", 1795367966000, 0, 3
	return &a
}

func resolved() *Alarm {
	a := *taken()
	a.State, a.EndedAtMs, a.EndedBy, a.Reason, a.Note, a.Version = "resolved", 1795368300000, "claire", "real", "Sprained ankle, <driven> home & well — à suivre.", 4
	return &a
}

// Each golden is a value here and the very same value as JSON in testdata, where the web tests decode it too.
var goldens = map[string]any{
	"board.json": Board{
		Seq: 41, NowMs: 1795367926500,
		Workers: []Worker{
			{Worker: "marie", Name: "Marie D.", Team: "north", Insole: "00a1b2c3d4e5f607", Phone: "+33600000001", OnShift: true, Live: &marie},
			{Worker: "paul", Name: "Paul N.", Team: "north", Insole: "352093081452251", OnShift: true, Live: &paul},
			{Worker: "zoé", Name: "Zoé <Étoile>", Team: "south"},
		},
		Alarms: []Alarm{sos, fall},
	},
	"board-empty.json": Board{NowMs: 1795367926500, Workers: []Worker{}, Alarms: []Alarm{}},
	"changes-live.json": Message{Type: TypeChanges, Seq: 42, NowMs: 1795367926600, Changes: []Change{
		{Kind: KindLive, Live: &marie}, {Kind: KindLive, Live: &paul},
	}},
	"changes-alarm.json": Message{Type: TypeChanges, Seq: 43, NowMs: 1795368300100, Changes: []Change{
		{Kind: KindAlarm, Alarm: taken()}, {Kind: KindAlarm, Alarm: resolved()}, {Kind: KindAlarm, Alarm: &fall}, {Kind: KindLive, Live: &marie},
	}},
	"changes-muster.json": Message{Type: TypeChanges, Seq: 44, NowMs: 1795368300200, Changes: []Change{
		{Kind: KindMuster, Muster: &Muster{ID: "fire", State: "waiting", Called: 38, Version: 3}},
		{Kind: KindSummons, Summons: &Summons{Muster: "fire", Worker: "marie", State: "safe", FeltAtMs: 1795368300100, SafeAtMs: 1795368300100, Version: 2}},
		{Kind: KindSummons, Summons: &Summons{Muster: "fire", Worker: "paul", State: "missing", Why: "silent", Alarm: "zk4d5xw3a6bq2f7m", Version: 3}},
	}},
	"changes-checkin.json": Message{Type: TypeChanges, Seq: 44, NowMs: 1795368300200, Changes: []Change{
		{Kind: KindCheckIn, CheckIn: &CheckIn{Worker: "marie", DueAtMs: 1795369800000, Version: 7}},
	}},
	"sync.json":      Message{Type: TypeSync, Seq: 43, NowMs: 1795367927000, Store: StoreOK},
	"sync-away.json": Message{Type: TypeSync, NowMs: 1795367927000, Store: StoreAway},
	"pong.json":      Message{Type: TypePong, Seq: 43, NowMs: 1795367957000, Store: StoreOK},
	"pong-away.json": Message{Type: TypePong, NowMs: 1795367957000, Store: StoreAway},
	"reconnect.json": Message{Type: TypeReconnect, NowMs: 1795367957000},
	"error.json":     Message{Type: TypeError, NowMs: 1795367957000, Detail: `action "fly" is not one of sync, ping`},
}

func TestGoldens(t *testing.T) {
	for name, v := range goldens {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(v); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s (-file +written):\n%s", name, diff)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(goldens) {
		t.Errorf("testdata has %d files, this test has %d values", len(files), len(goldens))
	}
}

// What is read back from a golden is the value it was written from: no field is lost by its name or its omission.
func TestGoldensReadBack(t *testing.T) {
	for name, v := range goldens {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		switch want := v.(type) {
		case Board:
			var got Board
			if err := dec.Decode(&got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		case Message:
			var got Message
			if err := dec.Decode(&got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}
