package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"solewatch/internal/insole"
)

// AwayContext is the only thing in the authorizer's context when it could not tell who is asking; OutContext when it is
// certain that nobody is signed in.
const (
	AwayContext = "away"
	OutContext  = "out"
)

// An Authorizer tells the HTTP API who is asking.
type Authorizer struct {
	Sessions *Sessions
	Patience time.Duration // for the table; API Gateway waits 10 s
	Log      *slog.Logger
}

// Handle always lets the request through to the API function, which lets nobody in without a session: what API Gateway
// itself would answer (403 for a session that has ended, 500 for a table that is away) tells a page neither to sign in
// again nor to wait. The context is {org, user, role, name, locale, session}, {"out"} or {"away"}; never a mixture.
func (z *Authorizer) Handle(ctx context.Context, ev events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, z.Patience)
	defer cancel()
	answer := func(c map[string]interface{}) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: c}, nil
	}
	cookies := ev.Cookies
	if len(cookies) == 0 {
		cookies = ev.IdentitySource
	}
	token, err := TokenIn(cookies)
	if err != nil || token == "" {
		return answer(map[string]interface{}{OutContext: "true"})
	}
	s, err := z.Sessions.Look(ctx, token)
	switch {
	case errors.Is(err, insole.ErrNotFound):
		return answer(map[string]interface{}{OutContext: "true"})
	case err != nil:
		z.Log.ErrorContext(ctx, "session not read", "err", err)
		return answer(map[string]interface{}{AwayContext: "true"})
	}
	return answer(map[string]interface{}{
		"org": string(s.Org), "user": string(s.User), "role": string(s.Role), "name": s.Name, "locale": s.Locale, "session": s.ID,
	})
}
