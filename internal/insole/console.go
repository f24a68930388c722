package insole

import (
	"slices"
	"strings"
	"time"
)

// A Console is a screen that somebody has gone on duty at: it says so again every minute for as long as it is.
type Console struct {
	Org   OrgID
	ID    string // of its connection: whoever connects anew is a console anew
	User  UserID
	Teams []TeamID  // that it watches; none = all
	Sound bool      // armed; one that was silenced for two minutes still is
	Since time.Time // on duty
	Heard time.Time // when it last said so
}

// Watches says whether an alarm of team t would be heard at c.
func (c Console) Watches(t TeamID) bool {
	return c.Sound && (len(c.Teams) == 0 || slices.Contains(c.Teams, t))
}

// Watched says whether an alarm of team t would be heard at any of all.
func Watched(all []Console, t TeamID) bool {
	return slices.ContainsFunc(all, func(c Console) bool { return c.Watches(t) })
}

// An Unwatched is a team that wants to be watched, has somebody on shift, and is heard at no console.
type Unwatched struct {
	Org    OrgID
	Team   TeamID
	Since  time.Time // as far as we could see: time in which we could not look does not count
	Raised bool      // it is an alarm
}

// teamPrefix cannot begin the name of a worker or an insole.
const teamPrefix = "team:"

// TeamWorker is what stands for a team where an alarm has its worker.
func TeamWorker(t TeamID) WorkerID { return WorkerID(teamPrefix + string(t)) }

// TeamOf is the other half of TeamWorker; ok is false for a worker.
func TeamOf(w WorkerID) (t TeamID, ok bool) {
	s, ok := strings.CutPrefix(string(w), teamPrefix)
	return TeamID(s), ok
}
