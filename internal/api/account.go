package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
)

// MyChange is what somebody may change of their own account. What is not given stays. Name, address and role are the
// administrator's.
type MyChange struct {
	Locale   string `json:"locale,omitempty" enum:"fr,en"`
	Current  string `json:"current,omitempty" writeOnly:"true" maxLength:"1000" doc:"the password so far; needed for another one"`
	Password string `json:"password,omitempty" writeOnly:"true" minLength:"10" maxLength:"200" doc:"ends every other session of theirs"`
}

type myPut struct {
	from auth.Origin
	Body MyChange
}

// Resolve notes where the request came from.
func (p *myPut) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	p.from = origin(r)
	return nil
}

// changedMe carries a new cookie when the password is another one.
type changedMe struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      Me
}

func (a *API) accountRoutes(h huma.API) {
	huma.Register(h, op("change-me", http.MethodPut, "/api/me", "Change one's own language or password", "session", insole.Viewer), a.changeMe)
}

// changeMe has no version: it sets no more than what is given, and nobody else sets that for somebody without telling them.
func (a *API) changeMe(ctx context.Context, in *myPut) (*changedMe, error) {
	s := who(ctx)
	hash := ""
	if in.Body.Password != "" {
		err := a.Sessions.Prove(ctx, s, in.Body.Current, in.from)
		if errors.Is(err, auth.ErrCredentials) {
			// Not a 401: the session is as good as before.
			err = directory.Faults{{Noun: "user", ID: string(s.User), At: "current", What: "password-current"}}
		}
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		hash = auth.HashPassword(in.Body.Password)
	}
	err := a.edit(ctx, func(d *directory.Draft) error {
		k, ok := d.User(s.User)
		if !ok {
			return insole.ErrNotFound
		}
		u := k.Value
		if in.Body.Locale != "" {
			u.Locale = in.Body.Locale
		}
		if hash != "" {
			u.Password = hash
		}
		return d.SetUser(u, directory.Any)
	})
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &changedMe{}
	if hash != "" {
		token, renewed, err := a.Sessions.Renew(ctx, s)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		out.SetCookie = []http.Cookie{*auth.Cookie(token, a.Sessions.TTL)}
		a.forgetScreens(ctx, s.Org, s.User)
		s = renewed
	}
	out.Body, err = a.whois(auth.With(ctx, s))
	return out, a.fail(ctx, err)
}
