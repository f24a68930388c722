package parts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// A Store is what a Judge asks of the table. *store.Store is one.
type Store interface {
	Parts(context.Context) (store.Parts, error)
	SaveVerdict(context.Context, insole.Verdict, insole.Turn) error
	Orgs(context.Context) ([]insole.OrgID, error)
	Org(context.Context, insole.OrgID) (insole.Org, error)
}

// Alarms tells people. *alarm.Raiser is one.
type Alarms interface {
	Technical(context.Context, insole.Fault) (raised bool, err error)
	Works(ctx context.Context, o insole.OrgID, part string, at time.Time) error
}

// A Judge says which parts do not work, and that they work again. Any number of them may look at once.
type Judge struct {
	Store  Store
	Alarms Alarms
	Period time.Duration // between two calls of the canary wearer; 0 without one
	Who    string        // the part that looks
	Now    func() time.Time
	Log    *slog.Logger

	mu    sync.Mutex
	since time.Time // when this judge first looked
}

// grace is how long a judge looks on before it calls the part called name silent: when everything starts again after a night, nobody has had time to beat.
func (j *Judge) grace(name string) time.Duration {
	if name == Canary || slices.Contains(driven, name) {
		return 2*j.Period + Slack
	}
	return LateAfter
}

// looked is for how long this judge has looked on.
func (j *Judge) looked(now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.since.IsZero() {
		j.since = now
	}
	return now.Sub(j.since)
}

// Judged lists the parts whose failing is an alarm.
var Judged = []string{Bridge, Ingest, Alarm, Watchdog, Push, Canary}

// Look judges the parts named, and tells every org's operators of what has changed. The alarms come first, then the verdict is stored: a verdict without
// its alarms would hide the fault for ever, alarms without a verdict are raised again under the same name. What it cannot do now is still so in a minute.
func (j *Judge) Look(ctx context.Context, names ...string) error {
	all, err := j.Store.Parts(ctx)
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	var errs []error
	now := j.Now().UTC()
	looked := j.looked(now)
	for _, name := range names {
		was, seen := all.Verdicts[name]
		if !seen {
			was = insole.Verdict{Part: name, Health: insole.Unknown}
		}
		is := Of(name, all.Beats, j.Period, now)
		absent := is.Why == "silent" || is.Why == "missing"
		if is.Health == was.Health || absent && !was.Health.Bad() && looked < j.grace(name) {
			continue
		}
		if err := j.tell(ctx, was, is); err != nil {
			errs = append(errs, fmt.Errorf("part %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (j *Judge) tell(ctx context.Context, was, is insole.Verdict) error {
	now := j.Now().UTC()
	if was.Health.Bad() && is.Health.Bad() {
		is.Since = was.Since // one trouble, one alarm
	}
	if is.Health.Bad() && !was.Health.Bad() || was.Health.Bad() && !is.Health.Bad() {
		if err := j.everywhere(ctx, is, now); err != nil {
			return err
		}
	}
	is.Version = was.Version + 1
	err := j.Store.SaveVerdict(ctx, is, insole.Turn{Part: is.Part, At: now, From: was.Health, To: is.Health, Why: is.Why})
	if errors.Is(err, insole.ErrConflict) {
		return nil // somebody else has seen it too
	}
	if err == nil {
		level := slog.LevelInfo
		if is.Health.Bad() {
			level = slog.LevelWarn
		}
		j.Log.Log(ctx, level, "part changed", "part", is.Part, "from", was.Health, "to", is.Health, "why", is.Why, "since", is.Since)
	}
	return err
}

// everywhere raises or ends the alarm about is in every org.
func (j *Judge) everywhere(ctx context.Context, is insole.Verdict, now time.Time) error {
	orgs, err := j.Store.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("listing orgs: %w", err)
	}
	var errs []error
	for _, o := range orgs {
		if !is.Health.Bad() {
			errs = append(errs, j.Alarms.Works(ctx, o, is.Part, now))
			continue
		}
		org, err := j.Store.Org(ctx, o)
		if err == nil {
			_, err = j.Alarms.Technical(ctx, insole.Fault{Org: org, Part: is.Part, What: text.Say(org.Locale, "part."+is.Part+".fault"), Since: is.Since, Who: j.Who})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
