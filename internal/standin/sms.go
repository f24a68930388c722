package standin

import "unicode/utf16"

// gsmBasic and gsmExtended are the alphabet of 3GPP TS 23.038; extended characters take two places.
const (
	gsmBasic    = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

var gsmPlaces = func() map[rune]int {
	m := map[rune]int{}
	for _, r := range gsmBasic {
		m[r] = 1
	}
	for _, r := range gsmExtended {
		m[r] = 2
	}
	return m
}()

// smsParts is how many SMS AWS bills for text: one of up to 160 GSM or 70 UCS-2 characters, else parts of 153
// or 67, because a part of several carries a header.
func smsParts(text string) int {
	places := 0
	for _, r := range text {
		n, ok := gsmPlaces[r]
		if !ok {
			return partsOf(len(utf16.Encode([]rune(text))), 70, 67)
		}
		places += n
	}
	return partsOf(places, 160, 153)
}

func partsOf(n, single, part int) int {
	if n <= single {
		return 1
	}
	return (n + part - 1) / part
}
