package queue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A Depth is how many messages a queue holds, as SQS approximates it. How long the oldest has waited SQS does not say; CloudWatch does, a minute later.
type Depth struct {
	Waiting  int // for somebody to take them
	InFlight int // taken, not done with
	Delayed  int // not due yet
}

// DepthClient is what Depths asks of the SDK. *sqs.Client is one.
type DepthClient interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Depths looks into queues.
type Depths struct {
	Client DepthClient
	URLs   map[string]string // by the name that callers use
}

// Depth looks into the queue called name.
func (d *Depths) Depth(ctx context.Context, name string) (Depth, error) {
	url := d.URLs[name]
	if url == "" {
		return Depth{}, fmt.Errorf("queue %q is not among those that may be looked at", name)
	}
	const waiting, flying, delayed = types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed
	out, err := d.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{waiting, flying, delayed}})
	if err != nil {
		return Depth{}, fmt.Errorf("looking into queue %s: %w", name, err)
	}
	n := func(a types.QueueAttributeName) int {
		i, _ := strconv.Atoi(out.Attributes[string(a)])
		return i
	}
	return Depth{n(waiting), n(flying), n(delayed)}, nil
}
