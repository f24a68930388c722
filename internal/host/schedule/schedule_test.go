package schedule

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestNext(t *testing.T) {
	const format = "2006-01-02 15:04:05"
	for _, tc := range []struct{ expr, zone, after, want string }{
		{"rate(1 minute)", "UTC", "2026-03-01 10:00:00", "2026-03-01 10:01:00"},
		{"rate(5 minutes)", "UTC", "2026-03-01 10:04:59", "2026-03-01 10:05:00"},
		{"rate(5 minutes)", "UTC", "2026-03-01 10:05:00", "2026-03-01 10:10:00"},
		{"rate(1 day)", "UTC", "2026-03-01 10:05:00", "2026-03-02 10:00:00"},
		{"cron(0 8 ? * MON-FRI *)", "UTC", "2026-03-06 08:00:00", "2026-03-09 08:00:00"}, // Friday to Monday
		{"cron(0/15 * * * ? *)", "UTC", "2026-03-06 08:07:30", "2026-03-06 08:15:00"},
		{"cron(30 23 31 * ? *)", "UTC", "2026-04-01 00:00:00", "2026-05-31 23:30:00"},
		{"cron(0 0 29 FEB ? *)", "UTC", "2026-03-01 00:00:00", "2028-02-29 00:00:00"},
		{"cron(0 0 1 JAN,JUL ? 2030-2031)", "UTC", "2026-03-01 00:00:00", "2030-01-01 00:00:00"},
		{"cron(0 0 1 1 ? 2020)", "UTC", "2026-03-01 00:00:00", ""},
		{"cron(0 8 * * ? *)", "Europe/Paris", "2026-07-01 05:00:00", "2026-07-01 06:00:00"},
		{"cron(30 2 * * ? *)", "Europe/Paris", "2026-03-28 12:00:00", "2026-03-30 00:30:00"}, // 02:30 is not there on the 29th
		{"at(2026-11-22T10:00:00)", "Europe/Paris", "2026-11-22 08:00:00", "2026-11-22 09:00:00"},
		{"at(2026-11-22T10:00:00)", "UTC", "2026-11-22 10:00:00", ""},
	} {
		e, err := Parse(tc.expr)
		if err != nil {
			t.Errorf("Parse(%q) error = %v", tc.expr, err)
			continue
		}
		zone, err := time.LoadLocation(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(format, tc.after)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
		got := ""
		if n := e.Next(after, start, zone); !n.IsZero() {
			got = n.UTC().Format(format)
		}
		if got != tc.want {
			t.Errorf("%s in %s after %s is due %q, want %q", tc.expr, tc.zone, tc.after, got, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "rate", "rate(5)", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(1 second)", "rate(1 minute", "every(1 minute)",
		"cron(0 8 * * * *)", "cron(0 8 ? * ? *)", "cron(0 8 ? * MON)", "cron(60 8 ? * MON *)", "cron(? 8 ? * MON *)", "cron(0 8 L * ? *)",
		"cron(0 8 ? * FRI-MON *)", "cron(0/0 8 ? * MON *)", "cron(0 8 ? * MON#2 *)", "cron(0 8 ? * * 1900)", "at(tomorrow)",
	} {
		if _, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) succeeded", s)
		}
	}
}
