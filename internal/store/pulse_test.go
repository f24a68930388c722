package store_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// What becomes of a bridge's words: in time, late, missing for a while, and out of order.
func TestPulses(t *testing.T) {
	now := fixed()
	st, _ := standintest.Store(t, func() time.Time { return now })
	ctx := t.Context()
	begin := now
	said := func(at time.Time, bye bool) {
		t.Helper()
		if err := st.SavePulse(ctx, "b1", at, bye); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (p struct {
		At, Got, GapFrom, GapTo, LateAt, LateFrom time.Duration
		Bye                                       bool
	}) {
		t.Helper()
		all, _, err := st.Pulses(ctx)
		if err != nil || len(all) != 1 || all[0].Bridge != "b1" || !all[0].First.Equal(begin) {
			t.Fatalf("Pulses = %+v, %v", all, err)
		}
		since := func(at time.Time) time.Duration {
			if at.IsZero() {
				return -1
			}
			return at.Sub(begin)
		}
		q := all[0]
		p.At, p.Got, p.GapFrom, p.GapTo, p.LateAt, p.LateFrom, p.Bye = since(q.At), since(q.Got), since(q.GapFrom), since(q.GapTo), since(q.LateAt), since(q.LateFrom), q.Bye
		return p
	}
	const m = time.Minute
	said(now, false)
	now = begin.Add(m)
	said(now, false)
	said(now, false) // twice
	if p := read(); p.At != m || p.Got != m || p.GapTo != -1 || p.LateAt != -1 || p.Bye {
		t.Errorf("in time: %+v", p)
	}
	now = begin.Add(11 * m) // ten minutes of nothing, then all of it, the newest first
	said(begin.Add(11*m), false)
	said(begin.Add(5*m), false)
	if p := read(); p.At != 11*m || p.Got != 11*m || p.GapFrom != m || p.GapTo != 11*m || p.LateAt != 11*m || p.LateFrom != 5*m {
		t.Errorf("after a gap: %+v", p)
	}
	now = begin.Add(13 * m)
	said(begin.Add(11*m+15*time.Second), false)
	if p := read(); p.GapTo != 11*m || p.LateAt != 13*m || p.At != 11*m+15*time.Second {
		t.Errorf("late: %+v", p)
	}
	now = begin.Add(14 * m)
	said(now, true)
	if p := read(); !p.Bye || p.At != 14*m || p.LateAt != 13*m {
		t.Errorf("bye: %+v", p)
	}
	q := store.Quiet{Dialect: insole.SOLE, From: now}
	if err := st.SaveQuiet(ctx, q); err != nil {
		t.Fatal(err)
	}
	if _, quiet, err := st.Pulses(ctx); err != nil || len(quiet) != 1 || quiet[0] != q {
		t.Errorf("quiet = %+v, %v", quiet, err)
	}
	now = now.Add(25 * time.Hour)
	if all, quiet, err := st.Pulses(ctx); err != nil || len(all)+len(quiet) != 0 {
		t.Errorf("a day later: %+v, %+v, %v", all, quiet, err)
	}
}
