package alarm

import (
	"context"
	"strconv"

	"solewatch/internal/insole"
)

// Drill raises an exercise about w, as though w had pressed: by the team's policy, with pages, links and somebody who takes charge. It is of a kind of its own, so
// that a true call for help never joins it and is never taken for it. While one is open a second one is the same: raised is then false.
//
// The wearer feels nothing of it (Felt): they have not pressed, and who feels that somebody has taken charge of nothing learns to overlook it.
func (r *Raiser) Drill(ctx context.Context, w insole.Worker, by insole.User, note, locale string, fix *insole.Fix) (a insole.Alarm, raised bool, err error) {
	now := r.Now().UTC()
	key := "drill@" + strconv.FormatInt(now.UnixMilli(), 10)
	return r.Raise(ctx, Cause{
		ID:  insole.NewAlarmID(w.Org, w.ID, insole.AlarmDrill, key),
		Org: w.Org, Team: w.Team, Worker: w.ID, WorkerName: w.Name, Insole: w.Insole, Kind: insole.AlarmDrill, Key: key,
		SentAt: now, Fix: fix, Confirmed: true, Locale: locale, Drill: true, Note: note, Who: string(by.ID), Name: by.Name,
	})
}

// exercised is the drill that somebody took charge of when before became after; ok is false when that is not what happened.
func exercised(before, after insole.Alarm) (d insole.Drill, ok bool) {
	if after.Kind != insole.AlarmDrill || after.State != insole.Taken || before.State == insole.Taken {
		return d, false
	}
	return insole.Drill{
		Org: after.Org, Team: after.Team, Alarm: after.ID, At: after.RaisedAt, Took: max(after.TakenAt.Sub(after.RaisedAt), 0), By: after.OwnerName,
	}, true
}
