package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/insole"
)

// MaxDelay is the longest that SQS holds a message back. Longer waits are chained.
const MaxDelay = 900 * time.Second

// StepVersion is the only one that this build writes and reads.
const StepVersion = 1

// ParseStep reads the body of a message of the steps queue. Its errors wrap insole.ErrInvalid.
func ParseStep(body string) (Step, error) {
	var s Step
	err := json.Unmarshal([]byte(body), &s)
	if err != nil {
		return Step{}, fmt.Errorf("step: %w: %w", insole.ErrInvalid, err)
	}
	if s.V != StepVersion || s.Org == "" || named(s) != 1 {
		return Step{}, fmt.Errorf("step: version %d, org %q, alarm %q, muster %q, worker %q: %w", s.V, s.Org, s.Alarm, s.Muster, s.Worker, insole.ErrInvalid)
	}
	return s, nil
}

// Due is the time that s was sent for; zero for at once.
func (s Step) Due() time.Time {
	if s.DueMs == 0 {
		return time.Time{}
	}
	return time.UnixMilli(s.DueMs).UTC()
}

// named is how many things s names: it must be one.
func named(s Step) (n int) {
	for _, name := range []string{string(s.Alarm), string(s.Muster), string(s.Worker)} {
		if name != "" {
			n++
		}
	}
	return n
}

// StepsClient is what Steps asks of the SDK. *sqs.Client is one.
type StepsClient interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Steps sends to the steps queue.
type Steps struct {
	Client StepsClient
	URL    string
	Help   string // queue for alarms of kinds that hurry; empty: URL
}

// Send asks that alarm a, of kind k, be looked at again after wait, at most MaxDelay of it; a longer wait is chained by whoever gets the
// message too early. due is the time that the message is for, and tells two chains of one alarm apart; zero for "at once". A
// message that is lost here is found by the stream and by the sweep, so callers log the error and go on.
func (s *Steps) Send(ctx context.Context, o insole.OrgID, a insole.AlarmID, k insole.AlarmKind, due time.Time, wait time.Duration) error {
	url := s.URL
	if s.Help != "" && k.Hurries() {
		url = s.Help
	}
	return s.send(ctx, url, Step{V: StepVersion, Org: o, Alarm: a}, due, wait)
}

// SendMuster is Send for a muster.
func (s *Steps) SendMuster(ctx context.Context, o insole.OrgID, m insole.MusterID, due time.Time, wait time.Duration) error {
	return s.send(ctx, s.URL, Step{V: StepVersion, Org: o, Muster: m}, due, wait)
}

// Look is Send for the check-ins of a worker.
func (s *Steps) Look(ctx context.Context, o insole.OrgID, w insole.WorkerID, due time.Time, wait time.Duration) error {
	return s.send(ctx, s.URL, Step{V: StepVersion, Org: o, Worker: w}, due, wait)
}

func (s *Steps) send(ctx context.Context, url string, step Step, due time.Time, wait time.Duration) error {
	if !due.IsZero() {
		step.DueMs = due.UnixMilli()
	}
	body, err := json.Marshal(step)
	if err != nil {
		return fmt.Errorf("step of %s%s%s: %w", step.Alarm, step.Muster, step.Worker, err)
	}
	// Rounded up: a message that comes a moment early finds nothing to do.
	delay := min(max((wait+time.Second-1)/time.Second, 0), MaxDelay/time.Second)
	_, err = s.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(string(body)), DelaySeconds: int32(delay)})
	if err != nil {
		return fmt.Errorf("sending step of %s%s%s: %w", step.Alarm, step.Muster, step.Worker, err)
	}
	return nil
}
