package feed

import "solewatch/internal/insole"

// A CheckIn is what a worker's line says of their check-ins, task and activity. What is absent is not asked, not announced or never was. It holds no
// note: what somebody wrote down of their health is for responders, and asked for.
type CheckIn struct {
	Worker         string `json:"worker"`
	DueAtMs        int64  `json:"dueAtMs,omitempty"`    // of the check-in that is waited for
	DeadlineMs     int64  `json:"deadlineMs,omitempty"` // an alarm from then on
	LastAtMs       int64  `json:"lastAtMs,omitempty"`
	LastHow        string `json:"lastHow,omitempty" doc:"foot, link, person or shift-ends"`
	LastName       string `json:"lastName,omitempty" doc:"who spoke to them"`
	MissedAtMs     int64  `json:"missedAtMs,omitempty"` // the last one missed since
	ShiftSinceMs   int64  `json:"shiftSinceMs,omitempty" doc:"a shift by hand or by walking that lasts"`
	TaskEndsAtMs   int64  `json:"taskEndsAtMs,omitempty"`
	ActivityEndsMs int64  `json:"activityEndsMs,omitempty"`
	Overdue        bool   `json:"overdue,omitempty"` // the activity should have ended
	Version        int64  `json:"version"`           // a lower or equal version is older news
}

// CheckInOf is how screens are told of c.
func CheckInOf(c insole.CheckIns) CheckIn {
	f := CheckIn{
		Worker: string(c.Worker), DueAtMs: ms(c.DueAt), DeadlineMs: ms(c.Deadline), LastAtMs: ms(c.LastAt), LastHow: string(c.LastHow), LastName: c.LastName,
		MissedAtMs: ms(c.MissedAt), Version: c.Version,
	}
	if c.Shift.Lasts() {
		f.ShiftSinceMs = ms(c.Shift.Since)
	}
	if c.Task.Every > 0 {
		f.TaskEndsAtMs = ms(c.Task.EndsAt)
	}
	if c.Activity.Runs() {
		f.ActivityEndsMs, f.Overdue = ms(c.Activity.EndsAt), c.Activity.Raised
	}
	return f
}
