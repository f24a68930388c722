package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithytime "github.com/aws/smithy-go/time"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
)

// logItem is one line of an alarm's log. Its number is in its key as well, where it can be written once only.
type logItem struct {
	N    int    `dynamodbav:"n"`
	At   int64  `dynamodbav:"at"`
	What string `dynamodbav:"wh"`
	Who  string `dynamodbav:"by,omitempty"`
	Name string `dynamodbav:"bn,omitempty"`
	Text string `dynamodbav:"tx,omitempty"`
	Data string `dynamodbav:"da,omitempty"`
	Prev string `dynamodbav:"pv,omitempty"`
	Hash string `dynamodbav:"h"`
}

// The head of an alarm's log is in its own item: hn and hh.
func setHead(it item, h audit.Head) {
	if h.N > 0 {
		it["hn"], it["hh"] = num(int64(h.N)), str(h.Hash)
	}
}

func headFrom(it item) audit.Head { return audit.Head{N: int(numOf(it, "hn")), Hash: strOf(it, "hh")} }

// headOf reads the head of an alarm's log. ErrConflict when the alarm is not of that version.
func (s *Store) headOf(ctx context.Context, o insole.OrgID, id insole.AlarmID, version int) (audit.Head, error) {
	it, err := s.get(ctx, alarmKey(o, id))
	if errors.Is(err, insole.ErrNotFound) || err == nil && numOf(it, "v") != int64(version) {
		return audit.Head{}, fmt.Errorf("alarm %s is not of version %d: %w", id, version, insole.ErrConflict)
	}
	return headFrom(it), err
}

func (f *AlarmFile) addLine(it item) {
	var l logItem
	if err := unmarshal(it, &l); err != nil {
		return // audit.Check misses it
	}
	if l.What != paged {
		f.Log = append(f.Log, LogLine{timeOf(l.At), l.What, l.Who, l.Name, l.Text, l.Data})
	}
	f.Lines = append(f.Lines, audit.Line{N: l.N, AtMs: l.At, What: l.What, Who: l.Who, Name: l.Name, Text: l.Text, Data: l.Data, Prev: l.Prev, Hash: l.Hash})
}

// appendRows appends the puts of pages and of log lines after head, and moves the head in it, the alarm's own item. A page row that exists
// already stays as it is and fails the whole: a step is started once. Pages are named by the last line without data, so that one cannot be taken out unseen.
func (s *Store) appendRows(parts []types.TransactWriteItem, it item, head audit.Head, a insole.Alarm, pages []insole.Page, log []LogLine) ([]types.TransactWriteItem, error) {
	named := make([]audit.Page, len(pages))
	for i, p := range pages {
		it, err := marshalPage(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, s.txPut(it, ifAbsent))
		named[i] = audit.PageOf(p)
	}
	log = append([]LogLine(nil), log...)
	for i := len(log) - 1; i >= 0 && len(named) > 0; i-- {
		if log[i].Data == "" {
			n := min(len(named), audit.MaxPages)
			log[i].Data, named = audit.PagesData(named[:n]), named[n:]
		}
	}
	lines, head, err := s.txLog(a.Org, a.ID, head, log)
	setHead(it, head)
	return append(parts, lines...), err
}

// txLog is the puts of log lines after head, and the new head.
func (s *Store) txLog(o insole.OrgID, a insole.AlarmID, head audit.Head, log []LogLine) (parts []types.TransactWriteItem, end audit.Head, err error) {
	for _, l := range log {
		var line audit.Line
		line, head = audit.Append(o, a, head, audit.Line{AtMs: ms(l.At), What: l.What, Who: l.Who, Name: l.Name, Text: l.Text, Data: l.Data})
		it, err := marshal(logKey(o, a, line.N), "log", logItem{line.N, line.AtMs, line.What, line.Who, line.Name, line.Text, line.Data, line.Prev, line.Hash})
		if err != nil {
			return nil, head, err
		}
		parts = append(parts, s.txPut(it, ifAbsent))
	}
	return parts, head, nil
}

// paged is what a line says that only says what became of pages, which people see by the pages themselves.
const paged = "paged"

// appendTries is how often a line is tried that others keep being faster than.
const appendTries = 12

// AppendLog adds lines to the log of an alarm whatever else happens to it meanwhile, and its version goes up so that screens read it again. first
// are written in the same transaction: when the condition of one does not hold nothing is written, and failedPart of the ErrConflict says
// which. ErrNotFound when there is no such alarm.
func (s *Store) AppendLog(ctx context.Context, o insole.OrgID, id insole.AlarmID, log []LogLine, first ...types.TransactWriteItem) error {
	return s.appendLog(ctx, o, id, func(context.Context) ([]LogLine, error) { return log, nil }, first...)
}

// AccountPages adds to the log of an alarm what has become of its pages since it was last said: one line however many they are, so that the
// pages of a step do not queue for the alarm's item one by one. A repeat says nothing twice: whoever finds something unsaid says it, until it is.
func (s *Store) AccountPages(ctx context.Context, o insole.OrgID, id insole.AlarmID, now time.Time) error {
	return s.appendLog(ctx, o, id, func(ctx context.Context) ([]LogLine, error) {
		f, err := s.GetAlarmFile(ctx, o, id)
		if err != nil {
			return nil, err
		}
		pages := make([]audit.Page, len(f.Pages))
		for i, p := range f.Pages {
			pages[i] = audit.PageOf(p)
		}
		var log []LogLine
		for unsaid := audit.Unsaid(f.Lines, pages); len(unsaid) > 0 && len(log) < 50; {
			n := min(len(unsaid), audit.MaxPages)
			log = append(log, LogLine{At: now, What: paged, Who: "clock", Data: audit.PagesData(unsaid[:n])})
			unsaid = unsaid[n:]
		}
		return log, nil
	})
}

// appendLog asks for the lines anew at each try, after the head was read: what they are made of is no older than the head.
func (s *Store) appendLog(ctx context.Context, o insole.OrgID, id insole.AlarmID, lines func(context.Context) ([]LogLine, error), first ...types.TransactWriteItem) error {
	for try := 1; ; try++ {
		it, err := s.get(ctx, alarmKey(o, id))
		if err != nil {
			return err
		}
		log, err := lines(ctx)
		if err != nil || len(log) == 0 {
			return err
		}
		version := numOf(it, "v")
		puts, head, err := s.txLog(o, id, headFrom(it), log)
		if err != nil {
			return err
		}
		parts := append(append([]types.TransactWriteItem(nil), first...), s.txUpdate(alarmKey(o, id), "SET #v = :v, #hn = :hn, #hh = :hh",
			map[string]string{"#hn": "hn", "#hh": "hh"}, item{":v": num(version + 1), ":hn": num(int64(head.N)), ":hh": str(head.Hash)}, ifVersion(version)))
		err = s.transact(ctx, append(parts, puts...)...)
		if failed := failedPart(err); try == appendTries || !errors.Is(err, insole.ErrConflict) || failed >= 0 && failed < len(first) {
			return err
		}
		if smithytime.SleepWithContext(ctx, time.Duration(rand.IntN(10*try))*time.Millisecond) != nil {
			return err
		}
	}
}
