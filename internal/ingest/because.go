package ingest

import (
	"context"

	"solewatch/internal/audit"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// because is d with all that it takes to decide it again, for the log of its alarm. It is asked for only when there is something to log.
func (g *group) because(d rules.Decision) string {
	key := d.Report.Key()
	in := audit.Inputs{Insole: d.Report.Insole, Dialect: g.frame.Dialect, HeardAt: d.Report.HeardAt, Decision: d}
	for _, f := range g.frames {
		reports, _ := decode(f)
		for _, r := range reports {
			if r.Key() == key {
				in.Dialect, in.Raw, in.HeardAt = f.Dialect, f.Raw, f.HeardAt()
				return audit.Of(in).Data()
			}
		}
	}
	return audit.Of(in).Data()
}

// refused remembers that d raised nothing although its report told of something wrong: somebody may ask why. Where that cannot be written the report's own
// place in the history has to do.
func (h *Handler) refused(ctx context.Context, id identity, d rules.Decision, why func(rules.Decision) string) {
	kind, reason, ok := d.Refused()
	if !ok {
		return
	}
	err := h.Store.PutRefusal(ctx, store.Refusal{Org: id.Org, Worker: id.Worker, Insole: id.Insole, Kind: kind, Why: reason, At: d.At, Report: d.Report.Key(), Data: why(d)})
	if err != nil {
		h.Log.WarnContext(ctx, "not written down why nothing was raised", "insole", id.Insole, "kind", kind, "why", reason, "err", err)
	}
}
