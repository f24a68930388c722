// Package queue carries frames from the bridge to ingest, and steps from whoever raises an alarm to whoever pages,
// over SQS. Its envelope is the contract between tcpbridge and the ingest function.
package queue

import (
	"encoding/json"
	"fmt"
	"time"

	"solewatch/internal/insole"
)

// EnvelopeVersion is the only one that this build writes and reads.
const EnvelopeVersion = 1

// MaxBody is the largest message body SQS takes, in bytes (1 MiB since August 2025).
const MaxBody = 1 << 20

// An Envelope is the body of one message in the urgent or the track lane, as JSON:
//
//	{"v":1,"bridge":"b-7f3a","frames":[{"insole":"00a1b2c3d4e5f607","dialect":"sole","org":"acme","team":"north",
//	  "worker":"marie","workerName":"Marie D.","locale":"fr","heardAtMs":1795367926000,"raw":"U0wB…"}]}
//
// An urgent message carries one frame, a track message as many as fit the set size.
type Envelope struct {
	V      int     `json:"v"`
	Bridge string  `json:"bridge"` // which bridge instance
	Frames []Frame `json:"frames"`

	Pulse int64 `json:"pulse,omitempty"` // Unix milliseconds, of a message without frames: the bridge says, through the lane that positions take, that it works
	Bye   bool  `json:"bye,omitempty"`   // of a pulse: the last one, the bridge ends
}

// MaxQuarantine is how much of a frame that no dialect understands is kept, in bytes.
const MaxQuarantine = 1024

// A Frame is what one insole said at once, already authenticated by the bridge and not yet decoded.
//
// Raw is what the dialect's decoder takes: of SOLE/1 the body of a DATA frame (sole.Reports), of Teltonika the whole packet from its
// four zero bytes to its CRC. In quarantine it is what stood on the wire, at most MaxQuarantine bytes.
type Frame struct {
	Insole     insole.ID       `json:"insole,omitempty"` // "" only in quarantine
	Dialect    insole.Dialect  `json:"dialect,omitempty"`
	Org        insole.OrgID    `json:"org,omitempty"`
	Team       insole.TeamID   `json:"team,omitempty"`
	Worker     insole.WorkerID `json:"worker,omitempty"`
	WorkerName string          `json:"workerName,omitempty"` // urgent lane only
	Locale     string          `json:"locale,omitempty"`     // of the org; urgent lane only
	HeardAtMs  int64           `json:"heardAtMs"`            // Unix milliseconds, the bridge's clock
	Remote     string          `json:"remote,omitempty"`     // address, in quarantine only
	Quarantine string          `json:"quarantine,omitempty"` // why no dialect understood raw; "" for a good frame
	Bye        bool            `json:"bye,omitempty"`        // the insole ended its session and said that it goes away; nothing is in raw
	Raw        []byte          `json:"raw"`                  // base64 in JSON; see below
}

// HeardAt is HeardAtMs as a time, UTC.
func (f Frame) HeardAt() time.Time { return time.UnixMilli(f.HeardAtMs).UTC() }

// ParseEnvelope reads the body of a message. Its errors wrap insole.ErrInvalid.
func ParseEnvelope(body string) (Envelope, error) {
	var e Envelope
	err := json.Unmarshal([]byte(body), &e)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w: %w", insole.ErrInvalid, err)
	}
	if e.V != EnvelopeVersion {
		return Envelope{}, fmt.Errorf("envelope: version %d, want %d: %w", e.V, EnvelopeVersion, insole.ErrInvalid)
	}
	return e, nil
}

// A Step asks the alarm function to look at one alarm, or one muster, again: now, or when the message's DelaySeconds are over.
// It says nothing about what to do: the stored state decides, so that a late or repeated one is harmless.
//
//	{"v":1,"org":"acme","alarm":"q2f7…","dueMs":1795368226000}
type Step struct {
	V     int            `json:"v"`
	Org   insole.OrgID   `json:"org"`
	Alarm insole.AlarmID `json:"alarm,omitempty"`
	// Worker is named instead of an alarm when the worker's check-ins are to be looked at.
	Worker insole.WorkerID `json:"worker,omitempty"`
	// Muster, when Alarm is "".
	Muster insole.MusterID `json:"muster,omitempty"`
	DueMs  int64           `json:"dueMs,omitempty"` // the time it was sent for; one that comes early goes on waiting only when the alarm still waits for that time
}
