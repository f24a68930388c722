// Package feed is what supervisors' screens are told: the shapes of the board and of its changes, and the adapter that
// posts them to WebSocket connections. The same shapes are decoded by web/src/api; testdata/ is read by both.
package feed

// A Board is everything the first screen needs, as of Seq. Changes with a higher sequence come after it.
type Board struct {
	Seq     int64    `json:"seq"`
	NowMs   int64    `json:"nowMs"` // server's clock, Unix milliseconds, as everywhere below
	Workers []Worker `json:"workers"`
	Alarms  []Alarm  `json:"alarms"` // open ones
}

// A Worker is one line of the list.
type Worker struct {
	Worker  string `json:"worker"`
	Name    string `json:"name"`
	Team    string `json:"team"`
	Insole  string `json:"insole,omitempty"`
	Phone   string `json:"phone,omitempty"`
	OnShift bool   `json:"onShift"`
	Live    *Live  `json:"live,omitempty"` // absent when never heard

	CheckIn *CheckIn `json:"checkIn,omitempty"` // absent when nothing was ever asked
}

// Live is what is known of an insole now. Position fields are absent together.
type Live struct {
	Insole         string   `json:"insole"`
	Worker         string   `json:"worker"`
	HeardAtMs      int64    `json:"heardAtMs"` // newest report, when it reached the bridge
	AtMs           int64    `json:"atMs"`      // newest report, when it happened
	Lat            *float64 `json:"lat,omitempty"`
	Lon            *float64 `json:"lon,omitempty"`
	AccuracyM      float64  `json:"accuracyM,omitempty"`
	SpeedMps       float64  `json:"speedMps,omitempty"`
	CourseDeg      float64  `json:"courseDeg,omitempty"`
	Source         string   `json:"source,omitempty"`
	FixAtMs        int64    `json:"fixAtMs,omitempty"` // when the position was true
	BatteryPercent *int     `json:"batteryPercent,omitempty"`
	Charging       bool     `json:"charging,omitempty"`
	Steps          int64    `json:"steps,omitempty"`
	Posture        string   `json:"posture,omitempty"`
	ExpectS        int      `json:"expectS,omitempty"` // the next report is expected this many seconds after heardAtMs
	Lost           bool     `json:"lost,omitempty"`    // the watchdog has given up waiting
	ClockOffMs     int64    `json:"clockOffMs,omitempty"`
	Version        int64    `json:"version"` // a lower or equal version is older news
}

// An Alarm is one line of the board's top.
type Alarm struct {
	ID           string   `json:"id"`
	Reference    string   `json:"reference"`
	Worker       string   `json:"worker"`
	WorkerName   string   `json:"workerName"`
	Team         string   `json:"team"`
	Insole       string   `json:"insole"`
	Kind         string   `json:"kind"`
	Priority     int      `json:"priority"`
	State        string   `json:"state"` // pending, active, taken, resolved, cancelled
	SentAtMs     int64    `json:"sentAtMs"`
	RaisedAtMs   int64    `json:"raisedAtMs"`
	DeadlineMs   int64    `json:"deadlineMs,omitempty"`
	Lat          *float64 `json:"lat,omitempty"`
	Lon          *float64 `json:"lon,omitempty"`
	AccuracyM    float64  `json:"accuracyM,omitempty"`
	FixAtMs      int64    `json:"fixAtMs,omitempty"`
	Presses      int      `json:"presses"`
	Step         int      `json:"step"`
	NextStepAtMs int64    `json:"nextStepAtMs,omitempty"`
	Owner        string   `json:"owner,omitempty"`
	OwnerName    string   `json:"ownerName,omitempty"`
	TakenAtMs    int64    `json:"takenAtMs,omitempty"`
	ReturnedAtMs int64    `json:"returnedAtMs,omitempty"`
	EndedAtMs    int64    `json:"endedAtMs,omitempty"`
	EndedBy      string   `json:"endedBy,omitempty"`
	Reason       string   `json:"reason,omitempty"`
	Note         string   `json:"note,omitempty"`
	Drill        bool     `json:"drill,omitempty"`
	Incident     string   `json:"incident,omitempty"` // the first alarm of those that belong together; absent of that one
	Shelf        *Shelf   `json:"shelf,omitempty"`    // set aside by a person
	Guess        string   `json:"guess,omitempty" doc:"of lost contact: battery, switched-off, taken-off, dead-zone, outage, unheard, unknown; of a technical alarm about an insole: clock, garbled"`
	Version      int64    `json:"version"`
}

// A Shelf says until when an alarm is set aside, by whom and why.
type Shelf struct {
	UntilMs int64  `json:"untilMs"`
	By      string `json:"by"`
	Why     string `json:"why"`
}

// What a Change and a Message say they are.
const (
	KindLive  = "live"
	KindAlarm = "alarm"

	KindMuster  = "muster"  // a page that shows it fetches it again
	KindSummons = "summons" // one person of a muster
	KindCheckIn = "checkin" // what is asked of one worker

	TypeChanges   = "changes"
	TypeSync      = "sync"
	TypePong      = "pong"
	TypeReconnect = "reconnect"
	TypeError     = "error"

	StoreOK   = "ok"
	StoreAway = "away"
)

// A Muster says that an evacuation or roll-call has come further.
type Muster struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Called  int    `json:"called"`
	Version int64  `json:"version"`
}

// A Summons is what became of one person in a muster.
type Summons struct {
	Muster   string `json:"muster"`
	Worker   string `json:"worker"`
	State    string `json:"state"` // waiting, safe, missing
	Why      string `json:"why,omitempty"`
	FeltAtMs int64  `json:"feltAtMs,omitempty"`
	SafeAtMs int64  `json:"safeAtMs,omitempty"`
	ByName   string `json:"byName,omitempty"`
	Alarm    string `json:"alarm,omitempty"`
	Version  int64  `json:"version"`
}

// A Change is one of Live, Alarm and those that are of one page only: a screen passes over kinds that it does not know. An alarm that is no longer open arrives once more, in its last state.
type Change struct {
	Kind  string `json:"kind"` // "live" or "alarm"
	Live  *Live  `json:"live,omitempty"`
	Alarm *Alarm `json:"alarm,omitempty"`

	Muster  *Muster  `json:"muster,omitempty"`
	Summons *Summons `json:"summons,omitempty"`
	CheckIn *CheckIn `json:"checkIn,omitempty"`
}

// A Message is what the server sends over the WebSocket. What a screen does with it is Screen, in screen.go.
//
//	changes    Seq is one more than the message before it of the same org; a gap means: fetch the board again.
//	           Changes may be repeated under a new Seq; versions make that harmless
//	sync       the answer to {"action":"sync"}: the newest Seq
//	pong       the answer to {"action":"ping"}, and to {"action":"duty",…} of a screen that somebody is on duty at: the same, and whether the store can be reached ("ok" or "away").
//	           A Seq above the last one heard means that a message was lost: fetch the board again.
//	           With "away", in pong and sync, Seq is 0 and says nothing
//	reconnect  the answer to either when the server no longer knows this connection and so tells it nothing:
//	           close it, take a new ticket and connect again
//	error      the answer to anything else: Detail says, in English and for a developer, what was wrong with it
type Message struct {
	Type    string   `json:"type"`
	Seq     int64    `json:"seq"`
	NowMs   int64    `json:"nowMs"`
	Store   string   `json:"store,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Changes []Change `json:"changes,omitempty"`
}
