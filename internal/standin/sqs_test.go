package standin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"solewatch/internal/standin"
)

func TestReceiveHidesCountsAndRedrives(t *testing.T) {
	c := newClock()
	w := newWorld(t, func(o *standin.Options) { o.Now = c.now })
	w.send(t, "poison")
	for i, want := range []string{"1", "2", "3"} {
		m := w.receive(t, 1)[0]
		if m.Attributes["ApproximateReceiveCount"] != want {
			t.Errorf("receive %d: count %s, want %s", i, m.Attributes["ApproximateReceiveCount"], want)
		}
		w.receive(t, 0)
		c.pass(30 * time.Second)
	}
	w.receive(t, 0)
	dead, err := w.s.Receive(t.Context(), "dead", 10, 0)
	if err != nil || len(dead) != 1 || dead[0].Body != "poison" {
		t.Fatalf("dead letters = %+v, %v", dead, err)
	}
	if src := dead[0].Attributes["DeadLetterQueueSourceArn"]; src != w.s.QueueARN("q") {
		t.Errorf("source = %q", src)
	}
}

func TestMessagesLeaveAfterRetention(t *testing.T) {
	c := newClock()
	w := newWorld(t, func(o *standin.Options) { o.Now = c.now })
	w.send(t, "old")
	c.pass(4 * 24 * time.Hour)
	w.send(t, "new")
	if m := w.receive(t, 1)[0]; m.Body != "new" {
		t.Errorf("body = %q, want new", m.Body)
	}
	c.pass(4 * 24 * time.Hour)
	sweep(t, w)
	w.receive(t, 0)
}

func TestOldHandleDeletesNothing(t *testing.T) {
	c := newClock()
	w := newWorld(t, func(o *standin.Options) { o.Now = c.now })
	w.send(t, "x")
	first := w.receive(t, 1)[0]
	c.pass(31 * time.Second)
	second := w.receive(t, 1)[0]
	if err := w.s.Delete("q", first.ReceiptHandle); err != nil {
		t.Fatal(err)
	}
	c.pass(31 * time.Second)
	third := w.receive(t, 1)[0]
	if third.ID != second.ID {
		t.Errorf("message %s, want %s", third.ID, second.ID)
	}
	if err := w.s.Delete("q", third.ReceiptHandle); err != nil {
		t.Fatal(err)
	}
	c.pass(31 * time.Second)
	w.receive(t, 0)
	if err := w.s.Delete("dead", third.ReceiptHandle); !errors.Is(err, standin.ErrReceipt) {
		t.Errorf("handle of another queue: error = %v, want ErrReceipt", err)
	}
}

func TestReceiveWakesOnSend(t *testing.T) {
	w := newWorld(t, nil)
	got := make(chan int, 1)
	go func() {
		list, err := w.s.Receive(context.Background(), "q", 10, 20*time.Second)
		if err != nil {
			t.Error(err)
		}
		got <- len(list)
	}()
	if err := w.s.SendInternal("q", "x"); err != nil {
		t.Fatal(err)
	}
	if n := <-got; n != 1 {
		t.Errorf("received %d, want 1", n)
	}
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list, err := w.s.Receive(ctx, "q", 10, 20*time.Second)
	if err != nil || len(list) != 0 {
		t.Errorf("received %v, %v, want nothing", list, err)
	}
}

func TestUnknownNames(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.s.Receive(t.Context(), "nope", 1, 0); !errors.Is(err, standin.ErrNoQueue) {
		t.Errorf("Receive error = %v, want ErrNoQueue", err)
	}
	if err := w.s.SendInternal("nope", "x"); !errors.Is(err, standin.ErrNoQueue) {
		t.Errorf("SendInternal error = %v, want ErrNoQueue", err)
	}
	if err := w.s.Delete("nope", "x"); !errors.Is(err, standin.ErrNoQueue) {
		t.Errorf("Delete error = %v, want ErrNoQueue", err)
	}
	if _, err := w.s.StreamRecords(t.Context(), "nope", 0, 1, 0); !errors.Is(err, standin.ErrNoTable) {
		t.Errorf("StreamRecords error = %v, want ErrNoTable", err)
	}
}
