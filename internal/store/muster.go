package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/insole"
)

// musterKept is how long the table keeps a muster and its people: who was where it burned is asked for a year later.
const musterKept = 400 * 24 * time.Hour

type musterItem struct {
	ID       string `dynamodbav:"id"`
	Org      string `dynamodbav:"org"`
	Mode     string `dynamodbav:"mo"`
	Team     string `dynamodbav:"tm,omitempty"`
	Zone     string `dynamodbav:"zo,omitempty"`
	Name     string `dynamodbav:"nm,omitempty"`
	Ring     string `dynamodbav:"ri,omitempty"` // JSON
	Note     string `dynamodbav:"no,omitempty"`
	WithinMs int64  `dynamodbav:"wi"`
	Drill    bool   `dynamodbav:"dr,omitempty"`
	State    string `dynamodbav:"st"`
	By       string `dynamodbav:"by,omitempty"`
	ByName   string `dynamodbav:"bn,omitempty"`
	Asked    int64  `dynamodbav:"as"`
	Called   int    `dynamodbav:"ca,omitempty"`
	Deadline int64  `dynamodbav:"dl,omitempty"`
	Ended    int64  `dynamodbav:"en,omitempty"`
	EndedBy  string `dynamodbav:"eb,omitempty"`
	EndedWho string `dynamodbav:"ew,omitempty"`
	Due      int64  `dynamodbav:"du,omitempty"`
	Busy     int64  `dynamodbav:"bu,omitempty"`
	Version  int    `dynamodbav:"v"`
	TTL      int64  `dynamodbav:"ttl"`
	DuePK    string `dynamodbav:"duePK,omitempty"`
	DueSK    string `dynamodbav:"dueSK,omitempty"`
}

func marshalMuster(m insole.Muster) (item, error) {
	v := musterItem{
		ID: string(m.ID), Org: string(m.Org), Mode: string(m.Mode), Team: string(m.Team), Zone: string(m.Zone), Name: m.Name, Note: m.Note,
		WithinMs: m.Within.Milliseconds(), Drill: m.Drill, State: string(m.State), By: string(m.By), ByName: m.ByName, Asked: ms(m.AskedAt),
		Called: m.Called, Deadline: ms(m.Deadline), Ended: ms(m.EndedAt), EndedBy: string(m.EndedBy), EndedWho: m.EndedWho,
		Due: ms(m.DueAt), Busy: ms(m.Busy), Version: m.Version, TTL: m.AskedAt.Add(musterKept).Unix(),
	}
	if m.Ring != nil {
		ring, err := json.Marshal(m.Ring)
		if err != nil {
			return nil, fmt.Errorf("area of muster %s: %w: %w", m.ID, insole.ErrInvalid, err)
		}
		v.Ring = string(ring)
	}
	if !m.DueAt.IsZero() {
		v.DuePK, v.DueSK = dueKey(m.DueAt, string(m.ID))
	}
	return marshal(musterKey(m.Org, m.ID), "muster", v)
}

func musterFrom(it item) (insole.Muster, error) {
	var v musterItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Muster{}, err
	}
	m := insole.Muster{
		Org: insole.OrgID(v.Org), ID: insole.MusterID(v.ID), Mode: insole.MusterMode(v.Mode), Team: insole.TeamID(v.Team), Zone: insole.ZoneID(v.Zone),
		Name: v.Name, Note: v.Note, Within: time.Duration(v.WithinMs) * time.Millisecond, Drill: v.Drill, State: insole.MusterState(v.State),
		By: insole.UserID(v.By), ByName: v.ByName, AskedAt: timeOf(v.Asked), Called: v.Called, Deadline: timeOf(v.Deadline), EndedAt: timeOf(v.Ended),
		EndedBy: insole.UserID(v.EndedBy), EndedWho: v.EndedWho, DueAt: timeOf(v.Due), Busy: timeOf(v.Busy), Version: v.Version,
	}
	if v.Ring != "" {
		if err := json.Unmarshal([]byte(v.Ring), &m.Ring); err != nil {
			return m, fmt.Errorf("area of muster %s: %w: %w", v.ID, insole.ErrInvalid, err)
		}
	}
	return m, nil
}

