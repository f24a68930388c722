package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"

	"github.com/akrylysov/algnhsa"
	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
)

// Lambda serves a.Handler to an HTTP API with payload format 2.0, behind auth.Authorizer.
func (a *API) Lambda() lambda.Handler {
	inner := algnhsa.New(a.fromGateway(a.Handler()), &algnhsa.Options{RequestType: algnhsa.RequestTypeAPIGatewayV2})
	return invoker(func(ctx context.Context, payload []byte) ([]byte, error) {
		var ev struct {
			RawPath string `json:"rawPath"`
		}
		// algnhsa fails the invocation for a path with a broken escape, which anybody can send; and a failed invocation
		// is an alarm to operators.
		if json.Unmarshal(payload, &ev) == nil {
			_, err := url.PathUnescape(ev.RawPath)
			if err != nil {
				return json.Marshal(events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest})
			}
		}
		// Beside the request, so that it is not held up by it. Lambda stops whatever goes on after the answer.
		var beat sync.WaitGroup
		beat.Go(func() { a.Heart.Beat(ctx, nil) })
		defer beat.Wait()
		return inner.Invoke(ctx, payload)
	})
}

type invoker func(context.Context, []byte) ([]byte, error)

func (f invoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

// fromGateway takes who is asking from the authorizer's answer, and from nowhere else. When the authorizer could not
// tell, every route answers that the store is away.
func (a *API) fromGateway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ev, ok := algnhsa.APIGatewayV2RequestFromContext(r.Context())
		if !ok || ev.RequestContext.Authorizer == nil {
			next.ServeHTTP(w, r)
			return
		}
		said := func(name string) string {
			s, _ := ev.RequestContext.Authorizer.Lambda[name].(string)
			return s
		}
		if said(auth.AwayContext) != "" {
			w.Header().Set("Cache-Control", "no-store")
			(&problem{what: storeAway}).write(w, r)
			return
		}
		s := auth.Session{
			ID: said("session"), Org: insole.OrgID(said("org")), User: insole.UserID(said("user")), Role: insole.Role(said("role")),
			Name: said("name"), Locale: said("locale"),
		}
		if s.ID != "" && s.Org != "" && s.User != "" {
			r = r.WithContext(auth.With(r.Context(), s))
		}
		next.ServeHTTP(w, r)
	})
}
