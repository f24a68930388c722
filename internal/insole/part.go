package insole

import (
	"strings"
	"time"
)

// CanaryOrg is the org of the canary wearer: a synthetic insole that calls for help every few minutes, so that the whole path to a page is known
// to work. Nobody signs in there, nobody's topic is subscribed to, and no list of orgs has it.
const CanaryOrg OrgID = "solewatch-canary"

// CanaryInsole is that insole, CanaryTeam whom it pages.
const (
	CanaryInsole ID     = "0000000000ca9a27"
	CanaryTeam   TeamID = "canary"
)

// partPrefix cannot begin the name of a worker or an insole.
const partPrefix = "part:"

// PartWorker is what stands for a part of ours where an alarm has its worker.
func PartWorker(part string) WorkerID { return WorkerID(partPrefix + part) }

// PartOf is the other half of PartWorker; ok is false for a worker.
func PartOf(w WorkerID) (part string, ok bool) { return strings.CutPrefix(string(w), partPrefix) }

// A Beat is what a running part leaves behind about itself, at most once a minute.
type Beat struct {
	Part        string
	Instance    string // of which there may be several at once; "" where only the newest counts
	Version     string // of its build
	At          time.Time
	Since       time.Time // when that process started
	Connections int       // of a bridge
	Audit       *Audit    // of the watchdog
	Run         *Run      // of the canary
}

// An Audit is what the watchdog found when it looked over everybody's alarms.
type Audit struct {
	Open    int       // alarms of every org
	Overdue int       // of those, with a next step that is overdue by more than a minute
	Oldest  time.Time // the next step that is due for the longest; zero when none is overdue
	Without int       // open, in nobody's hands, and without a next step: there must be none
}

// A Run is one call for help by the canary wearer.
type Run struct {
	At    time.Time     // when its frame was sent
	Acked time.Duration // until the bridge acknowledged it
	Paged time.Duration // until SNS had accepted its page; 0 when it never did
	Why   string        // what went wrong: "dial", "session", "ack", "page", "resolve", "setup"; "" when nothing did
}

// Health says how a part of ours is.
type Health string

const (
	Works   Health = "ok"
	Late    Health = "late"    // it works, but not in time; or something of it waits for a person
	Gone    Health = "away"    // it does not work
	Unknown Health = "unknown" // it cannot be told
)

// Bad says whether somebody should do something about h.
func (h Health) Bad() bool { return h == Late || h == Gone }

// A Verdict is how one part is, since when.
type Verdict struct {
	Part    string
	Health  Health
	Since   time.Time // when it was last seen to be otherwise: of a silent part, when it was last heard
	Why     string    // for programs: "silent", "slow", "failed" …; "" when it works
	Version int       // of the stored item; 0 when there is none
}

// A Turn is one change of a part's health.
type Turn struct {
	Part     string
	At       time.Time
	From, To Health
	Why      string
}

// A Fault is a part of Solewatch itself that does not do its work, as one org is told.
type Fault struct {
	Org   Org       // whom it concerns: its Operators are paged
	Part  string    // as PartWorker takes it
	What  string    // for people, in Org's language, short: it stands where a worker's name would, also in an SMS
	Since time.Time // when it began; the same fault told again is the same alarm
	Who   string    // the part that noticed
}
