package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

func checked(t *testing.T, st *store.Store, id insole.AlarmID) store.AlarmFile {
	t.Helper()
	f, err := st.GetAlarmFile(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.Check("acme", id, f.Lines, f.Head); err != nil {
		t.Errorf("chain of %d lines, head %v: %v", len(f.Lines), f.Head, err)
	}
	return f
}

// Every write of an alarm moves its chain, and what is changed behind the store's back is found.
func TestLogIsAChain(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, []insole.Page{aPage("a1")}, []store.LogLine{{At: clockNoon, What: "raised", Who: "wearer", Data: `{"decision":{}}`}, {At: clockNoon, What: "step"}}); err != nil {
		t.Fatal(err)
	}
	a.State, a.Owner, a.Version = insole.Taken, "claire", 2
	if err := st.SaveAlarm(ctx, a, nil, []store.LogLine{{At: clockNoon.Add(-time.Hour), What: "taken", Who: "claire", Text: "\xff"}}, ""); err != nil {
		t.Fatal(err)
	}
	a.Version = 3
	if err := st.SaveAlarm(ctx, a, nil, nil, ""); err != nil { // no line: the head stays
		t.Fatal(err)
	}
	if err := st.SaveAlarm(ctx, a, nil, []store.LogLine{{What: "late"}}, ""); !errors.Is(err, insole.ErrConflict) {
		t.Errorf("a version that is not the next = %v, want ErrConflict", err)
	}
	f := checked(t, st, "a1")
	if len(f.Lines) != 3 || f.Head.N != 3 || f.Log[2].What != "taken" {
		t.Fatalf("%d lines, head %d, last %q: want 3, 3, taken, in the order of writing", len(f.Lines), f.Head.N, f.Log[2].What)
	}
	if got := audit.Pages(f.Lines); len(got) != 1 || got[0].Contact != "claire" || got[0].State != "queued" {
		t.Errorf("pages that the chain names: %+v", got)
	}

	row := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "ORG#acme#ALARM#a1"}, "SK": &types.AttributeValueMemberS{Value: "LOG#00000002"}}
	_, err := st.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &st.Table, Key: row, UpdateExpression: aws.String("SET #t = :t"),
		ExpressionAttributeNames: map[string]string{"#t": "wh"}, ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberS{Value: "nothing"}}})
	if err != nil {
		t.Fatal(err)
	}
	f, err = st.GetAlarmFile(ctx, "acme", "a1")
	var b audit.Break
	if err != nil || !errors.As(audit.Check("acme", "a1", f.Lines, f.Head), &b) || b.N != 2 {
		t.Errorf("a line changed in the table: %v, %v, want a break at 2", err, audit.Check("acme", "a1", f.Lines, f.Head))
	}
	if _, err := st.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &st.Table, Key: row}); err != nil {
		t.Fatal(err)
	}
	f, err = st.GetAlarmFile(ctx, "acme", "a1")
	if err != nil || !errors.As(audit.Check("acme", "a1", f.Lines, f.Head), &b) || b.N != 2 || b.Why != "is missing" {
		t.Errorf("a line deleted from the table: %v, %v, want line 2 to be missing", err, audit.Check("acme", "a1", f.Lines, f.Head))
	}
}

// Lines that enter the log beside the alarm's own changes wait for each other, and none is lost: orders that are answered, what became of pages.
func TestAppendLogTogether(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, []insole.Page{aPage("a1")}, []store.LogLine{{At: clockNoon, What: "raised"}}); err != nil {
		t.Fatal(err)
	}
	claimed, err := st.ClaimPage(ctx, aPage("a1"), clockNoon)
	if err != nil {
		t.Fatal(err)
	}
	done := claimed
	done.State, done.MessageID, done.DoneAt = insole.PageAccepted, "m-1", clockNoon.Add(time.Second)
	if err := st.SavePage(ctx, claimed, done); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if err := st.AppendLog(ctx, "acme", "a1", []store.LogLine{{At: clockNoon, What: "note", Text: fmt.Sprint(i)}}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := st.AccountPages(ctx, "acme", "a1", clockNoon.Add(2*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f := checked(t, st, "a1")
	paged, notes := 0, map[string]int{}
	for _, l := range f.Lines {
		switch l.What {
		case "paged":
			paged++
		case "note":
			notes[l.Text]++
		}
	}
	if paged != 1 || len(notes) != 4 || len(f.Lines) != 6 || len(f.Log) != 5 {
		t.Errorf("said %d times what became of the page, %d notes, %d lines, %d for people: want 1, 4, 6, 5", paged, len(notes), len(f.Lines), len(f.Log))
	}
	if p := audit.Pages(f.Lines); len(p) != 1 || p[0] != audit.PageOf(done) {
		t.Errorf("pages %+v, want %+v", p, audit.PageOf(done))
	}
	if f.Alarm.Version != f.Head.N {
		t.Errorf("version %d after %d lines: screens would not look again", f.Alarm.Version, f.Head.N)
	}
	if err := st.AppendLog(ctx, "acme", "none", []store.LogLine{{What: "x"}}); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("log of no alarm = %v, want ErrNotFound", err)
	}
}

// A line or a page that nobody can read stops no alarm: everything else of it is there, and the chain says that something is missing.
func TestUnreadableLine(t *testing.T) {
	st, _ := standintest.Store(t, fixed)
	ctx := t.Context()
	a := anAlarm("a1")
	if err := st.RaiseAlarm(ctx, a, []insole.Page{aPage("a1")}, []store.LogLine{{At: clockNoon, What: "raised"}, {At: clockNoon, What: "step"}}); err != nil {
		t.Fatal(err)
	}
	for _, sk := range []string{"LOG#00000001", "PAGE"} {
		row := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "ORG#acme#ALARM#a1"}, "SK": &types.AttributeValueMemberS{Value: sk}}
		_, err := st.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &st.Table, Key: row, UpdateExpression: aws.String("SET #t = :t, #a = :x, qa = :x"),
			ExpressionAttributeNames: map[string]string{"#t": "t", "#a": "at"}, ExpressionAttributeValues: map[string]types.AttributeValue{
				":t": &types.AttributeValueMemberS{Value: map[bool]string{true: "log", false: "page"}[sk != "PAGE"]}, ":x": &types.AttributeValueMemberS{Value: "noon"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := st.GetAlarmFile(ctx, "acme", "a1")
	if err != nil || f.Alarm.ID != "a1" || len(f.Pages) == 0 || len(f.Lines) != 1 {
		t.Fatalf("GetAlarmFile = %+v, %v", f, err)
	}
	if audit.Check("acme", "a1", f.Lines, f.Head) == nil {
		t.Error("the chain does not miss its line")
	}
}
