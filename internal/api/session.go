package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
)

// Me is who is signed in.
type Me struct {
	User     string `json:"user"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Role     string `json:"role" enum:"viewer,supervisor,admin"`
	Locale   string `json:"locale" enum:"fr,en"`
	Org      string `json:"org"`
	OrgName  string `json:"orgName"`
	EndsAtMs int64  `json:"endsAtMs,omitempty" doc:"when the session ends"`
}

type signIn struct {
	from auth.Origin
	Body struct {
		Email    string `json:"email" maxLength:"320"`
		Password string `json:"password" maxLength:"1000"`
	}
}

// Resolve notes where the request came from.
func (s *signIn) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	s.from = origin(r)
	return nil
}

type WithCookie struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

type signedIn struct {
	WithCookie
	Body Me
}

type meAnswer struct{ Body Me }

type ticketAnswer struct {
	Body struct {
		Ticket   string `json:"ticket" doc:"for one use, as wss://…/ws?ticket="`
		EndsAtMs int64  `json:"endsAtMs"`
	}
}

func (a *API) sessionRoutes(h huma.API) {
	huma.Register(h, op("sign-in", http.MethodPost, "/api/session", "Sign in", "session", ""), a.signIn)
	out := op("sign-out", http.MethodDelete, "/api/session", "Sign out", "session", insole.Viewer)
	out.DefaultStatus = http.StatusNoContent
	huma.Register(h, out, a.signOut)
	huma.Register(h, op("me", http.MethodGet, "/api/me", "Who is signed in", "session", insole.Viewer), a.me)
	huma.Register(h, op("ticket", http.MethodPost, "/api/ticket", "A ticket for the WebSocket, for one use within 30 s", "session", insole.Viewer), a.ticket)
}

func (a *API) signIn(ctx context.Context, in *signIn) (*signedIn, error) {
	token, s, err := a.Sessions.SignIn(ctx, in.Body.Email, in.Body.Password, in.from)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	me, err := a.whois(auth.With(ctx, s))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &signedIn{Body: me}
	out.SetCookie = *auth.Cookie(token, a.Sessions.TTL)
	return out, nil
}

func (a *API) whois(ctx context.Context) (Me, error) {
	s := who(ctx)
	u, err := a.Store.UserOf(ctx, s.Org, s.User)
	if err != nil {
		return Me{}, err
	}
	o, err := a.Store.Org(ctx, s.Org)
	if err != nil {
		return Me{}, err
	}
	return Me{
		User: string(u.ID), Name: u.Name, Email: u.Email, Role: string(u.Role), Locale: u.Locale,
		Org: string(o.ID), OrgName: o.Name, EndsAtMs: ms(s.Ends),
	}, nil
}

func (a *API) signOut(ctx context.Context, _ *struct{}) (*WithCookie, error) {
	s := who(ctx)
	err := a.Sessions.End(ctx, s.ID)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	a.forgetScreens(ctx, s.Org, s.User)
	return &WithCookie{*auth.NoCookie()}, nil
}

func (a *API) me(ctx context.Context, _ *struct{}) (*meAnswer, error) {
	me, err := a.whois(ctx)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &meAnswer{me}, nil
}

func (a *API) ticket(ctx context.Context, _ *struct{}) (*ticketAnswer, error) {
	ticket, ends, err := a.Tickets.Issue(ctx, who(ctx))
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	out := &ticketAnswer{}
	out.Body.Ticket, out.Body.EndsAtMs = ticket, ms(ends)
	return out, nil
}

// forgetScreens ends what a user is told over the live feed. Screens that may still see it come back by themselves with
// a new ticket. What goes wrong here ends with the connection, two hours later at most.
func (a *API) forgetScreens(ctx context.Context, org insole.OrgID, id insole.UserID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := a.Store.ForgetConnectionsOf(ctx, org, id)
	if err != nil {
		a.Log.ErrorContext(ctx, "screens of a user not forgotten", "org", org, "user", id, "err", err)
	}
}
