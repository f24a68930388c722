package directory

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"solewatch/internal/insole"
)

func whats(f Faults) []string {
	var all []string
	for _, one := range f {
		all = append(all, one.What)
	}
	return all
}

func TestPhone(t *testing.T) {
	for _, tt := range []struct{ in, want, fault string }{
		{"", "", ""}, {" ", "", ""},
		{"+33612345678", "+33612345678", ""},
		{"+33 6 12.34-56 78", "+33612345678", ""},
		{"+33\u00a06\u202f12 34 56 78", "+33612345678", ""},
		{"0033 6 12 34 56 78", "+33612345678", ""},
		{"+1 (202) 555-0143", "+12025550143", ""},
		{"+39 06 1234567", "+39061234567", ""}, // Italy keeps its zero
		{"+33 (0)6 12 34 56 78", "+330612345678", "phone-zero"},
		{"+44 (0)20 7946 0958", "+4402079460958", "phone-zero"},
		{"06 12 34 56 78", "0612345678", "phone"},
		{"+", "+", "phone"}, {"+33", "+33", "phone"}, {"+0123456789", "+0123456789", "phone"},
		{"+3361234567890123", "+3361234567890123", "phone"},
		{"+33x12345678", "+33x12345678", "phone"},
		{"+٣٣٦١٢٣٤٥٦٧٨", "+٣٣٦١٢٣٤٥٦٧٨", "phone"},
	} {
		var faults Faults
		got := checker{"contact", "x", &faults}.phone("phone", tt.in)
		if got != tt.want || strings.Join(whats(faults), " ") != tt.fault {
			t.Errorf("phone(%q) = %q, %v, want %q, %q", tt.in, got, faults, tt.want, tt.fault)
		}
	}
}

func TestEmail(t *testing.T) {
	for in, good := range map[string]bool{
		"a@b.example": true, " A@B.Example ": true, "a+b@c.d.example": true, "": true,
		"a": false, "a@": false, "@b.example": false, "a@b": false, "a@.": false, "a b@c.example": false, "A <a@b.example>": false,
		"a@b.example,c@d.example": false, "a@b.example\r\nBcc: c@d.example": false, "é@b.example": false, strings.Repeat("a", 250) + "@b.example": false,
	} {
		var faults Faults
		got := checker{"contact", "x", &faults}.email("email", in)
		if (len(faults) == 0) != good || good && got != strings.ToLower(strings.TrimSpace(in)) {
			t.Errorf("email(%q) = %q, %v", in, got, faults)
		}
	}
}

func TestIMEI(t *testing.T) {
	for id, want := range map[insole.ID]string{
		"352093081452251": "", "490154203237518": "", // the example of 3GPP TS 23.003, annex B
		"490154203237517": "imei-check", "940154203237518": "imei-check", "49015420323751": "imei", "4901542032375180": "imei", "49015420323751x": "imei", "": "imei",
	} {
		var faults Faults
		checker{"insole", string(id), &faults}.insole(id, insole.Teltonika)
		if strings.Join(whats(faults), " ") != want {
			t.Errorf("IMEI %q: %v, want %q", id, faults, want)
		}
	}
	for id, good := range map[insole.ID]bool{"00a1b2c3d4e5f607": true, "00A1B2C3D4E5F607": false, "00a1b2c3d4e5f60": false, "00a1b2c3d4e5f60g": false, "": false} {
		var faults Faults
		checker{"insole", string(id), &faults}.insole(id, insole.SOLE)
		if (len(faults) == 0) != good {
			t.Errorf("insole %q: %v", id, faults)
		}
	}
}

// One digit mistyped, or two neighbours exchanged (but for 09 and 90), is seen.
func TestLuhnSees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.SliceOfN(rapid.ByteRange('0', '9'), 14, 14).Draw(t, "digits")
		whole := string(digits) + string(luhnDigit(string(digits)))
		if !luhn(whole) {
			t.Fatalf("%s is refused", whole)
		}
		i := rapid.IntRange(0, 14).Draw(t, "at")
		d := rapid.ByteRange('0', '9').Draw(t, "digit")
		wrong := []byte(whole)
		if wrong[i] == d {
			return
		}
		wrong[i] = d
		if luhn(string(wrong)) {
			t.Fatalf("%s for %s is not seen", wrong, whole)
		}
	})
}

