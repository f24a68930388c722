package template

import "time"

// A Template is what one machine can run of a SAM template.
type Template struct {
	Resources     map[string]*Resource // those that exist under the parameters given
	Functions     []*Function
	Tables        []*Table
	Queues        []*Queue
	Topics        []*Resource
	Subscriptions []Subscription
	HTTPAPIs      []*HTTPAPI
	WebSockets    []*WebSocket
	Schedules     []*Schedule
	Tasks         []*Task
	Distribution  *Distribution // nil when the template has none
	Outputs       map[string]string

	// Nothing are the ids of resources that are understood and have nothing to run.
	Nothing []string
	// Notes are remarks for whoever starts the system: what the template asks for and this machine leaves out.
	Notes []string

	order []string // of Resources
	opt   Options
}

// A Function is one AWS::Serverless::Function.
type Function struct {
	ID, Name, ARN string
	CodeURI       string // folder of its program, relative to the template
	Memory        int    // MB
	Timeout       time.Duration
	Reserved      int // ReservedConcurrentExecutions; -1 when none is reserved
	Environment   map[string]string
	Async         Async
	Queues        []QueueMapping
	Streams       []StreamMapping
	Statements    []Statement // what its role may do
	line          int
}

// Async says what becomes of an invocation that nobody waits for.
type Async struct {
	Retries   int           // after the first try
	MaxAge    time.Duration // of an event
	DeadARN   string        // DeadLetterQueue: gets the event as it was; "" when none
	OnFailure string        // gets an invocation record; "" when none
	OnSuccess string
}

// A QueueMapping polls a queue for a function.
type QueueMapping struct {
	ID          string // unique in the template
	QueueARN    string
	BatchSize   int
	Window      time.Duration
	Partial     bool // ReportBatchItemFailures
	Filters     []string
	Concurrency int // ScalingConfig.MaximumConcurrency; 0 when none
}

// A StreamMapping reads a table's stream for a function.
type StreamMapping struct {
	ID         string
	StreamARN  string
	BatchSize  int
	Window     time.Duration
	Latest     bool // StartingPosition LATEST
	Partial    bool
	Filters    []string
	Bisect     bool
	Retries    int           // -1: until the records expire
	MaxAge     time.Duration // 0: until the records expire
	Parallel   int
	OnFailure  string // ARN; "" when none
	TableName  string
	StreamView string
}

// A Table is one AWS::DynamoDB::Table.
type Table struct {
	ID, Name     string
	Partition    Attribute
	Sort         Attribute // Name "" when there is none
	Indexes      []Index
	TTLAttribute string
	StreamView   string
}

// An Attribute is a key attribute and its type, S, N or B.
type Attribute struct{ Name, Type string }

// An Index is one global secondary index.
type Index struct {
	Name            string
	Partition, Sort Attribute
	Projection      string
	Include         []string
}

// A Queue is one AWS::SQS::Queue. Durations are 0 where the template leaves AWS's default.
type Queue struct {
	ID, Name, ARN                      string
	Visibility, Retention, Delay, Wait time.Duration
	DeadARN                            string
	MaxReceives                        int
}

// A Subscription is one e-mail or SMS subscription that the template itself makes.
type Subscription struct {
	TopicARN, Protocol, Endpoint string
	FilterPolicy                 string // JSON; "" when none
}

// An HTTPAPI is one AWS::Serverless::HttpApi.
type HTTPAPI struct {
	ID, APIID     string
	Stage         string // "$default" has no path prefix
	StageVariable map[string]string
	Routes        []HTTPRoute
	Authorizers   map[string]Authorizer
	CORS          *CORS
	Throttle      Throttle
}

// Throttle is DefaultRouteSettings: a token bucket. A zero one does not throttle.
type Throttle struct {
	Rate  int // a second
	Burst int
}

// An HTTPRoute sends requests to a function.
type HTTPRoute struct {
	Key        string // "GET /api/{proxy+}", "ANY /x" or "$default"
	Method     string // "ANY" or one method; "" for $default
	Path       string // "" for $default
	Function   string // logical id
	Authorizer string // "" when open to all
	Timeout    time.Duration
}

// An Authorizer is a function that decides who may call a route.
type Authorizer struct {
	Name     string
	Function string   // logical id
	Sources  []string // "$request.header.Cookie"
	TTL      time.Duration
}

// CORS is CorsConfiguration.
type CORS struct {
	Origins, Methods, Headers, Expose []string
	MaxAge                            int // seconds
	Credentials                       bool
}

// A WebSocket is one WebSocket API with its one stage.
type WebSocket struct {
	ID, APIID     string
	Stage         string
	StageVariable map[string]string
	Selection     string // "$request.body.action"
	Routes        map[string]WebSocketRoute
	Authorizer    *Authorizer // of $connect
	Throttle      Throttle
}

// A WebSocketRoute sends one kind of message to a function.
type WebSocketRoute struct {
	Function string // logical id
	Reply    bool   // has a route response: what the function returns goes back to the client
	Timeout  time.Duration
}

// A Schedule invokes a function at times.
type Schedule struct {
	Name       string // logical id of function and event, or the physical name given
	ARN        string
	Expression string
	Zone       *time.Location
	Input      string // "" when AWS writes the event
	Rule       bool   // EventBridge rule (SAM Schedule), else EventBridge Scheduler
	Function   string // logical id
	Enabled    bool
	Async      Async
}

// A Task is one AWS::ECS::TaskDefinition.
type Task struct {
	ID         string
	Containers []Container
	Statements []Statement // what its task role may do
}

// A Container is one program of a task.
type Container struct {
	Name        string
	Image       string
	Environment map[string]string
	Ports       []int
	StopTimeout time.Duration
}

// A Distribution is the template's CloudFront distribution.
type Distribution struct {
	ID         string
	Domain     string
	RootObject string
	Behaviors  []Behavior // in order of choice; the last is the default one, with Pattern ""
	Errors     map[int]ErrorPage
}

// A Behavior is one cache behaviour.
type Behavior struct {
	Pattern string
	Methods []string
	Bucket  string // logical id, for an S3 origin
	Host    string // for another origin
	Path    string // OriginPath
	Forward Forward
	Headers Headers
}

// Forward says what of a request reaches the origin.
type Forward struct {
	Cookies, Query, Headers bool // all of them, or none
	Host                    bool // the viewer's Host header as well
}

// Headers is a response headers policy.
type Headers struct {
	Set    []Header
	Remove []string
}

// A Header is one header of a response headers policy.
type Header struct {
	Name, Value string
	Override    bool
}

// An ErrorPage replaces an answer with a status of CustomErrorResponses.
type ErrorPage struct {
	Status int // 0: as it was
	Page   string
}

// Function returns the function with the logical id, nil when there is none.
func (t *Template) Function(id string) *Function {
	for _, f := range t.Functions {
		if f.ID == id {
			return f
		}
	}
	return nil
}
