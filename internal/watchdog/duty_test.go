package watchdog_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/store"
	"solewatch/internal/watchdog"
)

// A room is a control room: its team says what set says, Marie of that team is on shift from 8 to 16 h, and who is paged are the operators.
type room struct{ *world }

func newRoom(t *testing.T, operators insole.TeamID, set insole.Setting) *room {
	w := newWorld(t)
	ctx := t.Context()
	d, err := w.store.Directory(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	north := d.Teams[0]
	north.Value.Settings = insole.Settings{insole.AlarmUnwatched: set}
	north.Version++
	ops := insole.Team{Org: "acme", ID: "ops", Name: "Operators", Steps: north.Value.Steps} // says nothing about what it is paged for
	day := insole.Shift{Days: []time.Weekday{1, 2, 3, 4, 5}, From: 8 * time.Hour, To: 16 * time.Hour, Zone: "UTC"}
	org := d.Org
	org.Operators = operators
	err = w.store.Edit(ctx, "acme", d.Revision, store.PutTeam(north), store.PutTeam(store.Kept[insole.Team]{Value: ops}),
		store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: "marie", Team: "north", Name: "Marie D.", Insole: marie, Shifts: []insole.Shift{day}}}),
		store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: "otto", Team: "ops", Name: "Otto"}}))
	if err == nil {
		err = w.store.SetOrg(ctx, org)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &room{w}
}

// minute is one look, by a watchdog that was started for it: nothing is remembered but what is in the table.
func (r *room) minute() error {
	r.Helper()
	h := &watchdog.Handler{Store: r.store, Consoles: r.store, Watches: r.raiser, Now: r.clock.Now, Log: slog.New(slog.DiscardHandler)}
	err := h.Watched(r.Context())
	if perr := r.store.PutBeat(r.Context(), insole.Beat{Part: parts.Watchdog, At: r.clock.Now()}); perr != nil {
		r.Fatal(perr)
	}
	r.clock.Advance(time.Minute)
	return err
}

func (r *room) minutes(n int, on ...insole.Console) {
	r.Helper()
	for range n {
		for _, c := range on {
			c.Org, c.User, c.Since, c.Heard = "acme", "claire", noon, r.clock.Now()
			if err := r.store.PutConsole(r.Context(), c); err != nil {
				r.Fatal(err)
			}
		}
		if err := r.minute(); err != nil {
			r.Fatal(err)
		}
	}
	for _, c := range on {
		if err := r.store.DropConsole(r.Context(), "acme", c.ID); err != nil {
			r.Fatal(err)
		}
	}
}

// want expects one open alarm, returned to normal or not, or none.
func (r *room) want(what string, open, returned bool) insole.Alarm {
	r.Helper()
	all := r.open()
	if !open {
		if len(all) > 0 {
			r.Fatalf("%s: %+v", what, all)
		}
		return insole.Alarm{}
	}
	if len(all) != 1 || all[0].Kind != insole.AlarmUnwatched || all[0].ReturnedAt.IsZero() == returned {
		r.Fatalf("%s: %+v, want one alarm, returned: %v", what, all, returned)
	}
	return all[0]
}

var (
	wanted   = insole.Setting{On: true, Minimum: 3 * time.Minute}
	heardAll = insole.Console{ID: "c1", Sound: true}
)

// Nobody is heard for as long as the team says: the operators are paged, once; it is over by itself when somebody is, and begins again.
func TestUnwatched(t *testing.T) {
	r := newRoom(t, "ops", wanted)
	r.minutes(5, heardAll)
	r.want("watched", false, false)
	r.minutes(3)
	r.want("for two minutes nobody", false, false)
	r.minutes(1)
	a := r.want("for three", true, false)
	if a.Team != "ops" || a.WorkerName != "North" || a.Worker != insole.TeamWorker("north") || a.Priority != 2 || a.State != insole.Active || a.RaisedAt.Sub(a.SentAt) != 3*time.Minute {
		t.Errorf("the alarm is %+v", a)
	}
	file, err := r.store.GetAlarmFile(t.Context(), "acme", a.ID)
	if err != nil || len(file.Pages) != 1 || file.Pages[0].Contact != "claire" {
		t.Errorf("paged %+v, %v", file.Pages, err)
	}
	r.minutes(4, insole.Console{ID: "c2"}, insole.Console{ID: "c3", Sound: true, Teams: []insole.TeamID{"ops"}})
	if b := r.want("sound blocked here, another team's there", true, false); b.ID != a.ID || b.Version != a.Version {
		t.Errorf("raised again: %+v", b)
	}
	r.minutes(2, insole.Console{ID: "c4", Sound: true, Teams: []insole.TeamID{"ops", "north"}})
	r.want("somebody is there", true, true)
	r.minutes(3)
	r.want("gone again", true, true)
	r.minutes(1)
	r.want("for three minutes", true, false)
}

