package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

type boardAnswer struct{ Body feed.Board }

func (a *API) boardRoutes(h huma.API) {
	huma.Register(h, op("board", http.MethodGet, "/api/board", "Everything the first screen needs", "board", insole.Viewer), a.board)
}

// board reads the sequence of the live feed before anything else: what changes while the rest is read comes with a
// higher one, and so is told again.
func (a *API) board(ctx context.Context, _ *struct{}) (*boardAnswer, error) {
	org := who(ctx).Org
	seq, err := a.Store.FeedSeq(ctx, org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	var (
		workers []insole.Worker
		lives   []store.Live
		alarms  []insole.Alarm
		asked   []insole.CheckIns
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { workers, err = a.Store.Workers(gctx, org); return err })
	g.Go(func() (err error) { lives, err = a.Store.LiveItems(gctx, org, false); return err })
	g.Go(func() (err error) { alarms, err = a.Desk.Open(gctx, org); return err })
	g.Go(func() (err error) { asked, err = a.Store.AllCheckIns(gctx, org); return err })
	err = g.Wait()
	if err != nil {
		return nil, a.fail(ctx, err)
	}

	now := a.Now()
	b := feed.Board{Seq: seq, NowMs: now.UnixMilli(), Workers: make([]feed.Worker, 0, len(workers)), Alarms: make([]feed.Alarm, 0, len(alarms))}
	heard := make(map[insole.ID]store.Live, len(lives))
	for _, l := range lives {
		heard[l.Insole] = l
	}
	checkIns := make(map[insole.WorkerID]insole.CheckIns, len(asked))
	for _, c := range asked {
		checkIns[c.Worker] = c
	}
	for _, w := range workers {
		c, isAsked := checkIns[w.ID]
		line := feed.Worker{
			Worker: string(w.ID), Name: w.Name, Team: string(w.Team), Insole: string(w.Insole), Phone: w.Phone,
			OnShift: insole.OnShift(w.Shifts, w.ShiftBy, &c, now),
		}
		// What an insole said on somebody else's foot is not this worker's.
		if l, ok := heard[w.Insole]; ok && l.Worker == w.ID {
			live := feed.LiveOf(l)
			line.Live = &live
		}
		if isAsked {
			f := feed.CheckInOf(c)
			line.CheckIn = &f
		}
		b.Workers = append(b.Workers, line)
	}
	for _, one := range alarms {
		b.Alarms = append(b.Alarms, feed.AlarmOf(one))
	}
	return &boardAnswer{b}, nil
}
