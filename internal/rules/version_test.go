package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"solewatch/internal/insole"
)

var update = flag.Bool("update", false, "rewrite testdata")

// decided is what the rules decide over many random reports and states, always the same ones.
func decided(t *testing.T) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(n int) bool { return rnd.IntN(n) == 0 }
	kinds := []insole.Kind{insole.KindFix, insole.KindStatus, insole.KindPreAlarm, insole.KindPreAlarmCancel, insole.KindSOS, insole.KindCovertSOS, insole.KindFall,
		insole.KindStill, insole.KindSteps, insole.KindBattery, insole.KindLowBattery, insole.KindTakenOff, insole.KindCheckIn, insole.KindUpright, insole.KindAnswer, "unknown-42"}
	postures := []insole.Posture{"", insole.Standing, insole.Walking, insole.Running, insole.Sitting, insole.Lying}
	zones := []insole.Zone{
		{ID: "site", Ring: [][2]float64{{7, 43}, {7.02, 43}, {7.02, 43.02}, {7, 43.02}, {7, 43}}},
		{ID: "pit", Danger: true, Ring: [][2]float64{{7.005, 43.005}, {7.01, 43.005}, {7.01, 43.01}, {7.005, 43.01}, {7.005, 43.005}}},
	}
	hash := sha256.New()
	out := json.NewEncoder(hash)
	raised := 0
	for range 400 {
		var s State
		shifts := always
		if pick(3) {
			shifts = never
		}
		ru := Rules{}
		if pick(4) {
			ru = Rules{PreAlarm: 12 * time.Second, ZoneDwell: 15 * time.Second, Ahead: time.Second}
		}
		now := noon
		for seq := range 20 {
			now = now.Add(time.Duration(rnd.IntN(60)) * time.Second)
			r := report(kinds[rnd.IntN(len(kinds))])
			r.Seq, r.HeardAt, r.DeviceAt = uint32(50+seq), now, now.Add(-time.Duration(rnd.IntN(20))*time.Second)
			switch {
			case pick(8):
				r.DeviceAt = time.Time{}
			case pick(8):
				r.DeviceAt = now.Add(-time.Duration(rnd.IntN(100)) * time.Hour)
			case pick(12):
				r.DeviceAt = now.Add(time.Duration(rnd.IntN(300)) * time.Second)
			}
			if pick(10) {
				r.Boot, r.Seq = uint32(rnd.IntN(3))+2, uint32(40+rnd.IntN(40))
			}
			if pick(6) {
				r.Boot, r.Seq = 0, 0
			}
			if !pick(3) {
				r.Fix = &insole.Fix{Lat: 43 + rnd.Float64()*0.03 - 0.005, Lon: 7 + rnd.Float64()*0.03 - 0.005, Accuracy: float64(rnd.IntN(120)), At: r.DeviceAt}
			}
			if pick(4) {
				r.Battery = &insole.Battery{Percent: rnd.IntN(101), Charging: pick(3)}
			}
			r.About = []insole.Kind{"", insole.KindFall, insole.KindStill, insole.KindTakenOff, insole.KindCovertSOS}[rnd.IntN(5)]
			r.PreAlarm = time.Duration(rnd.IntN(400)) * time.Second
			r.Posture, r.Steps = postures[rnd.IntN(len(postures))], uint32(rnd.IntN(5000))
			d := ru.Decide(s, r, shifts, now)
			ru.Zones(&d, s, zones)
			raised += len(d.Raise)
			err := out.Encode([]any{d.At, d.Newer, d.Keep, d.Raise, d.Cancel, d.Return, d.State})
			if err != nil {
				t.Fatal(err)
			}
			s = d.State
			if pick(50) {
				s.Lost = true
			}
		}
	}
	if raised < 1000 {
		t.Fatalf("%d alarms raised: this asks for too little", raised)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Whoever changes what is decided gives the rules a new version: it is written beside every decision that is kept. What is decided by a
// version is in testdata; bump Version, then run with -update.
func TestVersion(t *testing.T) {
	const file = "testdata/version.json"
	type kept struct {
		Version int    `json:"version"`
		Decided string `json:"decided"`
	}
	is := kept{Version, decided(t)}
	b, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var was kept
	if err == nil {
		if err := json.Unmarshal(b, &was); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case was == is:
	case was.Version == is.Version && was.Decided != is.Decided:
		t.Errorf("version %d of the rules decides otherwise than it did: it must become %d", is.Version, is.Version+1)
	case !*update:
		t.Errorf("%s is of version %d, the rules are of %d: run with -update", file, was.Version, is.Version)
	default:
		b, err := json.MarshalIndent(is, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
