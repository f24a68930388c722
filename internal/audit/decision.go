package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/wire/sole"
	"solewatch/internal/wire/teltonika"
)

// A Decision is what the rules decided about one report, with all that it takes to decide it again.
type Decision struct {
	Rules    int            `json:"rules"` // rules.Version
	Insole   insole.ID      `json:"insole"`
	Dialect  insole.Dialect `json:"dialect"`
	Report   string         `json:"report"` // insole.Report.Key
	HeardAt  time.Time      `json:"heardAt"`
	Raw      []byte         `json:"raw,omitempty"` // the frame as it came from the insole
	Now      time.Time      `json:"now"`
	Settings rules.Rules    `json:"settings"` // zero: the defaults of that version
	Shifts   []insole.Shift `json:"shifts,omitempty"`
	Before   rules.State    `json:"before"`
	Zoned    bool           `json:"zoned,omitempty"` // zones were looked at, and the decision is about them
	Zones    []insole.Zone  `json:"zones,omitempty"` // all that were looked at
	Outcome  Outcome        `json:"outcome"`
	LeftOut  string         `json:"leftOut,omitempty"` // why raw or zones are not here, so that it cannot be decided again: they were too long
}

// An Outcome is what was decided. A decision that raises or ends nothing about zones is kept as it was before zones were looked at.
type Outcome struct {
	At     time.Time          `json:"at"` // when the report happened, as far as it can be believed
	Newer  bool               `json:"newer"`
	Keep   bool               `json:"keep"`
	Raise  []rules.Raise      `json:"raise,omitempty"`
	Cancel []insole.AlarmKind `json:"cancel,omitempty"`
	Return []insole.AlarmKind `json:"return,omitempty"`
	After  rules.State        `json:"after"`
}

// Inputs are a decision and the frame that it was made of.
type Inputs struct {
	Insole   insole.ID
	Dialect  insole.Dialect
	Raw      []byte
	HeardAt  time.Time // the frame
	Decision rules.Decision
}

// What of a decision is kept at most, in bytes. A frame of SOLE/1 is within; only a tracker's packet of many records is not, and zones drawn point by point.
const (
	MaxRaw   = 2048
	MaxZones = 4096
)

func aboutZones(k insole.AlarmKind) bool {
	return k == insole.AlarmZoneLeft || k == insole.AlarmDangerZone
}

func zoned(d rules.Decision) bool {
	return slices.ContainsFunc(d.Raise, func(r rules.Raise) bool { return aboutZones(r.Kind) }) || slices.ContainsFunc(d.Return, aboutZones)
}

// Of is the decision that was made of in.
func Of(in Inputs) Decision {
	of := in.Decision.Of
	d := Decision{
		Rules: rules.Version, Insole: in.Insole, Dialect: in.Dialect, Report: in.Decision.Report.Key(), HeardAt: in.HeardAt, Raw: in.Raw, Now: of.Now,
		Settings: of.Rules, Shifts: of.Shifts, Before: of.Before, Outcome: outcomeOf(in.Decision),
	}
	if zoned(in.Decision) {
		d.Zoned, d.Zones = true, of.Zones
	} else {
		d.Outcome.After.Zones = of.Before.Zones
	}
	if len(d.Raw) > MaxRaw {
		d.Raw, d.LeftOut = nil, fmt.Sprintf("the frame has %d bytes", len(in.Raw))
	}
	if b, err := json.Marshal(d.Zones); err != nil || len(b) > MaxZones {
		d.Zones, d.LeftOut = nil, fmt.Sprintf("the zones have %d bytes", len(b))
	}
	return d
}

func outcomeOf(d rules.Decision) Outcome {
	return Outcome{At: d.At, Newer: d.Newer, Keep: d.Keep, Raise: d.Raise, Cancel: d.Cancel, Return: d.Return, After: d.State}
}

// Data is d as the data of a line. What cannot be written down, a position that is no number, is said to be left out: the line is written all the same.
func (d Decision) Data() string {
	b, err := json.Marshal(data{Decision: &d})
	if err != nil {
		b, err = json.Marshal(data{Decision: &Decision{Rules: d.Rules, Insole: d.Insole, Dialect: d.Dialect, Report: d.Report, Raw: d.Raw, LeftOut: "it holds what is no number"}})
		if err != nil {
			return ""
		}
	}
	return string(b)
}

// DecisionOf is the decision in the data of a line; ok is false when there is none.
func DecisionOf(l Line) (d Decision, ok bool) {
	var v data
	if l.Data == "" || json.Unmarshal([]byte(l.Data), &v) != nil || v.Decision == nil {
		return Decision{}, false
	}
	return *v.Decision, true
}

// A Rerun is what came of deciding again.
type Rerun struct {
	Line    int    `json:"line"`
	Report  string `json:"report"`
	Rules   int    `json:"rules"` // that decided then
	Same    bool   `json:"same"`
	Why     string `json:"why,omitempty"` // not the same, or not decided again
	Outcome []byte `json:"-"`             // now, as JSON
}

func (r Rerun) otherRules() bool { return !r.Same && r.Rules != rules.Version }

// Again decides every decision of lines again, from the raw frames and with the rules of this build.
func Again(lines []Line) []Rerun {
	out := []Rerun{}
	for _, l := range lines {
		if d, ok := DecisionOf(l); ok {
			r := d.Again()
			r.Line = l.N
			out = append(out, r)
		}
	}
	return out
}

// Again decodes the raw frame of d and decides again.
func (d Decision) Again() Rerun {
	r := Rerun{Report: d.Report, Rules: d.Rules}
	if d.LeftOut != "" {
		r.Why = "not decided again: " + d.LeftOut
		return r
	}
	report, err := d.report()
	if err != nil {
		r.Why = err.Error()
		return r
	}
	now := d.Settings.Decide(d.Before, report, d.Shifts, d.Now)
	if d.Zoned {
		d.Settings.Zones(&now, d.Before, d.Zones)
	}
	got, err := json.Marshal(outcomeOf(now))
	if err != nil {
		r.Why = err.Error()
		return r
	}
	want, err := json.Marshal(d.Outcome)
	if err != nil {
		r.Why = err.Error()
		return r
	}
	r.Outcome, r.Same = got, bytes.Equal(got, want)
	switch {
	case r.Same:
	case d.Rules != rules.Version:
		r.Why = fmt.Sprintf("decided otherwise: version %d of the rules then, %d now", d.Rules, rules.Version)
	default:
		r.Why = "decided otherwise"
	}
	return r
}

// report is the one that d is about, decoded from its frame.
func (d Decision) report() (insole.Report, error) {
	var all []insole.Report
	var err error
	switch d.Dialect {
	case insole.SOLE:
		all, err = sole.Reports(d.Insole, d.Raw, d.HeardAt)
	case insole.Teltonika:
		all, err = teltonika.Reports(d.Insole, d.Raw, d.HeardAt)
	default:
		return insole.Report{}, fmt.Errorf("dialect %q: %w", d.Dialect, insole.ErrInvalid)
	}
	for _, r := range all {
		if r.Key() == d.Report {
			return r, nil
		}
	}
	if err == nil {
		err = insole.ErrNotFound
	}
	return insole.Report{}, fmt.Errorf("report %s in its frame: %w", d.Report, err)
}
