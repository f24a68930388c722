package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/insole"
	"solewatch/internal/parts"
)

// Status is what anybody may know.
type Status struct {
	Store   string `json:"store" enum:"ok,away"`
	NowMs   int64  `json:"nowMs"`
	Version string `json:"version"`

	Canary *CanaryStatus `json:"canary,omitempty" doc:"absent while the store is away, and where no canary has ever called"`
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
	a.answerRoutes(mux)
}

func (a *API) status(ctx context.Context, _ *struct{}) (*statusAnswer, error) {
	s := Status{Store: "ok", NowMs: a.Now().UnixMilli(), Version: a.Version}
	// A page that asks waits 2.5 s, and must say within 5 s that the table is away, also of one that takes a question and never answers.
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	b, err := a.Store.BeatOf(ctx, parts.Canary, "") // any answer says that the table can be reached
	switch {
	case err == nil:
		c := a.canary(b, a.Now().UTC())
		s.Canary = &c
	case !errors.Is(err, insole.ErrNotFound):
		a.Log.WarnContext(ctx, "store away", "err", err)
		s.Store = "away"
	}
	return &statusAnswer{s}, nil
}

// statusPatience is how long the table may take to be called there: a hundred times what it takes on a bad day.
const statusPatience = 1500 * time.Millisecond

// alarmID is the name of an alarm; the token of a link never looks like one.
var alarmID = regexp.MustCompile(`^[a-z2-7]{16}$`)
