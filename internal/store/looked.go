package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

// LookedFor is how long it is remembered who looked at a worker.
const LookedFor = 365 * 24 * time.Hour

// LookedAtCare is what a Look at a worker's Care was at.
const LookedAtCare = "care"

// A Look is somebody having looked at where a worker was, or at what responders know of them.
type Look struct {
	Org      insole.OrgID
	Worker   insole.WorkerID
	User     insole.UserID
	UserName string // as it was
	At       time.Time
	From, To time.Time // the range looked at
	What     string    // LookedAtCare; empty: positions
}

type lookItem struct {
	User     string `dynamodbav:"user"`
	UserName string `dynamodbav:"userName"`
	AtMs     int64  `dynamodbav:"atMs"`
	FromMs   int64  `dynamodbav:"fromMs"`
	ToMs     int64  `dynamodbav:"toMs"`
	What     string `dynamodbav:"what,omitempty"`
	TTL      int64  `dynamodbav:"ttl"`
}

// PutLook records l. The same one twice is one.
func (s *Store) PutLook(ctx context.Context, l Look) error {
	by := l.User
	if l.What != "" {
		by += insole.UserID("#" + l.What) // the same moment may be of both
	}
	it, err := marshal(lookedKey(l.Org, l.Worker, l.At, by), "looked", lookItem{
		User: string(l.User), UserName: l.UserName, AtMs: ms(l.At), FromMs: ms(l.From), ToMs: ms(l.To), What: l.What, TTL: l.At.Add(LookedFor).Unix(),
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
			At: timeOf(v.AtMs), From: timeOf(v.FromMs), To: timeOf(v.ToMs), What: v.What,
		})
		if len(all) == most {
			break
		}
	}
	return all, nil
}
