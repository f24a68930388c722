package template

import (
	"strings"
)

// A Statement is one statement of a role's policies.
type Statement struct {
	Deny      bool
	Actions   []string // "dynamodb:GetItem", "sqs:SendMessage*"
	Resources []string // ARNs with * and ?
}

// Allowed reports whether statements let an action be done on a resource: one allows it and none denies it.
func Allowed(statements []Statement, action, resource string) bool {
	ok := false
	for _, s := range statements {
		if !anyMatch(s.Actions, action, true) || !anyMatch(s.Resources, resource, false) {
			continue
		}
		if s.Deny {
			return false
		}
		ok = true
	}
	return ok
}

func anyMatch(patterns []string, s string, fold bool) bool {
	for _, p := range patterns {
		if fold {
			p, s = strings.ToLower(p), strings.ToLower(s)
		}
		if wild(p, s) {
			return true
		}
	}
	return false
}

// wild matches s against a pattern in which * is any text and ? any one byte.
func wild(p, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == s[j] || p[i] == '?'):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// policyTemplates are the SAM policy templates that this product's services have, as SAM expands them: actions,
// and resources with the one parameter in braces.
var policyTemplates = map[string]struct {
	param     string
	actions   []string
	resources []string
}{
	"SQSPollerPolicy": {"QueueName", []string{"sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage",
		"sqs:DeleteMessageBatch", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, []string{"sqs {}"}},
	"SQSSendMessagePolicy": {"QueueName", []string{"sqs:SendMessage*"}, []string{"sqs {}"}},
	"DynamoDBCrudPolicy": {"TableName", []string{"dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query",
		"dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:ConditionCheckItem"},
		[]string{"dynamodb table/{}", "dynamodb table/{}/index/*"}},
	"DynamoDBReadPolicy": {"TableName", []string{"dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"},
		[]string{"dynamodb table/{}", "dynamodb table/{}/index/*"}},
	"DynamoDBWritePolicy": {"TableName", []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"},
		[]string{"dynamodb table/{}", "dynamodb table/{}/index/*"}},
	"SNSPublishMessagePolicy": {"TopicName", []string{"sns:Publish"}, []string{"sns {}"}},
	"SNSCrudPolicy": {"TopicName", []string{"sns:ListSubscriptionsByTopic", "sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:Publish"},
		[]string{"sns {}*"}},
	"LambdaInvokePolicy": {"FunctionName", []string{"lambda:InvokeFunction"}, []string{"lambda function:{}*"}},
}

// policies are the statements of a function's role: its Policies, or the role it names.
func (w *wirer) policies(r *Resource, p *Value) []Statement {
	if role := p.Get("Role"); role != nil {
		return w.role(role.Text())
	}
	var out []Statement
	for _, v := range p.Get("Policies").List() {
		switch {
		case v.IsScalar(): // a managed policy: logs and tracing, which nothing here asks for
			w.t.Notes = append(w.t.Notes, r.ID+": managed policy "+v.Text()+" grants nothing here")
		case v.Get("Statement") != nil:
			out = append(out, w.statements(r, v)...)
		default:
			for _, name := range v.Keys() {
				t, ok := policyTemplates[name]
				if !ok {
					w.faults.add(v.Line, r.ID, "Policies", "policy template %q is not understood", name)
					continue
				}
				arg := v.At(name, t.param).Text()
				if arg == "" {
					w.faults.add(v.Line, r.ID, "Policies", "%s wants %s", name, t.param)
				}
				s := Statement{Actions: t.actions}
				for _, res := range t.resources {
					service, rest, _ := strings.Cut(strings.ReplaceAll(res, "{}", arg), " ")
					s.Resources = append(s.Resources, w.arn(service, rest))
				}
				out = append(out, s)
			}
		}
	}
	return append(out, w.attached("arn:aws:iam::"+w.t.opt.Account+":role/"+w.t.opt.Stack+"-"+r.ID+"Role")...)
}

// role are the statements of an AWS::IAM::Role by its ARN, with the policies attached from outside.
func (w *wirer) role(arn string) []Statement {
	var out []Statement
	for _, r := range w.each("AWS::IAM::Role") {
		if arn == "arn:aws:iam::"+w.t.opt.Account+":role/"+r.Name || arn == r.Name {
			for _, p := range r.Properties.Get("Policies").List() {
				out = append(out, w.statements(r, p.Get("PolicyDocument"))...)
			}
		}
	}
	return append(out, w.attached(arn)...)
}

func (w *wirer) attached(arn string) []Statement {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	var out []Statement
	for _, typ := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		for _, r := range w.each(typ) {
			for _, role := range r.Properties.Get("Roles").Strings() {
				if role == name {
					out = append(out, w.statements(r, r.Properties.Get("PolicyDocument"))...)
				}
			}
		}
	}
	return out
}

func (w *wirer) statements(r *Resource, doc *Value) []Statement {
	var out []Statement
	for _, v := range doc.Get("Statement").List() {
		for _, k := range v.Keys() {
			switch k {
			case "Sid", "Effect", "Action", "Resource":
			case "Condition":
				w.t.Notes = append(w.t.Notes, r.ID+": the Condition of a policy statement is not looked at here")
			default:
				w.faults.add(v.Line, r.ID, "Policies", "%s in a statement is not understood", k)
			}
		}
		out = append(out, Statement{Deny: v.Get("Effect").Text() == "Deny", Actions: v.Get("Action").Strings(), Resources: v.Get("Resource").Strings()})
	}
	return out
}
