package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

type shelf struct {
	Until int64  `dynamodbav:"u"`
	By    string `dynamodbav:"by"`
	Name  string `dynamodbav:"n,omitempty"`
	Why   string `dynamodbav:"wy,omitempty"`
}

func shelfOf(s insole.Shelf) *shelf {
	if s.Until.IsZero() {
		return nil
	}
	return &shelf{ms(s.Until), string(s.By), s.Name, s.Why}
}

func (s *shelf) shelf() insole.Shelf {
	if s == nil {
		return insole.Shelf{}
	}
	return insole.Shelf{Until: timeOf(s.Until), By: insole.UserID(s.By), Name: s.Name, Why: s.Why}
}

type nuisanceItem struct {
	Worker string `dynamodbav:"w"`
	Kind   string `dynamodbav:"k"`
	Made   int64  `dynamodbav:"ma"`
	Shelf  shelf  `dynamodbav:"sh"`
	TTL    int64  `dynamodbav:"ttl"`
}

// PutNuisance sets aside every alarm of one worker and kind that is raised while n holds. A newer one replaces it.
func (s *Store) PutNuisance(ctx context.Context, n insole.Nuisance) error {
	it, err := marshal(nuisanceKey(n.Org, n.Worker, n.Kind), "nuisance", nuisanceItem{string(n.Worker), string(n.Kind), ms(n.MadeAt), *shelfOf(n.Shelf), n.Until.Unix() + 1})
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// NuisanceOf is the one of a worker and kind. ErrNotFound when there is none that holds at now.
func (s *Store) NuisanceOf(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, now time.Time) (insole.Nuisance, error) {
	it, err := s.get(ctx, nuisanceKey(o, w, k))
	if err != nil {
		return insole.Nuisance{}, err
	}
	n, err := nuisanceFrom(o, it)
	if err == nil && !n.Holds(now) {
		err = insole.ErrNotFound
	}
	return n, err
}

// Nuisances are those of an org that hold at now, strongly consistent, by worker and kind.
func (s *Store) Nuisances(ctx context.Context, o insole.OrgID, now time.Time) ([]insole.Nuisance, error) {
	var out []insole.Nuisance
	for it, err := range s.query(ctx, question{pk: nuisanceKey(o, "", "").PK}) {
		if err != nil {
			return nil, err
		}
		n, err := nuisanceFrom(o, it)
		if err != nil {
			return nil, err
		}
		if n.Holds(now) {
			out = append(out, n)
		}
	}
	return out, nil
}

// EndNuisance takes it away. One that is not there is no error.
func (s *Store) EndNuisance(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind) error {
	_, err := s.remove(ctx, nuisanceKey(o, w, k), cond{})
	return err
}

func nuisanceFrom(o insole.OrgID, it item) (insole.Nuisance, error) {
	var v nuisanceItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Nuisance{}, err
	}
	return insole.Nuisance{Org: o, Worker: insole.WorkerID(v.Worker), Kind: insole.AlarmKind(v.Kind), MadeAt: timeOf(v.Made), Shelf: v.Shelf.shelf()}, nil
}

// NoDuress lets a transaction through only while the worker has no covert SOS open: what is to be felt on the foot is ordered in it.
func NoDuress(o insole.OrgID, w insole.WorkerID) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		return s.txCheck(openKey(o, w, insole.AlarmCovertSOS), ifAbsent), nil
	}
}
