// Package ingest turns what insoles said into what is known of them: it decodes the frames of both lanes, lets the rules decide, raises
// alarms, and writes one live item for each insole and batch, however many reports it had.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	smithytime "github.com/aws/smithy-go/time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/queue"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// A Store is what ingest asks of the table. *store.Store is one, and says what its errors mean.
type Store interface {
	GetAssignment(context.Context, insole.ID) (insole.Assignment, error)
	GetLive(context.Context, insole.OrgID, insole.ID) (store.Live, error)
	SaveLive(context.Context, store.Live) error
	PutHistory(ctx context.Context, l store.Live, points []store.Point, ends time.Time) error
	Quarantine(context.Context, store.Stray) error
	Zones(context.Context, insole.OrgID) ([]store.Kept[insole.Zone], error)
	Team(context.Context, insole.OrgID, insole.TeamID) (insole.Team, error)
	GetDownlink(context.Context, insole.ID, uint32) (insole.Downlink, error)
	SettleDownlink(context.Context, insole.Downlink, store.LogLine) error
	PutRefusal(context.Context, store.Refusal) error
	SavePulse(ctx context.Context, bridge string, at time.Time, bye bool) error
}

// Alarms stores what the rules raise. *alarm.Raiser is one.
type Alarms interface {
	Raise(context.Context, alarm.Cause) (a insole.Alarm, raised bool, err error)
	Cancel(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) (bool, error)
	Return(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind, key string) error
}

// Pager reaches a team's first contacts without the table. *notify.Publisher is one.
type Pager interface {
	Emergency(ctx context.Context, a insole.Alarm, locale string, now time.Time) (string, error)
}

// Musters counts the answers to an evacuation or roll-call. *muster.Engine is one.
type Musters interface {
	Answered(ctx context.Context, d insole.Downlink, a muster.Answer, at time.Time) error
}

// HelpWait is how long the table may take over a call for help before the team is paged without it.
const HelpWait = 1500 * time.Millisecond

// A Handler is the ingest function. All fields but the first line's are required.
type Handler struct {
	Rules rules.Rules // zero: its defaults

	Store     Store
	Alarms    Alarms
	Pager     Pager
	Musters   Musters
	CheckIns  CheckIns      // nil: nobody is asked, and everybody has a schedule or is always at work
	Retention time.Duration // of history
	Now       func() time.Time
	Log       *slog.Logger

	known known
	paged paged
	zones shared[insole.OrgID, []insole.Zone]
	teams shared[teamName, insole.Team]

	duties duties
}

