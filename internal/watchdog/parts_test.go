package watchdog_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/watchdog"
)

// audited is a table by hand: the open alarms of two orgs and of the canary's.
type audited struct {
	watchdog.Store
	open map[insole.OrgID][]insole.Alarm
}

func (s audited) Orgs(context.Context) ([]insole.OrgID, error) {
	return []insole.OrgID{"acme", "beta"}, nil
}

func (s audited) OpenAlarms(_ context.Context, o insole.OrgID) ([]insole.Alarm, error) {
	return s.open[o], nil
}

func TestAudit(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	h := &watchdog.Handler{Store: audited{open: map[insole.OrgID][]insole.Alarm{
		"acme": {
			{ID: "waits", State: insole.Active, NextStepAt: in(time.Minute)},
			{ID: "just-due", State: insole.Active, NextStepAt: in(-time.Minute)},
			{ID: "late", State: insole.Active, NextStepAt: in(-2 * time.Minute)},
			{ID: "taken-for-ever", State: insole.Taken},
			{ID: "taken-and-lapsed", State: insole.Taken, NextStepAt: in(-3 * time.Minute)},
		},
		"beta":           {{ID: "forgotten", State: insole.Active}, {ID: "pending", State: insole.Pending, NextStepAt: in(30 * time.Second)}},
		insole.CanaryOrg: {{ID: "canary", State: insole.Active, NextStepAt: in(time.Minute)}},
	}}, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	got, err := h.Audit(t.Context())
	if want := (insole.Audit{Open: 8, Overdue: 2, Oldest: in(-3 * time.Minute), Without: 1}); err != nil || got != want {
		t.Errorf("Audit = %+v, %v, want %+v", got, err, want)
	}
}
