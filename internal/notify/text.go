package notify

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Text sends message to one telephone (E.164): no page of an alarm, but something that a worker is reminded of. Its errors are Send's.
func (p *Publisher) Text(ctx context.Context, phone, message string) (string, error) {
	return p.publish(ctx, &sns.PublishInput{
		PhoneNumber: &phone, Message: aws.String(message), MessageAttributes: attributes("AWS.SNS.SMS.SMSType", "Transactional"),
	}, "text message")
}

// Link is where the token of a link leads to.
func (p *Publisher) Link(token string) string { return p.PublicURL + "/a/" + token }
