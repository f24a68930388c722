package main

import (
	"strings"
	"testing"
	"time"
)

// Every fault in the settings is named at once.
func TestConfigNamesEveryFault(t *testing.T) {
	_, err := configFrom(func(name string) string {
		return map[string]string{"TOPIC_PREFIX": "north", "LOG_LEVEL": "loud", "SESSION_TTL": "1s"}[name]
	})
	if err == nil {
		t.Fatal("bad settings were taken")
	}
	for _, want := range []string{"TABLE: not set", "STEPS_QUEUE_URL: not set", "HELP_QUEUE_URL: not set", `TOPIC_PREFIX: "north"`, `LOG_LEVEL: "loud"`, `SESSION_TTL: "1s"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	settings := map[string]string{"TABLE": "t", "TOPIC_PREFIX": "arn:aws:sns:eu-west-3:1:s-team-"}
	for _, q := range []string{"URGENT", "TRACK", "STEPS", "HELP", "URGENT_DEAD", "TRACK_DEAD", "STEPS_DEAD", "HELP_DEAD"} {
		settings[q+"_QUEUE_URL"] = "http://" + q
	}
	c, err := configFrom(func(name string) string { return settings[name] })
	if err != nil || c.SessionTTL != 12*time.Hour || c.Queues["track-queue-dead"] != "http://TRACK_DEAD" {
		t.Errorf("configFrom = %+v, %v", c, err)
	}
}
