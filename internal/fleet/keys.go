package fleet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// A Key is what an insole needs to prove itself, from a line of the keys file that provisioning writes.
type Key struct {
	Insole  insole.ID
	Dialect insole.Dialect
	Secret  []byte // 32 bytes; nil in public dialects
	Org     insole.OrgID
	Worker  insole.WorkerID
}

// ReadKeys reads a keys file. Every fault in it is named; then there are no keys.
func ReadKeys(path string) ([]Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := ParseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", path, err)
	}
	return keys, nil
}

// ParseKeys reads the text of a keys file:
//
//	{"insoles":[{"insole":"00a1b2c3d4e5f607","dialect":"sole","key":"64 hexadecimal digits","org":"acme","worker":"marie"}]}
//
// Every fault is named; each wraps insole.ErrInvalid.
func ParseKeys(data []byte) ([]Key, error) {
	var doc struct {
		Insoles []struct {
			Insole  insole.ID       `json:"insole"`
			Dialect insole.Dialect  `json:"dialect"`
			Key     string          `json:"key"`
			Org     insole.OrgID    `json:"org"`
			Worker  insole.WorkerID `json:"worker"`
		} `json:"insoles"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %w", insole.ErrInvalid, err)
	}
	if len(doc.Insoles) == 0 {
		return nil, fmt.Errorf("no insoles: %w", insole.ErrInvalid)
	}
	var errs []error
	seen := map[insole.ID]int{}
	keys := make([]Key, 0, len(doc.Insoles))
	for i, l := range doc.Insoles {
		fault := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("insole %d: %w: %s", i+1, insole.ErrInvalid, fmt.Sprintf(format, args...)))
		}
		k := Key{Insole: l.Insole, Dialect: l.Dialect, Org: l.Org, Worker: l.Worker}
		switch l.Dialect {
		case insole.SOLE:
			if _, err := sole.ParseID(l.Insole); err != nil {
				fault("%q is not 16 lower-case hexadecimal digits", l.Insole)
			}
			var err error
			k.Secret, err = hex.DecodeString(l.Key)
			if err != nil || len(k.Secret) != 32 {
				fault("key of %q is not 64 hexadecimal digits", l.Insole) // never the key itself
			}
		case insole.Teltonika:
			if !digits(string(l.Insole), 15) {
				fault("%q is not an IMEI of 15 digits", l.Insole)
			}
			if l.Key != "" {
				fault("%q has a key, but its dialect has none", l.Insole)
			}
		default:
			fault("dialect %q of %q is not one of sole, teltonika", l.Dialect, l.Insole)
		}
		if first, ok := seen[l.Insole]; ok {
			fault("%q is insole %d already", l.Insole, first)
		} else {
			seen[l.Insole] = i + 1
		}
		keys = append(keys, k)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return keys, nil
}

func digits(s string, n int) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) == n
}
