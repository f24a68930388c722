package sole

import "testing"

func TestCRC(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x29b1 {
		t.Errorf("crc16 = %04x, want the check value 29b1", got)
	}
	// Eight bytes at a time is the same as one at a time.
	for n := range 40 {
		p := make([]byte, n)
		want := uint16(0xffff)
		for i := range p {
			p[i] = byte(i*37 + n)
			want ^= uint16(p[i]) << 8
			for range 8 {
				carry := want&0x8000 != 0
				want <<= 1
				if carry {
					want ^= 0x1021
				}
			}
		}
		if got := crc16(p); got != want {
			t.Errorf("crc16 of %d bytes = %04x, want %04x", n, got, want)
		}
	}
}