// Muster reads the muster of a stream image whose Kind is "muster".
func (m Image) Muster() (insole.Muster, error) { return musterFrom(m.item()) }

// Summons reads the person of a stream image whose Kind is "summons".
func (m Image) Summons() (insole.Summons, error) { return summonsFrom(m.item()) }

// CreateMuster stores m for the first time. ErrConflict when there is one of that name. m.Version must be 1.
func (s *Store) CreateMuster(ctx context.Context, m insole.Muster) error {
	it, err := marshalMuster(m)
	if err != nil {
		return err
	}
	return s.put(ctx, it, ifAbsent)
}

// SaveMuster writes m over the version before it (m.Version-1). ErrConflict when somebody else wrote it first.
func (s *Store) SaveMuster(ctx context.Context, m insole.Muster) error {
	it, err := marshalMuster(m)
	if err != nil {
		return err
	}
	return s.put(ctx, it, ifVersion(int64(m.Version-1)))
}

// GetMuster reads one muster, strongly consistent.
func (s *Store) GetMuster(ctx context.Context, o insole.OrgID, id insole.MusterID) (insole.Muster, error) {
	it, err := s.get(ctx, musterKey(o, id))
	if err != nil {
		return insole.Muster{}, err
	}
	return musterFrom(it)
}

// Musters reads every muster of an org that is kept, the newest first.
func (s *Store) Musters(ctx context.Context, o insole.OrgID) ([]insole.Muster, error) {
	var all []insole.Muster
	for it, err := range s.query(ctx, question{pk: musterKey(o, "").PK}) {
		if err != nil {
			return nil, err
		}
		m, err := musterFrom(it)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b insole.Muster) int { return b.AskedAt.Compare(a.AskedAt) })
	return all, nil
}

// A DueMuster is one of which something is due.
type DueMuster struct {
	Org    insole.OrgID
	Muster insole.MusterID
	At     time.Time
}

// DueMusters yields every muster of which something was due before now, as due says.
func (s *Store) DueMusters(ctx context.Context, now time.Time) iter.Seq2[DueMuster, error] {
	return due(ctx, s, now, duePK, func(it item, at time.Time) (DueMuster, bool) {
		o, ok := orgOfMusterPK(strOf(it, "PK"))
		return DueMuster{o, insole.MusterID(strOf(it, "SK")), at}, ok
	})
}

type summonsItem struct {
	Org    string `dynamodbav:"org"`
	Muster string `dynamodbav:"mu"`
	Worker string `dynamodbav:"w"`
	Name   string `dynamodbav:"wn,omitempty"`
	Team   string `dynamodbav:"tm,omitempty"`
	Insole string `dynamodbav:"i,omitempty"`
	Phone  string `dynamodbav:"ph,omitempty"`
	Where  string `dynamodbav:"wh,omitempty"`
	State  string `dynamodbav:"st"`
	Why    string `dynamodbav:"wy,omitempty"`
	Felt   int64  `dynamodbav:"fe,omitempty"`
	Safe   int64  `dynamodbav:"sa,omitempty"`
	By     string `dynamodbav:"by,omitempty"`
	ByName string `dynamodbav:"bn,omitempty"`
	Alarm  string `dynamodbav:"al,omitempty"`
	Raised bool   `dynamodbav:"ra,omitempty"`
	V      int    `dynamodbav:"v"`
	TTL    int64  `dynamodbav:"ttl"`
}

func (s *Store) marshalSummons(v insole.Summons) (item, error) {
	return marshal(summonsKey(v.Org, v.Muster, v.Worker), "summons", summonsItem{
		Org: string(v.Org), Muster: string(v.Muster), Worker: string(v.Worker), Name: v.Name, Team: string(v.Team), Insole: string(v.Insole), Phone: v.Phone,
		Where: string(v.Where), State: string(v.State), Why: string(v.Why), Felt: ms(v.FeltAt), Safe: ms(v.SafeAt), By: string(v.By), ByName: v.ByName,
		Alarm: string(v.Alarm), Raised: v.Raised, V: v.Version, TTL: s.now().Add(musterKept).Unix(),
	})
}

