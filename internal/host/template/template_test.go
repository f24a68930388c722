package template

import (
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every fault is told at once, with line, resource and property.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("templates with faults: %q %v", files, err)
	}
	for _, file := range files {
		o := Options{}
		if strings.HasSuffix(file, "faults.yaml") {
			o.Parameters = map[string]string{"Extra": "1"}
		}
		_, err := Load(file, o)
		var faults Faults
		if !errors.As(err, &faults) {
			t.Errorf("Load(%s) error = %v, want faults", file, err)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".faults"
		got := faults.Error() + "\n"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: faults are\n%s\nwant\n%s", file, got, want)
		}
	}
}

// environment reads a template of one function and returns its environment.
func environment(t *testing.T, head, variables string, o Options) map[string]string {
	t.Helper()
	text := head + `
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {BillingMode: PAY_PER_REQUEST, TableName: things, AttributeDefinitions: [{AttributeName: PK, AttributeType: S}], KeySchema: [{AttributeName: PK, KeyType: HASH}]}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: fn
      Runtime: provided.al2023
      Environment:
        Variables:
` + variables
	tpl, err := Parse([]byte(text), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return tpl.Functions[0].Environment
}

func TestIntrinsics(t *testing.T) {
	head := `
Parameters:
  Stage: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: "a, b ,c"}
  Size: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
Mappings:
  Sizes: {dev: {memory: 128, names: [x, y]}, prod: {memory: 1024, names: [z]}}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  NotProd: !Not [!Condition Prod]
  Both: !And [!Condition NotProd, !Equals [!Ref "AWS::Region", eu-west-3]]
  Either: !Or [!Condition Prod, !Condition Both]
`
	for _, tc := range []struct{ name, value, want string }{
		{"ref parameter", `!Ref Stage`, "dev"},
		{"ref long", `{Ref: Stage}`, "dev"},
		{"ref number", `!Ref Size`, "3"},
		{"ref queue is its URL", `!Ref Queue`, "http://q/000000000000/s-Queue"},
		{"ref table is its name", `!Ref Table`, "things"},
		{"pseudo", `!Sub "${AWS::Region} ${AWS::AccountId} ${AWS::Partition} ${AWS::StackName} ${AWS::URLSuffix}"`, "eu-west-3 000000000000 aws s amazonaws.com"},
		{"getatt", `!GetAtt Queue.Arn`, "arn:aws:sqs:eu-west-3:000000000000:s-Queue"},
		{"getatt long", `{"Fn::GetAtt": [Queue, QueueName]}`, "s-Queue"},
		{"getatt of a role that SAM makes", `!GetAtt FRole.Arn`, "arn:aws:iam::000000000000:role/s-FRole"},
		{"sub", `!Sub "${Table}/${Queue.Arn}/${!Literal}"`, "things/arn:aws:sqs:eu-west-3:000000000000:s-Queue/${Literal}"},
		{"sub with map", `!Sub ["${A}-${Stage}", {A: !Ref Table}]`, "things-dev"},
		{"join", `!Join ["-", [a, !Ref Stage, !Ref Table]]`, "a-dev-things"},
		{"join a list parameter", `!Join ["", !Ref Zones]`, "abc"},
		{"select", `!Select [1, !Ref Zones]`, "b"},
		{"split", `!Select [1, !Split ["/", "a/b/c"]]`, "b"},
		{"find in map", `!FindInMap [Sizes, !Ref Stage, memory]`, "128"},
		{"find a list in a map", `!Select [1, !FindInMap [Sizes, dev, names]]`, "y"},
		{"if", `!If [Prod, yes-prod, no-prod]`, "no-prod"},
		{"if nested", `!If [Either, !If [Both, both, one], none]`, "both"},
		{"no value", `!If [Prod, x, !Ref "AWS::NoValue"]`, ""},
		{"quoted", `"007"`, "007"},
		{"boolean", `true`, "true"},
	} {
		got := environment(t, head, "          V: "+tc.value+"\n", Options{Stack: "s", QueueBase: "http://q"})
		if got["V"] != tc.want {
			t.Errorf("%s: %s = %q, want %q", tc.name, tc.value, got["V"], tc.want)
		}
		if _, there := got["V"]; there == (tc.name == "no value") {
			t.Errorf("%s: present = %v", tc.name, there)
		}
	}
	if got := environment(t, head, "          V: !If [Prod, yes, no]\n", Options{Parameters: map[string]string{"Stage": "prod"}})["V"]; got != "yes" {
		t.Errorf("with Stage=prod: %q", got)
	}
}

func TestParametersAreChecked(t *testing.T) {
	head := "Parameters: {P: {Type: %s}}\nResources: {Queue: {Type: AWS::SQS::Queue}}\n"
	for _, tc := range []struct{ name, def, value, want string }{
		{"allowed", "String, AllowedValues: [a, b]", "c", `"c" is not one of a, b`},
		{"pattern", `String, AllowedPattern: "[a-z]+"`, "A", `"A" does not match [a-z]+`},
		{"whole pattern", `String, AllowedPattern: "[a-z]+"`, "a1", `"a1" does not match`},
		{"number", "Number", "x", `"x" is not a number`},
		{"low", "Number, MinValue: 3", "2", `"2" breaks MinValue 3`},
		{"high", "Number, MaxValue: 3", "4", `"4" breaks MaxValue 3`},
		{"short", "String, MinLength: 3", "ab", `"ab" breaks MinLength 3`},
		{"kept elsewhere", "AWS::SSM::Parameter::Value<String>", "ab", "cannot be read here"},
	} {
		_, err := Parse([]byte(strings.Replace(head, "%s", tc.def, 1)), Options{Parameters: map[string]string{"P": tc.value}})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error = %v, want %s", tc.name, err, tc.want)
		}
	}
	if _, err := Parse([]byte(strings.Replace(head, "%s", `Number, MinValue: 1, MaxValue: 3`, 1)), Options{Parameters: map[string]string{"P": "2"}}); err != nil {
		t.Errorf("a good value: %v", err)
	}
}

