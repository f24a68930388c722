package alarm

import (
	"context"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

// Musters carries out what is due of musters. *muster.Engine is one.
type Musters interface {
	// Look does what is due of a muster and asks for whatever comes next. due is what the message was for, zero for "at once". One that is not there is no error.
	Look(ctx context.Context, o insole.OrgID, m insole.MusterID, due time.Time) error
	// Nudge asks for a Look at once, and does nothing itself.
	Nudge(ctx context.Context, o insole.OrgID, m insole.MusterID)
}

// look is for a step message that names a muster.
func (h *Handler) look(ctx context.Context, step queue.Step) error {
	var due time.Time
	if step.DueMs != 0 {
		due = time.UnixMilli(step.DueMs).UTC()
	}
	return h.Musters.Look(ctx, step.Org, step.Muster, due)
}

// nudge is for a muster in the stream: one that nobody has begun to call, or to end, is asked for once more, since whoever stored it may have died before it asked.
// The work itself is not done here: thousands are called in seconds, for which no alarm of this shard may wait.
func (h *Handler) nudge(ctx context.Context, image store.Image) {
	if h.Musters == nil {
		return
	}
	m, err := image.Muster()
	if err != nil {
		h.Log.ErrorContext(ctx, "muster of the stream not understood", "err", err)
		return
	}
	if !m.DueAt.IsZero() && !m.DueAt.After(h.Engine.Now()) && m.Busy.IsZero() {
		h.Musters.Nudge(ctx, m.Org, m.ID)
	}
}
