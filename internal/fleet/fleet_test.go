package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

func native1(i int) Key {
	secret := make([]byte, 32)
	secret[0] = byte(i)
	return Key{Insole: insole.ID(fmt.Sprintf("%016x", 0xa0+i)), Dialect: insole.SOLE, Secret: secret, Org: "acme", Worker: insole.WorkerID(fmt.Sprint("w", i))}
}

func badge1(i int) Key {
	return Key{Insole: insole.ID(fmt.Sprintf("%015d", 352093080000000+i)), Dialect: insole.Teltonika, Org: "acme", Worker: insole.WorkerID(fmt.Sprint("b", i))}
}

// start runs a fleet of keys against s in a bubble until the returned func is called.
func start(t *testing.T, s *server, o Options, keys ...Key) (*Fleet, func()) {
	o.Dial = s.dial
	f := New(keys, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	return f, func() {
		cancel()
		<-done
		s.cut()
		s.jobs.Wait()
	}
}

func TestAFleetReports(t *testing.T) {
	for name, key := range map[string]Key{"sole": native1(1), "teltonika": badge1(1)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, key)
				f, stop := start(t, s, Options{Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour}, key)
				time.Sleep(time.Hour)
				synctest.Wait()
				snap := f.Snapshot()
				stop()
				if n := s.kinds()[insole.KindFix]; n < 359 || n > 361 {
					t.Errorf("%d positions kept in an hour of walking at 10 s", n)
				}
				if snap.Connected != 1 || snap.Sent != snap.Acked || snap.Resent != 0 || snap.Backlog != 0 || snap.Connects != 1 {
					t.Errorf("counts = %+v", snap)
				}
				if diff := cmp.Diff(int(snap.Acked), s.total()); diff != "" {
					t.Errorf("acknowledged and kept differ: %s", diff)
				}
				for _, r := range s.kept {
					if r.Fix == nil || r.Fix.Lat < 43.59 || r.Fix.Lat > 43.64 || r.Fix.Lon < 7.03 || r.Fix.Lon > 7.09 || r.Battery == nil {
						t.Errorf("report %+v is not from Sophia-Antipolis", r)
					}
					if key.Dialect == insole.SOLE && (r.Expect != 10*time.Second || r.Fix.Accuracy < 3 || r.Fix.Accuracy > 15) {
						t.Errorf("expect %v, accuracy %v", r.Expect, r.Fix.Accuracy)
					}
				}
			})
		})
	}
}

// Whatever becomes of frames and answers, an insole forgets only what is acknowledged, and in the end everything that it made is kept.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys := []Key{native1(1), native1(2), native1(3), badge1(1), badge1(2)}
				s := newServer(t, keys...)
				rnd := stream(seed, "", "server")
				s.answer = func(int) verdict {
					if rnd.Float64() < 0.6 {
						return kept
					}
					return []verdict{lostReply, lostFrame, later, mute}[rnd.IntN(4)]
				}
				s.refuse = func() bool { return rnd.Float64() < 0.3 }
				path := filepath.Join(t.TempDir(), "oracle.jsonl")
				oracle, err := OpenOracle(path)
				if err != nil {
					t.Fatal(err)
				}
				f, stop := start(t, s, Options{Seed: seed, Profile: Storm, Oracle: oracle}, keys...)
				time.Sleep(2 * time.Hour)
				for i := range 30 {
					s.cut()
					time.Sleep(time.Duration(i) * time.Second)
				}
				s.mu.Lock()
				s.answer, s.refuse = nil, nil
				s.mu.Unlock()
				// The air clears; everybody gets a call through.
				for _, w := range f.walkers {
					w.mu.Lock()
					w.changesAt, w.dev.helpAt, w.dev.helpEvery = never, never, 0
					if !w.covered {
						w.move(time.Now())
						w.changesAt = never
					}
					w.wake()
					w.mu.Unlock()
				}
				time.Sleep(20 * time.Minute)
				for _, w := range f.walkers {
					w.mu.Lock()
					w.dev.due, w.dev.deadline, w.dev.risesAt = never, never, never
					w.mu.Unlock()
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				snap := f.Snapshot()
				if snap.Backlog != 0 {
					t.Errorf("backlog = %d in the end", snap.Backlog)
				}
				if snap.Resent == 0 || snap.Connects < 100 {
					t.Errorf("counts = %+v: the faults were too kind", snap)
				}
				made := 0
				for _, w := range f.walkers {
					made += int(w.dev.seq)
				}
				stop()
				if err := oracle.Close(); err != nil {
					t.Fatal(err)
				}
				acked := map[string]bool{}
				for _, l := range readOracle(t, path) {
					for _, r := range l.Reports {
						name := string(l.Insole) + " " + r.Key
						if l.What == Acked {
							acked[name] = true
							if _, ok := s.kept[name]; !ok {
								t.Errorf("%s was acknowledged and is not kept", name)
							}
						}
					}
				}
				if len(acked) != made || s.total() != made {
					t.Errorf("made %d, acknowledged %d, kept %d", made, len(acked), s.total())
				}
				if k := s.kinds(); k[insole.KindSOS] == 0 || k[insole.KindFall] == 0 || k[insole.KindFix] < 1000 {
					t.Errorf("kept %v", k)
				}
			})
		})
	}
}

