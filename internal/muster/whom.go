// Package muster asks many people at once whether they are safe: an evacuation, or a roll-call. It finds whom to ask, orders their insoles to ask
// them, counts the answers, and raises an alarm about everybody who has not answered in time.
//
// Whoever hears first that something of a muster is due does it: the steps queue, the table's stream, the watchdog's sweep. What was half done is gone on with.
package muster

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// When an insole counts as silent: three intervals that it announced itself, at least three minutes, as for lost contact.
const (
	silentFactor  = 3
	silentMinimum = 3 * time.Minute
	silentExpect  = 5 * time.Minute // of an insole that announced none
)

// Facts are what is known of an org's people when they are called.
type Facts struct {
	Workers  []insole.Worker
	CheckIns map[insole.WorkerID]*insole.CheckIns // a shift by hand or by walking is in them
	Lives    map[insole.ID]store.Live
	Help     map[insole.WorkerID]bool // an open alarm of a kind that IsHelp
	Hushed   map[insole.WorkerID]bool // an open covert call: nothing may be felt on the foot
}

// Whom lists everybody that m concerns, by name of worker: of a team, who is on shift, and who is not but was heard outside of the charger with a fix
// of the last minutes (overtime); of an area, who may be inside, and who is on shift and of whom nobody knows where they are. Pure.
func Whom(m insole.Muster, f Facts, now time.Time) []insole.Summons {
	var out []insole.Summons
	for _, w := range f.Workers {
		if m.Team != "" && w.Team != m.Team {
			continue
		}
		s := insole.Summons{
			Org: w.Org, Muster: m.ID, Worker: w.ID, Name: w.Name, Team: w.Team, Insole: w.Insole, Phone: w.Phone, State: insole.SummonsWaiting, Version: 1,
		}
		l, heard := f.Lives[w.Insole]
		heard = heard && w.Insole != "" && l.Worker == w.ID // what it said on somebody else's foot is not this worker's
		on := insole.OnShift(w.Shifts, w.ShiftBy, f.CheckIns[w.ID], now)
		charging := heard && l.State.Battery != nil && l.State.Battery.Charging
		var fix *insole.Fix
		if heard {
			fix = l.State.Fix
		}
		if m.Team != "" {
			if !on && (charging || fix == nil || now.Sub(fix.At) > rules.ZoneFresh) {
				continue
			}
		} else {
			in, may, known := rules.MayBeIn(m.Ring, fix, now)
			switch {
			case in:
				s.Where = insole.WhereIn
			case may:
				s.Where = insole.WhereNear
			case known || !on:
				continue
			default:
				s.Where = insole.WhereUnknown
			}
		}
		switch {
		case f.Hushed[w.ID]:
			s.Why = insole.Hushed
		case w.Insole == "":
			s.Why = insole.NoInsole
		case w.Insole.Speaks() != insole.SOLE:
			s.Why = insole.CannotAsk
		case !heard || silent(l, now):
			s.Why = insole.Silent
		case charging:
			s.Why = insole.OnCharger
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b insole.Summons) int { return cmp.Compare(a.Worker, b.Worker) })
	return out
}

func silent(l store.Live, now time.Time) bool {
	s := l.State
	if s.Lost || s.HeardAt.IsZero() {
		return true
	}
	return now.Sub(s.HeardAt) > max(silentFactor*cmp.Or(s.Expect, silentExpect), silentMinimum)
}

// facts reads what Whom must know.
func facts(ctx context.Context, st *store.Store, org insole.OrgID) (Facts, error) {
	f := Facts{CheckIns: map[insole.WorkerID]*insole.CheckIns{}, Lives: map[insole.ID]store.Live{}, Help: map[insole.WorkerID]bool{}, Hushed: map[insole.WorkerID]bool{}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { f.Workers, err = st.Workers(ctx, org); return err })
	g.Go(func() error {
		all, err := st.AllCheckIns(ctx, org)
		for _, c := range all {
			f.CheckIns[c.Worker] = &c
		}
		return err
	})
	g.Go(func() error {
		lives, err := st.LiveItems(ctx, org, false)
		for _, l := range lives {
			f.Lives[l.Insole] = l
		}
		return err
	})
	g.Go(func() (err error) { f.Help, f.Hushed, err = inTrouble(ctx, st, org); return err })
	return f, g.Wait()
}

// inTrouble says who has an open call for help, and who a covert one.
func inTrouble(ctx context.Context, st *store.Store, org insole.OrgID) (help, hushed map[insole.WorkerID]bool, err error) {
	help, hushed = map[insole.WorkerID]bool{}, map[insole.WorkerID]bool{}
	open, err := st.OpenAlarms(ctx, org)
	for _, a := range open {
		if a.Kind.IsHelp() {
			help[a.Worker] = true
		}
		if a.Kind == insole.AlarmCovertSOS {
			hushed[a.Worker] = true
		}
	}
	return help, hushed, err
}
