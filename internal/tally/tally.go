// Package tally counts what became of the alarms of a month: what they were, how soon somebody was paged, how soon somebody had
// taken charge, how many were false, which still stand. It is pure: alarms with their pages and logs → tables.
//
// A month is a month in UTC, and an alarm belongs to the one in which it ended. Times are of the server's clock, from the moment
// the alarm needed a person: when it was raised or, after a pre-alarm that nobody cancelled, when that was over.
package tally

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Goal is how soon somebody should have taken charge.
const Goal = time.Minute

// A Report is the tables of one month of one org.
type Report struct {
	Month    string     `json:"month" doc:"YYYY-MM, UTC"`
	MadeAtMs int64      `json:"madeAtMs"`
	Partial  bool       `json:"partial" doc:"the month is not over"`
	Alarms   []Kind     `json:"alarms" doc:"by kind, those with the highest priority first; kinds without an alarm are left out"`
	All      Line       `json:"all" doc:"of every kind"`
	Standing []Standing `json:"standing" doc:"raised by the end of the month and open now, oldest first"`
	Unread   int        `json:"unread,omitempty" doc:"ended alarms of which nothing is kept any more; in no other number"`
}

// A Kind is the line of one kind of alarm.
type Kind struct {
	Kind string `json:"kind"`
	Line
}

// A Line counts alarms that ended in the month. Exercises (resolved as test or drill, or raised by a drill) are in Ended and
// Reasons, and in no other number.
type Line struct {
	Ended     int      `json:"ended"`
	Reasons   Reasons  `json:"reasons"`
	Exercises int      `json:"exercises"`
	Needed    int      `json:"needed" doc:"that needed a person: neither exercises nor cancelled by the wearer in time"`
	Page      Times    `json:"page" doc:"until AWS accepted the first page; n of needed"`
	Take      Times    `json:"take" doc:"until somebody first took charge; n of needed"`
	Within    int      `json:"within" doc:"taken within goalS"`
	GoalS     int      `json:"goalS"`
	FalseRate *float64 `json:"falseRate,omitempty" doc:"false of false and real; absent when there is neither"`
}

// Reasons is how alarms ended.
type Reasons struct {
	Real      int `json:"real"`
	False     int `json:"false"`
	Test      int `json:"test"`
	Drill     int `json:"drill"`
	Other     int `json:"other"`
	Cancelled int `json:"cancelled" doc:"by the wearer, before anybody was paged"`
}

// Times are spans in seconds, to the millisecond.
type Times struct {
	N    int      `json:"n"`
	P50S *float64 `json:"p50S,omitempty" doc:"half took at most so long; absent when n is 0"`
	P95S *float64 `json:"p95S,omitempty" doc:"nineteen of twenty took at most so long"`
}

// Standing is an alarm that is still open.
type Standing struct {
	Alarm      string `json:"alarm"`
	Reference  string `json:"reference"`
	Kind       string `json:"kind"`
	State      string `json:"state"`
	Worker     string `json:"worker"`
	WorkerName string `json:"workerName"`
	RaisedAtMs int64  `json:"raisedAtMs"`
	AgeS       int64  `json:"ageS"`
}

// Month reads "2026-11" as the start of that month, UTC. The error wraps insole.ErrInvalid for what is not one, and for a month after
// that of now.
func Month(s string, now time.Time) (time.Time, error) {
	m, err := time.Parse("2006-01", s)
	if err != nil {
		return m, fmt.Errorf("month %q: %w", s, insole.ErrInvalid)
	}
	if m.After(now) {
		return m, fmt.Errorf("month %q is yet to come: %w", s, insole.ErrInvalid)
	}
	return m, nil
}

