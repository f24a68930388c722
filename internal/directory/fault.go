// Package directory keeps what people set up: orgs, teams and whom they call, contacts, workers, insoles, zones and
// users. Everything that is written passes the same rules here, whoever asks: the HTTP API, or a provisioning file.
//
// A Draft is a set of changes to one org. It is checked as a whole, also for what the changes do to what was there
// before (a contact removed, whom a team's policy still names), and written in one transaction under the org's revision:
// of two people who change an org at the same time, the second is checked against what the first has left.
package directory

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"solewatch/internal/insole"
)

// A Fault is one thing wrong with what was given, and where.
type Fault struct {
	Noun string // "team", "contact", "worker", "insole", "zone", "user", "org"
	ID   string // of the noun
	At   string // the field in it, as "steps[0].contacts[1]"; "" for the whole
	What string // names the text: key "problem.fault.<What>" of the catalogue
	Args map[string]string
}

// Error is for logs. People get the text that What names.
func (f Fault) Error() string {
	s := f.Noun + " " + f.ID
	if f.At != "" {
		s += ": " + f.At
	}
	s += ": " + f.What
	keys := make([]string, 0, len(f.Args))
	for k := range f.Args {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		s += fmt.Sprintf(" %s=%q", k, f.Args[k])
	}
	return s
}

// Faults is everything that is wrong, at once. It is an insole.ErrInvalid.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// Unwrap makes errors.Is(f, insole.ErrInvalid) true.
func (f Faults) Unwrap() error { return insole.ErrInvalid }

// Errors with a meaning of their own. Both are insole.ErrConflict.
var (
	// ErrVersion: somebody has changed it since the caller read it.
	ErrVersion = fmt.Errorf("changed by somebody else: %w", insole.ErrConflict)
	// ErrTaken: the name is in use: here, or (an insole, an e-mail address) in another org.
	ErrTaken = fmt.Errorf("name is in use: %w", insole.ErrConflict)
)

// ErrNotSynced says that a change is stored, but that the teams' e-mail subscriptions could not all be brought in line
// with it. Making the change again brings them in line.
var ErrNotSynced = errors.New("stored, but subscriptions are not in line")
