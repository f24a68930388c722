package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

type workerItem struct {
	Org    string      `dynamodbav:"org"`
	Worker string      `dynamodbav:"worker"`
	Team   string      `dynamodbav:"team"`
	Name   string      `dynamodbav:"name"`
	Phone  string      `dynamodbav:"phone,omitempty"`
	Insole string      `dynamodbav:"insole,omitempty"`
	Shifts []shiftItem `dynamodbav:"shifts,omitempty"`
	Worn   []wornItem  `dynamodbav:"worn,omitempty"`
	By     string      `dynamodbav:"shiftBy,omitempty"`
}

type wornItem struct {
	Insole  string `dynamodbav:"insole"`
	UntilMs int64  `dynamodbav:"untilMs"`
}

type shiftItem struct {
	Days  []int  `dynamodbav:"days"`
	FromS int64  `dynamodbav:"fromS"` // seconds since midnight
	ToS   int64  `dynamodbav:"toS"`
	Zone  string `dynamodbav:"zone"`
}

// Worker reads one worker.
func (s *Store) Worker(ctx context.Context, org insole.OrgID, id insole.WorkerID) (insole.Worker, error) {
	k, err := s.KeptWorker(ctx, org, id)
	return k.Value, err
}

// KeptWorker is Worker with its version.
func (s *Store) KeptWorker(ctx context.Context, org insole.OrgID, id insole.WorkerID) (Kept[insole.Worker], error) {
	return one(ctx, s, workerKey(org, id), workerFrom)
}

// Workers lists the workers of org.
func (s *Store) Workers(ctx context.Context, org insole.OrgID) ([]insole.Worker, error) {
	return values(s.KeptWorkers(ctx, org))
}

// KeptWorkers is Workers with their versions.
func (s *Store) KeptWorkers(ctx context.Context, org insole.OrgID) ([]Kept[insole.Worker], error) {
	return list(ctx, s, org, workerKey(org, "").SK, workerFrom)
}

// PutWorker writes a worker. What the bridge knows of the worker's insole is written by PutInsole.
func PutWorker(k Kept[insole.Worker]) Change {
	w := k.Value
	it := workerItem{Org: string(w.Org), Worker: string(w.ID), Team: string(w.Team), Name: w.Name, Phone: w.Phone, Insole: string(w.Insole)}
	it.Shifts, it.By = shiftItems(w.Shifts), string(w.ShiftBy)
	for _, p := range w.Worn {
		it.Worn = append(it.Worn, wornItem{string(p.Insole), ms(p.Until)})
	}
	return putChange(workerKey(w.Org, w.ID), "worker", it, k.Version)
}

// DropWorker deletes a worker, and what responders were to know of them.
func DropWorker(org insole.OrgID, id insole.WorkerID) Change {
	return Change{func(s *Store) ([]types.TransactWriteItem, error) {
		return []types.TransactWriteItem{s.txDelete(workerKey(org, id), cond{}), s.dropCare(org, id)}, nil
	}}
}

func workerFrom(it item) (insole.Worker, error) {
	var v workerItem
	err := unmarshal(it, &v)
	if err != nil {
		return insole.Worker{}, err
	}
	w := insole.Worker{
		Org: insole.OrgID(v.Org), ID: insole.WorkerID(v.Worker), Team: insole.TeamID(v.Team),
		Name: v.Name, Phone: v.Phone, Insole: insole.ID(v.Insole), ShiftBy: insole.ShiftBy(v.By),
	}
	w.Shifts = shiftsFrom(v.Shifts)
	for _, p := range v.Worn {
		w.Worn = append(w.Worn, insole.Worn{Insole: insole.ID(p.Insole), Until: timeOf(p.UntilMs)})
	}
	return w, nil
}

func shiftItems(shifts []insole.Shift) (out []shiftItem) {
	for _, sh := range shifts {
		days := make([]int, len(sh.Days))
		for i, d := range sh.Days {
			days[i] = int(d)
		}
		out = append(out, shiftItem{days, int64(sh.From / time.Second), int64(sh.To / time.Second), sh.Zone})
	}
	return out
}

func shiftsFrom(items []shiftItem) (out []insole.Shift) {
	for _, sh := range items {
		days := make([]time.Weekday, len(sh.Days))
		for i, d := range sh.Days {
			days[i] = time.Weekday(d)
		}
		out = append(out, insole.Shift{
			Days: days, From: time.Duration(sh.FromS) * time.Second, To: time.Duration(sh.ToS) * time.Second, Zone: sh.Zone,
		})
	}
	return out
}
