package insole

import "time"

// Began is when the shift that at falls in began, and when it ends; of shifts that touch or overlap, the whole run. ok is false off shift, for who works
// without shifts, and where a zone is not known: then nothing has begun.
func Began(shifts []Shift, at time.Time) (from, to time.Time, ok bool) {
	type span struct{ from, to time.Time }
	var all []span
	for _, s := range shifts {
		loc, err := time.LoadLocation(s.Zone)
		if err != nil {
			return time.Time{}, time.Time{}, false
		}
		local := at.In(loc)
		for day := -2; day <= 2; day++ {
			d := local.AddDate(0, 0, day)
			for _, w := range s.Days {
				if d.Weekday() != w {
					continue
				}
				end := d
				if s.To <= s.From {
					end = d.AddDate(0, 0, 1)
				}
				all = append(all, span{clock(d, s.From, loc), clock(end, s.To, loc)})
			}
		}
	}
	for _, s := range all {
		if !at.Before(s.from) && at.Before(s.to) {
			from, to, ok = s.from, s.to, true
		}
	}
	for grown := ok; grown; { // a night that goes on in a morning
		grown = false
		for _, s := range all {
			if s.from.Before(from) && !s.to.Before(from) {
				from, grown = s.from, true
			}
			if s.to.After(to) && !s.from.After(to) {
				to, grown = s.to, true
			}
		}
	}
	return from, to, ok
}

// clock is so long after midnight by the clock on the wall of day, which is not always so many hours.
func clock(day time.Time, since time.Duration, loc *time.Location) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), int(since/time.Hour), int(since%time.Hour/time.Minute), int(since%time.Minute/time.Second), 0, loc)
}
