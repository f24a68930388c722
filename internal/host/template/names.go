package template

import (
	"hash/fnv"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// nameProperty is the property that gives a resource its physical name.
var nameProperty = map[string]string{
	"AWS::Serverless::Function":                 "FunctionName",
	"AWS::DynamoDB::Table":                      "TableName",
	"AWS::SQS::Queue":                           "QueueName",
	"AWS::SNS::Topic":                           "TopicName",
	"AWS::Logs::LogGroup":                       "LogGroupName",
	"AWS::ECS::Cluster":                         "ClusterName",
	"AWS::ECS::Service":                         "ServiceName",
	"AWS::ECS::TaskDefinition":                  "Family",
	"AWS::S3::Bucket":                           "BucketName",
	"AWS::ECR::Repository":                      "RepositoryName",
	"AWS::IAM::Role":                            "RoleName",
	"AWS::Scheduler::Schedule":                  "Name",
	"AWS::CloudWatch::Alarm":                    "AlarmName",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
	"AWS::ElasticLoadBalancingV2::TargetGroup":  "Name",
}

// name is the physical name of a resource of the template.
func (r *reader) name(id string) string {
	if s, ok := r.names[id]; ok {
		return s
	}
	if r.generated[id] != "" {
		return r.opt.Stack + "-" + id
	}
	n := lookup(r.resourceNodes, id)
	typ := lookup(n, "Type")
	name := r.opt.Stack + "-" + id
	if typ != nil {
		if prop := lookup(lookup(n, "Properties"), nameProperty[typ.Value]); prop != nil {
			if r.naming[id] {
				r.faults.add(prop.Line, id, nameProperty[typ.Value], "refers to itself")
				return name
			}
			r.naming[id] = true
			if v := r.resolve(prop, id, nameProperty[typ.Value]); v.Text() != "" {
				name = v.Text()
			}
			delete(r.naming, id)
		}
		switch typ.Value {
		case "AWS::S3::Bucket", "AWS::ECR::Repository":
			name = strings.ToLower(name)
		case "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi", "AWS::ApiGatewayV2::Api":
			name = apiID(r.opt.Stack, id)
		}
	}
	r.names[id] = name
	return name
}

// apiID makes up the ten letters and digits that API Gateway gives an API, always the same for one stack and id.
func apiID(stack, id string) string {
	h := fnv.New64a()
	h.Write([]byte(stack + "/" + id))
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	n := h.Sum64()
	out := make([]byte, 10)
	for i := range out {
		out[i] = digits[n%36]
		n /= 36
	}
	return string(out)
}

// generateIDs lists the logical ids that SAM makes beside those written down, as far as a template refers to
// them: the role of a function, its event source mappings, rules and schedules, the routes and stage of an API.
func (r *reader) generateIDs() {
	pairs(r.resourceNodes, func(id string, _, n *yaml.Node) {
		typ, props := lookup(n, "Type"), lookup(n, "Properties")
		if typ == nil {
			return
		}
		switch typ.Value {
		case "AWS::Serverless::Function":
			if lookup(props, "Role") == nil {
				r.generated[id+"Role"] = "role"
			}
			pairs(lookup(props, "Events"), func(event string, _, e *yaml.Node) {
				r.generated[id+event] = "event"
				if t := lookup(e, "Type"); t != nil && t.Value == "HttpApi" && lookup(lookup(e, "Properties"), "ApiId") == nil {
					r.generated["ServerlessHttpApi"] = "api"
				}
			})
		case "AWS::Serverless::HttpApi":
			r.generated[id+"ApiGatewayDefaultStage"] = "stage"
		case "AWS::Serverless::WebSocketApi":
			stage := "default"
			if s := lookup(props, "StageName"); s != nil && s.Kind == yaml.ScalarNode {
				stage = s.Value
			}
			if stage == "default" {
				stage = "Default"
			}
			r.generated[id+stage+"Stage"] = "stage"
			pairs(lookup(props, "Routes"), func(route string, _, _ *yaml.Node) {
				clean := strings.TrimPrefix(route, "$")
				if clean != "" {
					// SAM capitalises as Python does: the first letter up, all others down
					clean = strings.ToUpper(clean[:1]) + strings.ToLower(clean[1:])
				}
				r.generated[id+clean+"Route"] = "route"
				r.generated[id+clean+"Integration"] = "integration"
			})
		}
	})
}

// mayRefer reports whether id is there under the conditions of this run, and a fault when it is not.
func (r *reader) mayRefer(id string, line int, where, path string) bool {
	if r.generated[id] != "" {
		return true
	}
	n := lookup(r.resourceNodes, id)
	if n == nil {
		var names []string
		pairs(r.resourceNodes, func(k string, _, _ *yaml.Node) { names = append(names, k) })
		for p := range r.parameters {
			names = append(names, p)
		}
		slices.Sort(names)
		r.faults.add(line, where, path, "no resource or parameter %q%s", id, nearest(id, names))
		return false
	}
	if c := lookup(n, "Condition"); c != nil && !r.condition(c.Value, c.Line, id, "Condition") {
		r.faults.add(line, where, path, "refers to %s, which its condition %s leaves out", id, c.Value)
		return false
	}
	return true
}

func (r *reader) typeOf(id string) string {
	if t := lookup(lookup(r.resourceNodes, id), "Type"); t != nil {
		return t.Value
	}
	return ""
}

func (r *reader) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + r.opt.Region + ":" + r.opt.Account + ":" + rest
}

