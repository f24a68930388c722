package template

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const maxIntegration = 30 * time.Second // of an HTTP API; a WebSocket API's is 29 s

func (w *wirer) httpAPI(r *Resource) *HTTPAPI {
	p := r.Properties
	a := &HTTPAPI{ID: r.ID, APIID: r.Name, Stage: "$default", StageVariable: textMap(p.Get("StageVariables")), Authorizers: map[string]Authorizer{}}
	if s := p.Get("StageName").Text(); s != "" {
		a.Stage = s
	}
	auth := p.Get("Auth")
	if auth.Get("EnableIamAuthorizer").Bool() {
		w.faults.add(auth.Line, r.ID, "Auth.EnableIamAuthorizer", "IAM authorizers are not served here")
	}
	for _, name := range auth.Get("Authorizers").Keys() {
		v := auth.At("Authorizers", name)
		path := "Auth.Authorizers." + name
		if !v.Get("EnableSimpleResponses").Bool() {
			w.faults.add(v.Line, r.ID, path+".EnableSimpleResponses", "only simple responses are served here; want true")
		}
		if !v.Get("EnableFunctionDefaultPermissions").Bool() && v.Get("FunctionInvokeRole") == nil && !w.permitted(v.Get("FunctionArn").Text()) {
			w.faults.add(v.Line, r.ID, path, "API Gateway may not invoke this function: set EnableFunctionDefaultPermissions, FunctionInvokeRole or an AWS::Lambda::Permission")
		}
		z := Authorizer{
			Name: name, Function: w.functionID(r, v.Get("FunctionArn"), path+".FunctionArn"),
			TTL: seconds(w.within(r, v.At("Identity", "ReauthorizeEvery"), path+".Identity.ReauthorizeEvery", v.At("Identity", "ReauthorizeEvery").Int(0), 0, 3600)),
		}
		for _, src := range []struct{ prop, prefix string }{
			{"Headers", "$request.header."}, {"QueryStrings", "$request.querystring."},
			{"StageVariables", "$stageVariables."}, {"Context", "$context."},
		} {
			for _, s := range v.At("Identity", src.prop).Strings() {
				z.Sources = append(z.Sources, src.prefix+s)
			}
		}
		if z.TTL > 0 && len(z.Sources) == 0 {
			w.faults.add(v.Line, r.ID, path+".Identity", "caching needs an identity source")
		}
		a.Authorizers[name] = z
	}
	if d := auth.Get("DefaultAuthorizer"); d != nil {
		if _, ok := a.Authorizers[d.Text()]; !ok {
			w.faults.add(d.Line, r.ID, "Auth.DefaultAuthorizer", "no authorizer %q", d.Text())
		}
	}
	a.Throttle = throttle(p.Get("DefaultRouteSettings"))
	if c := p.Get("CorsConfiguration"); c != nil {
		a.CORS = &CORS{
			Origins: c.Get("AllowOrigins").Strings(), Methods: c.Get("AllowMethods").Strings(), Headers: c.Get("AllowHeaders").Strings(),
			Expose: c.Get("ExposeHeaders").Strings(), MaxAge: c.Get("MaxAge").Int(0), Credentials: c.Get("AllowCredentials").Bool(),
		}
	}
	return a
}

func throttle(v *Value) Throttle {
	t := Throttle{Rate: v.Get("ThrottlingRateLimit").Int(0), Burst: v.Get("ThrottlingBurstLimit").Int(0)}
	if t.Burst == 0 {
		t.Burst = t.Rate
	}
	return t
}

func textMap(v *Value) map[string]string {
	out := map[string]string{}
	for _, k := range v.Keys() {
		out[k] = v.Get(k).Text()
	}
	return out
}

// permitted reports whether an AWS::Lambda::Permission lets API Gateway invoke the function.
func (w *wirer) permitted(function string) bool {
	for _, r := range w.each("AWS::Lambda::Permission") {
		p := r.Properties
		name := p.Get("FunctionName").Text()
		if p.Get("Principal").Text() == "apigateway.amazonaws.com" && (name == function || strings.HasSuffix(function, ":function:"+name)) {
			return true
		}
	}
	return false
}

