package text

import "strings"

// gsmBasic is the basic alphabet of GSM 03.38 (3GPP TS 23.038, 6.2.1); gsmExtended takes two septets a character.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// fold maps letters that GSM 03.38 lacks to the nearest it has.
var fold = strings.NewReplacer(
	"ç", "c", "â", "a", "ê", "e", "î", "i", "ô", "o", "û", "u", "ë", "e", "ï", "i", "ÿ", "y", "á", "a", "í", "i", "ó", "o", "ú", "u", "ã", "a", "õ", "o",
	"À", "A", "Â", "A", "È", "E", "Ê", "E", "Ë", "E", "Î", "I", "Ï", "I", "Ô", "O", "Ù", "U", "Û", "U", "Á", "A", "Í", "I", "Ó", "O", "Ú", "U", "Ã", "A", "Õ", "O",
	"œ", "oe", "Œ", "OE", "š", "s", "Š", "S", "ž", "z", "Ž", "Z", "č", "c", "Č", "C", "ć", "c", "Ć", "C", "ł", "l", "Ł", "L", "ń", "n", "ś", "s", "ź", "z", "ż", "z", "ą", "a", "ę", "e",
	"ř", "r", "ě", "e", "ğ", "g", "ı", "i", "ş", "s", "ţ", "t", "ț", "t", "ș", "s", "ă", "a", "đ", "d",
	"’", "'", "‘", "'", "“", "\"", "”", "\"", "«", "\"", "»", "\"", "–", "-", "—", "-", "…", "...", "\u00a0", " ", "\u202f", " ",
)

// Septets is the length of s in the GSM alphabet; ok is false when s has a character that it lacks, and the message would
// be sent as UCS-2, 70 characters a part instead of 160.
func Septets(s string) (n int, ok bool) {
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			n++
		case strings.ContainsRune(gsmExtended, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}

// SMS is s as it is best sent as a text message: letters that the GSM alphabet lacks replaced by the nearest it has, when
// that makes the whole of s fit the alphabet; otherwise s unchanged.
func SMS(s string) string {
	f := fold.Replace(s)
	if _, ok := Septets(f); ok {
		return f
	}
	return s
}

// Subject is s as an SNS subject: one line of at most 100 printable ASCII characters that starts with a letter, digit or
// punctuation. What has no ASCII form becomes "?".
func Subject(s string) string {
	s = asciiFold.Replace(fold.Replace(s))
	out := make([]byte, 0, 100)
	for _, r := range strings.TrimSpace(s) {
		if len(out) == 100 {
			break
		}
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			out = append(out, ' ')
		case r < 0x20 || r > 0x7e:
			out = append(out, '?')
		default:
			out = append(out, byte(r))
		}
	}
	return string(out)
}

// asciiFold takes what fold leaves, because the GSM alphabet has it, to ASCII.
var asciiFold = strings.NewReplacer(
	"é", "e", "è", "e", "à", "a", "ù", "u", "ì", "i", "ò", "o", "Ç", "C", "É", "E", "ä", "a", "ö", "o", "ü", "u", "Ä", "A", "Ö", "O", "Ü", "U",
	"ñ", "n", "Ñ", "N", "å", "a", "Å", "A", "æ", "ae", "Æ", "AE", "ø", "o", "Ø", "O", "ß", "ss", "€", "EUR", "£", "GBP",
)
