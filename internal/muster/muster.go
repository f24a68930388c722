package muster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Alarms are told of who is missing, and of who is not any more. *alarm.Raiser is one.
type Alarms interface {
	Raise(context.Context, alarm.Cause) (a insole.Alarm, raised bool, err error)
	ReturnBy(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string, by insole.User) error
}

// Steps asks for a muster to be looked at again. *queue.Steps is one.
type Steps interface {
	// SendMuster asks for a look after wait, for what is due at due (zero: at once). It may be lost: the stream and the sweep look too.
	SendMuster(ctx context.Context, o insole.OrgID, m insole.MusterID, due time.Time, wait time.Duration) error
}

const (
	lease    = 30 * time.Second // how long nobody else touches what one has begun
	patience = 25 * time.Second // of one Advance, below lease
	hurry    = 3 * time.Second  // before its time is over an Advance puts down what is left
	stride   = 20               // transactions between two notes of progress
	atOnce   = 8                // transactions in hand
	raising  = 16               // alarms in hand
	attempts = 8                // when somebody else wrote the same
)

// An Engine carries musters out. Any number of them may work on one muster.
type Engine struct {
	Store  *store.Store
	Alarms Alarms
	Steps  Steps
	Now    func() time.Time
	Log    *slog.Logger
}

// Cause is the key of the alarm about somebody who does not answer in m.
func Cause(m insole.MusterID) string { return "muster@" + string(m) }

// Reach counts whom m would call if it began now.
func (e *Engine) Reach(ctx context.Context, m insole.Muster) (people, unreachable, unknown int, err error) {
	f, err := facts(ctx, e.Store, m.Org)
	if err != nil {
		return 0, 0, 0, err
	}
	t := insole.Count(Whom(m, f, e.Now().UTC()), nil)
	return t.NoAnswer + t.Unreachable, t.Unreachable, t.UnknownHere, nil
}

// Begin stores m, asked for by its By, and has its people called. The same name with the same content is the same muster, however often it is
// told, and made is false from the second time on; with other content it is insole.ErrConflict. Nothing is half done: when Begin fails with insole.ErrAway, there
// is a muster that goes on by itself or there is none, and asking again with the same name finds out.
func (e *Engine) Begin(ctx context.Context, m insole.Muster) (insole.Muster, bool, error) {
	now := e.Now().UTC().Truncate(time.Millisecond)
	m.State, m.AskedAt, m.DueAt, m.Version = insole.MusterCalling, now, now, 1
	err := e.Store.CreateMuster(ctx, m)
	if errors.Is(err, insole.ErrConflict) {
		had, err := e.Store.GetMuster(ctx, m.Org, m.ID)
		if err != nil {
			return m, false, err
		}
		if !same(had, m) {
			return had, false, fmt.Errorf("muster %s is another one: %w", m.ID, insole.ErrConflict)
		}
		if !had.DueAt.IsZero() && !had.DueAt.After(now) {
			e.ask(ctx, had.Org, had.ID, Outcome{Again: true}) // whoever stored it may have died before it asked
		}
		return had, false, nil
	}
	if err != nil {
		return m, false, err
	}
	e.Log.InfoContext(ctx, "muster begun", "org", m.Org, "muster", m.ID, "mode", m.Mode, "drill", m.Drill)
	e.ask(ctx, m.Org, m.ID, Outcome{Again: true})
	return m, true, nil
}

func same(a, b insole.Muster) bool {
	return a.Mode == b.Mode && a.Team == b.Team && a.Zone == b.Zone && slices.Equal(a.Ring, b.Ring) && a.Note == b.Note && a.Within == b.Within && a.Drill == b.Drill && a.By == b.By
}

// An Outcome is what Advance left to do.
type Outcome struct {
	Again bool      // there is more to do at once
	Due   time.Time // of the deadline, when it is still to come
	New   bool      // nobody has been asked to look at Due yet
}

