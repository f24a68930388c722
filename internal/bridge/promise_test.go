package bridge

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
)

func TestSOSAndPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := play(t, nil)
		d := meet(t, st.dial(), marie, testKey)
		d.report(1, insole.KindFix) // proves the session as well
		d.report(2, insole.KindSOS)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{2}) {
			t.Errorf("at once acknowledged: %v, want the SOS alone", got)
		}
		if got := st.urgent.frames(t); len(got) != 1 || got[0].Insole != marie || got[0].Org != "acme" || got[0].Team != "north" ||
			got[0].WorkerName != "Marie D." || got[0].Locale != "fr" {
			t.Errorf("urgent lane has %+v", got)
		}
		time.Sleep(time.Second) // the leading edge: the first position does not linger
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("after a second acknowledged: %v, want both", got)
		}
		for n := 3; n < 6; n++ {
			d.report(n, insole.KindFix)
			time.Sleep(9 * time.Second)
		}
		synctest.Wait()
		if got := st.track.messages(); got != 1 {
			t.Errorf("positions within the linger made %d messages, want 1", got)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got := d.acks(); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
			t.Errorf("after the linger acknowledged: %v, want all", got)
		}
		if got := st.track.messages(); got != 2 {
			t.Errorf("two flushes made %d messages, want 2", got)
		}
		if welcome, _, _ := d.said(); !welcome {
			t.Error("no welcome")
		}
		d.hangUp()
	})
}
