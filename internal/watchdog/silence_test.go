package watchdog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

// A history plays minutes: insoles talk to bridges, bridges to a queue, ingest to the table, the watchdog looks.
type history struct {
	*world
	insoles []*walker
	bridges map[string]bool // that work
	ingest  bool
	drain   int // words that ingest reads a minute; 0 = all
	queue   []word
	raised  map[insole.WorkerID]int // lost contacts, by the minute they were raised in
	minute  int
}

type walker struct {
	id      insole.ID
	bridge  string
	silent  bool
	expect  time.Duration
	shifts  []insole.Shift
	battery *insole.Battery
}

type word struct {
	of     *walker // nil: a pulse of bridge
	bridge string
	at     time.Time
	bye    bool
}

func (w *walker) worker() insole.WorkerID { return insole.WorkerID("w-" + string(w.id)) }

func newHistory(t *testing.T, insoles ...*walker) *history {
	h := &history{world: newWorld(t), insoles: insoles, bridges: map[string]bool{"b1": true}, ingest: true, raised: map[insole.WorkerID]int{}}
	for _, i := range insoles {
		if i.expect == 0 {
			i.expect = time.Minute
		}
		if i.bridge == "" {
			i.bridge = "b1"
		}
		d, err := h.store.Directory(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		key := make([]byte, 32)
		if i.id.Speaks() == insole.Teltonika {
			key = nil
		}
		err = h.store.Edit(t.Context(), "acme", d.Revision, store.PutInsole(store.Kept[store.InsoleRef]{Value: store.InsoleRef{Org: "acme", ID: i.id, Dialect: i.id.Speaks(), Team: "north", Worker: i.worker()}},
			insole.Assignment{Insole: i.id, Dialect: i.id.Speaks(), Org: "acme", Team: "north", Worker: i.worker(), Locale: "en", Key: key, Shifts: i.shifts}))
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func crew(n int, teltonika bool) (out []*walker) {
	for i := range n {
		id := insole.ID(fmt.Sprintf("00a1b2c3d4e5f6%02d", i))
		if teltonika {
			id = insole.ID(fmt.Sprintf("3520930866345%02d", i))
		}
		out = append(out, &walker{id: id})
	}
	return out
}

// play lets minutes pass.
func (h *history) play(minutes int) {
	h.Helper()
	for range minutes {
		h.clock.Advance(time.Minute)
		h.minute++
		now := h.clock.Now()
		for b, works := range h.bridges {
			if works {
				h.queue = append(h.queue, word{bridge: b, at: now})
			}
		}
		for _, i := range h.insoles {
			if !i.silent && h.bridges[i.bridge] && h.minute%int(i.expect/time.Minute) == 0 {
				h.queue = append(h.queue, word{of: i, at: now})
			}
		}
		for n := 0; h.ingest && len(h.queue) > 0 && (h.drain == 0 || n < h.drain); n++ {
			h.read(h.queue[0])
			h.queue = h.queue[1:]
		}
		h.run()
		for _, a := range h.open() {
			if _, said := h.raised[a.Worker]; a.Kind == insole.AlarmLostContact && !said {
				h.raised[a.Worker] = h.minute
			}
		}
	}
}

func (h *history) read(w word) {
	h.Helper()
	if w.of == nil {
		if err := h.store.SavePulse(h.Context(), w.bridge, w.at, w.bye); err != nil {
			h.Fatal(err)
		}
		return
	}
	l, err := h.store.GetLive(h.Context(), "acme", w.of.id)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		h.Fatal(err)
	}
	l.Org, l.Insole, l.Worker = "acme", w.of.id, w.of.worker()
	l.State.HeardAt, l.State.At, l.State.Expect, l.State.Lost = w.at, w.at, w.of.expect, false
	if w.of.battery != nil {
		l.State.Battery = w.of.battery
	}
	l.Version++
	if err := h.store.SaveLive(h.Context(), l); err != nil {
		h.Fatal(err)
	}
}

// technical is the open alarm about the way, nil when there is none.
func (h *history) technical() *insole.Alarm {
	h.Helper()
	var found *insole.Alarm
	for _, a := range h.open() {
		if a.Kind == insole.AlarmTechnical {
			if found != nil {
				h.Errorf("two technical alarms: %+v and %+v", found, a)
			}
			found = &a
		}
	}
	return found
}

func (h *history) want(minutes map[insole.WorkerID][2]int) {
	h.Helper()
	for who, at := range h.raised {
		between, ok := minutes[who]
		if !ok || at < between[0] || at > between[1] {
			h.Errorf("lost contact of %s in minute %d, want %v", who, at, between)
		}
	}
	for who := range minutes {
		if _, ok := h.raised[who]; !ok {
			h.Errorf("no lost contact of %s in %d minutes", who, h.minute)
		}
	}
}

// Ingest is away for 20 minutes while the bridges go on: nobody is lost but who really was, after the backlog.
func TestOutageWithABacklog(t *testing.T) {
	all := crew(6, false)
	h := newHistory(t, all...)
	h.play(10)
	h.ingest = false
	h.play(5)
	all[0].silent = true // truly, from minute 16
	h.play(15)
	if got := h.technical(); got == nil || got.WorkerName != "our outage, 6 not heard" && !strings.HasPrefix(got.WorkerName, "our outage, ") {
		t.Fatalf("technical alarm = %+v", got)
	} else if !got.ReturnedAt.IsZero() {
		t.Error("over before it is over")
	}
	if len(h.raised) != 0 {
		t.Fatalf("in the outage: %v", h.raised)
	}
	h.ingest, h.drain = true, 40 // 20 min of 7 words a minute, and 7 more each minute
	h.play(6)
	if len(h.raised) != 0 {
		t.Errorf("while the backlog drains: %v", h.raised)
	}
	h.play(9)
	h.want(map[insole.WorkerID][2]int{all[0].worker(): {34, 42}})
	if got := h.technical(); got == nil || got.ReturnedAt.IsZero() {
		t.Errorf("after the backlog: %+v, want it marked as over", got)
	}
	sent, err := h.srv.Outbox().List(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range sent {
		if strings.Contains(n.Text, "Lost contact") && !strings.Contains(n.Text, string(all[0].worker())) {
			t.Errorf("paged about somebody who was not lost: %q", n.Text)
		}
	}
}

// All bridges are away: insoles cannot reach us. They come back within Settle; one does not.
func TestBridgesAway(t *testing.T) {
	all := crew(4, false)
	h := newHistory(t, all...)
	h.play(10)
	h.bridges["b1"] = false
	h.play(20)
	if h.technical() == nil || len(h.raised) != 0 {
		t.Fatalf("technical %+v, lost %v", h.technical(), h.raised)
	}
	all[3].silent = true
	h.bridges = map[string]bool{"b2": true} // another process, another name
	for _, i := range all {
		i.bridge = "b2"
	}
	h.play(10)
	h.want(map[insole.WorkerID][2]int{all[3].worker(): {33, 38}})
}

// An outage that does not end suppresses nothing for ever, and a whole day of them neither.
func TestNothingIsSuppressedForEver(t *testing.T) {
	all := crew(3, false)
	h := newHistory(t, all...)
	h.play(5)
	h.ingest = false
	h.play(40)
	want := map[insole.WorkerID][2]int{}
	for _, i := range all {
		want[i.worker()] = [2]int{33, 41} // 5, and three of its intervals, and HoldMost
	}
	h.want(want)
	for _, a := range h.open() {
		if a.Kind == insole.AlarmLostContact && a.Guess != insole.GuessOutage {
			t.Errorf("guess = %q", a.Guess)
		}
	}
}

func TestOutageAfterOutage(t *testing.T) {
	all := crew(3, false)
	h := newHistory(t, all...)
	h.play(5)
	all[0].silent = true
	for range 12 { // every quarter of an hour, five minutes
		h.ingest = false
		h.play(5)
		h.ingest = true
		h.play(10)
	}
	h.want(map[insole.WorkerID][2]int{all[0].worker(): {8, 45}})
}

// One of two bridges ends: its insoles move, one does not come back.
func TestOneBridge(t *testing.T) {
	all := crew(6, false)
	for _, i := range all[:3] {
		i.bridge = "b2"
	}
	h := newHistory(t, all...)
	h.bridges["b2"] = true
	h.play(10)
	h.bridges["b2"] = false
	h.play(4)
	for _, i := range all[:2] {
		i.bridge = "b1"
	}
	h.play(10)
	h.want(map[insole.WorkerID][2]int{all[2].worker(): {17, 17}})
	if got := h.technical(); got != nil {
		t.Errorf("technical alarm %+v: the others are heard", got)
	}
}

// Nobody of one language is heard, though the bridges work: its port, its operator's network. The others are judged as ever.
func TestOneDialect(t *testing.T) {
	native, public := crew(3, false), crew(4, true)
	h := newHistory(t, append(native, public...)...)
	h.play(10)
	for _, i := range public {
		i.silent = true
	}
	native[0].silent = true
	h.play(8)
	h.want(map[insole.WorkerID][2]int{native[0].worker(): {13, 15}})
	if got := h.technical(); got == nil || got.WorkerName != "our outage, 4 not heard" {
		t.Errorf("technical alarm %+v, want the 4 of the language that nobody hears", got)
	}
	for _, i := range public[1:] {
		i.silent = false
	}
	h.play(10)
	h.want(map[insole.WorkerID][2]int{native[0].worker(): {13, 15}, public[0].worker(): {20, 24}})
}

// The same, and it stays so: what is only guessed is held for less.
func TestAGuessIsHeldForLess(t *testing.T) {
	all := crew(4, false)
	h := newHistory(t, all...)
	h.play(5)
	for _, i := range all {
		i.silent = true
	}
	h.play(20)
	want := map[insole.WorkerID][2]int{}
	for _, i := range all {
		want[i.worker()] = [2]int{17, 20}
	}
	h.want(want)
}

// Two are too few to guess from.
func TestTwoAreTooFew(t *testing.T) {
	all := crew(2, false)
	h := newHistory(t, all...)
	h.play(5)
	for _, i := range all {
		i.silent = true
	}
	h.play(5)
	h.want(map[insole.WorkerID][2]int{all[0].worker(): {9, 9}, all[1].worker(): {9, 9}})
}

// The clock begins at noon, the shift at 12:30.
func TestBeforeTheShift(t *testing.T) {
	shift := []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 12*time.Hour + 30*time.Minute, To: 20 * time.Hour, Zone: "UTC"}}
	charger, drawer, way, worn := &walker{id: "00a1b2c3d4e5f601", battery: &insole.Battery{Percent: 90, Charging: true}}, &walker{id: "00a1b2c3d4e5f602"}, &walker{id: "00a1b2c3d4e5f603"}, &walker{id: "00a1b2c3d4e5f604"}
	for _, i := range []*walker{charger, drawer, way, worn} {
		i.shifts = shift
	}
	h := newHistory(t, charger, drawer, way, worn)
	h.read(word{of: drawer, at: noon.Add(-15 * time.Hour)}) // put away yesterday
	drawer.silent = true
	h.play(20)
	charger.silent, way.silent = true, true // the one on its charger, the other on a foot that is on its way
	h.play(60)
	h.want(map[insole.WorkerID][2]int{
		charger.worker(): {61, 62}, drawer.worker(): {61, 62}, // Unheard into the shift
		way.worker(): {34, 35}, // three of its intervals into the shift
	})
	for _, a := range h.open() {
		want := insole.GuessUnheard
		if a.Worker == way.worker() {
			want = insole.GuessUnknown
		}
		if a.Guess != want {
			t.Errorf("guess of %s = %q, want %q", a.Worker, a.Guess, want)
		}
	}
}

// Whose shift begins by hand is lost in such a shift only.
func TestShiftByHand(t *testing.T) {
	w := newWorld(t)
	d, err := w.store.Directory(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	err = w.store.Edit(t.Context(), "acme", d.Revision, store.PutInsole(store.Kept[store.InsoleRef]{Version: 1, Value: store.InsoleRef{Org: "acme", ID: marie, Dialect: insole.SOLE, Team: "north", Worker: "marie"}},
		insole.Assignment{Insole: marie, Dialect: insole.SOLE, Org: "acme", Team: "north", Worker: "marie", Locale: "en", Key: make([]byte, 32), ShiftBy: insole.ByHand}))
	if err != nil {
		t.Fatal(err)
	}
	w.heard(rules.State{HeardAt: noon, At: noon, Expect: 10 * time.Second})
	w.clock.Advance(10 * time.Minute)
	w.run()
	if n := len(w.open()); n != 0 {
		t.Fatalf("%d alarms off shift", n)
	}
	c := insole.CheckIns{Org: "acme", Worker: "marie", Version: 1, Shift: insole.Stretch{Since: w.clock.Now(), By: "hand"}}
	if err := w.store.SaveCheckIns(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	w.run()
	if n := len(w.open()); n != 0 {
		t.Fatalf("%d alarms 2 min into the shift", n)
	}
	w.clock.Advance(2 * time.Minute)
	w.run()
	if n := len(w.open()); n != 1 {
		t.Fatalf("%d alarms 4 min into the shift, want 1", n)
	}
}

func TestGuess(t *testing.T) {
	here := &insole.Fix{Lat: 43.6155, Lon: 7.0718, Accuracy: 8, Source: insole.SourceGPS, At: noon}
	near := &insole.Fix{Lat: 43.6156, Lon: 7.0719, Accuracy: 8, Source: insole.SourceGPS, At: noon}
	for _, tt := range []struct {
		name  string
		state rules.State
		other *rules.State
		want  insole.Guess
	}{
		{"nothing speaks for anything", rules.State{Fix: here, Battery: &insole.Battery{Percent: 80}}, nil, insole.GuessUnknown},
		{"nothing is known", rules.State{}, nil, insole.GuessUnknown},
		{"nearly empty", rules.State{Battery: &insole.Battery{Percent: 4}}, nil, insole.GuessBattery},
		{"going down fast", rules.State{Battery: &insole.Battery{Percent: 8}, Level: rules.Level{At: noon.Add(-time.Hour), Percent: 60}, Expect: 5 * time.Minute}, nil, insole.GuessBattery},
		{"going down slowly", rules.State{Battery: &insole.Battery{Percent: 8}, Level: rules.Level{At: noon.Add(-time.Hour), Percent: 12}}, nil, insole.GuessUnknown},
		{"off the foot", rules.State{Conditions: rules.TakenOff}, nil, insole.GuessTakenOff},
		{"poor positions", rules.State{Fix: &insole.Fix{Lat: 43.6, Lon: 7, Accuracy: 400, At: noon}}, nil, insole.GuessDeadZone},
		{"by cell", rules.State{Fix: &insole.Fix{Lat: 43.6, Lon: 7, Accuracy: 90, Source: insole.SourceCell, At: noon}}, nil, insole.GuessDeadZone},
		{"where another was lost", rules.State{Fix: here}, &rules.State{Fix: near, Lost: true, HeardAt: noon.Add(-5 * time.Minute)}, insole.GuessDeadZone},
		{"where another was lost yesterday", rules.State{Fix: here}, &rules.State{Fix: near, Lost: true, HeardAt: noon.Add(-24 * time.Hour)}, insole.GuessUnknown},
		{"where another is well", rules.State{Fix: here}, &rules.State{Fix: near, HeardAt: noon}, insole.GuessUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.state.HeardAt, tt.state.At = noon, noon
			w.heard(tt.state)
			if tt.other != nil {
				if err := w.store.SaveLive(t.Context(), store.Live{Org: "acme", Insole: "00a1b2c3d4e5f6aa", Worker: "paul", State: *tt.other, Version: 1}); err != nil {
					t.Fatal(err)
				}
			}
			w.clock.Advance(16 * time.Minute)
			w.run()
			for _, a := range w.open() {
				if a.Worker == "marie" && a.Guess != tt.want {
					t.Errorf("guess = %q, want %q", a.Guess, tt.want)
				}
			}
			if len(w.open()) == 0 {
				t.Error("nothing raised")
			}
		})
	}
}