// Of makes the report of the month that begins at month. ended are the alarms that ended in it and open those that are open at now,
// both in any order; alarms that do not belong are left out.
func Of(month time.Time, ended []store.AlarmFile, open []insole.Alarm, now time.Time) Report {
	end := month.AddDate(0, 1, 0)
	r := Report{Month: month.Format("2006-01"), MadeAtMs: now.UnixMilli(), Partial: now.Before(end), Alarms: []Kind{}, Standing: []Standing{}}
	byKind := map[insole.AlarmKind][]store.AlarmFile{}
	var all []store.AlarmFile
	for _, f := range ended {
		if at := f.Alarm.EndedAt; f.Alarm.State.Open() || at.Before(month) || !at.Before(end) {
			continue
		}
		all = append(all, f)
		byKind[f.Alarm.Kind] = append(byKind[f.Alarm.Kind], f)
	}
	r.All = line(all)
	for k, files := range byKind {
		r.Alarms = append(r.Alarms, Kind{string(k), line(files)})
	}
	slices.SortFunc(r.Alarms, func(a, b Kind) int {
		return cmp.Or(insole.AlarmKind(a.Kind).Priority()-insole.AlarmKind(b.Kind).Priority(), cmp.Compare(a.Kind, b.Kind))
	})
	for _, a := range open {
		if !a.State.Open() || !a.RaisedAt.Before(end) {
			continue
		}
		r.Standing = append(r.Standing, Standing{
			Alarm: string(a.ID), Reference: a.ID.Reference(), Kind: string(a.Kind), State: string(a.State), Worker: string(a.Worker),
			WorkerName: a.WorkerName, RaisedAtMs: a.RaisedAt.UnixMilli(), AgeS: int64(max(now.Sub(a.RaisedAt), 0) / time.Second),
		})
	}
	slices.SortFunc(r.Standing, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.RaisedAtMs, b.RaisedAtMs), cmp.Compare(a.Alarm, b.Alarm))
	})
	return r
}

func line(files []store.AlarmFile) Line {
	l := Line{Ended: len(files), GoalS: int(Goal / time.Second)}
	var paged, taken []time.Duration
	right, wrong := 0, 0
	for _, f := range files {
		a := f.Alarm
		if a.State == insole.Cancelled {
			l.Reasons.Cancelled++
			if a.Drill {
				l.Exercises++
			}
			continue
		}
		switch a.Reason {
		case insole.ReasonReal:
			l.Reasons.Real++
		case insole.ReasonFalse:
			l.Reasons.False++
		case insole.ReasonTest:
			l.Reasons.Test++
		case insole.ReasonDrill:
			l.Reasons.Drill++
		default:
			l.Reasons.Other++
		}
		if exercise(a) {
			l.Exercises++
			continue
		}
		l.Needed++
		switch a.Reason {
		case insole.ReasonReal:
			right++
		case insole.ReasonFalse:
			wrong++
		}
		from := neededAt(f)
		if at := pagedAt(f); !at.IsZero() {
			paged = append(paged, max(at.Sub(from), 0))
		}
		if at := takenAt(f); !at.IsZero() {
			d := max(at.Sub(from), 0)
			taken = append(taken, d)
			if d <= Goal {
				l.Within++
			}
		}
	}
	l.Page, l.Take = times(paged), times(taken)
	if n := right + wrong; n > 0 {
		rate := float64(wrong) / float64(n)
		l.FalseRate = &rate
	}
	return l
}

func exercise(a insole.Alarm) bool {
	return a.Drill || a.Reason == insole.ReasonTest || a.Reason == insole.ReasonDrill
}

// neededAt is when f needed a person.
func neededAt(f store.AlarmFile) time.Time {
	if at := first(f, "activated"); !at.IsZero() {
		return at
	}
	return f.Alarm.RaisedAt
}

// takenAt is when somebody first took charge; zero when nobody did before the end. An owner who lapsed was there first all the same.
func takenAt(f store.AlarmFile) time.Time {
	if at := first(f, "taken"); !at.IsZero() {
		return at
	}
	return f.Alarm.TakenAt
}

func first(f store.AlarmFile, what string) time.Time {
	var at time.Time
	for _, l := range f.Log {
		if l.What == what && (at.IsZero() || l.At.Before(at)) {
			at = l.At
		}
	}
	return at
}

// pagedAt is when SNS took the first page; zero when it never took one. What became of the page later makes no difference.
func pagedAt(f store.AlarmFile) time.Time {
	var at time.Time
	for _, p := range f.Pages {
		if p.MessageID != "" && !p.DoneAt.IsZero() && (at.IsZero() || p.DoneAt.Before(at)) {
			at = p.DoneAt
		}
	}
	return at
}

// times are the percentiles of all by nearest rank, so that each is a span that was measured.
func times(all []time.Duration) Times {
	if len(all) == 0 {
		return Times{}
	}
	slices.Sort(all)
	at := func(percent int) *float64 {
		rank := (len(all)*percent + 99) / 100
		s := float64(all[rank-1].Milliseconds()) / 1000
		return &s
	}
	return Times{len(all), at(50), at(95)}
}
