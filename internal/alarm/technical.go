package alarm

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"solewatch/internal/insole"
)

// Technical raises a technical alarm about f. Told again, or while another about the same part is open, it raises nothing: raised is false.
// An org without operators has the alarm on its board, where it pages nobody. The error wraps insole.ErrAway when it may not have been stored.
func (r *Raiser) Technical(ctx context.Context, f insole.Fault) (raised bool, err error) {
	worker := insole.PartWorker(f.Part)
	key := f.Part + "@" + strconv.FormatInt(f.Since.UnixMilli(), 10)
	_, raised, err = r.Raise(ctx, Cause{
		ID:  insole.NewAlarmID(f.Org.ID, worker, insole.AlarmTechnical, key),
		Org: f.Org.ID, Team: f.Org.Operators, Worker: worker, WorkerName: f.What, Kind: insole.AlarmTechnical, Key: key,
		SentAt: f.Since, Confirmed: true, Locale: f.Org.Locale, Who: f.Who,
	})
	if err != nil {
		return false, fmt.Errorf("part %s: %w", f.Part, err)
	}
	return raised, nil
}

// Works marks an open technical alarm about part as returned to normal: it stays until a person has seen it. None open is no error.
func (r *Raiser) Works(ctx context.Context, o insole.OrgID, part string, at time.Time) error {
	return r.Return(ctx, o, insole.PartWorker(part), insole.AlarmTechnical, part+" works@"+strconv.FormatInt(at.UnixMilli(), 10))
}
