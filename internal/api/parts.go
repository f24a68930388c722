package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

// Queues looks into our queues. The names are those of the tree of parts, and with "-dead" behind them those of what was given up.
type Queues interface {
	Depth(ctx context.Context, name string) (queue.Depth, error)
}

// CanaryStatus is what the canary wearer last found out.
type CanaryStatus struct {
	LastAtMs int64 `json:"lastAtMs" doc:"when it last called for help"`
	PageMs   int64 `json:"pageMs" doc:"from its frame until SNS had its page; 0 when it never did"`
	EveryMs  int64 `json:"everyMs" doc:"how often it calls"`
	Late     bool  `json:"late" doc:"it was not paged in time, or has not called when it should have: nothing is proved"`
}

// Part is how one part of Solewatch is.
type Part struct {
	Part      string     `json:"part"`
	Needs     []string   `json:"needs" doc:"parts that it cannot work without"`
	State     string     `json:"state" enum:"ok,late,away,unknown" doc:"unknown: it runs only when somebody needs it, or nothing can be known of it from here"`
	SinceMs   int64      `json:"sinceMs" doc:"of late and away: when it was last well; 0 when that is not known"`
	Why       string     `json:"why,omitempty" doc:"for programs"`
	HeardMs   int64      `json:"heardMs" doc:"when it last said that it works; 0 for what says nothing by itself"`
	Version   string     `json:"version,omitempty"`
	Instances []Instance `json:"instances,omitempty"`
	Queue     *Queue     `json:"queue,omitempty"`
}

// Instance is one of several processes of a part.
type Instance struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	SinceMs     int64  `json:"sinceMs"`
	HeardMs     int64  `json:"heardMs"`
	Connections int    `json:"connections"`
}

