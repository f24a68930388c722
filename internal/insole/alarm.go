package insole

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// Names within one org. Lower-case letters, digits and "-", 1 to 40 characters.
type (
	OrgID     string // a tenant
	TeamID    string
	WorkerID  string // a wearer
	UserID    string // somebody who signs in
	ContactID string // somebody who is paged
	ZoneID    string
)

// An AlarmID is derived from what caused the alarm, so that the same cause has the same alarm however often it is told.
type AlarmID string

// An AlarmKind says what is wrong.
type AlarmKind string

const (
	AlarmSOS         AlarmKind = "sos"
	AlarmCovertSOS   AlarmKind = "covert-sos"
	AlarmFall        AlarmKind = "fall"
	AlarmStill       AlarmKind = "no-motion"
	AlarmTakenOff    AlarmKind = "taken-off"
	AlarmLowBattery  AlarmKind = "low-battery"
	AlarmLostContact AlarmKind = "lost-contact"
	AlarmZoneLeft    AlarmKind = "zone-left"
	AlarmDangerZone  AlarmKind = "danger-zone"

	AlarmMissedCheckIn AlarmKind = "missed-check-in" // the wearer did not say in time that all is well
	AlarmAmber         AlarmKind = "amber"           // a timed activity, announced with a note, was not ended in time
	AlarmShortBattery  AlarmKind = "short-battery"   // will not last the shift
	AlarmNoAnswer      AlarmKind = "no-answer"       // to an evacuation or roll-call
	AlarmTechnical     AlarmKind = "technical"       // an insole or a part of ours is broken
	AlarmUnwatched     AlarmKind = "unwatched"       // nobody is watching a team
	AlarmDrill         AlarmKind = "drill"           // an exercise: the true path of an SOS, of a kind of its own, so that a true SOS never joins it
)

// Priority is 1 (a life may depend on it), 2 or 3, where a team does not say otherwise.
func (k AlarmKind) Priority() int { return k.Rule().Default.Priority }

// An AlarmState is where an alarm stands. See docs/architecture.md for the arrows.
type AlarmState string

const (
	Pending   AlarmState = "pending"   // pre-alarm: the wearer may cancel until Deadline
	Active    AlarmState = "active"    // needs a person
	Taken     AlarmState = "taken"     // a named person has taken charge
	Resolved  AlarmState = "resolved"  // ended by a person, with a reason
	Cancelled AlarmState = "cancelled" // ended by the wearer while pending
)

// Open says whether the alarm still needs somebody.
func (s AlarmState) Open() bool { return s == Pending || s == Active || s == Taken }

// A Reason says how an alarm turned out.
type Reason string

const (
	ReasonReal  Reason = "real"
	ReasonFalse Reason = "false"
	ReasonTest  Reason = "test"
	ReasonDrill Reason = "drill"
	ReasonOther Reason = "other"

	ReasonReturned Reason = "returned" // back to normal by itself, and seen by a person: see alarm.Desk.Seen
)

// Reasons lists every reason that a person may give for resolving an alarm.
var Reasons = []Reason{ReasonReal, ReasonFalse, ReasonTest, ReasonDrill, ReasonOther}

// An Alarm needs a person.
type Alarm struct {
	ID         AlarmID
	Org        OrgID
	Team       TeamID
	Worker     WorkerID // the insole's ID when no worker wears it
	WorkerName string   // as it was when the alarm was raised
	Insole     ID
	Kind       AlarmKind
	Priority   int // as its team had set it when it was raised; 0 = the kind's own, see Rank
	State      AlarmState
	Cause      string    // key of the report that raised it, or "silence@…" from the watchdog
	SentAt     time.Time // when the wearer needed help, as far as the insole's clock can be believed
	RaisedAt   time.Time // when the server knew; the server's clock drives every deadline
	Deadline   time.Time // of Pending: active when nothing is heard by then
	Fix        *Fix      // the newest at the time; nil when none was ever known
	Presses    int       // how often help was asked for while open
	Step       int       // the escalation step last started, from 1; 0 before the first
	NextStepAt time.Time // when the next step is due; zero when none is
	Base       int       // the step after which the team's list in force began: Step is number Step-Base in it
	Out        bool      // that list is the one for out of hours
	Owner      UserID    // who took charge
	OwnerName  string
	TakenAt    time.Time
	ReturnedAt time.Time // when the condition returned to normal by itself; stays on the list until seen
	EndedAt    time.Time
	EndedBy    string
	Reason     Reason
	Note       string
	Drill      bool
	Guess      Guess   // of lost contact: why, as far as can be guessed; of a technical alarm about an insole: what is wrong
	Incident   AlarmID // the first alarm of those that belong together; its own ID when it is the first or alone
	Shelf      Shelf   // set aside until then, by a person; zero when it is not
	Version    int     // goes up by one with every write
}

// Rank is the alarm's priority, 1 to 3.
func (a Alarm) Rank() int {
	if a.Priority == 0 {
		return a.Kind.Priority()
	}
	return a.Priority
}

// NewAlarmID derives the name of the alarm that cause raises for worker.
func NewAlarmID(org OrgID, worker WorkerID, kind AlarmKind, cause string) AlarmID {
	sum := sha256.Sum256([]byte(string(org) + "\x00" + string(worker) + "\x00" + string(kind) + "\x00" + cause))
	return AlarmID(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10])))
}

// Reference is the short name of the alarm that people see in every page about it.
func (id AlarmID) Reference() string {
	if len(id) < 6 {
		return strings.ToUpper(string(id))
	}
	return strings.ToUpper(string(id[:6]))
}

// A Channel is how a page travels.
type Channel string

const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// A PageState is how far one page has come.
type PageState string

const (
	PageQueued   PageState = "queued"
	PageClaimed  PageState = "claimed"  // a publisher has it; a claim that is not finished lapses
	PageAccepted PageState = "accepted" // SNS took it and named it
	PageFailed   PageState = "failed"
	PageOpened   PageState = "opened"   // its link was fetched, by a person or by a machine that looks into messages
	PageAnswered PageState = "answered" // its link was used: see Answer
)

// An Answer is what somebody who was paged says through the page's link.
type Answer string

const (
	AnswerTake    Answer = "taken"    // takes charge
	AnswerDecline Answer = "declined" // can't
)

// A Page is one notice to one contact on one channel, for one step of one alarm.
type Page struct {
	Org       OrgID
	Alarm     AlarmID
	Step      int
	Contact   ContactID
	Name      string // of the contact
	Channel   Channel
	Address   string // E.164 number, or topic ARN for e-mail
	Locale    string // "fr" or "en"
	State     PageState
	QueuedAt  time.Time
	ClaimedAt time.Time
	DoneAt    time.Time
	Tries     int
	MessageID string // SNS's
	Why       string // of a failure

	Token      string    // of its link, from the first claim until the page is done with; then only its hash is kept
	OpenedAt   time.Time // when its link was first fetched
	AnsweredAt time.Time
	Answer     Answer
}
