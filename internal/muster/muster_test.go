package muster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/rules"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday
	claire = insole.User{Org: "acme", ID: "claire", Name: "Claire M."}
)

// A site is an org with some people on shift, an engine, and a clock that stands still until it is moved.
type site struct {
	testing.TB
	mu     sync.Mutex
	at     time.Time
	srv    *standin.Server
	store  *store.Store
	raiser *alarm.Raiser
	engine *muster.Engine
	asked  int // messages sent
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

func (s *site) Send(context.Context, insole.OrgID, insole.AlarmID, insole.AlarmKind, time.Time, time.Duration) error {
	return nil
}

func (s *site) SendMuster(context.Context, insole.OrgID, insole.MusterID, time.Time, time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return nil
}

func idOf(i int) insole.ID           { return insole.ID(fmt.Sprintf("00a1b2c3d4e5%04x", i)) }
func workerOf(i int) insole.WorkerID { return insole.WorkerID(fmt.Sprintf("w%04d", i)) }

// newSite has n people of team north; reached says whose insole is connected.
func newSite(t testing.TB, n int, reached func(int) bool) *site {
	t.Helper()
	s := &site{TB: t, at: noon}
	s.store, s.srv = standintest.Store(t, s.now)
	ctx := t.Context()
	s.must(s.store.CreateOrg(ctx, insole.Org{ID: "acme", Name: "Acme", Locale: "en"}))
	var changes []store.Change
	var revision int64
	put := func(c ...store.Change) {
		changes = append(changes, c...)
		if len(changes) >= store.MaxChanges-1 || len(c) == 0 {
			s.must(s.store.Edit(ctx, "acme", revision, changes...))
			changes = nil
			revision++
		}
	}
	put(store.PutTeam(store.Kept[insole.Team]{Value: insole.Team{Org: "acme", ID: "north", Name: "North", Steps: []insole.Step{
		{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS}},
	}}}), store.PutContact(store.Kept[insole.Contact]{Value: insole.Contact{Org: "acme", ID: "claire", Name: "Claire M.", Phone: "+33600000001", Locale: "en"}}))
	for i := range n {
		put(store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: workerOf(i), Team: "north", Name: fmt.Sprint("Worker ", i), Insole: idOf(i)}}))
		if reached(i) {
			l := store.Live{Org: "acme", Insole: idOf(i), Worker: workerOf(i), Version: 1, State: rules.State{
				HeardAt: noon, At: noon, Expect: time.Hour, Fix: &insole.Fix{Lat: 43.6, Lon: 7.05, Accuracy: 5, At: noon},
			}}
			s.must(s.store.SaveLive(ctx, l))
		}
	}
	if len(changes) > 0 {
		put()
	}
	log := slog.New(slog.DiscardHandler)
	s.raiser = &alarm.Raiser{Store: s.store, Teams: &alarm.Cached{Of: s.store, Now: s.now}, Steps: s, Topics: func(insole.OrgID, insole.TeamID) string { return "" }, Now: s.now, Log: log}
	s.engine = &muster.Engine{Store: s.store, Alarms: s.raiser, Steps: s, Now: s.now, Log: log}
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

var evacuate = insole.Muster{Org: "acme", ID: "fire", Mode: insole.Evacuate, Team: "north", Name: "North", Within: 2 * time.Minute, By: "claire", ByName: "Claire M."}

func (s *site) begin(m insole.Muster) {
	s.Helper()
	_, made, err := s.engine.Begin(s.Context(), m)
	if err != nil || !made {
		s.Fatalf("Begin: made %v, %v", made, err)
	}
	s.advance(m.ID)
}

func (s *site) advance(id insole.MusterID) {
	s.Helper()
	for range 10 {
		out, err := s.engine.Advance(s.Context(), "acme", id)
		s.must(err)
		if !out.Again {
			return
		}
	}
	s.Fatal("never done")
}

func (s *site) muster(id insole.MusterID) insole.Muster {
	s.Helper()
	m, err := s.store.GetMuster(s.Context(), "acme", id)
	s.must(err)
	return m
}

