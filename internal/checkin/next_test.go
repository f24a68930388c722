package checkin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"solewatch/internal/insole"
)

var (
	monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	office = []insole.Shift{{Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}, From: 8 * time.Hour, To: 17 * time.Hour, Zone: "UTC"}}
	felt   = Wearer{Shifts: office, Feels: true, Phone: true}
)

func clock(h, m int) time.Time {
	return monday.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
}

// asked is somebody who is asked every half hour, as set at seven.
func asked(w Wearer) insole.CheckIns {
	return Asked(insole.CheckIns{Org: "acme", Worker: "marie"}, w, clock(7, 0), 30*time.Minute, 5*time.Minute, 5*time.Minute, false, Who{"claire", "Claire M."}).State
}

// A story is what happens to one worker, told at given times, with somebody looking whenever something is due.
type story struct {
	t     *testing.T
	w     Wearer
	c     insole.CheckIns
	now   time.Time
	blind bool // nobody looks: an outage of ours
	said  []string
}

func (s *story) take(p Plan) {
	s.t.Helper()
	if p.Changed && p.State.Version != s.c.Version+1 {
		s.t.Fatalf("version %d after %d", p.State.Version, s.c.Version)
	}
	s.c = p.State
	for _, r := range p.Remind {
		s.said = append(s.said, fmt.Sprintf("%s %s foot=%v sms=%v", s.now.Format("15:04"), r.What, r.Foot, r.SMS))
	}
	for _, r := range p.Raise {
		s.said = append(s.said, fmt.Sprintf("%s raise %s of %s", s.now.Format("15:04"), r.Kind, r.At.Format("15:04")))
	}
	for _, k := range p.Return {
		s.said = append(s.said, fmt.Sprintf("%s return %s", s.now.Format("15:04"), k))
	}
}

// until lets time pass, looking when it is due.
func (s *story) until(t time.Time) {
	s.t.Helper()
	for n := 0; !s.blind && !s.c.LookAt.IsZero() && !s.c.LookAt.After(t); n++ {
		if n > 2000 {
			s.t.Fatalf("still something to do at %v: %+v", s.now, s.c)
		}
		if s.c.LookAt.After(s.now) {
			s.now = s.c.LookAt
		}
		p := Next(s.c, s.w, s.now)
		s.take(p)
		if again := Next(s.c, s.w, s.now); again.Changed || len(again.Raise)+len(again.Remind)+len(again.Return)+len(again.Log) > 0 {
			s.t.Fatalf("looked at again at %v it does %+v", s.now, again)
		}
	}
	s.now = t
}

func (s *story) want(what ...string) {
	s.t.Helper()
	if !slices.Equal(s.said, what) {
		s.t.Errorf("said\n%q\nwant\n%q", s.said, what)
	}
	s.said = nil
}

func tell(t *testing.T, w Wearer) *story {
	return &story{t: t, w: w, c: asked(w), now: clock(7, 0)}
}

func (s *story) foot(at time.Time) {
	s.t.Helper()
	s.take(CheckedIn(s.c, s.w, at, s.now, insole.ByFoot, Who{}, ""))
}

func TestDay(t *testing.T) {
	s := tell(t, felt)
	s.until(clock(8, 20))
	s.want() // the shift has begun, nothing is due yet
	s.until(clock(8, 26))
	s.want("08:25 before foot=true sms=false")
	s.foot(s.now)
	s.want("08:26 return missed-check-in") // which ends nothing where there is none
	s.foot(s.now)
	s.want() // twice
	s.until(clock(9, 2))
	s.want("08:51 before foot=true sms=false", "08:56 due foot=true sms=true", "09:01 raise missed-check-in of 08:56")
	if !s.c.DueAt.Equal(clock(9, 26)) || s.c.MissedAt.IsZero() {
		t.Errorf("after the missed one: %+v", s.c)
	}
	s.foot(clock(9, 2))
	s.want("09:02 return missed-check-in")
	s.until(clock(16, 33))
	s.said = nil
	s.foot(s.now)
	s.until(clock(23, 0))
	s.want("16:33 return missed-check-in") // 17:03 is after the end of the shift: never asked
	if !s.c.DueAt.IsZero() || !s.c.LookAt.Equal(clock(24+8, 0)) {
		t.Errorf("in the evening: due %v, look %v", s.c.DueAt, s.c.LookAt)
	}
	s.until(clock(24+8, 24))
	s.want()
	s.until(clock(24+8, 25))
	s.want("08:25 before foot=true sms=false")
}

