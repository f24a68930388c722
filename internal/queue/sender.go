package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// MaxBatch is how many messages SQS takes in one call.
const MaxBatch = 10

// ErrRefused is a message that SQS answered for and did not take, or whose checksum was not the one of what was sent.
var ErrRefused = errors.New("refused by the queue")

// SQS is what a Sender asks of the SDK. *sqs.Client is one.
type SQS interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// A Sender puts messages into one queue.
type Sender struct {
	Client SQS
	URL    string
}

// NewSender is a Sender to the queue at url with a client of its own, and so with connections of its own: nothing that another Sender does
// can delay it. It never tries twice, because only its caller knows what may wait; the SDK compares the checksum of every entry.
func NewSender(cfg aws.Config, url string, opts ...func(*sqs.Options)) *Sender {
	hc := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = 2 * time.Second }).
		WithTransportOptions(func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = 32, 32 })
	opts = append([]func(*sqs.Options){func(o *sqs.Options) {
		o.HTTPClient = hc
		o.Retryer = aws.NopRetryer{}
		o.DisableMessageChecksumValidation = false
	}}, opts...)
	return &Sender{Client: sqs.NewFromConfig(cfg, opts...), URL: url}
}

// Send offers bodies, at most MaxBatch and together at most MaxBody bytes, in one call. The answer has one entry for each: nil only when
// the queue has said, for that very entry and with the checksum of what was sent, that it keeps it. An error does not mean that it does not:
// a lost reply looks the same, so a message that is sent again may arrive twice.
func (s *Sender) Send(ctx context.Context, bodies []string) []error {
	in := &sqs.SendMessageBatchInput{QueueUrl: &s.URL, Entries: make([]types.SendMessageBatchRequestEntry, len(bodies))}
	for i := range bodies {
		in.Entries[i] = types.SendMessageBatchRequestEntry{Id: &ids[i], MessageBody: &bodies[i]}
	}
	errs := make([]error, len(bodies))
	out, err := s.Client.SendMessageBatch(ctx, in)
	if err != nil {
		err = fmt.Errorf("sending %d messages: %w", len(bodies), err)
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	for i := range errs {
		errs[i] = fmt.Errorf("entry %d without an answer: %w", i, ErrRefused)
	}
	for _, e := range out.Successful {
		i, err := strconv.Atoi(aws.ToString(e.Id))
		if err != nil || i < 0 || i >= len(errs) {
			continue
		}
		errs[i] = nil
		if aws.ToString(e.MD5OfMessageBody) == "" { // the SDK compares it, but only when there is one
			errs[i] = fmt.Errorf("entry %d accepted without a checksum: %w", i, ErrRefused)
		}
	}
	for _, e := range out.Failed {
		i, err := strconv.Atoi(aws.ToString(e.Id))
		if err != nil || i < 0 || i >= len(errs) {
			continue
		}
		errs[i] = fmt.Errorf("entry %d: %s %s: %w", i, aws.ToString(e.Code), aws.ToString(e.Message), ErrRefused)
	}
	return errs
}

var ids = [MaxBatch]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
