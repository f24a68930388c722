package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

// A Handler is the alarm function: it hears of what is due from the steps queue and from the table's stream.
type Handler struct {
	Engine   *Engine
	Musters  Musters  // nil: there are none
	CheckIns CheckIns // nil: nobody is asked
	Log      *slog.Logger
}

// CheckIns is who is asked whether they are well. *checkin.Engine is one.
type CheckIns interface {
	Look(ctx context.Context, o insole.OrgID, w insole.WorkerID, due time.Time) error
}

// Handle serves both kinds of event that the function is mapped to, told apart by their eventSource. An event of neither kind is an error.
func (h *Handler) Handle(ctx context.Context, event json.RawMessage) (any, error) {
	var kind struct {
		Records []struct{ EventSource string }
	}
	if err := json.Unmarshal(event, &kind); err != nil {
		return nil, fmt.Errorf("event: %w: %w", insole.ErrInvalid, err)
	}
	if len(kind.Records) == 0 {
		return nil, fmt.Errorf("event without records: %w", insole.ErrInvalid)
	}
	switch source := kind.Records[0].EventSource; source {
	case "aws:sqs":
		var ev events.SQSEvent
		if err := json.Unmarshal(event, &ev); err != nil {
			return nil, fmt.Errorf("queue event: %w: %w", insole.ErrInvalid, err)
		}
		return h.HandleSQS(ctx, ev)
	case "aws:dynamodb":
		var ev events.DynamoDBEvent
		if err := json.Unmarshal(event, &ev); err != nil {
			return nil, fmt.Errorf("stream event: %w: %w", insole.ErrInvalid, err)
		}
		return h.HandleStream(ctx, ev)
	default:
		return nil, fmt.Errorf("event from %q: %w", source, insole.ErrInvalid)
	}
}

// HandleSQS looks at every alarm that a step message names. Messages that cannot be read are logged and let go: a step says nothing that
// the table does not say. It never returns an error: that would return the whole batch to the queue.
func (h *Handler) HandleSQS(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	var resp events.SQSEventResponse
	musters := map[string]queue.Step{} // by message, once for each look: the last of the batch, since no alarm may wait for thousands to be called
	for _, m := range ev.Records {
		step, err := queue.ParseStep(m.Body)
		if err != nil {
			h.Log.ErrorContext(ctx, "step not understood", "message", m.MessageId, "err", err)
			continue
		}
		if step.Muster != "" {
			musters[m.MessageId] = step
			continue
		}
		if step.Worker != "" {
			if h.CheckIns == nil {
				continue
			}
			if err := h.CheckIns.Look(ctx, step.Org, step.Worker, step.Due()); err != nil {
				h.Log.ErrorContext(ctx, "check-ins not looked at", "message", m.MessageId, "worker", step.Worker, "err", err)
				resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
			continue
		}
		out, err := h.persist(ctx, step)
		switch {
		case errors.Is(err, insole.ErrNotFound):
			h.Log.WarnContext(ctx, "step of an alarm that is not there", "message", m.MessageId, "alarm", step.Alarm)
			continue
		case err != nil:
			h.Log.ErrorContext(ctx, "alarm not advanced", "message", m.MessageId, "alarm", step.Alarm, "err", err)
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			continue
		}
		// A message that came before the time it was for goes on waiting; one for a time that is no longer the alarm's ends here, so that
		// every alarm has one chain of messages however often it is touched.
		if !out.Due.IsZero() && step.DueMs == out.Due.UnixMilli() && out.Due.After(h.Engine.Now()) {
			out.Changed = true
		}
		h.Engine.Ask(ctx, step.Org, step.Alarm, out)
	}
	for id, step := range musters {
		if h.Musters == nil {
			continue
		}
		if err := h.look(ctx, step); err != nil {
			h.Log.ErrorContext(ctx, "muster not advanced", "message", id, "muster", step.Muster, "err", err)
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
	}
	return resp, nil
}

// persist advances the alarm of step, three times within ctx when the table does not answer: the queue would offer the message again in two
// minutes only, and the sweep finds it within one.
func (h *Handler) persist(ctx context.Context, step queue.Step) (Outcome, error) {
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		out, err := h.Engine.Advance(ctx, step.Org, step.Alarm)
		end, bounded := ctx.Deadline()
		if err == nil || !errors.Is(err, insole.ErrAway) || wait > 400*time.Millisecond || bounded && time.Until(end) < 10*time.Second {
			return out, err
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return out, err
		}
	}
}

// HandleStream looks at every alarm that was written and has something due. It names the first record it could not serve: everything from
// there on is offered again.
func (h *Handler) HandleStream(ctx context.Context, ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	var resp events.DynamoDBEventResponse
	for _, r := range ev.Records {
		err := h.stream(ctx, r)
		if err != nil {
			h.Log.ErrorContext(ctx, "alarm not advanced", "event", r.EventID, "err", err)
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
			return resp, nil
		}
	}
	return resp, nil
}

func (h *Handler) stream(ctx context.Context, r events.DynamoDBEventRecord) error {
	image := store.Image(r.Change.NewImage)
	switch image.Kind() {
	case "alarm":
	case "muster":
		h.nudge(ctx, image)
		return nil
	default:
		return nil
	}
	a, err := image.Alarm()
	if err != nil {
		h.Log.ErrorContext(ctx, "alarm of the stream not understood", "event", r.EventID, "err", err)
		return nil // the sweep reads the item itself; a record that cannot be read would block its shard
	}
	// A pre-alarm or a first step that waits is nobody's work yet. All else may have pages: queued with this very write, or not wanted any more.
	waits := a.State == insole.Pending || a.State == insole.Active && a.Step == 0
	if waits && a.NextStepAt.After(h.Engine.Now()) {
		return nil
	}
	out, err := h.Engine.Advance(ctx, a.Org, a.ID)
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h.Engine.Ask(ctx, a.Org, a.ID, out)
	return nil
}
