package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"solewatch/internal/auth"
	"solewatch/internal/standin"
	"solewatch/internal/store"
)

// Every events/authorizer-*.json goes through the handler, with the table there and with the table away.
func TestAuthorizerEvents(t *testing.T) {
	// The token in the events is SHA-256 of this sentence.
	raw := sha256.Sum256([]byte("a session for tests"))
	name := sha256.Sum256(raw[:])
	stamp := sha256.Sum256([]byte(hashed()))
	session := hex.EncodeToString(name[:])
	signedIn := map[string]any{"org": "acme", "user": "claire", "role": "supervisor", "name": "Claire M.", "locale": "fr", "session": session}
	out, away := map[string]any{"out": "true"}, map[string]any{"away": "true"}

	for event, want := range map[string]struct{ there, away map[string]any }{
		"authorizer-session.json":      {signedIn, away},
		"authorizer-unknown.json":      {out, away},
		"authorizer-malformed.json":    {out, out},
		"authorizer-no-session.json":   {out, out},
		"authorizer-two-sessions.json": {out, out},
	} {
		t.Run(event, func(t *testing.T) {
			d := newDesk(t)
			must(t, d.store.PutSession(t.Context(), store.Grant{
				Hash: session, Org: "acme", User: "claire", Stamp: hex.EncodeToString(stamp[:8]), Made: d.clock.now(), Ends: d.clock.now().Add(time.Hour),
			}))
			b, err := os.ReadFile("../../events/" + event)
			must(t, err)
			var ev events.APIGatewayV2CustomAuthorizerV2Request
			must(t, json.Unmarshal(b, &ev))
			z := &auth.Authorizer{Sessions: d.Sessions, Patience: 5 * time.Second, Log: slog.New(slog.DiscardHandler)}
			ask := func(when string, want map[string]any) {
				t.Helper()
				got, err := z.Handle(t.Context(), ev)
				if diff := cmp.Diff(want, got.Context); diff != "" || err != nil || !got.IsAuthorized {
					t.Errorf("%s: %v, %v (-want +got):\n%s", when, got, err, diff)
				}
			}
			ask("table there", want.there)
			must(t, d.srv.SetFaults(standin.Fault{Service: "dynamodb", Kind: "refuse", Probability: 1}))
			ask("table away", want.away)
			must(t, d.srv.SetFaults())
			d.clock.add(time.Hour)
			ask("session ended", out)
		})
	}
	files, err := filepath.Glob("../../events/authorizer-*.json")
	must(t, err)
	if len(files) != 5 {
		t.Errorf("%d events, want 5: %s", len(files), strings.Join(files, " "))
	}
}
