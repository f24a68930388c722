package ingest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/standin"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// One press, from the queue to the telephone.
func TestSOSPages(t *testing.T) {
	w := newWorld(t)
	r := w.record(insole.KindSOS)
	r.Fix = w.fix()
	sos := w.message(w.frame(r))
	w.must(sos)
	a := w.one()
	if a.State != insole.Active || a.Kind != insole.AlarmSOS || a.Worker != "marie" || a.WorkerName != "Marie D." || a.Team != "north" || a.Step != 1 || a.Presses != 1 {
		t.Errorf("alarm = %+v", a)
	}
	if a.Fix == nil || a.Fix.Lat < 43.6 || !a.SentAt.Equal(noon) {
		t.Errorf("alarm has fix %v, sent at %v", a.Fix, a.SentAt)
	}
	w.steps()
	got := w.outbox()
	if len(got) != 2 {
		t.Fatalf("outbox has %d notices, want an SMS and an e-mail: %+v", len(got), got)
	}
	for _, n := range got {
		if !strings.Contains(n.Text, a.ID.Reference()) || !strings.Contains(n.Text, public+"/a/") || !strings.Contains(n.Text, "Marie D.") {
			t.Errorf("%s to %s lacks reference, link or name: %q", n.Kind, n.To, n.Text)
		}
	}

	// The queue delivers it again, and so do the steps: nothing more happens.
	w.must(sos)
	w.must(sos)
	w.steps()
	if a := w.one(); a.Presses != 1 || len(w.outbox()) != 2 {
		t.Errorf("after a repeat: %d presses, %d notices, want 1 and 2", a.Presses, len(w.outbox()))
	}
	f, err := w.store.GetAlarmFile(t.Context(), "acme", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Pages {
		if p.State != insole.PageAccepted || p.MessageID == "" || p.Tries != 1 {
			t.Errorf("page %+v, want accepted at the first try", p)
		}
	}
}

// Promise 3: nothing that a report lacks, and nothing about it, stops a call for help.
func TestHelpIsNeverFiltered(t *testing.T) {
	night := insole.Shift{Days: []time.Weekday{time.Monday}, From: 22 * time.Hour, To: 23 * time.Hour, Zone: "Europe/Paris"}
	for _, tt := range []struct {
		name string
		f    func(w *world) queue.Frame
		sent time.Time
	}{
		{"without a fix", func(w *world) queue.Frame { return w.frame(w.record(insole.KindSOS)) }, noon},
		{"without a clock", func(w *world) queue.Frame {
			r := w.record(insole.KindSOS)
			r.At = time.Time{}
			return w.frame(r)
		}, noon},
		{"with a clock of 1970", func(w *world) queue.Frame {
			r := w.record(insole.KindSOS)
			r.At = time.Unix(86400, 0)
			return w.frame(r)
		}, noon},
		{"with a clock of tomorrow", func(w *world) queue.Frame {
			r := w.record(insole.KindSOS)
			r.At = noon.Add(24 * time.Hour)
			return w.frame(r)
		}, noon},
		{"an hour late", func(w *world) queue.Frame {
			r := w.record(insole.KindSOS)
			r.At = noon.Add(-time.Hour)
			return w.frame(r)
		}, noon.Add(-time.Hour)},
		{"behind newer positions", func(w *world) queue.Frame {
			r, fix := w.record(insole.KindSOS), w.record(insole.KindFix)
			fix.Fix = w.fix()
			w.must(w.message(w.frame(fix)))
			return w.frame(r)
		}, noon},
		{"from an insole that the table does not know", func(w *world) queue.Frame {
			f := w.frame(w.record(insole.KindSOS))
			f.Insole = "ffffffffffffffff"
			return f
		}, noon},
		{"beside a record that cannot be read", func(w *world) queue.Frame {
			f := w.frame(w.record(insole.KindSOS))
			f.Raw = append(f.Raw, 9, 0x01) // a fix, cut short
			f.Raw[14]++                    // one more record than there is
			return f
		}, noon},
		{"a kind that this build does not know", func(w *world) queue.Frame { return w.frame(w.record("unknown-42")) }, noon},
		{"in Teltonika's language", func(w *world) queue.Frame {
			raw, err := teltonika.AppendPacket(nil, teltonika.Codec8, []teltonika.Record{{Millis: uint64(noon.UnixMilli()), Priority: teltonika.Panic}})
			if err != nil {
				t.Fatal(err)
			}
			return queue.Frame{Insole: "350000000000001", Dialect: insole.Teltonika, Org: "acme", Team: "north", Worker: "luc", WorkerName: "Luc", HeardAtMs: noon.UnixMilli(), Raw: raw}
		}, noon},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, night) // and always off shift
			w.must(w.message(tt.f(w)))
			if a := w.one(); a.State != insole.Active || !a.SentAt.Equal(tt.sent) {
				t.Errorf("alarm is %s, sent %v, want active, sent %v", a.State, a.SentAt, tt.sent)
			}
			w.steps()
			if got := w.outbox(); len(got) != 2 {
				t.Errorf("%d notices, want 2", len(got))
			}
		})
	}
}

