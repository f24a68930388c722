package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Worker wears an insole.
type Worker struct {
	Worker  string  `json:"worker,omitempty" maxLength:"40" doc:"its name in addresses; made from name when not given"`
	Team    string  `json:"team" maxLength:"40"`
	Name    string  `json:"name" maxLength:"200"`
	Phone   string  `json:"phone,omitempty" maxLength:"40" doc:"E.164"`
	Insole  string  `json:"insole,omitempty" maxLength:"40"`
	Shifts  []Shift `json:"shifts,omitempty" maxItems:"14" doc:"when the worker may be located; none means always"`
	ShiftBy string  `json:"shiftBy,omitempty" enum:"hand,walking" doc:"of a worker without shifts: located only in a shift that somebody begins by hand, or that begins when they walk to work"`
	Version int     `json:"version,omitempty" minimum:"0"`
}

// Shift is when a worker may be located, in the local time of a place.
type Shift struct {
	Days []string `json:"days" minItems:"1" maxItems:"7" enum:"mon,tue,wed,thu,fri,sat,sun"`
	From string   `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" patternDescription:"a time as 06:30" example:"06:30"`
	To   string   `json:"to" pattern:"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" patternDescription:"a time as 14:30" example:"14:30" doc:"before from: on the next day"`
	Zone string   `json:"zone" maxLength:"60" doc:"IANA name" example:"Europe/Paris"`
}

// Position is where a worker was.
type Position struct {
	AtMs           int64   `json:"atMs"`
	HeardAtMs      int64   `json:"heardAtMs"`
	Kind           string  `json:"kind"`
	Lat            float64 `json:"lat"`
	Lon            float64 `json:"lon"`
	AccuracyM      float64 `json:"accuracyM,omitempty"`
	SpeedMps       float64 `json:"speedMps,omitempty"`
	CourseDeg      float64 `json:"courseDeg,omitempty"`
	Source         string  `json:"source,omitempty"`
	FixAtMs        int64   `json:"fixAtMs" doc:"when the position was true"`
	Steps          int64   `json:"steps,omitempty"`
	Posture        string  `json:"posture,omitempty"`
	BatteryPercent *int    `json:"batteryPercent,omitempty"`
}

// Look is somebody having looked at where a worker was, or at what responders know of them.
type Look struct {
	AtMs   int64  `json:"atMs"`
	User   string `json:"user"`
	Name   string `json:"name"`
	FromMs int64  `json:"fromMs,omitempty" doc:"of the positions looked at"`
	ToMs   int64  `json:"toMs,omitempty"`
	What   string `json:"what,omitempty" enum:"care" doc:"care: what responders must know of the worker; absent: positions"`
}

// WorkerPath names a worker.
type WorkerPath struct {
	Worker string `path:"worker" maxLength:"40"`
}

type workerPut struct {
	WorkerPath
	IfMatch
	Body Worker
}

type workerPost struct{ Body Worker }

type workerDrop struct {
	WorkerPath
	IfMatch
}

type workersAnswer struct {
	Body struct {
		Workers []Worker `json:"workers"`
	}
}

// maxRange is the longest time of positions in one answer: a week is some 20,000 of them and 3 MB; Lambda answers with
// 6 MB at most.
const maxRange = 7 * 24 * time.Hour

type positionsInput struct {
	WorkerPath
	FromMs int64 `query:"fromMs" required:"true" minimum:"0" maximum:"253402300799000"`
	ToMs   int64 `query:"toMs" required:"true" minimum:"0" maximum:"253402300799000" doc:"included; at most seven days after fromMs"`
}

type positionsAnswer struct {
	Body struct {
		Positions []Position `json:"positions" doc:"oldest first; reports without a position are left out"`
	}
}

type lookedAnswer struct {
	Body struct {
		Looked []Look `json:"looked" doc:"newest first, at most 200"`
	}
}

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // by time.Weekday

func workerOf(k store.Kept[insole.Worker]) Worker {
	v := k.Value
	w := Worker{Worker: string(v.ID), Team: string(v.Team), Name: v.Name, Phone: v.Phone, Insole: string(v.Insole), ShiftBy: string(v.ShiftBy), Version: k.Version}
	w.Shifts = shiftsOf(v.Shifts)
	return w
}

func shiftsOf(shifts []insole.Shift) (out []Shift) {
	for _, s := range shifts {
		sh := Shift{Days: make([]string, len(s.Days)), From: clockOf(s.From), To: clockOf(s.To), Zone: s.Zone}
		for i, d := range s.Days {
			sh.Days[i] = days[d]
		}
		out = append(out, sh)
	}
	return out
}

func (w Worker) noun() insole.Worker {
	v := insole.Worker{ID: insole.WorkerID(w.Worker), Team: insole.TeamID(w.Team), Name: w.Name, Phone: w.Phone, Insole: insole.ID(w.Insole), ShiftBy: insole.ShiftBy(w.ShiftBy)}
	v.Shifts = shiftsIn(w.Shifts)
	return v
}

func shiftsIn(shifts []Shift) (out []insole.Shift) {
	for _, s := range shifts {
		sh := insole.Shift{From: clockIn(s.From), To: clockIn(s.To), Zone: s.Zone}
		for _, name := range s.Days {
			for d, n := range days {
				if n == name {
					sh.Days = append(sh.Days, time.Weekday(d))
				}
			}
		}
		out = append(out, sh)
	}
	return out
}

// clockOf is d since midnight as 06:30; clockIn reads it. The schema has refused what is not a time.
func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d/time.Hour), int(d%time.Hour/time.Minute))
}

func clockIn(s string) time.Duration {
	var h, m int
	_, _ = fmt.Sscanf(s, "%d:%d", &h, &m)
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
}

