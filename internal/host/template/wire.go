package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"solewatch/internal/host/filter"
	"solewatch/internal/host/schedule"
)

// wirer makes the parts of a Template from its resources.
type wirer struct {
	t      *Template
	faults *faultList
	byARN  map[string]*Resource
}

func (w *wirer) wire() {
	w.byARN = map[string]*Resource{}
	for _, r := range w.each("AWS::SQS::Queue") {
		w.byARN[w.arn("sqs", r.Name)] = r
	}
	for _, r := range w.each("AWS::SNS::Topic") {
		w.byARN[w.arn("sns", r.Name)] = r
	}
	for _, r := range w.each("AWS::DynamoDB::Table") {
		w.byARN[w.arn("dynamodb", "table/"+r.Name+"/stream/"+streamLabel)] = r
	}
	for _, r := range w.each("AWS::Serverless::Function") {
		w.byARN[w.arn("lambda", "function:"+r.Name)] = r
	}
	for _, id := range w.t.order {
		if !w.t.Resources[id].Runs {
			w.t.Nothing = append(w.t.Nothing, id)
		}
	}
	for _, r := range w.each("AWS::DynamoDB::Table") {
		w.t.Tables = append(w.t.Tables, w.table(r))
	}
	for _, r := range w.each("AWS::SQS::Queue") {
		w.t.Queues = append(w.t.Queues, w.queue(r))
	}
	w.topics()
	for _, r := range w.each("AWS::Serverless::HttpApi") {
		w.t.HTTPAPIs = append(w.t.HTTPAPIs, w.httpAPI(r))
	}
	for _, r := range w.each("AWS::Serverless::Function") {
		w.t.Functions = append(w.t.Functions, w.function(r))
	}
	for _, r := range w.each("AWS::Lambda::EventSourceMapping") {
		w.mapping(r)
	}
	for _, r := range w.each("AWS::Scheduler::Schedule") {
		w.scheduler(r)
	}
	for _, r := range w.each("AWS::Serverless::WebSocketApi") {
		w.t.WebSockets = append(w.t.WebSockets, w.webSocket(r))
	}
	w.plainWebSockets()
	for _, r := range w.each("AWS::ECS::TaskDefinition") {
		w.t.Tasks = append(w.t.Tasks, w.task(r))
	}
	for _, r := range w.each("AWS::CloudFront::Distribution") {
		if w.t.Distribution != nil {
			w.faults.add(r.Line, r.ID, "", "a second distribution is not served here")
			continue
		}
		w.t.Distribution = w.distribution(r)
	}
}

// each returns the resources of a type in the order of the file.
func (w *wirer) each(typ string) []*Resource {
	var out []*Resource
	for _, id := range w.t.order {
		if r := w.t.Resources[id]; r.Type == typ {
			out = append(out, r)
		}
	}
	return out
}

func (w *wirer) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + w.t.opt.Region + ":" + w.t.opt.Account + ":" + rest
}

// within reports a number outside its range.
func (w *wirer) within(r *Resource, v *Value, path string, n, low, high int) int {
	if n < low || n > high {
		line := r.Line
		if v != nil {
			line = v.Line
		}
		w.faults.add(line, r.ID, path, "%d is not within %d and %d", n, low, high)
	}
	return n
}

