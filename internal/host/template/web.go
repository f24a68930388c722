package template

import (
	"fmt"
	"net"
	"strings"
	"time"
)

func (w *wirer) task(r *Resource) *Task {
	t := &Task{ID: r.ID, Statements: w.role(r.Properties.Get("TaskRoleArn").Text())}
	for _, v := range r.Properties.Get("ContainerDefinitions").List() {
		c := Container{
			Name: v.Get("Name").Text(), Image: v.Get("Image").Text(), Environment: map[string]string{},
			StopTimeout: seconds(v.Get("StopTimeout").Int(30)),
		}
		if c.StopTimeout > 2*time.Minute {
			w.faults.add(v.Get("StopTimeout").Line, r.ID, "ContainerDefinitions.StopTimeout", "%v is longer than the 120 s that Fargate allows", c.StopTimeout)
		}
		for _, e := range v.Get("Environment").List() {
			c.Environment[e.Get("Name").Text()] = e.Get("Value").Text()
		}
		for _, s := range v.Get("Secrets").List() {
			w.t.Notes = append(w.t.Notes, r.ID+": secret "+s.Get("Name").Text()+" is not set here")
		}
		for _, m := range v.Get("PortMappings").List() {
			c.Ports = append(c.Ports, m.Get("ContainerPort").Int(0))
		}
		t.Containers = append(t.Containers, c)
	}
	return t
}

// What the managed origin request policies of CloudFront forward, by id. Source: the CloudFront developer guide,
// "Use managed origin request policies".
var managedForward = map[string]Forward{
	"216adef6-5c7f-47e4-b989-5492eafa07d3": {Cookies: true, Query: true, Headers: true, Host: true}, // AllViewer
	"b689b0a8-53d0-40ab-baf2-68738e2966ac": {Cookies: true, Query: true, Headers: true},             // AllViewerExceptHostHeader
	"33f36d7e-f396-46d9-90e0-52428a34d9dc": {Cookies: true, Query: true, Headers: true, Host: true}, // AllViewerAndCloudFrontHeaders-2022-06
	"88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": {},                                                      // CORS-S3Origin
	"59781a5b-3903-41f3-afcb-af62929ccde1": {},                                                      // CORS-CustomOrigin
	"acba4595-bd28-49b8-b9fe-13317c0390fa": {},                                                      // UserAgentRefererHeaders
}

func (w *wirer) distribution(r *Resource) *Distribution {
	c := r.Properties.Get("DistributionConfig")
	d := &Distribution{
		ID: r.ID, Domain: strings.ToLower(strings.ToUpper(apiID(w.t.opt.Stack, r.ID))) + ".cloudfront.net",
		RootObject: c.Get("DefaultRootObject").Text(), Errors: map[int]ErrorPage{},
	}
	origins := map[string]*Value{}
	for _, o := range c.Get("Origins").List() {
		origins[o.Get("Id").Text()] = o
	}
	for i, b := range c.Get("CacheBehaviors").List() {
		d.Behaviors = append(d.Behaviors, w.behavior(r, b, origins, fmt.Sprintf("DistributionConfig.CacheBehaviors[%d]", i)))
	}
	d.Behaviors = append(d.Behaviors, w.behavior(r, c.Get("DefaultCacheBehavior"), origins, "DistributionConfig.DefaultCacheBehavior"))
	for _, e := range c.Get("CustomErrorResponses").List() {
		d.Errors[e.Get("ErrorCode").Int(0)] = ErrorPage{Status: e.Get("ResponseCode").Int(0), Page: e.Get("ResponsePagePath").Text()}
	}
	return d
}

func (w *wirer) behavior(r *Resource, v *Value, origins map[string]*Value, path string) Behavior {
	b := Behavior{Pattern: v.Get("PathPattern").Text(), Methods: v.Get("AllowedMethods").Strings()}
	if len(b.Methods) == 0 {
		b.Methods = []string{"GET", "HEAD"}
	}
	o := origins[v.Get("TargetOriginId").Text()]
	if o == nil {
		w.faults.add(v.Line, r.ID, path+".TargetOriginId", "no origin %q", v.Get("TargetOriginId").Text())
		return b
	}
	b.Path = o.Get("OriginPath").Text()
	domain := o.Get("DomainName").Text()
	for _, s := range w.each("AWS::S3::Bucket") {
		if strings.HasPrefix(domain, s.Name+".s3.") {
			b.Bucket = s.ID
		}
	}
	if b.Bucket == "" {
		b.Host = domain
		known := false
		for _, a := range w.each("AWS::Serverless::HttpApi") {
			known = known || strings.HasPrefix(domain, a.Name+".execute-api.")
		}
		for _, typ := range []string{"AWS::Serverless::WebSocketApi", "AWS::ApiGatewayV2::Api"} {
			for _, a := range w.each(typ) {
				known = known || strings.HasPrefix(domain, a.Name+".execute-api.")
			}
		}
		known = known || strings.HasPrefix(domain, apiID(w.t.opt.Stack, "ServerlessHttpApi")+".execute-api.")
		if !known {
			w.faults.add(o.Line, r.ID, path+".TargetOriginId", "origin %q is neither a bucket nor an API of this template", domain)
		}
	}
	b.Forward = w.forward(r, v, path)
	if b.Host != "" && b.Forward.Host {
		w.faults.add(v.Line, r.ID, path+".OriginRequestPolicyId", "forwards the viewer's Host header, which API Gateway refuses; use AllViewerExceptHostHeader")
	}
	if id := v.Get("ResponseHeadersPolicyId"); id != nil {
		b.Headers = w.headers(r, id, path+".ResponseHeadersPolicyId")
	}
	return b
}