// Sent in time and heard late, a check-in counts from when it was sent; one that another should have followed ends nothing.
func TestLateArrival(t *testing.T) {
	s := tell(t, felt)
	s.until(clock(8, 40))
	s.said = nil // missed at 08:35
	s.foot(clock(8, 29))
	s.want("08:40 return missed-check-in")
	if !s.c.DueAt.Equal(clock(8, 59)) {
		t.Errorf("due at %v, want half an hour after it was sent", s.c.DueAt)
	}
	s.until(clock(9, 50))
	s.said = nil
	s.foot(clock(9, 5)) // 9:35 should have followed, and it is 9:50
	s.want()
	if s.c.MissedAt.IsZero() || !s.c.LastAt.Equal(clock(9, 5)) {
		t.Errorf("an old check-in: %+v", s.c)
	}
	s.foot(clock(8, 50)) // older still
	if !s.c.LastAt.Equal(clock(9, 5)) {
		t.Errorf("an older one moved it back to %v", s.c.LastAt)
	}
	s.foot(clock(12, 0)) // a clock that is ahead
	if !s.c.LastAt.Equal(clock(9, 50)) {
		t.Errorf("believed to be of %v", s.c.LastAt)
	}
}

// An outage of ours: nobody looks for an hour. Whoever checked in meanwhile is in the backlog, and is given the time of grace to come out of it.
func TestOutage(t *testing.T) {
	s := tell(t, felt)
	s.until(clock(8, 10))
	s.blind = true
	s.until(clock(9, 40))
	s.blind = false
	s.until(clock(9, 41))
	s.want("09:40 due foot=true sms=true")
	for _, at := range []time.Time{clock(8, 27), clock(8, 58), clock(9, 30)} {
		s.foot(at)
	}
	s.said = nil
	s.until(clock(9, 54))
	s.want()

	s = tell(t, felt) // and who did not is noticed
	s.blind = true
	s.until(clock(9, 40))
	s.blind = false
	s.until(clock(9, 46))
	s.want("09:40 due foot=true sms=true", "09:45 raise missed-check-in of 08:30")
	s.until(clock(10, 22))
	s.want("10:10 before foot=true sms=false", "10:15 due foot=true sms=true", "10:20 raise missed-check-in of 10:15")
}

func TestShiftEndsOverdue(t *testing.T) {
	w := felt
	w.Shifts = []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 8*time.Hour + 32*time.Minute, Zone: "UTC"}}
	s := tell(t, w)
	s.until(clock(10, 0))
	s.want("08:25 before foot=true sms=false", "08:30 due foot=true sms=true", "08:35 raise missed-check-in of 08:30")
}

func TestTask(t *testing.T) {
	w := Wearer{Shifts: office, Phone: true} // no insole: a text message at once
	s := &story{t: t, w: w, c: insole.CheckIns{Org: "acme", Worker: "marie"}, now: clock(19, 0)}
	s.take(Tasked(s.c, w, s.now, 20*time.Minute, clock(20, 0), "tank 3", Who{"claire", "Claire M."}))
	s.until(clock(19, 18))
	s.want("19:15 before foot=false sms=true")
	s.take(CheckedIn(s.c, w, s.now, s.now, insole.ByLink, Who{}, ""))
	s.until(clock(19, 40))
	s.take(CheckedIn(s.c, w, s.now, s.now, insole.ByPerson, Who{"claire", "Claire M."}, "on the phone"))
	if s.c.LastBy != "claire" || s.c.LastHow != insole.ByPerson {
		t.Errorf("who has spoken to them: %+v", s.c)
	}
	s.said = nil
	s.until(clock(23, 0))
	s.want("19:55 before foot=false sms=true", "20:00 due foot=false sms=false", "20:05 raise missed-check-in of 20:00")
	if s.c.Task.Every != 0 || !s.c.LookAt.IsZero() {
		t.Errorf("after the task: %+v", s.c)
	}
}

func TestActivity(t *testing.T) {
	s := tell(t, felt)
	s.c.Every = 0
	s.now = clock(18, 0)
	s.take(Announced(s.c, s.w, s.now, clock(18, 30), "asthma; tank 3", Who{}))
	s.until(clock(18, 26))
	s.want("18:25 activity foot=true sms=true")
	s.take(Extended(s.c, s.w, s.now, clock(18, 40), Who{}))
	s.until(clock(18, 41))
	s.want("18:35 activity foot=true sms=true", "18:40 raise amber of 18:40")
	s.until(clock(22, 0))
	s.want() // once
	s.take(Announced(s.c, s.w, s.now, clock(22, 10), "another", Who{"claire", "Claire M."}))
	s.want("22:00 return amber")
	if s.c.Activity.By != "claire" || s.c.Activity.Raised {
		t.Errorf("replaced: %+v", s.c.Activity)
	}
	s.take(Finished(s.c, s.w, s.now, Who{}))
	s.want("22:00 return amber")
	if p := Finished(s.c, s.w, s.now, Who{}); p.Changed || len(p.Return) > 0 {
		t.Errorf("ended twice: %+v", p)
	}
	s.until(clock(24+7, 0))
	s.want()
}

