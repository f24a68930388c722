// Package insole holds the nouns of the product: insoles and what they report, workers and their teams,
// alarms and the people who take charge of them. It uses the standard library only and holds no socket,
// no clock and no storage.
package insole

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// An ID names one insole for ever: 16 lower-case hexadecimal digits for an insole that speaks SOLE/1, the
// 15-digit IMEI for one that speaks a public dialect. The two cannot collide.
type ID string

// A Dialect is the language that an insole speaks, and is locked to.
type Dialect string

const (
	SOLE      Dialect = "sole"
	Teltonika Dialect = "teltonika"
)

// A Kind says what a report is about.
type Kind string

const (
	KindFix            Kind = "fix"       // a position, nothing wrong
	KindStatus         Kind = "status"    // alive, without a position
	KindPreAlarm       Kind = "pre-alarm" // the insole asks its wearer; silence from here on is an alarm
	KindPreAlarmCancel Kind = "pre-alarm-cancel"
	KindSOS            Kind = "sos"
	KindCovertSOS      Kind = "covert-sos" // SOS under duress: nothing may be seen or felt on the foot
	KindFall           Kind = "fall"
	KindStill          Kind = "still" // no motion for longer than set
	KindSteps          Kind = "steps"
	KindBattery        Kind = "battery"     // a change of charge worth saying
	KindLowBattery     Kind = "low-battery" // will soon be silent
	KindTakenOff       Kind = "taken-off"
	KindCheckIn        Kind = "check-in" // the wearer says "all is well"
	KindUpright        Kind = "upright"  // the end of a fall or man-down, by itself
	KindAnswer         Kind = "answer"   // to a downlink
)

// Urgent says whether reports of this kind travel alone in the urgent lane, flushed at once.
// Positions and counters do not.
func (k Kind) Urgent() bool {
	switch k {
	case KindFix, KindStatus, KindSteps, KindBattery:
		return false
	}
	return true // also a kind this build does not know: help is never filtered
}

// A Source says what a fix was made from.
type Source string

const (
	SourceGPS    Source = "gps"
	SourceCell   Source = "cell"
	SourceWiFi   Source = "wifi"
	SourceBeacon Source = "beacon"
)

// A Fix is one position on the ground.
type Fix struct {
	Lat, Lon   float64   // degrees, WGS 84, north and east positive
	Altitude   float64   // metres above the ellipsoid; 0 when unknown
	Speed      float64   // metres per second
	Course     float64   // degrees from true north, clockwise
	Accuracy   float64   // metres, 68 % radius; 0 when the insole does not say
	Satellites int       // used for the fix; 0 when not from satellites
	Source     Source    //
	At         time.Time // when the position was true by the insole's clock, UTC; not when it arrived
}

// A Posture is how the foot is held.
type Posture string

const (
	PostureUnknown Posture = ""
	Standing       Posture = "standing"
	Walking        Posture = "walking"
	Running        Posture = "running"
	Sitting        Posture = "sitting"
	Lying          Posture = "lying"
)

// A Battery is what an insole says of its charge.
type Battery struct {
	Percent    int // 0 to 100
	Millivolts int // 0 when unknown
	Charging   bool
}

// A Report is one decoded message of one insole.
type Report struct {
	Insole   ID
	Dialect  Dialect
	Kind     Kind
	Boot     uint32        // boot epoch of a native report; with Seq its permanent name. 0 in public dialects
	Seq      uint32        // sequence in Boot, from 1
	DeviceAt time.Time     // when it happened, by the insole's clock, UTC; zero when the insole has no time
	HeardAt  time.Time     // when the bridge read it, UTC, the server's clock
	Fix      *Fix          // nil when the report has none
	Steps    uint32        // since Boot; 0 when not said
	Posture  Posture       //
	Battery  *Battery      // nil when not said
	Expect   time.Duration // until the next report, as the insole itself announces it; 0 when not said
	PreAlarm time.Duration // how long the wearer has to cancel, of KindPreAlarm; 0 when not said
	About    Kind          // what a pre-alarm is about (KindFall, KindStill …)
	Downlink uint32        // which downlink a KindAnswer answers
	Extra    map[string]int64
	Raw      []byte // the bytes it was decoded from, for the hash of public dialects and for later questions
}

// Key is the permanent name of r among the reports of its insole: the same message sent twice has the same key.
// Native: boot and sequence. Public dialects: the insole's time and a hash of the bytes.
func (r Report) Key() string {
	if r.Boot != 0 || r.Seq != 0 {
		return "b" + pad(r.Boot) + "-" + pad(r.Seq)
	}
	sum := sha256.Sum256(r.Raw)
	return "t" + strconv.FormatInt(r.DeviceAt.UnixMilli(), 10) + "-" + hex.EncodeToString(sum[:8])
}

func pad(n uint32) string { return fmt.Sprintf("%010d", n) }

// At is when the report happened, as far as it can be believed, and how far the insole's clock was off.
// A device time more than bound after HeardAt, or more than back before it, or absent, is not believed: at is
// then HeardAt and off says by how much (0 when there was no device time). A time slightly in the
// future is bounded to HeardAt. A late report from the backlog keeps its own time.
func (r Report) At(bound, back time.Duration) (at time.Time, off time.Duration) {
	if r.DeviceAt.IsZero() {
		return r.HeardAt, 0
	}
	d := r.DeviceAt.Sub(r.HeardAt)
	switch {
	case d > bound || d < -back:
		return r.HeardAt, d
	case d > 0:
		return r.HeardAt, 0
	}
	return r.DeviceAt, 0
}
