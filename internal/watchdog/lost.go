package watchdog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// Path is the part of ours that a technical alarm about an outage names.
const Path = "path"

// Teams says how a team wants to be told. *alarm.Cached is one.
type Teams interface {
	Team(context.Context, insole.OrgID, insole.TeamID) (insole.Team, error)
}

// A suspect is an insole that has not been heard for a while, and is worn on shift.
type suspect struct {
	store.Live
	worn   insole.Assignment
	began  time.Time // their shift; zero when there is none that begins
	limit  limit
	others []store.Live // of its org
}

// Silent raises lost contact for every insole that has not been heard for too long while its wearer is on shift, as far as that is not a fault of
// ours; of that it tells once for each org how many cannot be heard.
func (h *Handler) Silent(ctx context.Context) error {
	orgs, err := h.Store.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("listing orgs: %w", err)
	}
	now := h.Now().UTC()
	w := workers{turns: make(chan struct{}, 8)}
	pulses, quiet, err := h.Store.Pulses(ctx)
	blind := err != nil // not everything could be looked at
	if err != nil {     // then silence is taken for what it may be
		w.fail(fmt.Errorf("pulses: %w", err))
	}
	newest := map[insole.Dialect]time.Time{}
	var (
		mu       sync.Mutex
		suspects []suspect
	)
	for _, o := range orgs {
		all, err := h.Store.LiveItems(ctx, o, true)
		if err != nil {
			w.fail(fmt.Errorf("live items of %s: %w", o, err))
			blind = true
			continue
		}
		for _, l := range all {
			d := l.Insole.Speaks()
			if l.State.HeardAt.After(newest[d]) {
				newest[d] = l.State.HeardAt
			}
			if l.State.Lost || l.State.HeardAt.IsZero() || now.Sub(l.State.HeardAt) <= time.Minute {
				continue
			}
			w.run(func() error {
				a, began, ok, err := h.wornOn(ctx, l, now)
				if err != nil {
					return fmt.Errorf("insole %s: %w", l.Insole, err)
				}
				if ok {
					mu.Lock()
					defer mu.Unlock()
					suspects = append(suspects, suspect{l, a, began, h.limit(ctx, a), all})
				}
				return nil
			})
		}
	}
	w.wg.Wait()
	few := QuietFew
	if blind { // who was not looked at may be heard: nothing is guessed
		few = len(suspects) + 1
	}
	quiet, err = h.quiet(ctx, suspects, newest, wayOf(pulses, quiet, now), quiet, few, now)
	w.fail(err)
	way := wayOf(pulses, quiet, now)
	held := map[insole.OrgID][]suspect{}
	for _, s := range suspects {
		switch v, _ := judge(s.Live, s.began, s.limit, way, now); {
		case v == overdue:
			if _, down := way.down(s.Insole.Speaks()); down {
				held[s.Org] = append(held[s.Org], s)
			}
		case v == gone:
			w.run(func() error {
				if err := h.lost(ctx, s, way); err != nil {
					return fmt.Errorf("insole %s: %w", s.Insole, err)
				}
				return nil
			})
		}
	}
	for _, o := range orgs {
		w.run(func() error { return h.ours(ctx, o, held[o], way, now) })
	}
	return w.wait()
}

// wornOn says by whom l's insole is worn on shift at now, and when that shift began (zero: it never does); ok is false when nobody wears it. Of whose shift cannot be
// read it is taken that it goes on.
func (h *Handler) wornOn(ctx context.Context, l store.Live, now time.Time) (a insole.Assignment, began time.Time, ok bool, err error) {
	a, err = h.worn.get(now, l.Insole, func() (insole.Assignment, error) { return h.Store.GetAssignment(ctx, l.Insole) })
	if errors.Is(err, insole.ErrNotFound) {
		return a, began, false, nil
	}
	if err != nil {
		return a, began, false, err
	}
	if a.Revoked || a.Org != l.Org || a.Worker == "" || a.Worker != l.Worker {
		return a, began, false, nil
	}
	if a.ShiftBy != insole.ByNothing && len(a.Shifts) == 0 { // begun by hand or by walking
		c, err := h.Store.GetCheckIns(ctx, a.Org, a.Worker)
		if err != nil && !errors.Is(err, insole.ErrNotFound) {
			h.Log.WarnContext(ctx, "shift not read", "org", a.Org, "worker", a.Worker, "err", err)
			return a, began, true, nil
		}
		return a, c.Shift.Since, err == nil && c.Shift.Holds(now), nil
	}
	began, ends, shift := insole.Began(a.Shifts, now)
	if shift && l.State.Away() && ends.Sub(l.State.ByeAt) <= Leaving {
		return a, began, false, nil // has gone home
	}
	return a, began, insole.On(a.Shifts, now), nil
}

