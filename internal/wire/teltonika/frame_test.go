package teltonika

import "testing"

func TestCRC(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0xbb3d {
		t.Errorf("crc16 = %04x, want the check value bb3d", got)
	}
}
