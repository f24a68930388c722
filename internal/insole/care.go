package insole

import (
	"log/slog"
	"time"
)

// Bounds of a Care.
const (
	MaxCareNote     = 1000 // bytes: what a responder can read on the way
	MaxCareContacts = 3
	MaxRelation     = 40 // runes
)

// A Care is what responders must know of a worker's health, and whom to call at home. It is personal data of the kind that needs most care: nobody
// reads it unrecorded, and it is in no board, feed, message or log.
type Care struct {
	Org      OrgID
	Worker   WorkerID
	Note     string // for responders; at most MaxCareNote bytes
	Contacts []CareContact
	SetAt    time.Time // zero: never
	SetBy    string    // name of the user
	Version  int       // 1 while nothing was ever set; one more with each change
}

// A CareContact is somebody close to a worker.
type CareContact struct {
	Name     string
	Phone    string // E.164
	Relation string // as people say it: "wife", "neighbour"; may be empty
}

// LogValue says whose it is and nothing of what it says.
func (c Care) LogValue() slog.Value {
	return slog.GroupValue(slog.String("org", string(c.Org)), slog.String("worker", string(c.Worker)), slog.Int("version", c.Version))
}

// String is as LogValue, for whoever prints it.
func (c Care) String() string { return "care of " + string(c.Org) + "/" + string(c.Worker) }

// GoString is String.
func (c Care) GoString() string { return c.String() }

// LogValue says nothing.
func (CareContact) LogValue() slog.Value { return slog.StringValue("somebody close") }

// String says nothing.
func (CareContact) String() string { return "somebody close" }

// GoString is String.
func (c CareContact) GoString() string { return c.String() }

// MarshalText is String: nothing of it is in anybody's JSON by accident.
func (c Care) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText is String.
func (c CareContact) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
