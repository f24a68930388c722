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
	for _, want := range []string{"TABLE: not set", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: not set", "LOG_LEVEL: \"loud\""} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := configFrom(func(name string) string {
		return map[string]string{"TABLE": "t", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "https://x.example/ws"}[name]
	})
	if err != nil || c.Table != "t" || c.Level != 0 {
		t.Errorf("configFrom = %+v, %v", c, err)
	}
}
