package insole_test

import (
	"testing"
	"time"

	"solewatch/internal/insole"
)

// Whatever has been stored: help is never off nor less than the first priority, and every number is within its bounds.
func TestSettingsAreSafe(t *testing.T) {
	for _, rule := range insole.Kinds {
		for _, wild := range []insole.Setting{
			{}, {Off: true, Priority: 99, PreAlarm: time.Hour * 99, Dwell: time.Hour * 99, Factor: 1e9, Minimum: time.Hour * 99, Percent: 100},
			{Priority: -5, PreAlarm: -1, Dwell: -1, Factor: -1, Minimum: -1, Percent: -1}, {Priority: 1, PreAlarm: 1, Dwell: 1, Factor: 0.1, Minimum: 1, Percent: 1},
		} {
			got := insole.Team{Settings: insole.Settings{rule.Kind: wild}}.Setting(rule.Kind)
			if got.Off && rule.NeverOff != "" || got.Priority < 1 || got.Priority > rule.Most.Priority || got.PreAlarm > rule.Most.PreAlarm || got.Dwell > rule.Most.Dwell ||
				got.Factor > rule.Most.Factor || got.Minimum > rule.Most.Minimum || got.Percent > rule.Most.Percent ||
				got.Dwell < rule.Least.Dwell || got.Factor < rule.Least.Factor || got.Minimum < rule.Least.Minimum {
				t.Errorf("%s with %+v: %+v", rule.Kind, wild, got)
			}
		}
		if d := (insole.Settings)(nil).Of(rule.Kind); d != rule.Default {
			t.Errorf("%s without settings: %+v, want %+v", rule.Kind, d, rule.Default)
		}
		if rule.Why == "" || rule.Kind.Priority() != rule.Default.Priority {
			t.Errorf("%s: default without a reason, or of another priority", rule.Kind)
		}
	}
	for _, k := range []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, insole.AlarmFall, insole.AlarmDrill, "of a newer build"} {
		if p := (insole.Settings{k: {Priority: 3}}).Of(k).Priority; p != 1 {
			t.Errorf("%s can be of priority %d", k, p)
		}
	}
	for _, k := range []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, "of a newer build"} {
		if (insole.Settings{k: {Off: true}}).Of(k).Off {
			t.Errorf("%s can be off", k)
		}
	}
}

// A kind that is off where nobody says otherwise raises for who wants it, and for nobody else.
func TestOffByDefault(t *testing.T) {
	for _, tt := range []struct {
		set  insole.Settings
		want bool
	}{
		{nil, true}, {insole.Settings{insole.AlarmUnwatched: {Minimum: time.Hour}}, true}, {insole.Settings{insole.AlarmUnwatched: {On: true}}, false},
		{insole.Settings{insole.AlarmUnwatched: {On: true, Off: true}}, true}, {insole.Settings{insole.AlarmFall: {On: true}}, true},
	} {
		if got := tt.set.Of(insole.AlarmUnwatched).Off; got != tt.want {
			t.Errorf("%+v: off is %v", tt.set, got)
		}
	}
	if (insole.Settings{insole.AlarmTakenOff: {Off: true, On: true}}).Of(insole.AlarmTakenOff).Off != true {
		t.Error("what is off and on is not off")
	}
}

func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		set    insole.Setting
		expect time.Duration
		want   time.Duration
	}{
		{insole.Setting{}, 10 * time.Second, 4 * time.Minute}, {insole.Setting{}, 5 * time.Minute, 25 * time.Minute}, // what the system says holds
		{insole.Setting{Factor: 2}, 5 * time.Minute, 10 * time.Minute}, {insole.Setting{Minimum: 20 * time.Minute}, 10 * time.Second, 20 * time.Minute},
		{insole.Setting{Factor: 2, Minimum: time.Minute}, 10 * time.Second, time.Minute}, {insole.Setting{Minimum: time.Second}, time.Second, time.Minute},
	} {
		team := insole.Team{Settings: insole.Settings{insole.AlarmLostContact: tt.set}}
		if got := team.Silence(tt.expect, 5, 4*time.Minute); got != tt.want {
			t.Errorf("%+v, every %v: %v, want %v", tt.set, tt.expect, got, tt.want)
		}
	}
}