func readOracle(t *testing.T, path string) []Line {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []Line
	for sc := bufio.NewScanner(file); sc.Scan(); {
		var l Line
		dec := json.NewDecoder(strings.NewReader(sc.Text()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&l); err != nil {
			t.Fatalf("line %q: %v", sc.Text(), err)
		}
		all = append(all, l)
	}
	return all
}

// Out of coverage an insole goes on making records, its old connection is not closed, and back in coverage the newest goes first.
func TestBacklog(t *testing.T) {
	for name, key := range map[string]Key{"sole": native1(1), "teltonika": badge1(1)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, key)
				f, stop := start(t, s, Options{Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour}, key)
				w := f.walkers[0]
				move := func() {
					w.mu.Lock()
					defer w.mu.Unlock()
					w.move(time.Now())
					w.wake()
				}
				time.Sleep(time.Minute)
				move()
				synctest.Wait()
				before := s.total()
				time.Sleep(time.Hour)
				if got := s.total(); got != before {
					t.Errorf("%d reports arrived out of coverage", got-before)
				}
				if snap := f.Snapshot(); snap.Backlog < 359 || snap.Connected != 0 {
					t.Errorf("counts = %+v", snap)
				}
				if err := f.Press(key.Insole, SOS); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				heardBefore := len(s.heard)
				move()
				time.Sleep(time.Minute)
				synctest.Wait()
				if snap := f.Snapshot(); snap.Backlog != 0 || snap.Connects != 2 {
					t.Errorf("counts = %+v", snap)
				}
				if first := s.heard[heardBefore]; first != "sos" {
					t.Errorf("first heard is %q, want the SOS", first)
				}
				stop()
				var sos insole.Report
				for _, r := range s.kept {
					if r.Kind == insole.KindSOS {
						sos = r
					}
				}
				if late := sos.HeardAt.Sub(sos.DeviceAt); late < 5*time.Second || late > 15*time.Second {
					t.Errorf("the SOS arrived %v after it was pressed", late)
				}
			})
		})
	}
}

func TestNewestOfALongBacklogFirst(t *testing.T) {
	now := time.Now()
	d := newDevice(native1(1), Options{Interval: 10 * time.Second, StillInterval: time.Minute, Profile: Storm, HelpEvery: time.Hour * 9999, Flash: 1000}, now, &Stats{})
	d.advance(now.Add(10 * time.Minute))
	fit := func(all []*entry) int { return min(len(all), 25) }
	sent := func() (seqs []uint32) {
		for _, e := range d.next(now, fit) {
			e.waiting = true
			seqs = append(seqs, e.rec.Seq)
		}
		return seqs
	}
	if n := len(d.flash); n < 59 || n > 61 {
		t.Fatalf("%d records in 10 minutes", n)
	}
	last := d.seq
	if got := sent(); len(got) != 1 || got[0] != last {
		t.Errorf("first = %v, want %d alone", got, last)
	}
	if got := sent(); len(got) != 25 || got[0] != 1 || got[24] != 25 {
		t.Errorf("second = %v, want 1 to 25", got)
	}
	for range 2 {
		if err := d.press(SOS, d.body.now); err != nil {
			t.Fatal(err)
		}
	}
	if got := sent(); len(got) != 1 || got[0] != last+2 {
		t.Errorf("third = %v, want the newest SOS", got)
	}
	if got := sent(); len(got) != 1 || got[0] != last+1 {
		t.Errorf("fourth = %v, want the other SOS", got)
	}
}

