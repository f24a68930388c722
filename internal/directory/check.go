package directory

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"solewatch/internal/insole"
)

// Bounds. They keep every item far below what the table and SNS take, and a page of them readable.
const (
	maxName    = 80 // runes
	maxSteps   = 10
	maxPerStep = 20 // contacts: SNS takes 200 filter policies a topic, and a page to twenty people is a page to nobody
	maxShifts  = 14
	maxRing    = 500 // points
	maxDelay   = 24 * time.Hour
	minRepeat  = time.Minute
	maxRepeat  = time.Hour
	maxEmail   = 254
)

// DefaultRepeat is between repeats of the last step when a team does not say. Five minutes is long enough for a person
// to answer the page before, and short beside the time in which help still helps.
const DefaultRepeat = 5 * time.Minute

var (
	orgID    = regexp.MustCompile(`^[a-z0-9]{1,20}$`)
	otherID  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	soleID   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	imei     = regexp.MustCompile(`^[0-9]{15}$`)
	e164     = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	phoneGap = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "", "\u00a0", "", "\u202f", "", "/", "")
)

// trunkZero lists the country codes after which people write a zero that must not be dialled from abroad.
var trunkZero = []string{"+330", "+440", "+320", "+410", "+490", "+310", "+430", "+460", "+3530", "+3580"}

// A checker gathers faults of one noun.
type checker struct {
	noun, id string
	faults   *Faults
}

func (c checker) fault(at, what string, args ...string) {
	f := Fault{Noun: c.noun, ID: c.id, At: at, What: what}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
	}
	*c.faults = append(*c.faults, f)
}

func (c checker) ident(at, id string) {
	if !otherID.MatchString(id) {
		c.fault(at, "id", "given", clip(id))
	}
}

// name trims a name of a person or thing and checks it.
func (c checker) name(at, s string) string {
	s = strings.TrimSpace(s)
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		c.fault(at, "name-empty")
	case n > maxName || !utf8.ValidString(s):
		c.fault(at, "name-long", "max", strconv.Itoa(maxName))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' || r == '\u2028' || r == '\u2029' }):
		c.fault(at, "name-control")
	}
	return s
}

func (c checker) locale(at, s string) string {
	switch s {
	case "":
		return "fr"
	case "fr", "en":
		return s
	}
	c.fault(at, "locale", "given", clip(s))
	return s
}

// phone gives s as E.164; "" stays "".
func (c checker) phone(at, s string) string {
	plain := phoneGap.Replace(s)
	if plain == "" {
		return ""
	}
	if strings.HasPrefix(plain, "00") {
		plain = "+" + plain[2:]
	}
	for _, p := range trunkZero {
		if strings.HasPrefix(plain, p) {
			c.fault(at, "phone-zero", "given", clip(s), "better", p[:len(p)-1]+plain[len(p):])
			return plain
		}
	}
	if !e164.MatchString(plain) {
		c.fault(at, "phone", "given", clip(s))
	}
	return plain
}

// email gives s in lower case; "" stays "".
func (c checker) email(at, s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return ""
	}
	a, err := mail.ParseAddress(s)
	_, domain, _ := strings.Cut(s, "@")
	if err != nil || a.Address != s || len(s) > maxEmail || !strings.Contains(strings.Trim(domain, "."), ".") || strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		c.fault(at, "email", "given", clip(s))
	}
	return s
}

func (c checker) shifts(at string, shifts []insole.Shift) {
	if len(shifts) > maxShifts {
		c.fault(at, "too-many", "max", strconv.Itoa(maxShifts))
		return
	}
	for i, s := range shifts {
		at := at + "[" + strconv.Itoa(i) + "]"
		if len(s.Days) == 0 {
			c.fault(at+".days", "shift-days")
		}
		if s.From < 0 || s.From >= 24*time.Hour {
			c.fault(at+".from", "shift-time")
		}
		if s.To < 0 || s.To > 24*time.Hour {
			c.fault(at+".to", "shift-time")
		}
		_, err := time.LoadLocation(s.Zone)
		if s.Zone == "" || s.Zone == "Local" || err != nil {
			c.fault(at+".zone", "shift-zone", "given", clip(s.Zone))
		}
	}
}

// contact checks c and gives it in the form it is stored in.
func (c checker) contact(v insole.Contact) insole.Contact {
	c.ident("contact", string(v.ID))
	if v.ID == "first" { // the word by which a topic's subscribers of the first step are addressed
		c.fault("contact", "reserved", "given", string(v.ID))
	}
	v.Name = c.name("name", v.Name)
	v.Phone = c.phone("phone", v.Phone)
	v.Email = c.email("email", v.Email)
	v.Locale = c.locale("locale", v.Locale)
	if v.Phone == "" && v.Email == "" {
		c.fault("", "contact-unreachable", "contact", v.Name)
	}
	return v
}

func (c checker) worker(v insole.Worker) insole.Worker {
	c.ident("worker", string(v.ID))
	v.Name = c.name("name", v.Name)
	v.Phone = c.phone("phone", v.Phone)
	c.shifts("shifts", v.Shifts)
	switch v.ShiftBy {
	case insole.ByNothing, insole.ByHand, insole.ByWalking:
		if v.ShiftBy != insole.ByNothing && len(v.Shifts) > 0 {
			c.fault("shiftBy", "shift-both")
		}
	default:
		c.fault("shiftBy", "shift-by", "given", clip(string(v.ShiftBy)))
	}
	return v
}

func (c checker) insole(id insole.ID, d insole.Dialect) {
	switch d {
	case insole.SOLE:
		if !soleID.MatchString(string(id)) {
			c.fault("insole", "insole-id", "given", clip(string(id)))
		}
	case insole.Teltonika:
		if !imei.MatchString(string(id)) {
			c.fault("insole", "imei", "given", clip(string(id)))
		} else if !luhn(string(id)) {
			c.fault("insole", "imei-check", "given", string(id), "last", string(luhnDigit(string(id[:14]))))
		}
	default:
		c.fault("dialect", "dialect", "given", clip(string(d)))
	}
}

func (c checker) user(v insole.User) insole.User {
	c.ident("user", string(v.ID))
	v.Name = c.name("name", v.Name)
	v.Email = c.email("email", v.Email)
	v.Locale = c.locale("locale", v.Locale)
	if v.Email == "" {
		c.fault("email", "email-empty")
	}
	if !v.Role.May(insole.Viewer) {
		c.fault("role", "role", "given", clip(string(v.Role)))
	}
	return v
}

// luhn says whether the last digit of s is the check digit of the others (ISO/IEC 7812-1, annex B), as in an IMEI.
func luhn(s string) bool { return luhnDigit(s[:len(s)-1]) == s[len(s)-1] }

func luhnDigit(s string) byte {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// clip keeps what is shown back to a person short.
func clip(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
