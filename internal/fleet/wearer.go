package fleet

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"solewatch/internal/insole"
)

// A Profile says how wearers spend their time.
type Profile string

const (
	Walk  Profile = "walk"  // rounds, with pauses; a gap in coverage now and then
	Day   Profile = "day"   // eight hours of work from 08:00 UTC, reporting at the moving interval; sixteen on the charger
	Storm Profile = "storm" // always walking, coverage comes and goes, calls for help: the bad day
)

// tick is the step of the simulation. Wearers move on in whole ticks from their start, so that what happens to them does not depend on when
// anybody looks.
const tick = time.Second

// A wearer is a body with an insole: where it is, what it does, how full the battery is. It knows nothing of reports or networks, and is
// the same for the same seed, insole and start.
type wearer struct {
	net     *network
	rand    *rand.Rand
	profile Profile

	now      time.Time
	until    time.Time // end of what it does now
	posture  insole.Posture
	way      route
	pace     float64 // metres per second when walking
	speed    float64 // now
	steps    float64
	stride   float64 // metres
	battery  float64 // percent
	charging bool
	down     bool // lying or motionless until somebody helps

	err      place   // of the receiver, metres
	accuracy float64 // metres
}

func newWearer(seed uint64, id insole.ID, profile Profile, start time.Time) *wearer {
	w := &wearer{net: streets(), rand: stream(seed, id, "wearer"), profile: profile, now: start, until: start}
	w.way = w.net.start(w.rand)
	w.pace = 1.05 + 0.5*w.rand.Float64()
	w.stride = 0.65 + 0.15*w.rand.Float64()
	w.battery = 45 + 55*w.rand.Float64()
	w.accuracy = 3 + 7*w.rand.Float64()
	w.err = place{w.rand.NormFloat64() * w.accuracy / 2, w.rand.NormFloat64() * w.accuracy / 2}
	w.change()
	return w
}

// stream is a source of random numbers of one insole for one purpose.
func stream(seed uint64, id insole.ID, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(id))
	h.Write([]byte{0})
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// between is a random time from a to b.
func between(r *rand.Rand, a, b time.Duration) time.Duration {
	return a + time.Duration(r.Float64()*float64(b-a))
}

// working says whether the wearer is out.
func (w *wearer) working() bool {
	return w.profile != Day || (w.now.UTC().Hour() >= 8 && w.now.UTC().Hour() < 16)
}

// advance lives until now.
func (w *wearer) advance(now time.Time) {
	for !w.now.Add(tick).After(now) {
		w.now = w.now.Add(tick)
		w.live()
	}
}

// changes is the tick at which the wearer will do something else, unless held down.
func (w *wearer) changes() time.Time {
	ticks := max(1, (w.until.Sub(w.now)+tick-1)/tick)
	return w.now.Add(ticks * tick)
}

func (w *wearer) live() {
	if !w.now.Before(w.until) && !w.down {
		w.change()
	}
	dt := tick.Seconds()
	w.speed = 0
	if w.posture == insole.Walking {
		w.pace = min(1.6, max(1.0, w.pace+0.02*w.rand.NormFloat64()))
		w.speed = w.pace
		w.net.walk(&w.way, w.speed*dt, w.rand)
		w.steps += w.speed * dt / w.stride
	}
	switch {
	case w.charging:
		w.battery += dt / 60 // 1 % a minute
	case w.posture == insole.Walking:
		w.battery -= dt / 700 // some 19 hours
	default:
		w.battery -= dt / 2500
	}
	w.battery = min(100, max(1, w.battery))
	// The receiver's error wanders, with a memory of about half a minute.
	w.accuracy = min(15, max(3, w.accuracy+0.15*w.rand.NormFloat64()))
	const keep = 0.97
	kick := w.accuracy / 1.5 * math.Sqrt(1-keep*keep)
	w.err.x = keep*w.err.x + kick*w.rand.NormFloat64()
	w.err.y = keep*w.err.y + kick*w.rand.NormFloat64()
}

// change begins something else to do.
func (w *wearer) change() {
	r := w.rand
	if w.charging && w.battery < 95 && (w.profile != Day || !w.working()) {
		w.until = w.now.Add(time.Minute)
		return
	}
	w.charging = false
	switch {
	case !w.working():
		w.posture, w.charging, w.until = insole.Sitting, w.battery < 99, w.now.Add(10*time.Minute)
	case w.battery < 6:
		w.posture, w.charging, w.until = insole.Sitting, true, w.now.Add(time.Minute)
	case w.profile == Storm:
		w.posture, w.until = insole.Walking, w.now.Add(time.Hour)
	case w.posture == insole.Walking && r.Float64() < 0.7:
		w.posture, w.until = insole.Standing, w.now.Add(between(r, time.Minute, 5*time.Minute))
	case w.posture == insole.Walking:
		w.posture, w.until = insole.Sitting, w.now.Add(between(r, 4*time.Minute, 15*time.Minute))
	case w.posture == "" && r.Float64() < 0.2:
		w.posture, w.until = insole.Sitting, w.now.Add(between(r, time.Minute, 10*time.Minute))
	default:
		w.posture, w.until = insole.Walking, w.now.Add(between(r, 5*time.Minute, 25*time.Minute))
	}
}

// fall puts the wearer on the ground; they stay there.
func (w *wearer) fall() { w.down, w.posture, w.speed, w.charging = true, insole.Lying, 0, false }

// freeze makes the wearer motionless where they are.
func (w *wearer) freeze() { w.down, w.posture, w.speed, w.charging = true, insole.Sitting, 0, false }

// rise ends fall and freeze.
func (w *wearer) rise() {
	if !w.down {
		return
	}
	w.down, w.posture, w.until = false, insole.Standing, w.now.Add(30*time.Second)
}

// fix is what the receiver says now.
func (w *wearer) fix() *insole.Fix {
	p, course := w.net.at(w.way)
	lat, lon := w.net.degrees(place{p.x + w.err.x, p.y + w.err.y})
	return &insole.Fix{
		Lat: lat, Lon: lon, Altitude: math.Round(130 + 60*math.Sin(p.x/400)*math.Cos(p.y/500)), Speed: w.speed, Course: course,
		Accuracy: math.Round(w.accuracy*10) / 10, Satellites: int(14 - w.accuracy/2), Source: insole.SourceGPS, At: w.now,
	}
}

// charge is what the battery says now.
func (w *wearer) charge() *insole.Battery {
	return &insole.Battery{Percent: int(w.battery), Millivolts: 3300 + int(9*w.battery), Charging: w.charging}
}
