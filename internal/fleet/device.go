package fleet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/wire/sole"
)

// What Press answers when it cannot be done.
var (
	ErrUnsupported = errors.New("this insole's language has no such call")
	ErrNothing     = errors.New("there is nothing to cancel")
)

// A Call is what a wearer, or the insole by itself, can do beside walking.
type Call string

const (
	SOS    Call = "sos"
	Covert Call = "covert"   // SOS under duress; of a pre-alarm, the covert cancel
	Fall   Call = "fall"     // pre-alarm, then the fall unless cancelled
	Still  Call = "still"    // pre-alarm, then no motion unless cancelled
	Cancel Call = "cancel"   // of a pre-alarm; after it, the wearer gets up
	Well   Call = "check-in" // all is well
)

// What a wearer does about an evacuation or a roll-call, from now on. They are no calls for help, and happen when asked for only.
const (
	Ignore Call = "ignore" // feels it, and makes no gesture
	Heed   Call = "heed"   // answers, also what was ignored before; so is everybody at first
)

// Moods lists every Call that is none for help.
var Moods = []Call{Ignore, Heed, Well}

// Calls lists every other Call.
var Calls = []Call{SOS, Covert, Fall, Still, Cancel}

const (
	preAlarm   = 30 * time.Second
	getsUp     = 15 * time.Minute // after a fall or stillness that nobody ended
	lowBattery = 15               // percent
)

var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// An entry is one record in an insole's flash: kept until it is acknowledged.
type entry struct {
	rec     sole.Record // in either dialect
	name    string      // Report.Key of rec
	urgent  bool
	tries   int       // how often it was sent
	waiting bool      // sent, and not answered yet
	after   time.Time // not to be sent again before
}

// A device is the insole itself, without its radio: when it reports, what it makes of what its wearer does, and what it
// has not yet been told to forget. It holds no clock and no socket.
type device struct {
	key     Key
	body    *wearer
	boot    uint32
	seq     uint32
	moving  time.Duration // between reports
	still   time.Duration
	due     time.Time // next report
	resting bool      // the last one promised the next after still
	said    insole.Posture
	plain   int // reports so far

	pending  insole.Kind // pre-alarm: fall or still
	deadline time.Time   // of pending
	raised   insole.Kind // fall or still, not over yet
	risesAt  time.Time   // of raised

	calls     *rand.Rand
	helpEvery time.Duration // mean time between calls for help; 0 = none by itself
	helpAt    time.Time

	lowSaid  bool
	answered map[uint32]sole.Result
	ignores  bool
	ignored  []uint32 // orders that wait for a gesture
	flash    []*entry // oldest first
	limit    int      // entries in flash before plain ones are overwritten, oldest first
	stats    *Stats
}

func newDevice(k Key, o Options, start time.Time, stats *Stats) *device {
	d := &device{
		key: k, body: newWearer(o.Seed, k.Insole, o.Profile, start), boot: uint32(start.Unix()), moving: o.Interval, still: o.StillInterval,
		calls: stream(o.Seed, k.Insole, "calls"), helpEvery: o.HelpEvery, helpAt: never, deadline: never, risesAt: never, limit: o.Flash, stats: stats,
	}
	if d.helpEvery == 0 && o.Profile == Storm {
		d.helpEvery = 5 * time.Minute
	}
	d.due = start.Add(between(d.calls, 0, d.moving)) // so that a fleet does not report in step
	d.plan(start)
	if o.silent {
		d.due, d.helpAt = never, never
	}
	return d
}

// plan decides when help is called for next.
func (d *device) plan(now time.Time) {
	if d.helpEvery > 0 {
		d.helpAt = now.Add(time.Duration(d.calls.ExpFloat64() * float64(d.helpEvery)))
	}
}

// wake is when advance has something to do next.
func (d *device) wake() time.Time {
	t := d.due
	for _, other := range []time.Time{d.deadline, d.risesAt, d.helpAt} {
		if other.Before(t) {
			t = other
		}
	}
	if d.resting && !d.body.down && d.due != never {
		// Somebody who gets up and goes is reported at once.
		if c := d.body.changes(); c.Before(t) {
			t = c
		}
	}
	return t
}

