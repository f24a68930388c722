package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
)

func TestConfigNamesAllFaults(t *testing.T) {
	env := map[string]string{"INSOLE_ADDRESS": "nowhere", "LOG_LEVEL": "loud"}
	_, err := configFrom(func(k string) string { return env[k] })
	for _, want := range []string{"TABLE: not set", "STEPS_QUEUE_URL: not set", "HELP_QUEUE_URL: not set", `INSOLE_ADDRESS: "nowhere"`, `LOG_LEVEL: "loud"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
}

// The line is CloudWatch's embedded metric format: every metric that is announced is there, and nothing is said of a time that was not measured.
func TestMetric(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		run  insole.Run
		want string
	}{
		{insole.Run{At: at, Acked: 20 * time.Millisecond, Paged: 700 * time.Millisecond},
			`{"Failed":0,"TimeToPage":700,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"Failed","Unit":"Count"},{"Name":"TimeToPage","Unit":"Milliseconds"}],"Namespace":"Solewatch/Canary"}],"Timestamp":1795435200000},"ackMs":20,"why":""}`},
		{insole.Run{At: at, Why: "dial"},
			`{"Failed":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"Failed","Unit":"Count"}],"Namespace":"Solewatch/Canary"}],"Timestamp":1795435200000},"ackMs":0,"why":"dial"}`},
	} {
		var b bytes.Buffer
		metric(&b, tt.run)
		if got := strings.TrimSpace(b.String()); got != tt.want {
			t.Errorf("metric(%+v) =\n%s\nwant\n%s", tt.run, got, tt.want)
		}
	}
}

// The event of the template's schedule, as sam local invoke sends it, says nothing that the function would need.
func TestEvent(t *testing.T) {
	b, err := os.ReadFile("../../events/canary-schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) || !bytes.Contains(template, bytes.TrimSpace(b)) {
		t.Errorf("event %s is not the one of the template", b)
	}
}
