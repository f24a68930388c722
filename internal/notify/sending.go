package notify

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"solewatch/internal/insole"
)

// An SMSClient is what Sending asks of the SDK. *sns.Client is one.
type SMSClient interface {
	GetSMSSandboxAccountStatus(context.Context, *sns.GetSMSSandboxAccountStatusInput, ...func(*sns.Options)) (*sns.GetSMSSandboxAccountStatusOutput, error)
	GetSMSAttributes(context.Context, *sns.GetSMSAttributesInput, ...func(*sns.Options)) (*sns.GetSMSAttributesOutput, error)
}

// sendingFor is how long an answer is good. AWS answers 10 of the first question a second, for everybody together.
const sendingFor = 5 * time.Minute

// A Sending knows what the account may send by SMS.
type Sending struct {
	Client SMSClient
	Now    func() time.Time

	mu   sync.Mutex
	last insole.SMSAccount
	at   time.Time
}

// NewSending is a Sending with the SDK's own patience.
func NewSending(cfg aws.Config) *Sending {
	return &Sending{Client: sns.NewFromConfig(cfg), Now: time.Now}
}

// SMS says whether the account is in the sandbox, where only numbers that were verified by hand get any message, and what it may spend a month. It is at
// most five minutes old. What has been spent is a metric of CloudWatch, and is not asked for.
func (s *Sending) SMS(ctx context.Context) (insole.SMSAccount, error) {
	s.mu.Lock()
	last, at := s.last, s.at
	s.mu.Unlock()
	if !at.IsZero() && s.Now().Sub(at) < sendingFor {
		return last, nil
	}
	box, err := s.Client.GetSMSSandboxAccountStatus(ctx, &sns.GetSMSSandboxAccountStatusInput{})
	if err != nil {
		return insole.SMSAccount{}, fmt.Errorf("sms sandbox: %w", err)
	}
	out, err := s.Client.GetSMSAttributes(ctx, &sns.GetSMSAttributesInput{Attributes: []string{limitAttribute}})
	if err != nil {
		return insole.SMSAccount{}, fmt.Errorf("sms limit: %w", err)
	}
	now := insole.SMSAccount{Sandbox: box.IsInSandbox, Limit: -1}
	if v, ok := out.Attributes[limitAttribute]; ok {
		usd, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return insole.SMSAccount{}, fmt.Errorf("sms limit: %w", err)
		}
		now.Limit = usd
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.at = now, s.Now()
	return now, nil
}

const limitAttribute = "MonthlySpendLimit"
