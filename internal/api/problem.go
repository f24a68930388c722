package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/text"
)

// What can be wrong. Each is the type of a problem (RFC 9457), and names its texts: problem.<what>.title and .detail.
const (
	storeAway    = "store-away" // a fault of ours: nothing is known about what was asked
	topicsAway   = "topics-away"
	internal     = "internal"
	signedOut    = "signed-out"
	credentials  = "credentials"
	throttled    = "throttled"
	forbidden    = "forbidden"
	foreign      = "foreign" // asked by another site's page
	noRoute      = "no-route"
	notFound     = "not-found"
	conflict     = "conflict"
	changed      = "changed"
	unversioned  = "unversioned"
	taken        = "taken"
	ended        = "ended"
	badRange     = "range"
	badMonth     = "month"
	toCome       = "to-come" // nothing can be known of it yet
	enough       = "enough"  // that many messages have gone out for one person
	owned        = "owned"
	latched      = "latched"   // somebody may be in need: not to be put out of sight
	duress       = "duress"    // nothing may be felt on the foot now
	noInsole     = "no-insole" // there is nothing to send to
	invalid      = "invalid"
	malformed    = "malformed"
	badCheckIn   = "check-in"
	shiftless    = "shiftless"
	phoneless    = "phoneless"
	activityless = "activityless"
	tooLarge     = "too-large"
	mediaType    = "media-type"
)

var statuses = map[string]int{
	storeAway: http.StatusServiceUnavailable, topicsAway: http.StatusServiceUnavailable, internal: http.StatusInternalServerError,
	signedOut: http.StatusUnauthorized, credentials: http.StatusUnauthorized, throttled: http.StatusTooManyRequests,
	forbidden: http.StatusForbidden, foreign: http.StatusForbidden,
	noRoute: http.StatusNotFound, notFound: http.StatusNotFound,
	conflict: http.StatusConflict, taken: http.StatusConflict, owned: http.StatusConflict, ended: http.StatusConflict, changed: http.StatusPreconditionFailed,
	unversioned: http.StatusPreconditionRequired,
	latched:     http.StatusConflict, duress: http.StatusConflict, noInsole: http.StatusConflict,
	badRange: http.StatusUnprocessableEntity, badMonth: http.StatusUnprocessableEntity, toCome: http.StatusUnprocessableEntity, enough: http.StatusTooManyRequests, invalid: http.StatusUnprocessableEntity, malformed: http.StatusBadRequest,
	badCheckIn: http.StatusUnprocessableEntity, shiftless: http.StatusConflict, phoneless: http.StatusConflict, activityless: http.StatusConflict,
	tooLarge: http.StatusRequestEntityTooLarge, mediaType: http.StatusUnsupportedMediaType,
}

// A problem is an answer that says no.
type problem struct {
	what   string
	args   []string // of its texts
	faults directory.Faults
	cause  error // for the log
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.what + ": " + p.cause.Error()
	}
	return p.what
}

func (p *problem) Unwrap() error { return p.cause }

// GetStatus makes p a huma.StatusError.
func (p *problem) GetStatus() int { return statuses[p.what] }

// ContentType makes p application/problem+json.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// model is p in locale.
func (p *problem) model(locale string) *huma.ErrorModel {
	m := &huma.ErrorModel{
		Type: p.what, Status: p.GetStatus(),
		Title:  text.Say(locale, "problem."+p.what+".title"),
		Detail: text.Say(locale, "problem."+p.what+".detail", p.args...),
	}
	for _, f := range p.faults {
		at := "body"
		if f.At != "" {
			at += "." + f.At
		}
		m.Errors = append(m.Errors, &huma.ErrorDetail{Message: FaultText(locale, f), Location: at})
	}
	if len(p.faults) > 0 { // whoever shows one sentence only shows what is wrong
		m.Detail = m.Errors[0].Message
	}
	return m
}

// FaultText says what is wrong, to a person.
func FaultText(locale string, f directory.Fault) string {
	var args []string
	for k, v := range f.Args {
		args = append(args, k, v)
	}
	return text.Say(locale, "problem.fault."+f.What, args...)
}

