package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	"solewatch/internal/insole"
)

// How often one person may set off what ends in text messages, so that a session in the wrong hands cannot spend the month's money or bury a true
// call among thousands. They are far above what an emergency takes. How many people an evacuation calls is not bounded, nor what escalates by itself.
const (
	bound            = time.Hour
	drillsABound     = 30
	mustersABound    = 30
	linksABound      = 200
	escalatesABound  = 300
	escalatesOfAlarm = 20
	linkAgain        = 5 * time.Minute // between two links to the same worker
)

// enough counts one more of what, by whoever asks, and refuses it when there were most in the time since the first of them.
func (a *API) enough(ctx context.Context, what string, most int) error {
	return a.enoughOf(ctx, what, string(who(ctx).User), most, bound)
}

// enoughOf counts one more of what about a thing of the org of whoever asks.
func (a *API) enoughOf(ctx context.Context, what, thing string, most int, within time.Duration) error {
	now := a.Now()
	err := a.Store.CountTry(ctx, "send:"+what+":"+string(who(ctx).Org)+":"+thing, most, now, now.Add(within))
	if errors.Is(err, insole.ErrConflict) {
		return &problem{what: enough, args: []string{"n", strconv.Itoa(most), "minutes", strconv.Itoa(int(within / time.Minute))}, cause: err}
	}
	return err
}
