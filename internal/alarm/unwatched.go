package alarm

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"solewatch/internal/insole"
)

// Unwatched raises an alarm about team t, of org o, which nobody watches since since. It pages the org's operators, or t itself where there are
// none: whoever asked to be told is told. What holds for it (priority, whether it is off at all) is what t says. Told again, it raises nothing.
// The error wraps insole.ErrAway when it may not have been stored.
func (r *Raiser) Unwatched(ctx context.Context, o insole.Org, t insole.Team, since time.Time) (raised bool, err error) {
	worker, pages, set := insole.TeamWorker(t.ID), o.Operators, t.Setting(insole.AlarmUnwatched)
	if pages == "" {
		pages = t.ID
	}
	key := "unwatched@" + strconv.FormatInt(since.UnixMilli(), 10)
	_, raised, err = r.Raise(ctx, Cause{
		ID:  insole.NewAlarmID(o.ID, worker, insole.AlarmUnwatched, key),
		Org: o.ID, Team: pages, Worker: worker, WorkerName: t.Name, Kind: insole.AlarmUnwatched, Key: key,
		SentAt: since, Confirmed: true, Locale: o.Locale, Set: &set, Who: "watchdog",
	})
	if err != nil {
		return false, fmt.Errorf("team %s: %w", t.ID, err)
	}
	return raised, nil
}

// Watched marks an open alarm about team t as returned to normal: it stays until a person has seen it. None open is no error.
func (r *Raiser) Watched(ctx context.Context, o insole.OrgID, t insole.TeamID, at time.Time) error {
	return r.ReturnBy(ctx, o, insole.TeamWorker(t), insole.AlarmUnwatched, "watched@"+strconv.FormatInt(at.UnixMilli(), 10), insole.User{ID: "watchdog"})
}
