package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	smithytime "github.com/aws/smithy-go/time"

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

// HandleSQS looks at every alarm that a step message names, all at once, then at check-ins and musters: no alarm waits for another one, nor for thousands to be
// called. Messages that cannot be read are logged and let go: a step says nothing that the table does not say. It never returns an error: that would
// return the whole batch to the queue.
func (h *Handler) HandleSQS(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	type work struct {
		message string
		step    queue.Step
	}
	alarms := map[insole.AlarmID][]work{} // one after the other of one alarm, which would only be in each other's way
	var rest []work
	for _, m := range ev.Records {
		step, err := queue.ParseStep(m.Body)
		switch {
		case err != nil:
			h.Log.ErrorContext(ctx, "step not understood", "message", m.MessageId, "err", err)
		case step.Alarm != "":
			alarms[step.Alarm] = append(alarms[step.Alarm], work{m.MessageId, step})
		default:
			rest = append(rest, work{m.MessageId, step})
		}
	}
	slices.SortStableFunc(rest, func(a, b work) int { return strings.Compare(string(a.step.Muster), string(b.step.Muster)) }) // check-ins name none
	var (
		resp events.SQSEventResponse
		mu   sync.Mutex
		wg   sync.WaitGroup
	)
	do := func(w work, f func(context.Context, queue.Step) error) {
		if err := f(ctx, w.step); err != nil {
			h.Log.ErrorContext(ctx, "step not done", "message", w.message, "alarm", w.step.Alarm, "muster", w.step.Muster, "worker", w.step.Worker, "err", err)
			mu.Lock()
			defer mu.Unlock()
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: w.message})
		}
	}
	for _, list := range alarms {
		wg.Go(func() {
			for _, w := range list {
				do(w, h.advance)
			}
		})
	}
	wg.Wait()
	for _, w := range rest {
		switch {
		case w.step.Muster != "" && h.Musters != nil:
			do(w, h.look)
		case w.step.Worker != "" && h.CheckIns != nil:
			do(w, func(ctx context.Context, s queue.Step) error { return h.CheckIns.Look(ctx, s.Org, s.Worker, s.Due()) })
		}
	}
	return resp, nil
}

// inTime is ctx with a second less, at most a quarter of what is left: to name what failed, a function must answer before it is stopped.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-min(time.Second, time.Until(end)/4)))
	}
	return ctx, func() {}
}

// advance does what is due of the alarm of step, and asks for what comes next.
func (h *Handler) advance(ctx context.Context, step queue.Step) error {
	out, err := h.persist(ctx, step)
	if errors.Is(err, insole.ErrNotFound) {
		h.Log.WarnContext(ctx, "step of an alarm that is not there", "alarm", step.Alarm)
		return nil
	}
	if err != nil {
		return err
	}
	// A message that came before the time it was for goes on waiting; one for a time that is no longer the alarm's ends here, so that
	// every alarm has one chain of messages however often it is touched.
	if !out.Due.IsZero() && step.DueMs == out.Due.UnixMilli() && out.Due.After(h.Engine.Now()) {
		out.Changed = true
	}
	h.Engine.Ask(ctx, step.Org, step.Alarm, out)
	return nil
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
		if smithytime.SleepWithContext(ctx, wait) != nil {
			return out, err
		}
	}
}

// HandleStream looks at every alarm that was written and has something due. It names the first record it could not serve: everything from
// there on is offered again.
func (h *Handler) HandleStream(ctx context.Context, ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
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
