// Package audit says what happened to an alarm in a form that can be checked: a chain of log lines, decisions that can be made again
// from the raw frames, and a sealed file of it all. It is pure: it reads neither clock nor table.
//
// # The chain
//
// Every alarm has a log of its own. Line n, from 1, names the hash of line n-1 (line 1: none) and has a hash itself: SHA-256, in lower-case
// hexadecimal digits, over the line as canonical JSON (RFC 8785: no space, members in order of their names, UTF-8, strings escaped no more
// than must be), with these members, all of them always, integers and strings only:
//
//	{"alarm":"q2f7…","atMs":1795435200000,"data":"","n":2,"name":"Claire M.","org":"acme","prev":"9f86d0…","text":"","what":"taken","who":"claire"}
//
// data is JSON in a string, hashed as the text it is. The alarm's own item holds the head: number and hash of the newest line. A line enters the
// table in the transaction that moves the head, and that transaction is conditional on the alarm's version. So a line that is changed, taken
// out, put in between or put into another alarm does not fit, and one that is cut off the end is missed by the head.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"solewatch/internal/insole"
)

// A Line is one thing that happened to an alarm. Strings are valid UTF-8 (see Clean).
type Line struct {
	N    int    `json:"n"` // from 1
	AtMs int64  `json:"atMs"`
	What string `json:"what"`
	Who  string `json:"who"`
	Name string `json:"name"`
	Text string `json:"text"`
	Data string `json:"data"` // JSON: the Decision behind it, or its Pages; "" for neither
	Prev string `json:"prev"` // Hash of the line before; "" of line 1
	Hash string `json:"hash"`
}

// A Head is the end of a chain: the newest line's number and hash. The zero Head is of a chain without lines.
type Head struct {
	N    int    `json:"n"`
	Hash string `json:"hash"`
}

// Clean makes s what the table and JSON give back unchanged.
func Clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// canonical is l, a line of alarm a of org o, as it is hashed.
func (l Line) canonical(o insole.OrgID, a insole.AlarmID) []byte {
	b := make([]byte, 0, 256+len(l.Text)+len(l.Data)*9/8)
	member := func(name, value string) {
		b = append(b, ',', '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		b = appendString(b, value)
	}
	b = append(b, `{"alarm":`...)
	b = appendString(b, string(a))
	b = append(b, `,"atMs":`...)
	b = strconv.AppendInt(b, l.AtMs, 10)
	member("data", l.Data)
	b = append(b, `,"n":`...)
	b = strconv.AppendInt(b, int64(l.N), 10)
	member("name", l.Name)
	member("org", string(o))
	member("prev", l.Prev)
	member("text", l.Text)
	member("what", l.What)
	member("who", l.Who)
	return append(b, '}')
}

// appendString appends s as RFC 8785 has it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch r {
		case '"':
			b = append(b, '\\', '"')
		case '\\':
			b = append(b, '\\', '\\')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			if r < 0x20 {
				b = fmt.Appendf(b, `\u%04x`, r)
				continue
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func (l Line) sum(o insole.OrgID, a insole.AlarmID) string {
	sum := sha256.Sum256(l.canonical(o, a))
	return hex.EncodeToString(sum[:])
}

// Append makes l the line after head, and returns it with the new head.
func Append(o insole.OrgID, a insole.AlarmID, head Head, l Line) (Line, Head) {
	l.What, l.Who, l.Name, l.Text, l.Data = Clean(l.What), Clean(l.Who), Clean(l.Name), Clean(l.Text), Clean(l.Data)
	l.N, l.Prev = head.N+1, head.Hash
	l.Hash = l.sum(o, a)
	return l, Head{l.N, l.Hash}
}

// A Break is where a chain does not hold.
type Break struct {
	N   int // the line, or where one is missing
	Why string
}

func (b Break) Error() string { return fmt.Sprintf("line %d: %s", b.N, b.Why) }

// Check goes along the whole chain of alarm a up to head. Its error is the first Break: everything before it is as it was written.
func Check(o insole.OrgID, a insole.AlarmID, lines []Line, head Head) error {
	at := Head{}
	for i, l := range lines {
		switch n := i + 1; {
		case l.N > n:
			return Break{n, "is missing"}
		case l.N < n:
			return Break{n, fmt.Sprintf("is there as number %d", l.N)}
		case l.Prev != at.Hash:
			return Break{n, "does not follow the line before"}
		case l.Hash != l.sum(o, a):
			return Break{n, "is not what it was when it was written"}
		case n > head.N:
			return Break{n, "is after the head"}
		}
		at = Head{l.N, l.Hash}
	}
	switch {
	case at.N < head.N:
		return Break{at.N + 1, "is missing, before the head"}
	case at != head:
		return Break{at.N, "is not the head"}
	}
	return nil
}
