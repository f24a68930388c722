package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/audit"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/store"
	"solewatch/internal/tally"
	"solewatch/internal/text"
)

// whyAround is how far from the time asked about something may be and still be the answer.
const whyAround = 30 * time.Minute

// Why says what is known of why there was an alarm around a time, or none.
type Why struct {
	AtMs     int64      `json:"atMs"`
	FromMs   int64      `json:"fromMs" doc:"what is here is from then to toMs"`
	ToMs     int64      `json:"toMs"`
	Alarms   []WhyAlarm `json:"alarms" doc:"raised in that time"`
	Refusals []Refusal  `json:"refusals" doc:"alarms that were not raised although the insole told of something"`
	Reports  int        `json:"reports" doc:"that history has"`
	Reasons  []WhyText  `json:"reasons" doc:"what speaks against an alarm, made out now from history, shifts and zones as they are now"`
	Unknown  []WhyText  `json:"unknown" doc:"what nobody can tell any more"`
}

// WhyAlarm is an alarm with the decision that raised it.
type WhyAlarm struct {
	Alarm feed.Alarm `json:"alarm"`
	Line  int        `json:"line,omitempty" doc:"of its log: see the dossier. Absent when it was not an insole's report that raised it"`
	Rules int        `json:"rules,omitempty" doc:"version"`
	Same  bool       `json:"same" doc:"the decision was made again now from the raw frame, and came out the same"`
}

// Refusal is an alarm that was not raised.
type Refusal struct {
	AtMs   int64  `json:"atMs"`
	Kind   string `json:"kind"`
	Why    string `json:"why" enum:"cancelled,off-shift,charging,switched-off"`
	Text   string `json:"text"`
	Report string `json:"report"`
	Same   bool   `json:"same"`
}

// WhyText is a reason for programs and for people.
type WhyText struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type whyInput struct {
	WorkerPath
	AtMs int64 `query:"atMs" required:"true" minimum:"0" maximum:"253402300799000"`
}

type whyAnswer struct{ Body Why }

func (a *API) whyRoutes(h huma.API) {
	huma.Register(h, op("why", http.MethodGet, "/api/workers/{worker}/why", "Why there was an alarm around a time, or none; who asks is recorded", "workers", insole.Supervisor), a.why)
}

// why writes down who looks first, as positions does: whether somebody was there is whereabouts.
func (a *API) why(ctx context.Context, in *whyInput) (*whyAnswer, error) {
	s, now, at := who(ctx), a.Now().UTC(), time.UnixMilli(in.AtMs).UTC()
	from, to := at.Add(-whyAround), at.Add(whyAround)
	if at.After(now.Add(whyAround)) {
		return nil, a.fail(ctx, &problem{what: toCome})
	}
	w, err := a.Store.Worker(ctx, s.Org, insole.WorkerID(in.Worker))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	err = a.Store.PutLook(ctx, store.Look{Org: s.Org, Worker: w.ID, User: s.User, UserName: s.Name, At: now, From: from, To: to})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &whyAnswer{Why{AtMs: in.AtMs, FromMs: ms(from), ToMs: ms(to), Alarms: []WhyAlarm{}, Refusals: []Refusal{}, Reasons: []WhyText{}, Unknown: []WhyText{}}}
	b := &out.Body
	say := func(code string, args ...string) WhyText {
		return WhyText{code, text.Say(s.Locale, "why."+code, args...)}
	}

	files, err := a.alarmsAround(ctx, w, from, to, now)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	for _, f := range files {
		one := WhyAlarm{Alarm: feed.AlarmOf(f.Alarm)}
		if again := audit.Again(f.Lines); len(again) > 0 {
			one.Line, one.Rules, one.Same = again[0].Line, again[0].Rules, again[0].Same
		}
		b.Alarms = append(b.Alarms, one)
	}
	refusals, err := a.Store.Refusals(ctx, s.Org, w.ID, from, to)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	for _, r := range refusals {
		d, ok := audit.DecisionOf(audit.Line{Data: r.Data})
		b.Refusals = append(b.Refusals, Refusal{ms(r.At), string(r.Kind), r.Why, say("refused-" + r.Why).Text, r.Report, ok && d.Again().Same})
	}
	points, err := a.points(ctx, w, from, to)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	zones, err := a.Store.Zones(ctx, s.Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	b.Reports = len(points)
	b.Reasons = append(b.Reasons, reasons(w, points, zones, at, say)...)
	b.Unknown = append(b.Unknown, say("settings"))
	if w.ShiftBy != "" {
		b.Unknown = append(b.Unknown, say("shift-by-hand"))
	}
	if len(points) == 0 && at.Before(now) {
		b.Unknown = append(b.Unknown, say("no-history"))
	}
	return out, nil
}

// alarmsAround reads the alarms of w that were raised between from and to: open ones, and those that ended since.
func (a *API) alarmsAround(ctx context.Context, w insole.Worker, from, to, now time.Time) ([]store.AlarmFile, error) {
	var files []store.AlarmFile
	mine := func(one insole.Alarm) bool {
		return one.Worker == w.ID && !one.RaisedAt.Before(from) && !one.RaisedAt.After(to)
	}
	open, err := a.Desk.Open(ctx, w.Org)
	if err != nil {
		return nil, err
	}
	for _, one := range open {
		if !mine(one) {
			continue
		}
		f, err := a.Desk.Get(ctx, w.Org, one.ID)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	// An alarm may end in the month after: nobody leaves one open for longer.
	seen := map[string]bool{}
	for _, t := range []time.Time{from, to, to.AddDate(0, 0, 28)} {
		if t.After(now) {
			t = now
		}
		name := t.UTC().Format("2006-01")
		if seen[name] {
			continue
		}
		seen[name] = true
		month, err := tally.Month(name, now)
		if err != nil {
			return nil, err
		}
		ended, _, err := a.ended(ctx, w.Org, month)
		if err != nil {
			return nil, err
		}
		for _, f := range ended {
			if mine(f.Alarm) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// reasons are what of w's points, shifts and zones speaks against an alarm at at.
func reasons(w insole.Worker, points []store.Point, zones []store.Kept[insole.Zone], at time.Time, say func(string, ...string) WhyText) []WhyText {
	var out []WhyText
	if len(points) == 0 {
		out = append(out, say("silent"))
	}
	if w.Insole == "" {
		out = append(out, say("no-insole"))
	}
	if len(w.Shifts) > 0 && !insole.On(w.Shifts, at) {
		out = append(out, say("off-shift"))
	}
	help, charging, unsure := false, false, 0
	for _, p := range points {
		help = help || rules.Help(p.Kind)
		charging = charging || p.Battery != nil && p.Battery.Charging
		for _, z := range zones {
			if p.Fix != nil && (z.Value.Team == "" || z.Value.Team == w.Team) && rules.SideOf(z.Value, *p.Fix) == rules.Unsure {
				unsure++
				break
			}
		}
	}
	if len(points) > 0 && !help {
		out = append(out, say("no-help"))
	}
	if charging {
		out = append(out, say("charging"))
	}
	if unsure > 0 {
		out = append(out, say("zone-unsure", "n", strconv.Itoa(unsure)))
	}
	return out
}
