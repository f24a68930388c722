package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"solewatch/internal/api"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
)

// queues is SQS by hand: depths by name; what is not there cannot be looked into.
type queues map[string]queue.Depth

func (q queues) Depth(_ context.Context, name string) (queue.Depth, error) {
	d, ok := q[name]
	if !ok {
		return d, errors.New("no such queue")
	}
	return d, nil
}

func TestParts(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	o.api.Canary = 5 * time.Minute
	o.api.Queues = queues{
		"urgent-queue": {Waiting: 1}, "urgent-queue-dead": {}, "track-queue": {InFlight: 3}, "track-queue-dead": {Waiting: 2}, "help-queue": {}, "help-queue-dead": {}, // steps-queue: SQS does not say
	}
	claire := as("acme", insole.Supervisor)
	var status api.Status
	o.ask(t, claire, "GET", "/api/status", nil).into(t, &status)
	if status.Store != "ok" || status.Canary != nil {
		t.Errorf("where no canary ever called, status is %+v", status)
	}

	now := o.now().UTC()
	for i := range 20 { // the newest took 20 s, the oldest 1 s
		must(t, o.store.PutRun(ctx, insole.Run{At: now.Add(time.Duration(i-20) * 5 * time.Minute), Acked: time.Second, Paged: time.Duration(i+1) * time.Second}))
	}
	run := insole.Run{At: now.Add(-2 * time.Minute), Acked: 20 * time.Millisecond, Paged: 700 * time.Millisecond}
	for _, b := range []insole.Beat{
		{Part: parts.Canary, At: run.At, Run: &run},
		{Part: parts.Bridge, Instance: "b-1", Version: "v2", At: now.Add(-time.Minute), Since: now.Add(-time.Hour), Connections: 7},
		{Part: parts.Bridge, Instance: "b-0", Version: "v1", At: now.Add(-2 * time.Hour)}, // long gone
		{Part: parts.Watchdog, At: now.Add(-4 * time.Minute), Audit: &insole.Audit{Open: 2}},
	} {
		must(t, o.store.PutBeat(ctx, b))
	}
	must(t, o.store.SaveVerdict(ctx, insole.Verdict{Part: parts.Watchdog, Health: insole.Late, Since: now.Add(-4 * time.Minute), Version: 1},
		insole.Turn{Part: parts.Watchdog, At: now.Add(-time.Minute), From: insole.Works, To: insole.Late, Why: "silent"}))

	o.ask(t, claire, "GET", "/api/status", nil).into(t, &status)
	if c := status.Canary; c == nil || c.Late || c.PageMs != 700 || c.EveryMs != 300_000 || c.LastAtMs != run.At.UnixMilli() {
		t.Errorf("canary %+v", status.Canary)
	}
	var all api.Parts
	o.ask(t, claire, "GET", "/api/parts", nil).into(t, &all)
	want := map[string]string{
		"canary": "ok", "bridge": "ok", "ingest": "unknown", "alarm": "unknown", "watchdog": "late", "push": "unknown", "socket": "unknown", "api": "ok",
		"urgent-queue": "ok", "track-queue": "late", "help-queue": "ok", "steps-queue": "unknown", "table": "ok", "sns": "ok",
	}
	if len(all.Parts) != len(want) {
		t.Errorf("%d parts, want %d", len(all.Parts), len(want))
	}
	for _, p := range all.Parts {
		if p.State != want[p.Part] {
			t.Errorf("%s is %s (%s), want %s", p.Part, p.State, p.Why, want[p.Part])
		}
		switch p.Part {
		case parts.Bridge:
			if len(p.Instances) != 1 || p.Instances[0].Connections != 7 || p.Version != "v2" {
				t.Errorf("bridge %+v", p)
			}
		case parts.TrackQueue:
			if p.Queue == nil || *p.Queue != (api.Queue{InFlight: 3, Dead: 2}) {
				t.Errorf("track queue %+v", p.Queue)
			}
		case parts.Watchdog:
			if p.SinceMs != now.Add(-4*time.Minute).UnixMilli() {
				t.Errorf("watchdog since %d", p.SinceMs)
			}
		}
	}
	if all.Audit == nil || all.Audit.Open != 2 || all.Canary == nil || all.Canary.P50Ms != 10_000 || all.Canary.P95Ms != 19_000 || len(all.Canary.Runs) != 20 ||
		len(all.History) != 1 || all.History[0].To != "late" || all.Operators != "" {
		t.Errorf("audit %+v, canary %+v, history %+v, operators %q", all.Audit, all.Canary, all.History, all.Operators)
	}

	// The canary fails: nothing is proved any more.
	run.Why, run.Paged = "page", 0
	must(t, o.store.PutBeat(ctx, insole.Beat{Part: parts.Canary, At: now, Run: &run}))
	o.ask(t, claire, "GET", "/api/status", nil).into(t, &status)
	if status.Canary == nil || !status.Canary.Late {
		t.Errorf("after a failed call: %+v", status.Canary)
	}
}

func TestOperators(t *testing.T) {
	o := newOffice(t)
	admin := as("acme", insole.Admin)
	if a := o.ask(t, admin, "PUT", "/api/operators", m{"team": "nobodys"}); a.status != 422 {
		t.Errorf("a team that is not there: %d %s", a.status, a.body)
	}
	o.ask(t, admin, "PUT", "/api/operators", m{"team": "north"}).into(t, &m{})
	var all api.Parts
	o.ask(t, admin, "GET", "/api/parts", nil).into(t, &all)
	if all.Operators != "north" {
		t.Errorf("operators %q", all.Operators)
	}
	o.ask(t, admin, "PUT", "/api/operators", m{"team": ""}).into(t, &m{})
}
