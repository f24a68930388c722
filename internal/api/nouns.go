package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"solewatch/internal/directory"
	"solewatch/internal/insole"
)

// What the routes of teams, workers, contacts, insoles, zones and users have in common.

// One is the answer with one thing.
type one[T any] struct {
	ETag string `header:"ETag" doc:"the version, for If-Match"`
	Body T
}

func oneOf[T any](v T, version int) *one[T] {
	return &one[T]{ETag: `"` + strconv.Itoa(version) + `"`, Body: v}
}

// IfMatch guards a change against another one that its maker has not seen. The version in the body does the same: what
// was read and is sent back carries it.
type IfMatch struct {
	IfMatch string `header:"If-Match" doc:"ETag of what is to be changed; 412 when it has changed since; * for whatever it is"`
}

// version is what the caller knows: If-Match if there is one, else what the body says, else nothing.
func (m IfMatch) version(body int) (int, error) {
	tag := strings.TrimSpace(m.IfMatch)
	if tag == "" {
		if body == 0 {
			return directory.Any, nil
		}
		return body, nil
	}
	if tag == "*" {
		return directory.Any, nil
	}
	n, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`))
	if err != nil || n < 1 {
		return 0, &problem{what: changed, cause: err} // no version of ours: so not the one there is
	}
	return n, nil
}

// known is version for what replaces a thing as a whole: without either, somebody else's change would be undone unseen. Whoever means to says
// If-Match: *. (What removes a thing, or ends what it may do, means the same whatever it has become.)
func (m IfMatch) known(body int) (int, error) {
	if strings.TrimSpace(m.IfMatch) == "" && body == 0 {
		return 0, &problem{what: unversioned}
	}
	return m.version(body)
}

// edit changes the org of whoever asks.
func (a *API) edit(ctx context.Context, change func(*directory.Draft) error) error {
	return a.Directory.Edit(ctx, who(ctx).Org, change)
}

// given is the name under which a thing is to be made: the one given, or one made from what people call it.
func given(id, name string, used func(string) bool) string {
	if id != "" {
		return id
	}
	return directory.NewID(name, used)
}

// sameName refuses a body that says it is about something else than its address.
func sameName(path, body string) error {
	if body != "" && body != path {
		return &problem{what: malformed}
	}
	return nil
}

// crud describes the five operations that most things have.
type crud struct {
	noun, nouns, path string      // "team", "teams", "/api/teams"
	see               insole.Role // who may look
}

func (c crud) list() huma.Operation {
	return op(c.nouns, http.MethodGet, c.path, "List the "+c.nouns, c.nouns, c.see)
}

func (c crud) get() huma.Operation {
	return op(c.noun, http.MethodGet, c.item(), "One "+c.noun, c.nouns, c.see)
}

func (c crud) post() huma.Operation {
	o := op("make-"+c.noun, http.MethodPost, c.path, "Make "+c.a(), c.nouns, insole.Admin)
	o.DefaultStatus = http.StatusCreated
	return o
}

func (c crud) put() huma.Operation {
	return op("change-"+c.noun, http.MethodPut, c.item(), "Change "+c.a(), c.nouns, insole.Admin)
}

func (c crud) drop() huma.Operation {
	o := op("remove-"+c.noun, http.MethodDelete, c.item(), "Remove "+c.a(), c.nouns, insole.Admin)
	o.DefaultStatus = http.StatusNoContent
	return o
}

func (c crud) item() string { return c.path + "/{" + c.noun + "}" }

func (c crud) a() string {
	if strings.ContainsAny(c.noun[:1], "aeio") {
		return "an " + c.noun
	}
	return "a " + c.noun
}
