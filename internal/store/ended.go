package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

// EndedAlarms names the alarms of an org that ended in the month (UTC) of at, in the order in which they ended, strongly consistent.
func (s *Store) EndedAlarms(ctx context.Context, o insole.OrgID, at time.Time) ([]insole.AlarmID, error) {
	var out []insole.AlarmID
	for it, err := range s.query(ctx, question{pk: endedKey(o, at, "").PK}) {
		if err != nil {
			return nil, err
		}
		out = append(out, insole.AlarmID(strOf(it, "a")))
	}
	return out, nil
}
