package store_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

var clockNoon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func fixed() time.Time { return clockNoon }

func anAlarm(id insole.AlarmID) insole.Alarm {
	return insole.Alarm{ID: id, Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Insole: "00a1b2c3d4e5f607", Kind: insole.AlarmSOS,
		State: insole.Active, Cause: "k", SentAt: clockNoon, RaisedAt: clockNoon, Fix: &insole.Fix{Lat: 43.6, Lon: 7.07, Accuracy: 4, Source: insole.SourceGPS, At: clockNoon},
		Presses: 1, Step: 1, NextStepAt: clockNoon.Add(2 * time.Minute), Version: 1, Incident: "a0"}
}

func aPage(id insole.AlarmID) insole.Page {
	return insole.Page{Org: "acme", Alarm: id, Step: 1, Contact: "claire", Name: "Claire M.", Channel: insole.SMS, Address: "+33600000001", Locale: "fr",
		State: insole.PageQueued, QueuedAt: clockNoon}
}

func due(t *testing.T, st *store.Store, at time.Time) []insole.AlarmID {
	t.Helper()
	var out []insole.AlarmID
	for d, err := range st.DueAlarms(t.Context(), at) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Org != "acme" {
			t.Errorf("due of org %q", d.Org)
		}
		out = append(out, d.Alarm)
	}
	slices.Sort(out)
	return out
}

func TestAlarmItem(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	a.Shelf = insole.Shelf{Until: clockNoon.Add(time.Hour), By: "u1", Name: "Claire M.", Why: "old battery"}
	if err := st.RaiseAlarm(ctx, a, []insole.Page{aPage("a1")}, []store.LogLine{{At: clockNoon, What: "raised", Who: "wearer", Text: "k"}}); err != nil {
		t.Fatal(err)
	}
	got, err := st.GetAlarm(ctx, "acme", "a1")
	if err != nil {
		t.Fatal(err)
	}
	if *got.Fix != *a.Fix {
		t.Errorf("fix %+v, want %+v", got.Fix, a.Fix)
	}
	got.Fix = a.Fix
	if got != a {
		t.Errorf("read %+v, want %+v", got, a)
	}
	f, err := st.GetAlarmFile(ctx, "acme", "a1")
	if err != nil || len(f.Pages) != 1 || f.Pages[0] != aPage("a1") || len(f.Log) != 1 || f.Log[0].Who != "wearer" {
		t.Errorf("file = %+v, %v", f, err)
	}
	if _, err := st.GetAlarm(ctx, "evil", "a1"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("another org's alarm = %v, want ErrNotFound", err)
	}
	if _, err := st.GetAlarmFile(ctx, "evil", "a1"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("another org's file = %v, want ErrNotFound", err)
	}
	if got := due(t, st, clockNoon.Add(time.Minute)); fmt.Sprint(got) != "[a1]" { // the page; the step is not due yet
		t.Errorf("due %v, want the page", got)
	}
	if got := due(t, st, clockNoon.Add(3*time.Minute)); fmt.Sprint(got) != "[a1 a1]" {
		t.Errorf("due %v, want page and step", got)
	}
}