func TestLateSOSSaysHowLate(t *testing.T) {
	w := newWorld(t)
	r := w.record(insole.KindSOS)
	w.clock.Advance(22 * time.Minute)
	w.must(w.message(w.frame(r)))
	w.steps()
	for _, n := range w.outbox() {
		if !strings.Contains(n.Text, "envoyé il y a 22 min") && !strings.Contains(n.Text, "l'a envoyé il y a 22 min") {
			t.Errorf("%s does not say how late: %q", n.Kind, n.Text)
		}
	}
}

// A second press while the first is open starts the next step at once, also when somebody has taken it, and once however often it is told.
func TestSecondPressEscalates(t *testing.T) {
	w := newWorld(t)
	w.must(w.message(w.frame(w.record(insole.KindSOS))))
	w.steps()
	w.clock.Advance(10 * time.Second)
	again := w.message(w.frame(w.record(insole.KindSOS)))
	w.must(again)
	w.must(again)
	w.steps()
	if a := w.one(); a.Presses != 2 || a.Step != 2 {
		t.Fatalf("after the second press: %d presses, step %d, want 2 and 2", a.Presses, a.Step)
	}
	if got := w.outbox(); len(got) != 3 || got[2].To != "+33600000002" {
		t.Errorf("outbox = %+v, want a third notice, to Paul", got)
	}
	claire := insole.User{Org: "acme", ID: "u1", Name: "Claire M."}
	if _, err := w.desk.Take(t.Context(), "acme", w.one().ID, claire); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(10 * time.Second)
	w.must(w.message(w.frame(w.record(insole.KindSOS))))
	if a := w.one(); a.State != insole.Active || a.Presses != 3 || a.Owner != "" {
		t.Errorf("after a press while taken: %+v", a)
	}
	// And when it is over, the old presses raise nothing.
	if _, err := w.desk.Resolve(t.Context(), "acme", w.one().ID, claire, insole.ReasonReal, "done"); err != nil {
		t.Fatal(err)
	}
	w.must(again)
	if got := w.open(); len(got) != 0 {
		t.Errorf("a press told again after the end raised %v", got)
	}
}

// Promise 6: the database gone, the press still pages, once, at once, with the reference that the alarm will have; and the message stays.
func TestSOSPagesWithTheTableAway(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault standin.Fault
	}{
		{"refused", standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}},
		{"failing", standin.Fault{Service: "dynamodb", Kind: standin.Fault5xx}},
		{"throttled", standin.Fault{Service: "dynamodb", Kind: standin.FaultThrottle}},
		{"writes refused", standin.Fault{Service: "dynamodb", Operation: "TransactWriteItems", Kind: standin.FaultRefuse}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.srv.SetFaults(tt.fault); err != nil {
				t.Fatal(err)
			}
			sos := w.message(w.frame(w.record(insole.KindSOS)))
			began := time.Now()
			if failed := w.tell(sos); len(failed) != 1 {
				t.Fatalf("failed = %v, want the SOS to stay in the queue", failed)
			}
			took := time.Since(began)
			if took > 2*time.Second {
				t.Errorf("paging took %v", took)
			}
			t.Logf("paged after %v", took)
			got := w.outbox()
			if len(got) != 2 { // Claire, by SMS and by e-mail
				t.Fatalf("outbox = %+v, want 2 notices", got)
			}
			w.tell(sos)
			if n := len(w.outbox()); n != 2 {
				t.Errorf("told again, %d notices, want still 2", n)
			}
			if err := w.srv.SetFaults(); err != nil {
				t.Fatal(err)
			}
			w.must(sos)
			a := w.one()
			for _, n := range got {
				if !strings.Contains(n.Text, a.ID.Reference()) {
					t.Errorf("emergency %s has not the alarm's reference %s: %q", n.Kind, a.ID.Reference(), n.Text)
				}
			}
		})
	}
}

