package host

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
)

//go:embed outbox
var outboxFiles embed.FS

var outboxPage = template.Must(template.New("page.html").Funcs(template.FuncMap{"pieces": pieces}).ParseFS(outboxFiles, "outbox/page.html"))

// A piece is part of a text: a link, or not.
type piece struct {
	Text string
	Link bool
}

var links = regexp.MustCompile(`https?://[^\s<>"']+[^\s<>"'.,;:!?)]`)

// pieces cuts a text at its links.
func pieces(s string) []piece {
	var out []piece
	at := 0
	for _, m := range links.FindAllStringIndex(s, -1) {
		if m[0] > at {
			out = append(out, piece{Text: s[at:m[0]]})
		}
		out = append(out, piece{s[m[0]:m[1]], true})
		at = m[1]
	}
	if at < len(s) {
		out = append(out, piece{Text: s[at:]})
	}
	return out
}

const outboxShown = 200

// outbox serves the page that shows every SMS and e-mail: /outbox, its list alone as /outbox/list for the script
// that keeps it fresh, and what it is made of.
func (s *System) outbox(mux *http.ServeMux) {
	show := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			notices, err := s.Standin.Outbox().List(0, outboxShown)
			if err != nil {
				s.log.Error("outbox not read", "err", err)
				http.Error(w, "the outbox cannot be read", http.StatusInternalServerError)
				return
			}
			slices.Reverse(notices)
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Cache-Control", "no-store")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			if err := outboxPage.ExecuteTemplate(w, name, notices); err != nil {
				s.log.Debug("outbox page not written", "err", err) // the browser is gone
			}
		}
	}
	mux.HandleFunc("GET /outbox", show("page.html"))
	mux.HandleFunc("GET /outbox/list", show("list"))
	files, err := fs.Sub(outboxFiles, "outbox")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	for _, name := range []string{"outbox.css", "outbox.js"} {
		mux.HandleFunc("GET /outbox/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
}
