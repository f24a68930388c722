package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/alarm"
	"solewatch/internal/checkin"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
)

// CheckIns is what is asked of one worker, and how far it has come.
type CheckIns struct {
	feed.CheckIn
	OnShift  bool          `json:"onShift"`
	ShiftBy  string        `json:"shiftBy,omitempty" enum:"hand,walking" doc:"how a shift begins; absent: by the schedule"`
	EveryS   int           `json:"everyS,omitempty" doc:"during shifts; absent: nothing is asked"`
	RemindS  int           `json:"remindS,omitempty"`
	GraceS   int           `json:"graceS,omitempty"`
	SMS      bool          `json:"sms,omitempty"`
	Task     *Task         `json:"task,omitempty"`
	Activity *Activity     `json:"activity,omitempty"`
	Log      []CheckInLine `json:"log" doc:"newest first, at most 30; for supervisors"`
}

// Task asks for check-ins until a given time, also off shift.
type Task struct {
	EveryS   int    `json:"everyS"`
	EndsAtMs int64  `json:"endsAtMs"`
	Note     string `json:"note,omitempty"`
	By       string `json:"by,omitempty" doc:"name of the user"`
}

// Activity is what a worker announces to do until a given time.
type Activity struct {
	Note     string `json:"note,omitempty" doc:"for supervisors: it may say what responders must know of somebody's health"`
	BeganMs  int64  `json:"beganMs"`
	EndsAtMs int64  `json:"endsAtMs"`
	By       string `json:"by,omitempty" doc:"name of the user; absent: the worker"`
	Overdue  bool   `json:"overdue,omitempty"`
}

// CheckInLine says one thing that happened to the check-ins of a worker.
type CheckInLine struct {
	AtMs   int64  `json:"atMs"`
	What   string `json:"what"`
	How    string `json:"how,omitempty"`
	Who    string `json:"who,omitempty"`
	Detail string `json:"detail,omitempty"`
}

type checkInsAnswer struct {
	Body struct {
		CheckIns []feed.CheckIn `json:"checkIns" doc:"of every worker of whom something is or was asked"`
	}
}

type checkInAnswer struct{ Body CheckIns }

type checkInsPut struct {
	WorkerPath
	Body struct {
		EveryS  int  `json:"everyS" minimum:"0" maximum:"28800" doc:"0: nothing is asked; else from 300"`
		RemindS int  `json:"remindS,omitempty" minimum:"60" maximum:"3600" default:"300"`
		GraceS  int  `json:"graceS,omitempty" minimum:"60" maximum:"3600" default:"300"`
		SMS     bool `json:"sms,omitempty" doc:"remind by text message also whom the insole can remind"`
	}
}

type checkInPost struct {
	WorkerPath
	Body struct {
		Note string `json:"note,omitempty" maxLength:"500" doc:"what was said"`
	}
}

type taskPost struct {
	WorkerPath
	Body struct {
		EveryS   int    `json:"everyS" minimum:"300" maximum:"28800"`
		EndsAtMs int64  `json:"endsAtMs" minimum:"0" maximum:"253402300799000" doc:"within 24 h"`
		Note     string `json:"note,omitempty" maxLength:"500"`
	}
}

type shiftPost struct {
	WorkerPath
	Body struct {
		On bool `json:"on" doc:"true begins a shift, false ends it, which is a check-in as well"`
	}
}

type activityPost struct {
	WorkerPath
	Body struct {
		Note     string `json:"note,omitempty" maxLength:"500" doc:"what, where, and what responders must know"`
		Minutes  int    `json:"minutes,omitempty" minimum:"1" maximum:"1440"`
		EndsAtMs int64  `json:"endsAtMs,omitempty" minimum:"0" maximum:"253402300799000" doc:"instead of minutes; within 24 h"`
	}
}

type extendPost struct {
	WorkerPath
	Body struct {
		Minutes int `json:"minutes" minimum:"1" maximum:"1440" doc:"from now, or from its end when that is later"`
	}
}

func (p WorkerPath) id() insole.WorkerID { return insole.WorkerID(p.Worker) }

