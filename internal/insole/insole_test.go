package insole_test

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
)

func TestAt(t *testing.T) {
	heard := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	const bound, back = 2 * time.Minute, 720 * time.Hour
	tests := []struct {
		name   string
		device time.Time
		at     time.Time
		off    time.Duration
	}{
		{"no time at all", time.Time{}, heard, 0},
		{"in step", heard.Add(-time.Second), heard.Add(-time.Second), 0},
		{"a little ahead is bounded", heard.Add(time.Minute), heard, 0},
		{"at the bound", heard.Add(bound), heard, 0},
		{"too far ahead is not believed", heard.Add(bound + 1), heard, bound + 1},
		{"backlog keeps its time", heard.Add(-72 * time.Hour), heard.Add(-72 * time.Hour), 0},
		{"at the far end of the backlog", heard.Add(-back), heard.Add(-back), 0},
		{"older than any backlog is not believed", heard.Add(-back - 1), heard, -back - 1},
		{"a clock that restarted in 1970", time.Unix(5, 0).UTC(), heard, time.Unix(5, 0).Sub(heard)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := insole.Report{DeviceAt: tt.device, HeardAt: heard}
			at, off := r.At(bound, back)
			if !at.Equal(tt.at) || off != tt.off {
				t.Errorf("At = %v, %v, want %v, %v", at, off, tt.at, tt.off)
			}
		})
	}
}

func TestKey(t *testing.T) {
	native := insole.Report{Boot: 3, Seq: 7}
	if got, want := native.Key(), "b0000000003-0000000007"; got != want {
		t.Errorf("native key = %q, want %q", got, want)
	}
	again := insole.Report{Boot: 3, Seq: 7, HeardAt: time.Now(), Raw: []byte("x")}
	if native.Key() != again.Key() {
		t.Errorf("the same frame heard twice has keys %q and %q", native.Key(), again.Key())
	}
	at := time.UnixMilli(1795367926000)
	a := insole.Report{DeviceAt: at, Raw: []byte("one")}
	b := insole.Report{DeviceAt: at, Raw: []byte("two")}
	if a.Key() == b.Key() {
		t.Errorf("two messages of one millisecond share the key %q", a.Key())
	}
	if !strings.HasPrefix(a.Key(), "t1795367926000-") {
		t.Errorf("public key = %q, want the device time in it", a.Key())
	}
}

func TestUrgent(t *testing.T) {
	for kind, want := range map[insole.Kind]bool{
		insole.KindFix: false, insole.KindStatus: false, insole.KindSteps: false, insole.KindBattery: false,
		insole.KindSOS: true, insole.KindCovertSOS: true, insole.KindFall: true, insole.KindStill: true, insole.KindPreAlarm: true,
		insole.KindPreAlarmCancel: true, insole.KindTakenOff: true, insole.KindLowBattery: true, insole.KindAnswer: true,
		"something a newer insole says": true,
	} {
		if got := kind.Urgent(); got != want {
			t.Errorf("%q.Urgent() = %v, want %v", kind, got, want)
		}
	}
}

func TestOn(t *testing.T) {
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	day := insole.Shift{Days: week, From: 8 * time.Hour, To: 16 * time.Hour, Zone: "Europe/Paris"}
	night := insole.Shift{Days: week, From: 22 * time.Hour, To: 6 * time.Hour, Zone: "Europe/Paris"}
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02T15:04 MST", s+" UTC")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct {
		name   string
		shifts []insole.Shift
		at     string // UTC
		want   bool
	}{
		{"no shift is always", nil, "2026-11-22T03:00", true},
		{"winter: 8:00 in Paris is 7:00 UTC", []insole.Shift{day}, "2026-11-23T07:00", true},
		{"a minute before", []insole.Shift{day}, "2026-11-23T06:59", false},
		{"summer: 8:00 in Paris is 6:00 UTC", []insole.Shift{day}, "2026-07-20T06:00", true},
		{"the end is outside", []insole.Shift{day}, "2026-11-23T15:00", false},
		{"Sunday", []insole.Shift{day}, "2026-11-22T09:00", false},
		{"night of Friday goes on into Saturday", []insole.Shift{night}, "2026-11-28T03:00", true},
		{"night of Saturday is none", []insole.Shift{night}, "2026-11-28T23:00", false},
		{"Monday before six belongs to Sunday", []insole.Shift{night}, "2026-11-23T03:00", false},
		{"an unknown zone hides nobody", []insole.Shift{{Days: week, Zone: "Mars/Olympus"}}, "2026-11-22T03:00", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := insole.On(tt.shifts, at(tt.at)); got != tt.want {
				t.Errorf("On(%s) = %v, want %v", tt.at, got, tt.want)
			}
		})
	}
}

func TestMay(t *testing.T) {
	roles := []insole.Role{insole.Viewer, insole.Supervisor, insole.Admin}
	for i, has := range roles {
		for j, need := range roles {
			if got := has.May(need); got != (i >= j) {
				t.Errorf("%s.May(%s) = %v", has, need, got)
			}
		}
	}
	if insole.Role("root").May(insole.Viewer) || insole.Admin.May("root") {
		t.Error("an unknown role may something")
	}
}

func TestNewAlarmID(t *testing.T) {
	id := insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "b0000000003-0000000007")
	if id != insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "b0000000003-0000000007") {
		t.Error("the same cause has two alarms")
	}
	if len(id) != 16 || len(id.Reference()) != 6 {
		t.Errorf("id %q, reference %q", id, id.Reference())
	}
	for _, other := range []insole.AlarmID{
		insole.NewAlarmID("acme", "marie", insole.AlarmFall, "b0000000003-0000000007"),
		insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "b0000000003-0000000008"),
		insole.NewAlarmID("acm", "emarie", insole.AlarmSOS, "b0000000003-0000000007"),
	} {
		if other == id {
			t.Errorf("two causes share the alarm %q", id)
		}
	}
}
