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
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"solewatch/internal/alarm"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/text"
)

// The page behind the link of an SMS or e-mail: one document without script, picture or font, for a phone with one bar of reception. Why it is
// as it is: docs/adr/0010-answer-links.md.

//go:embed answer.html
var answerHTML string

//go:embed answer.css
var answerCSS string

var (
	answerTemplate = template.Must(template.New("answer").Parse(answerHTML))
	answerPolicy   = func() string {
		sum := sha256.Sum256([]byte(answerCSS))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	}()
)

// maxAnswer is the largest answer taken, in bytes: a note of insole.MaxNote characters, each of up to four bytes that a form writes as %XX.
const maxAnswer = 12*insole.MaxNote + 1<<10

// An answerPage is what the template shows.
type answerPage struct {
	Locale, Title   string
	Style           template.CSS
	Calm            bool // nothing to be alarmed about any more, or nothing known
	Kind, Reference string
	Heading         string
	Under           []string // the heading
	Said            []string // how things stand, for whoever reads this
	Facts           []answerFact
	Buttons         bool
	Take, Decline   string
	AsOf            string
	Links           []answerLink
}

type answerFact struct {
	Name, Value string
	More        []string
	Links       []answerLink
}

type answerLink struct {
	To   template.URL
	Text string
}

func (a *API) answerRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /a/{link}", a.showAnswer) // and HEAD
	mux.HandleFunc("POST /a/{link}", a.postAnswer)
}

// showAnswer shows what a link asks, and notes that it was fetched. It changes nothing else, however often: whatever looks into messages
// fetches every link there is. The name of an alarm, from the page that goes out while the table is away, leads to the screen, where one
// signs in; it says nothing of the alarm, not even whether there is one.
func (a *API) showAnswer(w http.ResponseWriter, r *http.Request) {
	link := r.PathValue("link")
	if alarmID.MatchString(link) {
		http.Redirect(w, r, "/#/a/"+link, http.StatusSeeOther)
		return
	}
	q, err := a.Desk.Asked(r.Context(), link)
	if errors.Is(err, insole.ErrNotFound) && a.showWorker(w, r, link) {
		return
	}
	if err != nil {
		a.noAnswer(w, r, err)
		return
	}
	if r.Method == http.MethodGet {
		if err := a.Desk.Opened(r.Context(), q); err != nil { // who, what and where matter more
			a.Log.WarnContext(r.Context(), "page not marked as opened", "alarm", q.Alarm.ID, "step", q.Page.Step, "err", err)
		}
	}
	a.writeAnswer(w, r, http.StatusOK, a.asked(r.Context(), link, q))
}

// postAnswer takes an answer. The token is all it needs: whoever has it was sent it. A page of another site may not send it along.
func (a *API) postAnswer(w http.ResponseWriter, r *http.Request) {
	link, locale := r.PathValue("link"), text.Negotiate(r.Header.Get("Accept-Language"))
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		a.writeAnswer(w, r, http.StatusForbidden, answerless(locale, "foreign"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxAnswer)
	ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || ct != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		a.writeAnswer(w, r, http.StatusBadRequest, answerless(locale, "malformed"))
		return
	}
	if r.PostForm.Has("do") { // the page of a worker's link
		if !a.postWorker(w, r, link) {
			a.noAnswer(w, r, insole.ErrNotFound)
		}
		return
	}
	q, err := a.Desk.Answer(r.Context(), link, insole.Answer(r.PostForm.Get("answer")))
	switch {
	case err == nil:
		http.Redirect(w, r, "/a/"+link, http.StatusSeeOther) // looking again does not answer again
	case errors.Is(err, insole.ErrInvalid):
		a.writeAnswer(w, r, http.StatusBadRequest, answerless(locale, "malformed"))
	case errors.Is(err, insole.ErrConflict) && q.Alarm.ID != "":
		p := a.asked(r.Context(), link, q)
		p.Said = append([]string{text.Say(p.Locale, "answer.refused")}, p.Said...)
		a.writeAnswer(w, r, http.StatusConflict, p)
	default:
		a.noAnswer(w, r, err)
	}
}