func (a *API) checkInRoutes(h huma.API) {
	const tag = "check-ins"
	one := "/api/workers/{worker}"
	huma.Register(h, op("check-ins", http.MethodGet, "/api/checkins", "Who is to check in when, and who has announced an activity", tag, insole.Viewer), a.checkIns)
	huma.Register(h, op("worker-check-ins", http.MethodGet, one+"/checkin", "What is asked of a worker", tag, insole.Viewer), a.checkInsOf)
	huma.Register(h, op("set-check-ins", http.MethodPut, one+"/checkin", "Set how often a worker is asked", tag, insole.Supervisor), a.setCheckIns)
	huma.Register(h, op("check-in", http.MethodPost, one+"/checkin", "Check a worker in, after having spoken to them", tag, insole.Supervisor), a.checkIn)
	huma.Register(h, op("task", http.MethodPost, one+"/task", "Ask for check-ins until a given time", tag, insole.Supervisor), a.task)
	huma.Register(h, op("end-task", http.MethodDelete, one+"/task", "End the task", tag, insole.Supervisor), a.endTask)
	huma.Register(h, op("shift", http.MethodPost, one+"/shift", "Begin or end a shift by hand", tag, insole.Supervisor), a.shift)
	huma.Register(h, op("activity", http.MethodPost, one+"/activity", "Announce an activity that must end in time; it replaces the one there is", tag, insole.Supervisor), a.activity)
	huma.Register(h, op("extend-activity", http.MethodPost, one+"/activity/extend", "Let the activity end later", tag, insole.Supervisor), a.extendActivity)
	huma.Register(h, op("end-activity", http.MethodPost, one+"/activity/end", "End the activity", tag, insole.Supervisor), a.endActivity)
	huma.Register(h, op("worker-link", http.MethodPost, one+"/link", "Send the worker a link of their own by text message", tag, insole.Supervisor), a.workerLink)
}

// checkInsEngine writes down what is said here. What is due is done by those who may send: the alarm function and the watchdog.
func (a *API) checkInsEngine() *checkin.Engine {
	e := &checkin.Engine{Store: a.Store, Alarms: &alarm.Raiser{Store: a.Store, Teams: a.Store, Now: a.Now, Log: a.Log}, Now: a.Now, Log: a.Log}
	if a.Looks != nil {
		e.Steps = a.Looks
	} else {
		e.Steps = noLooks{}
	}
	return e
}

// noLooks leaves everything to the sweep.
type noLooks struct{}

func (noLooks) Look(context.Context, insole.OrgID, insole.WorkerID, time.Time, time.Duration) error {
	return nil
}

func said(ctx context.Context) checkin.Who {
	s := who(ctx)
	return checkin.Who{User: s.User, Name: s.Name}
}

func (a *API) checkIns(ctx context.Context, _ *struct{}) (*checkInsAnswer, error) {
	all, err := a.Store.AllCheckIns(ctx, who(ctx).Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &checkInsAnswer{}
	out.Body.CheckIns = make([]feed.CheckIn, len(all))
	for i, c := range all {
		out.Body.CheckIns[i] = feed.CheckInOf(c)
	}
	return out, nil
}

func (a *API) checkInsOf(ctx context.Context, in *WorkerPath) (*checkInAnswer, error) {
	c, err := a.Store.GetCheckIns(ctx, who(ctx).Org, in.id())
	if errors.Is(err, insole.ErrNotFound) {
		c, err = insole.CheckIns{Org: who(ctx).Org, Worker: in.id()}, nil
	}
	return a.checkInsSaid(ctx, c, err)
}

// checkInsSaid is c as whoever asks may see it.
func (a *API) checkInsSaid(ctx context.Context, c insole.CheckIns, err error) (*checkInAnswer, error) {
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	w, err := a.Store.Worker(ctx, c.Org, c.Worker)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	s := who(ctx)
	out := &checkInAnswer{CheckIns{
		CheckIn: feed.CheckInOf(c), OnShift: insole.OnShift(w.Shifts, w.ShiftBy, &c, a.Now()), ShiftBy: string(w.ShiftBy),
		EveryS: int(c.Every / time.Second), RemindS: int(c.Remind / time.Second), GraceS: int(c.Grace / time.Second), SMS: c.SMS, Log: []CheckInLine{},
	}}
	responder := s.Role.May(insole.Supervisor)
	if t := c.Task; t.Every > 0 {
		out.Body.Task = &Task{EveryS: int(t.Every / time.Second), EndsAtMs: ms(t.EndsAt), Note: t.Note, By: t.ByName}
	}
	if v := c.Activity; v.Runs() {
		out.Body.Activity = &Activity{BeganMs: ms(v.Began), EndsAtMs: ms(v.EndsAt), By: v.ByName, Overdue: v.Raised}
		if responder {
			out.Body.Activity.Note = v.Note
		}
	}
	if responder {
		lines, err := a.Store.CheckInLines(ctx, c.Org, c.Worker, 30)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		for _, l := range lines {
			out.Body.Log = append(out.Body.Log, CheckInLine{AtMs: ms(l.At), What: l.What, How: string(l.How), Who: l.Name, Detail: l.Text})
		}
	}
	return out, nil
}

// tell lets f change the check-ins of a worker.
func (a *API) tell(ctx context.Context, w insole.WorkerID, f func(insole.CheckIns, checkin.Wearer, time.Time) (checkin.Plan, error)) (*checkInAnswer, error) {
	c, err := a.checkInsEngine().Said(ctx, who(ctx).Org, w, f)
	return a.checkInsSaid(ctx, c, err)
}

func (a *API) setCheckIns(ctx context.Context, in *checkInsPut) (*checkInAnswer, error) {
	b := in.Body
	if b.EveryS > 0 && time.Duration(b.EveryS)*time.Second < insole.MinEvery {
		return nil, a.fail(ctx, &problem{what: badCheckIn})
	}
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return checkin.Asked(c, w, now, time.Duration(b.EveryS)*time.Second, time.Duration(b.RemindS)*time.Second, time.Duration(b.GraceS)*time.Second, b.SMS, said(ctx)), nil
	})
}

