package text

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

func TestCataloguesAgree(t *testing.T) {
	if len(catalogues["en"]) == 0 {
		t.Fatal("the English catalogue is empty")
	}
	for _, l := range Locales {
		for key, text := range catalogues[l] {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %q is empty", l, key)
			}
			for _, other := range Locales {
				o, ok := catalogues[other][key]
				if !ok {
					t.Errorf("%q is in %s and not in %s", key, l, other)
					continue
				}
				a, b := placeholder.FindAllString(text, -1), placeholder.FindAllString(o, -1)
				slices.Sort(a)
				slices.Sort(b)
				if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
					t.Errorf("%q has placeholders %v in %s and %v in %s", key, a, l, b, other)
				}
			}
		}
	}
}

func TestSay(t *testing.T) {
	for _, tt := range []struct {
		locale, key string
		args        []string
		want        string
	}{
		{"fr", "alarm.kind.fall", nil, "Chute"},
		{"fr-CA", "alarm.kind.fall", nil, "Chute"},
		{"de", "alarm.kind.fall", nil, "Fall"},
		{"", "alarm.kind.fall", nil, "Fall"},
		{"en", "no.such.key", nil, "no.such.key"},
		{"en", "page.email.subject", []string{"kind", "SOS", "worker", "{ref}", "ref", "ABCDEF"}, "SOS: {ref} (ABCDEF)"},
	} {
		if got := Say(tt.locale, tt.key, tt.args...); got != tt.want {
			t.Errorf("Say(%q, %q, %q) = %q, want %q", tt.locale, tt.key, tt.args, got, tt.want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"", "en"}, {"fr", "fr"}, {"fr-FR,fr;q=0.9,en;q=0.8", "fr"}, {"de, en;q=0.3, fr;q=0.7", "fr"}, {"de", "en"}, {"fr;q=x", "en"}, {"fr;q=0", "en"},
	} {
		if got := Negotiate(tt.header); got != tt.want {
			t.Errorf("Negotiate(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestAgo(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "just now"}, {4 * time.Second, "just now"}, {12 * time.Second, "12 s ago"}, {22 * time.Minute, "22 min ago"}, {5 * time.Hour, "5 h ago"},
	} {
		if got := Ago("en", tt.d); got != tt.want {
			t.Errorf("Ago(%v) = %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestSMSFolds(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"François Lefèvre", "Francois Lefèvre"}, {"Zoë Œil", "Zoe OEil"}, {"Наталья", "Наталья"}, {"l’été", "l'été"},
	} {
		if got := SMS(tt.in); got != tt.want {
			t.Errorf("SMS(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestSubjectIsShortASCII(t *testing.T) {
	got := Subject("Semelle retirée : Наталья\n" + strings.Repeat("é", 200))
	if len(got) != 100 || !strings.HasPrefix(got, "Semelle retiree : ??????? eee") {
		t.Errorf("Subject = %q (%d)", got, len(got))
	}
}

// Every text message fits one part of 160 septets with long but likely values, in either language.
func TestEverySMSFitsOnePart(t *testing.T) {
	n := 0
	for _, l := range Locales {
		for key := range catalogues[l] {
			if !strings.HasPrefix(key, "page.sms") && key != "page.emergency" {
				continue
			}
			for kind := range catalogues[l] {
				if !strings.HasPrefix(kind, "alarm.kind.") {
					continue
				}
				n++
				s := SMS(Say(l, key, "ref", "Q2F7AB", "kind", Say(l, kind), "worker", "Françoise Delacroix",
					"ago", Ago(l, 59*time.Minute), "link", "https://solewatch.example.com/a/Q2F7ABCDEFGHIJKLMNOPQRSTUV"))
				got, ok := Septets(s)
				if !ok || got > 160 {
					t.Errorf("%s %s %s: %d septets, GSM %v: %q", l, key, kind, got, ok, s)
				}
			}
		}
	}
	if n == 0 {
		t.Fatal("no text message found in the catalogue")
	}
}
