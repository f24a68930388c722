package api

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"solewatch/internal/checkin"
	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/text"
)

// The page behind a link that was sent to a worker: check in, announce an activity, end it, begin and end a shift. As plain as the page of an
// alarm, and for the same reasons. The link of a reminder checks in, once; a link of the worker's own does all of it for a day.

//go:embed workerlink.html
var workerLinkHTML string

var workerLinkTemplate = template.Must(template.New("worker").Parse(workerLinkHTML))

type workerPage struct {
	Locale, Title, Heading string
	Style                  template.CSS
	Under, Said            []string
	Facts                  []answerFact
	Forms                  []workerForm
	AsOf                   string
	Links                  []answerLink
}

type workerForm struct {
	Do, Text string
	First    bool
	Fields   []workerField
}

type workerField struct {
	Name, Label, Type, Value, Min, Max, Long string
}

// showWorker shows the page of a worker's link, and says whether token is one. GET changes nothing: machines look into messages.
func (a *API) showWorker(w http.ResponseWriter, r *http.Request, token string) bool {
	l, err := a.Store.WorkerLinkOf(r.Context(), token, a.Now())
	if errors.Is(err, insole.ErrNotFound) {
		return false
	}
	var p workerPage
	if err == nil {
		p, err = a.workerPage(r.Context(), token, l)
	}
	if err != nil {
		a.noAnswer(w, r, err)
		return true
	}
	a.writeWorker(w, r, http.StatusOK, p)
	return true
}

// postWorker does what a worker asks through their link, and says whether token is one. The form has been read.
func (a *API) postWorker(w http.ResponseWriter, r *http.Request, token string) bool {
	ctx := r.Context()
	l, err := a.Store.WorkerLinkOf(ctx, token, a.Now())
	if errors.Is(err, insole.ErrNotFound) {
		return false
	}
	if err == nil {
		err = a.doWorker(ctx, token, l, r)
	}
	if err == nil {
		http.Redirect(w, r, "/a/"+token, http.StatusSeeOther)
		return true
	}
	var no *problem
	conflict := errors.Is(err, insole.ErrConflict)
	if !errors.As(err, &no) && !conflict {
		a.noAnswer(w, r, err)
		return true
	}
	if l, err = a.Store.WorkerLinkOf(ctx, token, a.Now()); err == nil { // as it is now
		var p workerPage
		if p, err = a.workerPage(ctx, token, l); err == nil {
			status := http.StatusConflict
			if no != nil {
				status = no.GetStatus()
				p.Said = append([]string{text.Say(p.Locale, "problem."+no.what+".detail")}, p.Said...)
			}
			a.writeWorker(w, r, status, p)
			return true
		}
	}
	a.noAnswer(w, r, err)
	return true
}

// doWorker is what the form asks. A link of a reminder may check in only, and once: the same again changes nothing and is no error.
func (a *API) doWorker(ctx context.Context, token string, l store.WorkerLink, r *http.Request) error {
	do := r.PostForm.Get("do")
	note := strings.TrimSpace(r.PostForm.Get("note"))
	minutes, _ := strconv.Atoi(r.PostForm.Get("minutes"))
	once := !l.Due.IsZero()
	if len([]rune(note)) > insole.MaxNote {
		return &problem{what: badCheckIn}
	}
	var also []store.Also
	if once {
		if do != "check-in" {
			return &problem{what: malformed}
		}
		if l.Used {
			return nil
		}
		also = append(also, store.UseWorkerLink(token))
	}
	engine := a.checkInsEngine()
	_, err := engine.Said(ctx, l.Org, l.Worker, func(c insole.CheckIns, w checkin.Wearer, now time.Time) (checkin.Plan, error) {
		self := checkin.Who{}
		switch do {
		case "check-in":
			return checkin.CheckedIn(c, w, now, now, insole.ByLink, self, note), nil
		case "on", "off":
			return shiftPlan(c, w, now, do == "on", "worker", self)
		case "start":
			ends := now.Add(time.Duration(minutes) * time.Minute)
			if err := soon(ends, now); err != nil {
				return checkin.Plan{}, err
			}
			return checkin.Announced(c, w, now, ends, note, self), nil
		case "extend":
			return extendPlan(c, w, now, minutes, self)
		case "end":
			return checkin.Finished(c, w, now, self), nil
		}
		return checkin.Plan{}, &problem{what: malformed}
	}, also...)
	return err
}

