package e2e

import (
	"strings"
	"testing"
	"time"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// The whole way of a check-in: reminded in the shoe, missed, paged; then by foot, and the alarm is marked; and an activity whose note no message holds.
// The times are those of a worker who was asked long ago: what is stored is moved back, since nobody waits five minutes here.
func TestCheckIns(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	screen := claire.open(t.Context())
	e := w.of(insole.SOLE, 0)
	f := connectSOLE(t, w.Insoles, e.Insole, e.Key)
	worker := "/api/workers/" + string(e.Worker)
	var told struct {
		DueAtMs, DeadlineMs, LastAtMs, MissedAtMs, Version int64
		LastHow, LastName                                  string
		Activity                                           *struct{ Note string }
		Log                                                []struct{ What, Who string }
	}

	claire.call("POST", worker+"/task", map[string]any{"everyS": 300, "endsAtMs": time.Now().Add(time.Hour).UnixMilli(), "note": "tank 3"}, &told)
	if told.DueAtMs == 0 || told.DeadlineMs-told.DueAtMs != insole.DefaultGrace.Milliseconds() {
		t.Fatalf("a task: %+v", told)
	}
	// Five minutes between check-ins, reminded five minutes before: at once.
	f.obey(sole.Vibrate, sole.Done)

	w.back(e.Worker, 11*time.Minute)
	missed := screen.alarm(func(a feed.Alarm) bool {
		return a.Worker == string(e.Worker) && a.Kind == "missed-check-in" && a.State == "active"
	})
	until(t, "an SMS about the missed check-in", func() bool { return len(w.about(missed.Reference, "sms")) > 0 })

	f.say(sole.Record{Kind: insole.KindCheckIn, At: time.Now()})
	f.heard()
	screen.alarm(func(a feed.Alarm) bool { return a.ID == missed.ID && a.ReturnedAtMs > 0 })
	claire.call("GET", worker+"/checkin", nil, &told)
	if told.LastHow != "foot" || told.MissedAtMs != 0 || told.DueAtMs < time.Now().UnixMilli() {
		t.Errorf("after the check-in: %+v", told)
	}
	claire.call("POST", worker+"/checkin", map[string]any{"note": "on the phone"}, &told)
	if told.LastHow != "person" || told.LastName == "" || len(told.Log) == 0 {
		t.Errorf("spoken to: %+v", told)
	}

	const secret = "asthma, inhaler in the left pocket"
	claire.call("POST", worker+"/activity", map[string]any{"minutes": 5, "note": secret}, &told)
	if told.Activity == nil || told.Activity.Note != secret {
		t.Fatalf("the activity: %+v", told)
	}
	w.back(e.Worker, 6*time.Minute)
	amber := screen.alarm(func(a feed.Alarm) bool { return a.Worker == string(e.Worker) && a.Kind == "amber" })
	if amber.Note != "" || amber.Priority != 1 {
		t.Errorf("the amber alarm on the board, which everybody sees: %+v", amber)
	}
	var file struct{ Alarm feed.Alarm }
	claire.call("GET", "/api/alarms/"+amber.ID, nil, &file)
	if file.Alarm.Note != secret {
		t.Errorf("a responder reads %q", file.Alarm.Note)
	}
	until(t, "an SMS about the activity", func() bool { return len(w.about(amber.Reference, "sms")) > 0 })
	for _, n := range w.outbox() {
		if strings.Contains(n.Text+n.Subject, "asthma") {
			t.Errorf("a message holds the note: %+v", n)
		}
	}
	claire.call("POST", worker+"/activity/end", nil, &told)
	screen.alarm(func(a feed.Alarm) bool { return a.ID == amber.ID && a.ReturnedAtMs > 0 })
}

// back lets everything that is asked of a worker have begun d earlier, with its reminders given, and has it looked at.
func (w *world) back(worker insole.WorkerID, d time.Duration) {
	w.t.Helper()
	table := w.table()
	until(w.t, "the check-ins to be moved", func() bool {
		c, err := table.GetCheckIns(w.t.Context(), "demo", worker)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, at := range []*time.Time{&c.DueAt, &c.Deadline, &c.LastAt, &c.Task.Began, &c.Activity.Began, &c.Activity.EndsAt} {
			if !at.IsZero() {
				*at = at.Add(-d)
			}
		}
		if c.DueAt.Before(time.Now()) {
			c.Told = 2
		}
		c.Version++
		return table.SaveCheckIns(w.t.Context(), c, nil) == nil
	})
	// Whatever is said of a worker has their check-ins looked at.
	signIn(w.t, w.Web, supervisor, password).call("PUT", "/api/workers/"+string(worker)+"/checkin", map[string]any{"everyS": 0}, nil)
}
