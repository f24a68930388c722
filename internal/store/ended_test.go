package store_test

import (
	"slices"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
)

// An alarm is named in the month in which it ended, in the order of ends, and in no other org's.
func TestEndedAlarms(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for id, at := range map[insole.AlarmID]time.Time{
		"b-last": november.AddDate(0, 1, 0).Add(-time.Millisecond), "a-first": november, "c-next": november.AddDate(0, 1, 0), "d-before": november.Add(-time.Millisecond),
	} {
		a := anAlarm(id)
		if err := st.RaiseAlarm(ctx, a, nil, nil); err != nil {
			t.Fatal(err)
		}
		a.State, a.EndedAt, a.EndedBy, a.Reason, a.NextStepAt, a.Version = insole.Resolved, at, "u1", insole.ReasonReal, time.Time{}, 2
		if err := st.SaveAlarm(ctx, a, nil, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		org  insole.OrgID
		at   time.Time
		want []insole.AlarmID
	}{
		{"acme", clockNoon, []insole.AlarmID{"a-first", "b-last"}},
		{"acme", november.AddDate(0, 1, 0), []insole.AlarmID{"c-next"}},
		{"acme", november.AddDate(0, -1, 0), []insole.AlarmID{"d-before"}},
		{"beta", clockNoon, nil},
	} {
		got, err := st.EndedAlarms(ctx, tt.org, tt.at)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("EndedAlarms(%s, %v) = %v, %v, want %v", tt.org, tt.at, got, err, tt.want)
		}
	}
}
