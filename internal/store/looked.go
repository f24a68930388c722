package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

// LookedFor is how long it is remembered who looked at a worker.
const LookedFor = 365 * 24 * time.Hour

// A Look is somebody having looked at where a worker was.
type Look struct {
	Org      insole.OrgID
	Worker   insole.WorkerID
	User     insole.UserID
	UserName string // as it was
	At       time.Time
	From, To time.Time // the range looked at
}

type lookItem struct {
	User     string `dynamodbav:"user"`
	UserName string `dynamodbav:"userName"`
	AtMs     int64  `dynamodbav:"atMs"`
	FromMs   int64  `dynamodbav:"fromMs"`
	ToMs     int64  `dynamodbav:"toMs"`
	TTL      int64  `dynamodbav:"ttl"`
}

// PutLook records l. The same one twice is one.
func (s *Store) PutLook(ctx context.Context, l Look) error {
	it, err := marshal(lookedKey(l.Org, l.Worker, l.At, l.User), "looked", lookItem{
		User: string(l.User), UserName: l.UserName, AtMs: ms(l.At), FromMs: ms(l.From), ToMs: ms(l.To), TTL: l.At.Add(LookedFor).Unix(),
	})
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// Looks lists who looked at a worker, newest first, at most most.
func (s *Store) Looks(ctx context.Context, org insole.OrgID, worker insole.WorkerID, most int) ([]Look, error) {
	var all []Look
	for it, err := range s.query(ctx, question{pk: lookedKey(org, worker, time.Time{}, "").PK, newest: true}) {
		if err != nil {
			return nil, err
		}
		var v lookItem
		err = unmarshal(it, &v)
		if err != nil {
			return nil, err
		}
		all = append(all, Look{
			Org: org, Worker: worker, User: insole.UserID(v.User), UserName: v.UserName,
			At: timeOf(v.AtMs), From: timeOf(v.FromMs), To: timeOf(v.ToMs),
		})
		if len(all) == most {
			break
		}
	}
	return all, nil
}