// A screen that connects anew, a page that is opened again, a watchdog that is deployed: none of it is an alarm.
func TestWatchedThroughGaps(t *testing.T) {
	r := newRoom(t, "ops", wanted)
	for range 20 {
		r.minutes(1, heardAll)
		r.minutes(2)
	}
	r.want("never for three minutes", false, false)
}

// Who does not ask is not told, nor who has nobody on shift; and what is no longer asked for is over.
func TestUnwatchedWhereNobodyAsks(t *testing.T) {
	r := newRoom(t, "ops", insole.Setting{Minimum: time.Minute})
	r.minutes(30)
	r.want("a team that does not ask", false, false)

	r = newRoom(t, "ops", wanted)
	r.clock.Advance(5 * time.Hour) // 17 h
	r.minutes(30)
	r.want("nobody on shift", false, false)

	r = newRoom(t, "ops", wanted)
	r.clock.Advance(3*time.Hour + 50*time.Minute)
	r.minutes(8)
	r.want("ten to four", true, false)
	r.minutes(4)
	r.want("the shift is over", true, true)

	r = newRoom(t, "ops", wanted)
	r.minutes(5)
	r.want("asked for", true, false)
	d, err := r.store.Directory(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range d.Teams {
		if k.Value.ID == "north" {
			k.Value.Settings, k.Version = nil, k.Version+1
			if err := r.store.Edit(t.Context(), "acme", d.Revision, store.PutTeam(k)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.minutes(1)
	r.want("no longer asked for", true, true)
	if _, alone, err := r.store.Duty(t.Context(), "acme"); err != nil || len(alone) > 0 {
		t.Errorf("left behind: %+v, %v", alone, err)
	}
}

// Without operators the team itself is paged: it has asked to be.
func TestUnwatchedWithoutOperators(t *testing.T) {
	r := newRoom(t, "", insole.Setting{On: true, Minimum: 3 * time.Minute, Priority: 3})
	r.minutes(4)
	if a := r.want("nobody", true, false); a.Team != "north" || a.Priority != 3 {
		t.Errorf("the alarm is %+v", a)
	}
}

// blind is a table that cannot be read.
type blind struct{ watchdog.Consoles }

func (b blind) Duty(context.Context, insole.OrgID) ([]insole.Console, []insole.Unwatched, error) {
	return nil, nil, insole.ErrAway
}

// While the table is away nothing is judged; when it is back, time in which nobody could go on duty does not count.
func TestUnwatchedTableAway(t *testing.T) {
	r := newRoom(t, "ops", wanted)
	r.minutes(1) // nobody is there when it goes away
	for range 10 {
		h := &watchdog.Handler{Store: r.store, Consoles: blind{r.store}, Watches: r.raiser, Now: r.clock.Now, Log: slog.New(slog.DiscardHandler)}
		if err := h.Watched(t.Context()); !errors.Is(err, insole.ErrAway) {
			t.Fatalf("with the table away: %v", err)
		}
		r.clock.Advance(time.Minute)
	}
	r.minutes(3)
	r.want("for two minutes since it is back", false, false)
	r.minutes(1)
	r.want("for three", true, false)

	r = newRoom(t, "ops", wanted)
	r.minutes(1, heardAll)
	r.clock.Advance(10 * time.Minute)
	r.minutes(1) // consoles connect anew within seconds; this look was faster
	r.minutes(5, heardAll)
	r.want("watched before and after", false, false)
}
