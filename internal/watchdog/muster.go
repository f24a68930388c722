package watchdog

import "context"

// Musters goes on with every muster that has something due. *muster.Engine is one.
type Musters interface {
	Sweep(context.Context) error
}

// Called goes on with whatever of a muster was lost half-way, and with deadlines whose message never came.
func (h *Handler) Called(ctx context.Context) error {
	if h.Musters == nil {
		return nil
	}
	return h.Musters.Sweep(ctx)
}