// noAnswer says that nothing is known, or that a link leads nowhere: in the same words whether it ever did.
func (a *API) noAnswer(w http.ResponseWriter, r *http.Request, err error) {
	locale := text.Negotiate(r.Header.Get("Accept-Language"))
	if errors.Is(err, insole.ErrNotFound) {
		p := answerless(locale, "gone")
		p.Links = []answerLink{{"/", text.Say(locale, "answer.board")}}
		a.writeAnswer(w, r, http.StatusNotFound, p)
		return
	}
	status := http.StatusInternalServerError
	for _, away := range []error{insole.ErrAway, insole.ErrConflict, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, away) {
			status = http.StatusServiceUnavailable
		}
	}
	a.Log.ErrorContext(r.Context(), "answer page with a fault of ours", "status", status, "err", err)
	w.Header().Set("Retry-After", "5") // s
	p := answerless(locale, "away")
	p.Links = []answerLink{{template.URL("/a/" + template.URLQueryEscaper(r.PathValue("link"))), text.Say(locale, "answer.again")}}
	a.writeAnswer(w, r, status, p)
}

// answerless is a page without an alarm: answer.<what>.title and .detail.
func answerless(locale, what string) answerPage {
	title := text.Say(locale, "answer."+what+".title")
	return answerPage{Locale: locale, Title: title, Heading: title, Calm: true,
		Said: []string{text.Say(locale, "answer."+what+".detail"), text.Say(locale, "answer.call")}}
}

// asked is q in the contact's language. Where the worker is is shown while somebody may have to go there, and no longer.
func (a *API) asked(ctx context.Context, link string, q alarm.Asked) answerPage {
	l := text.Locale(q.Page.Locale)
	now := a.Now()
	say := func(key string, args ...string) string { return text.Say(l, "answer."+key, args...) }
	ago := func(t time.Time) string { return text.Ago(l, now.Sub(t)) }

	one := q.Alarm
	who := one.WorkerName
	if who == "" {
		who = string(one.Worker)
	}
	sent := one.SentAt
	if sent.IsZero() {
		sent = one.RaisedAt
	}
	p := answerPage{
		Locale: l, Kind: text.Say(l, "alarm.kind."+string(one.Kind)), Reference: one.ID.Reference(), Heading: who, Calm: !one.State.Open(),
		Under: []string{ago(sent)}, Take: say("take"), Decline: say("decline"), Buttons: q.Open(),
		AsOf:  say("as-of", "time", a.clock(ctx, one.Org, one.Team, now)),
		Links: []answerLink{{template.URL("/a/" + link), say("again")}},
	}
	p.Title = text.Say(l, "page.email.subject", "kind", p.Kind, "worker", who, "ref", p.Reference)
	if one.Drill {
		p.Under = append(p.Under, say("drill"))
	}
	if notify.IsLate(one) {
		p.Under = append(p.Under, say("late", "ago", ago(one.RaisedAt)))
	}

	switch {
	case !one.State.Open():
		p.Said = append(p.Said, say("ended", "ago", ago(one.EndedAt)))
	case q.Mine():
		p.Said = append(p.Said, say("yours"))
		p.Links = append(p.Links, answerLink{template.URL("/#/a/" + string(one.ID)), say("board")})
	case one.State == insole.Taken:
		p.Said = append(p.Said, say("theirs", "name", one.OwnerName))
	case q.Page.Answer == insole.AnswerDecline:
		p.Said = append(p.Said, say("declined"))
	case q.Page.State == insole.PageAnswered:
		p.Said = append(p.Said, say("used"))
	}
	if !one.State.Open() {
		return p
	}
	owner := answerFact{Name: say("owner"), Value: say("nobody")}
	if one.State == insole.Taken {
		owner.Value, owner.More = one.OwnerName, []string{ago(one.TakenAt)}
	}
	p.Facts = []answerFact{where(l, a.newest(ctx, one), now), owner}
	if one.Kind == insole.AlarmAmber && one.Note != "" { // what the wearer wrote down for whoever comes; never in a message
		p.Facts = append(p.Facts, answerFact{Name: say("note"), Value: one.Note})
	}
	if why := notify.Guess(one, l); why != "" {
		p.Facts = append(p.Facts, answerFact{Name: say("guess"), Value: why})
	}
	return p
}