func TestOneOpenAlarm(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	if err := st.RaiseAlarm(ctx, anAlarm("a1"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := st.RaiseAlarm(ctx, anAlarm("a1"), []insole.Page{aPage("a1")}, nil); !errors.Is(err, store.ErrSameCause) || !errors.Is(err, insole.ErrConflict) {
		t.Errorf("the same cause again = %v, want ErrSameCause", err)
	}
	if err := st.RaiseAlarm(ctx, anAlarm("a2"), nil, nil); !errors.Is(err, store.ErrOpen) {
		t.Errorf("a second alarm of one kind = %v, want ErrOpen", err)
	}
	if id, err := st.OpenAlarm(ctx, "acme", "marie", insole.AlarmSOS); err != nil || id != "a1" {
		t.Errorf("open alarm %q, %v", id, err)
	}
	other := anAlarm("a3")
	other.Kind = insole.AlarmFall
	if err := st.RaiseAlarm(ctx, other, nil, nil); err != nil {
		t.Errorf("an alarm of another kind = %v", err)
	}
	if f, err := st.GetAlarmFile(ctx, "acme", "a1"); err != nil || len(f.Pages) != 0 {
		t.Errorf("the refused raise left pages: %+v, %v", f.Pages, err)
	}
	if all, err := st.OpenAlarms(ctx, "acme"); err != nil || len(all) != 2 {
		t.Errorf("%d open alarms, want 2 (%v)", len(all), err)
	}
	if all, err := st.OpenAlarms(ctx, "evil"); err != nil || len(all) != 0 {
		t.Errorf("another org has %d open alarms (%v)", len(all), err)
	}

	ended := anAlarm("a1")
	ended.State, ended.EndedAt, ended.EndedBy, ended.Reason, ended.NextStepAt, ended.Version = insole.Resolved, clockNoon, "u1", insole.ReasonReal, time.Time{}, 2
	if err := st.SaveAlarm(ctx, ended, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if err := st.SaveAlarm(ctx, ended, nil, nil, ""); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("saving over the same version twice = %v, want ErrConflict", err)
	}
	if all, err := st.OpenAlarms(ctx, "acme"); err != nil || len(all) != 1 || all[0].ID != "a3" {
		t.Errorf("after the end %v are open (%v), want the fall", all, err)
	}
	if got := due(t, st, clockNoon.Add(time.Hour)); slices.Contains(got, "a1") {
		t.Errorf("an ended alarm is due")
	}
	if err := st.RaiseAlarm(ctx, anAlarm("a1"), nil, nil); !errors.Is(err, store.ErrSameCause) {
		t.Errorf("the cause of an ended alarm = %v, want ErrSameCause", err)
	}
	if err := st.RaiseAlarm(ctx, anAlarm("a2"), nil, nil); err != nil {
		t.Errorf("a new alarm after the end = %v", err)
	}
}

func TestAliasStore(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	if err := st.RaiseAlarm(ctx, anAlarm("a1"), nil, nil); err != nil {
		t.Fatal(err)
	}
	next := anAlarm("a1")
	next.Presses, next.Version = 2, 2
	if err := st.SaveAlarm(ctx, next, nil, nil, "a2"); err != nil {
		t.Fatal(err)
	}
	next.Presses, next.Version = 3, 3
	if err := st.SaveAlarm(ctx, next, nil, nil, "a2"); !errors.Is(err, store.ErrSameCause) {
		t.Errorf("the same press again = %v, want ErrSameCause", err)
	}
	if a, err := st.GetAlarm(ctx, "acme", "a2"); err != nil || a.ID != "a1" || a.Presses != 2 {
		t.Errorf("by its other name: %+v, %v", a, err)
	}
	if f, err := st.GetAlarmFile(ctx, "acme", "a2"); err != nil || f.Alarm.ID != "a1" {
		t.Errorf("file by its other name: %+v, %v", f.Alarm, err)
	}
	for range 2 {
		if err := st.AliasAlarm(ctx, "acme", "a4", "a1"); err != nil {
			t.Errorf("AliasAlarm = %v", err)
		}
	}
	if err := st.RaiseAlarm(ctx, anAlarm("a4"), nil, nil); !errors.Is(err, store.ErrSameCause) {
		t.Errorf("raising what is an alias = %v, want ErrSameCause", err)
	}
}

func TestClaimPage(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	if err := st.RaiseAlarm(ctx, anAlarm("a1"), []insole.Page{aPage("a1")}, nil); err != nil {
		t.Fatal(err)
	}
	p := aPage("a1")
	claimed, err := st.ClaimPage(ctx, p, clockNoon)
	if err != nil || claimed.State != insole.PageClaimed || claimed.Tries != 1 {
		t.Fatalf("ClaimPage = %+v, %v", claimed, err)
	}
	if _, err := st.ClaimPage(ctx, p, clockNoon); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("a second claim = %v, want ErrConflict", err)
	}
	if got := due(t, st, clockNoon.Add(29*time.Second)); len(got) != 0 {
		t.Errorf("due while claimed: %v", got)
	}
	if got := due(t, st, clockNoon.Add(31*time.Second)); len(got) != 1 {
		t.Errorf("due after the claim has lapsed: %v, want the page", got)
	}
	// Taken over; then the first one comes back too late.
	again, err := st.ClaimPage(ctx, claimed, clockNoon.Add(31*time.Second))
	if err != nil || again.Tries != 2 {
		t.Fatalf("taking over = %+v, %v", again, err)
	}
	late := claimed
	late.State, late.MessageID = insole.PageAccepted, "m1"
	if err := st.SavePage(ctx, claimed, late); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("the first one, too late = %v, want ErrConflict", err)
	}
	done := again
	done.State, done.MessageID, done.DoneAt = insole.PageAccepted, "m2", clockNoon
	if err := st.SavePage(ctx, again, done); err != nil {
		t.Fatal(err)
	}
	if got := due(t, st, clockNoon.Add(time.Minute)); len(got) != 0 {
		t.Errorf("due after it was accepted: %v", got)
	}
	taken := anAlarm("a1")
	taken.State, taken.Owner, taken.Version = insole.Taken, "u1", 2
	second := aPage("a1")
	second.Step = 2
	if err := st.SaveAlarm(ctx, taken, []insole.Page{second}, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ClaimPage(ctx, second, clockNoon); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("claiming a page of a taken alarm = %v, want ErrConflict", err)
	}
}