func (s *site) rows(id insole.MusterID) map[insole.WorkerID]insole.Summons {
	s.Helper()
	all, err := s.store.Summonses(s.Context(), "acme", id)
	s.must(err)
	by := map[insole.WorkerID]insole.Summons{}
	for _, r := range all {
		by[r.Worker] = r
	}
	return by
}

// orders are those that wait for an insole, by command.
func (s *site) orders(i insole.ID) map[insole.Command]insole.Downlink {
	s.Helper()
	by := map[insole.Command]insole.Downlink{}
	for d, err := range s.store.Downlinks(s.Context()) {
		s.must(err)
		if d.Insole == i && s.now().Before(d.EndsAt) {
			by[d.Command] = d
		}
	}
	return by
}

func (s *site) answer(i insole.ID, c insole.Command, a muster.Answer) {
	s.Helper()
	d, ok := s.orders(i)[c]
	if !ok {
		s.Fatalf("no order %s waits for %s", c, i)
	}
	s.must(s.engine.Answered(s.Context(), d, a, s.now()))
}

func (s *site) alarm(r insole.Summons) insole.Alarm {
	s.Helper()
	a, err := s.store.GetAlarm(s.Context(), "acme", r.Alarm)
	s.must(err)
	return a
}

// From the order to the all-clear, with one who answers, one who answers late, one who never does, one whom no order reaches and one whom Claire finds.
func TestEvacuation(t *testing.T) {
	s := newSite(t, 5, func(i int) bool { return i != 3 })
	m := evacuate
	m.Drill = true
	people, unreachable, _, err := s.engine.Reach(t.Context(), m)
	if err != nil || people != 5 || unreachable != 1 {
		t.Fatalf("Reach = %d people, %d unreachable, %v", people, unreachable, err)
	}
	s.begin(m)
	if got := s.muster("fire"); got.State != insole.MusterWaiting || got.Called != 5 || !got.Deadline.Equal(noon.Add(2*time.Minute)) {
		t.Fatalf("after the call: %+v", got)
	}
	if r := s.rows("fire")[workerOf(3)]; r.Why != insole.Silent || r.State != insole.SummonsWaiting {
		t.Errorf("who is not connected is at once %+v", r)
	}
	if _, ok := s.orders(idOf(3))[insole.CommandEvacuate]; !ok {
		t.Error("who is not connected has no order waiting for when they are")
	}
	s.answer(idOf(0), insole.CommandEvacuate, muster.Confirmed)
	s.answer(idOf(1), insole.CommandEvacuate, muster.Felt)
	if r := s.rows("fire")[workerOf(1)]; r.State != insole.SummonsWaiting || r.FeltAt.IsZero() {
		t.Errorf("felt is not answered: %+v", r)
	}
	if len(s.orders(idOf(1))) != 0 {
		t.Error("what was felt is delivered again")
	}
	if _, err := s.engine.MarkSafe(t.Context(), "acme", "fire", workerOf(4), claire); err != nil {
		t.Fatal(err)
	}
	if r := s.rows("fire")[workerOf(4)]; r.State != insole.SummonsSafe || r.By != "claire" || r.ByName != "Claire M." {
		t.Errorf("marked safe: %+v", r)
	}

	s.pass(2*time.Minute - time.Second)
	s.advance("fire")
	if n := len(s.open()); n != 0 {
		t.Fatalf("before the deadline there are %d alarms", n)
	}
	s.pass(time.Second)
	s.must(s.engine.Sweep(t.Context())) // the message was lost: the sweep is certain
	open := s.open()
	if len(open) != 3 {
		t.Fatalf("after the deadline %d alarms, want those of 1, 2 and 3", len(open))
	}
	for _, i := range []int{1, 2, 3} {
		r := s.rows("fire")[workerOf(i)]
		a := s.alarm(r)
		if r.State != insole.SummonsMissing || a.Kind != insole.AlarmNoAnswer || a.Rank() != 1 || !a.Drill || a.State != insole.Active || a.Worker != workerOf(i) {
			t.Errorf("missing: %+v, %+v", r, a)
		}
		if i != 3 && a.Fix == nil {
			t.Errorf("the alarm about %d says nothing of where they were", i)
		}
		if f, err := s.store.GetAlarmFile(t.Context(), "acme", r.Alarm); err != nil || len(f.Pages) != 1 {
			t.Errorf("%d pages about %s, %v", len(f.Pages), r.Worker, err)
		}
	}
	if got := s.muster("fire"); got.State != insole.MusterCounted || !got.DueAt.IsZero() {
		t.Errorf("after the deadline: %+v", got)
	}

	s.pass(10 * time.Minute) // an order outlives what other orders live
	s.answer(idOf(2), insole.CommandEvacuate, muster.Confirmed)
	if a := s.alarm(s.rows("fire")[workerOf(2)]); a.ReturnedAt.IsZero() || !a.State.Open() {
		t.Errorf("the alarm of who answered late: %+v", a)
	}
	if a := s.alarm(s.rows("fire")[workerOf(1)]); !a.ReturnedAt.IsZero() {
		t.Errorf("the alarm of who did not answer: %+v", a)
	}
	if a := s.alarm(s.rows("fire")[workerOf(3)]); !a.ReturnedAt.IsZero() {
		t.Errorf("the alarm of who was not reached: %+v", a)
	}
	tally := insole.Count(values(s.rows("fire")), nil)
	if tally != (insole.Tally{Safe: 3, NoAnswer: 1, Unreachable: 1, Missing: 2}) {
		t.Errorf("tally %+v", tally)
	}
	if tally := insole.Count(values(s.rows("fire")), map[insole.WorkerID]bool{workerOf(0): true}); tally.Safe != 2 || tally.Help != 1 {
		t.Errorf("an SOS after the answer: tally %+v", tally)
	}

	// Somebody with a call of their own is not told that it is over.
	_, _, err = s.raiser.Raise(t.Context(), alarm.Cause{ID: "own", Org: "acme", Team: "north", Worker: workerOf(4), Kind: insole.AlarmSOS, Key: "k", Press: true, Confirmed: true, Who: "wearer"})
	s.must(err)
	if _, err := s.engine.End(t.Context(), "acme", "fire", claire); err != nil {
		t.Fatal(err)
	}
	s.advance("fire")
	for i, want := range []bool{true, true, true, false, false} {
		waiting := s.orders(idOf(i))
		_, felt := waiting[insole.CommandCancelled]
		_, still := waiting[insole.CommandEvacuate]
		if felt != want || still {
			t.Errorf("after the end %v wait for insole %d, all-clear wanted %v", waiting, i, want)
		}
	}
	s.answer(idOf(0), insole.CommandCancelled, muster.Felt)
	if len(s.orders(idOf(0))) != 0 {
		t.Error("the all-clear is given again")
	}
	if got := s.muster("fire"); got.State != insole.MusterEnded || got.EndedWho != "Claire M." {
		t.Errorf("after the end: %+v", got)
	}
	if len(s.open()) != 4 {
		t.Errorf("after the end %d alarms are open: who is missing stays alarmed", len(s.open()))
	}
}