// Advance does whatever of muster id is due. Any error leaves what is undone due, for whoever looks next.
func (e *Engine) Advance(ctx context.Context, o insole.OrgID, id insole.MusterID) (out Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var mine time.Time // the lease, once it is ours
	for range attempts {
		m, err := e.Store.GetMuster(ctx, o, id)
		if err != nil {
			return out, err
		}
		now := e.Now().UTC()
		switch {
		case m.DueAt.IsZero():
			return Outcome{}, nil
		case m.DueAt.After(now):
			return Outcome{Due: m.DueAt}, nil
		case !mine.IsZero() && m.Busy.Equal(mine):
		case m.Busy.After(now):
			return Outcome{}, nil // somebody is at it; the sweep sees to it should they have died
		default:
			mine = now.Add(lease).Truncate(time.Millisecond)
			m.Busy = mine
			if err := e.save(ctx, &m); err != nil {
				if errors.Is(err, insole.ErrConflict) {
					return Outcome{}, nil // somebody else has just begun
				}
				return out, err
			}
		}
		switch m.State {
		case insole.MusterCalling:
			out, err = e.call(ctx, &m)
		case insole.MusterWaiting:
			out, err = e.count(ctx, &m)
		case insole.MusterEnding:
			out, err = e.clear(ctx, &m)
		default:
			m.DueAt = time.Time{}
		}
		if err == nil {
			m.Busy = time.Time{}
			err = e.save(ctx, &m)
		}
		switch {
		case err == nil:
			return out, nil
		case !errors.Is(err, insole.ErrConflict):
			e.release(ctx, o, id, mine)
			return Outcome{}, err
		}
		// Somebody has ended it meanwhile, or called one of its people: look again, still with the lease.
	}
	e.release(ctx, o, id, mine)
	return Outcome{Again: true}, nil
}

// release gives the lease back after a failure, so that whoever looks next need not wait for its end. When this fails too, they wait.
func (e *Engine) release(ctx context.Context, o insole.OrgID, id insole.MusterID, mine time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	m, err := e.Store.GetMuster(ctx, o, id)
	if err != nil || !m.Busy.Equal(mine) {
		return
	}
	m.Busy = time.Time{}
	if err := e.save(ctx, &m); err != nil && !errors.Is(err, insole.ErrConflict) {
		e.Log.WarnContext(ctx, "lease not given back", "org", o, "muster", id, "err", err)
	}
}

func (e *Engine) save(ctx context.Context, m *insole.Muster) error {
	m.Version++
	return e.Store.SaveMuster(ctx, *m)
}

// hurried says whether there is not enough of ctx left to begin something else.
func hurried(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < hurry
}

// call calls everybody of m who has not been called, and sets the deadline once all are.
func (e *Engine) call(ctx context.Context, m *insole.Muster) (Outcome, error) {
	f, err := facts(ctx, e.Store, m.Org)
	if err != nil {
		return Outcome{}, err
	}
	rows, err := e.Store.Summonses(ctx, m.Org, m.ID)
	if err != nil {
		return Outcome{}, err
	}
	had := make(map[insole.WorkerID]bool, len(rows))
	for _, r := range rows {
		had[r.Worker] = true
	}
	todo := slices.DeleteFunc(Whom(*m, f, e.Now().UTC()), func(s insole.Summons) bool { return had[s.Worker] })
	m.Called = len(rows)
	for part := range slices.Chunk(todo, store.MaxSummon*stride) {
		if hurried(ctx) {
			return Outcome{Again: true}, nil
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for chunk := range slices.Chunk(part, store.MaxSummon) {
			g.Go(func() error {
				var orders []insole.Downlink
				for _, s := range chunk {
					if d, ok := s.Order(*m); ok {
						orders = append(orders, d)
					}
				}
				return e.Store.Summon(gctx, chunk, orders)
			})
		}
		if err := g.Wait(); err != nil {
			return Outcome{}, fmt.Errorf("calling the people of muster %s: %w", m.ID, err)
		}
		m.Called += len(part)
		if m.Called < len(rows)+len(todo) {
			if err := e.save(ctx, m); err != nil {
				return Outcome{}, err
			}
		}
	}
	now := e.Now().UTC().Truncate(time.Millisecond)
	m.State, m.Deadline = insole.MusterWaiting, now.Add(m.Within)
	m.DueAt = m.Deadline
	e.Log.InfoContext(ctx, "muster called", "org", m.Org, "muster", m.ID, "people", m.Called, "took", now.Sub(m.AskedAt))
	return Outcome{Due: m.Deadline, New: true}, nil
}

// count raises an alarm about everybody who has not answered: the deadline is over.
func (e *Engine) count(ctx context.Context, m *insole.Muster) (Outcome, error) {
	org, err := e.Store.Org(ctx, m.Org)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		return Outcome{}, err
	}
	rows, err := e.Store.Summonses(ctx, m.Org, m.ID)
	if err != nil {
		return Outcome{}, err
	}
	var g errgroup.Group // one that fails does not stop the others
	g.SetLimit(raising)
	var left atomic.Bool
	for _, s := range rows {
		if s.State == insole.SummonsSafe || s.Raised {
			continue
		}
		g.Go(func() error {
			if hurried(ctx) {
				left.Store(true)
				return nil
			}
			return e.miss(ctx, *m, s, org.Locale)
		})
	}
	if err := g.Wait(); err != nil {
		return Outcome{}, fmt.Errorf("raising who is missing in muster %s: %w", m.ID, err)
	}
	if left.Load() {
		return Outcome{Again: true}, nil
	}
	m.State, m.DueAt = insole.MusterCounted, time.Time{}
	return Outcome{}, nil
}

