package store_test

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

func TestFeedSeqIsGivenOutOnce(t *testing.T) {
	s, _ := standintest.Store(t, nil)
	ctx := t.Context()
	if got, err := s.FeedSeq(ctx, "acme"); got != 0 || err != nil {
		t.Fatalf("FeedSeq of a new org = %d, %v, want 0", got, err)
	}
	var mu sync.Mutex
	var all []int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			n := 1 + i%3
			first, err := s.NextFeedSeq(ctx, "acme", n)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for k := range n {
				all = append(all, first+int64(k))
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	for i, seq := range all {
		if seq != int64(i+1) {
			t.Fatalf("numbers given out = %v, want 1 to %d once each", all, len(all))
		}
	}
	if got, err := s.FeedSeq(ctx, "acme"); got != int64(len(all)) || err != nil {
		t.Errorf("FeedSeq = %d, %v, want %d", got, err, len(all))
	}
	if got, err := s.NextFeedSeq(ctx, "blue", 1); got != 1 || err != nil {
		t.Errorf("first number of another org = %d, %v, want 1", got, err)
	}
}

func TestConnections(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := at
	s, _ := standintest.Store(t, func() time.Time { mu.Lock(); defer mu.Unlock(); return clock })
	ctx := t.Context()
	conn := func(org insole.OrgID, id string, user insole.UserID, ends time.Duration) store.Connection {
		c := store.Connection{Org: org, ID: id, User: user, ConnectedAt: at}
		if ends != 0 {
			c.Ends = at.Add(ends)
		}
		return c
	}
	for _, c := range []store.Connection{
		conn("acme", "a1=", "claire", 12*time.Hour), conn("acme", "a2=", "claire", time.Hour), conn("acme", "a3=", "omar", 0), conn("blue", "b1=", "zoe", 0),
	} {
		for range 2 { // at least once
			if err := s.PutConnection(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(what string, org insole.OrgID, want ...string) {
		t.Helper()
		all, err := s.Connections(ctx, org)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range all {
			if c.Org != org || c.User == "" || !c.ConnectedAt.Equal(at) {
				t.Errorf("%s: connection %+v", what, c)
			}
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	forgotten := func(id string) {
		t.Helper()
		if c, err := s.GetConnection(ctx, id); !errors.Is(err, insole.ErrNotFound) {
			t.Errorf("GetConnection(%s) = %+v, %v, want ErrNotFound", id, c, err)
		}
	}
	check("all", "acme", "a1=", "a2=", "a3=")
	check("another org", "blue", "b1=")
	if c, err := s.GetConnection(ctx, "a2="); err != nil || c.Org != "acme" || c.User != "claire" || !c.ConnectedAt.Equal(at) {
		t.Errorf("GetConnection(a2=) = %+v, %v", c, err)
	}
	forgotten("never")

	for range 2 {
		if err := s.ForgetConnection(ctx, conn("acme", "a3=", "omar", 0)); err != nil {
			t.Fatal(err)
		}
	}
	check("one forgotten", "acme", "a1=", "a2=")
	forgotten("a3=")

	// Ended rows are still in the table; nobody reads them.
	mu.Lock()
	clock = at.Add(time.Hour)
	mu.Unlock()
	check("session over", "acme", "a1=")
	forgotten("a2=")
	mu.Lock()
	clock = at.Add(store.ConnectionLife)
	mu.Unlock()
	check("life over", "acme")
	forgotten("a1=")
}

func TestForgetConnectionsOf(t *testing.T) {
	s, _ := standintest.Store(t, nil)
	ctx := t.Context()
	for i, user := range []insole.UserID{"claire", "omar", "claire", "claire"} {
		org := insole.OrgID("acme")
		if i == 3 {
			org = "blue" // the same name in another org is another person
		}
		err := s.PutConnection(ctx, store.Connection{Org: org, ID: "c" + strconv.Itoa(i), User: user, ConnectedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ForgetConnectionsOf(ctx, "acme", "claire"); err != nil {
		t.Fatal(err)
	}
	for org, want := range map[insole.OrgID]string{"acme": "c1", "blue": "c3"} {
		all, err := s.Connections(ctx, org)
		if err != nil || len(all) != 1 || all[0].ID != want {
			t.Errorf("connections of %s = %v, %v, want %s only", org, all, err, want)
		}
	}
	if _, err := s.GetConnection(ctx, "c0"); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("GetConnection(c0) error = %v", err)
	}
}
