package alarm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"solewatch/internal/insole"
)

func TestRehearse(t *testing.T) {
	p := Policy{Contacts: contacts, Topic: "arn:topic", Team: insole.Team{
		Steps:      []insole.Step{step(0, both, "claire", "paul"), step(2*time.Minute, sms, "mute", "gone"), step(3*time.Minute, sms, "paul")},
		Hours:      dayTime,
		OutOfHours: []insole.Step{step(0, sms, "claire")},
		Fallback:   "+334", Repeat: 10 * time.Minute,
		Settings: insole.Settings{insole.AlarmTakenOff: {Off: true}, insole.AlarmSOS: {Off: true}},
	}}
	var got []string
	for _, st := range Rehearse(insole.AlarmSOS, p, time.Date(2026, 11, 23, 17, 50, 0, 0, time.UTC), time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC), 6) {
		line := fmt.Sprintf("%d at %s, out %v, place %d, repeat %v:", st.Step, st.At.Format("15:04"), st.Out, st.Place, st.Repeat)
		for _, page := range st.Pages {
			line += fmt.Sprintf(" %s by %s", page.Contact, page.Channel)
		}
		for _, s := range st.Skipped {
			line += fmt.Sprintf(" not %s by %s (known %v)", s.Contact, s.Channel, s.Known)
		}
		got = append(got, line)
	}
	want := []string{
		"1 at 17:50, out false, place 1, repeat false: claire by sms claire by email paul by sms not paul by email (known true)",
		"2 at 17:52, out false, place 2, repeat false: not mute by sms (known true) not gone by sms (known false)",
		"3 at 17:52, out false, place 3, repeat false: paul by sms",
		"4 at 18:02, out true, place 1, repeat false: claire by sms",
		"5 at 18:12, out true, place 1, repeat true: claire by sms fallback by sms",
		"6 at 18:22, out true, place 1, repeat true: claire by sms fallback by sms",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	if off := Rehearse(insole.AlarmTakenOff, p, noon, noon.Add(time.Hour), 9); len(off) != 0 {
		t.Errorf("what is off would page: %+v", off)
	}
	nobody := Rehearse(insole.AlarmSOS, Policy{}, noon, noon.Add(time.Hour), 2)
	if len(nobody) != 2 || !nobody[0].Silent || !nobody[1].Silent || len(nobody[0].Pages) != 0 {
		t.Errorf("without a policy: %+v", nobody)
	}
}

// What is rehearsed is what then happens.
func TestRehearsalIsTheRealThing(t *testing.T) {
	p := Policy{Contacts: contacts, Topic: "arn:topic", Team: insole.Team{
		Steps: []insole.Step{step(time.Minute, both, "claire"), step(2*time.Minute, sms, "mute"), step(40*time.Minute, sms, "paul")},
		Hours: dayTime, OutOfHours: []insole.Step{step(5*time.Minute, sms, "paul"), step(time.Minute, both, "claire")}, Fallback: "+334",
	}}
	for hour := range 24 {
		at := time.Date(2026, 11, 23, hour, 45, 0, 0, time.UTC)
		want, _ := told(p, at, 20)
		var got []string
		for _, st := range Rehearse(insole.AlarmSOS, p, at, at.Add(24*time.Hour), 15) {
			for _, page := range st.Pages {
				got = append(got, fmt.Sprintf("%v %s @%d", st.At.Sub(at).Minutes(), page.Contact, page.Step))
			}
		}
		if len(got) < 10 || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("from %v: rehearsed %q, told %q", at, got, want)
		}
	}
}
