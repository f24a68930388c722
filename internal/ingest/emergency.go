package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/rules"
)

// EmergencyTries is how often one delivery of a call for help tries to reach SNS. The queue delivers it again.
const EmergencyTries = 3

// emergency pages the first step of the team of c by its topic, once in this process: the alarm could not be stored, because of why. The
// page has the reference that the alarm will have. A pre-alarm is only paged when its time is over, since its wearer may still cancel; and
// what can wait for the table, a low battery or an insole taken off, does.
func (h *Handler) emergency(ctx context.Context, id identity, d rules.Decision, r rules.Raise, c alarm.Cause, why error) {
	log := h.Log.With("org", id.Org, "team", id.Team, "alarm", c.ID, "kind", c.Kind, "insole", id.Insole, "why", why)
	now := h.Now().UTC()
	if min(c.Kind.Priority(), id.settings.Of(c.Kind).Priority) > 1 || now.Before(d.Report.HeardAt.Add(r.Hold)) {
		return
	}
	if !h.paged.begin(c.ID) {
		return // another delivery of it has paged, or is paging now
	}
	a := insole.Alarm{
		ID: c.ID, Org: c.Org, Team: c.Team, Worker: c.Worker, WorkerName: c.WorkerName, Insole: c.Insole, Kind: c.Kind,
		State: insole.Active, Cause: c.Key, SentAt: c.SentAt, RaisedAt: now, Fix: c.Fix,
	}
	var err error
	for try := range EmergencyTries {
		if try > 0 {
			_ = smithytime.SleepWithContext(ctx, time.Duration(try)*100*time.Millisecond) // ended early, it tries once more all the same
		}
		var message string
		message, err = h.Pager.Emergency(ctx, a, id.Locale, h.Now().UTC())
		if err == nil {
			log.WarnContext(ctx, "paged without the table", "message", message)
			return
		}
		if errors.Is(err, notify.ErrRefused) || ctx.Err() != nil {
			break
		}
	}
	h.paged.undo(c.ID)
	log.ErrorContext(ctx, "nobody could be paged", "err", err)
}

// paged remembers which alarms this process has paged without the table, the newest maxPaged of them.
type paged struct {
	mu    sync.Mutex
	has   map[insole.AlarmID]bool
	order []insole.AlarmID
}

const maxPaged = 10_000

// begin is false when id was begun before and not undone.
func (p *paged) begin(id insole.AlarmID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.has[id] {
		return false
	}
	if p.has == nil {
		p.has = map[insole.AlarmID]bool{}
	}
	if len(p.order) == maxPaged {
		delete(p.has, p.order[0])
		p.order = append(p.order[:0], p.order[1:]...)
	}
	p.has[id] = true
	p.order = append(p.order, id)
	return true
}

func (p *paged) undo(id insole.AlarmID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.has, id)
	for i, o := range p.order {
		if o == id {
			p.order = append(p.order[:i], p.order[i+1:]...)
			return
		}
	}
}
