package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
)

// CheckIns is who is asked whether they are well, and when those without a schedule are at work. *checkin.Engine is one.
type CheckIns interface {
	Heard(ctx context.Context, o insole.OrgID, w insole.WorkerID, at time.Time) error
	Shift(ctx context.Context, o insole.OrgID, w insole.WorkerID) (insole.Stretch, error)
	Walked(ctx context.Context, o insole.OrgID, w insole.WorkerID, since time.Time) (insole.Stretch, error)
	Charged(ctx context.Context, o insole.OrgID, w insole.WorkerID, until time.Time) (insole.Stretch, error)
}

// duties remembers the shifts that workers began by hand or by walking; a warm process asks again after knownFor, so that a shift by hand holds
// within a minute.
type duties struct {
	mu sync.Mutex
	m  map[workerName]knownShift
}

type workerName struct {
	org    insole.OrgID
	worker insole.WorkerID
}

type knownShift struct {
	shift insole.Stretch
	at    time.Time
}

func (d *duties) get(n workerName) (knownShift, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.m[n]
	return k, ok
}

func (d *duties) put(n workerName, s insole.Stretch, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil || len(d.m) >= maxKnown {
		d.m = map[workerName]knownShift{}
	}
	d.m[n] = knownShift{s, now}
}

// A duty is when the wearer of one insole is at work.
type duty struct {
	identity
	own   bool // by hand or by walking; else by the schedule, and nothing below counts
	known bool // shift is
	shift insole.Stretch

	began, ended time.Time // what the reports of this batch have come to
}

// dutyOf asks when id's wearer is at work. A batch with a call for help asks nobody: what is remembered is good enough, and help does not look at it.
// The error says that a batch of positions is better told again: nobody knows now whether they are to be dropped.
func (h *Handler) dutyOf(ctx context.Context, id identity, g *group) (*duty, error) {
	d := &duty{identity: id}
	if h.CheckIns == nil || id.ShiftBy == insole.ByNothing || len(id.Shifts) > 0 || id.Worker == insole.WorkerID(id.Insole) {
		return d, nil
	}
	d.own = true
	n := workerName{id.Org, id.Worker}
	k, ok := h.duties.get(n)
	if (!ok || h.Now().Sub(k.at) >= knownFor) && !g.help && id.away == nil {
		ctx, cancel := context.WithTimeout(ctx, SettingsWait)
		defer cancel()
		s, err := h.CheckIns.Shift(ctx, id.Org, id.Worker)
		switch {
		case err == nil:
			h.duties.put(n, s, h.Now())
			k, ok = knownShift{shift: s}, true
		case !ok && errors.Is(err, insole.ErrAway):
			return d, err
		default:
			h.Log.WarnContext(ctx, "shift not read", "worker", id.Worker, "remembered", ok, "err", err)
		}
	}
	d.shift, d.known = k.shift, ok
	return d, nil
}

// shifts is what r, which happened at at, is judged by. Where nobody knows whether its wearer is at work, an urgent report is judged as if they
// were and any other as if they were not: an alarm too many, and no whereabouts too many.
func (d *duty) shifts(r insole.Report, at time.Time) []insole.Shift {
	switch {
	case !d.own:
		return d.Shifts
	case !d.known && r.Kind.Urgent(), d.known && d.shift.Holds(at):
		return nil
	}
	return insole.Never
}

// walked looks at r, which led from state s to dec, for what begins and ends a shift by walking. Nothing of r is kept that s does not keep
// already, but since when its wearer has been walking.
func (d *duty) walked(dec *rules.Decision, s rules.State, r insole.Report) {
	if !d.own || !d.known || d.ShiftBy != insole.ByWalking {
		return
	}
	charging := r.Battery != nil && r.Battery.Charging
	switch {
	case d.shift.Holds(dec.At) && d.shift.Lasts() && charging && dec.Newer:
		d.ended = dec.At
		d.shift.Until = dec.At
		dec.State.MovedAt = time.Time{}
	case d.shift.Holds(dec.At):
		if rules.Moved(s, r) && dec.At.After(dec.State.MovedAt) {
			dec.State.MovedAt = dec.At
		}
	case d.shift.Lasts(), dec.At.Before(d.shift.Until): // from before this shift, or the one that ended
	default:
		var began time.Time
		dec.State.Walk, began = s.Walk.Walking(r, dec.At)
		if !began.IsZero() && began.After(d.shift.Until) {
			d.began = began
			d.shift = insole.Stretch{Since: began, By: string(insole.ByWalking)}
			dec.State.MovedAt = dec.At
		}
	}
}

// onDuty writes down what the batch has come to: the end of a shift first when it was one that had begun before.
func (h *Handler) onDuty(ctx context.Context, d *duty, ds []rules.Decision) error {
	if h.CheckIns == nil {
		return nil
	}
	n := workerName{d.Org, d.Worker}
	steps := []struct {
		at time.Time
		do func(context.Context, insole.OrgID, insole.WorkerID, time.Time) (insole.Stretch, error)
	}{{d.began, h.CheckIns.Walked}, {d.ended, h.CheckIns.Charged}}
	if d.ended.Before(d.began) {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, s := range steps {
		if s.at.IsZero() {
			continue
		}
		shift, err := s.do(ctx, d.Org, d.Worker, s.at)
		if err != nil {
			return err
		}
		h.duties.put(n, shift, h.Now())
	}
	if d.Worker == insole.WorkerID(d.Insole) {
		return nil
	}
	var newest time.Time // one write for a backlog of them
	for _, dec := range ds {
		if dec.Report.Kind == insole.KindCheckIn && dec.At.After(newest) {
			newest = dec.At
		}
	}
	if newest.IsZero() {
		return nil
	}
	return h.CheckIns.Heard(ctx, d.Org, d.Worker, newest)
}
