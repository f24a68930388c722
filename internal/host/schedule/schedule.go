// Package schedule reads EventBridge's schedule expressions and says when they are due.
//
//	rate(5 minutes)              every so often, from when the schedule started
//	cron(0 8 ? * MON-FRI *)      minute hour day-of-month month day-of-week year
//	at(2026-11-22T10:00:00)      once
//
// A cron field is *, a value, a range a-b, a step a/b or *\/b, or a list of those with commas; months and days of
// the week may be named (JAN, MON). One of day-of-month and day-of-week must be ?. L, W and # are not understood.
//
// Source: EventBridge user guide, "Schedule types in EventBridge Scheduler" and "Cron expressions".
package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Expression tells when a schedule is due.
type Expression struct {
	every time.Duration
	once  string // of at(…), in its own zone
	cron  *cron
}

type cron struct {
	minute, hour, day, month, weekday, year []bool // nil day or weekday: "?"
}

const firstYear, lastYear = 1970, 2199

// Parse reads an expression.
func Parse(s string) (Expression, error) {
	kind, rest, _ := strings.Cut(s, "(")
	body, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return Expression{}, fmt.Errorf("schedule %q is not rate(…), cron(…) or at(…)", s)
	}
	var e Expression
	var err error
	switch kind {
	case "rate":
		e.every, err = parseRate(body)
	case "cron":
		e.cron, err = parseCron(body)
	case "at":
		e.once = body
		_, err = time.Parse("2006-01-02T15:04:05", body)
	default:
		err = fmt.Errorf("want rate(…), cron(…) or at(…)")
	}
	if err != nil {
		return Expression{}, fmt.Errorf("schedule %q: %w", s, err)
	}
	return e, nil
}

func parseRate(s string) (time.Duration, error) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return 0, fmt.Errorf("want a number and a unit")
	}
	n, err := strconv.Atoi(f[0])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a whole number above 0", f[0])
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(f[1], "s")]
	switch {
	case unit == 0:
		return 0, fmt.Errorf("unit %q is not minutes, hours or days", f[1])
	case (n == 1) == strings.HasSuffix(f[1], "s"):
		return 0, fmt.Errorf("%d goes with the %s form of the unit", n, map[bool]string{true: "singular", false: "plural"}[n == 1])
	}
	return time.Duration(n) * unit, nil
}

var (
	months = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	days   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(s string) (*cron, error) {
	f := strings.Fields(s)
	if len(f) != 6 {
		return nil, fmt.Errorf("want six fields, got %d", len(f))
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, fmt.Errorf("exactly one of day-of-month and day-of-week must be ?")
	}
	c := &cron{}
	for i, p := range []struct {
		to        *[]bool
		what      string
		low, high int
		names     []string
		nameBase  int
	}{
		{&c.minute, "minute", 0, 59, nil, 0}, {&c.hour, "hour", 0, 23, nil, 0}, {&c.day, "day-of-month", 1, 31, nil, 0},
		{&c.month, "month", 1, 12, months, 1}, {&c.weekday, "day-of-week", 1, 7, days, 1}, {&c.year, "year", firstYear, lastYear, nil, 0},
	} {
		if f[i] == "?" {
			if i != 2 && i != 4 {
				return nil, fmt.Errorf("%s cannot be ?", p.what)
			}
			continue
		}
		set, err := parseField(f[i], p.low, p.high, p.names, p.nameBase)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.what, err)
		}
		*p.to = set
	}
	return c, nil
}

func parseField(s string, low, high int, names []string, base int) ([]bool, error) {
	set := make([]bool, high+1)
	value := func(s string) (int, error) {
		if i := slices.Index(names, strings.ToUpper(s)); i >= 0 {
			return i + base, nil
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf("%q is not within %d and %d", s, low, high)
		}
		return n, nil
	}
	for _, part := range strings.Split(s, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("step %q is not a number above 0", stepText)
			}
			step = n
		}
		from, to := low, high
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			var err error
			if from, err = value(a); err != nil {
				return nil, err
			}
			switch {
			case ranged:
				if to, err = value(b); err != nil {
					return nil, err
				}
			case !stepped:
				to = from
			}
		}
		if from > to {
			return nil, fmt.Errorf("range %q runs backwards", span)
		}
		for i := from; i <= to; i += step {
			set[i] = true
		}
	}
	return set, nil
}

// Next is the first time after the given one at which the schedule is due, the zero time when there is none. A
// rate counts from start.
func (e Expression) Next(after, start time.Time, zone *time.Location) time.Time {
	switch {
	case e.every > 0:
		if after.Before(start) {
			return start
		}
		n := after.Sub(start)/e.every + 1
		return start.Add(n * e.every)
	case e.once != "":
		t, err := time.ParseInLocation("2006-01-02T15:04:05", e.once, zone)
		if err != nil || !t.After(after) {
			return time.Time{}
		}
		return t
	case e.cron != nil:
		return e.cron.next(after.In(zone))
	}
	return time.Time{}
}

// next goes forward by the coarsest unit that does not fit.
func (c *cron) next(after time.Time) time.Time {
	zone := after.Location()
	t := after.Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		switch {
		case t.Year() < firstYear || !c.year[t.Year()]:
			t = time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, zone)
		case !c.month[t.Month()]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, zone)
		case c.day != nil && !c.day[t.Day()] || c.weekday != nil && !c.weekday[int(t.Weekday())+1]:
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone)
		case !c.hour[t.Hour()]:
			// not by time.Date: at the end of summer time one hour of the clock is there twice
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minute[t.Minute()]:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}