// target checks that an ARN names a resource of this template of one of the types.
func (w *wirer) target(r *Resource, v *Value, path string, types ...string) string {
	arn := v.Text()
	if arn == "" {
		return ""
	}
	to := w.byARN[arn]
	if to == nil || !slices.Contains(types, to.Type) {
		w.faults.add(v.Line, r.ID, path, "%s is not a %s of this template", arn, strings.Join(types, " or "))
	}
	return arn
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func (w *wirer) table(r *Resource) *Table {
	p := r.Properties
	types := map[string]string{}
	used := map[string]bool{}
	for _, a := range p.Get("AttributeDefinitions").List() {
		types[a.Get("AttributeName").Text()] = a.Get("AttributeType").Text()
	}
	keys := func(v *Value, path string) (hash, sort Attribute) {
		for _, k := range v.List() {
			name := k.Get("AttributeName").Text()
			used[name] = true
			if types[name] == "" {
				w.faults.add(k.Line, r.ID, path, "key attribute %q is not in AttributeDefinitions", name)
			}
			a := Attribute{name, types[name]}
			if k.Get("KeyType").Text() == "HASH" {
				hash = a
			} else {
				sort = a
			}
		}
		if hash.Name == "" {
			w.faults.add(v.Line, r.ID, path, "has no HASH key")
		}
		return hash, sort
	}
	t := &Table{ID: r.ID, Name: r.Name, StreamView: p.At("StreamSpecification", "StreamViewType").Text()}
	t.Partition, t.Sort = keys(p.Get("KeySchema"), "KeySchema")
	for i, g := range p.Get("GlobalSecondaryIndexes").List() {
		ix := Index{Name: g.Get("IndexName").Text(), Projection: "ALL", Include: g.At("Projection", "NonKeyAttributes").Strings()}
		if s := g.At("Projection", "ProjectionType").Text(); s != "" {
			ix.Projection = s
		}
		ix.Partition, ix.Sort = keys(g.Get("KeySchema"), fmt.Sprintf("GlobalSecondaryIndexes[%d].KeySchema", i))
		t.Indexes = append(t.Indexes, ix)
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if !used[name] {
			w.faults.add(p.Get("AttributeDefinitions").Line, r.ID, "AttributeDefinitions", "%q is no key of the table or an index", name)
		}
	}
	if p.Get("BillingMode").Text() != "PAY_PER_REQUEST" {
		w.faults.add(r.Line, r.ID, "BillingMode", "only PAY_PER_REQUEST is served here")
	}
	if ttl := p.Get("TimeToLiveSpecification"); ttl.Get("Enabled").Bool() {
		t.TTLAttribute = ttl.Get("AttributeName").Text()
	}
	return t
}

func (w *wirer) queue(r *Resource) *Queue {
	p := r.Properties
	num := func(name string, def, low, high int) time.Duration {
		return seconds(w.within(r, p.Get(name), name, p.Get(name).Int(def), low, high))
	}
	q := &Queue{
		ID: r.ID, Name: r.Name, ARN: w.arn("sqs", r.Name),
		Visibility: num("VisibilityTimeout", 30, 0, 43200),
		Retention:  num("MessageRetentionPeriod", 345600, 60, 1209600),
		Delay:      num("DelaySeconds", 0, 0, 900),
		Wait:       num("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
	}
	if strings.HasSuffix(r.Name, ".fifo") {
		w.faults.add(r.Line, r.ID, "QueueName", "FIFO queues are not served here")
	}
	if red := p.Get("RedrivePolicy"); red != nil {
		q.DeadARN = w.target(r, red.Get("deadLetterTargetArn"), "RedrivePolicy.deadLetterTargetArn", "AWS::SQS::Queue")
		q.MaxReceives = w.within(r, red.Get("maxReceiveCount"), "RedrivePolicy.maxReceiveCount", red.Get("maxReceiveCount").Int(0), 1, 1000)
	}
	return q
}

func (w *wirer) topics() {
	for _, r := range w.each("AWS::SNS::Topic") {
		w.t.Topics = append(w.t.Topics, r)
		for _, s := range r.Properties.Get("Subscription").List() {
			w.t.Subscriptions = append(w.t.Subscriptions, Subscription{
				TopicARN: w.arn("sns", r.Name), Protocol: s.Get("Protocol").Text(), Endpoint: s.Get("Endpoint").Text(),
			})
		}
	}
	for _, r := range w.each("AWS::SNS::Subscription") {
		s := Subscription{
			TopicARN: w.target(r, r.Properties.Get("TopicArn"), "TopicArn", "AWS::SNS::Topic"),
			Protocol: r.Properties.Get("Protocol").Text(), Endpoint: r.Properties.Get("Endpoint").Text(),
		}
		if f := r.Properties.Get("FilterPolicy"); f != nil {
			s.FilterPolicy = string(f.JSON())
		}
		w.t.Subscriptions = append(w.t.Subscriptions, s)
	}
}

func (w *wirer) function(r *Resource) *Function {
	p := r.Properties
	f := &Function{
		ID: r.ID, Name: r.Name, ARN: w.arn("lambda", "function:"+r.Name), line: r.Line,
		CodeURI:     strings.TrimSuffix(p.Get("CodeUri").Text(), "/"),
		Memory:      w.within(r, p.Get("MemorySize"), "MemorySize", p.Get("MemorySize").Int(128), 128, 10240),
		Timeout:     seconds(w.within(r, p.Get("Timeout"), "Timeout", p.Get("Timeout").Int(3), 1, 900)),
		Reserved:    p.Get("ReservedConcurrentExecutions").Int(-1),
		Environment: map[string]string{},
	}
	if f.CodeURI == "" {
		w.faults.add(r.Line, r.ID, "CodeUri", "is required")
	}
	if rt := p.Get("Runtime").Text(); !strings.HasPrefix(rt, "provided.") {
		w.faults.add(r.Line, r.ID, "Runtime", "%q is not served here; want provided.al2023 (a bootstrap program)", rt)
	}
	for _, name := range p.At("Environment", "Variables").Keys() {
		f.Environment[name] = p.At("Environment", "Variables", name).Text()
	}
	f.Async = w.async(r, p.Get("EventInvokeConfig"), p.Get("DeadLetterQueue"))
	f.Statements = w.policies(r, p)
	for _, name := range p.Get("Events").Keys() {
		e := p.At("Events", name, "Properties")
		path := "Events." + name + ".Properties"
		switch p.At("Events", name, "Type").Text() {
		case "SQS":
			if e.Get("Enabled") == nil || e.Get("Enabled").Bool() {
				f.Queues = append(f.Queues, w.queueMapping(r, f, r.ID+name, e, e.Get("Queue"), path, "Queue"))
			}
		case "DynamoDB":
			if e.Get("Enabled") == nil || e.Get("Enabled").Bool() {
				f.Streams = append(f.Streams, w.streamMapping(r, r.ID+name, e, e.Get("Stream"), path, "Stream"))
			}
		case "HttpApi":
			w.httpEvent(r, f, e, path)
		case "Schedule", "ScheduleV2":
			w.schedule(r, f, name, e, path, p.At("Events", name, "Type").Text() == "Schedule")
		}
	}
	return f
}

func (w *wirer) async(r *Resource, v, dead *Value) Async {
	a := Async{
		Retries: w.within(r, v.Get("MaximumRetryAttempts"), "EventInvokeConfig.MaximumRetryAttempts", v.Get("MaximumRetryAttempts").Int(2), 0, 2),
		MaxAge: seconds(w.within(r, v.Get("MaximumEventAgeInSeconds"), "EventInvokeConfig.MaximumEventAgeInSeconds",
			v.Get("MaximumEventAgeInSeconds").Int(21600), 60, 21600)),
	}
	a.DeadARN = w.target(r, dead.Get("TargetArn"), "DeadLetterQueue.TargetArn", "AWS::SQS::Queue", "AWS::SNS::Topic")
	a.OnFailure = w.target(r, v.At("DestinationConfig", "OnFailure", "Destination"),
		"EventInvokeConfig.DestinationConfig.OnFailure.Destination", "AWS::SQS::Queue", "AWS::SNS::Topic")
	a.OnSuccess = w.target(r, v.At("DestinationConfig", "OnSuccess", "Destination"),
		"EventInvokeConfig.DestinationConfig.OnSuccess.Destination", "AWS::SQS::Queue", "AWS::SNS::Topic")
	return a
}

func (w *wirer) partial(r *Resource, e *Value, path string) bool {
	on := false
	for _, v := range e.Get("FunctionResponseTypes").List() {
		if v.Text() != "ReportBatchItemFailures" {
			w.faults.add(v.Line, r.ID, join(path, "FunctionResponseTypes"), "%q is not served here; want ReportBatchItemFailures", v.Text())
		}
		on = true
	}
	return on
}

func (w *wirer) filters(r *Resource, e *Value, path string) []string {
	var out []string
	list := e.At("FilterCriteria", "Filters").List()
	if len(list) > 5 {
		w.faults.add(list[5].Line, r.ID, join(path, "FilterCriteria"), "has %d filters; AWS allows 5", len(list))
	}
	for _, f := range list {
		p := f.Get("Pattern")
		if _, err := filter.Parse([]byte(p.Text())); err != nil {
			w.faults.add(f.Line, r.ID, join(path, "FilterCriteria"), "%v", err)
		}
		out = append(out, p.Text())
	}
	return out
}

func (w *wirer) queueMapping(r *Resource, f *Function, id string, e, source *Value, path, prop string) QueueMapping {
	m := QueueMapping{
		ID: id, QueueARN: w.target(r, source, join(path, prop), "AWS::SQS::Queue"),
		BatchSize: w.within(r, e.Get("BatchSize"), join(path, "BatchSize"), e.Get("BatchSize").Int(10), 1, 10000),
		Window: seconds(w.within(r, e.Get("MaximumBatchingWindowInSeconds"), join(path, "MaximumBatchingWindowInSeconds"),
			e.Get("MaximumBatchingWindowInSeconds").Int(0), 0, 300)),
		Partial: w.partial(r, e, path), Filters: w.filters(r, e, path),
	}
	if m.BatchSize > 10 && m.Window < time.Second {
		w.faults.add(e.Get("BatchSize").Line, r.ID, join(path, "BatchSize"), "a batch over 10 needs MaximumBatchingWindowInSeconds of at least 1")
	}
	if c := e.At("ScalingConfig", "MaximumConcurrency"); c != nil {
		m.Concurrency = w.within(r, c, join(path, "ScalingConfig.MaximumConcurrency"), c.Int(0), 2, 1000)
	}
	if q := w.byARN[m.QueueARN]; q != nil {
		visible := seconds(q.Properties.Get("VisibilityTimeout").Int(30))
		if f != nil && f.Timeout > visible {
			w.faults.add(r.Line, r.ID, "Timeout", "%v is longer than the visibility timeout %v of queue %s; AWS refuses the mapping", f.Timeout, visible, q.ID)
		}
	}
	return m
}

func (w *wirer) streamMapping(r *Resource, id string, e, source *Value, path, prop string) StreamMapping {
	num := func(name string, def, low, high int) int {
		return w.within(r, e.Get(name), join(path, name), e.Get(name).Int(def), low, high)
	}
	m := StreamMapping{
		ID: id, StreamARN: w.target(r, source, join(path, prop), "AWS::DynamoDB::Table"),
		BatchSize: num("BatchSize", 100, 1, 10000),
		Window:    seconds(num("MaximumBatchingWindowInSeconds", 0, 0, 300)),
		Latest:    e.Get("StartingPosition").Text() == "LATEST",
		Partial:   w.partial(r, e, path), Filters: w.filters(r, e, path),
		Bisect:    e.Get("BisectBatchOnFunctionError").Bool(),
		Retries:   num("MaximumRetryAttempts", -1, -1, 10000),
		Parallel:  num("ParallelizationFactor", 1, 1, 10),
		OnFailure: w.target(r, e.At("DestinationConfig", "OnFailure", "Destination"), join(path, "DestinationConfig.OnFailure.Destination"), "AWS::SQS::Queue", "AWS::SNS::Topic"),
	}
	if age := num("MaximumRecordAgeInSeconds", -1, -1, 604800); age > 0 {
		if age < 60 {
			w.faults.add(e.Get("MaximumRecordAgeInSeconds").Line, r.ID, join(path, "MaximumRecordAgeInSeconds"), "%d is not -1 or within 60 and 604800", age)
		}
		m.MaxAge = seconds(age)
	}
	if tbl := w.byARN[m.StreamARN]; tbl != nil {
		m.TableName = tbl.Name
		m.StreamView = tbl.Properties.At("StreamSpecification", "StreamViewType").Text()
		if m.StreamView == "" {
			w.faults.add(source.Line, r.ID, join(path, prop), "table %s has no StreamSpecification", tbl.ID)
		}
	}
	return m
}

// mapping is an AWS::Lambda::EventSourceMapping written out.
func (w *wirer) mapping(r *Resource) {
	p := r.Properties
	if en := p.Get("Enabled"); en != nil && !en.Bool() {
		return
	}
	f := w.functionNamed(r, p.Get("FunctionName"), "FunctionName")
	if f == nil {
		return
	}
	if strings.Contains(p.Get("EventSourceArn").Text(), ":dynamodb:") {
		f.Streams = append(f.Streams, w.streamMapping(r, r.ID, p, p.Get("EventSourceArn"), "", "EventSourceArn"))
	} else {
		f.Queues = append(f.Queues, w.queueMapping(r, f, r.ID, p, p.Get("EventSourceArn"), "", "EventSourceArn"))
	}
}

// functionNamed finds a function by name or ARN, and reports when there is none.
func (w *wirer) functionNamed(r *Resource, v *Value, path string) *Function {
	s := v.Text()
	for _, f := range w.t.Functions {
		if s == f.Name || s == f.ARN || s == f.ID {
			return f
		}
	}
	line := r.Line
	if v != nil {
		line = v.Line
	}
	w.faults.add(line, r.ID, path, "%q is not a function of this template", s)
	return nil
}

// functionID is the logical id of the function with an ARN, also before functions are wired.
func (w *wirer) functionID(r *Resource, v *Value, path string) string {
	s := v.Text()
	// arn:aws:apigateway:region:lambda:path/2015-03-31/functions/ARN/invocations
	if _, tail, ok := strings.Cut(s, "/functions/"); ok {
		s = strings.TrimSuffix(tail, "/invocations")
	}
	for _, f := range w.each("AWS::Serverless::Function") {
		if s == w.arn("lambda", "function:"+f.Name) {
			return f.ID
		}
	}
	line := r.Line
	if v != nil {
		line = v.Line
	}
	w.faults.add(line, r.ID, path, "%q is not the ARN of a function of this template", s)
	return ""
}

func (w *wirer) schedule(r *Resource, f *Function, event string, e *Value, path string, rule bool) {
	prop := "ScheduleExpression"
	if rule {
		prop = "Schedule"
	}
	s := &Schedule{Name: r.ID + event, Rule: rule, Function: f.ID, Enabled: e.Get("State").Text() != "DISABLED", Input: inputText(e.Get("Input"))}
	if n := e.Get("Name").Text(); n != "" {
		s.Name = n
	}
	if en := e.Get("Enabled"); en != nil && !en.Bool() {
		s.Enabled = false
	}
	w.finishSchedule(r, s, e, join(path, prop), e.Get(prop), f.Async)
}

func (w *wirer) scheduler(r *Resource) {
	p := r.Properties
	target := p.Get("Target")
	f := w.functionNamed(r, target.Get("Arn"), "Target.Arn")
	if f == nil {
		return
	}
	s := &Schedule{Name: r.Name, Function: f.ID, Enabled: p.Get("State").Text() != "DISABLED", Input: inputText(target.Get("Input"))}
	w.finishSchedule(r, s, p, "ScheduleExpression", p.Get("ScheduleExpression"), f.Async)
}

func (w *wirer) finishSchedule(r *Resource, s *Schedule, e *Value, path string, expr *Value, a Async) {
	s.Expression, s.Async, s.Zone = expr.Text(), a, time.UTC
	if z := e.Get("ScheduleExpressionTimezone"); z != nil {
		zone, err := time.LoadLocation(z.Text())
		if err != nil {
			w.faults.add(z.Line, r.ID, path, "no time zone %q", z.Text())
		} else {
			s.Zone = zone
		}
	}
	if _, err := schedule.Parse(s.Expression); err != nil {
		line := r.Line
		if expr != nil {
			line = expr.Line
		}
		w.faults.add(line, r.ID, path, "%v", err)
	}
	s.ARN = w.arn("scheduler", "schedule/default/"+s.Name)
	if s.Rule {
		s.ARN = w.arn("events", "rule/"+s.Name)
	}
	w.t.Schedules = append(w.t.Schedules, s)
}

// inputText is the Input of a schedule: a text that holds JSON, or an object written in YAML.
func inputText(v *Value) string {
	switch {
	case v == nil:
		return ""
	case v.IsScalar() && json.Valid([]byte(v.Text())):
		return v.Text()
	}
	return string(v.JSON())
}
