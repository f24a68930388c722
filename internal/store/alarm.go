package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
)

// What RaiseAlarm answers when there is nothing to raise. Both wrap insole.ErrConflict.
var (
	ErrSameCause = fmt.Errorf("this cause already has its alarm: %w", insole.ErrConflict)
	ErrOpen      = fmt.Errorf("the worker has an open alarm of this kind: %w", insole.ErrConflict)
)

// A LogLine says one thing that happened to an alarm. Lines are only ever added.
type LogLine struct {
	At   time.Time
	What string // raised, pressed, activated, step, unreachable, taken, lapsed, note, returned, resolved, cancelled; felt-, unable-, unreachable-<command>
	Who  string // a user's ID; "wearer", "watchdog" or "clock"
	Name string // of the user
	Text string // what was said, or a detail; not for machines
	Data string // JSON, for machines: the decision behind it or the pages that came with it. See package audit
}

// An AlarmFile is everything known of one alarm.
type AlarmFile struct {
	Alarm insole.Alarm
	Pages []insole.Page // in the order of steps
	Log   []LogLine     // in the order they were written, but for what became of pages
	Lines []audit.Line  // the whole log, as links of a chain; audit.Check says whether all are there
	Head  audit.Head    // the end of the chain, as the alarm has it
}

// A Due is an alarm of which something is due.
type Due struct {
	Org   insole.OrgID
	Alarm insole.AlarmID
	At    time.Time
}

type alarmItem struct {
	ID       string   `dynamodbav:"id"`
	Org      string   `dynamodbav:"org"`
	Team     string   `dynamodbav:"tm,omitempty"`
	Worker   string   `dynamodbav:"w"`
	Name     string   `dynamodbav:"wn,omitempty"`
	Insole   string   `dynamodbav:"i,omitempty"`
	Kind     string   `dynamodbav:"k"`
	State    string   `dynamodbav:"st"`
	Cause    string   `dynamodbav:"ca"`
	Sent     int64    `dynamodbav:"sa"`
	Raised   int64    `dynamodbav:"ra"`
	Deadline int64    `dynamodbav:"dl,omitempty"`
	Fix      *fixItem `dynamodbav:"fx,omitempty"`
	Presses  int      `dynamodbav:"pr,omitempty"`
	Step     int      `dynamodbav:"sp,omitempty"`
	Next     int64    `dynamodbav:"nx,omitempty"`
	Owner    string   `dynamodbav:"ow,omitempty"`
	OwnerN   string   `dynamodbav:"on,omitempty"`
	TakenAt  int64    `dynamodbav:"ta,omitempty"`
	Returned int64    `dynamodbav:"re,omitempty"`
	Ended    int64    `dynamodbav:"en,omitempty"`
	EndedBy  string   `dynamodbav:"eb,omitempty"`
	Reason   string   `dynamodbav:"rs,omitempty"`
	Note     string   `dynamodbav:"no,omitempty"`
	Drill    bool     `dynamodbav:"dr,omitempty"`
	Guess    string   `dynamodbav:"gs,omitempty"`
	Priority int      `dynamodbav:"pi,omitempty"`
	Base     int      `dynamodbav:"bs,omitempty"`
	Out      bool     `dynamodbav:"oh,omitempty"`
	Incident string   `dynamodbav:"in,omitempty"`
	Shelf    *shelf   `dynamodbav:"sh,omitempty"`
	Version  int      `dynamodbav:"v"`
	DuePK    string   `dynamodbav:"duePK,omitempty"`
	DueSK    string   `dynamodbav:"dueSK,omitempty"`
}

type fixItem struct {
	Lat, Lon   float64
	Altitude   float64 `dynamodbav:",omitempty"`
	Speed      float64 `dynamodbav:",omitempty"`
	Course     float64 `dynamodbav:",omitempty"`
	Accuracy   float64 `dynamodbav:",omitempty"`
	Satellites int     `dynamodbav:",omitempty"`
	Source     string  `dynamodbav:",omitempty"`
	AtMs       int64   `dynamodbav:",omitempty"`
}

func fixItemOf(f *insole.Fix) *fixItem {
	if f == nil {
		return nil
	}
	return &fixItem{f.Lat, f.Lon, f.Altitude, f.Speed, f.Course, f.Accuracy, f.Satellites, string(f.Source), ms(f.At)}
}

