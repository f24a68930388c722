package contract

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

func (e *env) topic(t *testing.T) string {
	t.Helper()
	out, err := e.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("contract-" + unique())})
	if err != nil {
		t.Fatalf("CreateTopic: %v", err)
	}
	return *out.TopicArn
}

func (e *env) subscribe(t *testing.T, topic, protocol, endpoint string, arn bool, attrs map[string]string) string {
	t.Helper()
	out, err := e.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: &protocol, Endpoint: &endpoint, ReturnSubscriptionArn: arn, Attributes: attrs})
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	return *out.SubscriptionArn
}

func (e *env) subscriptions(t *testing.T, topic string) []types.Subscription {
	t.Helper()
	out, err := e.sns.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	if err != nil {
		t.Fatalf("ListSubscriptionsByTopic: %v", err)
	}
	return out.Subscriptions
}

func (e *env) attributes(t *testing.T, arn string) map[string]string {
	t.Helper()
	out, err := e.sns.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	if err != nil {
		t.Fatalf("GetSubscriptionAttributes: %v", err)
	}
	return out.Attributes
}

func snsCases() []testCase { return slices.Concat(topicCases(), publishCases(), smsCases()) }

func topicCases() []testCase {
	return []testCase{
		{"making a topic twice gives the same one", func(t *testing.T, e *env) {
			name := aws.String("contract-" + unique())
			a := must[*sns.CreateTopicOutput](t)(e.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: name}))
			b := must[*sns.CreateTopicOutput](t)(e.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: name}))
			if *a.TopicArn != *b.TopicArn || !strings.HasSuffix(*a.TopicArn, ":"+*name) {
				t.Errorf("topics %s and %s", *a.TopicArn, *b.TopicArn)
			}
		}},
		{"an sms subscription is confirmed at once", func(t *testing.T, e *env) {
			topic := e.topic(t)
			arn := e.subscribe(t, topic, "sms", "+33612345678", false, nil)
			list := e.subscriptions(t, topic)
			if len(list) != 1 || *list[0].SubscriptionArn != arn || *list[0].Endpoint != "+33612345678" || *list[0].Protocol != "sms" {
				t.Errorf("subscriptions = %+v, want %s", list, arn)
			}
		}},
		{"an email subscription waits for its reader", func(t *testing.T, e *env) {
			topic := e.topic(t)
			if arn := e.subscribe(t, topic, "email", "a@example.org", false, nil); !strings.EqualFold(strings.ReplaceAll(arn, " ", ""), "pendingconfirmation") {
				t.Errorf("subscription = %q, want pending confirmation", arn)
			}
			list := e.subscriptions(t, topic)
			if len(list) != 1 || *list[0].SubscriptionArn != "PendingConfirmation" {
				t.Errorf("subscriptions = %+v", list)
			}
		}},
		{"an email subscription gives its arn when asked", func(t *testing.T, e *env) {
			topic := e.topic(t)
			arn := e.subscribe(t, topic, "email", "a@example.org", true, nil)
			if !strings.HasPrefix(arn, topic+":") {
				t.Fatalf("subscription = %q", arn)
			}
			if a := e.attributes(t, arn); a["PendingConfirmation"] != "true" || a["Endpoint"] != "a@example.org" || a["TopicArn"] != topic {
				t.Errorf("attributes = %v", a)
			}
		}},
		{"subscribing twice gives the same subscription", func(t *testing.T, e *env) {
			topic := e.topic(t)
			a := e.subscribe(t, topic, "sms", "+33612345678", true, nil)
			b := e.subscribe(t, topic, "sms", "+33612345678", true, nil)
			if a != b || len(e.subscriptions(t, topic)) != 1 {
				t.Errorf("subscriptions %s and %s", a, b)
			}
		}},
		{"a filter policy is kept and can be changed", func(t *testing.T, e *env) {
			topic := e.topic(t)
			arn := e.subscribe(t, topic, "email", "a@example.org", true, map[string]string{"FilterPolicy": `{"contact":["c1"]}`})
			if a := e.attributes(t, arn); a["FilterPolicy"] != `{"contact":["c1"]}` {
				t.Errorf("policy = %q", a["FilterPolicy"])
			}
			must[*sns.SetSubscriptionAttributesOutput](t)(e.sns.SetSubscriptionAttributes(t.Context(), &sns.SetSubscriptionAttributesInput{SubscriptionArn: &arn, AttributeName: aws.String("FilterPolicy"), AttributeValue: aws.String(`{"contact":["c2","c3"]}`)}))
			if a := e.attributes(t, arn); a["FilterPolicy"] != `{"contact":["c2","c3"]}` {
				t.Errorf("policy = %q", a["FilterPolicy"])
			}
		}},
		{"a bad filter policy is refused", func(t *testing.T, e *env) {
			topic := e.topic(t)
			_, err := e.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sms"), Endpoint: aws.String("+33612345678"), Attributes: map[string]string{"FilterPolicy": `{"contact":"c1"`}})
			wantCode(t, err, "InvalidParameter")
		}},
		{"unsubscribing ends a subscription, twice is no error", func(t *testing.T, e *env) {
			topic := e.topic(t)
			arn := e.subscribe(t, topic, "sms", "+33612345678", true, nil)
			for range 2 {
				must[*sns.UnsubscribeOutput](t)(e.sns.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &arn}))
			}
			if list := e.subscriptions(t, topic); len(list) != 0 {
				t.Errorf("subscriptions = %+v", list)
			}
		}},
		{"subscribe refuses a number that is not E.164", func(t *testing.T, e *env) {
			topic := e.topic(t)
			_, err := e.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sms"), Endpoint: aws.String("nobody")})
			wantCode(t, err, "InvalidParameter")
		}},
		{"subscribe refuses what is no address", func(t *testing.T, e *env) {
			topic := e.topic(t)
			_, err := e.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("email"), Endpoint: aws.String("nobody")})
			wantCode(t, err, "InvalidParameter")
		}},
		{"an unknown topic is a typed error", func(t *testing.T, e *env) {
			topic := e.topic(t) + "-nope"
			_, err := e.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("x")})
			var missing *types.NotFoundException
			if !errors.As(err, &missing) {
				t.Errorf("error = %v, want *types.NotFoundException", err)
			}
		}},
	}
}

