package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Console is a screen that somebody is on duty at.
type Console struct {
	User    string   `json:"user"`
	Name    string   `json:"name" doc:"empty: there is no such user any more"`
	Teams   []string `json:"teams" doc:"that it watches; none: all"`
	Sound   bool     `json:"sound" doc:"armed: an alarm would be heard there"`
	SinceMs int64    `json:"sinceMs"`
	HeardMs int64    `json:"heardMs" doc:"when it last said so; it does every minute, and is forgotten after three"`
}

// TeamDuty says whether a team is watched.
type TeamDuty struct {
	Team        string `json:"team"`
	Name        string `json:"name"`
	Wanted      bool   `json:"wanted" doc:"the team wants an alarm when nobody watches it (setting unwatched)"`
	AfterS      int64  `json:"afterS" doc:"after so long"`
	Consoles    int    `json:"consoles" doc:"at which its alarms are heard"`
	UnwatchedMs int64  `json:"unwatchedMs,omitempty" doc:"since when it is not, though somebody is on shift; absent otherwise, and where it is not wanted"`
	Alarm       bool   `json:"alarm,omitempty" doc:"there is an alarm about it"`
}

// Duty is who watches.
type Duty struct {
	NowMs    int64      `json:"nowMs"`
	Consoles []Console  `json:"consoles" doc:"who has been on duty for longest comes first"`
	Teams    []TeamDuty `json:"teams"`
}

func (a *API) dutyRoutes(h huma.API) {
	huma.Register(h, op("duty", http.MethodGet, "/api/duty", "Who is on duty, and which teams nobody watches", "board", insole.Supervisor), a.duty)
}

func (a *API) duty(ctx context.Context, _ *struct{}) (*struct{ Body Duty }, error) {
	var (
		org   = who(ctx).Org
		teams []insole.Team
		users []store.Kept[insole.User]
		on    []insole.Console
		alone []insole.Unwatched
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { teams, err = a.Store.Teams(gctx, org); return err })
	g.Go(func() (err error) { users, err = a.Store.Users(gctx, org); return err })
	g.Go(func() (err error) { on, alone, err = a.Store.Duty(gctx, org); return err })
	if err := g.Wait(); err != nil {
		return nil, a.fail(ctx, err)
	}
	names := map[insole.UserID]string{}
	for _, u := range users {
		names[u.Value.ID] = u.Value.Name
	}
	out := Duty{NowMs: a.Now().UnixMilli(), Consoles: make([]Console, 0, len(on)), Teams: make([]TeamDuty, 0, len(teams))}
	slices.SortFunc(on, func(x, y insole.Console) int { return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.ID, y.ID)) })
	for _, c := range on {
		out.Consoles = append(out.Consoles, Console{string(c.User), names[c.User], plain(c.Teams), c.Sound, ms(c.Since), ms(c.Heard)})
	}
	for _, t := range teams {
		set := t.Setting(insole.AlarmUnwatched)
		line := TeamDuty{Team: string(t.ID), Name: t.Name, Wanted: !set.Off, AfterS: int64(set.Minimum / time.Second)}
		for _, c := range on {
			if c.Watches(t.ID) {
				line.Consoles++
			}
		}
		for _, u := range alone {
			if u.Team == t.ID {
				line.UnwatchedMs, line.Alarm = ms(u.Since), u.Raised
			}
		}
		out.Teams = append(out.Teams, line)
	}
	return &struct{ Body Duty }{out}, nil
}
