package standin

import "net/http"

// ServeHTTP answers AWS's wire protocols and the stand-in's own pages under /_standin/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "starting", http.StatusServiceUnavailable)
}
