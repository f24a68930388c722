package watchdog

import (
	"context"
	"fmt"
	"iter"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// CheckIns is who is asked whether they are well. *checkin.Engine is one.
type CheckIns interface {
	Due(ctx context.Context, now time.Time) iter.Seq2[store.DueCheckIn, error]
	// Look does what is due of one worker. A worker who is not there any more is no error.
	Look(ctx context.Context, o insole.OrgID, w insole.WorkerID, due time.Time) error
}

// Asked looks at every worker of whose check-ins, task, activity or shift something is due: what the delayed messages should have done.
func (h *Handler) Asked(ctx context.Context) error {
	if h.CheckIns == nil {
		return nil
	}
	now := h.Now().UTC()
	w := workers{turns: make(chan struct{}, 8)}
	for due, err := range h.CheckIns.Due(ctx, now) {
		if err != nil {
			w.fail(fmt.Errorf("check-ins: %w", err))
			continue // the other parts of the index are there all the same
		}
		if late := now.Sub(due.At); late > Overdue {
			h.Log.WarnContext(ctx, "check-in overdue", "org", due.Org, "worker", due.Worker, "late", late)
		}
		w.run(func() error {
			if err := h.CheckIns.Look(ctx, due.Org, due.Worker, time.Time{}); err != nil {
				return fmt.Errorf("check-ins of %s: %w", due.Worker, err)
			}
			return nil
		})
	}
	return w.wait()
}
