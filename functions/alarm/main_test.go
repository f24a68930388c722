package main

import (
	"strings"
	"testing"
)

// Every fault in the settings is named at once.
func TestConfigNamesEveryFault(t *testing.T) {
	_, err := configFrom(func(name string) string { return map[string]string{"TOPIC_PREFIX": "north", "LOG_LEVEL": "loud"}[name] })
	if err == nil {
		t.Fatal("bad settings were taken")
	}
	for _, name := range []string{"TABLE: not set", "STEPS_QUEUE_URL: not set", "HELP_QUEUE_URL: not set", "PUBLIC_URL: not set", "TOPIC_PREFIX: \"north\"", "LOG_LEVEL: \"loud\""} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error lacks %q:\n%v", name, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	_, err := configFrom(func(name string) string {
		return map[string]string{"TABLE": "t", "STEPS_QUEUE_URL": "http://q", "HELP_QUEUE_URL": "http://h", "TOPIC_PREFIX": "arn:aws:sns:eu-west-3:1:s-team-", "PUBLIC_URL": "https://s.example"}[name]
	})
	if err != nil {
		t.Errorf("configFrom = %v, want none but the required settings to be needed", err)
	}
}
