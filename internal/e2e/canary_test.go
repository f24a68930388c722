package e2e

import (
	"testing"

	"solewatch/internal/api"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
)

// The canary calls for help through the insoles' port, is paged where nobody reads, and says how long that took. Nobody sees it among people's alarms.
// Every part leaves behind that it works, and the status page says so.
func TestCanary(t *testing.T) {
	w := start(t, nil)
	claire := signIn(t, w.Web, supervisor, password)
	var status api.Status
	for range 2 { // the second call has an alarm of its own: the first one's has ended
		var last int64
		if status.Canary != nil {
			last = status.Canary.LastAtMs
		}
		if err := w.FireSchedule("CanaryFunctionEvery"); err != nil {
			t.Fatal(err)
		}
		until(t, "the canary to be paged", func() bool {
			claire.call("GET", "/api/status", nil, &status)
			return status.Canary != nil && status.Canary.PageMs > 0 && status.Canary.LastAtMs > last
		})
	}
	if c := status.Canary; c.Late || c.PageMs > 5000 || c.EveryMs != 5*60*1000 || status.NowMs-c.LastAtMs > 60_000 {
		t.Errorf("status %+v, canary %+v", status, c)
	}
	t.Logf("canary paged after %d ms", status.Canary.PageMs)

	if err := w.FireSchedule("WatchdogFunctionEveryMinute"); err != nil {
		t.Fatal(err)
	}
	var all api.Parts
	until(t, "every part that runs to have said so", func() bool {
		claire.call("GET", "/api/parts", nil, &all)
		for _, p := range all.Parts {
			if p.State != "ok" && p.Part != parts.Socket { // nobody has the page open
				return false
			}
		}
		return all.Canary != nil && len(all.Canary.Runs) == 2
	})
	if all.Operators != "maintenance" || all.Audit == nil || all.Audit.Without != 0 || all.Audit.Overdue != 0 || all.Canary.P50Ms == 0 || len(all.History) == 0 {
		t.Errorf("parts %+v, audit %+v, canary %+v", all, all.Audit, all.Canary)
	}
	for _, p := range all.Parts {
		if p.Part == parts.Bridge && (len(p.Instances) != 1 || p.Version == "") || p.Part == parts.UrgentQueue && p.Queue == nil {
			t.Errorf("part %+v", p)
		}
	}

	var board struct {
		Alarms []struct{ Alarm, Kind string }
	}
	claire.call("GET", "/api/board", nil, &board)
	if len(board.Alarms) != 0 {
		t.Errorf("alarms on people's board: %v", board.Alarms)
	}
	for _, n := range w.outbox() {
		if n.Kind != "confirm" {
			t.Errorf("somebody was told: %+v", n)
		}
	}
	for id := range w.keys {
		if id == insole.CanaryInsole {
			t.Error("a real insole has the canary's name")
		}
	}
}
