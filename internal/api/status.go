package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/insole"
)

// Status is what anybody may know.
type Status struct {
	Store   string `json:"store" enum:"ok,away"`
	NowMs   int64  `json:"nowMs"`
	Version string `json:"version"`
}

type statusAnswer struct{ Body Status }

func (a *API) statusRoutes(h huma.API, mux *http.ServeMux) {
	huma.Register(h, op("status", http.MethodGet, "/api/status", "Whether the store can be reached", "status", ""), a.status)

	document := sync.OnceValue(func() []byte {
		b, err := json.Marshal(h.OpenAPI())
		if err != nil {
			panic(err) // seen by the test of the document
		}
		return b
	})
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document())
	})
	mux.HandleFunc("GET /a/{alarm}", link)
}

func (a *API) status(ctx context.Context, _ *struct{}) (*statusAnswer, error) {
	s := Status{Store: "ok", NowMs: a.Now().UnixMilli(), Version: a.Version}
	err := a.Store.Reach(ctx)
	if err != nil {
		a.Log.WarnContext(ctx, "store away", "err", err)
		s.Store = "away"
	}
	return &statusAnswer{s}, nil
}

var alarmID = regexp.MustCompile(`^[a-z2-7]{16}$`)

// link leads from the address in a page to the alarm on the screen, where one signs in first. It says nothing of the
// alarm, not even whether there is one.
func link(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("alarm")
	if !alarmID.MatchString(id) {
		(&problem{what: noRoute}).write(w, r)
		return
	}
	http.Redirect(w, r, "/#/a/"+string(insole.AlarmID(id)), http.StatusSeeOther)
}