// limit is how long insoles of a's team may be silent. A team that cannot be read has the defaults: nobody waits for a setting.
func (h *Handler) limit(ctx context.Context, a insole.Assignment) limit {
	m := limit{factor: h.LostFactor, minimum: h.LostMinimum}
	if h.Teams == nil {
		return m
	}
	t, err := h.Teams.Team(ctx, a.Org, a.Team)
	if err != nil {
		return m
	}
	if s, ok := t.Settings[insole.AlarmLostContact]; ok {
		of := t.Settings.Of(insole.AlarmLostContact)
		m.off = of.Off
		if s.Factor > 0 {
			m.factor = of.Factor
		}
		if s.Minimum > 0 {
			m.minimum = of.Minimum
		}
	}
	return m
}

// quiet begins and ends the times in which nobody of a language is heard, and returns them as they are now. It begins when few insoles on shift are overdue and nobody at all was heard for LostMinimum, though
// the bridges say that they work; it ends with the first who is heard.
func (h *Handler) quiet(ctx context.Context, suspects []suspect, newest map[insole.Dialect]time.Time, w way, was []store.Quiet, few int, now time.Time) ([]store.Quiet, error) {
	late := map[insole.Dialect]int{}
	for _, s := range suspects {
		if now.Sub(s.State.HeardAt) > s.limit.patience(s.State) && !s.State.Away() { // who says bye has been heard by everything of ours
			late[s.Insole.Speaks()]++
		}
	}
	var errs []error
	out := make([]store.Quiet, 0, len(was))
	for _, q := range was {
		if q.Until.IsZero() && newest[q.Dialect].After(q.From) {
			q.Until = now
			errs = append(errs, h.Store.SaveQuiet(ctx, q))
			h.Log.InfoContext(ctx, "insoles are heard again", "dialect", q.Dialect, "since", q.From)
		}
		out = append(out, q)
	}
	for d, n := range late {
		if _, down := w.down(d); down || n < few || now.Sub(newest[d]) <= h.LostMinimum {
			continue
		}
		q := store.Quiet{Dialect: d, From: newest[d]}
		errs = append(errs, h.Store.SaveQuiet(ctx, q))
		h.Log.ErrorContext(ctx, "nobody is heard", "dialect", d, "insoles", n, "since", q.From)
		kept := out[:0]
		for _, other := range out {
			if other.Dialect != d {
				kept = append(kept, other)
			}
		}
		out = append(kept, q)
	}
	return out, errors.Join(errs...)
}

// ours tells o that held cannot be heard by a fault of ours, and that it is over. Its operators are paged or, where there are none, the team with most of held: a
// fault that leaves people unheard is never told to nobody.
func (h *Handler) ours(ctx context.Context, o insole.OrgID, held []suspect, w way, now time.Time) error {
	if len(held) == 0 {
		var over time.Time
		for _, d := range []insole.Dialect{insole.SOLE, insole.Teltonika} {
			if _, down := w.down(d); down {
				return nil
			}
			if at := w.ended(d); at.After(over) {
				over = at
			}
		}
		if over.IsZero() || now.Sub(over) > HoldMost { // asked for a while only, because it costs a read
			return nil
		}
		return h.Alarms.Works(ctx, o, Path, over)
	}
	org, err := h.Store.Org(ctx, o)
	if err != nil {
		return fmt.Errorf("org %s: %w", o, err)
	}
	since, teams := now, map[insole.TeamID]int{}
	for _, s := range held {
		if at, down := w.down(s.Insole.Speaks()); down && at.Before(since) {
			since = at
		}
		teams[s.worn.Team]++
	}
	if org.Operators == "" {
		for t, n := range teams {
			if best := teams[org.Operators]; n > best || n == best && t < org.Operators {
				org.Operators = t
			}
		}
	}
	raised, err := h.Alarms.Technical(ctx, insole.Fault{
		Org: org, Part: Path, What: text.Say(org.Locale, "outage.unheard", "n", strconv.Itoa(len(held))), Since: since, Who: "watchdog",
	})
	if err != nil {
		return fmt.Errorf("outage of org %s: %w", o, err)
	}
	if raised {
		h.Log.ErrorContext(ctx, "own outage", "org", o, "unheard", len(held), "since", since)
	}
	return nil
}

