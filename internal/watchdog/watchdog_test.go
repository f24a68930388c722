package watchdog_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/queue"
	"solewatch/internal/rules"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
	"solewatch/internal/watchdog"
)

const (
	marie  insole.ID = "00a1b2c3d4e5f607"
	prefix           = "arn:aws:sns:eu-west-3:000000000000:test-team-"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	*testing.T
	clock  *clock
	srv    *standin.Server
	store  *store.Store
	raiser *alarm.Raiser
	h      *watchdog.Handler
}

func newWorld(t *testing.T, shifts ...insole.Shift) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{t: noon}}
	srv, cfg := standintest.Open(t, w.clock.Now)
	w.srv = srv
	if err := srv.EnsureQueue(standin.Queue{Name: "steps"}); err != nil {
		t.Fatal(err)
	}
	st := store.New(cfg, standintest.Table, store.Brisk)
	st.Now = w.clock.Now
	w.store = st
	ctx := t.Context()
	if err := st.CreateOrg(ctx, insole.Org{ID: "acme", Name: "Acme", Locale: "en"}); err != nil {
		t.Fatal(err)
	}
	d, err := st.Directory(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	team := insole.Team{Org: "acme", ID: "north", Name: "North", Steps: []insole.Step{
		{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS}},
		{Delay: 2 * time.Minute, Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS}},
	}}
	err = st.Edit(ctx, "acme", d.Revision,
		store.PutTeam(store.Kept[insole.Team]{Value: team}),
		store.PutContact(store.Kept[insole.Contact]{Value: insole.Contact{Org: "acme", ID: "claire", Name: "Claire M.", Phone: "+33600000001", Locale: "en"}}),
		store.PutInsole(store.Kept[store.InsoleRef]{Value: store.InsoleRef{Org: "acme", ID: marie, Dialect: insole.SOLE, Team: "north", Worker: "marie"}},
			insole.Assignment{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.", Locale: "en", Key: make([]byte, 32), Shifts: shifts}))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	steps := &queue.Steps{Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.Retryer = store.Brisk.Retryer() }), URL: srv.QueueURL("steps")}
	pub := notify.NewPublisher(cfg, prefix, "https://solewatch.example", time.Second)
	w.raiser = &alarm.Raiser{Store: st, Teams: st, Steps: steps, Topics: pub.Topic, Now: w.clock.Now, Log: log}
	w.h = &watchdog.Handler{
		Store: st, Alarms: w.raiser, LostFactor: 3, LostMinimum: 3 * time.Minute, Now: w.clock.Now, Log: log,
		Engine: &alarm.Engine{Store: st, Teams: st, Publisher: pub, Steps: steps, Now: w.clock.Now, Log: log},
	}
	return w
}

func (w *world) run() {
	w.Helper()
	event, err := os.ReadFile("../../events/watchdog-schedule.json")
	if err != nil {
		w.Fatal(err)
	}
	if err := w.h.HandleSchedule(w.Context(), event); err != nil {
		w.Fatalf("HandleSchedule: %v", err)
	}
}

func (w *world) heard(s rules.State) {
	w.Helper()
	l, err := w.store.GetLive(w.Context(), "acme", marie)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		w.Fatal(err)
	}
	l.Org, l.Insole, l.Worker, l.State = "acme", marie, "marie", s
	l.Version++
	if err := w.store.SaveLive(w.Context(), l); err != nil {
		w.Fatal(err)
	}
}

func (w *world) open() []insole.Alarm {
	w.Helper()
	all, err := w.store.OpenAlarms(w.Context(), "acme")
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func TestLostContact(t *testing.T) {
	day := insole.Shift{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "UTC"}
	night := insole.Shift{Days: []time.Weekday{time.Monday}, From: 22 * time.Hour, To: 23 * time.Hour, Zone: "UTC"}
	for _, tt := range []struct {
		name   string
		shifts []insole.Shift
		state  rules.State
		silent time.Duration
		want   int
	}{
		{"within the minimum", nil, rules.State{Expect: 10 * time.Second}, 3 * time.Minute, 0},
		{"longer than the minimum", nil, rules.State{Expect: 10 * time.Second}, 3*time.Minute + time.Second, 1},
		{"within three of its own intervals", nil, rules.State{Expect: 5 * time.Minute}, 15 * time.Minute, 0},
		{"longer than three of them", nil, rules.State{Expect: 5 * time.Minute}, 15*time.Minute + time.Second, 1},
		{"without an interval of its own", nil, rules.State{}, 15*time.Minute + time.Second, 1},
		{"on shift", []insole.Shift{day}, rules.State{Expect: 10 * time.Second}, 4 * time.Minute, 1},
		{"off shift", []insole.Shift{night}, rules.State{Expect: 10 * time.Second}, 4 * time.Minute, 0},
		{"on the charger", nil, rules.State{Expect: 10 * time.Second, Battery: &insole.Battery{Percent: 50, Charging: true}}, time.Hour, 0},
		{"said already", nil, rules.State{Expect: 10 * time.Second, Lost: true}, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.shifts...)
			tt.state.HeardAt, tt.state.At = noon, noon
			w.heard(tt.state)
			w.clock.Advance(tt.silent)
			w.run()
			w.run() // a minute's run may come twice
			got := w.open()
			if len(got) != tt.want {
				t.Fatalf("%d open alarms, want %d", len(got), tt.want)
			}
			if tt.want == 0 {
				return
			}
			a := got[0]
			if a.Kind != insole.AlarmLostContact || !a.SentAt.Equal(noon) || !strings.HasPrefix(a.Cause, "silence@") || a.WorkerName != "Marie D." {
				t.Errorf("alarm = %+v", a)
			}
			if l, err := w.store.GetLive(t.Context(), "acme", marie); err != nil || !l.State.Lost {
				t.Errorf("live is not marked lost: %+v, %v", l.State, err)
			}
			if sent, err := w.srv.Outbox().List(0, 0); err != nil || len(sent) != 1 {
				t.Errorf("%d notices, want 1 (%v): the sweep of the second run pages", len(sent), err)
			}
		})
	}
}