// A table that takes the packet and never answers costs no more than HelpWait.
func TestSOSPagesWithASilentTable(t *testing.T) {
	w := newWorld(t)
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultDelay, Delay: standin.Duration(20 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	notices, stop := w.srv.Outbox().Subscribe()
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // as Lambda gives it
	defer cancel()
	var told sync.WaitGroup
	began := time.Now()
	sos := w.message(w.frame(w.record(insole.KindSOS)))
	told.Go(func() {
		resp, err := w.ingest.HandleSQS(ctx, events.SQSEvent{Records: []events.SQSMessage{sos}})
		if err != nil || len(resp.BatchItemFailures) != 1 {
			t.Errorf("HandleSQS = %v, %v, want the one message to come again", resp, err)
		}
	})
	for range 2 {
		<-notices
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("paging took %v", took)
	}
	told.Wait()
	if n := len(w.outbox()); n != 2 {
		t.Errorf("%d notices, want 2", n)
	}
}

func TestTrackWaitsForTheTable(t *testing.T) {
	w := newWorld(t)
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	r := w.record(insole.KindFix)
	r.Fix = w.fix()
	m := w.message(w.frame(r))
	if failed := w.tell(m); len(failed) != 1 {
		t.Fatalf("failed = %v, want the message", failed)
	}
	if n := len(w.outbox()); n != 0 {
		t.Errorf("a position paged %d people", n)
	}
	if err := w.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	w.must(m)
}

func TestPreAlarm(t *testing.T) {
	for _, tt := range []struct {
		name  string
		f     func(w *world)
		state insole.AlarmState // "" = none open
		pages int
	}{
		{"silence is an alarm", func(w *world) {
			w.must(w.message(w.frame(w.pre())))
			w.clock.Advance(31 * time.Second)
		}, insole.Active, 2},
		{"waits for its deadline", func(w *world) {
			w.must(w.message(w.frame(w.pre())))
			w.clock.Advance(29 * time.Second)
		}, insole.Pending, 0},
		{"cancelled by its wearer", func(w *world) {
			w.must(w.message(w.frame(w.pre())))
			w.must(w.message(w.frame(w.record(insole.KindPreAlarmCancel))))
			w.clock.Advance(31 * time.Second)
		}, "", 0},
		{"cancelled before it was heard", func(w *world) {
			pre := w.frame(w.pre())
			w.must(w.message(w.frame(w.record(insole.KindPreAlarmCancel))))
			w.must(w.message(pre))
			w.clock.Advance(31 * time.Second)
		}, "", 0},
		{"an old cancel is of another one", func(w *world) {
			old := w.frame(w.record(insole.KindPreAlarmCancel))
			w.must(w.message(w.frame(w.pre())))
			w.must(w.message(old))
			w.clock.Advance(31 * time.Second)
		}, insole.Active, 2},
		{"confirmed by the insole", func(w *world) {
			w.must(w.message(w.frame(w.pre())))
			w.must(w.message(w.frame(w.record(insole.KindFall))))
		}, insole.Active, 2},
		{"too late to cancel", func(w *world) {
			w.must(w.message(w.frame(w.pre())))
			w.clock.Advance(31 * time.Second)
			w.steps()
			w.must(w.message(w.frame(w.record(insole.KindPreAlarmCancel))))
		}, insole.Active, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.f(w)
			w.steps()
			open := w.open()
			switch {
			case tt.state == "" && len(open) != 0:
				t.Errorf("open alarms %v, want none", open)
			case tt.state != "" && (len(open) != 1 || open[0].State != tt.state):
				t.Errorf("open alarms %v, want one %s", open, tt.state)
			}
			if n := len(w.outbox()); n != tt.pages {
				t.Errorf("%d notices, want %d", n, tt.pages)
			}
		})
	}
}

func TestReturnedToNormal(t *testing.T) {
	w := newWorld(t)
	w.must(w.message(w.frame(w.record(insole.KindFall))))
	w.must(w.message(w.frame(w.record(insole.KindUpright))))
	if a := w.one(); a.ReturnedAt.IsZero() || a.State != insole.Active {
		t.Errorf("after upright: %s, returned %v, want active and returned", a.State, a.ReturnedAt)
	}
}

