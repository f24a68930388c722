package insole

import "time"

// A Drill is the newest exercise of a team that somebody took charge of.
type Drill struct {
	Org   OrgID
	Team  TeamID
	Alarm AlarmID
	At    time.Time     // when it was raised
	Took  time.Duration // until somebody had taken charge
	By    string        // who did, as they are called
}
