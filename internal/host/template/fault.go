package template

import (
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing in a template that would not do here what it does on AWS, or that AWS would refuse.
type Fault struct {
	Line     int    // in the file, from 1; 0 when the fault is outside it (a parameter given on the command line)
	Resource string // logical id, or the section ("Parameters", "Outputs"); "" for the file as a whole
	Property string // path inside the resource, "Events.Urgent.Properties.BatchSize"; "" for the resource as a whole
	Reason   string
}

func (f Fault) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	b.WriteString(f.Resource)
	if f.Property != "" {
		if f.Resource != "" {
			b.WriteString(": ")
		}
		b.WriteString(f.Property)
	}
	if f.Resource != "" || f.Property != "" {
		b.WriteString(": ")
	}
	b.WriteString(f.Reason)
	return b.String()
}

// Faults are all that is wrong with a template, in the order of its lines.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// faultList gathers faults, each once.
type faultList struct {
	seen map[Fault]bool
	list Faults
}

func (l *faultList) add(line int, resource, property, format string, args ...any) {
	f := Fault{line, resource, property, fmt.Sprintf(format, args...)}
	if l.seen == nil {
		l.seen = map[Fault]bool{}
	}
	if !l.seen[f] {
		l.seen[f] = true
		l.list = append(l.list, f)
	}
}

func (l *faultList) err() error {
	if len(l.list) == 0 {
		return nil
	}
	slices.SortStableFunc(l.list, func(a, b Fault) int { return a.Line - b.Line })
	return l.list
}