// httpEvent adds the route of an HttpApi event.
func (w *wirer) httpEvent(r *Resource, f *Function, e *Value, path string) {
	api := w.httpAPIFor(r, e, path)
	if api == nil {
		return
	}
	rt := HTTPRoute{Function: f.ID, Method: strings.ToUpper(e.Get("Method").Text()), Path: e.Get("Path").Text(), Timeout: maxIntegration}
	switch {
	case rt.Path == "" && rt.Method == "" || rt.Path == "$default":
		rt.Method, rt.Path, rt.Key = "", "", "$default"
	case rt.Path == "" || rt.Method == "":
		w.faults.add(e.Line, r.ID, path, "Path and Method go together")
		return
	default:
		if rt.Method == "*" || rt.Method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
			rt.Method = "ANY"
		}
		if !strings.HasPrefix(rt.Path, "/") {
			w.faults.add(e.Get("Path").Line, r.ID, join(path, "Path"), "%q does not begin with /", rt.Path)
		}
		if i := strings.Index(rt.Path, "+}"); i >= 0 && i+2 != len(rt.Path) {
			w.faults.add(e.Get("Path").Line, r.ID, join(path, "Path"), "a greedy variable must come last")
		}
		rt.Key = rt.Method + " " + rt.Path
	}
	if ms := e.Get("TimeoutInMillis"); ms != nil {
		rt.Timeout = time.Duration(w.within(r, ms, join(path, "TimeoutInMillis"), ms.Int(0), 50, 30000)) * time.Millisecond
	}
	for _, other := range api.Routes {
		if other.Key == rt.Key {
			w.faults.add(e.Line, r.ID, path, "route %q is taken by %s", rt.Key, other.Function)
		}
	}
	def := ""
	if res := w.t.Resources[api.ID]; res != nil {
		def = res.Properties.At("Auth", "DefaultAuthorizer").Text()
	}
	rt.Authorizer = def
	if a := e.At("Auth", "Authorizer"); a != nil {
		rt.Authorizer = a.Text()
		if rt.Authorizer == "NONE" {
			rt.Authorizer = ""
		} else if _, ok := api.Authorizers[rt.Authorizer]; !ok {
			w.faults.add(a.Line, r.ID, join(path, "Auth.Authorizer"), "%s has no authorizer %q", api.ID, a.Text())
		}
	}
	api.Routes = append(api.Routes, rt)
}

func (w *wirer) httpAPIFor(r *Resource, e *Value, path string) *HTTPAPI {
	id := e.Get("ApiId")
	for _, a := range w.t.HTTPAPIs {
		if id != nil && a.APIID == id.Text() || id == nil && a.ID == "ServerlessHttpApi" {
			return a
		}
	}
	if id == nil { // SAM makes one API for all events that name none
		a := &HTTPAPI{ID: "ServerlessHttpApi", APIID: apiID(w.t.opt.Stack, "ServerlessHttpApi"), Stage: "$default", Authorizers: map[string]Authorizer{}}
		w.t.HTTPAPIs = append(w.t.HTTPAPIs, a)
		return a
	}
	w.faults.add(id.Line, r.ID, join(path, "ApiId"), "%q is not an HTTP API of this template", id.Text())
	return nil
}

const maxWebSocketIntegration = 29 * time.Second

func (w *wirer) webSocket(r *Resource) *WebSocket {
	p := r.Properties
	s := &WebSocket{
		ID: r.ID, APIID: r.Name, Stage: "default", StageVariable: textMap(p.Get("StageVariables")),
		Selection: p.Get("RouteSelectionExpression").Text(), Routes: map[string]WebSocketRoute{},
	}
	if st := p.Get("StageName").Text(); st != "" {
		s.Stage = st
	}
	s.Throttle = throttle(p.Get("DefaultRouteSettings"))
	w.selection(r, p.Get("RouteSelectionExpression"))
	routes := p.Get("Routes")
	for _, key := range routes.Keys() {
		v := routes.Get(key)
		path := "Routes." + key
		if !strings.HasPrefix(key, "$") && !alphanumeric(key) {
			w.faults.add(v.Line, r.ID, path, "SAM wants a route key of letters and digits")
		}
		rt := WebSocketRoute{
			Function: w.functionID(r, v.Get("FunctionArn"), path+".FunctionArn"),
			Reply:    v.Get("RouteResponseSelectionExpression") != nil, Timeout: maxWebSocketIntegration,
		}
		if ms := v.Get("IntegrationTimeout"); ms != nil {
			rt.Timeout = time.Duration(w.within(r, ms, path+".IntegrationTimeout", ms.Int(0), 50, 29000)) * time.Millisecond
		}
		clean := strings.TrimPrefix(key, "$")
		routeID := r.ID + strings.ToUpper(clean[:1]) + strings.ToLower(clean[1:]) + "Route"
		if rt.Reply && !w.hasRouteResponse(r.Name, routeID) {
			w.t.Notes = append(w.t.Notes, r.ID+": route "+key+" has RouteResponseSelectionExpression and no AWS::ApiGatewayV2::RouteResponse (RouteId: !Ref "+routeID+"); AWS documents both as needed for a reply")
		}
		s.Routes[key] = rt
	}
	auth := p.Get("Auth")
	if auth.Get("AuthType").Text() == "CUSTOM" {
		if _, ok := s.Routes["$connect"]; !ok {
			w.faults.add(auth.Line, r.ID, "Auth", "an authorizer needs a $connect route")
		}
		s.Authorizer = &Authorizer{Name: r.ID + "ConnectAuthorizer", Function: w.functionID(r, auth.Get("AuthArn"), "Auth.AuthArn")}
		for _, src := range auth.Get("IdentitySource").Strings() {
			s.Authorizer.Sources = append(s.Authorizer.Sources, strings.ReplaceAll(src, "route.request.", "$request."))
		}
	}
	return s
}