func (f *fixItem) fix() *insole.Fix {
	if f == nil {
		return nil
	}
	return &insole.Fix{Lat: f.Lat, Lon: f.Lon, Altitude: f.Altitude, Speed: f.Speed, Course: f.Course, Accuracy: f.Accuracy,
		Satellites: f.Satellites, Source: insole.Source(f.Source), At: timeOf(f.AtMs)}
}

func marshalAlarm(a insole.Alarm) (item, error) {
	v := alarmItem{
		ID: string(a.ID), Org: string(a.Org), Team: string(a.Team), Worker: string(a.Worker), Name: a.WorkerName, Insole: string(a.Insole),
		Kind: string(a.Kind), State: string(a.State), Cause: a.Cause, Sent: ms(a.SentAt), Raised: ms(a.RaisedAt), Deadline: ms(a.Deadline),
		Fix: fixItemOf(a.Fix), Presses: a.Presses, Step: a.Step, Next: ms(a.NextStepAt), Owner: string(a.Owner), OwnerN: a.OwnerName,
		TakenAt: ms(a.TakenAt), Returned: ms(a.ReturnedAt), Ended: ms(a.EndedAt), EndedBy: a.EndedBy, Reason: string(a.Reason),
		Note: a.Note, Drill: a.Drill, Guess: string(a.Guess), Priority: a.Priority, Base: a.Base, Out: a.Out, Version: a.Version, Incident: string(a.Incident), Shelf: shelfOf(a.Shelf),
	}
	if a.State.Open() && !a.NextStepAt.IsZero() {
		v.DuePK, v.DueSK = dueKey(a.NextStepAt, string(a.ID))
	}
	return marshal(alarmKey(a.Org, a.ID), "alarm", v)
}

func alarmFrom(it item) (insole.Alarm, error) {
	var v alarmItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Alarm{}, err
	}
	return insole.Alarm{
		ID: insole.AlarmID(v.ID), Org: insole.OrgID(v.Org), Team: insole.TeamID(v.Team), Worker: insole.WorkerID(v.Worker), WorkerName: v.Name,
		Insole: insole.ID(v.Insole), Kind: insole.AlarmKind(v.Kind), State: insole.AlarmState(v.State), Cause: v.Cause,
		SentAt: timeOf(v.Sent), RaisedAt: timeOf(v.Raised), Deadline: timeOf(v.Deadline), Fix: v.Fix.fix(), Presses: v.Presses,
		Step: v.Step, NextStepAt: timeOf(v.Next), Owner: insole.UserID(v.Owner), OwnerName: v.OwnerN, TakenAt: timeOf(v.TakenAt),
		ReturnedAt: timeOf(v.Returned), EndedAt: timeOf(v.Ended), EndedBy: v.EndedBy, Reason: insole.Reason(v.Reason),
		Note: v.Note, Drill: v.Drill, Guess: insole.Guess(v.Guess), Priority: v.Priority, Base: v.Base, Out: v.Out, Version: v.Version,
		Incident: cmp.Or(insole.AlarmID(v.Incident), insole.AlarmID(v.ID)), Shelf: v.Shelf.shelf(),
	}, nil
}

// Alarm reads the alarm of a stream image whose Kind is "alarm".
func (m Image) Alarm() (insole.Alarm, error) { return alarmFrom(m.item()) }

// RaiseAlarm stores a for the first time, with the pages of its first step and its log, all or nothing. a.Version must be 1.
//
// A repeat is harmless: ErrSameCause when the very cause of a has its alarm already, whatever became of it; ErrOpen when another
// alarm of this worker and kind is open (OpenAlarm names it).
func (s *Store) RaiseAlarm(ctx context.Context, a insole.Alarm, pages []insole.Page, log []LogLine) error {
	it, err := marshalAlarm(a)
	if err != nil {
		return err
	}
	open := openKey(a.Org, a.Worker, a.Kind).item()
	open["t"], open["a"], open["ra"], open["in"] = str("open"), str(string(a.ID)), num(ms(a.RaisedAt)), str(string(cmp.Or(a.Incident, a.ID)))
	if a.Drill {
		open["dr"] = yes()
	}
	parts := []types.TransactWriteItem{s.txPut(it, ifAbsent), s.txPut(open, ifAbsent)}
	parts, err = s.appendRows(parts, it, audit.Head{}, a, pages, log)
	if err != nil {
		return err
	}
	err = s.transact(ctx, parts...)
	if errors.Is(err, insole.ErrConflict) {
		switch failedPart(err) {
		case 0:
			return fmt.Errorf("raising alarm %s: %w", a.ID, ErrSameCause)
		case 1:
			return fmt.Errorf("raising alarm %s: %w", a.ID, ErrOpen)
		}
	}
	return err
}