func TestLiveItem(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	if _, err := st.GetLive(ctx, "acme", "i1"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("never heard = %v, want ErrNotFound", err)
	}
	l := store.Live{Org: "acme", Insole: "i1", Worker: "marie", Version: 1, State: rules.State{HeardAt: clockNoon, At: clockNoon, Boot: 1, Seq: 1}}
	if err := st.SaveLive(ctx, l); err != nil {
		t.Fatal(err)
	}
	if err := st.SaveLive(ctx, l); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("a first one twice = %v, want ErrConflict", err)
	}
	l.Version = 3
	if err := st.SaveLive(ctx, l); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("over a version that is not there = %v, want ErrConflict", err)
	}
	for i := range 40 {
		other := l
		other.Insole, other.Version = insole.ID(fmt.Sprintf("x%d", i)), 1
		if err := st.SaveLive(ctx, other); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := st.LiveItems(ctx, "acme", false); err != nil || len(all) != 41 {
		t.Errorf("%d live items, want 41 (%v)", len(all), err)
	}
	if all, err := st.LiveItems(ctx, "evil", false); err != nil || len(all) != 0 {
		t.Errorf("another org sees %d live items (%v)", len(all), err)
	}
}

func TestPositions(t *testing.T) {
	now := clockNoon
	st, _ := standintest.Store(t, func() time.Time { return now })
	ctx := t.Context()
	l := store.Live{Org: "acme", Insole: "i1", Worker: "marie", Version: 1}
	point := func(seq uint32, at time.Time) store.Point {
		return store.Point{Boot: 1, Seq: seq, Kind: insole.KindFix, At: at, HeardAt: at, Fix: &insole.Fix{Lat: 43, Lon: 7, At: at}}
	}
	yesterday := clockNoon.Add(-24 * time.Hour)
	ends := clockNoon.Add(48 * time.Hour)
	if err := st.PutHistory(ctx, l, []store.Point{point(1, yesterday), point(2, yesterday.Add(time.Minute))}, ends); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeat changes nothing
		if err := st.PutHistory(ctx, l, []store.Point{point(2, yesterday.Add(time.Minute)), point(3, yesterday.Add(2*time.Minute))}, ends); err != nil {
			t.Fatal(err)
		}
	}
	l.Ring = []store.Point{point(3, yesterday.Add(2*time.Minute)), point(4, clockNoon)}
	if err := st.SaveLive(ctx, l); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		org      insole.OrgID
		worker   insole.WorkerID
		from, to time.Time
		want     string
	}{
		{"all", "acme", "marie", yesterday.Add(-time.Hour), clockNoon.Add(time.Hour), "[1 2 3 4]"},
		{"both ends count", "acme", "marie", yesterday, yesterday.Add(time.Minute), "[1 2]"},
		{"yesterday's end", "acme", "marie", yesterday.Add(90 * time.Second), clockNoon.Add(-time.Hour), "[3]"},
		{"another worker", "acme", "paul", yesterday.Add(-time.Hour), clockNoon, "[]"},
		{"another org", "evil", "marie", yesterday.Add(-time.Hour), clockNoon, "[]"},
	} {
		got, err := st.Positions(ctx, tt.org, tt.worker, "i1", tt.from, tt.to)
		seqs := []uint32{}
		for _, p := range got {
			seqs = append(seqs, p.Seq)
		}
		if err != nil || fmt.Sprint(seqs) != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.name, seqs, err, tt.want)
		}
	}
	for _, bad := range [][2]time.Time{{clockNoon, yesterday}, {yesterday.Add(-60 * 24 * time.Hour), clockNoon}} {
		if _, err := st.Positions(ctx, "acme", "marie", "i1", bad[0], bad[1]); !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("range %v to %v = %v, want ErrInvalid", bad[0], bad[1], err)
		}
	}
	now = ends.Add(time.Second) // expired, and not deleted yet
	if got, err := st.Positions(ctx, "acme", "marie", "i1", yesterday.Add(-time.Hour), yesterday.Add(90*time.Second)); err != nil || len(got) != 0 {
		t.Errorf("%d positions after their time (%v)", len(got), err)
	}
}

