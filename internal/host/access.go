package host

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"solewatch/internal/host/template"
)

// access lets a program of the template do what its role may do there and nothing else, so that a permission
// that is missing is missing here too. Every program has an access key id of its own; any other key is an
// operator's, who may do everything. The conditions of statements are not looked at.
func (s *System) access(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.keysMu.RLock()
		may, bound := s.keys[accessKeyOf(r)]
		s.keysMu.RUnlock()
		if !bound || strings.HasPrefix(r.URL.Path, "/_standin/") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for _, c := range s.calls(r, body) {
			if !template.Allowed(may, c.action, c.resource) {
				s.log.Error("access denied: the template does not grant it", "who", accessKeyOf(r), "action", c.action, "resource", c.resource)
				deny(w, r, c)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// accessKeyOf is the access key id of a signed request, "" when it is not signed.
func accessKeyOf(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(rest, "/")
	return key
}

// A permission is what IAM is asked about a call.
type permission struct{ action, resource string }

// calls lists the permissions that a request needs. A request of no service that is served needs none: the
// stand-in refuses it by itself.
func (s *System) calls(r *http.Request, body []byte) []permission {
	service, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case ok && strings.HasPrefix(service, "DynamoDB"):
		return s.tableCalls(op, body)
	case ok && service == "AmazonSQS":
		name := member(body, "QueueName")
		if u := member(body, "QueueUrl"); u != "" {
			name = u[strings.LastIndexByte(u, '/')+1:]
		}
		return []permission{{"sqs:" + strings.TrimSuffix(op, "Batch"), s.Standin.QueueARN(name)}}
	case strings.Contains(r.URL.Path, "/@connections/"):
		stage, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		for _, a := range s.Template.WebSockets {
			if a.Stage == stage {
				return []permission{{"execute-api:ManageConnections", "arn:aws:execute-api:" + region + ":" + account + ":" + a.APIID + "/" + stage + "/" + r.Method + "/" + rest}}
			}
		}
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return nil
	}
	resource := "*" // a telephone number has no ARN
	for _, name := range []string{"TopicArn", "TargetArn", "SubscriptionArn"} {
		if v := form.Get(name); v != "" {
			resource = v
		}
	}
	if form.Get("Action") == "CreateTopic" {
		resource = s.Standin.TopicARN(form.Get("Name"))
	}
	return []permission{{"sns:" + form.Get("Action"), resource}}
}

func (s *System) tableCalls(op string, body []byte) []permission {
	arn := func(name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return s.Standin.TableARN(name)
	}
	switch op {
	case "BatchGetItem", "BatchWriteItem":
		var in struct{ RequestItems map[string]json.RawMessage }
		if json.Unmarshal(body, &in) != nil {
			return nil
		}
		var out []permission
		for name := range in.RequestItems {
			out = append(out, permission{"dynamodb:" + op, arn(name)})
		}
		return out
	case "TransactWriteItems", "TransactGetItems":
		var in struct {
			TransactItems []map[string]struct{ TableName string }
		}
		if json.Unmarshal(body, &in) != nil {
			return nil
		}
		var out []permission
		for _, item := range in.TransactItems {
			for kind, t := range item { // Put, Update, Delete, Get, ConditionCheck
				out = append(out, permission{"dynamodb:" + kind + "Item", arn(t.TableName)})
			}
		}
		return out
	}
	resource := arn(member(body, "TableName"))
	if ix := member(body, "IndexName"); ix != "" {
		resource += "/index/" + ix
	}
	return []permission{{"dynamodb:" + op, resource}}
}

// member finds a text member of a JSON object without reading the object, which may be large: inside a JSON text
// the quotes would be escaped, and an attribute of that name has an object as its value.
func member(body []byte, name string) string {
	for _, colon := range []string{`":"`, `": "`} {
		_, rest, found := bytes.Cut(body, []byte(`"`+name+colon))
		if !found {
			continue
		}
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return ""
		}
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(string(rest[:end]), `\/`, "/") + `"`)
		if err != nil {
			return ""
		}
		return s
	}
	return ""
}

// deny answers as the service does.
func deny(w http.ResponseWriter, r *http.Request, c permission) {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		accessKeyOf(r), c.action, c.resource, c.action)
	b, err := json.Marshal(map[string]string{"__type": "com.amazon.coral.service#AccessDeniedException", "message": text, "Message": text})
	if err != nil {
		b = nil // texts always marshal
	}
	status := http.StatusForbidden
	switch strings.Split(c.action, ":")[0] {
	case "dynamodb":
		status = http.StatusBadRequest
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	case "sqs":
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	case "sns":
		w.Header().Set("Content-Type", "text/xml")
		var x bytes.Buffer
		if xml.EscapeText(&x, []byte(text)) == nil {
			b = []byte(`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>` + x.String() + `</Message></Error></ErrorResponse>`)
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that is gone cannot be told
}
