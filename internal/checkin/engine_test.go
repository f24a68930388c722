package checkin_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/checkin"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

const marie insole.ID = "00a1b2c3d4e5f607"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday

type desk struct {
	*testing.T
	mu     sync.Mutex
	now    time.Time
	srv    *standin.Server
	store  *store.Store
	raiser *alarm.Raiser
	texts  []string
	looks  []time.Time
}

func (d *desk) Now() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now }

func (d *desk) Text(_ context.Context, phone, message string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts = append(d.texts, phone+" "+message)
	return "m", nil
}

func (d *desk) Link(token string) string { return "https://solewatch.example/a/" + token }

func (d *desk) Look(_ context.Context, _ insole.OrgID, _ insole.WorkerID, due time.Time, _ time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks = append(d.looks, due)
	return nil
}

func (d *desk) Send(context.Context, insole.OrgID, insole.AlarmID, insole.AlarmKind, time.Time, time.Duration) error {
	return nil
}

// engine is a new one each time: a restart of everything loses nothing.
func (d *desk) engine() *checkin.Engine {
	return &checkin.Engine{Store: d.store, Alarms: d.raiser, Texts: d, Steps: d, Now: d.Now, Log: slog.New(slog.DiscardHandler)}
}

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, now: noon}
	d.store, d.srv = standintest.Store(t, d.Now)
	ctx := t.Context()
	if err := d.store.CreateOrg(ctx, insole.Org{ID: "acme", Name: "Acme", Locale: "fr"}); err != nil {
		t.Fatal(err)
	}
	dir, err := d.store.Directory(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	err = d.store.Edit(ctx, "acme", dir.Revision,
		store.PutTeam(store.Kept[insole.Team]{Value: insole.Team{Org: "acme", ID: "north", Name: "North", Steps: []insole.Step{{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS}}}}}),
		store.PutContact(store.Kept[insole.Contact]{Value: insole.Contact{Org: "acme", ID: "claire", Name: "Claire M.", Phone: "+33600000001", Locale: "en"}}),
		store.PutWorker(store.Kept[insole.Worker]{Value: insole.Worker{Org: "acme", ID: "marie", Team: "north", Name: "Marie D.", Phone: "+33600000009", Insole: marie}}))
	if err != nil {
		t.Fatal(err)
	}
	d.raiser = &alarm.Raiser{Store: d.store, Teams: d.store, Steps: d, Topics: func(insole.OrgID, insole.TeamID) string { return "" }, Now: d.Now, Log: slog.New(slog.DiscardHandler)}
	d.tell(func(c insole.CheckIns, w checkin.Wearer, now time.Time) checkin.Plan {
		return checkin.Asked(c, w, now, 30*time.Minute, 5*time.Minute, 5*time.Minute, false, checkin.Who{User: "claire", Name: "Claire M."})
	})
	return d
}

func (d *desk) tell(f func(insole.CheckIns, checkin.Wearer, time.Time) checkin.Plan) {
	d.Helper()
	_, err := d.engine().Said(d.Context(), "acme", "marie", func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		return f(c, w, now), nil
	})
	if err != nil {
		d.Fatal(err)
	}
}

// sweep moves the clock and does what the index says is due.
func (d *desk) sweep(to time.Time) {
	d.Helper()
	d.mu.Lock()
	d.now = to
	d.mu.Unlock()
	e := d.engine()
	for due, err := range e.Due(d.Context(), to) {
		if err != nil {
			d.Fatal(err)
		}
		if err := e.Look(d.Context(), due.Org, due.Worker, time.Time{}); err != nil {
			d.Fatal(err)
		}
	}
}

func (d *desk) alarms() []insole.Alarm {
	d.Helper()
	all, err := d.store.OpenAlarms(d.Context(), "acme")
	if err != nil {
		d.Fatal(err)
	}
	return all
}

func (d *desk) checkIns() insole.CheckIns {
	d.Helper()
	c, err := d.store.GetCheckIns(d.Context(), "acme", "marie")
	if err != nil {
		d.Fatal(err)
	}
	return c
}