// refResource is what Ref yields for a resource.
func (r *reader) refResource(id string) string {
	name := r.name(id)
	switch r.typeOf(id) {
	case "AWS::SQS::Queue":
		return r.opt.QueueBase + "/" + r.opt.Account + "/" + name
	case "AWS::SNS::Topic":
		return r.arn("sns", name)
	case "AWS::ECS::TaskDefinition":
		return r.arn("ecs", "task-definition/"+name+":1")
	case "AWS::ECS::Service":
		return r.arn("ecs", "service/"+name)
	case "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::ElasticLoadBalancingV2::Listener":
		return r.arn("elasticloadbalancing", strings.ToLower(strings.TrimPrefix(r.typeOf(id), "AWS::ElasticLoadBalancingV2::"))+"/"+name)
	case "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Authorizer":
		return id
	case "AWS::ApiGatewayV2::Stage":
		return r.resolve(lookup(lookup(lookup(r.resourceNodes, id), "Properties"), "StageName"), id, "StageName").Text()
	case "AWS::CloudFront::Distribution":
		return strings.ToUpper(apiID(r.opt.Stack, id))
	}
	switch r.generated[id] {
	case "route", "integration":
		return id
	case "api":
		return apiID(r.opt.Stack, id)
	case "stage":
		return "$default"
	}
	return name
}

// getAtt is what Fn::GetAtt yields.
func (r *reader) getAtt(id, attr string, line int, where, path string) string {
	if !r.mayRefer(id, line, where, path) {
		return ""
	}
	name := r.name(id)
	if kind := r.generated[id]; kind != "" {
		switch {
		case kind == "role" && attr == "Arn":
			return "arn:aws:iam::" + r.opt.Account + ":role/" + name
		case kind == "event" && attr == "Arn":
			return r.arn("events", "rule/"+name)
		case kind == "api" && attr == "ApiEndpoint":
			return "https://" + apiID(r.opt.Stack, id) + ".execute-api." + r.opt.Region + ".amazonaws.com"
		case kind == "api" && attr == "ApiId":
			return apiID(r.opt.Stack, id)
		}
		r.faults.add(line, where, path, "%s has no attribute %s", id, attr)
		return ""
	}
	typ := r.typeOf(id)
	known, ok := types[typ]
	if !ok {
		return "" // its type is a fault already
	}
	if !slices.Contains(known.attrs, attr) {
		r.faults.add(line, where, path, "%s (%s) has no attribute %s%s", id, typ, attr, nearest(attr, known.attrs))
		return ""
	}
	switch typ + " " + attr {
	case "AWS::Serverless::Function Arn":
		return r.arn("lambda", "function:"+name)
	case "AWS::DynamoDB::Table Arn":
		return r.arn("dynamodb", "table/"+name)
	case "AWS::DynamoDB::Table StreamArn":
		return r.arn("dynamodb", "table/"+name+"/stream/"+streamLabel)
	case "AWS::SQS::Queue Arn":
		return r.arn("sqs", name)
	case "AWS::SQS::Queue QueueName", "AWS::SNS::Topic TopicName":
		return name
	case "AWS::SQS::Queue QueueUrl":
		return r.refResource(id)
	case "AWS::SNS::Topic TopicArn":
		return r.arn("sns", name)
	case "AWS::IAM::Role Arn":
		return "arn:aws:iam::" + r.opt.Account + ":role/" + name
	case "AWS::Logs::LogGroup Arn":
		return r.arn("logs", "log-group:"+name+":*")
	case "AWS::S3::Bucket Arn":
		return "arn:aws:s3:::" + name
	case "AWS::S3::Bucket DomainName":
		return name + ".s3.amazonaws.com"
	case "AWS::S3::Bucket RegionalDomainName":
		return name + ".s3." + r.opt.Region + ".amazonaws.com"
	case "AWS::ECR::Repository RepositoryUri":
		return r.opt.Account + ".dkr.ecr." + r.opt.Region + ".amazonaws.com/" + name
	case "AWS::CloudFront::Distribution DomainName":
		return strings.ToLower(r.refResource(id)) + ".cloudfront.net"
	case "AWS::ElasticLoadBalancingV2::LoadBalancer DNSName":
		return name + ".elb." + r.opt.Region + ".amazonaws.com"
	}
	switch attr {
	case "ApiEndpoint":
		scheme := "https://"
		if typ != "AWS::Serverless::HttpApi" {
			scheme = "wss://"
		}
		return scheme + name + ".execute-api." + r.opt.Region + ".amazonaws.com"
	case "ApiId", "Id", "Name":
		return r.refResource(id)
	case "Arn":
		return r.arn(strings.ToLower(strings.Split(typ, "::")[1]), name)
	}
	return name
}

// streamLabel ends a stream's ARN. A table has one stream for its whole life here, so it is constant, and the
// same that internal/standin uses.
const streamLabel = "2026-01-01T00:00:00.000"