func alphanumeric(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (w *wirer) selection(r *Resource, v *Value) {
	if !strings.HasPrefix(v.Text(), "$request.body.") {
		line := r.Line
		if v != nil {
			line = v.Line
		}
		w.faults.add(line, r.ID, "RouteSelectionExpression", "%q is not served here; want $request.body.NAME", v.Text())
	}
}

func (w *wirer) hasRouteResponse(api, route string) bool {
	return slices.ContainsFunc(w.each("AWS::ApiGatewayV2::RouteResponse"), func(r *Resource) bool {
		return r.Properties.Get("ApiId").Text() == api && r.Properties.Get("RouteId").Text() == route
	})
}

// plainWebSockets makes the WebSocket APIs that are written out in AWS::ApiGatewayV2 resources.
func (w *wirer) plainWebSockets() {
	apis := map[string]*WebSocket{}
	for _, r := range w.each("AWS::ApiGatewayV2::Api") {
		if r.Properties.Get("ProtocolType").Text() != "WEBSOCKET" {
			w.faults.add(r.Line, r.ID, "ProtocolType", "only WEBSOCKET is served here; an HTTP API is an AWS::Serverless::HttpApi")
		}
		w.selection(r, r.Properties.Get("RouteSelectionExpression"))
		s := &WebSocket{ID: r.ID, APIID: r.Name, Selection: r.Properties.Get("RouteSelectionExpression").Text(), Routes: map[string]WebSocketRoute{}}
		apis[r.Name] = s
		w.t.WebSockets = append(w.t.WebSockets, s)
	}
	for _, r := range w.each("AWS::ApiGatewayV2::Stage") {
		if s := apis[r.Properties.Get("ApiId").Text()]; s != nil {
			s.Stage, s.StageVariable = r.Properties.Get("StageName").Text(), textMap(r.Properties.Get("StageVariables"))
			s.Throttle = throttle(r.Properties.Get("DefaultRouteSettings"))
		}
	}
	integrations := map[string]*Resource{}
	for _, r := range w.each("AWS::ApiGatewayV2::Integration") {
		integrations[r.ID] = r
	}
	for _, r := range w.each("AWS::ApiGatewayV2::Route") {
		p := r.Properties
		s := apis[p.Get("ApiId").Text()]
		if s == nil {
			w.faults.add(r.Line, r.ID, "ApiId", "%q is not a WebSocket API written out in this template", p.Get("ApiId").Text())
			continue
		}
		rt := WebSocketRoute{Timeout: maxWebSocketIntegration, Reply: p.Get("RouteResponseSelectionExpression") != nil && w.hasRouteResponse(s.APIID, r.ID)}
		in := integrations[strings.TrimPrefix(p.Get("Target").Text(), "integrations/")]
		if in == nil {
			w.faults.add(r.Line, r.ID, "Target", "want integrations/ and an AWS::ApiGatewayV2::Integration")
			continue
		}
		rt.Function = w.functionID(in, in.Properties.Get("IntegrationUri"), "IntegrationUri")
		if ms := in.Properties.Get("TimeoutInMillis"); ms != nil {
			rt.Timeout = time.Duration(w.within(in, ms, "TimeoutInMillis", ms.Int(0), 50, 29000)) * time.Millisecond
		}
		if f := w.t.Function(rt.Function); f != nil && in.Properties.Get("CredentialsArn") == nil && !w.permitted(f.ARN) {
			w.faults.add(in.Line, in.ID, "IntegrationUri", "API Gateway may not invoke %s: no AWS::Lambda::Permission", f.ID)
		}
		s.Routes[p.Get("RouteKey").Text()] = rt
		if p.Get("AuthorizationType").Text() == "CUSTOM" {
			z := w.t.Resources[p.Get("AuthorizerId").Text()]
			if z == nil || z.Type != "AWS::ApiGatewayV2::Authorizer" || p.Get("RouteKey").Text() != "$connect" {
				w.faults.add(r.Line, r.ID, "AuthorizerId", "want an AWS::ApiGatewayV2::Authorizer, on $connect")
				continue
			}
			s.Authorizer = &Authorizer{Name: z.ID, Function: w.functionID(z, z.Properties.Get("AuthorizerUri"), "AuthorizerUri")}
			for _, src := range z.Properties.Get("IdentitySource").Strings() {
				s.Authorizer.Sources = append(s.Authorizer.Sources, strings.ReplaceAll(src, "route.request.", "$request."))
			}
		}
	}
	for _, s := range slices.SortedFunc(maps.Values(apis), func(a, b *WebSocket) int { return strings.Compare(a.ID, b.ID) }) {
		if s.Stage == "" {
			w.faults.add(w.t.Resources[s.ID].Line, s.ID, "", "has no AWS::ApiGatewayV2::Stage")
		}
	}
}
