package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// An InsoleRef is what an org knows of an insole that it owns. The key is not in it.
type InsoleRef struct {
	Org     insole.OrgID
	ID      insole.ID
	Dialect insole.Dialect
	Team    insole.TeamID   // who is told when nobody wears it
	Worker  insole.WorkerID // "" when nobody wears it
	Revoked bool
	MadeAt  time.Time
	KeyAt   time.Time // when its key was made; zero for public dialects
}

type insoleRefItem struct {
	Org     string `dynamodbav:"org"`
	Insole  string `dynamodbav:"insole"`
	Dialect string `dynamodbav:"dialect"`
	Team    string `dynamodbav:"team"`
	Worker  string `dynamodbav:"worker,omitempty"`
	Revoked bool   `dynamodbav:"revoked"`
	MadeMs  int64  `dynamodbav:"madeMs"`
	KeyMs   int64  `dynamodbav:"keyMs,omitempty"`
}

// Insole reads one insole of org: insole.ErrNotFound for another org's.
func (s *Store) Insole(ctx context.Context, org insole.OrgID, id insole.ID) (Kept[InsoleRef], error) {
	return one(ctx, s, insoleRefKey(org, id), insoleRefFrom)
}

// Insoles lists the insoles of org.
func (s *Store) Insoles(ctx context.Context, org insole.OrgID) ([]Kept[InsoleRef], error) {
	return list(ctx, s, org, insoleRefKey(org, "").SK, insoleRefFrom)
}

// Assignment reads what the bridge knows of an insole of org, strongly consistent, with its key. insole.ErrNotFound for
// another org's.
func (s *Store) Assignment(ctx context.Context, org insole.OrgID, id insole.ID) (insole.Assignment, error) {
	it, err := s.get(ctx, insoleKey(id))
	if err != nil {
		return insole.Assignment{}, err
	}
	a, err := assignmentFrom(it)
	if err != nil {
		return insole.Assignment{}, fmt.Errorf("insole %s: %w", id, err)
	}
	if a.Org != org {
		return insole.Assignment{}, fmt.Errorf("insole %s: %w", id, insole.ErrNotFound)
	}
	a.Insole = id
	return a, nil
}

// PutInsole writes an insole of k.Value.Org: what the org knows of it, and what the bridge knows. key is written when it
// is not nil; else the stored one stays, as it does for every field that is not in a. insole.ErrConflict from Edit when
// another org has the insole.
func PutInsole(k Kept[InsoleRef], a insole.Assignment) Change {
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		r := k.Value
		ref, err := marshal(insoleRefKey(r.Org, r.ID), "insoleref", insoleRefItem{
			Org: string(r.Org), Insole: string(r.ID), Dialect: string(r.Dialect), Team: string(r.Team), Worker: string(r.Worker),
			Revoked: r.Revoked, MadeMs: ms(r.MadeAt), KeyMs: ms(r.KeyAt),
		})
		if err != nil {
			return nil, err
		}
		ref["v"] = num(int64(k.Version))
		it, err := assignmentItem(a)
		if err != nil {
			return nil, err
		}
		// An update, not a put: the key is never read in order to be written back.
		expr, names, values := "SET #t = :t", map[string]string{"#t": "t"}, item{":t": it["t"]}
		var remove []string
		for _, f := range []string{"org", "team", "worker", "workerName", "locale", "dialect", "revoked", "shifts", "shiftBy", "key"} {
			v, ok := it[f]
			switch {
			case ok:
				names["#"+f], values[":"+f] = f, v
				expr += ", #" + f + " = :" + f
			case f == "shifts", f == "shiftBy":
				names["#"+f] = f
				remove = append(remove, "#"+f)
			}
		}
		if len(remove) > 0 {
			expr += " REMOVE " + strings.Join(remove, ", ")
		}
		ours := cond{expr: "attribute_not_exists(PK) OR #org = :org"}
		return []types.TransactWriteItem{
			s.txPut(ref, cond{}),
			s.txUpdate(insoleKey(r.ID), expr, names, values, ours),
		}, nil
	}}
}

func insoleRefFrom(it item) (InsoleRef, error) {
	var v insoleRefItem
	err := unmarshal(it, &v)
	return InsoleRef{
		Org: insole.OrgID(v.Org), ID: insole.ID(v.Insole), Dialect: insole.Dialect(v.Dialect), Team: insole.TeamID(v.Team),
		Worker: insole.WorkerID(v.Worker), Revoked: v.Revoked, MadeAt: timeOf(v.MadeMs), KeyAt: timeOf(v.KeyMs),
	}, err
}
