package notify_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/text"
)

const prefix = "arn:aws:sns:eu-west-3:000000000000:test-team-"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func anAlarm(kind insole.AlarmKind) insole.Alarm {
	return insole.Alarm{ID: "q2f7abcdefghijkl", Org: "acme", Team: "north", Worker: "marie", WorkerName: "Françoise Delacroix", Kind: kind,
		State: insole.Active, SentAt: noon, RaisedAt: noon}
}

func team() (insole.Team, []insole.Contact) {
	return insole.Team{Org: "acme", ID: "north", Steps: []insole.Step{
			{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS, insole.Email}},
			{Delay: time.Minute, Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS, insole.Email}},
		}}, []insole.Contact{
			{ID: "claire", Phone: "+33600000001", Email: "claire@example.com"},
			{ID: "paul", Phone: "+33600000002", Email: "paul@example.com"},
			{ID: "idle", Phone: "+33600000003", Email: "idle@example.com"},
		}
}

type world struct {
	*testing.T
	srv    *standin.Server
	topics *notify.Topics
	pub    *notify.Publisher
}

func newWorld(t *testing.T) *world {
	srv, cfg := standintest.Open(t, func() time.Time { return noon })
	return &world{t, srv, notify.NewTopics(cfg, prefix), notify.NewPublisher(cfg, prefix, "https://solewatch.example/", time.Second)}
}

