//go:build !race

package sole

import "testing"

// The bridge does this for every position. (The race detector makes sync.Pool forget, so this does not hold under it.)
func TestHotPathDoesNotAllocate(t *testing.T) {
	device, server := pair(t)
	raw, err := device.AppendData(nil, plain())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, 64)
	when := plain().Records[0].At
	n := testing.AllocsPerRun(100, func() {
		server.opened = 0
		f, _, err := Split(raw)
		if err == nil {
			err = server.Open(f)
		}
		if err != nil || Urgent(f.Body) {
			t.Fatal(err)
		}
		number, _ := Number(f.Body)
		out = server.AppendAck(out[:0], number)
		out = server.AppendWelcome(out[:0], when)
	})
	if n > 0 {
		t.Errorf("%v allocations for a frame, want none", n)
	}
}
