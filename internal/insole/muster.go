package insole

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// A MusterID names one muster within its org: lower-case letters, digits and "-", 1 to 40 characters.
type MusterID string

// NewMusterID is a name that nobody has.
func NewMusterID() MusterID { return MusterID(strings.ToLower(rand.Text())) }

// A MusterMode is what people are asked to do.
type MusterMode string

const (
	Evacuate MusterMode = "evacuate"  // leave, and say so
	RollCall MusterMode = "roll-call" // stay, and say so
)

// Order is the command that insoles are given.
func (m MusterMode) Order() Command {
	if m == RollCall {
		return CommandRollCall
	}
	return CommandEvacuate
}

// A MusterState is how far a muster has come.
type MusterState string

const (
	MusterCalling MusterState = "calling" // people are being called
	MusterWaiting MusterState = "waiting" // everybody is called; answers count until Deadline
	MusterCounted MusterState = "counted" // the deadline is over, whoever had not answered has an alarm; answers still count
	MusterEnding  MusterState = "ending"  // ended by a person; the all-clear is being given
	MusterEnded   MusterState = "ended"
)

// Bounds of AnswerWithin, and what it is when nobody says. Two minutes: an order may take 2 s to an insole that is connected and 10 s to one that
// is just reconnecting, a person must notice, stop and make the gesture, and four out of five who can will within a minute. Below 30 s whoever carries
// something with both hands is an alarm; beyond 15 min nobody is looked for in time, and SQS holds no message longer.
const (
	DefaultAnswerWithin = 2 * time.Minute
	MinAnswerWithin     = 30 * time.Second
	MaxAnswerWithin     = 15 * time.Minute
)

// MusterOrderLife is how long an order of a muster is delivered: an insole that comes back after half an hour in the basement of a burning
// building must still feel it. The end of the muster withdraws what is left.
const MusterOrderLife = time.Hour

// A Muster asks many people at once to say that they are safe.
type Muster struct {
	Org    OrgID
	ID     MusterID
	Mode   MusterMode
	Team   TeamID       // everybody of one team; "" when an area is asked
	Zone   ZoneID       // whose Ring it was, "" when the area was drawn
	Name   string       // of the team or zone, as it was then; "" for an area that was drawn
	Ring   [][2]float64 // everybody who may be inside; nil for a team
	Note   string
	Within time.Duration // to answer, from when all were called
	Drill  bool

	State    MusterState
	By       UserID
	ByName   string
	AskedAt  time.Time
	Called   int       // rows written so far
	Deadline time.Time // zero until everybody is called
	EndedAt  time.Time
	EndedBy  UserID
	EndedWho string // name of EndedBy

	DueAt   time.Time // when something is to be done; zero when nothing is
	Busy    time.Time // somebody is doing it until then
	Version int       // goes up by one with every write
}

// Open says whether answers still count.
func (m Muster) Open() bool { return m.State != MusterEnding && m.State != MusterEnded }

// A SummonsState is what is known of one person in a muster.
type SummonsState string

const (
	SummonsWaiting SummonsState = "waiting" // asked, or would be if they could be reached
	SummonsSafe    SummonsState = "safe"    // answered by a gesture, or a person says so
	SummonsMissing SummonsState = "missing" // did not answer in time: has an alarm
)

// Unreached says why somebody cannot be asked through an insole, as it was when they were called.
type Unreached string

const (
	NoInsole  Unreached = "no-insole"
	CannotAsk Unreached = "tracker"  // a public tracker: it cannot signal to its wearer
	Silent    Unreached = "silent"   // never heard, lost, or overdue
	OnCharger Unreached = "charging" // nobody wears it
	Hushed    Unreached = "hushed"   // an open covert call for help: nothing may be felt on the foot
	CannotDo  Unreached = "unable"   // the insole answered that it could not
)

// Where says why somebody was called by an area.
type Where string

const (
	WhereIn      Where = "in"      // inside, as far as the fix can tell
	WhereNear    Where = "near"    // outside, but may be inside by now, or the fix may be that wrong
	WhereUnknown Where = "unknown" // on shift, and no fix young enough says where
)

// A Summons is one person in a muster.
type Summons struct {
	Org     OrgID
	Muster  MusterID
	Worker  WorkerID
	Name    string
	Team    TeamID
	Insole  ID
	Phone   string
	Where   Where // "" when a team was asked
	State   SummonsState
	Why     Unreached // "" = the order is on its way
	FeltAt  time.Time // the insole has signalled; the wearer has not answered by that
	SafeAt  time.Time
	By      UserID // who marked them safe; "" when the wearer did
	ByName  string
	Alarm   AlarmID // of a missing one; kept when they answer late
	Raised  bool    // Alarm is certainly stored
	Version int
}

// Order is the downlink that calls s in m; "" commands nothing when the insole cannot be asked at all.
func (s Summons) Order(m Muster) (Downlink, bool) {
	if s.Insole == "" || s.Insole.Speaks() != SOLE || s.Why == Hushed {
		return Downlink{}, false
	}
	return NewMusterDownlink(s, m.Mode.Order(), m.AskedAt), true
}

// NewMusterDownlink is the order c to s's insole, for what happened to its muster at at. Made twice, it has the same number.
func NewMusterDownlink(s Summons, c Command, at time.Time) Downlink {
	sum := sha256.Sum256([]byte(string(s.Insole) + "\x00" + string(s.Org) + "\x00muster\x00" + string(s.Muster) + "\x00" + string(c) + "\x00" + strconv.FormatInt(at.UnixMilli(), 10)))
	n := max(1, binary.BigEndian.Uint32(sum[:])) // 0 is no number
	d := Downlink{Insole: s.Insole, ID: n, Command: c, Org: s.Org, Muster: s.Muster, Worker: s.Worker, MadeAt: at, EndsAt: at.Add(MusterOrderLife)}
	if c == CommandCancelled {
		d.EndsAt = at.Add(DownlinkLife)
	}
	return d
}

// A Tally counts a muster. Everybody is in exactly one of the first four.
type Tally struct {
	Safe        int
	NoAnswer    int // asked, and has not answered
	Unreachable int // has not answered, and could not be asked
	Help        int // an open call for help, whatever they answered before
	Missing     int // of those not safe: has an alarm for it
	UnknownHere int // of all: nobody knows where they were when they were called
}

// Count tallies rows; help says who has an open alarm of a kind that IsHelp.
func Count(rows []Summons, help map[WorkerID]bool) Tally {
	var t Tally
	for _, s := range rows {
		switch {
		case help[s.Worker]:
			t.Help++
		case s.State == SummonsSafe:
			t.Safe++
		case s.Why != "":
			t.Unreachable++
		default:
			t.NoAnswer++
		}
		if s.State == SummonsMissing {
			t.Missing++
		}
		if s.Where == WhereUnknown {
			t.UnknownHere++
		}
	}
	return t
}

// Hurries says whether pages about an alarm of kind k go before those of all others, of which there may be thousands at once. A drill does: it is worth
// what it has in common with the real thing.
func (k AlarmKind) Hurries() bool { return k.IsHelp() || k == AlarmDrill }

// IsHelp says whether an open alarm of kind k means that its worker needs somebody to come.
func (k AlarmKind) IsHelp() bool {
	switch k {
	case AlarmSOS, AlarmCovertSOS, AlarmFall, AlarmStill:
		return true
	}
	return false
}