// A full flash overwrites the oldest position, never a call for help.
func TestFullFlash(t *testing.T) {
	now := time.Now()
	stats := &Stats{}
	d := newDevice(native1(1), Options{Interval: 10 * time.Second, StillInterval: time.Minute, Profile: Storm, HelpEvery: time.Hour * 9999, Flash: 10}, now, stats)
	if err := d.press(SOS, now); err != nil {
		t.Fatal(err)
	}
	d.advance(now.Add(10 * time.Minute))
	if len(d.flash) != 10 || d.flash[0].rec.Kind != insole.KindSOS || d.flash[9].rec.Seq != d.seq || stats.overwritten.Load() != int64(d.seq)-10 {
		t.Errorf("%d in flash, first %s, overwritten %d of %d", len(d.flash), d.flash[0].rec.Kind, stats.overwritten.Load(), d.seq)
	}
}

func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		key   Key
		do    func(f *Fleet, id insole.ID) error
		after time.Duration
		want  map[insole.Kind]int
		err   error
	}{
		{"sos", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, SOS) }, time.Second, map[insole.Kind]int{"sos": 1}, nil},
		{"covert", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Covert) }, time.Second, map[insole.Kind]int{"covert-sos": 1}, nil},
		{"fall, at once", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Fall) }, 29 * time.Second, map[insole.Kind]int{"pre-alarm": 1}, nil},
		{"fall, not cancelled", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Fall) }, 31 * time.Second, map[insole.Kind]int{"pre-alarm": 1, "fall": 1}, nil},
		{"fall, gets up in the end", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Fall) }, time.Hour, map[insole.Kind]int{"pre-alarm": 1, "fall": 1, "upright": 1}, nil},
		{"fall, cancelled", native1(1), func(f *Fleet, id insole.ID) error {
			return errors.Join(f.Press(id, Fall), f.Press(id, Cancel))
		}, time.Hour, map[insole.Kind]int{"pre-alarm": 1, "pre-alarm-cancel": 1}, nil},
		{"fall, cancelled covertly", native1(1), func(f *Fleet, id insole.ID) error {
			return errors.Join(f.Press(id, Fall), f.Press(id, Covert))
		}, time.Hour, map[insole.Kind]int{"pre-alarm": 1, "covert-sos": 1}, nil},
		{"fall twice", native1(1), func(f *Fleet, id insole.ID) error {
			return errors.Join(f.Press(id, Fall), f.Press(id, Fall))
		}, 31 * time.Second, map[insole.Kind]int{"pre-alarm": 1, "fall": 1}, nil},
		{"fall, gets up", native1(1), func(f *Fleet, id insole.ID) error {
			err := f.Press(id, Fall)
			time.Sleep(31 * time.Second)
			return errors.Join(err, f.Press(id, Cancel))
		}, time.Hour, map[insole.Kind]int{"pre-alarm": 1, "fall": 1, "upright": 1}, nil},
		{"still", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Still) }, 31 * time.Second, map[insole.Kind]int{"pre-alarm": 1, "still": 1}, nil},
		{"check-in", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Well) }, time.Second, map[insole.Kind]int{"check-in": 1}, nil},
		{"badge: no check-in", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Well) }, time.Second, map[insole.Kind]int{}, ErrUnsupported},
		{"nothing to cancel", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Cancel) }, time.Second, map[insole.Kind]int{}, ErrNothing},
		{"no such call", native1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, "shout") }, time.Second, map[insole.Kind]int{}, insole.ErrInvalid},
		{"no such insole", native1(1), func(f *Fleet, _ insole.ID) error { return f.Press("ffffffffffffffff", SOS) }, time.Second, map[insole.Kind]int{}, insole.ErrNotFound},
		{"badge: sos", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, SOS) }, time.Second, map[insole.Kind]int{"sos": 1}, nil},
		{"badge: fall, at once", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Fall) }, 29 * time.Second, map[insole.Kind]int{}, nil},
		{"badge: fall", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Fall) }, 31 * time.Second, map[insole.Kind]int{"fall": 1}, nil},
		{"badge: fall, cancelled", badge1(1), func(f *Fleet, id insole.ID) error {
			return errors.Join(f.Press(id, Fall), f.Press(id, Cancel))
		}, time.Hour, map[insole.Kind]int{}, nil},
		{"badge: no covert call", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Covert) }, time.Second, map[insole.Kind]int{}, ErrUnsupported},
		{"badge: no stillness", badge1(1), func(f *Fleet, id insole.ID) error { return f.Press(id, Still) }, time.Second, map[insole.Kind]int{}, ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, c.key)
				f, stop := start(t, s, Options{Interval: time.Hour, NoGaps: true, HelpEvery: 10_000 * time.Hour}, c.key)
				defer stop()
				f.walkers[0].mu.Lock()
				f.walkers[0].dev.due = time.Now().Add(100 * time.Hour) // no positions between
				f.walkers[0].mu.Unlock()
				time.Sleep(time.Second)
				if err := c.do(f, c.key.Insole); !errors.Is(err, c.err) {
					t.Errorf("error = %v, want %v", err, c.err)
				}
				time.Sleep(c.after)
				synctest.Wait()
				if diff := cmp.Diff(c.want, s.kinds()); diff != "" {
					t.Errorf("kept (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What the server orders is done once, and answered each time it is ordered.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := native1(1)
		s := newServer(t, key)
		s.orders = []sole.Downlink{
			{ID: 1, Command: sole.SetIntervals, Moving: 2 * time.Second, Still: time.Minute}, {ID: 2, Command: sole.AskFix}, {ID: 3, Command: sole.Taken},
			{ID: 4, Command: sole.Evacuate}, {ID: 5, Command: 99}, {ID: 2, Command: sole.AskFix},
		}
		f, stop := start(t, s, Options{Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour}, key)
		time.Sleep(time.Second)
		synctest.Wait()
		if snap := f.Snapshot(); snap.Told != 6 || !strings.Contains(snap.String(), "told 6") {
			t.Errorf("told %d orders, want 6: %s", snap.Told, snap)
		}
		if got := s.kinds()[insole.KindFix]; got != 1 {
			t.Errorf("%d positions for one order asked twice", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		results := map[uint32][]int64{}
		for _, r := range s.kept {
			if r.Kind == insole.KindAnswer {
				results[r.Downlink] = append(results[r.Downlink], r.Extra["result"])
			}
		}
		want := map[uint32][]int64{1: {1}, 2: {1, 1}, 3: {1}, 4: {3}, 5: {2}}
		if diff := cmp.Diff(want, results); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		if n := s.kinds()[insole.KindFix]; n < 28 {
			t.Errorf("%d positions in a minute at 2 s", n)
		}
	})
}

// A refused record is given up and logged; the others go on.
func TestRefusedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := native1(1)
		s := newServer(t, key)
		s.answer = func(frame int) verdict {
			if frame == 2 {
				return never2
			}
			return kept
		}
		f, stop := start(t, s, Options{Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour}, key)
		time.Sleep(time.Minute)
		synctest.Wait()
		snap := f.Snapshot()
		stop()
		if snap.Refused != 1 || snap.Backlog != 0 || snap.Acked < 5 || snap.Connects != 1 {
			t.Errorf("counts = %+v", snap)
		}
	})
}