func values(by map[insole.WorkerID]insole.Summons) []insole.Summons {
	var all []insole.Summons
	for _, r := range by {
		all = append(all, r)
	}
	return all
}

func (s *site) open() []insole.Alarm {
	s.Helper()
	all, err := s.store.OpenAlarms(s.Context(), "acme")
	s.must(err)
	return all
}

// The same name is the same muster; with other content it is refused. A covert call has nothing felt.
func TestBegin(t *testing.T) {
	s := newSite(t, 3, func(int) bool { return true })
	_, _, err := s.raiser.Raise(t.Context(), alarm.Cause{ID: "covert", Org: "acme", Team: "north", Worker: workerOf(1), Kind: insole.AlarmCovertSOS, Key: "k", Press: true, Confirmed: true, Who: "wearer"})
	s.must(err)
	m := evacuate
	m.Mode = insole.RollCall
	s.begin(m)
	again, made, err := s.engine.Begin(t.Context(), m)
	if err != nil || made || again.State != insole.MusterWaiting {
		t.Errorf("told twice: made %v, %+v, %v", made, again, err)
	}
	s.advance("fire")
	if len(s.rows("fire")) != 3 {
		t.Errorf("%d people", len(s.rows("fire")))
	}
	other := m
	other.Note = "another one"
	if _, _, err := s.engine.Begin(t.Context(), other); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("another one of that name: %v", err)
	}
	if _, ok := s.orders(idOf(0))[insole.CommandRollCall]; !ok {
		t.Error("a roll-call is not an order to leave")
	}
	if r := s.rows("fire")[workerOf(1)]; r.Why != insole.Hushed || len(s.orders(idOf(1))) != 0 {
		t.Errorf("after a covert call: %+v, %v", r, s.orders(idOf(1)))
	}
	if _, err := s.engine.End(t.Context(), "acme", "fire", claire); err != nil {
		t.Fatal(err)
	}
	if m, err := s.engine.End(t.Context(), "acme", "fire", insole.User{ID: "paul"}); err != nil || m.EndedBy != "claire" {
		t.Errorf("ended twice: %+v, %v", m, err)
	}
	s.advance("fire")
	s.pass(time.Hour)
	s.must(s.engine.Sweep(t.Context()))
	if n := len(s.open()); n != 1 {
		t.Errorf("ended before its deadline, and %d alarms are open, want the covert call only", n)
	}
}

