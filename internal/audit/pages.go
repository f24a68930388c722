package audit

import (
	"encoding/json"
	"slices"

	"solewatch/internal/insole"
)

// A Page is a page as a line's data has it: queued, or what became of it. Who was asked is named, never the address.
type Page struct {
	Step         int    `json:"step"`
	Contact      string `json:"contact"`
	Name         string `json:"name"`
	Channel      string `json:"channel"`
	State        string `json:"state"`
	QueuedAtMs   int64  `json:"queuedAtMs"`
	DoneAtMs     int64  `json:"doneAtMs,omitempty"`
	Message      string `json:"message,omitempty"` // as SNS calls it
	Why          string `json:"why,omitempty"`     // of a failure
	OpenedAtMs   int64  `json:"openedAtMs,omitempty"`
	Answer       string `json:"answer,omitempty"`
	AnsweredAtMs int64  `json:"answeredAtMs,omitempty"`
}

// PageOf is p for the chain. A page that is being published is still queued.
func PageOf(p insole.Page) Page {
	out := Page{
		Step: p.Step, Contact: string(p.Contact), Name: Clean(p.Name), Channel: string(p.Channel), State: string(p.State), QueuedAtMs: p.QueuedAt.UnixMilli(),
		Message: p.MessageID, Why: Clean(p.Why), Answer: string(p.Answer),
	}
	if p.State == insole.PageClaimed {
		out.State = string(insole.PageQueued)
	}
	if !p.DoneAt.IsZero() {
		out.DoneAtMs = p.DoneAt.UnixMilli()
	}
	if !p.OpenedAt.IsZero() {
		out.OpenedAtMs = p.OpenedAt.UnixMilli()
	}
	if !p.AnsweredAt.IsZero() {
		out.AnsweredAtMs = p.AnsweredAt.UnixMilli()
	}
	return out
}

// data is what a line's Data holds; a line has one of them, or none.
type data struct {
	Decision *Decision `json:"decision,omitempty"`
	Pages    []Page    `json:"pages,omitempty"`
}

// MaxPages is how many pages one line names: what does not fit one line goes into the next.
const MaxPages = 60

// PagesData is the data of a line about pages.
func PagesData(pages []Page) string {
	b, err := json.Marshal(data{Pages: pages})
	if err != nil { // strings and integers only
		panic(err)
	}
	return string(b)
}

// Pages are those that lines name, each as the newest line has it, in the order they were first named.
func Pages(lines []Line) []Page {
	var out []Page
	for _, l := range lines {
		var d data
		if l.Data == "" || json.Unmarshal([]byte(l.Data), &d) != nil {
			continue
		}
		for _, p := range d.Pages {
			i := slices.IndexFunc(out, p.same)
			if i < 0 {
				out = append(out, p)
				continue
			}
			out[i] = p
		}
	}
	return out
}

func (p Page) same(q Page) bool {
	return p.Step == q.Step && p.Contact == q.Contact && p.Channel == q.Channel
}

// Unsaid are the pages that no line has yet as they are: newly settled, opened or answered since.
func Unsaid(lines []Line, pages []Page) []Page {
	said := Pages(lines)
	var out []Page
	for _, p := range pages {
		if p.State != string(insole.PageQueued) && !slices.Contains(said, p) {
			out = append(out, p)
		}
	}
	return out
}
