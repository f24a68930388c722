package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"solewatch/internal/insole"
)

// TopicsClient is what Topics asks of the SDK. *sns.Client is one.
type TopicsClient interface {
	CreateTopic(context.Context, *sns.CreateTopicInput, ...func(*sns.Options)) (*sns.CreateTopicOutput, error)
	Subscribe(context.Context, *sns.SubscribeInput, ...func(*sns.Options)) (*sns.SubscribeOutput, error)
	Unsubscribe(context.Context, *sns.UnsubscribeInput, ...func(*sns.Options)) (*sns.UnsubscribeOutput, error)
	ListSubscriptionsByTopic(context.Context, *sns.ListSubscriptionsByTopicInput, ...func(*sns.Options)) (*sns.ListSubscriptionsByTopicOutput, error)
	GetSubscriptionAttributes(context.Context, *sns.GetSubscriptionAttributesInput, ...func(*sns.Options)) (*sns.GetSubscriptionAttributesOutput, error)
	SetSubscriptionAttributes(context.Context, *sns.SetSubscriptionAttributesInput, ...func(*sns.Options)) (*sns.SetSubscriptionAttributesOutput, error)
}

// Topics keeps the teams' topics and their subscriptions.
type Topics struct {
	Client TopicsClient
	Prefix string // TOPIC_PREFIX
}

// NewTopics is a Topics with the SDK's own patience.
func NewTopics(cfg aws.Config, prefix string) *Topics {
	return &Topics{Client: sns.NewFromConfig(cfg), Prefix: prefix}
}

// Topic is the ARN of a team's topic.
func (t *Topics) Topic(o insole.OrgID, team insole.TeamID) string { return topic(t.Prefix, o, team) }

// pendingARN is what SNS says instead of the ARN of a subscription whose reader has not confirmed it.
const pendingARN = "PendingConfirmation"

type endpoint struct{ protocol, address string }

// wanted is every subscription that team should have, with the values of "to" that it lets through.
func wanted(team insole.Team, contacts []insole.Contact) map[endpoint][]string {
	first := map[insole.ContactID]bool{}
	named := map[insole.ContactID]bool{}
	for _, list := range [][]insole.Step{team.Steps, team.OutOfHours} { // who is paged without the table is first in either: nobody can say then what time it is for them
		for i, s := range list {
			for _, c := range s.Contacts {
				named[c] = true
				if i == 0 {
					first[c] = true
				}
			}
		}
	}
	want := map[endpoint][]string{}
	add := func(e endpoint, to string) {
		if !slices.Contains(want[e], to) {
			want[e] = append(want[e], to)
		}
	}
	for _, c := range contacts {
		if !named[c.ID] {
			continue
		}
		if c.Email != "" {
			add(endpoint{"email", c.Email}, string(c.ID))
			if first[c.ID] {
				add(endpoint{"email", c.Email}, First)
			}
		}
		if c.Phone != "" && first[c.ID] {
			add(endpoint{"sms", c.Phone}, First)
		}
	}
	for e := range want {
		slices.Sort(want[e])
	}
	return want
}

// Sync makes team's topic and subscriptions what its steps and contacts ask for; contacts that no step names get none. A second
// call with the same arguments changes nothing. An e-mail subscription that waits for its reader cannot be changed or removed: SNS
// forgets it after two days, and the first Sync after its confirmation puts it right.
//
// It goes on after an error with one subscription and returns them all.
func (t *Topics) Sync(ctx context.Context, team insole.Team, contacts []insole.Contact) error {
	arn := topic(t.Prefix, team.Org, team.ID)
	name := arn[strings.LastIndex(arn, ":")+1:]
	made, err := t.Client.CreateTopic(ctx, &sns.CreateTopicInput{Name: &name})
	if err != nil {
		return fmt.Errorf("making topic %s: %w", name, err)
	}
	if got := aws.ToString(made.TopicArn); got != arn {
		return fmt.Errorf("topic %s is %s and not %s: TOPIC_PREFIX is of another place: %w", name, got, arn, insole.ErrInvalid)
	}
	have, err := t.list(ctx, arn)
	if err != nil {
		return err
	}
	want := wanted(team, contacts)
	var errs []error
	for _, s := range have {
		e := endpoint{aws.ToString(s.Protocol), aws.ToString(s.Endpoint)}
		sub := aws.ToString(s.SubscriptionArn)
		to, ok := want[e]
		delete(want, e)
		switch {
		case sub == pendingARN:
		case ok:
			errs = append(errs, t.filter(ctx, sub, to))
		case e.protocol == "email" || e.protocol == "sms":
			if _, err := t.Client.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &sub}); err != nil {
				errs = append(errs, fmt.Errorf("ending a subscription of topic %s: %w", name, err))
			}
		}
	}
	for _, e := range slices.SortedFunc(maps.Keys(want), func(a, b endpoint) int {
		return strings.Compare(a.protocol+a.address, b.protocol+b.address)
	}) {
		_, err := t.Client.Subscribe(ctx, &sns.SubscribeInput{
			TopicArn: &arn, Protocol: &e.protocol, Endpoint: &e.address, Attributes: map[string]string{"FilterPolicy": policy(want[e])},
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("subscribing to topic %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (t *Topics) filter(ctx context.Context, sub string, to []string) error {
	got, err := t.Client.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &sub})
	if err != nil {
		return fmt.Errorf("reading subscription %s: %w", sub, err)
	}
	if samePolicy(got.Attributes["FilterPolicy"], to) {
		return nil
	}
	_, err = t.Client.SetSubscriptionAttributes(ctx, &sns.SetSubscriptionAttributesInput{
		SubscriptionArn: &sub, AttributeName: aws.String("FilterPolicy"), AttributeValue: aws.String(policy(to)),
	})
	if err != nil {
		return fmt.Errorf("setting the filter of subscription %s: %w", sub, err)
	}
	return nil
}

func policy(to []string) string {
	b, err := json.Marshal(map[string][]string{"to": to})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

func samePolicy(have string, to []string) bool {
	var p map[string][]string
	if json.Unmarshal([]byte(have), &p) != nil || len(p) != 1 {
		return false
	}
	slices.Sort(p["to"])
	return slices.Equal(p["to"], to)
}

func (t *Topics) list(ctx context.Context, arn string) ([]types.Subscription, error) {
	var all []types.Subscription
	in := &sns.ListSubscriptionsByTopicInput{TopicArn: &arn}
	for {
		out, err := t.Client.ListSubscriptionsByTopic(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("listing the subscriptions of %s: %w", arn, err)
		}
		all = append(all, out.Subscriptions...)
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

// Confirmations says of each of contacts with an e-mail address whether its reader has confirmed the subscription to team's topic.
// A contact without a subscription there is not in the map. The error wraps insole.ErrNotFound when the team has no topic yet.
func (t *Topics) Confirmations(ctx context.Context, team insole.Team, contacts []insole.Contact) (map[insole.ContactID]bool, error) {
	subs, err := t.list(ctx, topic(t.Prefix, team.Org, team.ID))
	var missing *types.NotFoundException
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("%w: %w", insole.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	out := map[insole.ContactID]bool{}
	for _, s := range subs {
		if aws.ToString(s.Protocol) != "email" {
			continue
		}
		for _, c := range contacts {
			if c.Email != "" && c.Email == aws.ToString(s.Endpoint) {
				out[c.ID] = aws.ToString(s.SubscriptionArn) != pendingARN
			}
		}
	}
	return out, nil
}
