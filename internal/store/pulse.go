package store

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"solewatch/internal/insole"
)

// A bridge says once a minute, through the lane that positions take, that it works. PulseGap without a word of it and its way to ingest is taken to be
// broken; a word that took longer than PulseLate has waited behind a backlog. PulseKept is how long what became of a bridge is remembered.
const (
	PulseGap  = 150 * time.Second
	PulseLate = 90 * time.Second
	PulseKept = 24 * time.Hour
)

// A Pulse is how the way from one bridge to ingest has done. Times at which something came out of the queue are of the server's clock.
type Pulse struct {
	Bridge   string
	First    time.Time // when its first word came
	At       time.Time // when it said its newest word, by its own clock
	Got      time.Time // when the newest of its words came out of the queue
	Bye      bool      // it has ended by itself
	GapFrom  time.Time // of the last time that it was not heard for PulseGap; zero when there was none
	GapTo    time.Time
	LateAt   time.Time // when a word last came that was later than PulseLate; zero when none did
	LateFrom time.Time // when that word was said
}

// A Quiet is a time in which nobody who speaks Dialect was heard, as the watchdog has judged.
type Quiet struct {
	Dialect insole.Dialect
	From    time.Time
	Until   time.Time // zero while it goes on
}

// SavePulse stores that a word which bridge said at at has come out of the queue now. One write a minute and bridge; an old word that comes after a newer one
// only says that there was a backlog.
func (s *Store) SavePulse(ctx context.Context, bridge string, at time.Time, bye bool) error {
	now := s.now()
	k := pulseKey(bridge)
	names := map[string]string{"#t": "t", "#at": "at", "#got": "got", "#bye": "bye", "#ttl": "ttl", "#f": "first"}
	values := item{":t": str("pulse"), ":at": num(ms(at)), ":now": num(ms(now)), ":ttl": num(now.Add(PulseKept).Unix()), ":bye": num(0)}
	if bye {
		values[":bye"] = num(1)
	}
	set := "SET #t = :t, #at = :at, #got = :now, #bye = :bye, #ttl = :ttl, #f = if_not_exists(#f, :now)"
	late := ""
	if now.Sub(at) > PulseLate {
		names["#la"], names["#lf"] = "late", "lateFrom"
		late = ", #la = :now, #lf = :at"
	}
	steady := cond{expr: "attribute_not_exists(PK) OR (#at <= :at AND #got >= :floor)", values: item{":floor": num(ms(now.Add(-PulseGap)))}}
	_, err := s.update(ctx, k, set+late, names, values, steady)
	if !errors.Is(err, insole.ErrConflict) {
		return err
	}
	// Not heard for too long: what was newest is where the gap began.
	gap := map[string]string{"#gf": "gapFrom", "#gt": "gapTo"}
	for name, attribute := range names {
		gap[name] = attribute
	}
	_, err = s.update(ctx, k, set+", #gf = #at, #gt = :now"+late, gap, values, cond{expr: "attribute_exists(PK) AND #at <= :at"})
	if late == "" || !errors.Is(err, insole.ErrConflict) {
		if errors.Is(err, insole.ErrConflict) {
			return nil
		}
		return err
	}
	_, err = s.update(ctx, k, "SET #la = :now, #lf = :at", map[string]string{"#la": "late", "#lf": "lateFrom"}, item{":now": num(ms(now)), ":at": num(ms(at))}, ifPresent)
	if errors.Is(err, insole.ErrConflict) {
		return nil
	}
	return err
}

// Pulses lists what is known of every bridge of the last PulseKept, and of quiet times.
func (s *Store) Pulses(ctx context.Context) (all []Pulse, quiet []Quiet, err error) {
	for it, err := range s.query(ctx, question{pk: pulsePK}) {
		if err != nil {
			return nil, nil, err
		}
		t := func(name string) time.Time { return timeOf(numOf(it, name)) }
		sk := strOf(it, "SK")
		if d, ok := strings.CutPrefix(sk, quietKey("").SK); ok {
			quiet = append(quiet, Quiet{insole.Dialect(d), t("from"), t("until")})
			continue
		}
		all = append(all, Pulse{
			Bridge: strings.TrimPrefix(sk, pulseKey("").SK), First: cmp.Or(t("first"), t("got")), At: t("at"), Got: t("got"), Bye: numOf(it, "bye") != 0,
			GapFrom: t("gapFrom"), GapTo: t("gapTo"), LateAt: t("late"), LateFrom: t("lateFrom"),
		})
	}
	return all, quiet, nil
}

// SaveQuiet stores q, in place of an earlier one of its dialect.
func (s *Store) SaveQuiet(ctx context.Context, q Quiet) error {
	it := quietKey(q.Dialect).item()
	it["t"], it["from"], it["until"], it["ttl"] = str("quiet"), num(ms(q.From)), num(ms(q.Until)), num(s.now().Add(PulseKept).Unix())
	return s.put(ctx, it, cond{})
}
