package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// CheckInLinesFor is how long what happened to somebody's check-ins is kept: as long as anybody may ask about a season.
const CheckInLinesFor = 90 * 24 * time.Hour

// checkInItem is about 300 bytes: one write unit.
type checkInItem struct {
	Every    int64         `dynamodbav:"ev,omitempty"` // ms, as all lengths of time here
	Remind   int64         `dynamodbav:"rm,omitempty"`
	Grace    int64         `dynamodbav:"gr,omitempty"`
	SMS      bool          `dynamodbav:"sm,omitempty"`
	SetAt    int64         `dynamodbav:"sa,omitempty"`
	Task     *taskItem     `dynamodbav:"tk,omitempty"`
	Since    int64         `dynamodbav:"sh,omitempty"`
	Until    int64         `dynamodbav:"su,omitempty"`
	By       string        `dynamodbav:"sb,omitempty"`
	Activity *activityItem `dynamodbav:"ac,omitempty"`
	DueAt    int64         `dynamodbav:"du,omitempty"`
	Deadline int64         `dynamodbav:"dl,omitempty"`
	Told     int           `dynamodbav:"to,omitempty"`
	Texted   bool          `dynamodbav:"tx,omitempty"`
	LookAt   int64         `dynamodbav:"lk,omitempty"`
	LastAt   int64         `dynamodbav:"la,omitempty"`
	LastHow  string        `dynamodbav:"lh,omitempty"`
	LastBy   string        `dynamodbav:"lb,omitempty"`
	LastName string        `dynamodbav:"ln,omitempty"`
	MissedAt int64         `dynamodbav:"mi,omitempty"`
	LinkAt   int64         `dynamodbav:"li,omitempty"`
	Version  int64         `dynamodbav:"v"`
	DuePK    string        `dynamodbav:"duePK,omitempty"`
	DueSK    string        `dynamodbav:"dueSK,omitempty"`
}

type taskItem struct {
	Every  int64  `dynamodbav:"ev"`
	Began  int64  `dynamodbav:"be"`
	Ends   int64  `dynamodbav:"en"`
	Note   string `dynamodbav:"no,omitempty"`
	By     string `dynamodbav:"by,omitempty"`
	ByName string `dynamodbav:"bn,omitempty"`
}

type activityItem struct {
	Note   string `dynamodbav:"no,omitempty"`
	Began  int64  `dynamodbav:"be"`
	Ends   int64  `dynamodbav:"en"`
	By     string `dynamodbav:"by,omitempty"`
	ByName string `dynamodbav:"bn,omitempty"`
	Told   bool   `dynamodbav:"to,omitempty"`
	Raised bool   `dynamodbav:"ra,omitempty"`
}

type checkInLineItem struct {
	At   int64  `dynamodbav:"at"`
	What string `dynamodbav:"wh"`
	How  string `dynamodbav:"ho,omitempty"`
	Who  string `dynamodbav:"by,omitempty"`
	Name string `dynamodbav:"bn,omitempty"`
	Text string `dynamodbav:"tx,omitempty"`
	TTL  int64  `dynamodbav:"ttl"`
}

func marshalCheckIns(c insole.CheckIns) (item, error) {
	v := checkInItem{
		Every: c.Every.Milliseconds(), Remind: c.Remind.Milliseconds(), Grace: c.Grace.Milliseconds(), SMS: c.SMS, SetAt: ms(c.SetAt),
		Since: ms(c.Shift.Since), Until: ms(c.Shift.Until), By: c.Shift.By,
		DueAt: ms(c.DueAt), Deadline: ms(c.Deadline), Told: c.Told, Texted: c.Texted, LookAt: ms(c.LookAt),
		LastAt: ms(c.LastAt), LastHow: string(c.LastHow), LastBy: string(c.LastBy), LastName: c.LastName, MissedAt: ms(c.MissedAt),
		LinkAt: ms(c.LinkAt), Version: c.Version,
	}
	if t := c.Task; t.Every > 0 {
		v.Task = &taskItem{t.Every.Milliseconds(), ms(t.Began), ms(t.EndsAt), t.Note, string(t.By), t.ByName}
	}
	if a := c.Activity; a.Runs() {
		v.Activity = &activityItem{a.Note, ms(a.Began), ms(a.EndsAt), string(a.By), a.ByName, a.Told, a.Raised}
	}
	if !c.LookAt.IsZero() {
		v.DuePK, v.DueSK = checkInDueKey(c.LookAt, c.Org, c.Worker)
	}
	return marshal(checkInKey(c.Org, c.Worker), "checkin", v)
}