func (a *API) workerRoutes(h huma.API) {
	c := crud{"worker", "workers", "/api/workers", insole.Viewer}
	huma.Register(h, c.list(), func(ctx context.Context, _ *struct{}) (*workersAnswer, error) {
		all, err := a.Store.KeptWorkers(ctx, who(ctx).Org)
		out := &workersAnswer{}
		out.Body.Workers = make([]Worker, len(all))
		for i, k := range all {
			out.Body.Workers[i] = workerOf(k)
		}
		return out, a.fail(ctx, err)
	})
	huma.Register(h, c.get(), func(ctx context.Context, in *WorkerPath) (*one[Worker], error) {
		k, err := a.Store.KeptWorker(ctx, who(ctx).Org, insole.WorkerID(in.Worker))
		return oneOf(workerOf(k), k.Version), a.fail(ctx, err)
	})
	huma.Register(h, c.post(), func(ctx context.Context, in *workerPost) (*one[Worker], error) {
		return a.setWorker(ctx, in.Body, directory.New)
	})
	huma.Register(h, c.put(), func(ctx context.Context, in *workerPut) (*one[Worker], error) {
		version, err := in.known(in.Body.Version)
		if err == nil {
			err = sameName(in.Worker, in.Body.Worker)
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		in.Body.Worker = in.Worker
		return a.setWorker(ctx, in.Body, version)
	})
	huma.Register(h, c.drop(), func(ctx context.Context, in *workerDrop) (*struct{}, error) {
		version, err := in.version(0)
		if err == nil {
			err = a.edit(ctx, func(d *directory.Draft) error { return d.DropWorker(insole.WorkerID(in.Worker), version) })
		}
		return nil, a.fail(ctx, err)
	})
	huma.Register(h, op("positions", http.MethodGet, "/api/workers/{worker}/positions", "Where a worker was; who asks is recorded", "workers", insole.Viewer), a.positions)
	huma.Register(h, op("looked", http.MethodGet, "/api/workers/{worker}/looked", "Who looked at where a worker was, and at what responders know of them", "workers", insole.Viewer), a.looked)
}

func (a *API) setWorker(ctx context.Context, w Worker, version int) (*one[Worker], error) {
	var made store.Kept[insole.Worker]
	err := a.edit(ctx, func(d *directory.Draft) error {
		v := w.noun()
		v.ID = insole.WorkerID(given(w.Worker, w.Name, func(s string) bool { _, ok := d.Worker(insole.WorkerID(s)); return ok }))
		err := d.SetWorker(v, version)
		made, _ = d.Worker(v.ID)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return oneOf(workerOf(made), made.Version), nil
}

// positions writes down who looks before it reads anything: what cannot be written down is not shown.
func (a *API) positions(ctx context.Context, in *positionsInput) (*positionsAnswer, error) {
	s := who(ctx)
	from, to := time.UnixMilli(in.FromMs).UTC(), time.UnixMilli(in.ToMs).UTC()
	if to.Before(from) || to.Sub(from) > maxRange {
		return nil, a.fail(ctx, &problem{what: badRange, args: []string{"days", "7"}})
	}
	w, err := a.Store.Worker(ctx, s.Org, insole.WorkerID(in.Worker))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	err = a.Store.PutLook(ctx, store.Look{Org: s.Org, Worker: w.ID, User: s.User, UserName: s.Name, At: a.Now(), From: from, To: to})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &positionsAnswer{}
	out.Body.Positions = []Position{}
	points, err := a.points(ctx, w, from, to)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	for _, p := range points {
		f := p.Fix
		if f == nil {
			continue
		}
		pos := Position{
			AtMs: ms(p.At), HeardAtMs: ms(p.HeardAt), Kind: string(p.Kind), Lat: f.Lat, Lon: f.Lon, AccuracyM: f.Accuracy, SpeedMps: f.Speed,
			CourseDeg: f.Course, Source: string(f.Source), FixAtMs: ms(f.At), Steps: int64(p.Steps), Posture: string(p.Posture),
		}
		if p.Battery != nil {
			percent := p.Battery.Percent
			pos.BatteryPercent = &percent
		}
		out.Body.Positions = append(out.Body.Positions, pos)
	}
	return out, nil
}

// points reads what every insole told that w wore between from and to, oldest first.
func (a *API) points(ctx context.Context, w insole.Worker, from, to time.Time) ([]store.Point, error) {
	var ids []insole.ID
	if w.Insole != "" {
		ids = append(ids, w.Insole)
	}
	for _, past := range w.Worn {
		if !past.Until.Before(from) && !slices.Contains(ids, past.Insole) {
			ids = append(ids, past.Insole)
		}
	}
	var all []store.Point
	for _, id := range ids {
		points, err := a.Store.Positions(ctx, w.Org, w.ID, id, from, to)
		if err != nil {
			return nil, err
		}
		all = append(all, points...)
	}
	if len(ids) > 1 {
		slices.SortStableFunc(all, func(a, b store.Point) int { return a.At.Compare(b.At) })
	}
	return all, nil
}

func (a *API) looked(ctx context.Context, in *WorkerPath) (*lookedAnswer, error) {
	org := who(ctx).Org
	w, err := a.Store.Worker(ctx, org, insole.WorkerID(in.Worker))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	all, err := a.Store.Looks(ctx, org, w.ID, 200)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &lookedAnswer{}
	out.Body.Looked = make([]Look, len(all))
	for i, l := range all {
		out.Body.Looked[i] = Look{ms(l.At), string(l.User), l.UserName, ms(l.From), ms(l.To), l.What}
	}
	return out, nil
}
