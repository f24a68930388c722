package standin

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
)

// serveAdmin answers what AWS does not have:
//
//	GET    /_standin/faults       the faults as JSON
//	POST   /_standin/faults       replaces them: a JSON list of Fault
//	DELETE /_standin/faults       clears them
//	GET    /_standin/usage        Usage as JSON
//	GET    /_standin/outbox       notices as JSON; ?after=<seq>&max=<n>
//	GET    /_standin/confirm      confirms the e-mail subscription of ?token=
//	GET    /_standin/unsubscribe  ends the subscription of ?arn=
func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /_standin/faults":
		answerJSON(w, s.Faults())
	case "POST /_standin/faults":
		var list []Fault
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		dec.DisallowUnknownFields()
		err := dec.Decode(&list)
		if err == nil {
			err = s.SetFaults(list...)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answerJSON(w, s.Faults())
	case "DELETE /_standin/faults":
		_ = s.SetFaults() // none is never refused
		w.WriteHeader(http.StatusNoContent)
	case "GET /_standin/usage":
		answerJSON(w, s.Usage())
	case "GET /_standin/outbox":
		s.serveOutbox(w, r)
	case "GET /_standin/confirm":
		arn, err := s.Confirm(r.URL.Query().Get("token"))
		page(w, err, "Subscription confirmed!", "You have successfully subscribed. Your subscription's id is: "+arn)
	case "GET /_standin/unsubscribe":
		_, err := s.unsubscribe(nil, url.Values{"SubscriptionArn": {r.URL.Query().Get("arn")}})
		page(w, err, "Removed subscription", "You will get no more messages from this topic.")
	default:
		http.NotFound(w, r)
	}
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that went away has no use for the error
}

func page(w http.ResponseWriter, err error, title, text string) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title><h1>%[1]s</h1><p>%s</p>\n", html.EscapeString(title), html.EscapeString(text))
}

func (s *Server) serveOutbox(w http.ResponseWriter, r *http.Request) {
	after, max := uint64(0), 0
	var err error
	if v := r.URL.Query().Get("after"); v != "" {
		after, err = strconv.ParseUint(v, 10, 64)
	}
	if v := r.URL.Query().Get("max"); v != "" && err == nil {
		max, err = strconv.Atoi(v)
	}
	if err != nil || max < 0 {
		http.Error(w, "after and max must be whole numbers", http.StatusBadRequest)
		return
	}
	list, err := s.Outbox().List(after, max)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answerJSON(w, list)
}
