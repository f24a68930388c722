package insole

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

// A Command is what an insole is asked to do.
type Command string

const (
	CommandTaken     Command = "taken"     // let the wearer feel that a named person has taken charge
	CommandCancelled Command = "cancelled" // let the wearer feel that the alarm is over
	CommandEvacuate  Command = "evacuate"  // let the wearer feel that they must leave, and have them answer by a gesture
	CommandAskFix    Command = "ask-fix"   // send a position now
	CommandRemind    Command = "remind"    // let the wearer feel that they are to check in, or to end an activity
	CommandRollCall  Command = "roll-call" // let the wearer feel that they are asked, and have them answer by a gesture
)

// DownlinkLife is how long a downlink is worth delivering: what is felt later than that says nothing about now.
const DownlinkLife = 10 * time.Minute

// A Downlink is one order to one insole, waiting to be delivered by whichever bridge holds its connection, until the insole has answered it.
type Downlink struct {
	Insole  ID
	ID      uint32 // among those of its insole; the same number twice is the same order, done once
	Command Command
	Org     OrgID
	Alarm   AlarmID  // whose log says what became of it; "" for none
	Muster  MusterID // whose row of Worker says what became of it; "" for none
	Worker  WorkerID // of Muster
	MadeAt  time.Time
	EndsAt  time.Time // not delivered from then on
}

// NewDownlink is the order that c is, for what happened to alarm a at at. Made twice, it has the same number.
func NewDownlink(i ID, o OrgID, a AlarmID, c Command, at time.Time) Downlink {
	sum := sha256.Sum256([]byte(string(i) + "\x00" + string(o) + "\x00" + string(a) + "\x00" + string(c) + "\x00" + strconv.FormatInt(at.UnixMilli(), 10)))
	n := max(1, binary.BigEndian.Uint32(sum[:])) // 0 is no number
	return Downlink{Insole: i, ID: n, Command: c, Org: o, Alarm: a, MadeAt: at, EndsAt: at.Add(DownlinkLife)}
}

// Speaks is the dialect that an insole's ID belongs to: the 15 digits of an IMEI are those of a public one.
func (i ID) Speaks() Dialect {
	if len(i) == 15 {
		return Teltonika
	}
	return SOLE
}

// Over says whether nothing of d is worth keeping at now. An order of a muster that was felt is no longer delivered (EndsAt), and its answer still counts.
func (d Downlink) Over(now time.Time) bool {
	if d.Muster != "" {
		return !now.Before(d.MadeAt.Add(MusterOrderLife))
	}
	return !now.Before(d.EndsAt)
}
