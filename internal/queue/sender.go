package queue

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
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
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
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
// can delay it. It never tries twice, because only its caller knows what may wait.
func NewSender(cfg aws.Config, url string, opts ...func(*sqs.Options)) *Sender {
	hc := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = 2 * time.Second }).
		WithTransportOptions(func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = 32, 32 })
	opts = append([]func(*sqs.Options){func(o *sqs.Options) {
		o.HTTPClient = hc
		o.Retryer = aws.NopRetryer{}
		o.DisableMessageChecksumValidation = true // Send compares them itself, and stricter: the SDK lets an answer without one pass
	}}, opts...)
	return &Sender{Client: sqs.NewFromConfig(cfg, opts...), URL: url}
}

// Send offers bodies, at most MaxBatch and together at most MaxBody bytes, in one call. The answer has one entry for each: nil only when
// the queue has said, for that very entry and with the checksum of what was sent, that it keeps it. An error does not mean that it does not:
// a lost reply looks the same, so a message that is sent again may arrive twice.
func (s *Sender) Send(ctx context.Context, bodies []string) []error {
	in := &sqs.SendMessageBatchInput{QueueUrl: &s.URL, Entries: make([]types.SendMessageBatchRequestEntry, len(bodies))}
	for i := range bodies {
		in.Entries[i] = types.SendMessageBatchRequestEntry{Id: &ids[i], MessageBody: &written}
	}
	errs := make([]error, len(bodies))
	out, err := s.Client.SendMessageBatch(ctx, in, func(o *sqs.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Serialize.Insert(&writeBatch{s.URL, bodies}, "OperationSerializer", middleware.After)
		})
	})
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
		sum := md5.Sum([]byte(bodies[i]))
		if got := aws.ToString(e.MD5OfMessageBody); got != hex.EncodeToString(sum[:]) {
			errs[i] = fmt.Errorf("entry %d accepted with checksum %q, not that of what was sent: %w", i, got, ErrRefused)
			continue
		}
		errs[i] = nil
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

// written stands in for the bodies until writeBatch has written them.
var written = "-"

// writeBatch writes the request's JSON in the SDK's place: its serializer takes 1.2 µs for each of our frames, which are mostly quotation marks.
// It stands before the request is measured and signed.
type writeBatch struct {
	url    string
	bodies []string
}

func (*writeBatch) ID() string { return "WriteBatch" }

func (w *writeBatch) HandleSerialize(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("request is a %T", in.Request)
	}
	size := len(w.url) + 64
	for _, b := range w.bodies {
		size += len(b) + len(b)/5 + 64
	}
	dst := append(make([]byte, 0, size), `{"QueueUrl":"`...)
	dst = appendQuoted(dst, w.url)
	dst = append(dst, `","Entries":[`...)
	for i, b := range w.bodies {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Id":"`...)
		dst = append(dst, ids[i]...)
		dst = append(dst, `","MessageBody":"`...)
		dst = appendQuoted(dst, b)
		dst = append(dst, `"}`...)
	}
	dst = append(dst, `]}`...)
	req, err := req.SetStream(bytes.NewReader(dst))
	if err != nil {
		return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("writing the request: %w", err)
	}
	in.Request = req
	return next.HandleSerialize(ctx, in)
}

// appendQuoted appends what stands between the quotation marks of the JSON string s, which must be UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	const hexadecimal = "0123456789abcdef"
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hexadecimal[c>>4], hexadecimal[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(dst, s[from:]...)
}

var ids = [MaxBatch]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