// miss raises the alarm about s, who has not answered, unless they have by now. The row is marked before the alarm is raised and read again after: of
// an answer at that very moment, either whoever stores it sees the alarm, or this does.
func (e *Engine) miss(ctx context.Context, m insole.Muster, s insole.Summons, locale string) error {
	var err error
	for range attempts {
		if s.State == insole.SummonsSafe {
			if s.Alarm != "" {
				return e.found(ctx, s)
			}
			return nil
		}
		if s.State == insole.SummonsWaiting {
			s.State, s.Alarm = insole.SummonsMissing, insole.NewAlarmID(s.Org, s.Worker, insole.AlarmNoAnswer, Cause(m.ID))
			s.Version++
			if err = e.Store.SaveSummons(ctx, s); err != nil {
				if !errors.Is(err, insole.ErrConflict) {
					return err
				}
				if s, err = e.Store.GetSummons(ctx, s.Org, s.Muster, s.Worker); err != nil {
					return err
				}
				continue
			}
		}
		if s.Raised {
			return nil
		}
		a, _, err := e.Alarms.Raise(ctx, e.cause(ctx, m, s, locale))
		if err != nil {
			return err
		}
		if s, err = e.Store.GetSummons(ctx, s.Org, s.Muster, s.Worker); err != nil {
			return err
		}
		if s.State == insole.SummonsSafe {
			return e.found(ctx, s)
		}
		s.Raised = true
		if a.ID != "" {
			s.Alarm = a.ID // it may have joined one that was open
		}
		s.Version++
		err = e.Store.SaveSummons(ctx, s)
		if !errors.Is(err, insole.ErrConflict) {
			return err
		}
		if s, err = e.Store.GetSummons(ctx, s.Org, s.Muster, s.Worker); err != nil {
			return err
		}
	}
	return fmt.Errorf("summons of %s: %w", s.Worker, insole.ErrConflict)
}

func (e *Engine) cause(ctx context.Context, m insole.Muster, s insole.Summons, locale string) alarm.Cause {
	c := alarm.Cause{
		ID:  insole.NewAlarmID(s.Org, s.Worker, insole.AlarmNoAnswer, Cause(m.ID)),
		Org: s.Org, Team: s.Team, Worker: s.Worker, WorkerName: s.Name, Insole: s.Insole, Kind: insole.AlarmNoAnswer, Key: Cause(m.ID),
		SentAt: m.Deadline, Confirmed: true, Drill: m.Drill, Locale: locale, Who: "watchdog",
	}
	if s.Insole != "" {
		l, err := e.Store.GetLive(ctx, s.Org, s.Insole)
		if err == nil && l.Worker == s.Worker {
			c.Fix = l.State.Fix
		}
	}
	return c
}

