package store

import (
	"context"
	"errors"
	"time"

	"solewatch/internal/insole"
)

// What is kept of refusals: one in RefusalEvery of a worker, kind and reason, for RefusalsKept. An insole that says the same all night costs
// six items an hour.
const (
	RefusalEvery = 10 * time.Minute
	RefusalsKept = 90 * 24 * time.Hour
)

// A Refusal is an alarm that was not raised although somebody may ask why.
type Refusal struct {
	Org    insole.OrgID
	Worker insole.WorkerID
	Insole insole.ID
	Kind   insole.AlarmKind
	Why    string // one of rules.Refused…, or RefusedOff
	At     time.Time
	Report string // key of the report
	Data   string // the decision: see audit.Decision
}

// RefusedOff says that the team has switched the kind off.
const RefusedOff = "switched-off"

type refusalItem struct {
	Insole string `dynamodbav:"i"`
	Kind   string `dynamodbav:"k"`
	Why    string `dynamodbav:"wy"`
	At     int64  `dynamodbav:"at"`
	Report string `dynamodbav:"r"`
	Data   string `dynamodbav:"da,omitempty"`
	TTL    int64  `dynamodbav:"ttl"`
}

// PutRefusal remembers r, the first of its kind and reason within RefusalEvery; further ones change nothing.
func (s *Store) PutRefusal(ctx context.Context, r Refusal) error {
	it, err := marshal(refusalKey(r.Org, r.Worker, r.At.Truncate(RefusalEvery), string(r.Kind)+"#"+r.Why), "refusal", refusalItem{
		string(r.Insole), string(r.Kind), r.Why, ms(r.At), r.Report, r.Data, r.At.Add(RefusalsKept).Unix(),
	})
	if err != nil {
		return err
	}
	if err := s.put(ctx, it, ifAbsent); !errors.Is(err, insole.ErrConflict) {
		return err
	}
	return nil
}

// Refusals lists what was not raised of a worker between from and to, oldest first.
func (s *Store) Refusals(ctx context.Context, o insole.OrgID, w insole.WorkerID, from, to time.Time) ([]Refusal, error) {
	var out []Refusal
	k := refusalKey(o, w, from.Truncate(RefusalEvery), "")
	for it, err := range s.query(ctx, question{pk: k.PK, from: k.SK, to: stamp(to) + "~"}) {
		if err != nil {
			return nil, err
		}
		var v refusalItem
		if err := unmarshal(it, &v); err != nil {
			return nil, err
		}
		r := Refusal{o, w, insole.ID(v.Insole), insole.AlarmKind(v.Kind), v.Why, timeOf(v.At), v.Report, v.Data}
		if !r.At.Before(from) && !r.At.After(to) {
			out = append(out, r)
		}
	}
	return out, nil
}