// A report that comes while the alarm is being raised: the alarm is marked as returned, the mark does not hide the next silence.
func TestHeardWhileBeingRaised(t *testing.T) {
	w := newWorld(t)
	w.heard(rules.State{HeardAt: noon, At: noon, Expect: 10 * time.Second})
	w.clock.Advance(4 * time.Minute)
	w.h.Alarms = raceAlarms{w.raiser, func() {
		w.heard(rules.State{HeardAt: w.clock.Now(), At: w.clock.Now(), Expect: 10 * time.Second})
	}}
	w.run()
	got := w.open()
	if len(got) != 1 || got[0].ReturnedAt.IsZero() {
		t.Fatalf("open alarms %+v, want one that has returned", got)
	}
	if l, err := w.store.GetLive(t.Context(), "acme", marie); err != nil || l.State.Lost {
		t.Errorf("marked lost though it was heard: %+v, %v", l.State, err)
	}
}

type raceAlarms struct {
	watchdog.Alarms
	then func()
}

func (r raceAlarms) Raise(ctx context.Context, c alarm.Cause) (insole.Alarm, bool, error) {
	a, raised, err := r.Alarms.Raise(ctx, c)
	r.then()
	return a, raised, err
}

// The third way: with the queue and the stream gone, the sweep alone brings every page and every step.
func TestSweepIsEnough(t *testing.T) {
	w := newWorld(t)
	if err := w.srv.SetFaults(standin.Fault{Service: "sqs", Kind: standin.FaultRefuse}); err != nil {
		t.Fatal(err)
	}
	c := alarm.Cause{ID: insole.NewAlarmID("acme", "marie", insole.AlarmSOS, "k"), Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.",
		Kind: insole.AlarmSOS, Key: "k", SentAt: noon, Press: true, Confirmed: true, Who: "wearer"}
	if _, raised, err := w.raiser.Raise(t.Context(), c); err != nil || !raised {
		t.Fatalf("Raise = %v, %v", raised, err)
	}
	want := []int{1, 1, 2, 2, 2, 2, 2, 3} // minutes 0 to 7: a second step after two, a repeat after five more
	for minute, n := range want {
		w.run()
		got, err := w.srv.Outbox().List(0, 0)
		if err != nil || len(got) != n {
			t.Errorf("minute %d: %d notices, want %d (%v)", minute, len(got), n, err)
		}
		w.clock.Advance(time.Minute)
	}
}

// One alarm that cannot be advanced, one org that cannot be read: the others are served, and the error names what was not.
func TestOneFaultStopsNothingElse(t *testing.T) {
	engine := &fakeEngine{bad: "b"}
	h := &watchdog.Handler{Store: fakeStore{}, Engine: engine, LostFactor: 3, LostMinimum: time.Minute, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	err := h.HandleSchedule(t.Context(), nil)
	if !errors.Is(err, insole.ErrAway) || !strings.Contains(err.Error(), "alarm b") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error = %v", err)
	}
	if len(engine.done) != 3 {
		t.Errorf("advanced %v, want all three once", engine.done)
	}
}

type fakeStore struct{ watchdog.Store }

func (fakeStore) DueAlarms(context.Context, time.Time) iter.Seq2[store.Due, error] {
	return func(yield func(store.Due, error) bool) {
		for _, a := range []insole.AlarmID{"a", "b", "a", "c"} {
			if !yield(store.Due{Org: "acme", Alarm: a, At: noon}, nil) {
				return
			}
		}
	}
}

func (fakeStore) Orgs(context.Context) ([]insole.OrgID, error) {
	return []insole.OrgID{"broken", "acme"}, nil
}

func (fakeStore) LiveItems(_ context.Context, o insole.OrgID, _ bool) ([]store.Live, error) {
	if o == "broken" {
		return nil, insole.ErrAway
	}
	return nil, nil
}

func (fakeStore) Downlinks(context.Context) iter.Seq2[insole.Downlink, error] {
	return func(func(insole.Downlink, error) bool) {}
}

func (fakeStore) Pulses(context.Context) ([]store.Pulse, []store.Quiet, error) {
	return nil, nil, insole.ErrAway
}

type fakeEngine struct {
	mu   sync.Mutex
	bad  insole.AlarmID
	done []insole.AlarmID
}

func (e *fakeEngine) Advance(_ context.Context, _ insole.OrgID, a insole.AlarmID) (alarm.Outcome, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done = append(e.done, a)
	if a == e.bad {
		return alarm.Outcome{}, insole.ErrAway
	}
	return alarm.Outcome{}, nil
}

func (e *fakeEngine) Ask(context.Context, insole.OrgID, insole.AlarmID, alarm.Outcome) {}
