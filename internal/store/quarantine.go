package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"solewatch/internal/insole"
)

// QuarantineKept is how long what nobody understood is kept, and MaxQuarantined how much of it, in bytes.
const (
	QuarantineKept = 30 * 24 * time.Hour
	MaxQuarantined = 64 << 10
)

// A Stray is something that nobody understood, kept so that it can be read again by a later build.
type Stray struct {
	At     time.Time // when it was heard; the same for every repeat
	Raw    []byte
	Why    string
	Insole insole.ID // "" when not known
	Org    insole.OrgID
	Remote string
}

// Quarantine keeps y. A repeat changes nothing.
func (s *Store) Quarantine(ctx context.Context, y Stray) error {
	sum := sha256.Sum256(append([]byte(y.Insole), y.Raw...))
	it := quarantineKey(y.At, hex.EncodeToString(sum[:8])).item()
	it["t"], it["raw"], it["why"] = str("raw"), bin(y.Raw[:min(len(y.Raw), MaxQuarantined)]), str(y.Why[:min(len(y.Why), 500)])
	it["size"], it["ttl"] = num(int64(len(y.Raw))), num(s.now().Add(QuarantineKept).Unix())
	for name, v := range map[string]string{"insole": string(y.Insole), "org": string(y.Org), "remote": y.Remote} {
		if v != "" {
			it[name] = str(v)
		}
	}
	err := s.put(ctx, it, ifAbsent)
	if errors.Is(err, insole.ErrConflict) {
		return nil
	}
	return err
}

// Quarantined reads what was kept on the UTC day of day, oldest first.
func (s *Store) Quarantined(ctx context.Context, day time.Time) ([]Stray, error) {
	var out []Stray
	for it, err := range s.query(ctx, question{pk: quarantineKey(day, "").PK}) {
		if err != nil {
			return nil, err
		}
		at, _ := time.Parse(sortable, strOf(it, "SK")[:min(len(sortable), len(strOf(it, "SK")))])
		out = append(out, Stray{At: at, Raw: binOf(it, "raw"), Why: strOf(it, "why"), Insole: insole.ID(strOf(it, "insole")),
			Org: insole.OrgID(strOf(it, "org")), Remote: strOf(it, "remote")})
	}
	return out, nil
}
