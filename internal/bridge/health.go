package bridge

import (
	"fmt"
	"net/http"
	"time"
)

// patience is how long a queue may refuse before the bridge says that it is not ready.
const patience = 15 * time.Second

// Health serves /healthz (the process answers) and /readyz (send insoles here: not draining, both queues accepting, the table answering).
// The body of /readyz names what is wrong.
func (srv *Server) Health() http.Handler {
	srv.prepare()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		var wrong []string
		if srv.draining.Load() {
			wrong = append(wrong, "draining")
		}
		for _, l := range []*lane{srv.urgent, srv.track} {
			if d := l.failing(); d > patience {
				wrong = append(wrong, fmt.Sprintf("queue %s has not accepted for %s", l.name, d.Round(time.Second)))
			}
		}
		if !srv.directory.answers() {
			wrong = append(wrong, "table does not answer")
		}
		if len(wrong) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		} else {
			wrong = []string{"ready"}
		}
		for _, line := range wrong {
			fmt.Fprintln(w, line)
		}
	})
	return mux
}