// An insole that is refused comes back ever more slowly, but with a call for help every 10 s at most.
func TestComingBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		reject   sole.RejectReason
		sos      bool
		min, max int // dials in an hour
	}{
		{"refused", sole.RejectRefused, false, 5, 40},
		{"refused, with help in hand", sole.RejectRefused, true, 360, 1500},
		{"busy", sole.RejectBusy, false, 360, 1500},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, native1(1))
				s.reject = c.reject
				f, stop := start(t, s, Options{Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour}, native1(1))
				defer stop()
				if c.sos {
					if err := f.Press(native1(1).Insole, SOS); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if s.dials < c.min || s.dials > c.max {
					t.Errorf("%d dials in an hour, want %d to %d", s.dials, c.min, c.max)
				}
				s.mu.Lock()
				s.reject = 0
				s.mu.Unlock()
				time.Sleep(16 * time.Minute)
				synctest.Wait()
				if snap := f.Snapshot(); snap.Backlog > 1 || snap.Connected != 1 {
					t.Errorf("counts = %+v", snap)
				}
			})
		})
	}
}

func TestPressOnce(t *testing.T) {
	for _, c := range []struct {
		key  Key
		call Call
		want map[insole.Kind]int
		took time.Duration
	}{
		{native1(1), SOS, map[insole.Kind]int{"sos": 1}, time.Second},
		{badge1(1), SOS, map[insole.Kind]int{"sos": 1}, time.Second},
		{native1(1), Fall, map[insole.Kind]int{"pre-alarm": 1, "fall": 1}, 31 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, c.key)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := PressOnce(ctx, c.key, c.call, Options{Dial: s.dial}); err != nil {
				t.Errorf("PressOnce(%s) = %v", c.call, err)
			}
			if took := time.Since(began); took > c.took {
				t.Errorf("%s took %v", c.call, took)
			}
			s.jobs.Wait()
			if diff := cmp.Diff(c.want, s.kinds()); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, native1(1))
		s.refuse = func() bool { return true }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := PressOnce(ctx, native1(1), SOS, Options{Dial: s.dial}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a server: %v, want the deadline", err)
		}
		if s.dials < 6 {
			t.Errorf("%d dials in a minute with an SOS in hand", s.dials)
		}
	})
}

