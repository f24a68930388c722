package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Page is one notice to one contact.
type Page struct {
	Step         int    `json:"step"`
	Contact      string `json:"contact"`
	Name         string `json:"name"`
	Channel      string `json:"channel" enum:"sms,email"`
	State        string `json:"state" enum:"queued,claimed,accepted,failed,opened,answered" doc:"opened: the link was fetched, by a person or by a machine that looks into messages"`
	QueuedAtMs   int64  `json:"queuedAtMs"`
	DoneAtMs     int64  `json:"doneAtMs,omitempty"`
	OpenedAtMs   int64  `json:"openedAtMs,omitempty"`
	Answer       string `json:"answer,omitempty" enum:"taken,declined"`
	AnsweredAtMs int64  `json:"answeredAtMs,omitempty"`
	Tries        int    `json:"tries"`
	Why          string `json:"why,omitempty" doc:"of a failure"`
}

// LogLine says one thing that happened to an alarm.
type LogLine struct {
	AtMs   int64  `json:"atMs"`
	What   string `json:"what"`
	Who    string `json:"who,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// AlarmFile is everything known of one alarm.
type AlarmFile struct {
	Alarm feed.Alarm `json:"alarm"`
	Pages []Page     `json:"pages"`
	Log   []LogLine  `json:"log"`

	LeftOut int `json:"leftOut,omitempty" doc:"older pages, and lines between the first and the newest, of an alarm that nobody ends; the dossier has them"`
}

// How much of one alarm is in an answer: Lambda's is 6 MB at most, and a last step that repeats for weeks makes more.
const (
	filePages = 2000
	fileLines = 2000
)

// lookBack is how long after its end what an alarm says of a whereabouts counts as now: as long as the board and its dialogs show it.
const lookBack = time.Hour

// lookedBack writes down that somebody looks at where a worker was who needed help some time ago.
func (a *API) lookedBack(ctx context.Context, one insole.Alarm) error {
	s, now := who(ctx), a.Now().UTC()
	if _, part := insole.PartOf(one.Worker); part || one.Worker == "" || one.Fix == nil || one.State.Open() || now.Sub(one.EndedAt) < lookBack {
		return nil
	}
	return a.Store.PutLook(ctx, store.Look{Org: s.Org, Worker: one.Worker, User: s.User, UserName: s.Name, At: now, From: one.SentAt, To: one.EndedAt})
}

type AlarmPath struct {
	Alarm string `path:"alarm" maxLength:"64" pattern:"^[a-z0-9-]+$"`
}

func (p AlarmPath) id() insole.AlarmID { return insole.AlarmID(p.Alarm) }

type resolveInput struct {
	AlarmPath
	Body struct {
		Reason string `json:"reason" enum:"real,false,test,drill,other"`
		Note   string `json:"note,omitempty" maxLength:"1000"`
	}
}

type noteInput struct {
	AlarmPath
	Body struct {
		Note string `json:"note" minLength:"1" maxLength:"1000"`
	}
}

type alarmsAnswer struct {
	Body struct {
		Alarms []feed.Alarm `json:"alarms"`
	}
}

type alarmAnswer struct{ Body feed.Alarm }

type fileAnswer struct{ Body AlarmFile }

func (a *API) alarmRoutes(h huma.API) {
	huma.Register(h, op("alarms", http.MethodGet, "/api/alarms", "Open alarms", "alarms", insole.Viewer), a.alarms)
	huma.Register(h, op("alarm", http.MethodGet, "/api/alarms/{alarm}", "One alarm, with its pages and its log", "alarms", insole.Viewer), a.alarm)
	huma.Register(h, op("take", http.MethodPost, "/api/alarms/{alarm}/take", "Take charge", "alarms", insole.Supervisor), a.take)
	huma.Register(h, op("resolve", http.MethodPost, "/api/alarms/{alarm}/resolve", "End an alarm, with a reason", "alarms", insole.Supervisor), a.resolve)
	huma.Register(h, op("note", http.MethodPost, "/api/alarms/{alarm}/note", "Add a note", "alarms", insole.Supervisor), a.note)
}

func (a *API) alarms(ctx context.Context, _ *struct{}) (*alarmsAnswer, error) {
	open, err := a.Desk.Open(ctx, who(ctx).Org)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &alarmsAnswer{}
	out.Body.Alarms = make([]feed.Alarm, len(open))
	for i, one := range open {
		out.Body.Alarms[i] = feed.AlarmOf(one)
	}
	return out, nil
}

func (a *API) alarm(ctx context.Context, in *AlarmPath) (*fileAnswer, error) {
	f, err := a.Desk.Get(ctx, who(ctx).Org, in.id())
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	s := who(ctx)
	if err := a.lookedBack(ctx, f.Alarm); err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &fileAnswer{AlarmFile{Alarm: feed.AlarmOf(f.Alarm)}}
	if s.Role.May(insole.Supervisor) { // also what the wearer wrote for whoever comes
		out.Body.Alarm.Note = f.Alarm.Note
	}
	out.Body.LeftOut = max(0, len(f.Pages)-filePages) + max(0, len(f.Log)-fileLines)
	f.Pages = f.Pages[max(0, len(f.Pages)-filePages):]
	if n := len(f.Log); n > fileLines { // how it began is worth more than its middle
		f.Log = append(slices.Clone(f.Log[:fileLines/10]), f.Log[n-fileLines+fileLines/10:]...)
	}
	out.Body.Pages, out.Body.Log = make([]Page, len(f.Pages)), make([]LogLine, len(f.Log))
	for i, p := range f.Pages {
		out.Body.Pages[i] = Page{
			Step: p.Step, Contact: string(p.Contact), Name: p.Name, Channel: string(p.Channel), State: string(p.State),
			QueuedAtMs: ms(p.QueuedAt), DoneAtMs: ms(p.DoneAt), Tries: p.Tries, Why: p.Why,
			OpenedAtMs: ms(p.OpenedAt), Answer: string(p.Answer), AnsweredAtMs: ms(p.AnsweredAt),
		}
	}
	for i, l := range f.Log {
		name := l.Name
		if name == "" {
			name = l.Who
		}
		out.Body.Log[i] = LogLine{AtMs: ms(l.At), What: l.What, Who: name, Detail: l.Text}
	}
	return out, nil
}

func (a *API) take(ctx context.Context, in *AlarmPath) (*alarmAnswer, error) {
	one, err := a.Desk.Take(ctx, who(ctx).Org, in.id(), user(ctx))
	return a.answered(ctx, one, err)
}

func (a *API) resolve(ctx context.Context, in *resolveInput) (*alarmAnswer, error) {
	one, err := a.Desk.Resolve(ctx, who(ctx).Org, in.id(), user(ctx), insole.Reason(in.Body.Reason), in.Body.Note)
	return a.answered(ctx, one, err)
}

func (a *API) note(ctx context.Context, in *noteInput) (*alarmAnswer, error) {
	if strings.TrimSpace(in.Body.Note) == "" {
		return nil, a.fail(ctx, &problem{what: malformed, cause: errors.New("a note of spaces")})
	}
	one, err := a.Desk.Note(ctx, who(ctx).Org, in.id(), user(ctx), in.Body.Note)
	return a.answered(ctx, one, err)
}

// answered tells whoever was not first who was.
func (a *API) answered(ctx context.Context, one insole.Alarm, err error) (*alarmAnswer, error) {
	if errors.Is(err, insole.ErrConflict) {
		p := &problem{what: conflict, cause: err}
		switch {
		case one.State == insole.Taken:
			p.what, p.args = owned, []string{"owner", one.OwnerName}
		case one.ID != "" && !one.State.Open():
			p.what = ended
		}
		return nil, a.fail(ctx, fmt.Errorf("alarm %s: %w", one.ID, p))
	}
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &alarmAnswer{feed.AlarmOf(one)}, nil
}
