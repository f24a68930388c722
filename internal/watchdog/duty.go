package watchdog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/parts"
)

// Consoles is who is on duty at which, and whom they are for. *store.Store is one.
type Consoles interface {
	Org(context.Context, insole.OrgID) (insole.Org, error)
	Teams(context.Context, insole.OrgID) ([]insole.Team, error)
	Workers(context.Context, insole.OrgID) ([]insole.Worker, error)
	AllCheckIns(context.Context, insole.OrgID) ([]insole.CheckIns, error)
	// Duty is who is on duty, and which teams nobody watched when this was last looked at.
	Duty(context.Context, insole.OrgID) ([]insole.Console, []insole.Unwatched, error)
	PutUnwatched(context.Context, insole.Unwatched) error
	DropUnwatched(context.Context, insole.OrgID, insole.TeamID) error
	// BeatOf: insole.ErrNotFound when there is none.
	BeatOf(ctx context.Context, part, instance string) (insole.Beat, error)
}

// Watches stores alarms about teams that nobody watches. *alarm.Raiser is one.
type Watches interface {
	Unwatched(ctx context.Context, o insole.Org, t insole.Team, since time.Time) (raised bool, err error)
	Watched(ctx context.Context, o insole.OrgID, t insole.TeamID, at time.Time) error
}

// Blind is how long the watchdog may not have looked before what it knew of consoles is void: while it could not look, nobody could go on duty
// either. Two looks, and a slow minute.
const Blind = 150 * time.Second

// Watched raises an alarm about every team that wants to be watched, has somebody on shift, and was heard at no console for as long as it says;
// and marks it as over when that has changed. Of an org that cannot be read nothing is judged.
func (h *Handler) Watched(ctx context.Context) error {
	if h.Consoles == nil {
		return nil
	}
	orgs, err := h.Store.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("listing orgs: %w", err)
	}
	now := h.Now().UTC()
	w := workers{turns: make(chan struct{}, 8)}
	for _, o := range orgs {
		w.run(func() error {
			if err := h.watched(ctx, o, now); err != nil {
				return fmt.Errorf("duty of %s: %w", o, err)
			}
			return nil
		})
	}
	return w.wait()
}

func (h *Handler) watched(ctx context.Context, o insole.OrgID, now time.Time) error {
	teams, err := h.Consoles.Teams(ctx, o)
	if err != nil {
		return err
	}
	on, alone, err := h.Consoles.Duty(ctx, o)
	if err != nil {
		return err
	}
	was := map[insole.TeamID]insole.Unwatched{}
	for _, u := range alone {
		was[u.Team] = u
	}
	var lonely []insole.Team // that want to be watched, and are not
	for _, t := range teams {
		if !t.Setting(insole.AlarmUnwatched).Off && !insole.Watched(on, t.ID) {
			lonely = append(lonely, t)
		}
	}
	var out map[insole.TeamID]bool
	if len(lonely) > 0 { // most teams are watched, or do not ask: nobody's shift is read then
		if out, err = h.out(ctx, o, now); err != nil {
			return err
		}
	}
	var errs []error
	for _, t := range lonely {
		if out[t.ID] {
			errs = append(errs, h.alone(ctx, o, t, was[t.ID], now))
			delete(was, t.ID)
		}
	}
	for _, u := range was {
		errs = append(errs, h.notAlone(ctx, u, now))
	}
	return errors.Join(errs...)
}

// out says in which teams of o somebody is on shift who wears an insole.
func (h *Handler) out(ctx context.Context, o insole.OrgID, now time.Time) (map[insole.TeamID]bool, error) {
	workers, err := h.Consoles.Workers(ctx, o)
	if err != nil {
		return nil, err
	}
	asked, err := h.Consoles.AllCheckIns(ctx, o)
	if err != nil {
		return nil, err
	}
	of := make(map[insole.WorkerID]insole.CheckIns, len(asked))
	for _, c := range asked {
		of[c.Worker] = c
	}
	out := map[insole.TeamID]bool{}
	for _, w := range workers {
		c := of[w.ID]
		if w.Insole != "" && insole.OnShift(w.Shifts, w.ShiftBy, &c, now) {
			out[w.Team] = true
		}
	}
	return out, nil
}

// alone is one look at a team that nobody watches; u is what was known of it, and is zero when it was watched. The alarm comes before the
// mark: stored again under the same name it is the same alarm.
func (h *Handler) alone(ctx context.Context, o insole.OrgID, t insole.Team, u insole.Unwatched, now time.Time) error {
	if u.Team == "" {
		return h.Consoles.PutUnwatched(ctx, insole.Unwatched{Org: o, Team: t.ID, Since: now})
	}
	if u.Raised || now.Sub(u.Since) < t.Setting(insole.AlarmUnwatched).Minimum {
		return nil
	}
	beat, err := h.Consoles.BeatOf(ctx, parts.Watchdog, "")
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		return err
	}
	if err == nil && now.Sub(beat.At) > Blind {
		h.Log.InfoContext(ctx, "consoles were not looked at", "org", o, "team", t.ID, "since", beat.At)
		u.Since = now
		return h.Consoles.PutUnwatched(ctx, u)
	}
	org, err := h.Consoles.Org(ctx, o)
	if err != nil {
		return err
	}
	raised, err := h.Watches.Unwatched(ctx, org, t, u.Since)
	if err != nil {
		return err
	}
	if raised {
		h.Log.WarnContext(ctx, "nobody watches", "org", o, "team", t.ID, "since", u.Since)
	}
	u.Raised = true
	return h.Consoles.PutUnwatched(ctx, u)
}

// notAlone is one look at a team that somebody watches, or nobody needs to. The mark goes last: until then it is looked at again.
func (h *Handler) notAlone(ctx context.Context, u insole.Unwatched, now time.Time) error {
	if u.Raised {
		if err := h.Watches.Watched(ctx, u.Org, u.Team, now); err != nil {
			return err
		}
	}
	return h.Consoles.DropUnwatched(ctx, u.Org, u.Team)
}