// What is away is away, whatever it looks like; what is a condition is a conflict.
func TestWhatErrorsMean(t *testing.T) {
	st, srv := standintest.Store(t, fixed)
	ctx := t.Context()
	for _, f := range []standin.Fault{
		{Service: "dynamodb", Kind: standin.FaultRefuse}, {Service: "dynamodb", Kind: standin.Fault5xx}, {Service: "dynamodb", Kind: standin.FaultThrottle},
	} {
		if err := srv.SetFaults(f); err != nil {
			t.Fatal(err)
		}
		if _, err := st.GetAlarm(ctx, "acme", "a1"); !errors.Is(err, insole.ErrAway) || errors.Is(err, insole.ErrNotFound) {
			t.Errorf("%s: reading = %v, want ErrAway", f.Kind, err)
		}
		if err := st.RaiseAlarm(ctx, anAlarm("a1"), nil, nil); !errors.Is(err, insole.ErrAway) || errors.Is(err, insole.ErrConflict) {
			t.Errorf("%s: a transaction = %v, want ErrAway", f.Kind, err)
		}
		if _, err := st.OpenAlarms(ctx, "acme"); !errors.Is(err, insole.ErrAway) {
			t.Errorf("%s: a query = %v, want ErrAway", f.Kind, err)
		}
	}
	if err := srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	missing := *st
	missing.Table = "no-such-table"
	if _, err := missing.GetAlarm(ctx, "acme", "a1"); !errors.Is(err, insole.ErrAway) {
		t.Errorf("a table that is not there = %v, want ErrAway: it says nothing about the alarm", err)
	}
}

// Brisk gives up on a table that nobody serves fast enough for an SOS.
func TestBriskIsBrisk(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close() // refused from now on
	st := store.New(aws.Config{Region: "eu-west-3", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}, "t", store.Brisk)
	began := time.Now()
	for range 3 { // no quota of retries that runs out
		if _, err := st.GetAlarm(t.Context(), "acme", "a1"); !errors.Is(err, insole.ErrAway) {
			t.Fatalf("GetAlarm = %v, want ErrAway", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("three refused calls took %v", took)
	}
}

func TestQuarantine(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	y := store.Stray{At: clockNoon, Raw: []byte("GET / HTTP/1.1"), Why: "no dialect", Remote: "192.0.2.1:4711"}
	for range 2 {
		if err := st.Quarantine(t.Context(), y); err != nil {
			t.Fatal(err)
		}
	}
	big := store.Stray{At: clockNoon, Raw: make([]byte, 900<<10), Why: "envelope"}
	if err := st.Quarantine(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	got, err := st.Quarantined(t.Context(), clockNoon)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d in quarantine, want 2 (%v)", len(got), err)
	}
	for _, s := range got {
		if len(s.Raw) > store.MaxQuarantined || !s.At.Equal(clockNoon) || s.Why == "" {
			t.Errorf("kept %d bytes of %v: %q", len(s.Raw), s.At, s.Why)
		}
	}
}
