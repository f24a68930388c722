package feed

import (
	"time"

	"solewatch/internal/insole"
)

// Open says whether the alarm still needs somebody.
func (a Alarm) Open() bool { return insole.AlarmState(a.State).Open() }

// AlarmOf is how screens are told of a.
func AlarmOf(a insole.Alarm) Alarm {
	f := Alarm{
		ID: string(a.ID), Reference: a.ID.Reference(), Worker: string(a.Worker), WorkerName: a.WorkerName,
		Team: string(a.Team), Insole: string(a.Insole), Kind: string(a.Kind), Priority: a.Rank(), State: string(a.State),
		SentAtMs: ms(a.SentAt), RaisedAtMs: ms(a.RaisedAt), Presses: a.Presses, Step: a.Step, NextStepAtMs: ms(a.NextStepAt),
		Owner: string(a.Owner), OwnerName: a.OwnerName, TakenAtMs: ms(a.TakenAt), ReturnedAtMs: ms(a.ReturnedAt),
		EndedAtMs: ms(a.EndedAt), EndedBy: a.EndedBy, Reason: string(a.Reason), Note: a.Note, Drill: a.Drill, Guess: string(a.Guess), Version: int64(a.Version),
	}
	if a.Kind == insole.AlarmAmber { // what the wearer wrote of their health is for responders, and asked for
		f.Note = ""
	}
	if a.Incident != a.ID {
		f.Incident = string(a.Incident)
	}
	if !a.Shelf.Until.IsZero() {
		f.Shelf = &Shelf{UntilMs: ms(a.Shelf.Until), By: a.Shelf.Name, Why: a.Shelf.Why}
	}
	if a.State == insole.Pending {
		f.DeadlineMs = ms(a.Deadline)
	}
	if a.Fix != nil {
		lat, lon := a.Fix.Lat, a.Fix.Lon
		f.Lat, f.Lon, f.AccuracyM, f.FixAtMs = &lat, &lon, a.Fix.Accuracy, ms(a.Fix.At)
	}
	return f
}

// ms is t in Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
