package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// A dutyWord is what a screen says of itself, once a minute in place of a ping while somebody is on duty at it, and at once when it changes:
//
//	{"action":"duty","on":true,"sound":true,"teams":["north"],"sinceMs":1795341600000}
//
// No teams are all of them. sinceMs is by the server's clock; 0, and what cannot be, is now. "on":false ends it, as does the end of the connection.
type dutyWord struct {
	On      *bool           `json:"on"`
	Sound   bool            `json:"sound"` // armed
	Teams   []insole.TeamID `json:"teams"`
	SinceMs int64           `json:"sinceMs"`
}

// What a screen may say.
const (
	maxTeams  = 100
	maxTeamID = 40                 // bytes; longer there is none
	maxWatch  = 7 * 24 * time.Hour // nobody is on duty for longer
)

// readDuty reads a dutyWord; fault says for a developer what is wrong with it.
func readDuty(body string) (w dutyWord, fault string) {
	if err := json.Unmarshal([]byte(body), &w); err != nil {
		return w, "duty is not of the form {on, sound, teams, sinceMs}"
	}
	if w.On == nil {
		return w, "duty does not say whether it is on"
	}
	if len(w.Teams) > maxTeams {
		return w, fmt.Sprintf("duty names more than %d teams", maxTeams)
	}
	for _, t := range w.Teams {
		if t == "" || len(t) > maxTeamID {
			return w, "duty names a team that there cannot be"
		}
	}
	return w, ""
}

// duty writes w down for c's screen.
func (h *Handler) duty(ctx context.Context, c store.Connection, w dutyWord) error {
	if !*w.On {
		h.Log.InfoContext(ctx, "console off duty", "org", c.Org, "user", c.User, "connection", c.ID)
		return h.Store.DropConsole(ctx, c.Org, c.ID)
	}
	now := h.Now().UTC()
	since := time.UnixMilli(w.SinceMs).UTC()
	if since.After(now) || now.Sub(since) > maxWatch {
		since = now
	}
	return h.Store.PutConsole(ctx, insole.Console{Org: c.Org, ID: c.ID, User: c.User, Teams: w.Teams, Sound: w.Sound, Since: since, Heard: now})
}
