package alarm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
)

type hangs struct{}

func (hangs) Look(ctx context.Context, _ insole.OrgID, _ insole.WorkerID, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

// slowFor is a publisher that takes until other is published to publish anything about id.
type slowFor struct {
	alarm.Publisher
	id    insole.AlarmID
	other chan struct{}
}

func (p slowFor) Send(ctx context.Context, a insole.Alarm, page insole.Page, now time.Time) (string, error) {
	if a.ID == p.id {
		select {
		case <-p.other:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	m, err := p.Publisher.Send(ctx, a, page, now)
	if a.ID != p.id && page.Channel == insole.Email {
		close(p.other)
	}
	return m, err
}

func step(name, id string) events.SQSMessage {
	return events.SQSMessage{MessageId: name + id, Body: fmt.Sprintf(`{"v":1,"org":"acme",%q:%q}`, name, id), EventSource: "aws:sqs"}
}

// No alarm of a batch waits for another one, nor for somebody's check-ins; and what could not be done is named before the function is stopped.
func TestNoAlarmWaitsForItsBatch(t *testing.T) {
	w := newWorld(t)
	first := w.raise(causeOf(insole.AlarmDangerZone, "k1"))
	second := w.raise(causeOf(insole.AlarmSOS, "k2"))
	w.engine.Publisher = slowFor{w.phone, first.ID, make(chan struct{})}
	w.h.CheckIns = hangs{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	resp, err := w.h.HandleSQS(ctx, events.SQSEvent{Records: []events.SQSMessage{step("worker", "marie"), step("alarm", string(first.ID)), step("alarm", string(first.ID)), step("alarm", string(second.ID))}})
	if err != nil || ctx.Err() != nil || len(resp.BatchItemFailures) != 1 || resp.BatchItemFailures[0].ItemIdentifier != "workermarie" {
		t.Errorf("HandleSQS = %v, %v; out of time: %v", resp, err, ctx.Err())
	}
	if got := w.phone.list(); len(got) != 4 {
		t.Errorf("sent %q", got)
	}
}

// That a kind is switched off is written down where that can be; where it cannot, the raiser has still done what it was asked, and nothing comes back or pages.
func TestSwitchedOffWithTheTableAway(t *testing.T) {
	w := newWorld(t)
	w.team.Settings = insole.Settings{insole.AlarmTakenOff: {Off: true}}
	if err := w.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	if _, raised, err := w.raiser.Raise(t.Context(), causeOf(insole.AlarmTakenOff, "k1")); raised || err != nil {
		t.Errorf("Raise = %v, %v", raised, err)
	}
}
