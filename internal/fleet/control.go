package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"solewatch/internal/insole"
)

// Control is the fleet's own small HTTP service, for people and tests; it belongs on loopback only.
//
//	GET  /                                  the insoles and what they do, and the counts, as JSON
//	POST /press?insole=<id>&kind=<call>     sos, covert, fall, still, cancel; ignore, heed (evacuations); 204 when done
//
// A press is answered 400 for a call that does not exist, 404 for an insole that is not of this fleet, 409 when it cannot be done now, 422 when the
// insole's language has no such call. A page of another origin is refused: a browser must not press SOS for whoever made that page.
func (f *Fleet) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(map[string]any{"counts": f.Snapshot(), "insoles": f.List()}) // a reader that left is not our concern
	})
	mux.HandleFunc("POST /press", func(w http.ResponseWriter, r *http.Request) {
		id, kind := insole.ID(r.URL.Query().Get("insole")), Call(r.URL.Query().Get("kind"))
		err := f.Press(id, kind)
		code := http.StatusNoContent
		switch {
		case err == nil:
		case errors.Is(err, insole.ErrNotFound):
			code = http.StatusNotFound
		case errors.Is(err, insole.ErrInvalid):
			code = http.StatusBadRequest
		case errors.Is(err, ErrNothing):
			code = http.StatusConflict
		case errors.Is(err, ErrUnsupported):
			code = http.StatusUnprocessableEntity
		default:
			code = http.StatusInternalServerError
		}
		w.WriteHeader(code)
		if err != nil {
			fmt.Fprintln(w, err)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux)
}