// SaveAlarm writes a over the version before it (a.Version-1), with new pages and log lines, all or nothing. ErrConflict when
// somebody else wrote that alarm first. An alarm that is no longer open leaves the open list and enters the ended one.
//
// alias, when not "", is the name that another cause would have had as an alarm of its own: from now on it is this one, and
// ErrSameCause says that it already was. also is written in the same transaction: what the wearer is to feel.
func (s *Store) SaveAlarm(ctx context.Context, a insole.Alarm, pages []insole.Page, log []LogLine, alias insole.AlarmID, also ...Also) error {
	it, err := marshalAlarm(a)
	if err != nil {
		return err
	}
	head, err := s.headOf(ctx, a.Org, a.ID, a.Version-1)
	if err != nil {
		return err
	}
	parts := []types.TransactWriteItem{s.txPut(it, ifVersion(int64(a.Version-1)))}
	if alias != "" {
		parts = append(parts, s.txPut(aliasItem(a.Org, alias, a.ID, s.now()), ifAbsent))
	}
	if !a.State.Open() {
		parts = append(parts, s.txDelete(openKey(a.Org, a.Worker, a.Kind),
			cond{expr: "attribute_not_exists(PK) OR #a = :id", names: map[string]string{"#a": "a"}, values: item{":id": str(string(a.ID))}}))
		ended := endedKey(a.Org, a.EndedAt, a.ID).item()
		ended["t"], ended["a"] = str("ended"), str(string(a.ID))
		parts = append(parts, s.txPut(ended, cond{}))
	}
	parts, err = s.appendRows(parts, it, head, a, pages, log)
	if err != nil {
		return err
	}
	for _, more := range also {
		part, err := more(s)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	err = s.transact(ctx, parts...)
	if alias != "" && errors.Is(err, insole.ErrConflict) && failedPart(err) == 1 {
		return fmt.Errorf("saving alarm %s: %w", a.ID, ErrSameCause)
	}
	return err
}

// aliasKept is how long a cause is remembered that joined an alarm: longer than any queue holds a message.
const aliasKept = 30 * 24 * time.Hour

func aliasItem(o insole.OrgID, alias, of insole.AlarmID, now time.Time) item {
	it := alarmKey(o, alias).item()
	it["t"], it["of"], it["ttl"] = str("alias"), str(string(of)), num(now.Add(aliasKept).Unix())
	return it
}

// AliasAlarm remembers that the cause named alias belongs to alarm of, so that it raises nothing when it is told again. A repeat
// changes nothing.
func (s *Store) AliasAlarm(ctx context.Context, o insole.OrgID, alias, of insole.AlarmID) error {
	err := s.put(ctx, aliasItem(o, alias, of, s.now()), ifAbsent)
	if errors.Is(err, insole.ErrConflict) {
		return nil
	}
	return err
}

// GetAlarm reads an alarm as it is now. The name of a cause that joined another alarm finds that alarm.
func (s *Store) GetAlarm(ctx context.Context, o insole.OrgID, id insole.AlarmID) (insole.Alarm, error) {
	it, err := s.get(ctx, alarmKey(o, id))
	if err != nil {
		return insole.Alarm{}, err
	}
	if of := strOf(it, "of"); of != "" {
		it, err = s.get(ctx, alarmKey(o, insole.AlarmID(of)))
		if err != nil {
			return insole.Alarm{}, err
		}
	}
	return alarmFrom(it)
}

// GetAlarmFile reads an alarm with its pages and log, in one query, strongly consistent. A page or line that cannot be read is left out, so that it does
// not stop the alarm; audit.Check misses the line.
func (s *Store) GetAlarmFile(ctx context.Context, o insole.OrgID, id insole.AlarmID) (AlarmFile, error) {
	return s.alarmFile(ctx, o, id, true)
}

func (s *Store) alarmFile(ctx context.Context, o insole.OrgID, id insole.AlarmID, follow bool) (AlarmFile, error) {
	var f AlarmFile
	found := false
	for it, err := range s.query(ctx, question{pk: alarmPK(o, id)}) {
		if err != nil {
			return f, err
		}
		switch strOf(it, "t") {
		case "alias":
			if follow {
				return s.alarmFile(ctx, o, insole.AlarmID(strOf(it, "of")), false)
			}
		case "alarm":
			f.Alarm, err = alarmFrom(it)
			if err != nil {
				return f, err
			}
			f.Head = headFrom(it)
			found = true
		case "page":
			if p, err := pageFrom(it); err == nil { // one that nobody can read stops no other
				f.Pages = append(f.Pages, p)
			}
		case "log":
			f.addLine(it)
		}
	}
	if !found {
		return f, fmt.Errorf("alarm %s of %s: %w", id, o, insole.ErrNotFound)
	}
	return f, nil
}

// OpenAlarm names the open alarm of one worker and kind. ErrNotFound when there is none.
func (s *Store) OpenAlarm(ctx context.Context, o insole.OrgID, w insole.WorkerID, k insole.AlarmKind) (insole.AlarmID, error) {
	it, err := s.get(ctx, openKey(o, w, k))
	if err != nil {
		return "", err
	}
	return insole.AlarmID(strOf(it, "a")), nil
}

// An OpenRow names one open alarm of a worker, without reading the alarm.
type OpenRow struct {
	Alarm    insole.AlarmID
	Kind     insole.AlarmKind
	Incident insole.AlarmID
	RaisedAt time.Time
	Drill    bool // it began as an exercise
}

// OpenOf names the open alarms of one worker, strongly consistent, in the order of their kinds' names.
func (s *Store) OpenOf(ctx context.Context, o insole.OrgID, w insole.WorkerID) ([]OpenRow, error) {
	var out []OpenRow
	k := openKey(o, w, "")
	for it, err := range s.query(ctx, question{pk: k.PK, prefix: k.SK}) {
		if err != nil {
			return nil, err
		}
		id := insole.AlarmID(strOf(it, "a"))
		out = append(out, OpenRow{id, insole.AlarmKind(strings.TrimPrefix(strOf(it, "SK"), k.SK)), cmp.Or(insole.AlarmID(strOf(it, "in")), id), timeOf(numOf(it, "ra")), boolOf(it, "dr")})
	}
	return out, nil
}

// OpenAlarms reads every open alarm of an org, strongly consistent, in no order.
func (s *Store) OpenAlarms(ctx context.Context, o insole.OrgID) ([]insole.Alarm, error) {
	var keys []key
	for it, err := range s.query(ctx, question{pk: openKey(o, "", "").PK}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, alarmKey(o, insole.AlarmID(strOf(it, "a"))))
	}
	items, err := s.getMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	var out []insole.Alarm
	for _, it := range items {
		a, err := alarmFrom(it)
		if err != nil {
			return nil, err
		}
		if a.State.Open() { // it may have ended since the query
			out = append(out, a)
		}
	}
	return out, nil
}

