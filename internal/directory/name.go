package directory

import (
	"crypto/rand"
	"strings"
)

// NewID makes a name from what a person calls a thing: "Équipe de nuit" is "equipe-de-nuit". It is not in use by the
// things for which used returns true.
func NewID(name string, used func(string) bool) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case plainOf[r] != "":
			b.WriteString(plainOf[r])
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 30 {
			break
		}
	}
	id := strings.Trim(b.String(), "-")
	if id == "" || !used(id) {
		if id != "" {
			return id
		}
		id = "x"
	}
	for {
		next := id + "-" + strings.ToLower(rand.Text()[:5])
		if !used(next) {
			return next
		}
	}
}

var plainOf = func() map[rune]string {
	m := map[rune]string{'æ': "ae", 'œ': "oe", 'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'þ': "th"}
	for to, from := range map[string]string{
		"a": "àáâãäåāăą", "c": "çćč", "d": "ď", "e": "èéêëēėęě", "g": "ğ", "i": "ìíîïīı", "l": "ľĺ", "n": "ñńň",
		"o": "òóôõöōő", "r": "řŕ", "s": "śšşș", "t": "ťţț", "u": "ùúûüūůű", "y": "ýÿ", "z": "źżž",
	} {
		for _, r := range from {
			m[r] = to
		}
	}
	return m
}()
