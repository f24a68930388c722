package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// GetAssignment reads what is known of an insole. The error wraps insole.ErrNotFound when the table says that there is no
// such insole, and insole.ErrAway when it cannot be told: the table did not answer, or the item cannot be read.
//
// The read is eventually consistent: an insole that was provisioned a moment ago may not be found yet.
func (s *Store) GetAssignment(ctx context.Context, id insole.ID) (insole.Assignment, error) {
	it, err := s.getStale(ctx, insoleKey(id))
	if err != nil {
		return insole.Assignment{}, err
	}
	a, err := assignmentFrom(it)
	if err != nil {
		return insole.Assignment{}, fmt.Errorf("insole %s: %w: %w", id, insole.ErrAway, err)
	}
	a.Insole = id
	return a, nil
}

// assignmentItem is a as it stands in the table:
//
//	t "insole" · org · team · worker · workerName · locale · dialect · key B (absent for public dialects) · revoked BOOL ·
//	shifts, JSON of []insole.Shift (absent when there is none) · shiftBy (absent for a schedule, or always)
func assignmentItem(a insole.Assignment) (item, error) {
	it := insoleKey(a.Insole).item()
	it["t"], it["revoked"] = str("insole"), &types.AttributeValueMemberBOOL{Value: a.Revoked}
	it["org"], it["team"], it["worker"] = str(string(a.Org)), str(string(a.Team)), str(string(a.Worker))
	it["workerName"], it["locale"], it["dialect"] = str(a.WorkerName), str(a.Locale), str(string(a.Dialect))
	if len(a.Key) > 0 {
		it["key"] = bin(a.Key)
	}
	if a.ShiftBy != "" {
		it["shiftBy"] = str(string(a.ShiftBy))
	}
	if len(a.Shifts) > 0 {
		b, err := json.Marshal(a.Shifts)
		if err != nil {
			return nil, fmt.Errorf("shifts of insole %s: %w", a.Insole, err)
		}
		it["shifts"] = str(string(b))
	}
	return it, nil
}

// assignmentFrom is the inverse of assignmentItem. The error wraps insole.ErrInvalid: without org and dialect nothing can be done
// for the insole, and shifts that cannot be read must not look like "always on shift" or "never".
func assignmentFrom(it item) (insole.Assignment, error) {
	a := insole.Assignment{
		Org:        insole.OrgID(strOf(it, "org")),
		Team:       insole.TeamID(strOf(it, "team")),
		Worker:     insole.WorkerID(strOf(it, "worker")),
		WorkerName: strOf(it, "workerName"),
		Locale:     strOf(it, "locale"),
		Dialect:    insole.Dialect(strOf(it, "dialect")),
		Key:        binOf(it, "key"),
		Revoked:    boolOf(it, "revoked"),
		ShiftBy:    insole.ShiftBy(strOf(it, "shiftBy")),
	}
	if a.Org == "" || a.Dialect == "" {
		return a, fmt.Errorf("insole item without org or dialect: %w", insole.ErrInvalid)
	}
	if s := strOf(it, "shifts"); s != "" {
		err := json.Unmarshal([]byte(s), &a.Shifts)
		if err != nil {
			return a, fmt.Errorf("shifts of an insole item: %w: %w", insole.ErrInvalid, err)
		}
	}
	return a, nil
}