func checkInsFrom(it item) (insole.CheckIns, error) {
	org, ok := orgOfCheckInPK(strOf(it, "PK"))
	if !ok {
		return insole.CheckIns{}, fmt.Errorf("check-ins under %q: %w", strOf(it, "PK"), insole.ErrInvalid)
	}
	var v checkInItem
	if err := unmarshal(it, &v); err != nil {
		return insole.CheckIns{}, err
	}
	c := insole.CheckIns{
		Org: org, Worker: insole.WorkerID(strOf(it, "SK")),
		Every: span(v.Every), Remind: span(v.Remind), Grace: span(v.Grace), SMS: v.SMS, SetAt: timeOf(v.SetAt),
		Shift: insole.Stretch{Since: timeOf(v.Since), Until: timeOf(v.Until), By: v.By},
		DueAt: timeOf(v.DueAt), Deadline: timeOf(v.Deadline), Told: v.Told, Texted: v.Texted, LookAt: timeOf(v.LookAt),
		LastAt: timeOf(v.LastAt), LastHow: insole.How(v.LastHow), LastBy: insole.UserID(v.LastBy), LastName: v.LastName, MissedAt: timeOf(v.MissedAt),
		LinkAt: timeOf(v.LinkAt), Version: v.Version,
	}
	if t := v.Task; t != nil {
		c.Task = insole.Task{Every: span(t.Every), Began: timeOf(t.Began), EndsAt: timeOf(t.Ends), Note: t.Note, By: insole.UserID(t.By), ByName: t.ByName}
	}
	if a := v.Activity; a != nil {
		c.Activity = insole.Activity{Note: a.Note, Began: timeOf(a.Began), EndsAt: timeOf(a.Ends), By: insole.UserID(a.By), ByName: a.ByName, Told: a.Told, Raised: a.Raised}
	}
	return c, nil
}