func TestZone(t *testing.T) {
	square := [][2]float64{{7.05, 43.61}, {7.06, 43.61}, {7.06, 43.62}, {7.05, 43.62}}
	closed := append(slices.Clone(square), square[0])
	clockwise := slices.Clone(closed)
	slices.Reverse(clockwise)
	doubled := [][2]float64{{7.05, 43.61}, {7.05, 43.61}, {7.06, 43.61}, {7.06, 43.62}, {7.06, 43.62}, {7.05, 43.62}}
	for name, ring := range map[string][][2]float64{"open": square, "closed": closed, "clockwise": clockwise, "with points twice": doubled} {
		var faults Faults
		got := checker{"zone", "z", &faults}.zone(insole.Zone{ID: "z", Name: "Z", Ring: ring})
		if diff := cmp.Diff(closed, got.Ring); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v, difference:\n%s", name, faults, diff)
		}
	}
	for _, tt := range []struct {
		name, want string
		ring       [][2]float64
	}{
		{"touching itself in a corner", "zone-crossing", [][2]float64{{0, 0}, {1, 0}, {0.5, 0.5}, {1, 1}, {0, 1}, {0.5, 0.5}}},
		{"a corner on a side", "zone-crossing", [][2]float64{{0, 0}, {1, 0}, {1, 1}, {0.5, 0}}},
		{"all in a line", "zone-crossing", [][2]float64{{0, 0}, {1, 1}, {2, 2}}},
		{"a spike", "zone-crossing", [][2]float64{{0, 0}, {1, 0}, {1, 1}, {1, 2}, {1, 1}, {0, 1}}},
		{"a corner on a straight side", "", [][2]float64{{0, 0}, {0.5, 0}, {1, 0}, {1, 0.5}, {0, 0.5}}},
		{"along the antimeridian", "", [][2]float64{{179, 0}, {180, 0}, {180, 0.5}, {179, 0.5}}},
		{"over the antimeridian", "zone-antimeridian", [][2]float64{{179, 0}, {-179, 0}, {-179, 1}, {179, 1}}},
		{"round the pole", "zone-pole", [][2]float64{{0, 89}, {120, 89}, {-120, 89}}},
	} {
		var faults Faults
		checker{"zone", "z", &faults}.zone(insole.Zone{ID: "z", Name: "Z", Ring: tt.ring})
		faults = slices.DeleteFunc(faults, func(f Fault) bool { return f.What == "zone-large" })
		if got := strings.Join(slices.Compact(whats(faults)), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A polygon whose corners go once round a centre does not cross itself.
func TestSelfCrossing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 24).Draw(t, "corners")
		star := make(orb.Ring, 0, n+1)
		for i := range n {
			r := rapid.Float64Range(0.2, 1).Draw(t, "r")
			a := 2 * math.Pi * float64(i) / float64(n)
			star = append(star, orb.Point{r * math.Cos(a), r * math.Sin(a)})
		}
		star = append(star, star[0])
		if i, j, found := selfCrossing(star); found {
			t.Fatalf("sides %d and %d of a star-shaped polygon are said to cross: %v", i, j, star)
		}
	})
}

func TestNewID(t *testing.T) {
	none := func(string) bool { return false }
	for name, want := range map[string]string{
		"Équipe de nuit": "equipe-de-nuit", "Kovačević Ivana": "kovacevic-ivana", "Œuvre & Straße": "oeuvre-strasse", "  --A--  ": "a", "O'Neil, Zoé": "o-neil-zoe",
	} {
		if got := NewID(name, none); got != want {
			t.Errorf("NewID(%q) = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"", "李明", strings.Repeat("long name ", 20), "a"} {
		used := map[string]bool{"a": true}
		got := NewID(name, func(s string) bool { return used[s] })
		if !otherID.MatchString(got) || used[got] {
			t.Errorf("NewID(%.20q) = %q", name, got)
		}
	}
}
