package insole_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
)

// However somebody prints what is known of a worker's health, it says nothing.
func TestCareIsNeverPrinted(t *testing.T) {
	c := insole.Care{
		Org: "acme", Worker: "marie", Note: "diabetic", SetAt: time.Unix(1, 0), SetBy: "Ada", Version: 2,
		Contacts: []insole.CareContact{{Name: "Jean", Phone: "+33639980001", Relation: "husband"}},
	}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		log := slog.New(h)
		log.Info("x", "care", c, "to", &c, "contact", c.Contacts[0], "all", c.Contacts)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", c, &c, c.Contacts)
	}
	if !strings.Contains(out.String(), "marie") {
		t.Errorf("whose it is is not said: %s", &out)
	}
	for _, secret := range []string{"diabetic", "Jean", "39980001", "husband"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in %s", secret, &out)
		}
	}
}
