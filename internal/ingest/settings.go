package ingest

import (
	"context"
	"errors"

	"solewatch/internal/insole"
)

type teamName struct {
	org  insole.OrgID
	team insole.TeamID
}

// settingsOf is what id's team says of its alarms, as far as it is known: of what it does not say, and of everything when nobody can say it, the defaults
// hold. A call for help does not wait for it: what of it matters then the Raiser does, which has the team at hand.
func (h *Handler) settingsOf(ctx context.Context, id identity, g *group) insole.Settings {
	name := teamName{id.Org, id.Team}
	if id.away != nil || id.Team == "" || g.help {
		t, _ := h.teams.remembered(name)
		return t.Settings
	}
	ctx, cancel := context.WithTimeout(ctx, SettingsWait)
	defer cancel()
	t, known, err := h.teams.get(ctx, h.Now, name, func(ctx context.Context) (insole.Team, error) {
		t, err := h.Store.Team(ctx, id.Org, id.Team)
		if errors.Is(err, insole.ErrNotFound) {
			return insole.Team{}, nil
		}
		return t, err
	})
	if err != nil {
		h.Log.WarnContext(ctx, "settings not read", "org", id.Org, "team", id.Team, "remembered", known, "err", err)
	}
	return t.Settings
}