func TestStrays(t *testing.T) {
	w := newWorld(t)
	fix := w.record(insole.KindFix)
	fix.Fix = w.fix()
	good := w.frame(fix)
	bad := w.frame(w.record(insole.KindFix))
	bad.Raw = []byte{1, 2, 3}
	fromBridge := queue.Frame{Quarantine: "no dialect begins so", Remote: "192.0.2.1:4711", HeardAtMs: noon.UnixMilli(), Raw: []byte("GET / HTTP/1.1")}
	alien := good
	alien.Dialect = "morse"
	broken := events.SQSMessage{MessageId: "broken", Body: `{"v":1,"frames":`, Attributes: map[string]string{"SentTimestamp": "1795435200000"}}
	future := events.SQSMessage{MessageId: "future", Body: `{"v":9,"frames":[]}`, Attributes: map[string]string{"SentTimestamp": "1795435200000"}}
	all := []events.SQSMessage{broken, w.message(bad, good), w.message(fromBridge), w.message(alien), future}
	w.must(all...)
	w.must(all...) // a second delivery keeps nothing twice
	got, err := w.store.Quarantined(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 {
		t.Errorf("%d in quarantine, want 5: %+v", len(got), got)
	}
	l, err := w.store.GetLive(t.Context(), "acme", marie)
	if err != nil || l.State.Fix == nil {
		t.Errorf("the good frame beside a bad one: live = %+v, %v", l, err)
	}
}

// An old report from the backlog never moves the last-known position back, and is in history all the same.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	var old []queue.Frame
	for range 5 {
		r := w.record(insole.KindFix)
		r.Fix = w.fix()
		r.Fix.Lat = 40
		old = append(old, w.frame(r))
		w.clock.Advance(10 * time.Second)
	}
	r := w.record(insole.KindFix)
	r.Fix = w.fix()
	now := w.message(w.frame(r))
	w.must(now)
	for i := len(old) - 1; i >= 0; i-- { // newest first
		w.must(w.message(old[i]))
	}
	l, err := w.store.GetLive(t.Context(), "acme", marie)
	if err != nil {
		t.Fatal(err)
	}
	if l.State.Seq != 6 || l.State.Fix.Lat < 43 {
		t.Errorf("state = %+v, fix %+v: the backlog moved it", l.State, l.State.Fix)
	}
	got, err := w.store.Positions(t.Context(), "acme", "marie", marie, noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 6 {
		t.Fatalf("%d positions, want 6", len(got))
	}
	for i, p := range got {
		if p.Seq != uint32(i+1) {
			t.Errorf("position %d has sequence %d", i, p.Seq)
		}
	}
}

// Off shift the table holds no whereabouts; that the insole was heard, and its battery, it does.
func TestOffShift(t *testing.T) {
	w := newWorld(t, insole.Shift{Days: []time.Weekday{time.Monday}, From: 22 * time.Hour, To: 23 * time.Hour, Zone: "Europe/Paris"})
	r := w.record(insole.KindFix)
	r.Fix, r.Steps, r.Posture, r.Battery = w.fix(), 100, insole.Walking, &insole.Battery{Percent: 60}
	w.must(w.message(w.frame(r)))
	l, err := w.store.GetLive(t.Context(), "acme", marie)
	if err != nil {
		t.Fatal(err)
	}
	if s := l.State; s.Fix != nil || s.Steps != 0 || s.Posture != "" || s.Battery == nil || s.Battery.Percent != 60 || !s.HeardAt.Equal(noon) {
		t.Errorf("off shift the state is %+v", s)
	}
	for _, p := range l.Ring {
		if p.Fix != nil || p.Steps != 0 {
			t.Errorf("off shift the ring holds %+v", p)
		}
	}
}

// A day of packs: every report is found again, once, also when messages come twice.
func TestHistoryLosesNothing(t *testing.T) {
	w := newWorld(t)
	const n = 400
	for i := range n / 4 {
		var frames []queue.Frame
		for range 4 {
			r := w.record(insole.KindFix)
			r.Fix = w.fix()
			r.Fix.Lat += float64(i) * 1e-4
			frames = append(frames, w.frame(r))
			w.clock.Advance(10 * time.Second)
		}
		m := w.message(frames...)
		w.must(m)
		if i%5 == 0 {
			w.must(m)
		}
	}
	got, err := w.store.Positions(t.Context(), "acme", "marie", marie, noon, noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != n {
		t.Fatalf("%d positions, want %d", len(got), n)
	}
	if other, err := w.store.Positions(t.Context(), "acme", "paul", marie, noon, noon.Add(24*time.Hour)); err != nil || len(other) != 0 {
		t.Errorf("another worker sees %d positions, %v", len(other), err)
	}
	if other, err := w.store.Positions(t.Context(), "evil", "marie", marie, noon, noon.Add(24*time.Hour)); err != nil || len(other) != 0 {
		t.Errorf("another org sees %d positions, %v", len(other), err)
	}
}

// The live item of an insole with the longest names stays within one write unit.
func TestLiveItemSize(t *testing.T) {
	w := newWorld(t)
	for range 200 {
		r := w.record(insole.KindFix)
		r.Fix, r.Battery, r.Steps, r.Posture, r.Expect = w.fix(), &insole.Battery{Percent: 87, Millivolts: 3912, Charging: false}, w.seq*13, insole.Walking, 10*time.Second
		w.clock.Advance(10 * time.Second)
		before := w.srv.Usage().DynamoDB["solewatch"].WriteUnits
		w.must(w.message(w.frame(r)))
		after := w.srv.Usage().DynamoDB["solewatch"].WriteUnits
		if after-before > 2 { // the live item, and now and then one of history
			t.Fatalf("report %d cost %v write units", w.seq, after-before)
		}
	}
}

func (w *world) pre() sole.Record {
	p := w.record(insole.KindPreAlarm)
	p.PreAlarm, p.About = 30*time.Second, insole.KindFall
	return p
}
