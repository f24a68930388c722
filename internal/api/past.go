package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/tally"
)

type pastInput struct {
	Month string `path:"month" maxLength:"40" doc:"as 2026-11; a month begins and ends in UTC" example:"2026-11"`
}

type pastAnswer struct {
	Body struct {
		Alarms []feed.Alarm `json:"alarms" doc:"that ended in the month, the latest first"`
		Unread int          `json:"unread,omitempty" doc:"ended alarms of which nothing is kept any more"`
	}
}

func (a *API) pastRoutes(h huma.API) {
	huma.Register(h, op("past-alarms", http.MethodGet, "/api/reports/{month}/alarms", "The alarms that ended in a month", "reports", insole.Supervisor), a.past)
}

// past names them; each one's pages and log are in GET /api/alarms/{alarm}.
func (a *API) past(ctx context.Context, in *pastInput) (*pastAnswer, error) {
	month, err := tally.Month(in.Month, a.Now().UTC())
	if err != nil {
		return nil, a.fail(ctx, &problem{what: badMonth, args: []string{"given", strings.ToValidUTF8(in.Month, "?")}, cause: err})
	}
	ended, unread, err := a.ended(ctx, who(ctx).Org, month)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &pastAnswer{}
	out.Body.Unread, out.Body.Alarms = unread, make([]feed.Alarm, len(ended))
	for i, f := range ended {
		one := feed.AlarmOf(f.Alarm)
		one.Lat, one.Lon, one.AccuracyM, one.FixAtMs = nil, nil, 0, 0 // where people were is in each one's file, and who looks there is recorded
		out.Body.Alarms[i] = one
	}
	slices.Reverse(out.Body.Alarms)
	return out, nil
}
