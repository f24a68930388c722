package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/alarm"
	"solewatch/internal/checkin"
	"solewatch/internal/ingest"
	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

// raised says when the first alarm is raised.
type raised struct {
	ingest.Alarms
	once *sync.Once
	done chan struct{}
}

func (r raised) Raise(ctx context.Context, c alarm.Cause) (insole.Alarm, bool, error) {
	r.once.Do(func() { close(r.done) })
	return r.Alarms.Raise(ctx, c)
}

// A table that takes what is no report only when an alarm has been raised.
type helpFirst struct {
	*store.Store
	raised <-chan struct{}
	waited *atomic.Int32
}

func (s helpFirst) wait(ctx context.Context) {
	select {
	case <-s.raised:
	case <-ctx.Done():
		s.waited.Add(1)
	}
}

func (s helpFirst) Quarantine(ctx context.Context, st store.Stray) error {
	s.wait(ctx)
	return s.Store.Quarantine(context.WithoutCancel(ctx), st)
}

func (s helpFirst) SavePulse(ctx context.Context, bridge string, at time.Time, bye bool) error {
	s.wait(ctx)
	return s.Store.SavePulse(context.WithoutCancel(ctx), bridge, at, bye)
}

// Nobody who calls for help waits for what nobody understands, nor for what a bridge says of itself, though these came first in the batch.
func TestHelpBeforeStrays(t *testing.T) {
	w := newWorld(t)
	r := raised{w.ingest.Alarms, &sync.Once{}, make(chan struct{})}
	var waited atomic.Int32
	w.ingest.Alarms, w.ingest.Store = r, helpFirst{w.store, r.done, &waited}
	garbled := w.frame()
	garbled.Raw = []byte("what is this")
	pulse, err := json.Marshal(queue.Envelope{V: queue.EnvelopeVersion, Bridge: "b-1", Frames: []queue.Frame{}, Pulse: w.clock.Now().UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	batch := []events.SQSMessage{{MessageId: "envelope", Body: "{"}, {MessageId: "pulse", Body: string(pulse)}, w.message(garbled), w.message(w.frame(w.record(insole.KindSOS)))}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	resp, err := w.ingest.HandleSQS(ctx, events.SQSEvent{Records: batch})
	if err != nil || len(resp.BatchItemFailures) > 0 || waited.Load() > 0 {
		t.Errorf("HandleSQS = %v, %v; %d kept help waiting", resp, err, waited.Load())
	}
	if a := w.one(); a.Kind != insole.AlarmSOS {
		t.Errorf("%s is open", a.Kind)
	}
}

// A table on which what is beside the matter cannot be written or read, now or ever.
type beside struct {
	*store.Store
	err error
}

func (s beside) PutRefusal(context.Context, store.Refusal) error { return s.err }

func (s beside) GetDownlink(context.Context, insole.ID, uint32) (insole.Downlink, error) {
	return insole.Downlink{}, s.err
}

// Check-ins that nobody can read.
type garbledCheckIns struct{ err error }

func (g garbledCheckIns) Heard(context.Context, insole.OrgID, insole.WorkerID, time.Time) error {
	return g.err
}
func (g garbledCheckIns) Shift(context.Context, insole.OrgID, insole.WorkerID) (insole.Stretch, error) {
	return insole.Stretch{}, g.err
}
func (g garbledCheckIns) Walked(context.Context, insole.OrgID, insole.WorkerID, time.Time) (insole.Stretch, error) {
	return insole.Stretch{}, g.err
}
func (g garbledCheckIns) Charged(context.Context, insole.OrgID, insole.WorkerID, time.Time) (insole.Stretch, error) {
	return insole.Stretch{}, g.err
}

// Where an item beside the matter can be read by nobody, its insole is heard all the same: trying again for 16 hours would not mend it.
func TestUnreadableBesideTheMatter(t *testing.T) {
	w := newWorld(t)
	never := fmt.Errorf("an item: %w", insole.ErrInvalid)
	w.ingest.Store, w.ingest.CheckIns = beside{w.store, never}, garbledCheckIns{never}
	answer := w.record(insole.KindAnswer)
	answer.Downlink = 7
	off := w.record(insole.KindTakenOff)
	off.Battery = &insole.Battery{Percent: 50, Charging: true} // refused
	w.must(w.message(w.frame(answer, w.record(insole.KindCheckIn), off)))
	if l, err := w.store.GetLive(t.Context(), "acme", marie); err != nil || l.State.Seq != w.seq {
		t.Errorf("live item: %+v, %v; want sequence %d", l.State, err, w.seq)
	}
}

// Why nothing was raised is written down where that can be: it never sends a report back.
func TestRefusalIsBesideTheMatter(t *testing.T) {
	w := newWorld(t)
	w.ingest.Store = beside{w.store, fmt.Errorf("throttled: %w", insole.ErrAway)}
	off := w.record(insole.KindTakenOff)
	off.Battery = &insole.Battery{Percent: 50, Charging: true}
	w.must(w.message(w.frame(off)))
}

// Whose shift cannot be read is neither at work nor not: their positions wait in the queue, and are not dropped as those of somebody who is at home.
func TestUnknownShiftDropsNothing(t *testing.T) {
	w, e := asked(t, insole.ByHand)
	_, err := e.Said(t.Context(), "acme", "marie", func(c insole.CheckIns, wr checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return checkin.ShiftBegan(c, wr, now, now, "worker", checkin.Who{}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	real := w.ingest.CheckIns
	w.ingest.CheckIns = garbledCheckIns{fmt.Errorf("throttled: %w", insole.ErrAway)}
	r := w.record(insole.KindFix)
	r.Fix = w.fix()
	m := w.message(w.frame(r))
	if failed := w.tell(m); len(failed) != 1 {
		t.Errorf("failed %v; want the message back in the queue", failed)
	}
	w.ingest.CheckIns = real
	w.must(m)
	if l, err := w.store.GetLive(t.Context(), "acme", marie); err != nil || len(l.Ring) != 1 {
		t.Errorf("%d positions, %v; want 1", len(l.Ring), err)
	}
}