// HandleSQS stores every report in ev and names the messages it could not store, so that the queue offers those again and no others. It
// never returns an error: that would return the whole batch to the queue. What nobody understands is put into quarantine and done with.
func (h *Handler) HandleSQS(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	if end, ok := ctx.Deadline(); ok { // to name what failed, it must answer before it is stopped
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(time.Second, time.Until(end)/4)))
		defer cancel()
	}
	b := batch{failed: map[string]bool{}, groups: map[insole.ID]*group{}}
	for _, m := range ev.Records {
		h.sort(ctx, &b, m)
	}
	groups := b.inOrder()
	turns := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for _, g := range groups {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := h.persist(ctx, g); err != nil {
				h.Log.ErrorContext(ctx, "reports not stored", "insole", g.frame.Insole, "reports", len(g.reports), "err", err)
				b.fail(g.messages)
			}
		})
	}
	for _, c := range b.chores { // after everybody who may call for help has their turn
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := c.do(ctx); err != nil {
				h.Log.ErrorContext(ctx, "message not kept", "message", c.message, "err", err)
				b.fail([]string{c.message})
			}
		})
	}
	wg.Wait()
	var resp events.SQSEventResponse
	for _, m := range ev.Records {
		if b.failed[m.MessageId] {
			resp.BatchItemFailures = append(resp.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return resp, nil
}

type batch struct {
	groups map[insole.ID]*group
	chores []chore
	mu     sync.Mutex
	failed map[string]bool // message IDs
}

// A chore is what a message asks for that is no report.
type chore struct {
	message string
	do      func(context.Context) error
}

func (b *batch) fail(messages []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		b.failed[m] = true
	}
}

// inOrder is every group, those with somebody in trouble first.
func (b *batch) inOrder() []*group {
	all := make([]*group, 0, len(b.groups))
	for _, g := range b.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(x, y *group) int {
		if x.help != y.help {
			if x.help {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.frame.Insole, y.frame.Insole)
	})
	return all
}

// A group is everything that one insole said in a batch.
type group struct {
	frame    queue.Frame // the newest; its org, team and worker are those of the insole's authenticated session
	frames   []queue.Frame
	reports  []insole.Report
	messages []string
	help     bool
	strays   []time.Time // when frames of it were heard that nobody understood
	bye      time.Time   // when it last said bye
}

// sort puts the frames of m into the groups of their insoles, and what cannot be understood among the chores, for quarantine. It asks the table nothing:
// a call for help may be behind m.
func (h *Handler) sort(ctx context.Context, b *batch, m events.SQSMessage) {
	later := func(do func(context.Context) error) { b.chores = append(b.chores, chore{m.MessageId, do}) }
	quarantine := func(s store.Stray) { later(func(ctx context.Context) error { return h.Store.Quarantine(ctx, s) }) }
	e, err := queue.ParseEnvelope(m.Body)
	if err != nil {
		h.Log.ErrorContext(ctx, "envelope in quarantine", "message", m.MessageId, "err", err)
		quarantine(store.Stray{At: sentAt(m, h.Now()), Raw: []byte(m.Body), Why: err.Error()})
		return
	}
	if e.Pulse > 0 && e.Bridge != "" {
		later(func(ctx context.Context) error {
			return h.Store.SavePulse(ctx, e.Bridge, time.UnixMilli(e.Pulse).UTC(), e.Bye)
		})
	}
	for _, f := range e.Frames {
		reports, why := decode(f)
		if why != nil {
			h.Log.ErrorContext(ctx, "frame in quarantine", "message", m.MessageId, "insole", f.Insole, "dialect", f.Dialect, "err", why)
			quarantine(store.Stray{At: f.HeardAt(), Raw: f.Raw, Why: why.Error(), Insole: f.Insole, Org: f.Org, Remote: f.Remote})
		}
		if (len(reports) == 0 || f.Bye) && (f.Insole == "" || f.Org == "") {
			continue
		}
		g := b.groups[f.Insole]
		if g == nil {
			g = &group{frame: f}
			b.groups[f.Insole] = g
		}
		if f.HeardAtMs >= g.frame.HeardAtMs {
			if f.WorkerName == "" {
				f.WorkerName, f.Locale = g.frame.WorkerName, g.frame.Locale
			}
			g.frame = f
		}
		if why != nil {
			g.strays = append(g.strays, f.HeardAt())
		}
		if f.Bye && f.HeardAt().After(g.bye) {
			g.bye = f.HeardAt()
		}
		g.frames, g.reports = append(g.frames, f), append(g.reports, reports...)
		if len(g.messages) == 0 || g.messages[len(g.messages)-1] != m.MessageId {
			g.messages = append(g.messages, m.MessageId)
		}
		for _, r := range reports {
			g.help = g.help || r.Kind.Urgent()
		}
	}
}

// sentAt is when SQS took m, which is the same for every delivery of it.
func sentAt(m events.SQSMessage, now time.Time) time.Time {
	var ms int64
	if _, err := fmt.Sscan(m.Attributes["SentTimestamp"], &ms); err != nil || ms <= 0 {
		return now.UTC()
	}
	return time.UnixMilli(ms).UTC()
}

// decode says what f means. There may be both reports and an error: the reports are good, and the error says what is lost.
func decode(f queue.Frame) ([]insole.Report, error) {
	switch {
	case f.Quarantine != "":
		return nil, fmt.Errorf("from the bridge: %s", f.Quarantine)
	case f.Insole == "" || f.Org == "":
		return nil, fmt.Errorf("frame without insole or org: %w", insole.ErrInvalid)
	case f.Bye:
		return nil, nil
	}
	switch f.Dialect {
	case insole.SOLE:
		return sole.Reports(f.Insole, f.Raw, f.HeardAt())
	case insole.Teltonika:
		return teltonika.Reports(f.Insole, f.Raw, f.HeardAt())
	}
	return nil, fmt.Errorf("dialect %q: %w", f.Dialect, insole.ErrInvalid)
}

// who an insole is, as far as can be told.
type identity struct {
	insole.Assignment
	sessionOrg    insole.OrgID    // names alarms: the same with the table there or away
	sessionWorker insole.WorkerID // likewise
	away          error           // the table could not be asked
	settings      insole.Settings // of the team, as far as they are known
}

func (h *Handler) identify(ctx context.Context, f queue.Frame) identity {
	id := identity{sessionOrg: f.Org, sessionWorker: f.Worker}
	if id.sessionWorker == "" {
		id.sessionWorker = insole.WorkerID(f.Insole)
	}
	a, err := h.known.get(h.Now(), f.Insole, func() (insole.Assignment, error) { return h.Store.GetAssignment(ctx, f.Insole) })
	switch {
	case err == nil:
		id.Assignment = a
	default:
		if !errors.Is(err, insole.ErrNotFound) {
			id.away = err
		}
		id.Assignment = insole.Assignment{Insole: f.Insole, Dialect: f.Dialect, Org: f.Org, Team: f.Team, Worker: f.Worker, WorkerName: f.WorkerName, Locale: f.Locale}
	}
	if id.Worker == "" {
		id.Worker = insole.WorkerID(f.Insole)
	}
	id.WorkerName = cmp.Or(id.WorkerName, f.WorkerName, string(id.Worker))
	id.Locale = cmp.Or(id.Locale, f.Locale)
	id.Team = cmp.Or(id.Team, f.Team)
	return id
}

// group stores what one insole said. An error leaves it to be told again; nothing of it is harmful twice.
func (h *Handler) group(ctx context.Context, g *group) error {
	slices.SortStableFunc(g.reports, func(a, b insole.Report) int {
		if a.Boot != 0 || b.Boot != 0 {
			return cmp.Or(cmp.Compare(a.Boot, b.Boot), cmp.Compare(a.Seq, b.Seq))
		}
		return a.DeviceAt.Compare(b.DeviceAt)
	})
	helpCtx := ctx
	if g.help {
		var cancel context.CancelFunc
		helpCtx, cancel = context.WithTimeout(ctx, HelpWait)
		defer cancel()
	}
	id := h.identify(helpCtx, g.frame)
	zones, zoned := h.zonesOf(ctx, id, g)
	duty, err := h.dutyOf(ctx, id, g)
	if err != nil {
		return err
	}
	ru := h.Rules
	ru.Settings = h.settingsOf(ctx, id, g)
	id.settings = ru.Settings
	raised := map[insole.AlarmID]bool{}
	for try := 1; ; try++ {
		l, err := h.live(helpCtx, id)
		before := l.State
		ds := make([]rules.Decision, 0, len(g.reports))
		for _, r := range g.reports {
			now := h.Now().UTC()
			d := ru.Decide(l.State, r, duty.shifts(r, ru.When(r, now)), now)
			duty.walked(&d, l.State, r)
			if zoned && err == nil {
				ru.Zones(&d, l.State, zones)
			}
			l.State = d.State
			ds = append(ds, d)
		}
		// A second look at the state never takes back a call for help, but may raise more: what another batch began.
		if err = errors.Join(err, h.raise(helpCtx, ctx, id, ds, l.State.Fix, err, raised, g.because)); err != nil {
			return err
		}
		if err = h.settle(ctx, id, ds, before, g.because); err != nil {
			return err
		}
		if err = h.beside(ctx, id, h.onDuty(ctx, duty, ds)); err != nil {
			return err
		}
		if err = h.strayed(ctx, &l, id, g, duty); err != nil {
			return err
		}
		if g.bye.After(l.State.ByeAt) {
			l.State.ByeAt = g.bye
		}
		err = h.save(ctx, l, before, ds)
		if try == 6 || !errors.Is(err, insole.ErrConflict) {
			return err
		}
		helpCtx = ctx // somebody else wrote it first, and help has been raised
	}
}

// persist is group, tried again within ctx for a call for help that could not be stored. The queue would offer it again in a minute only; by
// then whoever looks at the screen should have seen it for a minute.
func (h *Handler) persist(ctx context.Context, g *group) error {
	for wait := again; ; wait *= 2 {
		err := h.group(ctx, g)
		end, bounded := ctx.Deadline()
		if err == nil || !g.help || !errors.Is(err, insole.ErrAway) || wait > 4*again || bounded && time.Until(end) < wait+HelpWait+2*time.Second {
			return err
		}
		if smithytime.SleepWithContext(ctx, wait) != nil {
			return err
		}
	}
}

// again is how long persist first waits before it tries again; twice as long each time, three times.
const again = 200 * time.Millisecond

// live reads the live item of id's insole; a first one when it was never heard. A new wearer starts with nothing of the one before.
func (h *Handler) live(ctx context.Context, id identity) (store.Live, error) {
	fresh := store.Live{Org: id.Org, Insole: id.Insole, Worker: id.Worker}
	if id.away != nil {
		return fresh, id.away
	}
	l, err := h.Store.GetLive(ctx, id.Org, id.Insole)
	switch {
	case errors.Is(err, insole.ErrNotFound):
		return fresh, nil
	case errors.Is(err, insole.ErrInvalid): // an item that nobody can read must not silence its insole
		h.Log.ErrorContext(ctx, "live item not understood; starting anew", "insole", id.Insole, "err", err)
		fresh.Version = l.Version
		return fresh, nil
	case err != nil:
		return fresh, err
	}
	if l.Worker != id.Worker {
		if err := h.Store.PutHistory(ctx, l, l.Ring, h.ends()); err != nil {
			return l, err
		}
		fresh.Version = l.Version
		fresh.State = rules.State{Boot: l.State.Boot, Seq: l.State.Seq, At: l.State.At, HeardAt: l.State.HeardAt, CancelBoot: l.State.CancelBoot, CancelSeq: l.State.CancelSeq}
		return fresh, nil
	}
	return l, nil
}

func (h *Handler) ends() time.Time { return h.Now().Add(h.Retention) }

// raise raises what ds ask for, within ctx. A call for help whose alarm cannot be stored pages the team all the same, within rest; its error
// is returned, so that it is told again and stored later, under the same name. away says that the table did not answer even a read. What is in
// done was raised before, and what is tried is put there.
func (h *Handler) raise(ctx, rest context.Context, id identity, ds []rules.Decision, newest *insole.Fix, away error, done map[insole.AlarmID]bool, why func(rules.Decision) string) error {
	var errs []error
	for _, d := range ds {
		ctx := ctx
		if len(d.Raise) > 0 && away == nil {
			ctx = alarm.Because(ctx, why(d))
		}
		for _, r := range d.Raise {
			c := cause(id, d, r, newest)
			if done[c.ID] {
				continue
			}
			done[c.ID] = true
			err := away
			if err == nil {
				var raised bool
				_, raised, err = h.Alarms.Raise(ctx, c)
				if raised {
					h.Log.InfoContext(ctx, "alarm raised", "org", id.Org, "alarm", c.ID, "kind", c.Kind, "insole", id.Insole, "report", c.Key)
				}
			}
			if err != nil {
				errs = append(errs, err)
				h.emergency(rest, id, d, r, c, err)
			}
		}
	}
	return errors.Join(errs...)
}

// cause is why d raises r. The alarm's name is made of what the insole's own session says, so that it is the same whether the table can
// be asked or not.
func cause(id identity, d rules.Decision, r rules.Raise, newest *insole.Fix) alarm.Cause {
	key := d.Report.Key()
	c := alarm.Cause{
		ID:  insole.NewAlarmID(id.sessionOrg, id.sessionWorker, r.Kind, key),
		Org: id.Org, Team: id.Team, Worker: id.Worker, WorkerName: id.WorkerName, Insole: id.Insole, Kind: r.Kind, Key: key,
		SentAt: d.At, Fix: newest, Guess: r.Guess, Hold: r.Hold, Press: r.Press, Confirmed: r.Confirmed, Locale: id.Locale, Who: "wearer",
	}
	if d.Report.Fix != nil {
		c.Fix = d.Report.Fix
	}
	return c
}

// beside is err when trying again may mend it. Anything else, an item that nobody can read, is logged and let go: it must not keep its insole's reports in
// the queue. Of a call for help every error counts.
func (h *Handler) beside(ctx context.Context, id identity, err error) error {
	if err == nil || errors.Is(err, insole.ErrAway) || errors.Is(err, insole.ErrConflict) || ctx.Err() != nil {
		return err
	}
	h.Log.ErrorContext(ctx, "not done, and never will be", "org", id.Org, "insole", id.Insole, "err", err)
	return nil
}

// settle does what is no call for help: pre-alarms cancelled, conditions that are over, downlinks answered.
func (h *Handler) settle(ctx context.Context, id identity, ds []rules.Decision, before rules.State, why func(rules.Decision) string) error {
	for _, d := range ds {
		key := d.Report.Key()
		ctx := ctx
		if len(d.Cancel) > 0 || len(d.Return) > 0 {
			ctx = alarm.Because(ctx, why(d))
		}
		h.refused(ctx, id, d, why)
		for _, k := range d.Cancel {
			cancelled, err := h.Alarms.Cancel(ctx, id.Org, id.Worker, k, key)
			if err = h.beside(ctx, id, err); err != nil {
				return err
			}
			if cancelled {
				h.Log.InfoContext(ctx, "pre-alarm cancelled", "org", id.Org, "kind", k, "insole", id.Insole, "report", key)
			}
		}
		for _, k := range d.Return {
			if err := h.beside(ctx, id, h.Alarms.Return(ctx, id.Org, id.Worker, k, key)); err != nil {
				return err
			}
		}
		if d.Report.Kind == insole.KindAnswer && d.Report.Downlink != 0 {
			if err := h.beside(ctx, id, h.answered(ctx, d.Report)); err != nil {
				return err
			}
		}
		// A pre-alarm and its cancel, taken from the queue at the same moment: the cancel found nothing to end, and this is the second look.
		if d.Report.Kind == insole.KindPreAlarm && len(d.Raise) == 0 && before.CancelBoot != 0 {
			by := insole.Report{Boot: before.CancelBoot, Seq: before.CancelSeq}
			for _, k := range []insole.AlarmKind{insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff, insole.AlarmSOS} {
				if _, err := h.Alarms.Cancel(ctx, id.Org, id.Worker, k, by.Key()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// answered ends the downlink that r answers, and says in its alarm's log whether it was felt. A repeat finds it ended.
func (h *Handler) answered(ctx context.Context, r insole.Report) error {
	d, err := h.Store.GetDownlink(ctx, r.Insole, r.Downlink)
	if err == nil && d.Muster != "" {
		return h.Musters.Answered(ctx, d, musterAnswer(r), r.HeardAt)
	}
	if err == nil {
		outcome := "unable"
		switch sole.Result(r.Extra["result"]) {
		case sole.Done, sole.Confirmed:
			outcome = "felt"
		}
		err = h.Store.SettleDownlink(ctx, d, store.LogLine{At: r.HeardAt, What: outcome + "-" + string(d.Command), Who: "wearer"})
	}
	if errors.Is(err, insole.ErrNotFound) {
		return nil
	}
	return err
}

// musterAnswer is what r, the answer to an order of a muster, says. The wearer has answered only by the gesture.
func musterAnswer(r insole.Report) muster.Answer {
	switch sole.Result(r.Extra["result"]) {
	case sole.Confirmed:
		return muster.Confirmed
	case sole.Done:
		return muster.Felt
	}
	return muster.Unable
}

// save writes the live item once, after whatever leaves its ring is in history. A call for help is in history at once, by itself.
func (h *Handler) save(ctx context.Context, l store.Live, before rules.State, ds []rules.Decision) error {
	var calm []store.Point
	for _, d := range ds {
		if !d.Keep {
			continue
		}
		p := store.PointOf(d.Report, d.At)
		if !d.Report.Kind.Urgent() {
			calm = append(calm, p)
			continue
		}
		if err := h.Store.PutHistory(ctx, l, []store.Point{p}, h.ends()); err != nil {
			return err
		}
	}
	n := len(l.Ring)
	full := l.Add(calm)
	for _, points := range full {
		if err := h.Store.PutHistory(ctx, l, points, h.ends()); err != nil {
			return err
		}
	}
	if len(full) == 0 && len(l.Ring) == n && l.Version > 0 && reflect.DeepEqual(l.State, before) {
		return nil // all of it was known
	}
	l.Version++
	return h.Store.SaveLive(ctx, l)
}
