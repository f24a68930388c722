package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"solewatch/internal/insole"
	"solewatch/internal/queue"
)

// Whatever comes when: every held frame leaves the packer once, within its linger and a tick, in order, in messages within the size, and the
// frames of one insole that leave together are in one message.
func TestPackerProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		linger := time.Duration(rapid.IntRange(20, 30_000).Draw(t, "linger")) * time.Millisecond
		limit := rapid.IntRange(1000, 20_000).Draw(t, "bytes")
		now := time.Unix(1_795_367_926, 0)
		p := newPacker(linger, linger, limit, func() time.Time { return now }, nil)
		who := &insole.Assignment{Org: "acme", Dialect: insole.SOLE}
		ss := make([]*session, rapid.IntRange(1, 5).Draw(t, "insoles"))
		for i := range ss {
			ss[i] = &session{id: insole.ID(fmt.Sprintf("%016x", i))}
			ss[i].who.Store(who)
		}
		came := map[*session][]time.Time{} // when each frame came, oldest first
		next := map[*session]uint32{}
		number := map[*session]uint32{}
		check := func(ms []*message) {
			for _, m := range ms {
				size := 0
				for _, h := range m.frames {
					f := h.frame(false)
					size += len(queue.AppendFrame(nil, false, &f))
					if h.token != next[h.s] {
						t.Fatalf("frame %d of %s left, %d expected", h.token, h.s.id, next[h.s])
					}
					next[h.s]++
					at := came[h.s][0]
					came[h.s] = came[h.s][1:]
					if late := now.Sub(at) - linger - 2*p.tick; late > 0 {
						t.Fatalf("a frame was held %s longer than its linger of %s", late, linger)
					}
				}
				if size+envelopeSize > limit && len(m.frames) > 1 {
					t.Fatalf("message of %d bytes, at most %d", size, limit)
				}
			}
		}
		steps := rapid.IntRange(1, 80).Draw(t, "steps")
		for range steps {
			s := rapid.SampledFrom(ss).Draw(t, "insole")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				p.hurry(s)
				check(p.pack())
				if len(s.hold.frames) > 0 {
					t.Fatal("hurried, and still held")
				}
			case 1:
				p.flush()
				check(p.pack())
				if p.count != 0 {
					t.Fatal("flushed, and something is still held")
				}
			case 2:
				pause := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "pause")) * time.Millisecond
				for end := now.Add(pause); now.Before(end) && p.count > 0; now = now.Add(p.tick) {
					check(p.pack()) // in service it comes with every tick
				}
				if p.count == 0 {
					now = now.Add(pause)
				}
				check(p.pack())
			default:
				n := rapid.IntRange(1, 3).Draw(t, "frames")
				for range n {
					p.add(held{s: s, raw: make([]byte, rapid.IntRange(1, 300).Draw(t, "size")), token: number[s]}, linger)
					number[s]++
					came[s] = append(came[s], now)
				}
				now = now.Add(p.tick)
				check(p.pack())
			}
		}
		for range int64(linger/p.tick) + 3 {
			now = now.Add(p.tick)
			check(p.pack())
		}
		for s, left := range came {
			if len(left) > 0 {
				t.Fatalf("%d frames of %s never left", len(left), s.id)
			}
		}
	})
}

func TestDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &register{who: map[insole.ID]insole.Assignment{}}
		for i := range 10 {
			table.who[insole.ID(fmt.Sprint(i))] = insole.Assignment{Org: "acme", Dialect: insole.SOLE}
		}
		d := newDirectory(table, 3, time.Minute, time.Now, NewMetrics(prometheus.NewRegistry()))
		defer d.close()
		find := func(id insole.ID, want error) {
			t.Helper()
			a, err := d.find(t.Context(), id)
			if !errors.Is(err, want) || (err == nil && a.Insole != id) {
				t.Errorf("find(%s) = %v, %v, want error %v", id, a, err, want)
			}
		}
		asked := func(want int, what string) {
			t.Helper()
			if got := table.questions(); got != want {
				t.Errorf("%s: the table was asked %d times, want %d", what, got, want)
			}
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { find("1", nil) })
		}
		wg.Wait()
		asked(1, "fifty at once")
		find("2", nil)
		find("3", nil)
		find("1", nil)
		asked(3, "remembered")
		find("4", nil) // pushes out 2, the one not asked for longest
		find("1", nil)
		find("3", nil)
		asked(4, "within the size")
		find("2", nil)
		asked(5, "pushed out")

		find("nobody", insole.ErrNotFound)
		find("nobody", insole.ErrNotFound)
		asked(6, "an answer of no is remembered for a moment")
		table.put("nobody", insole.Assignment{Org: "acme", Dialect: insole.SOLE})
		time.Sleep(negativeFor)
		find("nobody", nil) // pushes out 1
		asked(7, "and asked again after it")

		table.set(true)
		for i := range 10 { // failures push nobody out
			if i > 4 {
				find(insole.ID(fmt.Sprint(i)), errCannotTell)
			}
		}
		time.Sleep(time.Hour)
		find("2", nil)
		find("3", nil)
		find("nobody", nil)
		table.set(false)
		time.Sleep(time.Hour)
		find("2", nil)
		if len(d.known) > 3 {
			t.Errorf("%d remembered, at most 3", len(d.known))
		}
		delete(table.who, "2")
		time.Sleep(time.Hour)
		find("2", insole.ErrNotFound) // the table itself says so

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		table.mu.Lock()
		table.hang = true
		table.mu.Unlock()
		_, err := d.find(ctx, "9")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("find with a context that is over: %v", err)
		}
	})
}

func TestBatcherKeepsInsolesTogether(t *testing.T) {
	who := &insole.Assignment{Org: "acme", Dialect: insole.SOLE}
	b := batcher{limit: 2000}
	now := time.Unix(1_795_367_926, 0)
	for i := range 10 {
		s := &session{id: insole.ID(fmt.Sprintf("%016x", i))}
		s.who.Store(who)
		b.addAll([]held{{s: s, raw: make([]byte, 60)}, {s: s, raw: make([]byte, 60)}, {s: s, raw: make([]byte, 60)}}, now)
	}
	in := map[*session]int{}
	for i, m := range b.messages {
		for _, h := range m.frames {
			if at, ok := in[h.s]; ok && at != i {
				t.Errorf("frames of %s in messages %d and %d", h.s.id, at, i)
			}
			in[h.s] = i
		}
	}
	if len(in) != 10 || len(b.messages) < 3 {
		t.Errorf("%d insoles in %d messages", len(in), len(b.messages))
	}
}