func TestGlobalsAreMerged(t *testing.T) {
	tpl, err := Parse([]byte(`
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 7
    MemorySize: 256
    Environment: {Variables: {A: global, B: global}}
    Architectures: [arm64]
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: fn, Timeout: 9, Environment: {Variables: {B: own, C: own}}, Architectures: [x86_64]}
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := tpl.Functions[0]
	if f.Timeout != 9*time.Second || f.Memory != 256 || !maps.Equal(f.Environment, map[string]string{"A": "global", "B": "own", "C": "own"}) {
		t.Errorf("function = %+v", f)
	}
	if a := tpl.Resources["F"].Properties.Get("Architectures").Strings(); !slices.Equal(a, []string{"x86_64"}) {
		t.Errorf("architectures = %q", a)
	}
}

func TestPlainWebSocketAPI(t *testing.T) {
	tpl, err := Parse([]byte(`
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: fn, Runtime: provided.al2023}}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: x, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: live, AutoDeploy: true}}
  In:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationUri: !Sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
  Hello:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: hello, Target: !Sub "integrations/${In}", RouteResponseSelectionExpression: $default}
  HelloAnswer: {Type: AWS::ApiGatewayV2::RouteResponse, Properties: {ApiId: !Ref Api, RouteId: !Ref Hello, RouteResponseKey: $default}}
  May: {Type: AWS::Lambda::Permission, Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref F, Principal: apigateway.amazonaws.com}}
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := tpl.WebSockets[0]
	if s.Stage != "live" || s.Selection != "$request.body.action" || !s.Routes["hello"].Reply || s.Routes["hello"].Function != "F" {
		t.Errorf("API = %+v", s)
	}
}

func TestAllowed(t *testing.T) {
	tpl, err := Parse([]byte(`
Resources:
  Queue: {Type: AWS::SQS::Queue}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: fn
      Runtime: provided.al2023
      Policies:
        - AWSLambdaBasicExecutionRole
        - SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
        - Statement:
            - {Effect: Allow, Action: "dynamodb:Get*", Resource: "arn:aws:dynamodb:*:*:table/a*"}
            - {Effect: Deny, Action: dynamodb:GetItem, Resource: "arn:aws:dynamodb:eu-west-3:000000000000:table/ab?"}
`), Options{Stack: "s"})
	if err != nil {
		t.Fatal(err)
	}
	const table = "arn:aws:dynamodb:eu-west-3:000000000000:table/"
	for _, tc := range []struct {
		action, resource string
		want             bool
	}{
		{"sqs:SendMessage", "arn:aws:sqs:eu-west-3:000000000000:s-Queue", true},
		{"sqs:ReceiveMessage", "arn:aws:sqs:eu-west-3:000000000000:s-Queue", false},
		{"sqs:SendMessage", "arn:aws:sqs:eu-west-3:000000000000:s-Queue2", false},
		{"dynamodb:GetItem", table + "a", true},
		{"DynamoDB:getitem", table + "aaa", true},
		{"dynamodb:GetItem", table + "abc", false}, // denied
		{"dynamodb:PutItem", table + "a", false},
		{"dynamodb:GetItem", table + "b", false},
	} {
		if got := Allowed(tpl.Functions[0].Statements, tc.action, tc.resource); got != tc.want {
			t.Errorf("Allowed(%s, %s) = %v, want %v", tc.action, tc.resource, got, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("seeds: %q %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse([]byte(text), Options{}) // faults are fine; panics are not
	})
}
