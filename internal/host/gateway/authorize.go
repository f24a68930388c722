package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"solewatch/internal/host/template"
)

// authorize asks an authorizer about a request: 200 with its context, 401 when an identity source is missing
// (the function is not called then), 403 when it says no, 500 when it fails or takes over ten seconds.
//
// An answer is kept for the authorizer's TTL under the values of its identity sources, for all routes that use it
// unless $context.routeKey is one of them.
func (h *HTTPAPI) authorize(r *http.Request, z template.Authorizer, e httpEvent) (status int, ctx map[string]any) {
	var sources []string
	for _, s := range z.Sources {
		v := identity(s, r, e)
		if v == "" {
			return http.StatusUnauthorized, nil
		}
		sources = append(sources, v)
	}
	key := z.Name + "\x00" + strings.Join(sources, "\x00")
	if z.TTL > 0 {
		h.mu.Lock()
		c, ok := h.cache[key]
		h.mu.Unlock()
		if ok && h.now().Before(c.until) {
			return verdict(c.allowed), c.context
		}
	}
	e.Type = "REQUEST"
	// "GET /a" becomes …/GET/a, "$default" stays
	e.RouteARN = "arn:aws:execute-api:" + h.Region + ":" + h.Account + ":" + h.API.APIID + "/" + h.API.Stage + "/" + strings.ReplaceAll(e.RouteKey, " ", "")
	e.IdentitySource, e.Body, e.IsBase64 = sources, "", nil
	payload, err := json.Marshal(e)
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	limit, cancel := context.WithTimeout(r.Context(), authorizerLimit)
	defer cancel()
	res, err := h.Invoker.Invoke(limit, z.Function, payload)
	if err != nil || res.FunctionError != "" {
		h.log().Error("authorizer failed", "authorizer", z.Name, "err", err, "answer", string(res.Payload))
		return http.StatusInternalServerError, nil
	}
	var a struct {
		IsAuthorized *bool          `json:"isAuthorized"`
		Context      map[string]any `json:"context"`
	}
	if err := json.Unmarshal(res.Payload, &a); err != nil || a.IsAuthorized == nil {
		h.log().Error("authorizer answer not understood", "authorizer", z.Name, "answer", string(res.Payload))
		return http.StatusInternalServerError, nil
	}
	if z.TTL > 0 {
		h.mu.Lock()
		if h.cache == nil || len(h.cache) >= authorizerEvents {
			h.cache = map[string]cachedAnswer{}
		}
		h.cache[key] = cachedAnswer{h.now().Add(z.TTL), *a.IsAuthorized, a.Context}
		h.mu.Unlock()
	}
	return verdict(*a.IsAuthorized), a.Context
}

func verdict(allowed bool) int {
	if allowed {
		return http.StatusOK
	}
	return http.StatusForbidden
}

// identity is the value of one identity source, "" when the request has none.
func identity(source string, r *http.Request, e httpEvent) string {
	switch {
	case strings.HasPrefix(source, "$request.header."):
		return strings.Join(r.Header.Values(strings.TrimPrefix(source, "$request.header.")), ",")
	case strings.HasPrefix(source, "$request.querystring."):
		return r.URL.Query().Get(strings.TrimPrefix(source, "$request.querystring."))
	case strings.HasPrefix(source, "$stageVariables."):
		return e.StageVariables[strings.TrimPrefix(source, "$stageVariables.")]
	}
	switch strings.TrimPrefix(source, "$context.") {
	case "routeKey":
		return e.RouteKey
	case "identity.sourceIp":
		return e.RequestContext.HTTP.SourceIP
	case "httpMethod":
		return e.RequestContext.HTTP.Method
	case "path":
		return e.RawPath
	}
	return ""
}
