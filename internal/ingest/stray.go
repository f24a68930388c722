package ingest

import (
	"context"
	"strconv"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// strayed counts the frames of g that nobody understood in l, and raises a technical alarm when there are many. Whoever calls for help in the same batch
// has been heard before.
func (h *Handler) strayed(ctx context.Context, l *store.Live, id identity, g *group, duty *duty) error {
	for _, at := range g.strays {
		ru := h.Rules
		ru.Settings = id.settings
		s, raise := ru.Stray(l.State, duty.shifts(insole.Report{Kind: insole.KindStatus}, at), at)
		l.State = s
		for _, r := range raise {
			key := "strays@" + strconv.FormatInt(s.Strays.From.UnixMilli(), 10)
			c := alarm.Cause{
				ID:  insole.NewAlarmID(id.sessionOrg, id.sessionWorker, r.Kind, key),
				Org: id.Org, Team: id.Team, Worker: id.Worker, WorkerName: id.WorkerName, Insole: id.Insole, Kind: r.Kind, Key: key,
				SentAt: at, Fix: s.Fix, Confirmed: r.Confirmed, Guess: r.Guess, Locale: id.Locale, Who: "ingest",
			}
			_, raised, err := h.Alarms.Raise(ctx, c)
			if err != nil {
				return err
			}
			if raised {
				h.Log.InfoContext(ctx, "alarm raised", "org", id.Org, "alarm", c.ID, "kind", c.Kind, "insole", id.Insole, "report", key)
			}
		}
	}
	return nil
}
