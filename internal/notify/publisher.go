// Package notify reaches people: text messages and e-mails through SNS.
//
// A team has one topic, named by its org and itself. An e-mail page is published to the topic and meant for one contact (attribute
// "to"); every contact's e-mail subscription lets only its own through. A text message is published to the number directly. The contacts
// of a team's first step also subscribe to "first", by e-mail and SMS: one publish reaches them all when the table, and with it
// the list of contacts, is gone.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"solewatch/internal/insole"
)

// What a publish that did not succeed means. An error that wraps neither was certainly not published and may work later.
var (
	ErrAmbiguous = errors.New("the publish may have happened") // a lost reply: SNS knows no idempotency token
	ErrRefused   = errors.New("refused by SNS")                // certainly not published, and never will be: a bad number, a topic that is not there
)

// First is the value of the attribute "to" that reaches every contact of a team's first step.
const First = "first"

// SNS is what a Publisher asks of the SDK. *sns.Client is one.
type SNS interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// A Publisher sends pages.
type Publisher struct {
	Client    SNS
	Prefix    string // TOPIC_PREFIX: a topic's ARN without org and team
	PublicURL string // PUBLIC_URL, without "/" at the end
}

// NewPublisher is a Publisher with a client of its own that gives up on one attempt after timeout and never tries again by itself: only
// whoever keeps the page's row may, because a second attempt after a lost reply is a second page.
func NewPublisher(cfg aws.Config, prefix, publicURL string, timeout time.Duration) *Publisher {
	tr := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: timeout / 2, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: timeout,
	}
	client := sns.NewFromConfig(cfg, func(o *sns.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = &http.Client{Transport: tr, Timeout: timeout}
	})
	return &Publisher{Client: client, Prefix: prefix, PublicURL: strings.TrimRight(publicURL, "/")}
}

// Topic is the ARN of a team's topic.
func (p *Publisher) Topic(o insole.OrgID, t insole.TeamID) string { return topic(p.Prefix, o, t) }

func topic(prefix string, o insole.OrgID, t insole.TeamID) string {
	return prefix + string(o) + "-" + string(t)
}

// Send publishes page about a, as it reads at now, and returns the name SNS gave it.
func (p *Publisher) Send(ctx context.Context, a insole.Alarm, page insole.Page, now time.Time) (string, error) {
	link := page.Token
	if link == "" { // no page of ours; the way to the screen is better than none
		link = string(a.ID)
	}
	n := noticeOf(a, page.Locale, p.PublicURL, link, now)
	in := &sns.PublishInput{}
	switch page.Channel {
	case insole.SMS:
		in.PhoneNumber = &page.Address
		in.Message = aws.String(n.sms())
		in.MessageAttributes = attributes("AWS.SNS.SMS.SMSType", "Transactional")
	case insole.Email:
		in.TopicArn = &page.Address
		in.Subject = aws.String(n.subject())
		in.Message = aws.String(n.email(page.Step > 1))
		in.MessageAttributes = attributes("to", string(page.Contact))
	default:
		return "", fmt.Errorf("page on channel %q: %w", page.Channel, ErrRefused)
	}
	return p.publish(ctx, in, "page of alarm "+string(a.ID)+" to "+string(page.Contact)+" by "+string(page.Channel))
}

// Emergency reaches the first step of a's team with one publish and nothing but what a itself holds: the way that is left when
// the table is gone. Its link leads to the alarm on the screen, since there is no row that a token could belong to. a needs ID, Org, Team, Kind, WorkerName and SentAt.
func (p *Publisher) Emergency(ctx context.Context, a insole.Alarm, locale string, now time.Time) (string, error) {
	if a.Org == "" || a.Team == "" {
		return "", fmt.Errorf("emergency page of alarm %s: no team is known: %w", a.ID, ErrRefused)
	}
	n := noticeOf(a, locale, p.PublicURL, string(a.ID), now)
	return p.publish(ctx, &sns.PublishInput{
		TopicArn:          aws.String(p.Topic(a.Org, a.Team)),
		Subject:           aws.String(n.subject()),
		Message:           aws.String(n.emergency()),
		MessageAttributes: attributes("to", First),
	}, "emergency page of alarm "+string(a.ID))
}

func attributes(name, value string) map[string]types.MessageAttributeValue {
	return map[string]types.MessageAttributeValue{name: {DataType: aws.String("String"), StringValue: &value}}
}

func (p *Publisher) publish(ctx context.Context, in *sns.PublishInput, what string) (string, error) {
	out, err := p.Client.Publish(ctx, in)
	if err != nil {
		if m := meaning(err); m != nil {
			return "", fmt.Errorf("%s: %w: %w", what, m, err)
		}
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return aws.ToString(out.MessageId), nil
}

// meaning is ErrAmbiguous, ErrRefused or nil.
func meaning(err error) error {
	var (
		api  smithy.APIError
		resp *smithyhttp.ResponseError
		dial *net.OpError
		dns  *net.DNSError
	)
	if errors.As(err, &api) && errors.As(err, &resp) {
		switch api.ErrorCode() {
		case "InvalidParameter", "InvalidParameterException", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException", "ValidationError",
			"NotFound", "NotFoundException", "EndpointDisabled", "EndpointDisabledException", "PlatformApplicationDisabled", "OptedOut":
			return ErrRefused
		}
		if code := resp.HTTPStatusCode(); code >= 400 && code < 500 {
			return nil // throttled, or we are not allowed to for now
		}
		return ErrAmbiguous
	}
	if errors.As(err, &dns) || errors.As(err, &dial) && dial.Op == "dial" {
		return nil // nothing was sent
	}
	return ErrAmbiguous
}