// Queue is what waits in a queue. How long the oldest has waited is in CloudWatch only.
type Queue struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"inFlight"`
	Delayed  int `json:"delayed"`
	Dead     int `json:"dead" doc:"given up after all their tries; somebody has to look at them"`
}

// Audit is what the watchdog found when it looked over all open alarms.
type Audit struct {
	AtMs     int64 `json:"atMs"`
	Open     int   `json:"open"`
	Overdue  int   `json:"overdue" doc:"with a next step overdue by more than a minute: there should be none"`
	OldestMs int64 `json:"oldestMs" doc:"when the oldest of those was due; 0 when there is none"`
	Without  int   `json:"without" doc:"in nobody's hands and without a next step: there should be none"`
}

// CanaryRun is one call for help by the canary wearer.
type CanaryRun struct {
	AtMs   int64  `json:"atMs"`
	PageMs int64  `json:"pageMs"`
	Why    string `json:"why,omitempty" enum:"setup,dial,session,ack,page,resolve" doc:"how far it did not come"`
}

// CanaryDay is what the canary wearer found out in a day.
type CanaryDay struct {
	CanaryStatus
	P50Ms int64       `json:"p50Ms" doc:"of the calls that were paged"`
	P95Ms int64       `json:"p95Ms"`
	Runs  []CanaryRun `json:"runs" doc:"oldest first"`
}

// Turn is one change of a part's state.
type Turn struct {
	Part string `json:"part"`
	AtMs int64  `json:"atMs"`
	From string `json:"from"`
	To   string `json:"to"`
	Why  string `json:"why,omitempty"`
}

// Parts is everything known of Solewatch itself.
type Parts struct {
	NowMs     int64      `json:"nowMs"`
	Operators string     `json:"operators" doc:"the team of this org that is paged when a part fails; none: it is on the board only"`
	Parts     []Part     `json:"parts"`
	Audit     *Audit     `json:"audit,omitempty"`
	Canary    *CanaryDay `json:"canary,omitempty"`
	History   []Turn     `json:"history" doc:"of the last seven days, newest first, at most 200"`
}

type partsAnswer struct{ Body Parts }

// Operators is who is paged when a part fails.
type Operators struct {
	Team string `json:"team" maxLength:"40" doc:"of this org; empty: nobody, it is on the board only"`
}

type operatorsBody struct{ Body Operators }

const (
	turnsShown = 200
	turnsFor   = 7 * 24 * time.Hour
	runsFor    = 24 * time.Hour
)

func (a *API) partRoutes(h huma.API) {
	huma.Register(h, op("parts", http.MethodGet, "/api/parts", "Every part of Solewatch, and how it is", "status", insole.Supervisor), a.parts)
	huma.Register(h, op("set-operators", http.MethodPut, "/api/operators", "Say who is paged when a part of Solewatch fails", "status", insole.Admin), a.setOperators)
}

func (a *API) parts(ctx context.Context, _ *struct{}) (*partsAnswer, error) {
	now := a.Now().UTC()
	var (
		all   store.Parts
		turns []insole.Turn
		runs  []insole.Run
		org   insole.Org
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { all, err = a.Store.Parts(gctx); return err })
	g.Go(func() (err error) { turns, err = a.Store.Turns(gctx, now.Add(-turnsFor), turnsShown); return err })
	g.Go(func() (err error) { runs, err = a.Store.Runs(gctx, now.Add(-runsFor)); return err })
	g.Go(func() (err error) { org, err = a.Store.Org(gctx, who(ctx).Org); return err })
	var queues map[string]Queue
	g.Go(func() error { queues = a.queues(gctx); return nil })
	err := g.Wait()
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := Parts{NowMs: now.UnixMilli(), Operators: string(org.Operators), Parts: make([]Part, 0, len(parts.Tree)), History: make([]Turn, 0, len(turns))}
	for _, t := range turns {
		out.History = append(out.History, Turn{t.Part, ms(t.At), string(t.From), string(t.To), t.Why})
	}
	for _, p := range parts.Tree {
		out.Parts = append(out.Parts, a.part(p, all, queues, now))
	}
	for _, b := range all.Beats {
		if b.Audit != nil {
			out.Audit = &Audit{ms(b.At), b.Audit.Open, b.Audit.Overdue, ms(b.Audit.Oldest), b.Audit.Without}
		}
		if b.Part == parts.Canary && b.Run != nil {
			out.Canary = day(a.canary(b, now), runs)
		}
	}
	return &partsAnswer{out}, nil
}

// part is how p is: what it said itself, or what this very answer proves.
func (a *API) part(p parts.Part, all store.Parts, queues map[string]Queue, now time.Time) Part {
	v := parts.Of(p.Name, all.Beats, a.Canary, now)
	if was, ok := all.Verdicts[p.Name]; ok && v.Health.Bad() && was.Health.Bad() {
		v.Since = was.Since
	}
	line := Part{Part: p.Name, Needs: append([]string{}, p.Needs...)}
	for _, b := range all.Beats {
		if b.Part != p.Name {
			continue
		}
		if heard := ms(b.At); heard > line.HeardMs {
			line.HeardMs, line.Version = heard, b.Version
		}
		if b.Instance != "" && now.Sub(b.At) < time.Hour {
			line.Instances = append(line.Instances, Instance{b.Instance, b.Version, ms(b.Since), ms(b.At), b.Connections})
		}
	}
	slices.SortFunc(line.Instances, func(x, y Instance) int { return int(y.HeardMs - x.HeardMs) })
	switch q, isQueue := queues[p.Name]; {
	case isQueue:
		v.Health = insole.Works
		line.Queue = &q
		if q.Dead > 0 {
			v.Health, v.Why = insole.Late, "dead"
		}
	case p.Name == parts.Table: // else there were no answer
		v.Health = insole.Works
	case p.Name == parts.API:
		v.Health, line.HeardMs, line.Version = insole.Works, now.UnixMilli(), a.Version
	case p.Name == parts.SNS: // the canary's last page is the proof
		if c := parts.Of(parts.Canary, all.Beats, a.Canary, now); c.Health == insole.Works {
			v.Health = insole.Works
		}
	}
	line.State, line.Why = string(v.Health), v.Why
	if v.Health.Bad() {
		line.SinceMs = ms(v.Since)
	}
	return line
}

// queues looks into every queue that it can. One that cannot be looked into is not in the answer: SQS away is not the table away.
func (a *API) queues(ctx context.Context) map[string]Queue {
	ctx, cancel := context.WithTimeout(ctx, a.Patience/2)
	defer cancel()
	var mu sync.Mutex
	out := map[string]Queue{}
	var g errgroup.Group
	if a.Queues == nil {
		return out
	}
	for _, name := range []string{parts.UrgentQueue, parts.TrackQueue, parts.HelpQueue, parts.StepsQueue} {
		g.Go(func() error {
			d, err := a.Queues.Depth(ctx, name)
			dead, derr := a.Queues.Depth(ctx, name+"-dead")
			if err := errors.Join(err, derr); err != nil {
				a.Log.WarnContext(ctx, "queue not looked into", "queue", name, "err", err)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			out[name] = Queue{d.Waiting, d.InFlight, d.Delayed, dead.Waiting + dead.InFlight}
			return nil
		})
	}
	_ = g.Wait() // none of them fails
	return out
}

// canary is what b, the canary's beat, says at now.
func (a *API) canary(b insole.Beat, now time.Time) CanaryStatus {
	c := CanaryStatus{EveryMs: a.Canary.Milliseconds(), Late: parts.Of(parts.Canary, []insole.Beat{b}, a.Canary, now).Health != insole.Works}
	if b.Run != nil {
		c.LastAtMs, c.PageMs = ms(b.Run.At), b.Run.Paged.Milliseconds()
	}
	return c
}

func day(c CanaryStatus, runs []insole.Run) *CanaryDay {
	d := &CanaryDay{CanaryStatus: c, Runs: make([]CanaryRun, 0, len(runs))}
	var took []int64
	for _, r := range runs {
		d.Runs = append(d.Runs, CanaryRun{ms(r.At), r.Paged.Milliseconds(), r.Why})
		if r.Paged > 0 {
			took = append(took, r.Paged.Milliseconds())
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		d.P50Ms, d.P95Ms = took[(len(took)-1)*50/100], took[(len(took)-1)*95/100]
	}
	return d
}

func (a *API) setOperators(ctx context.Context, in *operatorsBody) (*operatorsBody, error) {
	err := a.Directory.Edit(ctx, who(ctx).Org, func(d *directory.Draft) error {
		d.SetOperators(insole.TeamID(in.Body.Team))
		return nil
	})
	var faults directory.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			if faults[i].At == "operators" {
				faults[i].At = "team" // as the body calls it
			}
		}
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return in, nil
}