func (w *wirer) forward(r *Resource, v *Value, path string) Forward {
	id := v.Get("OriginRequestPolicyId")
	if id == nil {
		return Forward{}
	}
	if f, ok := managedForward[id.Text()]; ok {
		return f
	}
	for _, p := range w.each("AWS::CloudFront::OriginRequestPolicy") {
		if p.Name == id.Text() {
			c := p.Properties.Get("OriginRequestPolicyConfig")
			h := c.At("HeadersConfig", "HeaderBehavior").Text()
			return Forward{
				Cookies: strings.HasPrefix(c.At("CookiesConfig", "CookieBehavior").Text(), "all"),
				Query:   strings.HasPrefix(c.At("QueryStringsConfig", "QueryStringBehavior").Text(), "all"),
				Headers: strings.HasPrefix(h, "all"), Host: strings.HasPrefix(h, "allViewer"),
			}
		}
	}
	w.faults.add(id.Line, r.ID, path+".OriginRequestPolicyId", "policy %q is not understood", id.Text())
	return Forward{}
}

// managedSecurityHeaders is CloudFront's managed policy SecurityHeadersPolicy.
const managedSecurityHeaders = "67f7725c-6f97-4210-82d7-5512b31e9d03"

func (w *wirer) headers(r *Resource, id *Value, path string) Headers {
	var h Headers
	set := func(name, value string, v *Value) {
		h.Set = append(h.Set, Header{name, value, v.Get("Override").Bool()})
	}
	if id.Text() == managedSecurityHeaders {
		h.Set = []Header{
			{"Strict-Transport-Security", "max-age=31536000", false}, {"X-Content-Type-Options", "nosniff", true},
			{"X-Frame-Options", "SAMEORIGIN", false}, {"X-XSS-Protection", "1; mode=block", false},
			{"Referrer-Policy", "strict-origin-when-cross-origin", false},
		}
		return h
	}
	for _, p := range w.each("AWS::CloudFront::ResponseHeadersPolicy") {
		if p.Name != id.Text() {
			continue
		}
		c := p.Properties.Get("ResponseHeadersPolicyConfig")
		s := c.Get("SecurityHeadersConfig")
		if v := s.Get("ContentSecurityPolicy"); v != nil {
			set("Content-Security-Policy", v.Get("ContentSecurityPolicy").Text(), v)
		}
		if v := s.Get("ContentTypeOptions"); v != nil {
			set("X-Content-Type-Options", "nosniff", v)
		}
		if v := s.Get("FrameOptions"); v != nil {
			set("X-Frame-Options", v.Get("FrameOption").Text(), v)
		}
		if v := s.Get("ReferrerPolicy"); v != nil {
			set("Referrer-Policy", v.Get("ReferrerPolicy").Text(), v)
		}
		if v := s.Get("StrictTransportSecurity"); v != nil {
			text := "max-age=" + v.Get("AccessControlMaxAgeSec").Text()
			if v.Get("IncludeSubdomains").Bool() {
				text += "; includeSubDomains"
			}
			if v.Get("Preload").Bool() {
				text += "; preload"
			}
			set("Strict-Transport-Security", text, v)
		}
		if v := s.Get("XSSProtection"); v != nil {
			text := "0"
			if v.Get("Protection").Bool() {
				text = "1"
				if v.Get("ModeBlock").Bool() {
					text += "; mode=block"
				}
			}
			set("X-XSS-Protection", text, v)
		}
		for _, v := range c.At("CustomHeadersConfig", "Items").List() {
			set(v.Get("Header").Text(), v.Get("Value").Text(), v)
		}
		for _, v := range c.At("RemoveHeadersConfig", "Items").List() {
			h.Remove = append(h.Remove, v.Get("Header").Text())
		}
		return h
	}
	w.faults.add(id.Line, r.ID, path, "policy %q is not understood", id.Text())
	return h
}

// Addresses are where the parts of a template are on this machine, without a slash at the end.
type Addresses struct {
	Services string // http://127.0.0.1:8001: DynamoDB, SQS, SNS and @connections
	API      string // http://127.0.0.1:8002: HTTP and WebSocket APIs
	Web      string // http://localhost:8000: the distribution
	Insoles  string // 127.0.0.1:9000: what the load balancers lead to; "" where nothing runs behind them
}

// Local turns the addresses that parts of the template have on AWS, where they occur in s, into those on this
// machine. It is how a program's environment, which the template spells for AWS, is made to work here.
func (t *Template) Local(s string, a Addresses) string {
	var pairs []string
	host := func(id string) string { return id + ".execute-api." + t.opt.Region + ".amazonaws.com" }
	for _, w := range t.WebSockets {
		pairs = append(pairs,
			"https://"+host(w.APIID), a.Services,
			"wss://"+host(w.APIID), "ws"+strings.TrimPrefix(a.API, "http"))
	}
	for _, h := range t.HTTPAPIs {
		pairs = append(pairs, "https://"+host(h.APIID), a.API)
	}
	if t.Distribution != nil {
		pairs = append(pairs, "https://"+t.Distribution.Domain, a.Web)
	}
	for _, r := range t.Resources {
		if r.Type == "AWS::ElasticLoadBalancingV2::LoadBalancer" && a.Insoles != "" {
			name := r.Name + ".elb." + t.opt.Region + ".amazonaws.com"
			if _, port, err := net.SplitHostPort(a.Insoles); err == nil {
				host := strings.TrimSuffix(a.Insoles, ":"+port)
				pairs = append(pairs, name+":9000", a.Insoles, name, host)
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
