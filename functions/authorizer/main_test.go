package main

import (
	"strings"
	"testing"
)

// Every fault in the settings is named at once.
func TestConfigNamesEveryFault(t *testing.T) {
	_, err := configFrom(func(name string) string { return map[string]string{"LOG_LEVEL": "loud"}[name] })
	if err == nil {
		t.Fatal("bad settings were taken")
	}
	for _, want := range []string{"TABLE: not set", `LOG_LEVEL: "loud"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	_, err = configFrom(func(name string) string { return map[string]string{"TABLE": "t"}[name] })
	if err != nil {
		t.Errorf("with TABLE only: %v", err)
	}
}