// The same seed is the same day, whoever looks and how often; another seed is another.
func TestSameSeedSameDay(t *testing.T) {
	began := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	day := func(seed uint64, p Profile, look time.Duration) []sole.Record {
		o := Options{Seed: seed, Profile: p, Interval: 10 * time.Second, StillInterval: 5 * time.Minute, HelpEvery: time.Hour, Flash: 1 << 20}
		d := newDevice(native1(7), o, began, &Stats{})
		for at := began; at.Before(began.Add(12 * time.Hour)); at = at.Add(look) {
			d.advance(at)
		}
		d.advance(began.Add(12 * time.Hour))
		all := make([]sole.Record, len(d.flash))
		for i, e := range d.flash {
			all[i] = e.rec
		}
		return all
	}
	for _, p := range []Profile{Walk, Day, Storm} {
		one, two := day(1, p, 7*time.Second), day(1, p, 613*time.Millisecond)
		if diff := cmp.Diff(one, two, cmp.AllowUnexported(sole.Record{})); diff != "" {
			t.Errorf("%s differs by who looks (-7s +613ms):\n%.2000s", p, diff)
		}
		if slices.EqualFunc(one, day(2, p, time.Minute), func(a, b sole.Record) bool { return a.At.Equal(b.At) }) {
			t.Errorf("%s is the same for another seed", p)
		}
	}
}

// A working day costs what the cost goal says: 8 h at 10 s and 16 h at 5 min.
func TestDayProfile(t *testing.T) {
	began := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	d := newDevice(native1(7), Options{Seed: 1, Profile: Day, Interval: 10 * time.Second, StillInterval: 5 * time.Minute, Flash: 1 << 20}, began, &Stats{})
	d.advance(began.Add(24 * time.Hour))
	day, night := 0, 0
	for _, e := range d.flash {
		if h := e.rec.At.Hour(); h >= 8 && h < 16 {
			day++
		} else {
			night++
		}
	}
	if day < 8*360-40 || day > 8*360+5 || night < 16*12-5 || night > 16*12+40 {
		t.Errorf("%d reports from 08:00 to 16:00, %d in the rest; want about 2880 and 192", day, night)
	}
}