// advance lives until now, and puts what is to be said into flash.
func (d *device) advance(now time.Time) {
	for t := d.wake(); !t.After(now); t = d.wake() {
		d.body.advance(t)
		switch t {
		case d.deadline:
			d.raised, d.pending, d.deadline, d.risesAt = d.pending, "", never, t.Add(getsUp)
			d.record(t, d.raised)
		case d.risesAt:
			d.recover(t)
		case d.helpAt:
			d.plan(t)
			// A language without the call, or a wearer who is down already: then nothing happens this time.
			_ = d.press(Calls[d.calls.IntN(len(Calls))], t)
		case d.due:
			d.report(t)
		default: // the wearer has begun something else
			if d.body.posture == insole.Walking {
				d.report(t)
			}
		}
	}
	d.body.advance(now)
}

// report says where the wearer is, and when that will be said again.
func (d *device) report(t time.Time) {
	d.resting = d.body.posture != insole.Walking && (d.body.profile != Day || !d.body.working())
	d.due = t.Add(d.expect())
	d.plain++
	kind := insole.KindFix
	if d.body.charging {
		kind = insole.KindStatus
	}
	d.record(t, kind)
	percent := int(d.body.battery)
	switch {
	case percent <= lowBattery && !d.body.charging && !d.lowSaid:
		d.lowSaid = true
		d.record(t, insole.KindLowBattery)
	case percent > 2*lowBattery:
		d.lowSaid = false
	}
}

func (d *device) expect() time.Duration {
	if d.resting {
		return d.still
	}
	return d.moving
}

// record puts one record into flash.
func (d *device) record(t time.Time, kind insole.Kind) *entry {
	d.seq++
	e := &entry{urgent: kind.Urgent(), rec: sole.Record{
		Boot: d.boot, Seq: d.seq, At: t.UTC().Truncate(time.Millisecond), Kind: kind, Battery: d.body.charge(), Expect: d.expect().Truncate(time.Second),
	}}
	if kind != insole.KindStatus && kind != insole.KindAnswer {
		e.rec.Fix = d.body.fix()
	}
	if e.urgent || d.body.posture != d.said || d.plain%6 == 0 {
		e.rec.Steps, e.rec.Posture = uint32(d.body.steps), d.body.posture
		d.said = d.body.posture
	}
	if d.due == never { // an insole that only calls promises nothing
		e.rec.Expect = 0
	}
	d.keep(e)
	return e
}

// keep appends e, and overwrites the oldest plain entry when flash is full. Help is never overwritten.
func (d *device) keep(e *entry) {
	e.name = d.name(&e.rec)
	if len(d.flash) >= d.limit {
		if i := slices.IndexFunc(d.flash, func(e *entry) bool { return !e.urgent && !e.waiting }); i >= 0 {
			d.flash = slices.Delete(d.flash, i, i+1)
			d.stats.overwritten.Add(1)
			d.stats.backlog.Add(-1)
		}
	}
	d.flash = append(d.flash, e)
	d.stats.backlog.Add(1)
}

// forget removes entries: they are acknowledged.
func (d *device) forget(done []*entry) {
	before := len(d.flash)
	d.flash = slices.DeleteFunc(d.flash, func(e *entry) bool { return slices.Contains(done, e) })
	d.stats.backlog.Add(int64(len(d.flash) - before))
}

