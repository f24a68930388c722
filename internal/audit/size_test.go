package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"solewatch/internal/audit"
)

// Five people who report every few seconds for hours make a document that Lambda does not carry: what is left out is said, and it is still sealed.
func TestSealedWithin(t *testing.T) {
	const most = 5 << 20
	lat, lon, battery := 43.6163452, 7.0550217, 78
	d := audit.Dossier{Org: "acme", Alarm: audit.Alarm{Alarm: "a"}, Log: []audit.Line{}, Pages: []audit.Page{}, Missing: []string{"told before"}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		p := audit.Person{Worker: name, Name: name}
		for i := range 5000 {
			p.Reports = append(p.Reports, audit.Report{
				AtMs: 1795367926120 + int64(i), HeardAtMs: 1795367926120, Kind: "position", Lat: &lat, Lon: &lon, AccuracyM: 6.5, SpeedMps: 1.3, Steps: 4312, Posture: "walking", Battery: &battery,
			})
		}
		d.People = append(d.People, p)
	}
	carried := func(document []byte) int {
		b, err := json.Marshal(string(document))
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	_, whole, err := d.Sealed()
	if err != nil || carried(whole) <= most {
		t.Fatalf("the whole is %d bytes, %v: too small for this test", carried(whole), err)
	}
	got, document, err := d.SealedWithin(most)
	if err != nil || carried(document) > most || carried(document) < most/4 {
		t.Errorf("%d bytes, %v", carried(document), err)
	}
	if n := len(got.People[4].Reports); n == 0 || n == 5000 || got.People[4].Reports[0].AtMs != 1795367926120 {
		t.Errorf("%d reports of the last", n)
	}
	if len(got.Missing) != 6 || got.Missing[0] != "told before" || !strings.Contains(got.Missing[5], "of 5000 reports of e: the newest") {
		t.Errorf("missing: %q", got.Missing)
	}
	if len(d.People[4].Reports) != 5000 || len(d.Missing) != 1 {
		t.Error("the dossier itself has been cut")
	}
	var again audit.Dossier
	if err := json.Unmarshal(document, &again); err != nil || again.Seal != got.Seal || again.Seal == "" {
		t.Errorf("seal %q, want %q, %v", again.Seal, got.Seal, err)
	}
	if _, small, err := got.SealedWithin(100); err != nil || !json.Valid(small) {
		t.Errorf("what cannot be made smaller: %v", err)
	}
}
