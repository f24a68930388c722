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

// SMSAccount is what our account with AWS may send by SMS.
type SMSAccount struct {
	Sandbox bool    // only numbers that were verified by hand get messages
	Limit   float64 // USD a month; below 0: not said
}