// press does what the wearer does at now. ErrUnsupported, ErrNothing.
func (d *device) press(c Call, now time.Time) error {
	public := d.key.Dialect == insole.Teltonika
	switch c {
	case SOS:
		d.record(now, insole.KindSOS)
	case Covert:
		if public {
			return ErrUnsupported
		}
		// While a pre-alarm runs it is the covert cancel: on the foot all is as after a cancel, and what was said is a call for help. The server
		// holds the pre-alarm's deadline and is told of no cancel.
		if d.pending != "" {
			d.pending, d.deadline = "", never
			d.body.rise()
		}
		d.record(now, insole.KindCovertSOS)
	case Well:
		if public {
			return ErrUnsupported
		}
		d.record(now, insole.KindCheckIn)
	case Fall:
		if d.body.down {
			return nil // already on the ground
		}
		d.body.fall()
		d.begin(insole.KindFall, now)
	case Still:
		if public {
			return ErrUnsupported
		}
		if d.body.down {
			return nil
		}
		d.body.freeze()
		d.begin(insole.KindStill, now)
	case Ignore, Heed:
		if public {
			return ErrUnsupported
		}
		d.ignores = c == Ignore
		for _, id := range d.ignored {
			if !d.ignores {
				d.answer(id, sole.Confirmed, now)
			}
		}
		if !d.ignores {
			d.ignored = nil
		}
	case Cancel:
		switch {
		case d.pending != "":
			d.pending, d.deadline = "", never
			d.body.rise()
			if !public {
				d.record(now, insole.KindPreAlarmCancel)
			}
		case d.raised != "":
			d.recover(now)
		default:
			return ErrNothing
		}
	default:
		return fmt.Errorf("call %q is not one of %v: %w", c, slices.Concat(Calls, Moods), insole.ErrInvalid)
	}
	return nil
}

// begin starts a pre-alarm. A public dialect has none: its device counts down for itself.
func (d *device) begin(about insole.Kind, now time.Time) {
	d.pending, d.deadline = about, now.Add(preAlarm)
	if d.key.Dialect == insole.SOLE {
		e := d.record(now, insole.KindPreAlarm)
		e.rec.PreAlarm, e.rec.About = preAlarm, about
	}
}

// recover ends a fall or stillness: the wearer gets up.
func (d *device) recover(now time.Time) {
	d.raised, d.risesAt = "", never
	d.body.rise()
	d.record(now, insole.KindUpright)
}

// obey does what the server asks, once for each order, and puts the answer into flash.
func (d *device) obey(o sole.Downlink, now time.Time) {
	result, again := d.answered[o.ID]
	if !again {
		result = sole.Done
		switch o.Command {
		case sole.Vibrate, sole.Taken:
		case sole.Cancelled:
			if d.raised != "" {
				d.recover(now)
			}
		case sole.Evacuate, sole.RollCall:
			if d.ignores {
				if !slices.Contains(d.ignored, o.ID) {
					d.ignored = append(d.ignored, o.ID)
				}
				return
			}
			result = sole.Confirmed
		case sole.AskFix:
			d.report(now)
		case sole.SetIntervals:
			d.moving, d.still = o.Moving, o.Still
			d.due = now.Add(d.expect())
		default:
			result = sole.Unsupported
		}
	}
	d.answer(o.ID, result, now)
}

// answer says what became of an order, and remembers it for when it comes again.
func (d *device) answer(id uint32, result sole.Result, now time.Time) {
	if d.answered == nil {
		d.answered = map[uint32]sole.Result{}
	}
	d.answered[id] = result
	e := d.record(now, insole.KindAnswer)
	e.rec.Downlink, e.rec.Result = id, result
}

// next chooses what goes into the next frame: help alone, the newest first; then, of a long backlog, the newest record alone, so that
// people see where the wearer is now; then the oldest, as many as fit says. It is nil when nothing is to be sent.
func (d *device) next(now time.Time, fit func([]*entry) int) []*entry {
	var plain []*entry
	var newest *entry // plain, sent or not
	for i := len(d.flash) - 1; i >= 0; i-- {
		e := d.flash[i]
		if newest == nil && !e.urgent {
			newest = e
		}
		if e.waiting || now.Before(e.after) {
			continue
		}
		if e.urgent {
			return []*entry{e}
		}
		plain = append(plain, e)
	}
	if len(plain) == 0 {
		return nil
	}
	const long = 20
	if len(plain) > long && plain[0] == newest {
		return plain[:1]
	}
	slices.Reverse(plain)
	return plain[:fit(plain)]
}

// retryAt is when an entry that was refused for now may be sent again; never when there is none.
func (d *device) retryAt(now time.Time) time.Time {
	t := never
	for _, e := range d.flash {
		if !e.waiting && e.after.After(now) && e.after.Before(t) {
			t = e.after
		}
	}
	return t
}

// helpWaits says whether flash holds a call for help.
func (d *device) helpWaits() bool {
	return slices.ContainsFunc(d.flash, func(e *entry) bool { return e.urgent })
}
