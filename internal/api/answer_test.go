package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// An inbox holds the links of two messages about one alarm: to Zoé in French, to Paul in English.
type inbox struct {
	*office
	alarm insole.Alarm
	zoe   string
	paul  string
}

func newInbox(t *testing.T, edit func(*insole.Alarm)) *inbox {
	t.Helper()
	b := &inbox{office: newOffice(t)}
	a := b.office.alarm("acme", "00a1b2c3d4e5f600")
	a.ID, a.Worker, a.WorkerName, a.Step, a.NextStepAt = insole.NewAlarmID("acme", "lea", insole.AlarmSOS, "second"), "lea", "Léa <b>&amp;", 1, start.Add(2*time.Minute)
	if edit != nil {
		edit(&a)
	}
	b.alarm = a
	must(t, b.api.Directory.Edit(t.Context(), "acme", func(d *directory.Draft) error {
		return d.SetTeam(insole.Team{ID: "north", Name: "North", Fallback: "+33639980007", Steps: []insole.Step{{Contacts: []insole.ContactID{"boss"}, Channels: []insole.Channel{insole.SMS}}}}, directory.Any)
	}))
	pages := []insole.Page{
		{Org: "acme", Alarm: a.ID, Step: 1, Contact: "zoe", Name: "Zoé", Channel: insole.SMS, Address: "+33639980005", Locale: "fr", State: insole.PageQueued, QueuedAt: start},
		{Org: "acme", Alarm: a.ID, Step: 1, Contact: "paul", Name: "Paul", Channel: insole.SMS, Address: "+33639980006", Locale: "en", State: insole.PageQueued, QueuedAt: start},
	}
	must(t, b.store.RaiseAlarm(t.Context(), a, pages, nil))
	for i, p := range pages {
		claimed, err := b.store.ClaimPage(t.Context(), p, b.now())
		must(t, err)
		sent := claimed
		sent.State, sent.MessageID, sent.DoneAt = insole.PageAccepted, "m", b.now()
		must(t, b.store.SavePage(t.Context(), claimed, sent))
		*[]*string{&b.zoe, &b.paul}[i] = claimed.Token
	}
	return b
}