// lost raises lost contact of s's wearer and marks s. The alarm comes first: a mark without an alarm would hide the silence for ever, an
// alarm without a mark is raised again under the same name.
func (h *Handler) lost(ctx context.Context, s suspect, w way) error {
	if s.limit.off {
		return nil
	}
	h.worn.forget(s.Insole) // what was remembered may be minutes old
	a, began, ok, err := h.wornOn(ctx, s.Live, h.Now())
	if err != nil || !ok {
		return err
	}
	l, err := h.Store.GetLive(ctx, s.Org, s.Insole)       // what was read before may be a second old
	if err != nil && !errors.Is(err, insole.ErrInvalid) { // positions that nobody can read hide no silence
		return err
	}
	if l.State.Lost || l.Worker != a.Worker {
		return nil
	}
	v, why := judge(l, began, s.limit, w, h.Now().UTC())
	if v != gone {
		return nil
	}
	if why == insole.GuessUnknown {
		why = guess(l, s.others, h.Now())
	}
	key := "silence@" + strconv.FormatInt(l.State.HeardAt.UnixMilli(), 10)
	c := alarm.Cause{
		ID:  insole.NewAlarmID(l.Org, a.Worker, insole.AlarmLostContact, key),
		Org: l.Org, Team: a.Team, Worker: a.Worker, WorkerName: a.WorkerName, Insole: l.Insole, Kind: insole.AlarmLostContact, Key: key,
		SentAt: l.State.HeardAt, Fix: l.State.Fix, Confirmed: true, Locale: a.Locale, Guess: why, Who: "watchdog",
	}
	if c.WorkerName == "" {
		c.WorkerName = string(c.Worker)
	}
	_, raised, err := h.Alarms.Raise(ctx, c)
	if err != nil {
		return err
	}
	if raised {
		h.Log.InfoContext(ctx, "contact lost", "org", l.Org, "alarm", c.ID, "insole", l.Insole, "heard", l.State.HeardAt, "guess", why)
	}
	for range 6 {
		heard := l.State.HeardAt
		l.State.Lost = true
		l.Version++
		err = h.Store.SaveLive(ctx, l)
		if !errors.Is(err, insole.ErrConflict) {
			return err
		}
		if l, err = h.Store.GetLive(ctx, l.Org, l.Insole); err != nil && !errors.Is(err, insole.ErrInvalid) {
			return err
		}
		if l.State.HeardAt.After(heard) { // it was heard while the alarm was being raised
			return h.Alarms.Return(ctx, l.Org, a.Worker, insole.AlarmLostContact, "heard@"+strconv.FormatInt(l.State.HeardAt.UnixMilli(), 10))
		}
		if l.State.Lost {
			return nil
		}
	}
	return err
}

// worn remembers for wornFor who wears an insole that is not heard: most of those are off shift, and asked about every minute.
type worn struct {
	mu sync.Mutex
	m  map[insole.ID]wornOne
}

type wornOne struct {
	a  insole.Assignment
	at time.Time
}

const (
	wornFor = 5 * time.Minute
	wornMax = 20_000
)

func (w *worn) get(now time.Time, id insole.ID, read func() (insole.Assignment, error)) (insole.Assignment, error) {
	w.mu.Lock()
	one, ok := w.m[id]
	w.mu.Unlock()
	if ok && now.Sub(one.at) < wornFor {
		return one.a, nil
	}
	a, err := read()
	if err != nil {
		return a, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil || len(w.m) >= wornMax {
		w.m = map[insole.ID]wornOne{}
	}
	w.m[id] = wornOne{a, now}
	return a, nil
}

func (w *worn) forget(id insole.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.m, id)
}