func TestMissedAndBack(t *testing.T) {
	d := newDesk(t)
	d.sweep(noon.Add(20 * time.Minute))
	if c := d.checkIns(); c.Told != 0 || !c.DueAt.Equal(noon.Add(30*time.Minute)) {
		t.Fatalf("after 20 min: %+v", c)
	}
	d.sweep(noon.Add(25 * time.Minute))
	orders := 0
	for o, err := range d.store.Downlinks(t.Context()) {
		if err != nil || o.Command != insole.CommandRemind || o.Insole != marie || !o.EndsAt.Equal(noon.Add(35*time.Minute)) {
			t.Errorf("order %+v, %v", o, err)
		}
		orders++
	}
	if orders != 1 || len(d.texts) != 0 {
		t.Errorf("reminded by %d orders and %q", orders, d.texts)
	}
	d.sweep(noon.Add(30 * time.Minute))
	if len(d.texts) != 1 || !strings.HasPrefix(d.texts[0], "+33600000009 Solewatch : votre pointage est attendu") {
		t.Fatalf("when it is due: %q", d.texts)
	}
	d.sweep(noon.Add(35 * time.Minute))
	d.sweep(noon.Add(35 * time.Minute))
	all := d.alarms()
	if len(all) != 1 || all[0].Kind != insole.AlarmMissedCheckIn || all[0].State != insole.Active || !all[0].SentAt.Equal(noon.Add(30*time.Minute)) || all[0].WorkerName != "Marie D." {
		t.Fatalf("alarms %+v", all)
	}
	// By foot, sent before it was due and heard now.
	if err := d.engine().Heard(t.Context(), "acme", "marie", noon.Add(28*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if all = d.alarms(); len(all) != 1 || all[0].ReturnedAt.IsZero() {
		t.Errorf("after the check-in: %+v", all)
	}
	version := d.checkIns().Version
	if err := d.engine().Heard(t.Context(), "acme", "marie", noon.Add(28*time.Minute)); err != nil || d.checkIns().Version != version {
		t.Errorf("told twice it is written twice (%v)", err)
	}
	lines, err := d.store.CheckInLines(t.Context(), "acme", "marie", 10)
	if err != nil || len(lines) != 3 || lines[1].What != "late-check-in" || lines[1].How != insole.ByFoot || lines[2].Name != "Claire M." {
		t.Errorf("lines %+v, %v", lines, err)
	}
	// Silent again, it begins again; resolved by hand it is raised anew.
	d.sweep(noon.Add(58 * time.Minute))
	d.sweep(noon.Add(63 * time.Minute))
	if all = d.alarms(); len(all) != 1 || !all[0].ReturnedAt.IsZero() {
		t.Errorf("silent again: %+v", all)
	}
}

// A text message has a link that checks in, once.
func TestReminderLink(t *testing.T) {
	d := newDesk(t)
	d.sweep(noon.Add(30 * time.Minute))
	_, token, _ := strings.Cut(d.texts[0], "/a/")
	l, err := d.store.WorkerLinkOf(t.Context(), token, d.Now())
	if err != nil || l.Worker != "marie" || l.Org != "acme" || !l.Due.Equal(noon.Add(30*time.Minute)) || l.Used {
		t.Fatalf("link %+v, %v", l, err)
	}
	use := func() error {
		_, err := d.engine().Said(t.Context(), "acme", "marie", func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
			return checkin.CheckedIn(c, w, now.Add(-time.Second), now, insole.ByLink, checkin.Who{}, ""), nil
		}, store.UseWorkerLink(token))
		return err
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	d.sweep(noon.Add(31 * time.Minute))
	if err := use(); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := d.store.WorkerLinkOf(t.Context(), token, noon.Add(25*time.Hour)); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("after a day: %v", err)
	}
}

func TestAmber(t *testing.T) {
	d := newDesk(t)
	d.tell(func(c insole.CheckIns, w checkin.Wearer, now time.Time) checkin.Plan {
		return checkin.Announced(c, w, now, now.Add(9*time.Minute), "asthma, tank 3", checkin.Who{})
	})
	d.sweep(noon.Add(6 * time.Minute))
	if len(d.texts) != 1 || strings.Contains(d.texts[0], "asthma") {
		t.Errorf("texts %q", d.texts)
	}
	d.sweep(noon.Add(9 * time.Minute))
	all := d.alarms()
	if len(all) != 1 || all[0].Kind != insole.AlarmAmber || all[0].Note != "asthma, tank 3" || all[0].Priority != 1 {
		t.Fatalf("alarms %+v", all)
	}
	d.tell(func(c insole.CheckIns, w checkin.Wearer, now time.Time) checkin.Plan {
		return checkin.Finished(c, w, now, checkin.Who{})
	})
	if all = d.alarms(); len(all) != 1 || all[0].ReturnedAt.IsZero() {
		t.Errorf("ended: %+v", all)
	}
}

// Many looks at once, while the worker checks in at that very moment: one alarm at most, and it is marked back to normal.
func TestLooksAtOnce(t *testing.T) {
	d := newDesk(t)
	d.sweep(noon.Add(25 * time.Minute))
	d.sweep(noon.Add(30 * time.Minute))
	d.mu.Lock()
	d.now = noon.Add(35 * time.Minute)
	d.mu.Unlock()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := d.engine().Advance(t.Context(), "acme", "marie"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		if err := d.engine().Heard(t.Context(), "acme", "marie", noon.Add(34*time.Minute)); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	all := d.alarms()
	if len(all) > 1 || len(all) == 1 && all[0].ReturnedAt.IsZero() {
		t.Errorf("alarms %+v", all)
	}
	if c := d.checkIns(); !c.MissedAt.IsZero() || !c.LastAt.Equal(noon.Add(34*time.Minute)) || !c.DueAt.Equal(noon.Add(64*time.Minute)) {
		t.Errorf("check-ins %+v", c)
	}
}

// The table away: nothing is written, nothing is lost, the next look does it.
func TestTableAway(t *testing.T) {
	d := newDesk(t)
	d.sweep(noon.Add(25 * time.Minute))
	d.sweep(noon.Add(30 * time.Minute))
	if err := d.srv.SetFaults(standin.Fault{Service: "dynamodb", Operation: "TransactWriteItems", Kind: "refuse", Probability: 1}); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.now = noon.Add(35 * time.Minute)
	d.mu.Unlock()
	if _, err := d.engine().Advance(t.Context(), "acme", "marie"); !errors.Is(err, insole.ErrAway) {
		t.Errorf("while it is away: %v", err)
	}
	if err := d.srv.SetFaults(); err != nil {
		t.Fatal(err)
	}
	d.sweep(noon.Add(36 * time.Minute))
	if len(d.alarms()) != 1 {
		t.Error("no alarm afterwards")
	}
}

// Somebody who is no more is not asked any more.
func TestRemovedWorker(t *testing.T) {
	d := newDesk(t)
	dir, err := d.store.Directory(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store.Edit(t.Context(), "acme", dir.Revision, store.DropWorker("acme", "marie")); err != nil {
		t.Fatal(err)
	}
	d.sweep(noon.Add(40 * time.Minute))
	if _, err := d.store.GetCheckIns(t.Context(), "acme", "marie"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("check-ins of nobody: %v", err)
	}
	if len(d.alarms()) != 0 {
		t.Error("an alarm of nobody")
	}
}
