package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// careItem is an item of its own, of a kind that no stream is filtered for: nothing that shows workers reads it.
type careItem struct {
	Note     string            `dynamodbav:"note,omitempty"`
	Contacts []careContactItem `dynamodbav:"contacts,omitempty"`
	SetAtMs  int64             `dynamodbav:"setAtMs"`
	SetBy    string            `dynamodbav:"setBy"`
	Version  int64             `dynamodbav:"v"`
}

type careContactItem struct {
	Name     string `dynamodbav:"name"`
	Phone    string `dynamodbav:"phone"`
	Relation string `dynamodbav:"relation,omitempty"`
}

// Care reads what responders must know of a worker. Of one about whom nothing was ever set it is empty, version 1. Whoever shows it has recorded who asks (PutLook).
func (s *Store) Care(ctx context.Context, o insole.OrgID, w insole.WorkerID) (insole.Care, error) {
	c := insole.Care{Org: o, Worker: w, Version: 1}
	it, err := s.get(ctx, careKey(o, w))
	if errors.Is(err, insole.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	var v careItem
	if err := unmarshal(it, &v); err != nil {
		return c, err
	}
	c.Note, c.SetAt, c.SetBy, c.Version = v.Note, timeOf(v.SetAtMs), v.SetBy, int(v.Version)
	for _, p := range v.Contacts {
		c.Contacts = append(c.Contacts, insole.CareContact(p))
	}
	return c, nil
}

// SaveCare writes c over what was read with the version before its own. insole.ErrConflict when it has been written since, insole.ErrNotFound when there is no such
// worker (any more): what is known of somebody's health does not outlive them here (DropWorker).
func (s *Store) SaveCare(ctx context.Context, c insole.Care) error {
	v := careItem{Note: c.Note, SetAtMs: ms(c.SetAt), SetBy: c.SetBy, Version: int64(c.Version)}
	for _, p := range c.Contacts {
		v.Contacts = append(v.Contacts, careContactItem(p))
	}
	it, err := marshal(careKey(c.Org, c.Worker), "care", v)
	if err != nil {
		return err
	}
	held := ifAbsent
	if c.Version > 2 {
		held = ifVersion(int64(c.Version - 1))
	}
	err = s.transact(ctx, s.txCheck(workerKey(c.Org, c.Worker), ifPresent), s.txPut(it, held))
	if failedPart(err) == 0 {
		return fmt.Errorf("worker %s: %w", c.Worker, insole.ErrNotFound)
	}
	return err
}

// dropCare removes it with its worker.
func (s *Store) dropCare(o insole.OrgID, w insole.WorkerID) types.TransactWriteItem {
	return s.txDelete(careKey(o, w), cond{})
}
