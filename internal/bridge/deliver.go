package bridge

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// Downlinks says what insoles are to be told. *store.Store is one.
type Downlinks interface {
	// Downlinks yields every downlink that no insole has answered, for the insoles of every bridge, in no order. It may miss the newest.
	Downlinks(context.Context) iter.Seq2[insole.Downlink, error]
}

const (
	orderPatience = 3 * time.Second  // one look at the table
	orderAgain    = 10 * time.Second // how long an insole has to answer before it is told again
)

// commands is each command in the language of the bridge.
var commands = map[insole.Command]sole.Command{
	insole.CommandTaken: sole.Taken, insole.CommandCancelled: sole.Cancelled, insole.CommandEvacuate: sole.Evacuate, insole.CommandAskFix: sole.AskFix,
	insole.CommandRollCall: sole.RollCall, insole.CommandSignal: sole.Vibrate, insole.CommandRemind: sole.Vibrate,
}

// patterns is how what vibrates is felt.
var patterns = map[insole.Command]byte{insole.CommandSignal: sole.PatternLong, insole.CommandRemind: sole.PatternShort}

// An order names a downlink among those of all insoles.
type order struct {
	insole insole.ID
	id     uint32
}

// deliver looks, every DownlinkEvery until ctx ends, for downlinks to insoles that are connected here. While none is, it asks nothing of the table.
//
// Every bridge sees every downlink and sends those whose insole it holds. A downlink that went into a connection which was dead already is
// there still: it goes once more after orderAgain, here or wherever the insole connects next. An insole does the same number once.
func (srv *Server) deliver(ctx context.Context) {
	t := time.NewTicker(srv.DownlinkEvery)
	defer t.Stop()
	sent := map[order]time.Time{}
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if srv.sessions.empty() {
			continue
		}
		err := srv.deliverOnce(ctx, sent)
		if err != nil && !away && ctx.Err() == nil {
			srv.Log.WarnContext(ctx, "downlinks not known", "err", err)
		}
		away = err != nil
	}
}

// deliverOnce sends, oldest first, what is to be sent now. sent is when each order that is not answered was last sent from here.
func (srv *Server) deliverOnce(ctx context.Context, sent map[order]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, orderPatience)
	defer cancel()
	now := srv.now()
	var here []insole.Downlink
	waits := map[order]bool{}
	for d, err := range srv.Downlinks.Downlinks(ctx) {
		if err != nil {
			return err
		}
		if !now.Before(d.EndsAt) {
			continue
		}
		o := order{d.Insole, d.ID}
		waits[o] = true
		if last, ok := sent[o]; ok && now.Sub(last) < orderAgain {
			continue
		}
		if srv.sessions.find(d.Insole) != nil {
			here = append(here, d)
		}
	}
	for o := range sent {
		if !waits[o] {
			delete(sent, o)
		}
	}
	slices.SortStableFunc(here, func(a, b insole.Downlink) int { return a.MadeAt.Compare(b.MadeAt) })
	for _, d := range here {
		err := ErrNoDownlink
		if c, known := commands[d.Command]; known {
			err = srv.Downlink(d.Insole, Downlink{ID: d.ID, Command: c, Pattern: patterns[d.Command]})
		}
		if errors.Is(err, insole.ErrNotFound) {
			continue // it has just left, or has not proved itself yet
		}
		sent[order{d.Insole, d.ID}] = now
		if err != nil {
			srv.Log.WarnContext(ctx, "downlink not sent", "insole", d.Insole, "command", d.Command, "err", err)
			continue
		}
		srv.Log.DebugContext(ctx, "downlink sent", "insole", d.Insole, "command", d.Command, "downlink", d.ID)
	}
	return nil
}