// press posts the form of the page behind token.
func (b *inbox) press(t *testing.T, token, answer string, header ...string) answer {
	t.Helper()
	return b.ask(t, noSession, "POST", "/a/"+token, "answer="+answer, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func (b *inbox) look(t *testing.T, token string) answer {
	t.Helper()
	return b.ask(t, noSession, "GET", "/a/"+token, nil)
}

func (b *inbox) file(t *testing.T) store.AlarmFile {
	t.Helper()
	f, err := b.store.GetAlarmFile(t.Context(), "acme", b.alarm.ID)
	must(t, err)
	return f
}

var unsaid = regexp.MustCompile(`(answer|alarm)\.[a-z.-]+[a-z]`)

var styled = regexp.MustCompile(`(?s)<style>(.*)</style>`)

// isPage checks what every page has in common.
func (a answer) isPage(t *testing.T, status int, locale string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	if n := len(a.body); n == 0 || n > 15_000 {
		t.Errorf("the page has %d bytes", n)
	}
	m := styled.FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("no style in %s", a.body)
	}
	sum := sha256.Sum256([]byte(m[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if got := a.header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %q, want %q", got, want)
	}
	for name, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff", "Content-Language": locale, "X-Robots-Tag": "noindex"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, never := range []string{"<script", "style=", "onclick", "<img", "<link", "ZgotmplZ"} {
		if strings.Contains(a.body, never) {
			t.Errorf("the page has %q: %s", never, a.body)
		}
	}
	if key := unsaid.FindString(a.body); key != "" {
		t.Errorf("the page has a key instead of a text: %s", key)
	}
}

func (a answer) says(t *testing.T, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(a.body, s) {
			t.Errorf("the page does not say %q:\n%s", s, a.body[strings.Index(a.body, "</style>")+8:])
		}
	}
}

func (a answer) hides(t *testing.T, never ...string) {
	t.Helper()
	for _, s := range never {
		if strings.Contains(a.body, s) {
			t.Errorf("the page says %q:\n%s", s, a.body[strings.Index(a.body, "</style>")+8:])
		}
	}
}

// Whoever goes there is told where the wearer has been seen last, and the time of day that their own watch shows.
func TestAnswerPageIsOfNowAndOfHere(t *testing.T) {
	b := newInbox(t, nil)
	seen := func(w insole.WorkerID, at time.Time, lat float64) {
		t.Helper()
		l := store.Live{Org: "acme", Insole: b.alarm.Insole, Worker: w, Version: 1}
		l.State.HeardAt, l.State.At, l.State.Fix = at, at, &insole.Fix{Lat: lat, Lon: 7.06, Accuracy: 5, At: at}
		if had, err := b.store.GetLive(t.Context(), "acme", b.alarm.Insole); err == nil {
			l.Version = had.Version + 1
		}
		must(t, b.store.SaveLive(t.Context(), l))
	}
	b.ms.Add((3 * time.Minute).Milliseconds())
	seen("lea", b.now().Add(-20*time.Second), 43.62)
	must(t, b.api.Directory.Edit(t.Context(), "acme", func(d *directory.Draft) error {
		return d.SetTeam(insole.Team{ID: "north", Name: "North", Fallback: "+33639980007",
			Steps: []insole.Step{{Contacts: []insole.ContactID{"boss"}, Channels: []insole.Channel{insole.SMS}}},
			Hours: []insole.Shift{{Days: []time.Weekday{time.Monday}, From: 8 * time.Hour, To: 18 * time.Hour, Zone: "Europe/Paris"}}}, directory.Any)
	}))
	a := b.look(t, b.paul)
	a.isPage(t, 200, "en")
	a.says(t, "43.620000, 7.060000", "within 5 m", "position known 20 s ago", "As of 09:03:00 (Europe/Paris)")

	seen("lea", b.alarm.Fix.At.Add(-time.Hour), 43.63)
	b.look(t, b.paul).says(t, "43.616000, 7.055000") // older than the alarm
	seen("somebody-else", b.now(), 43.64)
	b.look(t, b.paul).says(t, "43.616000, 7.055000") // somebody else wears it now
}

// The link of a low battery is no way to follow its wearer about.
func TestAnswerPageOfANuisanceFollowsNobody(t *testing.T) {
	b := newInbox(t, func(a *insole.Alarm) { a.Kind, a.Priority = insole.AlarmLowBattery, 3 })
	b.ms.Add((3 * time.Minute).Milliseconds())
	l := store.Live{Org: "acme", Insole: b.alarm.Insole, Worker: "lea", Version: 1}
	l.State.HeardAt, l.State.At = b.now(), b.now()
	l.State.Fix = &insole.Fix{Lat: 43.62, Lon: 7.06, Accuracy: 5, At: b.now()}
	must(t, b.store.SaveLive(t.Context(), l))
	a := b.look(t, b.paul)
	a.says(t, "43.616000, 7.055000")
	a.hides(t, "43.620000")
}

func TestAnswerPage(t *testing.T) {
	b := newInbox(t, nil)
	b.ms.Add((3 * time.Minute).Milliseconds())
	a := b.look(t, b.zoe)
	a.isPage(t, 200, "fr")
	a.says(t, `<html lang="fr">`, "SOS · "+b.alarm.ID.Reference(), "Léa &lt;b&gt;&amp;amp;", "il y a 3 min", "43.616000, 7.055000", "à 8 m près", "position connue il y a 3 min",
		`href="geo:43.616000,7.055000?q=43.616000,7.055000"`, `href="https://www.openstreetmap.org/?mlat=43.616000&amp;mlon=7.055000#map=17/43.616000/7.055000"`,
		"Personne pour l’instant", "Prendre en charge", "Je ne peux pas", `<form method="post">`, "08:03:00 UTC")
	a.hides(t, "+336", "Zoé", "acme")
	a = b.look(t, b.paul)
	a.isPage(t, 200, "en")
	a.says(t, `<html lang="en">`, "3 min ago", "within 8 m", "position known 3 min ago", "Nobody yet", "Take charge", "I can’t")

	late := newInbox(t, func(a *insole.Alarm) { a.SentAt, a.Fix, a.Drill = start.Add(-22*time.Minute), nil, true })
	late.ms.Add((4 * time.Second).Milliseconds())
	a = late.look(t, late.paul)
	a.isPage(t, 200, "en")
	a.says(t, "22 min ago", "The insole sent this late: it reached us just now.", "No position is known", "EXERCISE: nobody is in danger")
	a.hides(t, "geo:", "openstreetmap")
}

// Whatever fetches the link, and however often: only that it was fetched is noted, and HEAD not even that.
func TestScannersChangeNothing(t *testing.T) {
	b := newInbox(t, nil)
	head := b.ask(t, noSession, "HEAD", "/a/"+b.paul, nil)
	if head.status != 200 || head.body != "" || head.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %+v", head)
	}
	if p := b.file(t).Pages; p[0].State != insole.PageAccepted || p[1].State != insole.PageAccepted {
		t.Errorf("after HEAD the pages are %s and %s", p[0].State, p[1].State)
	}
	for range 10 {
		b.look(t, b.paul).isPage(t, 200, "en")
	}
	f := b.file(t)
	if f.Alarm.Version != 1 || f.Alarm.State != insole.Active || !f.Alarm.NextStepAt.Equal(b.alarm.NextStepAt) || len(f.Log) != 0 {
		t.Errorf("ten fetches left %+v, log %+v", f.Alarm, f.Log)
	}
	opened := 0
	for _, p := range f.Pages {
		if p.State == insole.PageOpened {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d pages are opened, want 1", opened)
	}
	if a := b.press(t, b.paul, "taken"); a.status != 303 {
		t.Errorf("the link does not answer any more: %d", a.status)
	}
}

func TestAnswerOnce(t *testing.T) {
	b := newInbox(t, nil)
	a := b.press(t, b.zoe, "taken", "Sec-Fetch-Site", "same-origin")
	if a.status != 303 || a.header.Get("Location") != "/a/"+b.zoe {
		t.Fatalf("%d to %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	if got := b.file(t).Alarm; got.State != insole.Taken || got.OwnerName != "Zoé" || got.Owner != "contact:zoe" {
		t.Errorf("alarm = %+v", got)
	}
	b.ms.Add((90 * time.Second).Milliseconds())
	a = b.look(t, b.zoe)
	a.isPage(t, 200, "fr")
	a.says(t, "Vous avez pris cette alarme en charge.", "Zoé", "il y a 90 s", `href="/#/a/`+string(b.alarm.ID)+`"`)
	a.hides(t, "<form", "<button")
	if a := b.press(t, b.zoe, "taken"); a.status != 303 {
		t.Errorf("the same answer again: %d", a.status)
	}
	a = b.press(t, b.zoe, "declined")
	a.isPage(t, 409, "fr")
	a.says(t, "trop tard")

	a = b.look(t, b.paul)
	a.isPage(t, 200, "en")
	a.says(t, "Zoé has taken charge. You need not do anything.", "90 s ago", "43.616000")
	a.hides(t, "<form", "<button")
	for _, answer := range []string{"taken", "declined"} {
		a = b.press(t, b.paul, answer)
		a.isPage(t, 409, "en")
		a.says(t, "Your answer came too late and changed nothing.", "Zoé has taken charge.")
	}
	_, err := b.api.Desk.Resolve(t.Context(), "acme", b.alarm.ID, insole.User{ID: "x"}, insole.ReasonReal, "")
	must(t, err)
	a = b.look(t, b.zoe)
	a.isPage(t, 200, "fr")
	a.says(t, "Cette alarme est terminée")
	a.hides(t, "<form", "43.6", "geo:") // nobody has to go there any more
}

func TestDeclineOnThePage(t *testing.T) {
	b := newInbox(t, nil)
	if a := b.press(t, b.paul, "declined"); a.status != 303 {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	f := b.file(t)
	if f.Alarm.State != insole.Active || !f.Alarm.NextStepAt.Equal(b.alarm.NextStepAt) || len(f.Log) != 1 || f.Log[0].What != "declined" || f.Log[0].Name != "Paul" {
		t.Errorf("with Zoé still asked: %+v, log %+v", f.Alarm, f.Log)
	}
	a := b.look(t, b.paul)
	a.isPage(t, 200, "en")
	a.says(t, "You said that you can’t.", "Nobody yet")
	a.hides(t, "<form")

	var file struct {
		Pages []struct {
			Contact, State, Answer   string
			AnsweredAtMs, OpenedAtMs int64
		}
	}
	b.ask(t, as("acme", insole.Viewer), "GET", "/api/alarms/"+string(b.alarm.ID), nil).into(t, &file)
	for _, p := range file.Pages {
		switch p.Contact {
		case "paul":
			if p.State != "answered" || p.Answer != "declined" || p.AnsweredAtMs != start.UnixMilli() {
				t.Errorf("the API says %+v", p)
			}
		case "zoe":
			if p.State != "accepted" || p.Answer != "" || p.AnsweredAtMs != 0 || p.OpenedAtMs != 0 {
				t.Errorf("the API says %+v", p)
			}
		}
	}
	if a := b.press(t, b.zoe, "declined"); a.status != 303 {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	if got := b.file(t).Alarm; !got.NextStepAt.Equal(b.now()) {
		t.Errorf("everybody declined and the next step is due at %v", got.NextStepAt)
	}
}

// Both press at once: one has it, the other is told who.
func TestAnswerPageRace(t *testing.T) {
	b := newInbox(t, nil)
	answers := make([]answer, 2)
	var wg sync.WaitGroup
	for i, token := range []string{b.zoe, b.paul} {
		wg.Go(func() { answers[i] = b.press(t, token, "taken") })
	}
	wg.Wait()
	won, lost := answers[0], answers[1]
	if won.status > lost.status {
		won, lost = lost, won
	}
	owner := b.file(t).Alarm.OwnerName
	if won.status != 303 || lost.status != 409 || owner == "" {
		t.Fatalf("%d and %d, taken by %q", won.status, lost.status, owner)
	}
	lost.says(t, owner)
}

// A link that has ended, was never made, or is no link at all is answered in the same words.
func TestAnswerPageGone(t *testing.T) {
	b := newInbox(t, nil)
	b.ms.Add(store.LinkLife.Milliseconds())
	var first string
	for i, token := range []string{b.paul, strings.Repeat("A", 26), "x", "..%2f..%2fevil", "%00"} {
		for _, a := range []answer{b.look(t, token), b.press(t, token, "taken")} {
			a.isPage(t, 404, "en")
			if i == 0 && first == "" {
				first = a.body
			}
			if a.body != first {
				t.Errorf("%q is answered otherwise than a link that has ended:\n%s", token, a.body)
			}
		}
	}
	a := b.ask(t, noSession, "GET", "/a/x", nil, "Accept-Language", "fr-FR,fr;q=0.9")
	a.isPage(t, 404, "fr")
	a.says(t, "Ce lien ne fonctionne pas", "appelez les secours")
	if got := b.file(t).Alarm; got.State != insole.Active || got.Version != 1 {
		t.Errorf("alarm = %+v", got)
	}
}

func TestAnswerPageRefuses(t *testing.T) {
	b := newInbox(t, nil)
	for _, tt := range []struct {
		name   string
		body   string
		header []string
		status int
	}{
		{"a page of another site", "answer=taken", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a page of a neighbour", "answer=taken", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"no answer", "", nil, 400},
		{"another answer", "answer=maybe", nil, 400},
		{"JSON", `{"answer":"taken"}`, []string{"Content-Type", "application/json"}, 400},
		{"too much", "answer=taken&x=" + strings.Repeat("x", 8000), nil, 400},
		{"a broken form", "answer=%zz", nil, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := b.ask(t, noSession, "POST", "/a/"+b.paul, tt.body, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, tt.header...)...)
			a.isPage(t, tt.status, "en")
		})
	}
	if a := b.ask(t, noSession, "POST", "/a/"+b.paul+"?answer=taken", "", "Content-Type", "application/x-www-form-urlencoded"); a.status != 400 {
		t.Errorf("an answer in the address: %d", a.status)
	}
	if a := b.ask(t, noSession, "POST", "/a/"+string(b.alarm.ID), "answer=taken", "Content-Type", "application/x-www-form-urlencoded"); a.status != 404 {
		t.Errorf("an answer to the name of an alarm: %d", a.status)
	}
	if f := b.file(t); f.Alarm.State != insole.Active || f.Alarm.Version != 1 {
		t.Errorf("alarm = %+v", f.Alarm)
	}
}

func TestAnswerPageWithoutTheTable(t *testing.T) {
	b := newInbox(t, nil)
	must(t, b.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: standin.FaultRefuse}))
	for _, a := range []answer{b.look(t, b.paul), b.press(t, b.paul, "taken")} {
		a.isPage(t, 503, "en")
		a.says(t, "This page cannot act now", "call the emergency services", `href="/a/`+b.paul+`"`)
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	must(t, b.srv.SetFaults())
	b.look(t, b.paul).isPage(t, 200, "en")
}

// The largest page there can be, said once for the record.
func TestAnswerPageSize(t *testing.T) {
	b := newInbox(t, func(a *insole.Alarm) {
		a.WorkerName, a.SentAt, a.Drill = strings.Repeat("Ω", 200), start.Add(-22*time.Minute), true
	})
	size := len(b.look(t, b.zoe).body)
	t.Logf("%d bytes", size)
	if size > 15_000 {
		t.Errorf("%d bytes", size)
	}
}