// found marks the alarm about s as over by itself: s is safe.
func (e *Engine) found(ctx context.Context, s insole.Summons) error {
	by := insole.User{ID: s.By, Name: s.ByName}
	if by.ID == "" {
		by.ID = "wearer"
	}
	return e.Alarms.ReturnBy(ctx, s.Org, s.Worker, insole.AlarmNoAnswer, Cause(s.Muster), by)
}

// clear gives the all-clear and takes back what was not felt. Nobody with an open call for help of their own is told that it is over, and nobody whom no order reached.
func (e *Engine) clear(ctx context.Context, m *insole.Muster) (Outcome, error) {
	rows, err := e.Store.Summonses(ctx, m.Org, m.ID)
	if err != nil {
		return Outcome{}, err
	}
	help, _, err := inTrouble(ctx, e.Store, m.Org)
	if err != nil {
		return Outcome{}, err
	}
	rows = slices.DeleteFunc(rows, func(s insole.Summons) bool { _, ok := s.Order(*m); return !ok })
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for chunk := range slices.Chunk(rows, store.MaxOrders) {
		g.Go(func() error {
			var give, withdraw []insole.Downlink
			for _, s := range chunk {
				d, _ := s.Order(*m)
				withdraw = append(withdraw, d)
				if !help[s.Worker] && (s.Why == "" || s.State == insole.SummonsSafe && s.By == "" || !s.FeltAt.IsZero()) {
					give = append(give, insole.NewMusterDownlink(s, insole.CommandCancelled, m.EndedAt))
				}
			}
			return e.Store.Orders(gctx, give, withdraw)
		})
	}
	if err := g.Wait(); err != nil {
		return Outcome{}, fmt.Errorf("all-clear of muster %s: %w", m.ID, err)
	}
	m.State, m.DueAt = insole.MusterEnded, time.Time{}
	return Outcome{}, nil
}

// End ends m: nobody else is alarmed, the all-clear is given, and who is missing stays alarmed. Ending what has ended changes nothing.
func (e *Engine) End(ctx context.Context, o insole.OrgID, id insole.MusterID, user insole.User) (insole.Muster, error) {
	var err error
	for range attempts {
		var m insole.Muster
		if m, err = e.Store.GetMuster(ctx, o, id); err != nil || !m.Open() {
			return m, err
		}
		now := e.Now().UTC().Truncate(time.Millisecond)
		m.State, m.EndedAt, m.EndedBy, m.EndedWho, m.DueAt = insole.MusterEnding, now, user.ID, user.Name, now
		if err = e.save(ctx, &m); err == nil {
			e.ask(ctx, o, id, Outcome{Again: true})
			return m, nil
		}
		if !errors.Is(err, insole.ErrConflict) {
			return m, err
		}
	}
	return insole.Muster{}, err
}

// MarkSafe says, for user, that a worker of m is safe. Twice is once, and who said it first stays.
func (e *Engine) MarkSafe(ctx context.Context, o insole.OrgID, id insole.MusterID, w insole.WorkerID, user insole.User) (insole.Summons, error) {
	return e.change(ctx, o, id, w, func(s *insole.Summons) bool {
		if s.State == insole.SummonsSafe {
			return false
		}
		s.State, s.SafeAt, s.By, s.ByName = insole.SummonsSafe, e.Now().UTC(), user.ID, user.Name
		return true
	})
}

// change writes what f makes of a row, if anything, and marks the alarm about it as over when they are safe.
func (e *Engine) change(ctx context.Context, o insole.OrgID, id insole.MusterID, w insole.WorkerID, f func(*insole.Summons) bool) (insole.Summons, error) {
	for range attempts {
		s, err := e.Store.GetSummons(ctx, o, id, w)
		if err != nil {
			return s, err
		}
		if f(&s) {
			s.Version++
			err = e.Store.SaveSummons(ctx, s)
			if errors.Is(err, insole.ErrConflict) {
				continue
			}
			if err != nil {
				return s, err
			}
		}
		if s.State == insole.SummonsSafe && s.Alarm != "" {
			err = e.found(ctx, s)
		}
		return s, err
	}
	return insole.Summons{}, fmt.Errorf("summons of %s: %w", w, insole.ErrConflict)
}

