package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/insole"
)

type sent func(*sqs.SendMessageInput) error

func (f sent) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	return &sqs.SendMessageOutput{}, f(in)
}

func TestSteps(t *testing.T) {
	due := time.UnixMilli(1795368226000)
	for _, tt := range []struct {
		wait  time.Duration
		due   time.Time
		delay int32
		body  string
	}{
		{0, time.Time{}, 0, `{"v":1,"org":"acme","alarm":"q2f7"}`},
		{-time.Minute, due, 0, `{"v":1,"org":"acme","alarm":"q2f7","dueMs":1795368226000}`},
		{time.Millisecond, due, 1, `{"v":1,"org":"acme","alarm":"q2f7","dueMs":1795368226000}`}, // never early
		{2 * time.Minute, due, 120, `{"v":1,"org":"acme","alarm":"q2f7","dueMs":1795368226000}`},
		{time.Hour, due, 900, `{"v":1,"org":"acme","alarm":"q2f7","dueMs":1795368226000}`}, // the rest is chained
	} {
		s := &Steps{URL: "q", Client: sent(func(in *sqs.SendMessageInput) error {
			if in.DelaySeconds != tt.delay || *in.MessageBody != tt.body || *in.QueueUrl != "q" {
				t.Errorf("wait %v: delay %d, body %s, want %d, %s", tt.wait, in.DelaySeconds, *in.MessageBody, tt.delay, tt.body)
			}
			got, err := ParseStep(*in.MessageBody)
			if err != nil || got.Org != "acme" || got.Alarm != "q2f7" {
				t.Errorf("ParseStep = %+v, %v", got, err)
			}
			return nil
		})}
		if err := s.Send(t.Context(), "acme", "q2f7", insole.AlarmSOS, tt.due, tt.wait); err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	away := errors.New("away")
	s := &Steps{Client: sent(func(*sqs.SendMessageInput) error { return away })}
	if err := s.Send(t.Context(), "acme", "q2f7", insole.AlarmSOS, due, 0); !errors.Is(err, away) {
		t.Errorf("Send = %v, want the client's error", err)
	}
	for _, bad := range []string{"", "{", `{"v":2,"org":"a","alarm":"b"}`, `{"v":1,"alarm":"b"}`, `{"v":1,"org":"a"}`} {
		if _, err := ParseStep(bad); !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("ParseStep(%q) = %v, want ErrInvalid", bad, err)
		}
	}
}

// What hurries has its queue, where there is one.
func TestStepsHelpFirst(t *testing.T) {
	for _, tt := range []struct {
		kind insole.AlarmKind
		help string
		want string
	}{
		{insole.AlarmSOS, "h", "h"}, {insole.AlarmCovertSOS, "h", "h"}, {insole.AlarmFall, "h", "h"}, {insole.AlarmStill, "h", "h"}, {insole.AlarmDrill, "h", "h"},
		{insole.AlarmNoAnswer, "h", "q"}, {insole.AlarmLostContact, "h", "q"}, {insole.AlarmTechnical, "h", "q"}, {insole.AlarmSOS, "", "q"},
	} {
		got := ""
		s := &Steps{URL: "q", Help: tt.help, Client: sent(func(in *sqs.SendMessageInput) error { got = *in.QueueUrl; return nil })}
		if err := s.Send(t.Context(), "acme", "q2f7", tt.kind, time.Time{}, 0); err != nil || got != tt.want {
			t.Errorf("step of %s went to %q, %v, want %q", tt.kind, got, err, tt.want)
		}
	}
}