func publishCases() []testCase {
	refuse := func(name string, in sns.PublishInput) testCase {
		return testCase{"publish refuses " + name, func(t *testing.T, e *env) {
			if in.PhoneNumber == nil {
				in.TopicArn = aws.String(e.topic(t))
			}
			_, err := e.sns.Publish(t.Context(), &in)
			wantCode(t, err, "InvalidParameter", "ParameterValueInvalid")
		}}
	}
	msg := aws.String("x")
	return []testCase{
		{"publish to a topic", func(t *testing.T, e *env) {
			topic := e.topic(t)
			e.subscribe(t, topic, "sms", "+33612345678", false, nil)
			out := must[*sns.PublishOutput](t)(e.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("é <&> help"), Subject: aws.String("SOS"),
				MessageAttributes: map[string]types.MessageAttributeValue{"contact": {DataType: aws.String("String.Array"), StringValue: aws.String(`["c1","c2"]`)}}}))
			if aws.ToString(out.MessageId) == "" {
				t.Error("no message id")
			}
		}},
		{"publish with a subject of 100 characters, not all ASCII", func(t *testing.T, e *env) {
			topic := e.topic(t)
			must[*sns.PublishOutput](t)(e.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: msg, Subject: aws.String(strings.Repeat("é", 100))}))
		}},
		{"publish to a number", func(t *testing.T, e *env) {
			out := must[*sns.PublishOutput](t)(e.sns.Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: aws.String("SOS")}))
			if aws.ToString(out.MessageId) == "" {
				t.Error("no message id")
			}
		}},
		refuse("a number that is not E.164", sns.PublishInput{PhoneNumber: aws.String("0612345678"), Message: msg}),
		refuse("an empty message", sns.PublishInput{Message: aws.String("")}),
		refuse("a message above 256 KiB", sns.PublishInput{Message: aws.String(strings.Repeat("x", 256<<10+1))}),
		refuse("an SMS above 1600 characters", sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: aws.String(strings.Repeat("x", 1601))}),
		refuse("a subject above 100 characters", sns.PublishInput{Message: msg, Subject: aws.String(strings.Repeat("x", 101))}),
		refuse("a subject with a line break", sns.PublishInput{Message: msg, Subject: aws.String("a\nb")}),
		refuse("an attribute without a value", sns.PublishInput{Message: msg, MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("String"), StringValue: aws.String("")}}}),
	}
}

// smsCases ask what the account may send. What it may is the account's own affair: only the shape is held to.
func smsCases() []testCase {
	return []testCase{
		{"whether text messages are in the sandbox", func(t *testing.T, e *env) {
			must[*sns.GetSMSSandboxAccountStatusOutput](t)(e.sns.GetSMSSandboxAccountStatus(t.Context(), &sns.GetSMSSandboxAccountStatusInput{}))
		}},
		{"the monthly limit of text messages", func(t *testing.T, e *env) {
			out := must[*sns.GetSMSAttributesOutput](t)(e.sns.GetSMSAttributes(t.Context(), &sns.GetSMSAttributesInput{Attributes: []string{"MonthlySpendLimit"}}))
			for name, v := range out.Attributes {
				if _, err := strconv.ParseFloat(v, 64); name != "MonthlySpendLimit" || err != nil {
					t.Errorf("attribute %s = %q, asked for the limit alone", name, v)
				}
			}
		}},
	}
}
