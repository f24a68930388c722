package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/audit"
	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// What a dossier holds at most: Lambda answers with 6 MB.
const (
	dossierBefore  = 15 * time.Minute // before help was needed
	dossierAfter   = 5 * time.Minute  // after the end
	dossierLongest = 12 * time.Hour
	dossierReports = 3000    // of one worker
	dossierMost    = 5 << 20 // bytes, as a string of JSON
)

//go:embed dossier.html
var dossierHTML string

//go:embed dossier.css
var dossierCSS string

var (
	dossierTemplate = template.Must(template.New("dossier").Parse(dossierHTML))
	dossierPolicy   = func() string {
		sum := sha256.Sum256([]byte(dossierCSS))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
)

type dossierInput struct {
	AlarmPath
	Format string   `query:"format" enum:"json,html" default:"json" doc:"html: a page to print"`
	With   []string `query:"with" maxItems:"4" doc:"other workers whose reports are to be in it; that they were looked at is recorded"`
}

type dossierAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Language    string `header:"Content-Language"`
	Body        []byte
}

func (a *API) dossierRoutes(h huma.API) {
	o := op("dossier", http.MethodGet, "/api/alarms/{alarm}/dossier", "Everything of an incident, sealed; who asks is recorded", "alarms", insole.Supervisor)
	o.Description += " The JSON document is checked by `verify`; its members and what its seal proves are in docs/audit.md."
	o.Responses = map[string]*huma.Response{"200": {Description: "The dossier", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}, "text/html": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(h, o, a.dossier)
}

// dossier writes down who looks before it reads where anybody was.
func (a *API) dossier(ctx context.Context, in *dossierInput) (*dossierAnswer, error) {
	s, now := who(ctx), a.Now().UTC()
	f, err := a.Desk.Get(ctx, s.Org, in.id())
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	d := audit.Dossier{MadeAtMs: ms(now), MadeBy: s.Name, Org: string(s.Org), Alarm: dossierAlarm(f.Alarm), Log: f.Lines, Head: f.Head, Pages: []audit.Page{}, People: []audit.Person{}}
	from, to := window(f.Alarm, now)
	if to.Sub(from) > dossierLongest {
		to = from.Add(dossierLongest)
		d.Missing = append(d.Missing, fmt.Sprintf("reports after %s: the incident is longer than %s", to.Format(time.RFC3339), dossierLongest))
	}
	d.FromMs, d.ToMs = ms(from), ms(to)
	for _, p := range f.Pages {
		d.Pages = append(d.Pages, audit.PageOf(p))
	}
	people := []insole.WorkerID{f.Alarm.Worker}
	for _, w := range in.With {
		if id := insole.WorkerID(w); !slices.Contains(people, id) {
			people = append(people, id)
		}
	}
	for i, id := range people {
		w, err := a.Store.Worker(ctx, s.Org, id)
		switch {
		case err == nil:
		case i == 0 && errors.Is(err, insole.ErrNotFound): // an insole that nobody wears, or a worker who has left
			w = insole.Worker{Org: s.Org, ID: id, Name: f.Alarm.WorkerName, Insole: f.Alarm.Insole}
		default:
			return nil, a.fail(ctx, err)
		}
		if i == 0 && f.Alarm.Insole != "" && w.Insole != f.Alarm.Insole && !slices.ContainsFunc(w.Worn, func(past insole.Worn) bool { return past.Insole == f.Alarm.Insole }) {
			w.Worn = append(w.Worn, insole.Worn{Insole: f.Alarm.Insole, Until: to})
		}
		person, missing, err := a.person(ctx, w, from, to, now)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		d.People, d.Missing = append(d.People, person), append(d.Missing, missing...)
	}
	d.Again = audit.Again(d.Log)
	d, document, err := d.SealedWithin(dossierMost)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	name := "solewatch-" + strings.ToLower(f.Alarm.ID.Reference())
	if in.Format == "html" {
		page, locale := dossierPage(d, s.Locale)
		return &dossierAnswer{ContentType: "text/html; charset=utf-8", Disposition: "inline", Policy: dossierPolicy, Language: locale, Body: page}, nil
	}
	return &dossierAnswer{ContentType: "application/json", Disposition: `attachment; filename="` + name + `.json"`, Policy: dossierPolicy, Language: "en", Body: document}, nil
}

// window is when the reports of an incident are from.
func window(a insole.Alarm, now time.Time) (from, to time.Time) {
	from = a.SentAt
	if from.IsZero() || a.RaisedAt.Before(from) {
		from = a.RaisedAt
	}
	to = now
	if !a.EndedAt.IsZero() && a.EndedAt.Add(dossierAfter).Before(now) {
		to = a.EndedAt.Add(dossierAfter)
	}
	return from.Add(-dossierBefore), to
}

func (a *API) person(ctx context.Context, w insole.Worker, from, to, now time.Time) (p audit.Person, missing []string, err error) {
	s := who(ctx)
	p = audit.Person{Worker: string(w.ID), Name: audit.Clean(w.Name), Reports: []audit.Report{}}
	err = a.Store.PutLook(ctx, store.Look{Org: s.Org, Worker: w.ID, User: s.User, UserName: s.Name, At: now, From: from, To: to})
	if err != nil {
		return p, nil, err
	}
	points, err := a.points(ctx, w, from, to)
	if err != nil {
		return p, nil, err
	}
	if len(points) > dossierReports {
		missing = append(missing, fmt.Sprintf("%d of %d reports of %s: the newest", len(points)-dossierReports, len(points), p.Name))
		points = points[:dossierReports]
	}
	for _, at := range points {
		r := audit.Report{AtMs: ms(at.At), HeardAtMs: ms(at.HeardAt), Kind: string(at.Kind), Steps: int64(at.Steps), Posture: string(at.Posture)}
		if fix := at.Fix; fix != nil {
			r.Lat, r.Lon, r.AccuracyM, r.SpeedMps = &fix.Lat, &fix.Lon, fix.Accuracy, fix.Speed
		}
		if at.Battery != nil {
			r.Battery = &at.Battery.Percent
		}
		p.Reports = append(p.Reports, r)
	}
	return p, missing, nil
}

func dossierAlarm(a insole.Alarm) audit.Alarm {
	out := audit.Alarm{
		Alarm: string(a.ID), Reference: a.ID.Reference(), Team: string(a.Team), Worker: string(a.Worker), WorkerName: audit.Clean(a.WorkerName), Insole: string(a.Insole),
		Kind: string(a.Kind), State: string(a.State), Incident: string(a.Incident), Cause: a.Cause, SentAtMs: ms(a.SentAt), RaisedAtMs: ms(a.RaisedAt), TakenAtMs: ms(a.TakenAt),
		Owner: audit.Clean(a.OwnerName), EndedAtMs: ms(a.EndedAt), EndedBy: a.EndedBy, Reason: string(a.Reason), Note: audit.Clean(a.Note), Drill: a.Drill,
	}
	if a.Fix != nil {
		out.Lat, out.Lon, out.AccuracyM = a.Fix.Lat, a.Fix.Lon, a.Fix.Accuracy
	}
	return out
}

// A dossierView is what the template shows: every word is in it already.
type dossierView struct {
	Locale, Title, Heading, Under, Proof, Broken string
	Style                                        template.CSS
	Facts                                        [][2]string
	Tables                                       []dossierTable
	Missing                                      []string
}

type dossierTable struct {
	Title   string
	Columns []string
	Rows    [][]string
	None    string
}

// dossierPage is d on paper, in the language of whoever asks. Times are UTC.
func dossierPage(d audit.Dossier, locale string) (page []byte, language string) {
	l := text.Locale(locale)
	say := func(key string, args ...string) string { return text.Say(l, "dossier."+key, args...) }
	word := func(prefix, name string) string {
		if key := prefix + name; text.Has(key) {
			return text.Say(l, key)
		}
		return name
	}
	clock := func(ms int64) string {
		if ms == 0 {
			return ""
		}
		return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05")
	}
	kind := word("alarm.kind.", d.Alarm.Kind)
	v := dossierView{
		Locale: l, Title: say("title", "reference", d.Alarm.Reference), Heading: kind + text.Say(l, "dossier.colon") + d.Alarm.WorkerName, Style: template.CSS(dossierCSS),
		Under: say("under", "time", clock(d.MadeAtMs), "name", d.MadeBy), Missing: d.Missing,
		Proof: say("proof", "seal", d.Seal, "n", strconv.Itoa(d.Head.N), "hash", d.Head.Hash),
	}
	if err := audit.Check(insole.OrgID(d.Org), insole.AlarmID(d.Alarm.Alarm), d.Log, d.Head); err != nil {
		v.Broken = say("broken", "why", err.Error())
	}
	fact := func(key, value string) {
		if value != "" {
			v.Facts = append(v.Facts, [2]string{say(key), value})
		}
	}
	fact("sent", clock(d.Alarm.SentAtMs))
	fact("raised", clock(d.Alarm.RaisedAtMs))
	fact("taken", strings.TrimSpace(clock(d.Alarm.TakenAtMs)+" "+d.Alarm.Owner))
	fact("ended", strings.TrimSpace(clock(d.Alarm.EndedAtMs)+" "+word("web.reason.", d.Alarm.Reason)))
	fact("note", d.Alarm.Note)
	if d.Alarm.Lat != 0 || d.Alarm.Lon != 0 {
		fact("where", fmt.Sprintf("%.6f, %.6f (± %.0f m)", d.Alarm.Lat, d.Alarm.Lon, d.Alarm.AccuracyM))
	}
	if d.Alarm.Drill {
		fact("drill", "✓")
	}
	columns := func(keys ...string) []string {
		for i, k := range keys {
			keys[i] = say(k)
		}
		return keys
	}
	log := dossierTable{Title: say("log"), Columns: columns("number", "time", "what", "who", "detail", "hash")}
	for _, line := range d.Log {
		by := line.Name
		if by == "" {
			by = word("dossier.by.", line.Who)
		}
		what := word("web.log.", line.What)
		if line.What == "paged" {
			what = say("paged")
		}
		log.Rows = append(log.Rows, []string{strconv.Itoa(line.N), clock(line.AtMs), what, by, line.Text, line.Hash[:min(16, len(line.Hash))]})
	}
	pages := dossierTable{Title: say("pages"), Columns: columns("step", "who", "channel", "state", "queued", "done", "answered"), None: say("none")}
	for _, p := range d.Pages {
		pages.Rows = append(pages.Rows, []string{strconv.Itoa(p.Step), p.Name, word("web.channel.", p.Channel), word("web.page.", p.State), clock(p.QueuedAtMs), clock(p.DoneAtMs), clock(p.AnsweredAtMs)})
	}
	again := dossierTable{Title: say("decisions"), Columns: columns("number", "report", "rules", "again"), None: say("none")}
	for _, r := range d.Again {
		result := say("same")
		if !r.Same {
			result = r.Why
		}
		again.Rows = append(again.Rows, []string{strconv.Itoa(r.Line), r.Report, strconv.Itoa(r.Rules), result})
	}
	v.Tables = []dossierTable{log, pages, again}
	for _, p := range d.People {
		t := dossierTable{Title: say("reports", "name", p.Name), Columns: columns("time", "heard", "what", "where", "accuracy", "battery"), None: say("none")}
		for _, r := range p.Reports {
			row := []string{clock(r.AtMs), clock(r.HeardAtMs), r.Kind, "", "", ""}
			if r.Lat != nil && r.Lon != nil {
				row[3], row[4] = fmt.Sprintf("%.6f, %.6f", *r.Lat, *r.Lon), fmt.Sprintf("%.0f m", r.AccuracyM)
			}
			if r.Battery != nil {
				row[5] = fmt.Sprintf("%d %%", *r.Battery)
			}
			t.Rows = append(t.Rows, row)
		}
		v.Tables = append(v.Tables, t)
	}
	var b bytes.Buffer
	if err := dossierTemplate.Execute(&b, v); err != nil {
		panic(err) // built from strings: seen by its tests
	}
	return b.Bytes(), l
}
