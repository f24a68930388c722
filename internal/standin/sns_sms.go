package standin

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// smsAccount is what an account says of its text messages. The stand-in's own has left the sandbox, and may spend what a new one may.
type smsAccount struct {
	sandbox bool
	limit   int // USD a month
}

// SetSMS makes the account one in the sandbox or not, with a monthly limit in USD.
func (s *Server) SetSMS(sandbox bool, limit int) { s.smsAccount.Store(&smsAccount{sandbox, limit}) }

func (s *Server) smsAccountNow() smsAccount {
	if a := s.smsAccount.Load(); a != nil {
		return *a
	}
	return smsAccount{limit: 1}
}

func (s *Server) smsSandbox(_ *call, _ url.Values) ([]byte, error) {
	return xmlElement("IsInSandbox", strconv.FormatBool(s.smsAccountNow().sandbox)), nil
}

// smsAttributes answers with those asked for, or with all; AWS names only those that have a value.
func (s *Server) smsAttributes(_ *call, form url.Values) ([]byte, error) {
	all := map[string]string{"MonthlySpendLimit": strconv.Itoa(s.smsAccountNow().limit), "DefaultSMSType": "Promotional"}
	var asked []string
	for name, values := range form {
		if strings.HasPrefix(name, "attributes.member.") {
			asked = append(asked, values...)
		}
	}
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(asked) == 0 || slices.Contains(asked, name) {
			b = append(b, xmlWrap("entry", append(xmlElement("key", name), xmlElement("value", all[name])...))...)
		}
	}
	return xmlWrap("attributes", b), nil
}
