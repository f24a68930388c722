// Package api is the HTTP API that the page uses, and whoever has a session: who is where, which alarms are open, taking
// charge of them, and everything that people set up.
//
// Three things hold for every route, and are tested over the list of routes itself. The org comes from the session
// alone and is part of every key that is read or written; what belongs to another org is not found. A user does what
// their role includes and no more. When the table cannot be reached the answer is 503 store-away and nothing else: never
// a 401 or a 404 for a fault of ours.
//
// The OpenAPI document is made from the Go types of the routes and served at /openapi.json.
package api

import (
	"context"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"solewatch/internal/alarm"
	"solewatch/internal/auth"
	"solewatch/internal/checkin"
	"solewatch/internal/directory"
	"solewatch/internal/feed"
	"solewatch/internal/insole"
	"solewatch/internal/muster"
	"solewatch/internal/parts"
	"solewatch/internal/store"
)

// maxBody is the largest body taken, in bytes.
const maxBody = 1 << 20

func init() {
	huma.ValidateStrictCasing = true  // {"role":"viewer","ROLE":"admin"} would be two values for one field
	huma.DefaultArrayNullable = false // a list is a list, also when it is empty
}

// API is what the routes need.
type API struct {
	Store     *store.Store
	Sessions  *auth.Sessions
	Tickets   *auth.Tickets
	Desk      *alarm.Desk
	Alarms    *alarm.Raiser // of drills
	Directory *directory.Directory
	Musters   *muster.Engine
	Confirmed Confirmations
	Sending   Sending       // nil: what may be sent by SMS is not checked
	Looks     checkin.Looks // asks for a look at somebody's check-ins; nil: the sweep looks
	Queues    Queues        // nil: nothing is known of queues
	Canary    time.Duration // between two calls of the canary wearer; 0 without one
	Heart     *parts.Heart  // nil: it leaves nothing behind
	Version   string        // of the build, said by /api/status
	Patience  time.Duration // for one request; a page that waits longer shows the store as away
	Now       func() time.Time
	Log       *slog.Logger
}

// Sending says what may be sent by SMS.
type Sending interface {
	SMS(context.Context) (insole.SMSAccount, error)
}

// Confirmations says which contacts of a team have confirmed their e-mail subscription.
type Confirmations interface {
	Confirmations(ctx context.Context, team insole.Team, contacts []insole.Contact) (map[insole.ContactID]bool, error)
}

// Handler serves every route. Who is asking is in the request's context: see auth.With.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	a.routes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { (&problem{what: noRoute}).write(w, r) })
	return a.guarded(mux)
}

// guarded does for every request what no route may forget.
func (a *API) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			a.Log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "value", v, "stack", string(debug.Stack()))
			(&problem{what: internal}).write(w, r)
		}()
		ctx, cancel := context.WithTimeout(r.Context(), a.Patience)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// routes registers every operation with mux and returns the document that describes them.
func (a *API) routes(mux *http.ServeMux) huma.API {
	config := huma.DefaultConfig("Solewatch", "1")
	config.Info.Description = "People who work alone, where they are, and who helps them. Times are Unix milliseconds of the server's clock; " +
		"lengths of time and distances have their unit in their name."
	config.CreateHooks = nil // no $schema in answers
	config.DocsPath, config.SchemasPath = "", ""
	config.OpenAPIPath = ""
	config.RejectUnknownQueryParameters = true
	config.Formats = huma.DefaultFormats
	config.Transformers = []huma.Transformer{translate}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		if t == reflect.TypeFor[feed.Worker]() {
			return "BoardWorker" // not the Worker that is set up
		}
		return huma.DefaultSchemaNamer(t, hint)
	})
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: auth.CookieName, Description: "Set by POST /api/session."},
	}
	h := humago.New(mux, config)
	h.UseMiddleware(a.admit)

	a.sessionRoutes(h)
	a.accountRoutes(h)
	a.statusRoutes(h, mux)
	a.boardRoutes(h)
	a.alarmRoutes(h)
	a.drillRoutes(h)
	a.lifecycleRoutes(h)
	a.workerRoutes(h)
	a.teamRoutes(h)
	a.dryRunRoutes(h)
	a.contactRoutes(h)
	a.insoleRoutes(h)
	a.zoneRoutes(h)
	a.userRoutes(h)
	a.readinessRoutes(h)
	a.partRoutes(h)
	a.dutyRoutes(h)
	a.checkInRoutes(h)
	a.careRoutes(h)
	a.reportRoutes(h)
	a.musterRoutes(h)
	a.pastRoutes(h)
	a.dossierRoutes(h)
	a.whyRoutes(h)

	kind := h.OpenAPI().Components.Schemas.Map()["ErrorModel"].Properties["type"]
	*kind = huma.Schema{Type: huma.TypeString, Description: "What is wrong, for programs. title and detail say it to people, in their language."}
	for _, what := range problems() {
		kind.Enum = append(kind.Enum, what)
	}
	return h
}

// roleKey holds, in an operation's metadata, the role it needs. An operation without one is public.
const roleKey = "role"

// op describes an operation. need is the role that may use it, "" everybody, signed in or not.
func op(id, method, path, summary, tag string, need insole.Role) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, MaxBodyBytes: maxBody,
		Metadata: map[string]any{},
	}
	if need != "" {
		o.Metadata[roleKey] = need
		o.Security = []map[string][]string{{"session": {}}}
		o.Description = "Role: " + string(need) + ", or one that includes it."
	}
	return o
}

// admit lets a request through to its operation, or answers it.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	o := ctx.Operation()
	if what := refused(r, o); what != "" {
		(&problem{what: what}).write(w, r)
		return
	}
	next(ctx)
}

func refused(r *http.Request, o *huma.Operation) string {
	// The session first: whoever is not signed in learns nothing else.
	if need, ok := o.Metadata[roleKey].(insole.Role); ok {
		s, ok := auth.From(r.Context())
		switch {
		case !ok:
			return signedOut
		case !s.Role.May(need):
			return forbidden
		}
	}
	if r.Method != http.MethodGet {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
		default:
			return foreign
		}
	}
	if o.RequestBody != nil {
		ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || ct != "application/json" {
			return mediaType
		}
	}
	return ""
}

// who is asking. Operations with a role are reached with a session only.
func who(ctx context.Context) auth.Session {
	s, ok := auth.From(ctx)
	if !ok {
		panic("api: an operation without a role asks who is asking")
	}
	return s
}

// user is who(ctx) for the desk, which writes down who did what.
func user(ctx context.Context) insole.User {
	s := who(ctx)
	return insole.User{Org: s.Org, ID: s.User, Name: s.Name, Role: s.Role, Locale: s.Locale}
}

// ms is t in Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// origin says where a request to sign in came from. The content network in front adds the browser's address to
// X-Forwarded-For and API Gateway adds the content network's; whoever comes directly can make the former up, so that
// the address that we know to be true is counted as well.
func origin(r *http.Request) auth.Origin {
	via := r.RemoteAddr
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	viewer := via
	if n := len(hops); n >= 2 {
		viewer = strings.TrimSpace(hops[n-2])
	}
	return auth.Origin{Viewer: viewer, Via: via}
}