// Walkers keep to their paths, at 1 to 1.6 m/s, and the receiver's error is what its accuracy says.
func TestWalking(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	postures := map[insole.Posture]int{}
	within, all := 0, 0
	for i := range 20 {
		w := newWearer(1, native1(i).Insole, Walk, began)
		last := w.way
		for s := range 4 * 3600 {
			at, _ := w.net.at(w.way)
			w.advance(began.Add(time.Duration(s+1) * time.Second))
			postures[w.posture]++
			now, _ := w.net.at(w.way)
			moved := dist(at, now)
			if w.posture == insole.Walking && last.from == w.way.from && last.to == w.way.to && (moved < 0.99 || moved > 1.61) {
				t.Fatalf("walker %d moved %.2f m in a second", i, moved)
			}
			if w.posture != insole.Walking && moved != 0 {
				t.Fatalf("walker %d is %s and moved %.2f m", i, w.posture, moved)
			}
			last = w.way
			if s%30 == 0 {
				f := w.fix()
				if f.Accuracy < 3 || f.Accuracy > 15 || w.battery < 1 || w.battery > 100 {
					t.Fatalf("fix %+v, battery %v", f, w.battery)
				}
				all++
				if dist(w.net.place(f.Lat, f.Lon), now) <= f.Accuracy {
					within++
				}
			}
		}
	}
	if f := float64(within) / float64(all); f < 0.55 || f > 0.8 {
		t.Errorf("%.0f %% of fixes are within their accuracy, want about 68 %%", 100*f)
	}
	for _, p := range []insole.Posture{insole.Walking, insole.Standing, insole.Sitting} {
		if postures[p] < 20*4*3600/20 {
			t.Errorf("%s for %d s of %d", p, postures[p], 20*4*3600)
		}
	}
}

func dist(a, b place) float64 {
	dx, dy := a.x-b.x, a.y-b.y
	return math.Sqrt(dx*dx + dy*dy)
}

// Everywhere can be walked to from everywhere, and every stretch is a plausible one.
func TestNetworkIsConnected(t *testing.T) {
	n := streets()
	seen := map[int]bool{0: true}
	for todo := []int{0}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		for _, to := range n.next[at] {
			if l := n.length(at, to); l < 20 || l > 350 {
				t.Errorf("stretch of %.0f m", l)
			}
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	if len(seen) != len(n.corners) || len(seen) < 80 {
		t.Errorf("%d of %d corners can be reached", len(seen), len(n.corners))
	}
	lat, lon := n.degrees(n.place(43.6199, 7.0663))
	if lat < 43.61989 || lat > 43.61991 || lon < 7.06629 || lon > 7.06631 {
		t.Errorf("there and back = %v, %v", lat, lon)
	}
}

func TestParseKeysNamesEveryFault(t *testing.T) {
	secret := strings.Repeat("0f", 32)
	good := `{"insoles":[{"insole":"00a1b2c3d4e5f607","dialect":"sole","key":"` + secret + `","org":"acme","worker":"marie"},
		{"insole":"352093081452251","dialect":"teltonika","org":"acme"}]}`
	keys, err := ParseKeys([]byte(good))
	if err != nil || len(keys) != 2 || len(keys[0].Secret) != 32 || keys[0].Worker != "marie" || keys[1].Secret != nil {
		t.Errorf("ParseKeys = %+v, %v", keys, err)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{``, []string{"EOF"}},
		{`{"insoles":[]}`, []string{"no insoles"}},
		{`{"insole":[]}`, []string{"unknown field"}},
		{`{"insoles":[{"insole":"00A1","dialect":"sole","key":"12"},{"insole":"1","dialect":"teltonika","key":"ab"},{"insole":"1","dialect":"gt06"}]}`, []string{
			`insole 1: invalid: "00A1" is not 16`, `insole 1: invalid: key of "00A1"`, `insole 2: invalid: "1" is not an IMEI`, `insole 2: invalid: "1" has a key`,
			`insole 3: invalid: dialect "gt06"`, `insole 3: invalid: "1" is insole 2 already`,
		}},
	} {
		keys, err := ParseKeys([]byte(c.text))
		if !errors.Is(err, insole.ErrInvalid) || keys != nil {
			t.Errorf("ParseKeys(%s) = %v, %v", c.text, keys, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("ParseKeys(%s) lacks %q:\n%v", c.text, w, err)
			}
		}
	}
	_, err = ParseKeys([]byte(strings.Replace(good, secret, secret[:60], 1)))
	if err == nil || strings.Contains(err.Error(), secret[:8]) {
		t.Errorf("a bad key is told to everybody: %v", err)
	}
}

func TestControl(t *testing.T) {
	key, badge := native1(1), badge1(1)
	f := New([]Key{key, badge}, Options{NoGaps: true})
	h := f.Control()
	for _, c := range []struct {
		method, url, site string
		want              int
	}{
		{"POST", "/press?insole=" + string(key.Insole) + "&kind=sos", "", http.StatusNoContent},
		{"POST", "/press?insole=" + string(key.Insole) + "&kind=shout", "", http.StatusBadRequest},
		{"POST", "/press?insole=nobody&kind=sos", "", http.StatusNotFound},
		{"POST", "/press?insole=" + string(key.Insole) + "&kind=cancel", "", http.StatusConflict},
		{"POST", "/press?insole=" + string(badge.Insole) + "&kind=covert", "", http.StatusUnprocessableEntity},
		{"POST", "/press?insole=" + string(key.Insole) + "&kind=sos", "cross-site", http.StatusForbidden},
		{"GET", "/press?insole=" + string(key.Insole) + "&kind=sos", "", http.StatusMethodNotAllowed},
		{"GET", "/", "", http.StatusOK},
		{"GET", "/else", "", http.StatusNotFound},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.url, w.Code, w.Body, c.want)
		}
	}
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequest("GET", "/", nil))
	var got struct {
		Counts  Snapshot
		Insoles []State
	}
	if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Insoles) != 2 || got.Insoles[0].Insole != key.Insole || got.Insoles[0].Backlog == 0 || got.Counts.Insoles != 2 || got.Insoles[0].Lat < 43 {
		t.Errorf("list = %+v", got)
	}
}