// getMany reads the items under keys, strongly consistent, in no order; absent ones are left out.
func (s *Store) getMany(ctx context.Context, keys []key) ([]item, error) {
	var out []item
	yes := true
	for len(keys) > 0 {
		n := min(len(keys), 100) // DynamoDB's limit
		want := types.KeysAndAttributes{ConsistentRead: &yes}
		for _, k := range keys[:n] {
			want.Keys = append(want.Keys, k.item())
		}
		keys = keys[n:]
		for pending := map[string]types.KeysAndAttributes{s.Table: want}; len(pending) > 0; {
			res, err := s.DB.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: pending})
			if err != nil {
				return nil, classify("reading together", key{}, err)
			}
			out = append(out, res.Responses[s.Table]...)
			if len(res.UnprocessedKeys) > 0 && len(res.Responses[s.Table]) == 0 {
				return nil, fmt.Errorf("reading together: throttled: %w", insole.ErrAway)
			}
			pending = res.UnprocessedKeys
		}
	}
	return out, nil
}

// DueAlarms yields every alarm of which something, a step, a deadline or a page, was due before now, as due says. An alarm may be
// yielded more than once.
func (s *Store) DueAlarms(ctx context.Context, now time.Time) iter.Seq2[Due, error] {
	return due(ctx, s, now, duePK, func(it item, at time.Time) (Due, bool) {
		o, a, ok := splitAlarmPK(strOf(it, "PK"))
		return Due{o, a, at}, ok
	})
}