func (w *world) notices(kind string) (out []standin.Notice) {
	w.Helper()
	all, err := w.srv.Outbox().List(0, 0)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range all {
		if kind == "" && n.Kind != "confirm" || n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

func (w *world) confirmAll() {
	w.Helper()
	for _, n := range w.notices("confirm") {
		resp, err := http.Get(n.Link)
		if err != nil {
			w.Fatal(err)
		}
		resp.Body.Close()
	}
}

func TestSyncAndWhoIsReached(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	tm, contacts := team()
	if _, err := w.topics.Confirmations(ctx, tm, contacts); !errors.Is(err, insole.ErrNotFound) {
		t.Errorf("Confirmations without a topic = %v, want ErrNotFound", err)
	}
	if err := w.topics.Sync(ctx, tm, contacts); err != nil {
		t.Fatal(err)
	}
	if got := len(w.notices("confirm")); got != 2 {
		t.Fatalf("%d people were asked to confirm, want Claire and Paul", got)
	}
	got, err := w.topics.Confirmations(ctx, tm, contacts)
	if err != nil || len(got) != 2 || got["claire"] || got["paul"] {
		t.Errorf("before they confirm: %v, %v", got, err)
	}
	w.confirmAll()
	if got, err := w.topics.Confirmations(ctx, tm, contacts); err != nil || !got["claire"] || !got["paul"] {
		t.Errorf("after: %v, %v", got, err)
	}
	before := w.srv.Usage().SNS.Requests
	if err := w.topics.Sync(ctx, tm, contacts); err != nil {
		t.Fatal(err)
	}
	t.Logf("a sync that changes nothing: %d requests", w.srv.Usage().SNS.Requests-before)
	if got := len(w.notices("confirm")); got != 2 {
		t.Errorf("a second sync asked again: %d", got)
	}

	a := anAlarm(insole.AlarmSOS)
	page := insole.Page{Org: "acme", Alarm: a.ID, Step: 1, Contact: "paul", Channel: insole.Email, Address: w.pub.Topic("acme", "north"), Locale: "fr"}
	if id, err := w.pub.Send(ctx, a, page, noon.Add(12*time.Second)); err != nil || id == "" {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if got := w.notices(""); len(got) != 1 || got[0].To != "paul@example.com" {
		t.Fatalf("an e-mail to Paul reached %+v", got)
	}
	if _, err := w.pub.Emergency(ctx, a, "fr", noon); err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	for _, n := range w.notices("")[1:] {
		reached[n.To] = true
	}
	if len(reached) != 2 || !reached["claire@example.com"] || !reached["+33600000001"] {
		t.Errorf("an emergency reached %v, want Claire by SMS and e-mail", reached)
	}

	// Paul moves up, Claire leaves.
	tm.Steps = []insole.Step{{Contacts: []insole.ContactID{"paul"}, Channels: []insole.Channel{insole.SMS, insole.Email}}}
	if err := w.topics.Sync(ctx, tm, contacts); err != nil {
		t.Fatal(err)
	}
	n := len(w.notices(""))
	if _, err := w.pub.Emergency(ctx, a, "fr", noon); err != nil {
		t.Fatal(err)
	}
	clear(reached)
	for _, x := range w.notices("")[n:] {
		reached[x.To] = true
	}
	if len(reached) != 2 || !reached["paul@example.com"] || !reached["+33600000002"] {
		t.Errorf("after the change an emergency reached %v, want Paul alone", reached)
	}

	// Claire is the first by night: without the table nobody can say what hour it is, so both are paged.
	tm.OutOfHours = []insole.Step{{Contacts: []insole.ContactID{"claire"}, Channels: []insole.Channel{insole.SMS}}}
	if err := w.topics.Sync(ctx, tm, contacts); err != nil {
		t.Fatal(err)
	}
	n = len(w.notices(""))
	if _, err := w.pub.Emergency(ctx, a, "fr", noon); err != nil {
		t.Fatal(err)
	}
	clear(reached)
	for _, x := range w.notices("")[n:] {
		reached[x.To] = true
	}
	if !reached["+33600000001"] || !reached["+33600000002"] || !reached["paul@example.com"] {
		t.Errorf("with a list for out of hours an emergency reached %v, want both firsts", reached)
	}
}

func TestSyncOfAnotherPlace(t *testing.T) {
	w := newWorld(t)
	w.topics.Prefix = "arn:aws:sns:us-east-1:111111111111:test-team-"
	tm, contacts := team()
	if err := w.topics.Sync(t.Context(), tm, contacts); !errors.Is(err, insole.ErrInvalid) {
		t.Errorf("Sync with a prefix of another region = %v, want ErrInvalid", err)
	}
}

// What people read: in both languages, with the reference and the link, one part each, and nothing that says where the worker is.
func TestTexts(t *testing.T) {
	w := newWorld(t)
	for _, locale := range text.Locales {
		for _, kind := range []insole.AlarmKind{insole.AlarmSOS, insole.AlarmCovertSOS, insole.AlarmFall, insole.AlarmStill, insole.AlarmTakenOff, insole.AlarmLowBattery, insole.AlarmLostContact, insole.AlarmZoneLeft, insole.AlarmDangerZone} {
			for _, late := range []time.Duration{0, 22 * time.Minute} {
				a := anAlarm(kind)
				a.Fix = &insole.Fix{Lat: 43.6155, Lon: 7.0718, At: noon}
				a.SentAt = a.RaisedAt.Add(-late)
				n := len(w.notices(""))
				_, err := w.pub.Send(t.Context(), a, insole.Page{Contact: "claire", Channel: insole.SMS, Address: "+33600000001", Locale: locale}, noon.Add(30*time.Second))
				if err != nil {
					t.Fatal(err)
				}
				got := w.notices("")[n:]
				if len(got) != 1 {
					t.Fatalf("%d notices", len(got))
				}
				s := got[0]
				if s.Parts != 1 {
					t.Errorf("%s %s: %d parts: %q", locale, kind, s.Parts, s.Text)
				}
				for _, want := range []string{"Q2F7AB", "https://solewatch.example/a/q2f7abcdefghijkl", "Francoise Delacroix", text.SMS(text.Say(locale, "alarm.kind."+string(kind)))} {
					if !strings.Contains(s.Text, want) {
						t.Errorf("%s %s lacks %q: %q", locale, kind, want, s.Text)
					}
				}
				if strings.Contains(s.Text, "43.6") || strings.Contains(s.Text, "{") {
					t.Errorf("%s %s: %q", locale, kind, s.Text)
				}
				if late > 0 && !strings.Contains(s.Text, "22 min") {
					t.Errorf("%s %s does not say how late: %q", locale, kind, s.Text)
				}
			}
		}
	}
}

// What the account may send is asked of SNS, once in five minutes, and an answer that does not come is an error.
func TestSending(t *testing.T) {
	now := noon
	srv, cfg := standintest.Open(t, func() time.Time { return now })
	s := notify.NewSending(cfg)
	s.Now = func() time.Time { return now }
	for _, want := range []insole.SMSAccount{{Limit: 1}, {Sandbox: true, Limit: 50}} {
		srv.SetSMS(want.Sandbox, int(want.Limit))
		got, err := s.SMS(t.Context())
		if err != nil || got != want {
			t.Errorf("SMS = %+v, %v, want %+v", got, err, want)
		}
		before := srv.Usage().SNS.Requests
		if _, err := s.SMS(t.Context()); err != nil || srv.Usage().SNS.Requests != before {
			t.Errorf("asked again at once: %v", err)
		}
		now = now.Add(6 * time.Minute)
	}
	if err := srv.SetFaults(standin.Fault{Service: "sns", Kind: "5xx", Probability: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if got, err := s.SMS(ctx); err == nil {
		t.Errorf("with SNS away: %+v and no error", got)
	}
}

// Whoever reads a drill reads first that it is one, in an SMS, a subject and a body, also of a repeat.
func TestDrillTexts(t *testing.T) {
	w := newWorld(t)
	tm, contacts := team()
	if err := w.topics.Sync(t.Context(), tm, contacts); err != nil {
		t.Fatal(err)
	}
	w.confirmAll()
	for locale, word := range map[string]string{"en": "EXERCISE", "fr": "EXERCICE"} {
		a := anAlarm(insole.AlarmDrill)
		a.Drill = true
		for _, page := range []insole.Page{
			{Contact: "claire", Channel: insole.SMS, Address: "+33600000001", Step: 1},
			{Contact: "claire", Channel: insole.Email, Address: w.pub.Topic("acme", "north"), Step: 2},
		} {
			page.Locale = locale
			n := len(w.notices(""))
			if _, err := w.pub.Send(t.Context(), a, page, noon.Add(30*time.Second)); err != nil {
				t.Fatal(err)
			}
			got := w.notices("")[n:]
			if len(got) != 1 {
				t.Fatalf("%s by %s: %d notices", locale, page.Channel, len(got))
			}
			s := got[0]
			if !strings.HasPrefix(s.Text, word) || page.Channel == insole.Email && !strings.HasPrefix(s.Subject, word) || page.Channel == insole.SMS && s.Parts != 1 {
				t.Errorf("%s by %s: subject %q, %d parts: %q", locale, page.Channel, s.Subject, s.Parts, s.Text)
			}
		}
	}
}

// The guess of why contact was lost is in the e-mail; no place of anybody is.
func TestGuessIsSaid(t *testing.T) {
	for _, g := range []insole.Guess{insole.GuessBattery, insole.GuessTakenOff, insole.GuessDeadZone, insole.GuessOutage, insole.GuessUnheard, insole.GuessUnknown} {
		for _, locale := range text.Locales {
			a := anAlarm(insole.AlarmLostContact)
			a.Guess = g
			if said := notify.Guess(a, locale); said == "" || strings.HasPrefix(said, "guess.") {
				t.Errorf("%s in %s: %q", g, locale, said)
			}
		}
	}
	if said := notify.Guess(anAlarm(insole.AlarmSOS), "en"); said != "" {
		t.Errorf("of an SOS: %q", said)
	}
}

func TestWhatAFailedPublishMeans(t *testing.T) {
	answer := func(status int, code string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>no</Message></Error></ErrorResponse>`))
		}
	}
	for _, tt := range []struct {
		name      string
		h         http.HandlerFunc // nil: nobody listens
		ambiguous bool
		refused   bool
	}{
		{"nobody listens", nil, false, false},
		{"throttled", answer(400, "Throttling"), false, false},
		{"not allowed", answer(403, "AuthorizationError"), false, false},
		{"bad number", answer(400, "InvalidParameter"), false, true},
		{"no such topic", answer(404, "NotFound"), false, true},
		{"broken inside", answer(500, "InternalFailure"), true, false},
		{"lost reply", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, false},
		{"too slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			hs := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_ = r.ParseForm() // read it all, so that a client that leaves is noticed
				tt.h(rw, r)
			}))
			defer hs.Close()
			url := hs.URL
			if tt.h == nil {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				url = "http://" + l.Addr().String()
				l.Close()
			}
			cfg := aws.Config{Region: "eu-west-3", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
			patience := 20 * time.Second // a machine with other work to do must not look like a lost reply
			if tt.name == "too slow" {
				patience = 300 * time.Millisecond
			}
			pub := notify.NewPublisher(cfg, prefix, "https://solewatch.example", patience)
			_, err := pub.Send(context.Background(), anAlarm(insole.AlarmSOS), insole.Page{Contact: "claire", Channel: insole.SMS, Address: "+33600000001", Locale: "fr"}, noon)
			if err == nil || errors.Is(err, notify.ErrAmbiguous) != tt.ambiguous || errors.Is(err, notify.ErrRefused) != tt.refused {
				t.Errorf("error = %v, want ambiguous %v, refused %v", err, tt.ambiguous, tt.refused)
			}
			if n := calls.Load(); n > 1 || tt.h != nil && n == 0 && tt.name != "too slow" {
				t.Errorf("%d calls for one page", n)
			}
		})
	}
}

func TestEmergencyWithoutATeam(t *testing.T) {
	w := newWorld(t)
	a := anAlarm(insole.AlarmSOS)
	a.Team = ""
	if _, err := w.pub.Emergency(t.Context(), a, "fr", noon); !errors.Is(err, notify.ErrRefused) {
		t.Errorf("Emergency without a team = %v, want ErrRefused", err)
	}
}
