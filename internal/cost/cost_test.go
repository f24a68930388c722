package cost_test

import (
	"math"
	"strings"
	"testing"

	"solewatch/internal/cost"
	"solewatch/internal/standin"
)

func usage(n float64) standin.Usage {
	return standin.Usage{
		DynamoDB: map[string]standin.TableUsage{"Table": {
			WriteUnits: 400 * n, ReadUnits: 100 * n,
			IndexWrite: map[string]float64{"due": 2 * n}, IndexRead: map[string]float64{"due": n},
		}},
		SQS:   map[string]standin.QueueUsage{"Track": {Requests: map[string]int64{"SendMessageBatch": int64(5 * n), "ReceiveMessage": int64(5 * n)}}},
		SNS:   standin.SNSUsage{Publishes: int64(n), Emails: int64(n)},
		Other: map[string]float64{"lambda.invocations": 10 * n, "lambda.gbMs": 1000 * n},
	}
}

func TestOf(t *testing.T) {
	b := cost.Of(usage(1000))
	// By hand: 400,000 + 2,000 writes at 0.625, 101,000 reads at 0.125, 10,000 requests at 0.40, 10,000 invocations at 0.20,
	// 1,000 GB-s, 1,000 publishes and e-mails.
	want := 0.402*0.625 + 0.101*0.125 + 0.01*0.40 + 0.01*0.20 + 1000*0.0000133334 + 0.001*0.50 + 1000*2.0/1e5
	if got := b.Total(); math.Abs(got-want) > 1e-9 {
		t.Errorf("total = %v, want %v", got, want)
	}
	if d := cost.Of(usage(1000)).Sub(cost.Of(usage(400))).Total() - cost.Of(usage(600)).Total(); math.Abs(d) > 1e-9 {
		t.Errorf("the difference of two bills is off by %v", d)
	}
}

func TestPrint(t *testing.T) {
	var s strings.Builder
	cost.Of(usage(1000)).Print(&s, 1000)
	for _, want := range []string{"DynamoDB write units, table  400000", "$/M", "total"} {
		if !strings.Contains(s.String(), want) {
			t.Errorf("no %q in\n%s", want, s.String())
		}
	}
	if strings.Contains(s.String(), "HTTP API") {
		t.Errorf("a line for what was not used:\n%s", s.String())
	}
}