func (a *API) workerPage(ctx context.Context, token string, l store.WorkerLink) (workerPage, error) {
	org, err := a.Store.Org(ctx, l.Org)
	if err != nil {
		return workerPage{}, err
	}
	w, err := a.Store.Worker(ctx, l.Org, l.Worker)
	if err != nil {
		return workerPage{}, err
	}
	c, err := a.Store.GetCheckIns(ctx, l.Org, l.Worker)
	if err != nil && !errors.Is(err, insole.ErrNotFound) {
		return workerPage{}, err
	}
	locale, now := text.Locale(org.Locale), a.Now()
	say := func(key string, args ...string) string { return text.Say(locale, "worker."+key, args...) }
	in := func(t time.Time) string {
		if d := t.Sub(now); d >= 0 {
			return say("in", "n", strconv.Itoa(int((d+time.Minute-1)/time.Minute)))
		}
		return text.Ago(locale, now.Sub(t))
	}
	p := workerPage{Locale: locale, Title: say("title", "name", w.Name), Heading: w.Name, Under: []string{org.Name},
		AsOf: text.Say(locale, "answer.as-of", "time", a.clock(ctx, l.Org, w.Team, now)), Links: []answerLink{{template.URL("/a/" + token), text.Say(locale, "answer.again")}}}
	if !c.LastAt.IsZero() {
		p.Facts = append(p.Facts, answerFact{Name: say("last"), Value: text.Ago(locale, now.Sub(c.LastAt))})
	}
	if !c.DueAt.IsZero() {
		p.Facts = append(p.Facts, answerFact{Name: say("due"), Value: in(c.DueAt)})
	}
	once := !l.Due.IsZero()
	if once && l.Used {
		p.Said = append(p.Said, say("used"))
	}
	if !once || !l.Used {
		p.Forms = append(p.Forms, workerForm{Do: "check-in", Text: say("check-in"), First: true})
	}
	if v := c.Activity; v.Runs() {
		more := []string{}
		if v.Note != "" && !once { // a text message is read by whoever holds the phone
			more = append(more, v.Note)
		}
		p.Facts = append(p.Facts, answerFact{Name: say("activity"), Value: say("ends", "when", in(v.EndsAt)), More: more})
	}
	if once {
		return p, nil
	}
	minutes := workerField{Name: "minutes", Label: say("minutes"), Type: "number", Value: "30", Min: "1", Max: "1440"}
	if c.Activity.Runs() {
		p.Forms = append(p.Forms, workerForm{Do: "end", Text: say("end")}, workerForm{Do: "extend", Text: say("extend"), Fields: []workerField{minutes}})
	} else {
		p.Forms = append(p.Forms, workerForm{Do: "start", Text: say("start"), Fields: []workerField{
			{Name: "note", Label: say("note"), Type: "text", Long: strconv.Itoa(insole.MaxNote)}, minutes,
		}})
	}
	if w.ShiftBy != insole.ByNothing {
		if c.Shift.Lasts() {
			p.Forms = append(p.Forms, workerForm{Do: "off", Text: say("off")})
		} else {
			p.Forms = append(p.Forms, workerForm{Do: "on", Text: say("on")})
		}
	}
	return p, nil
}

func (a *API) writeWorker(w http.ResponseWriter, r *http.Request, status int, p workerPage) {
	p.Style = template.CSS(answerCSS)
	var b bytes.Buffer
	if err := workerLinkTemplate.Execute(&b, p); err != nil {
		panic(err) // the page is built from strings: seen by its tests
	}
	writePage(w, r, status, p.Locale, b.Bytes())
}