func (a *API) checkIn(ctx context.Context, in *checkInPost) (*checkInAnswer, error) {
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return checkin.CheckedIn(c, w, now, now, insole.ByPerson, said(ctx), strings.TrimSpace(in.Body.Note)), nil
	})
}

func (a *API) task(ctx context.Context, in *taskPost) (*checkInAnswer, error) {
	ends := time.UnixMilli(in.Body.EndsAtMs).UTC()
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		if err := soon(ends, now); err != nil {
			return checkin.Plan{}, err
		}
		return checkin.Tasked(c, w, now, time.Duration(in.Body.EveryS)*time.Second, ends, strings.TrimSpace(in.Body.Note), said(ctx)), nil
	})
}

func (a *API) endTask(ctx context.Context, in *WorkerPath) (*checkInAnswer, error) {
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		if c.Task.Every == 0 {
			return checkin.Plan{State: c}, nil
		}
		return checkin.Tasked(c, w, now, 0, time.Time{}, "", said(ctx)), nil
	})
}

func (a *API) shift(ctx context.Context, in *shiftPost) (*checkInAnswer, error) {
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return shiftPlan(c, w, now, in.Body.On, string(who(ctx).User), said(ctx))
	})
}

func shiftPlan(c insole.CheckIns, w checkin.Wearer, now time.Time, on bool, by string, said checkin.Who) (checkin.Plan, error) {
	switch {
	case w.By == insole.ByNothing:
		return checkin.Plan{}, &problem{what: shiftless}
	case on:
		return checkin.ShiftBegan(c, w, now, now, by, said), nil
	}
	return checkin.ShiftEnded(c, w, now, now, true, said), nil
}

// soon refuses an end that is over, or further away than a day.
func soon(ends, now time.Time) error {
	if d := ends.Sub(now); d < insole.MinActivity || d > insole.MaxActivity {
		return &problem{what: badCheckIn}
	}
	return nil
}

func (a *API) activity(ctx context.Context, in *activityPost) (*checkInAnswer, error) {
	b := in.Body
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		ends := time.UnixMilli(b.EndsAtMs).UTC()
		if b.Minutes > 0 {
			ends = now.Add(time.Duration(b.Minutes) * time.Minute)
		}
		if err := soon(ends, now); err != nil {
			return checkin.Plan{}, err
		}
		return checkin.Announced(c, w, now, ends, strings.TrimSpace(b.Note), said(ctx)), nil
	})
}

func (a *API) extendActivity(ctx context.Context, in *extendPost) (*checkInAnswer, error) {
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return extendPlan(c, w, now, in.Body.Minutes, said(ctx))
	})
}

func extendPlan(c insole.CheckIns, w checkin.Wearer, now time.Time, minutes int, said checkin.Who) (checkin.Plan, error) {
	if !c.Activity.Runs() {
		return checkin.Plan{}, &problem{what: activityless}
	}
	ends := now
	if c.Activity.EndsAt.After(ends) {
		ends = c.Activity.EndsAt
	}
	ends = ends.Add(time.Duration(minutes) * time.Minute)
	if err := soon(ends, now); err != nil {
		return checkin.Plan{}, err
	}
	return checkin.Extended(c, w, now, ends, said), nil
}

func (a *API) endActivity(ctx context.Context, in *WorkerPath) (*checkInAnswer, error) {
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return checkin.Finished(c, w, now, said(ctx)), nil
	})
}

func (a *API) workerLink(ctx context.Context, in *WorkerPath) (*checkInAnswer, error) {
	if err := a.linkAllowed(ctx, in.id()); err != nil {
		return nil, a.fail(ctx, err)
	}
	return a.tell(ctx, in.id(), func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		if !w.Phone {
			return checkin.Plan{}, &problem{what: phoneless}
		}
		return checkin.LinkWanted(c, w, now, said(ctx)), nil
	})
}

// linkAllowed refuses a link to a worker who has just been sent one, and too many to everybody.
func (a *API) linkAllowed(ctx context.Context, w insole.WorkerID) error {
	one, err := a.Store.Worker(ctx, who(ctx).Org, w)
	if err != nil {
		return err
	}
	if one.Phone == "" {
		return &problem{what: phoneless}
	}
	err = a.enoughOf(ctx, "link-to", string(w), 1, linkAgain)
	if err == nil {
		err = a.enough(ctx, "link", linksABound)
	}
	return err
}
