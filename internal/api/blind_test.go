package api_test

import (
	"strings"
	"testing"

	"solewatch/internal/insole"
)

// Nothing that is set up is replaced by somebody who does not say what they have seen; whoever means to says so.
func TestBlindPut(t *testing.T) {
	o, admin := newOffice(t), as("acme", insole.Admin)
	requests := o.requests("acme")
	for _, r := range o.routes(t) {
		if r.method != "PUT" || !strings.HasPrefix(r.id, "change-") || r.id == "change-me" { // set-…: one thing, and it is all there is
			continue
		}
		req := requests[r.id]
		before := o.ask(t, admin, "GET", req.path, nil)
		if a := o.ask(t, admin, "PUT", req.path, req.body, "If-Match", ""); a.status != 428 || a.problem(t).Type != "unversioned" || !strings.Contains(a.body, "If-Match: *") {
			t.Errorf("%s without a version: status %d: %s", r.id, a.status, a.body)
		}
		if a := o.ask(t, admin, "GET", req.path, nil); a.body != before.body {
			t.Errorf("%s without a version changed it to %s", r.id, a.body)
		}
		if a := o.ask(t, admin, "PUT", req.path, req.body, "If-Match", "*"); a.status != 200 {
			t.Errorf("%s of whatever is there: status %d: %s", r.id, a.status, a.body)
		}
	}
}
