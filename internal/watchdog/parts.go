package watchdog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/parts"
)

// Parts audits everybody's open alarms, leaves behind that the watchdog has looked, and judges every part. It comes after the sweep: what is
// overdue then could not be done. A Handler without a Heart does none of it.
func (h *Handler) Parts(ctx context.Context) error {
	if h.Heart == nil {
		return nil
	}
	looking, cancel := half(ctx, 0)
	audit, err := h.Audit(looking)
	cancel()
	h.Heart.Beat(ctx, func(b *insole.Beat) {
		if err == nil { // nothing is said of alarms that could not be read
			b.Audit = &audit
		}
	})
	return errors.Join(err, h.Judge.Look(ctx, parts.Judged...))
}

// Audit counts the open alarms of every org and those of them that nobody will look at in time. It says in the log which those are.
func (h *Handler) Audit(ctx context.Context) (insole.Audit, error) {
	var sum insole.Audit
	now := h.Now().UTC()
	orgs, err := h.Store.Orgs(ctx)
	if err != nil {
		return sum, fmt.Errorf("auditing: %w", err)
	}
	for _, o := range append(orgs, insole.CanaryOrg) {
		open, err := h.Store.OpenAlarms(ctx, o)
		if err != nil {
			return sum, fmt.Errorf("auditing %s: %w", o, err)
		}
		for _, a := range open {
			sum.Open++
			switch late := now.Sub(a.NextStepAt); {
			case a.NextStepAt.IsZero() && a.State != insole.Taken: // who has it may have it for ever; nobody may not
				sum.Without++
				h.Log.ErrorContext(ctx, "alarm without a next step", "org", o, "alarm", a.ID)
			case !a.NextStepAt.IsZero() && late > Overdue:
				sum.Overdue++
				if sum.Oldest.IsZero() || a.NextStepAt.Before(sum.Oldest) {
					sum.Oldest = a.NextStepAt
				}
				h.Log.ErrorContext(ctx, "alarm overdue after the sweep", "org", o, "alarm", a.ID, "late", late.Round(time.Second))
			}
		}
	}
	return sum, nil
}