func span(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// CheckIns reads the check-ins of a stream image whose Kind is "checkin".
func (m Image) CheckIns() (insole.CheckIns, error) { return checkInsFrom(m.item()) }

// GetCheckIns reads the check-ins of one worker, strongly consistent. ErrNotFound when nothing was ever asked of them.
func (s *Store) GetCheckIns(ctx context.Context, o insole.OrgID, w insole.WorkerID) (insole.CheckIns, error) {
	it, err := s.get(ctx, checkInKey(o, w))
	if err != nil {
		return insole.CheckIns{}, err
	}
	return checkInsFrom(it)
}

// AllCheckIns reads those of every worker of an org, in one query, by worker.
func (s *Store) AllCheckIns(ctx context.Context, o insole.OrgID) ([]insole.CheckIns, error) {
	var all []insole.CheckIns
	for it, err := range s.query(ctx, question{pk: checkInKey(o, "").PK}) {
		if err != nil {
			return nil, err
		}
		c, err := checkInsFrom(it)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// SaveCheckIns writes c over the version before it (c.Version-1; 0: there is none yet), with the lines of what happened and whatever else belongs
// to it, all or nothing. ErrConflict when somebody else wrote it first: read again, decide again.
func (s *Store) SaveCheckIns(ctx context.Context, c insole.CheckIns, lines []insole.CheckInLine, also ...Also) error {
	it, err := marshalCheckIns(c)
	if err != nil {
		return err
	}
	held := ifAbsent
	if c.Version > 1 {
		held = ifVersion(c.Version - 1)
	}
	parts := []types.TransactWriteItem{s.txPut(it, held)}
	for i, l := range lines {
		row, err := marshal(checkInLineKey(c.Org, c.Worker, l.At, fmt.Sprintf("%08d.%d", c.Version, i)), "checkinline", checkInLineItem{
			At: ms(l.At), What: l.What, How: string(l.How), Who: string(l.Who), Name: l.Name, Text: l.Text, TTL: l.At.Add(CheckInLinesFor).Unix(),
		})
		if err != nil {
			return err
		}
		parts = append(parts, s.txPut(row, cond{}))
	}
	for _, more := range also {
		part, err := more(s)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	return s.transact(ctx, parts...)
}

// DropCheckIns forgets the check-ins of a worker who is no more; what happened to them stays until its time is over.
func (s *Store) DropCheckIns(ctx context.Context, o insole.OrgID, w insole.WorkerID) error {
	_, err := s.remove(ctx, checkInKey(o, w), cond{})
	return err
}

// CheckInLines lists what happened to the check-ins of a worker, newest first, at most most.
func (s *Store) CheckInLines(ctx context.Context, o insole.OrgID, w insole.WorkerID, most int) ([]insole.CheckInLine, error) {
	var all []insole.CheckInLine
	for it, err := range s.query(ctx, question{pk: checkInLineKey(o, w, time.Time{}, "").PK, newest: true}) {
		if err != nil {
			return nil, err
		}
		var v checkInLineItem
		if err := unmarshal(it, &v); err != nil {
			return nil, err
		}
		all = append(all, insole.CheckInLine{At: timeOf(v.At), What: v.What, How: insole.How(v.How), Who: insole.UserID(v.Who), Name: v.Name, Text: v.Text})
		if len(all) == most {
			break
		}
	}
	return all, nil
}

// A DueCheckIn is a worker with something due.
type DueCheckIn struct {
	Org    insole.OrgID
	Worker insole.WorkerID
	At     time.Time
}

// DueCheckIns yields every worker of whose check-ins, task, activity or shift something was due before now, as due says.
func (s *Store) DueCheckIns(ctx context.Context, now time.Time) iter.Seq2[DueCheckIn, error] {
	return due(ctx, s, now, checkInDuePK, func(it item, at time.Time) (DueCheckIn, bool) {
		o, ok := orgOfCheckInPK(strOf(it, "PK"))
		return DueCheckIn{o, insole.WorkerID(strOf(it, "SK")), at}, ok
	})
}

// A WorkerLink leads from the token in a text message to the worker it was sent to.
type WorkerLink struct {
	Org    insole.OrgID
	Worker insole.WorkerID
	Due    time.Time // the check-in that it answers, once; zero for a link of the worker's own, which may be used until it ends
	Used   bool
	Ends   time.Time
}

// WorkerLinkLife is how long a worker's own link can be used: a shift, and what comes before and after it.
const WorkerLinkLife = 24 * time.Hour

type workerLinkItem struct {
	Org    string `dynamodbav:"org"`
	Worker string `dynamodbav:"w"`
	Due    int64  `dynamodbav:"du,omitempty"`
	Used   bool   `dynamodbav:"us,omitempty"`
	Ends   int64  `dynamodbav:"endsMs"`
	TTL    int64  `dynamodbav:"ttl"`
}

// NewWorkerLink makes token lead to l. It is stored as a hash only.
func NewWorkerLink(token string, l WorkerLink) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		it, err := marshal(workerLinkKey(linkHash(token)), "workerlink", workerLinkItem{
			Org: string(l.Org), Worker: string(l.Worker), Due: ms(l.Due), Ends: ms(l.Ends), TTL: l.Ends.Unix() + 1,
		})
		return s.txPut(it, cond{}), err
	}
}

// UseWorkerLink marks a link that answers once as used. The whole is ErrConflict when it was used already.
func UseWorkerLink(token string) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		return s.txUpdate(workerLinkKey(linkHash(token)), "SET us = :y", nil, item{":y": yes()},
			cond{expr: "attribute_exists(PK) AND attribute_not_exists(us)"}), nil
	}
}

// WorkerLinkOf finds the worker that token was sent to. insole.ErrNotFound when there is none, or none any more.
func (s *Store) WorkerLinkOf(ctx context.Context, token string, now time.Time) (WorkerLink, error) {
	if !IsLinkToken(token) {
		return WorkerLink{}, fmt.Errorf("link of %d characters: %w", len(token), insole.ErrNotFound)
	}
	it, err := s.get(ctx, workerLinkKey(linkHash(token)))
	if err != nil {
		return WorkerLink{}, err
	}
	var v workerLinkItem
	if err := unmarshal(it, &v); err != nil {
		return WorkerLink{}, err
	}
	l := WorkerLink{Org: insole.OrgID(v.Org), Worker: insole.WorkerID(v.Worker), Due: timeOf(v.Due), Used: v.Used, Ends: timeOf(v.Ends)}
	if !now.Before(l.Ends) {
		return WorkerLink{}, fmt.Errorf("link ended at %s: %w", l.Ends.Format(time.RFC3339), insole.ErrNotFound)
	}
	return l, nil
}