// Two at once, and whoever died in the middle: everybody is called once.
func TestManyEngines(t *testing.T) {
	s := newSite(t, 120, func(i int) bool { return i%2 == 0 })
	_, _, err := s.engine.Begin(t.Context(), evacuate)
	s.must(err)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := s.engine.Advance(t.Context(), "acme", "fire"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.advance("fire")
	for w, r := range s.rows("fire") {
		if r.Version != 1 {
			t.Errorf("%s is version %d", w, r.Version)
		}
	}
	if m := s.muster("fire"); m.State != insole.MusterWaiting || m.Called != 120 || len(s.rows("fire")) != 120 {
		t.Errorf("%+v with %d rows", m, len(s.rows("fire")))
	}

	// One who has the lease and dies: nobody else begins before it is over, and then goes on.
	m := s.muster("fire")
	s.pass(2 * time.Minute)
	m.Busy, m.Version = s.now().Add(30*time.Second), m.Version+1
	s.must(s.store.SaveMuster(t.Context(), m))
	s.advance("fire")
	if len(s.open()) != 0 {
		t.Error("somebody works under another's lease")
	}
	s.pass(31 * time.Second)
	s.must(s.engine.Sweep(t.Context()))
	if n := len(s.open()); n != 120 {
		t.Errorf("%d alarms", n)
	}
}

// Whatever happens in whatever order, told twice or lost half-way: in the end everybody is either safe, their alarm, if they had one, marked as over, or has an open alarm that is not.
func TestHistories(t *testing.T) {
	const n = 12
	for seed := range uint64(25) {
		s := newSite(t, n, func(i int) bool { return i%4 != 3 })
		r := rand.New(rand.NewPCG(seed, 7))
		ctx := t.Context()
		s.must(func() error { _, _, err := s.engine.Begin(ctx, evacuate); return err }())
		for range 40 {
			if r.IntN(4) == 0 {
				s.must(s.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: []string{"refuse", "5xx", "lost-reply"}[r.IntN(3)], Probability: 0.3}))
			} else {
				s.must(s.srv.SetFaults())
			}
			i := r.IntN(n)
			// Errors are the point: whoever gets one tells it again, or the sweep does.
			switch r.IntN(8) {
			case 0, 1:
				_, _ = s.engine.Advance(ctx, "acme", "fire")
			case 2:
				_, _, _ = s.engine.Begin(ctx, evacuate)
			case 3:
				_, _ = s.engine.MarkSafe(ctx, "acme", "fire", workerOf(i), claire)
			case 4, 5, 6:
				row := insole.Summons{Org: "acme", Muster: "fire", Worker: workerOf(i), Insole: idOf(i)}
				d, err := s.store.GetDownlink(ctx, idOf(i), insole.NewMusterDownlink(row, insole.CommandEvacuate, noon).ID)
				if err == nil && i%4 != 3 {
					a := []muster.Answer{muster.Confirmed, muster.Confirmed, muster.Felt, muster.Unable}[r.IntN(4)]
					_ = s.engine.Answered(ctx, d, a, s.now())
				}
			case 7:
				s.pass(time.Duration(r.IntN(40)) * time.Second)
			}
		}
		s.must(s.srv.SetFaults())
		for range 6 {
			s.pass(time.Minute)
			s.must(s.engine.Sweep(ctx))
		}
		if m := s.muster("fire"); m.State != insole.MusterCounted || m.Called != n {
			t.Fatalf("seed %d: %+v", seed, m)
		}
		rows := s.rows("fire")
		if len(rows) != n {
			t.Fatalf("seed %d: %d people", seed, len(rows))
		}
		for w, row := range rows {
			switch row.State {
			case insole.SummonsSafe:
				// Whoever was told that it failed tells it again.
				if row.By == "" {
					if d, err := s.store.GetDownlink(ctx, row.Insole, insole.NewMusterDownlink(row, insole.CommandEvacuate, noon).ID); err == nil {
						s.must(s.engine.Answered(ctx, d, muster.Confirmed, s.now()))
					}
				} else {
					_, err := s.engine.MarkSafe(ctx, "acme", "fire", w, claire)
					s.must(err)
				}
				if row.Alarm == "" {
					continue
				}
				a, err := s.store.GetAlarm(ctx, "acme", row.Alarm)
				if errors.Is(err, insole.ErrNotFound) {
					continue // answered between the mark and the alarm, which then was not raised
				}
				s.must(err)
				if a.ReturnedAt.IsZero() {
					t.Errorf("seed %d: %s is safe, and their alarm is not over: %+v", seed, w, a)
				}
			case insole.SummonsMissing:
				if a := s.alarm(row); !a.State.Open() || !a.ReturnedAt.IsZero() {
					t.Errorf("seed %d: %s is missing, and their alarm is %+v", seed, w, a)
				}
			default:
				t.Errorf("seed %d: %s was forgotten: %+v", seed, w, row)
			}
		}
	}
}