func TestSnapshotInMilliseconds(t *testing.T) {
	s := Snapshot{Connected: 3, P50: Milliseconds(1500 * time.Microsecond), HelpP99: Milliseconds(20 * time.Second)}
	b, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(b), `"p50Ms":1.5,`) || !strings.Contains(string(b), `"helpP99Ms":20000}`) {
		t.Errorf("snapshot = %s, %v", b, err)
	}
	var back Snapshot
	if err := json.Unmarshal(b, &back); err != nil || back != s {
		t.Errorf("read back %+v, %v", back, err)
	}
	if got := s.String(); !strings.Contains(got, "p50 1.5ms") || !strings.Contains(got, "p99 20s") {
		t.Errorf("line = %q", got)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("quantile of nothing is not 0")
	}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := h.quantile(q); got < want || got > want*110/100 {
			t.Errorf("quantile %v = %v, want %v to 10 %% more", q, got, want)
		}
	}
	h.add(0)
	h.add(1000 * time.Hour)
}

// A wearer who ignores an evacuation does not answer it, however often it is ordered, and answers once they heed it.
func TestIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := native1(1)
		s := newServer(t, key)
		s.orders = []sole.Downlink{{ID: 4, Command: sole.Evacuate}, {ID: 4, Command: sole.Evacuate}, {ID: 5, Command: sole.RollCall}, {ID: 6, Command: sole.Taken}}
		f := New([]Key{key}, Options{Dial: s.dial, Profile: Storm, NoGaps: true, HelpEvery: 1000 * time.Hour})
		if err := f.Press(key.Insole, Ignore); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { f.Run(ctx); close(done) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		results := func() map[uint32]int64 {
			all := map[uint32]int64{}
			for _, r := range s.kept {
				if r.Kind == insole.KindAnswer {
					all[r.Downlink] = r.Extra["result"]
				}
			}
			return all
		}
		if diff := cmp.Diff(map[uint32]int64{6: 1}, results()); diff != "" {
			t.Errorf("ignored (-want +got):\n%s", diff)
		}
		if err := f.Press(key.Insole, Heed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(map[uint32]int64{4: 3, 5: 3, 6: 1}, results()); diff != "" {
			t.Errorf("heeded (-want +got):\n%s", diff)
		}
		cancel()
		<-done
		s.cut()
		s.jobs.Wait()
	})
}