// fail gives err the answer that it deserves. What is a fault of ours is logged here, and nowhere else.
func (a *API) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	p := &problem{what: internal, cause: err}
	var known *problem
	var faults directory.Faults
	switch {
	case errors.As(err, &known):
		p = known
	case errors.As(err, &faults):
		p.what, p.faults = invalid, faults
	case errors.Is(err, auth.ErrCredentials):
		p.what = credentials
	case errors.Is(err, auth.ErrThrottled):
		p.what = throttled
	case errors.Is(err, directory.ErrNotSynced):
		p.what = topicsAway
	case errors.Is(err, insole.ErrAway), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p.what = storeAway
	case errors.Is(err, directory.ErrVersion):
		p.what = changed
	case errors.Is(err, directory.ErrTaken):
		p.what = taken
	case errors.Is(err, insole.ErrNotFound):
		p.what = notFound
	case errors.Is(err, insole.ErrConflict):
		p.what = conflict
	}
	if p.GetStatus() >= 500 {
		s, _ := auth.From(ctx)
		a.Log.ErrorContext(ctx, "answered with a fault of ours", "problem", p.what, "org", s.Org, "user", s.User, "err", err)
	}
	return p
}

// translate puts every problem, ours and huma's own, into the reader's language. It is the last step before JSON.
func translate(ctx huma.Context, _ string, v any) (any, error) {
	locale := localeOf(ctx.Context(), ctx.Header("Accept-Language"))
	switch p := v.(type) {
	case *problem:
		return p.model(locale), nil
	case *huma.ErrorModel:
		own := &problem{what: internal}
		switch p.Status {
		case http.StatusBadRequest:
			own.what = malformed
		case http.StatusRequestEntityTooLarge:
			own.what = tooLarge
		case http.StatusUnsupportedMediaType:
			own.what = mediaType
		case http.StatusUnprocessableEntity:
			own.what = invalid
		}
		m := own.model(locale)
		m.Status = p.Status
		if p.Status < 500 {
			for _, e := range p.Errors {
				// The value is left out: it may be a password, and whoever sent it knows it.
				m.Errors = append(m.Errors, &huma.ErrorDetail{Message: schemaText(locale, e.Message), Location: e.Location})
			}
		}
		return m, nil
	}
	return v, nil
}

// localeOf is the language of whoever asks: the session's, else the first that the browser accepts and we have.
func localeOf(ctx context.Context, accept string) string {
	if s, ok := auth.From(ctx); ok && s.Locale != "" {
		return s.Locale
	}
	return text.Negotiate(accept)
}

// schemaTexts finds, for what huma says of a body that is not of the schema, the text that says it to a person.
var schemaTexts = []struct {
	re   *regexp.Regexp
	what string
	args []string // names of the groups
}{
	{regexp.MustCompile(`^expected required property (\S+) to be present$`), "required", []string{"name"}},
	{regexp.MustCompile(`^unexpected property$`), "unexpected", nil},
	{regexp.MustCompile(`^unknown query parameter$`), "unexpected", nil},
	{regexp.MustCompile(`^required \S+ parameter is missing$`), "missing", nil},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "min-length", []string{"n"}},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "max-length", []string{"n"}},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "min-items", []string{"n"}},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "max-items", []string{"n"}},
	{regexp.MustCompile(`^expected number >= (\S+)$`), "min", []string{"n"}},
	{regexp.MustCompile(`^expected number <= (\S+)$`), "max", []string{"n"}},
	{regexp.MustCompile(`^expected value to be one of "(.*)"$`), "one-of", []string{"list"}},
	{regexp.MustCompile(`^expected string to (?:be|match pattern) a time as (\S+)$`), "time", []string{"like"}},
	{regexp.MustCompile(`^expected string to (?:be|match pattern) (.*)$`), "pattern", nil},
	{regexp.MustCompile(`^(?:expected integer|invalid integer)$`), "integer", nil},
	{regexp.MustCompile(`^(?:expected number|invalid (?:number|float.*))$`), "number", nil},
	{regexp.MustCompile(`^expected string$`), "string", nil},
	{regexp.MustCompile(`^expected (?:boolean|array|object)$`), "type", nil},
}

func schemaText(locale, said string) string {
	for _, t := range schemaTexts {
		m := t.re.FindStringSubmatch(said)
		if m == nil {
			continue
		}
		var args []string
		for i, name := range t.args {
			if f, err := strconv.ParseFloat(m[i+1], 64); err == nil { // 253402300799000 comes as 2.53402300799e+14
				m[i+1] = strconv.FormatFloat(f, 'f', -1, 64)
			}
			args = append(args, name, m[i+1])
		}
		return text.Say(locale, "problem.schema."+t.what, args...)
	}
	return text.Say(locale, "problem.schema.other")
}

// write answers r with p, where huma is not at hand.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	m := p.model(localeOf(r.Context(), r.Header.Get("Accept-Language")))
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and a number: cannot be
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(m.Status)
	_, _ = w.Write(append(b, '\n'))
}

// problems lists every type there is, sorted.
func problems() []string {
	var all []string
	for what := range statuses {
		all = append(all, what)
	}
	slices.Sort(all)
	return all
}