// Nothing is half done while the table is away: there is no muster, or one that goes on by itself.
func TestTableAway(t *testing.T) {
	s := newSite(t, 60, func(int) bool { return true })
	s.must(s.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: "refuse", Probability: 1}))
	if _, _, err := s.engine.Begin(t.Context(), evacuate); !errors.Is(err, insole.ErrAway) {
		t.Fatalf("with the table away: %v", err)
	}
	s.must(s.srv.SetFaults())
	if _, err := s.store.GetMuster(t.Context(), "acme", "fire"); !errors.Is(err, insole.ErrNotFound) {
		t.Fatalf("the table was away: %v", err)
	}
	s.must(s.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "PutItem", Kind: "lost-reply", Probability: 1}))
	_, _, err := s.engine.Begin(t.Context(), evacuate)
	s.must(s.srv.SetFaults())
	if err == nil {
		t.Log("the client's own second try found out")
	}
	if _, _, err := s.engine.Begin(t.Context(), evacuate); err != nil {
		t.Fatalf("told again: %v", err)
	}
	s.must(s.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "TransactWriteItems", Kind: "5xx", Probability: 0.7}))
	for range 3 {
		_, _ = s.engine.Advance(t.Context(), "acme", "fire")
	}
	s.must(s.srv.SetFaults())
	s.pass(time.Minute)
	s.must(s.engine.Sweep(t.Context()))
	if m := s.muster("fire"); m.State != insole.MusterWaiting || m.Called != 60 || len(s.rows("fire")) != 60 {
		t.Errorf("after the sweep: %+v with %d rows", m, len(s.rows("fire")))
	}
}
