package detect

import (
	"testing"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

func TestFirst(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		want   insole.Dialect
		answer Answer
		spoken bool
	}{
		{"nothing yet", "", "", More, false},
		{"sole, one byte", "S", "", More, false},
		{"sole hello", string(sole.AppendHello(nil, sole.Hello{Boot: 1})), insole.SOLE, Yes, true},
		{"sole, not a hello", "Sd\x00\x00", "", None, false},
		{"teltonika, one byte", "\x00", "", More, false},
		{"teltonika login", string(teltonika.AppendLogin(nil, "352093081452251")), insole.Teltonika, Yes, true},
		{"teltonika ping", "\xff", insole.Teltonika, Yes, true},
		{"teltonika packet before login", "\x00\x00\x00\x00\x00\x00\x00\x28", "", None, false},
		{"teltonika login of another length", "\x00\x10", "", None, false},
		{"eview", "\xab\x10\x4d\x00", Eview, Yes, false},
		{"watch", "[3G*8800000015*0002*LK]", Watch, Yes, false},
		{"smartsole, cut", "#GTXRP", "", More, false},
		{"smartsole", "#GTXRP=354056050000000,1", SmartSole, Yes, false},
		{"another hash", "#GTXX", "", None, false},
		{"gt06 short, one byte", "\x78", "", More, false},
		{"gt06 short", "\x78\x78\x0d\x01", GT06, Yes, false},
		{"gt06 long", "\x79\x79\x00\x20", GT06, Yes, false},
		{"gt06 mixed", "\x78\x79", "", None, false},
		{"web browser", "GET / HTTP/1.1\r\n", "", None, false},
		{"tls on the plain port", "\x16\x03\x01", "", None, false},
	} {
		got, answer := First([]byte(tt.in))
		if got != tt.want || answer != tt.answer {
			t.Errorf("%s: First(%q) = %q, %d, want %q, %d", tt.name, tt.in, got, answer, tt.want, tt.answer)
		}
		if Spoken(got) != tt.spoken {
			t.Errorf("%s: Spoken(%q) = %v", tt.name, got, !tt.spoken)
		}
	}
}

// A dialect, once recognised, must not depend on how the bytes arrived.
func TestBeginningsAreDisjoint(t *testing.T) {
	for _, a := range beginnings {
		for n := range len(a.bytes) {
			if d, answer := First([]byte(a.bytes[:n])); answer != More {
				t.Errorf("First(%q) = %q, %d, want more", a.bytes[:n], d, answer)
			}
		}
		if d, answer := First([]byte(a.bytes)); d != a.dialect || answer != Yes {
			t.Errorf("First(%q) = %q, %d, want %q", a.bytes, d, answer, a.dialect)
		}
		if len(a.bytes) > Longest {
			t.Errorf("Longest is %d, %q has %d bytes", Longest, a.bytes, len(a.bytes))
		}
	}
	for i := range 1 << 16 {
		b := []byte{byte(i >> 8), byte(i), 0, 0, 0, 0, 0}
		if d, answer := First(b); answer == More {
			t.Fatalf("First(%x) wants more than Longest bytes, %q", b, d)
		}
	}
}