func summonsFrom(it item) (insole.Summons, error) {
	var v summonsItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Summons{}, err
	}
	return insole.Summons{
		Org: insole.OrgID(v.Org), Muster: insole.MusterID(v.Muster), Worker: insole.WorkerID(v.Worker), Name: v.Name, Team: insole.TeamID(v.Team),
		Insole: insole.ID(v.Insole), Phone: v.Phone, Where: insole.Where(v.Where), State: insole.SummonsState(v.State), Why: insole.Unreached(v.Why),
		FeltAt: timeOf(v.Felt), SafeAt: timeOf(v.Safe), By: insole.UserID(v.By), ByName: v.ByName, Alarm: insole.AlarmID(v.Alarm), Raised: v.Raised, Version: v.V,
	}, nil
}

// Summonses reads everybody of a muster, strongly consistent, by name of worker.
func (s *Store) Summonses(ctx context.Context, o insole.OrgID, m insole.MusterID) ([]insole.Summons, error) {
	var shards [MusterShards][]insole.Summons
	g, ctx := errgroup.WithContext(ctx)
	for i := range shards {
		g.Go(func() error {
			for it, err := range s.query(ctx, question{pk: summonsPK(o, m, i)}) {
				if err != nil {
					return err
				}
				v, err := summonsFrom(it)
				if err != nil {
					return err
				}
				shards[i] = append(shards[i], v)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(shards[:]...)
	slices.SortFunc(all, func(a, b insole.Summons) int { return strings.Compare(string(a.Worker), string(b.Worker)) })
	return all, nil
}

// GetSummons reads one person of a muster, strongly consistent.
func (s *Store) GetSummons(ctx context.Context, o insole.OrgID, m insole.MusterID, w insole.WorkerID) (insole.Summons, error) {
	it, err := s.get(ctx, summonsKey(o, m, w))
	if err != nil {
		return insole.Summons{}, err
	}
	return summonsFrom(it)
}

// MaxSummon is how many people one Summon takes: each is three items of a transaction, and DynamoDB takes 100.
const MaxSummon = 33

// Summon stores rows for the first time, each with the order that calls it, all or nothing: nobody is on the list who was not called, and nobody called
// who is not on the list. ErrConflict when somebody else has called one of them, and when one who has an order has a covert SOS open. Every Version must be 1.
func (s *Store) Summon(ctx context.Context, rows []insole.Summons, orders []insole.Downlink) error {
	parts := make([]types.TransactWriteItem, 0, len(rows)+len(orders))
	for _, r := range rows {
		it, err := s.marshalSummons(r)
		if err != nil {
			return err
		}
		parts = append(parts, s.txPut(it, ifAbsent))
	}
	return s.together(ctx, parts, orders, nil)
}

// MaxOrders is how many orders one Orders gives, and how many it takes back.
const MaxOrders = 33

// Orders stores give and takes withdraw back, all or nothing. A repeat changes nothing. ErrConflict when one who is given an order has a covert SOS open.
func (s *Store) Orders(ctx context.Context, give, withdraw []insole.Downlink) error {
	return s.together(ctx, nil, give, withdraw)
}

func (s *Store) together(ctx context.Context, parts []types.TransactWriteItem, give, withdraw []insole.Downlink) error {
	for _, d := range give {
		part, err := Order(d)(s)
		if err != nil {
			return err
		}
		duress, err := NoDuress(d.Org, d.Worker)(s)
		if err != nil {
			return err
		}
		parts = append(parts, part, duress)
	}
	for _, d := range withdraw {
		part, err := Withdraw(d)(s)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	return s.transact(ctx, parts...)
}

// SaveSummons writes v over the version before it (v.Version-1). ErrConflict when somebody else wrote it first.
func (s *Store) SaveSummons(ctx context.Context, v insole.Summons) error {
	it, err := s.marshalSummons(v)
	if err != nil {
		return err
	}
	return s.put(ctx, it, ifVersion(int64(v.Version-1)))
}

// FeltDownlink stops the delivery of d at now and keeps it, so that a later answer to it still counts. One that is gone is no error.
func (s *Store) FeltDownlink(ctx context.Context, d insole.Downlink, now time.Time) error {
	_, err := s.update(ctx, downlinkKey(d.Insole, d.ID), "SET en = :now", nil, item{":now": num(ms(now))}, ifPresent)
	if errors.Is(err, insole.ErrConflict) {
		return nil
	}
	return err
}