func TestShifts(t *testing.T) {
	w := Wearer{By: insole.ByWalking, Feels: true}
	s := tell(t, w)
	s.until(clock(9, 0))
	s.want() // not at work: nothing is due
	s.take(ShiftBegan(s.c, w, clock(8, 58), s.now, string(insole.ByWalking), Who{}))
	if p := ShiftBegan(s.c, w, clock(9, 3), clock(9, 3), "claire", Who{"claire", ""}); p.Changed {
		t.Error("begun twice")
	}
	s.until(clock(9, 24))
	s.want("09:23 before foot=true sms=false")
	s.foot(s.now)
	s.take(ShiftEnded(s.c, w, clock(9, 25), clock(9, 25), true, Who{}))
	s.said = nil
	s.until(clock(12, 0))
	s.want()
	if p := ShiftBegan(s.c, w, clock(9, 20), s.now, string(insole.ByWalking), Who{}); p.Changed {
		t.Error("steps from before the end begin another shift")
	}
	// By walking it ends by itself, long after the last step; not while somebody is overdue.
	s.c.Every = 0
	s.take(ShiftBegan(s.c, w, s.now, s.now, string(insole.ByWalking), Who{}))
	s.w.MovedAt = clock(13, 0)
	s.until(clock(15, 59))
	if !s.c.Shift.Lasts() {
		t.Error("ended too soon")
	}
	s.until(clock(16, 1))
	if s.c.Shift.Lasts() || !s.c.Shift.Until.Equal(clock(16, 0)) {
		t.Errorf("shift %+v", s.c.Shift)
	}
	hurt := tell(t, w)
	hurt.take(ShiftBegan(hurt.c, w, hurt.now, hurt.now, string(insole.ByWalking), Who{}))
	hurt.until(clock(7, 31))
	hurt.take(ShiftEnded(hurt.c, w, hurt.now, hurt.now, false, Who{})) // the insole is on a charger; its wearer has not said a word
	hurt.said = nil
	hurt.until(clock(9, 0))
	hurt.want("07:35 raise missed-check-in of 07:30")
}

// Random histories under virtual time, with restarts (nothing is kept but the state), looks that come late or twice, check-ins told late, twice and
// out of order: whoever is silent for long enough on shift has an alarm, whoever has not been asked has none, twice is harmless.
func TestHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, 1))
			time.Sleep(time.Until(nextMonday(time.Now()).Add(8 * time.Hour))) // virtual
			began := time.Now().UTC()
			w := felt
			c := Asked(insole.CheckIns{Org: "acme", Worker: "marie"}, w, began, 30*time.Minute, 5*time.Minute, 5*time.Minute, false, Who{}).State
			quietFrom := began.Add(time.Duration(r.IntN(360)) * time.Minute) // from here on the worker says nothing
			var told []time.Time
			raised := map[string]bool{}
			open := false
			do := func(p Plan) {
				for _, x := range p.Raise {
					if raised[x.Key] {
						t.Fatalf("seed %d: %s raised twice", seed, x.Key)
					}
					raised[x.Key] = true
					open = true
					last := c.LastAt
					if last.Before(began) {
						last = began
					}
					if x.At.Sub(last) < 30*time.Minute {
						t.Fatalf("seed %d: missed %v, and checked in at %v", seed, x.At, last)
					}
				}
				if len(p.Return) > 0 {
					open = false
				}
				c = p.State
			}
			end := began.Add(8*time.Hour + 30*time.Minute)
			nextSay := began.Add(time.Duration(5+r.IntN(25)) * time.Minute)
			for time.Now().Before(end) {
				time.Sleep(time.Duration(20+r.IntN(40)) * time.Second)
				now := time.Now().UTC()
				if !nextSay.After(now) && now.Before(quietFrom) {
					told = append(told, now)
					nextSay = now.Add(time.Duration(5+r.IntN(24)) * time.Minute)
				}
				switch r.IntN(4) {
				case 0, 1: // the sweep, or a message, or both
					do(Next(c, w, now))
					if again := Next(c, w, now); again.Changed {
						t.Fatalf("seed %d: twice is not once: %+v", seed, again)
					}
				case 2: // what was said arrives, some of it late, in any order, some again
					if len(told) > 0 {
						i := r.IntN(len(told))
						p := CheckedIn(c, w, told[i], now, insole.ByFoot, Who{}, "")
						do(p)
						if again := CheckedIn(c, w, told[i], now, insole.ByFoot, Who{}, ""); again.Changed {
							t.Fatalf("seed %d: told twice it counts twice", seed)
						}
						if r.IntN(3) > 0 {
							told = slices.Delete(told, i, i+1)
						}
					}
				}
			}
			if !open {
				t.Fatalf("seed %d: silent since %v at most, and no alarm: %+v", seed, quietFrom, c)
			}
		}
	})
}

func nextMonday(t time.Time) time.Time {
	d := t.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	for d.Weekday() != time.Monday {
		d = d.AddDate(0, 0, 1)
	}
	return d
}
