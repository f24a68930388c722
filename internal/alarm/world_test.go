package alarm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

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

// phone is a publisher by hand: it keeps what was published and fails as it is told.
type phone struct {
	mu   sync.Mutex
	sent []string          // contact by channel @ step
	link map[string]string // the token of each, by the same; also after the alarm's name and a space
	fail map[string]error  // by contact: what Send answers; it is kept as sent when it wraps ErrAmbiguous
}

func (p *phone) Topic(o insole.OrgID, t insole.TeamID) string {
	return "arn:topic-" + string(o) + "-" + string(t)
}

func (p *phone) Send(_ context.Context, _ insole.Alarm, page insole.Page, _ time.Time) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.fail[string(page.Contact)]
	if err == nil || errors.Is(err, notify.ErrAmbiguous) {
		what := fmt.Sprintf("%s by %s @%d", page.Contact, page.Channel, page.Step)
		p.sent = append(p.sent, what)
		if was := p.link[string(page.Alarm)+" "+what]; was != "" && was != page.Token {
			return "", fmt.Errorf("%s has another link at the second try: %w", what, notify.ErrRefused)
		}
		if p.link == nil {
			p.link = map[string]string{}
		}
		p.link[what], p.link[string(page.Alarm)+" "+what] = page.Token, page.Token
	}
	return fmt.Sprintf("m-%d", len(p.sent)), err
}

func (p *phone) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.sent...)
}

// asks is the steps queue by hand.
type asks struct {
	mu   sync.Mutex
	list []ask
}

type ask struct {
	id  insole.AlarmID
	due time.Time
	at  time.Time // when it is delivered
}

func (a *asks) send(now time.Time, id insole.AlarmID, due time.Time, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, ask{id, due, now.Add(min(max(wait, 0), 900*time.Second))})
}

type steps struct {
	*asks
	clock *clock
}

func (s steps) Send(_ context.Context, _ insole.OrgID, a insole.AlarmID, _ insole.AlarmKind, due time.Time, wait time.Duration) error {
	s.send(s.clock.Now(), a, due, wait)
	return nil
}

type world struct {
	*testing.T
	clock  *clock
	srv    *standin.Server
	store  *store.Store
	phone  *phone
	asks   *asks
	team   insole.Team
	raiser *alarm.Raiser
	engine *alarm.Engine
	h      *alarm.Handler
	desk   *alarm.Desk
}

// teams is a directory by hand, so that tests may edit the team.
type teams struct{ w *world }

func (t teams) Team(context.Context, insole.OrgID, insole.TeamID) (insole.Team, error) {
	return t.w.team, nil
}

func (t teams) Contacts(context.Context, insole.OrgID) ([]insole.Contact, error) {
	return []insole.Contact{
		{Org: "acme", ID: "claire", Name: "Claire M.", Phone: "+33600000001", Email: "claire@example.com", Locale: "fr"},
		{Org: "acme", ID: "paul", Name: "Paul B.", Phone: "+33600000002", Locale: "en"},
	}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{t: noon}, phone: &phone{fail: map[string]error{}}, asks: &asks{}}
	w.store, w.srv = standintest.Store(t, w.clock.Now)
	w.team = insole.Team{Org: "acme", ID: "north", Lapse: 20 * time.Minute, Repeat: 5 * time.Minute, Steps: []insole.Step{
		{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS, insole.Email}},
		{Delay: 2 * time.Minute, Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS}},
	}}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s := steps{w.asks, w.clock}
	w.raiser = &alarm.Raiser{Store: w.store, Teams: teams{w}, Steps: s, Topics: w.phone.Topic, Now: w.clock.Now, Log: log}
	w.engine = &alarm.Engine{Store: w.store, Teams: teams{w}, Publisher: w.phone, Steps: s, Now: w.clock.Now, Log: log}
	w.h = &alarm.Handler{Engine: w.engine, Log: log}
	w.desk = &alarm.Desk{Store: w.store, Teams: teams{w}, Steps: s, Now: w.clock.Now, Log: log}
	return w
}

func cause(key string) alarm.Cause {
	return alarm.Cause{ID: insole.NewAlarmID("acme", "marie", insole.AlarmSOS, key), Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie D.",
		Insole: "00a1b2c3d4e5f607", Kind: insole.AlarmSOS, Key: key, SentAt: noon, Press: true, Confirmed: true, Locale: "fr", Who: "wearer"}
}

func (w *world) raise(c alarm.Cause) insole.Alarm {
	w.Helper()
	a, _, err := w.raiser.Raise(w.Context(), c)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

// run delivers step messages, in the order of their time, for d.
func (w *world) run(d time.Duration) {
	w.Helper()
	end := w.clock.Now().Add(d)
	for n := 0; ; n++ {
		if n > 1000 {
			w.Fatal("step messages without end")
		}
		w.asks.mu.Lock()
		next := -1
		for i, a := range w.asks.list {
			if !a.at.After(end) && (next < 0 || a.at.Before(w.asks.list[next].at)) {
				next = i
			}
		}
		var a ask
		if next >= 0 {
			a = w.asks.list[next]
			w.asks.list = append(w.asks.list[:next], w.asks.list[next+1:]...)
		}
		w.asks.mu.Unlock()
		if next < 0 {
			break
		}
		if a.at.After(w.clock.Now()) {
			w.clock.Advance(a.at.Sub(w.clock.Now()))
		}
		body := map[string]any{"v": 1, "org": "acme", "alarm": a.id}
		if !a.due.IsZero() {
			body["dueMs"] = a.due.UnixMilli()
		}
		b, err := json.Marshal(body)
		if err != nil {
			w.Fatal(err)
		}
		resp, err := w.h.HandleSQS(w.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(b), EventSource: "aws:sqs"}}})
		if err != nil || len(resp.BatchItemFailures) > 0 {
			w.Fatalf("step: %v, failed %v", err, resp.BatchItemFailures)
		}
	}
	w.clock.Advance(end.Sub(w.clock.Now()))
}

func (w *world) get(id insole.AlarmID) store.AlarmFile {
	w.Helper()
	f, err := w.store.GetAlarmFile(w.Context(), "acme", id)
	if err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *world) sent(want ...string) {
	w.Helper()
	got := w.phone.list()
	slices.Sort(got) // pages of one step go side by side
	slices.Sort(want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("sent %q, want %q", got, want)
	}
}

func (w *world) advance(id insole.AlarmID) {
	w.Helper()
	if _, err := w.engine.Advance(w.Context(), "acme", id); err != nil {
		w.Fatal(err)
	}
}
