// Package detect tells from the first bytes of a connection which language the insole speaks. The connection keeps that language
// until it ends.
//
//	53 4C             SOLE/1, its HELLO
//	00 0F             Teltonika, its login
//	FF                Teltonika, its ping
//	AB                Eview EV-07B
//	5B '['            the watch language
//	23 … '#GTXRP='    SmartSole
//	78 78, 79 79      GT06
//
// No beginning is the beginning of another, so that the shortest one that fits decides. A Teltonika packet (00 00 00 00) is no beginning: it comes
// after a login.
//
// Source: docs/protocol.md, section 3.
package detect

import (
	"bytes"

	"solewatch/internal/insole"
)

// Dialects that are known by their first bytes and not spoken yet. See Spoken.
const (
	Eview     insole.Dialect = "eview"
	Watch     insole.Dialect = "watch"
	SmartSole insole.Dialect = "smartsole"
	GT06      insole.Dialect = "gt06"
)

// An Answer is how sure First is.
type Answer int

const (
	None Answer = iota // no dialect begins so
	More               // some dialect does; more bytes are needed
	Yes
)

// Longest is the number of bytes that always suffice.
const Longest = len("#GTXRP=")

var beginnings = []struct {
	bytes   string
	dialect insole.Dialect
}{
	{"SL", insole.SOLE},
	{"\x00\x0f", insole.Teltonika},
	{"\xff", insole.Teltonika},
	{"\xab", Eview},
	{"[", Watch},
	{"#GTXRP=", SmartSole},
	{"\x78\x78", GT06},
	{"\x79\x79", GT06},
}

// First says which dialect begins with b. The dialect is "" unless the answer is Yes; it may be one that is not Spoken.
func First(b []byte) (insole.Dialect, Answer) {
	answer := None
	for _, d := range beginnings {
		switch {
		case bytes.HasPrefix(b, []byte(d.bytes)):
			return d.dialect, Yes
		case len(b) < len(d.bytes) && d.bytes[:len(b)] == string(b):
			answer = More
		}
	}
	return "", answer
}

// Spoken says whether this build reads and answers d. A dialect that is recognised and not spoken is refused by name.
func Spoken(d insole.Dialect) bool { return d == insole.SOLE || d == insole.Teltonika }
