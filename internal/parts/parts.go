// Package parts watches what watches: every part of Solewatch leaves behind, once a minute, that it works (Heart); somebody else reads that and
// says who does not (Judge), as a technical alarm to the operators of every org. Of and Canary are pure.
//
// Who judges whom: the watchdog judges everybody, every minute. The watchdog itself is judged by whatever else runs: ingest, alarm and api, each once a
// minute at most. When nothing runs at all, CloudWatch's alarm on the watchdog's missing invocations is what remains.
package parts

import (
	"runtime/debug"
	"slices"
	"time"

	"solewatch/internal/insole"
)

// The parts that leave beats, by name.
const (
	Bridge   = "bridge"
	Ingest   = "ingest"
	Alarm    = "alarm"
	Watchdog = "watchdog"
	Push     = "push"
	Socket   = "socket"
	API      = "api"
	Canary   = "canary"
)

// The things of AWS's that parts stand on, by name.
const (
	Table       = "table"
	SNS         = "sns"
	UrgentQueue = "urgent-queue"
	TrackQueue  = "track-queue"
	StepsQueue  = "steps-queue"
	HelpQueue   = "help-queue"
)

// A Part is one line of the tree: what it is called, and what it cannot work without.
type Part struct {
	Name  string
	Needs []string
}

// Tree lists every part in the order in which an SOS passes them, then what stands beside its path, then what all of it stands on.
var Tree = []Part{
	{Canary, []string{Bridge, Ingest, Alarm, SNS, Table}},
	{Bridge, []string{UrgentQueue, TrackQueue, Table}},
	{Ingest, []string{UrgentQueue, TrackQueue, Table, HelpQueue, StepsQueue, SNS}},
	{Alarm, []string{HelpQueue, StepsQueue, Table, SNS}},
	{Watchdog, []string{Table, HelpQueue, StepsQueue, SNS}},
	{Push, []string{Table, Socket}},
	{Socket, []string{Table}},
	{API, []string{Table, HelpQueue, StepsQueue}},
	{UrgentQueue, nil}, {TrackQueue, nil}, {HelpQueue, nil}, {StepsQueue, nil}, {Table, nil}, {SNS, nil},
}

// Defaults, with their reasons.
const (
	Every     = time.Minute      // between two beats of one process: as often as the watchdog looks; 43,200 writes a month each
	LateAfter = 3 * time.Minute  // three missed beats: one is a slow minute of AWS, two a restart
	GoneAfter = 10 * time.Minute // by then it does not come back by itself
	PageLimit = time.Minute      // from a canary's frame to SNS's word; people are paged within two seconds when all is well
	Slack     = time.Minute      // that a canary may be late before it is missed
)

// driven are the parts that only run when somebody has something for them: the canary wearer has, each time.
var driven = []string{Ingest, Alarm, Push}

// release is set by the linker: -X solewatch/internal/parts.release=…
var release string

// Version is the commit that the program was built from: what the linker was told, or what the go command wrote; "unknown" without either.
func Version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "unknown"
}

// Of judges the part called name at now from everybody's beats. period is the canary's, 0 without one. A part that nobody has ever heard of, or that
// runs only when it is needed and was not, is insole.Unknown.
func Of(name string, beats []insole.Beat, period time.Duration, now time.Time) insole.Verdict {
	var last *insole.Beat
	for _, b := range beats {
		if b.Part == name && (last == nil || b.At.After(last.At)) {
			last = &b
		}
	}
	v := insole.Verdict{Part: name, Health: insole.Works, Since: now}
	if last == nil {
		v.Health, v.Since = insole.Unknown, time.Time{}
		return v
	}
	silence := now.Sub(last.At)
	late, gone := LateAfter, GoneAfter
	switch {
	case name == Canary:
		return canary(*last, period, now)
	case name == Bridge || name == Watchdog:
	case slices.Contains(driven, name) && period > 0:
		called := callOf(beats, period, now)
		if called.IsZero() { // nobody needs it just now, as far as can be told
			if silence > late {
				v.Health, v.Since = insole.Unknown, last.At
			}
			return v
		}
		if last.At.After(called.Add(-2 * Every)) { // it beats once a minute at most, so that its beat may be from before the call
			return v
		}
		late, gone = Slack, 2*period
		silence = now.Sub(called)
	default:
		if silence > late {
			v.Health, v.Since = insole.Unknown, last.At
		}
		return v
	}
	switch {
	case silence > gone:
		v.Health, v.Since, v.Why = insole.Gone, last.At, "silent"
	case silence > late:
		v.Health, v.Since, v.Why = insole.Late, last.At, "silent"
	case name == Watchdog && last.Audit != nil && last.Audit.Overdue > 0:
		v.Health, v.Since, v.Why = insole.Late, last.Audit.Oldest, "overdue"
	case name == Watchdog && last.Audit != nil && last.Audit.Without > 0:
		v.Health, v.Since, v.Why = insole.Late, last.At, "without-step"
	}
	return v
}

// callOf is when the canary wearer last got a call through to the bridge; zero when that was too long ago to say anything.
func callOf(beats []insole.Beat, period time.Duration, now time.Time) time.Time {
	for _, b := range beats {
		if b.Part == Canary && b.Run != nil && b.Run.Acked > 0 && now.Sub(b.Run.At) <= 2*period {
			return b.Run.At
		}
	}
	return time.Time{}
}

// canary judges the canary wearer's last call.
func canary(b insole.Beat, period time.Duration, now time.Time) insole.Verdict {
	v := insole.Verdict{Part: Canary, Health: insole.Works, Since: now}
	switch {
	case b.Run == nil || period <= 0:
		v.Health, v.Since = insole.Unknown, b.At
	case now.Sub(b.Run.At) > 2*period+Slack:
		v.Health, v.Since, v.Why = insole.Gone, b.Run.At, "missing"
	case b.Run.Why != "":
		v.Health, v.Since, v.Why = insole.Gone, b.Run.At, b.Run.Why
	case b.Run.Paged > PageLimit:
		v.Health, v.Since, v.Why = insole.Late, b.Run.At, "slow"
	}
	return v
}
