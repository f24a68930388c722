package insole_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

func TestBegan(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04 -0700", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	every := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	day := insole.Shift{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "Europe/Paris"}
	late := insole.Shift{Days: []time.Weekday{time.Monday}, From: 18 * time.Hour, To: 22 * time.Hour, Zone: "Europe/Paris"}
	night := insole.Shift{Days: every, From: 22 * time.Hour, To: 6 * time.Hour, Zone: "Europe/Paris"}
	for _, tt := range []struct {
		name     string
		shifts   []insole.Shift
		at       string
		from, to string // "" = none
	}{
		{"no shifts", nil, "2026-11-23 12:00 +0100", "", ""},
		{"in it", []insole.Shift{day}, "2026-11-23 12:00 +0100", "2026-11-23 08:00 +0100", "2026-11-23 18:00 +0100"},
		{"its first moment", []insole.Shift{day}, "2026-11-23 08:00 +0100", "2026-11-23 08:00 +0100", "2026-11-23 18:00 +0100"},
		{"its end", []insole.Shift{day}, "2026-11-23 18:00 +0100", "", ""},
		{"another day", []insole.Shift{day}, "2026-11-24 12:00 +0100", "", ""},
		{"two that touch", []insole.Shift{late, day}, "2026-11-23 19:00 +0100", "2026-11-23 08:00 +0100", "2026-11-23 22:00 +0100"},
		{"the morning of a night", []insole.Shift{night}, "2026-11-24 02:00 +0100", "2026-11-23 22:00 +0100", "2026-11-24 06:00 +0100"},
		{"the night that has an hour more", []insole.Shift{night}, "2026-10-25 05:00 +0100", "2026-10-24 22:00 +0200", "2026-10-25 06:00 +0100"},
		{"a zone that nobody knows", []insole.Shift{{Days: every, To: 8 * time.Hour, Zone: "Nowhere/Else"}}, "2026-11-23 02:00 +0100", "", ""},
	} {
		from, to, ok := insole.Began(tt.shifts, at(tt.at))
		if ok != (tt.from != "") {
			t.Errorf("%s: ok = %v", tt.name, ok)
			continue
		}
		if ok && (!from.Equal(at(tt.from)) || !to.Equal(at(tt.to))) {
			t.Errorf("%s: %v to %v, want %s to %s", tt.name, from, to, tt.from, tt.to)
		}
	}
}