// An Answer is what an insole says to an order of a muster.
type Answer string

const (
	Confirmed Answer = "confirmed" // the wearer made the gesture
	Felt      Answer = "felt"      // the insole has signalled, which is no answer of its wearer
	Unable    Answer = "unable"
)

// Answered notes what the insole of d said at at. The order goes last, so that whatever fails before is told again; twice is once.
func (e *Engine) Answered(ctx context.Context, d insole.Downlink, a Answer, at time.Time) error {
	if d.Command != insole.CommandCancelled {
		_, err := e.change(ctx, d.Org, d.Muster, d.Worker, func(s *insole.Summons) bool {
			before := *s
			switch a {
			case Confirmed, Felt:
				if s.FeltAt.IsZero() {
					s.FeltAt = at
				}
				if a == Confirmed && s.State != insole.SummonsSafe {
					s.State, s.SafeAt, s.By, s.ByName = insole.SummonsSafe, at, "", ""
				}
			case Unable:
				if s.Why == "" && s.State != insole.SummonsSafe {
					s.Why = insole.CannotDo
				}
			}
			return *s != before
		})
		if err != nil && !errors.Is(err, insole.ErrNotFound) {
			return err
		}
		if a == Felt && err == nil {
			return e.Store.FeltDownlink(ctx, d, at)
		}
	}
	err := e.Store.SettleDownlink(ctx, d, store.LogLine{})
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	return err
}

// Look advances a muster and asks for whatever comes next. A message that came before the time it was for (due) goes on waiting; one for a time that is no longer
// the muster's ends here.
func (e *Engine) Look(ctx context.Context, o insole.OrgID, id insole.MusterID, due time.Time) error {
	out, err := e.Advance(ctx, o, id)
	if errors.Is(err, insole.ErrNotFound) {
		e.Log.WarnContext(ctx, "step of a muster that is not there", "org", o, "muster", id)
		return nil
	}
	if err != nil {
		return err
	}
	out.New = out.New || !out.Due.IsZero() && out.Due.Equal(due)
	e.ask(ctx, o, id, out)
	return nil
}

// Nudge asks for a Look at once.
func (e *Engine) Nudge(ctx context.Context, o insole.OrgID, id insole.MusterID) {
	e.ask(ctx, o, id, Outcome{Again: true})
}

// ask sends the messages that out calls for.
func (e *Engine) ask(ctx context.Context, o insole.OrgID, id insole.MusterID, out Outcome) {
	var errs []error
	if out.Again {
		errs = append(errs, e.Steps.SendMuster(ctx, o, id, time.Time{}, 0))
	}
	if out.New && !out.Due.IsZero() {
		errs = append(errs, e.Steps.SendMuster(ctx, o, id, out.Due, out.Due.Sub(e.Now())))
	}
	if err := errors.Join(errs...); err != nil {
		e.Log.WarnContext(ctx, "look not asked for; the stream or the sweep will find it", "org", o, "muster", id, "err", err)
	}
}

// Sweep advances every muster that has something due: the certain way.
func (e *Engine) Sweep(ctx context.Context) error {
	var errs []error
	for due, err := range e.Store.DueMusters(ctx, e.Now().UTC()) {
		if err != nil {
			errs = append(errs, fmt.Errorf("sweeping musters: %w", err))
			continue // the other parts of the index are there all the same
		}
		out, err := e.Advance(ctx, due.Org, due.Muster)
		if errors.Is(err, insole.ErrNotFound) {
			continue // the index is behind the table
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("muster %s: %w", due.Muster, err))
			continue
		}
		e.ask(ctx, due.Org, due.Muster, out)
	}
	return errors.Join(errs...)
}

// Valid says whether id may name a muster.
func Valid(id insole.MusterID) bool {
	return id != "" && len(id) <= 40 && strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