// newest is where the wearer has been seen last: whoever goes there wants that, and not where the alarm was raised. What cannot be read
// leaves the alarm's own. In an exercise nobody is to be found, and of an alarm that may be set aside nobody has to be: whoever has the link of a
// low battery does not follow its wearer about.
func (a *API) newest(ctx context.Context, one insole.Alarm) *insole.Fix {
	if one.Drill || one.Insole == "" || one.Shelvable() {
		return one.Fix
	}
	live, err := a.Store.GetLive(ctx, one.Org, one.Insole)
	if f := live.State.Fix; err == nil && live.Worker == one.Worker && f != nil && (one.Fix == nil || f.At.After(one.Fix.At)) {
		return f
	}
	return one.Fix
}

// clock is the time of day where a team works, with the name of its zone. An org has no zone of its own: the team's hours have one, or those of
// another team. Where none has, or none can be read, it is UTC.
func (a *API) clock(ctx context.Context, org insole.OrgID, team insole.TeamID, t time.Time) string {
	const layout = "15:04:05"
	name := ""
	teams, err := a.Store.Teams(ctx, org)
	if err != nil {
		a.Log.WarnContext(ctx, "time zone not read", "org", org, "err", err)
	}
	for _, of := range teams {
		if len(of.Hours) > 0 && (name == "" || of.ID == team) {
			name = of.Hours[0].Zone
		}
	}
	if zone, err := time.LoadLocation(name); err == nil && zone != time.UTC {
		return t.In(zone).Format(layout) + " (" + zone.String() + ")"
	}
	return t.UTC().Format(layout) + " UTC"
}

// where says where somebody is, in the words of l.
func where(l string, f *insole.Fix, now time.Time) answerFact {
	fact := answerFact{Name: text.Say(l, "answer.where"), Value: text.Say(l, "answer.nowhere")}
	if f == nil {
		return fact
	}
	at := strconv.FormatFloat(f.Lat, 'f', 6, 64) + "," + strconv.FormatFloat(f.Lon, 'f', 6, 64)
	fact.Value = strings.Replace(at, ",", ", ", 1)
	if f.Accuracy > 0 {
		fact.More = append(fact.More, text.Say(l, "answer.accuracy", "m", strconv.Itoa(int(math.Ceil(f.Accuracy)))))
	} else {
		fact.More = append(fact.More, text.Say(l, "answer.accuracy-unknown"))
	}
	age := text.Say(l, "answer.age-unknown")
	if !f.At.IsZero() {
		age = text.Say(l, "answer.age", "ago", text.Ago(l, now.Sub(f.At)))
	}
	fact.More = append(fact.More, age)
	lat, lon, _ := strings.Cut(at, ",")
	fact.Links = []answerLink{
		{template.URL("geo:" + at + "?q=" + at), text.Say(l, "answer.map")},
		{template.URL(fmt.Sprintf("https://www.openstreetmap.org/?mlat=%s&mlon=%s#map=17/%s/%s", lat, lon, lat, lon)), text.Say(l, "answer.map-web")},
	}
	return fact
}

func (a *API) writeAnswer(w http.ResponseWriter, r *http.Request, status int, p answerPage) {
	p.Style = template.CSS(answerCSS)
	var b bytes.Buffer
	if err := answerTemplate.Execute(&b, p); err != nil {
		panic(err) // the page is built from strings: seen by its tests
	}
	writePage(w, r, status, p.Locale, b.Bytes())
}

// writePage writes a page of a link, which is its own key: nothing keeps it, and nothing that it leads to learns its address.
func writePage(w http.ResponseWriter, r *http.Request, status int, locale string, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", locale)
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", answerPolicy)
	h.Set("Referrer-Policy", "no-referrer") // the address is the key
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page)
	}
}
