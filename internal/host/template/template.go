// Package template reads a SAM template as far as one machine can run it, and fails on the rest.
//
// A template is YAML with AWS's intrinsic functions. Load works out Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Split,
// Fn::Select, Fn::If, Fn::FindInMap, the conditions, Globals and parameters, in both spellings, and holds every
// resource against the types it knows (types.txt, nothing.txt). A type, property, event or function that it does
// not understand is a fault: it would do something on AWS and nothing here. All faults are told at once, each with
// its resource, property and line.
//
// Names are what CloudFormation would give, without its random suffix: stack-LogicalId where the template gives
// none. Addresses are AWS's too ("https://httpapi.execute-api.eu-west-3.amazonaws.com"); the host maps them to
// this machine when it hands them to a program, see Template.Local.
//
// Source: CloudFormation's template anatomy, the AWS SAM specification; docs/adr/0004-local-host.md.
package template

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options say how to read a template.
type Options struct {
	Parameters map[string]string // overrides of the template's defaults
	Stack      string            // "" means local
	Region     string            // "" means eu-west-3
	Account    string            // "" means 000000000000
	QueueBase  string            // what a queue's URL begins with; "" means AWS's spelling
}

// A Resource is one resource that exists under the parameters given, resolved.
type Resource struct {
	ID         string // logical id
	Type       string
	Line       int
	Name       string // physical name
	Properties *Value
	Runs       bool // false: understood, nothing to run here
}

// reader holds what Load has read so far.
type reader struct {
	opt    Options
	faults faultList

	mappings       *yaml.Node
	conditionNodes *yaml.Node
	resourceNodes  *yaml.Node

	parameters map[string]parameter
	conditions map[string]bool
	deciding   map[string]bool
	naming     map[string]bool
	names      map[string]string
	globals    map[string]*yaml.Node
	generated  map[string]string // logical id that SAM makes: its kind, "role", "route", …
}

// Load reads the template in the file at path. Its error is a Faults unless the file cannot be read or is not
// YAML at all.
func Load(path string, o Options) (*Template, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	t, err := Parse(b, o)
	if err != nil {
		return nil, fmt.Errorf("template %s:\n%w", path, err)
	}
	return t, nil
}

// Parse reads a template. See Load.
func Parse(b []byte, o Options) (*Template, error) {
	if o.Stack == "" {
		o.Stack = "local"
	}
	if o.Region == "" {
		o.Region = "eu-west-3"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.QueueBase == "" {
		o.QueueBase = "https://sqs." + o.Region + ".amazonaws.com"
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("reading YAML: %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, Faults{{Reason: "a template is a map of sections"}}
	}
	r := &reader{
		opt: o, parameters: map[string]parameter{}, conditions: map[string]bool{}, deciding: map[string]bool{},
		naming: map[string]bool{}, names: map[string]string{}, globals: map[string]*yaml.Node{}, generated: map[string]string{},
	}
	t := r.read(doc.Content[0])
	if err := r.faults.err(); err != nil {
		return nil, err
	}
	return t, nil
}

func (r *reader) read(root *yaml.Node) *Template {
	pairs(root, func(key string, k, v *yaml.Node) {
		switch key {
		case "AWSTemplateFormatVersion", "Description", "Metadata":
		case "Transform":
			if v.Value != "AWS::Serverless-2016-10-31" {
				r.faults.add(v.Line, "Transform", "", "only AWS::Serverless-2016-10-31 is understood")
			}
		case "Resources":
			pairs(v, func(id string, _, n *yaml.Node) { longForm(n, &r.faults, id) })
			r.resourceNodes = v
		case "Parameters", "Mappings", "Conditions", "Globals", "Outputs":
			longForm(v, &r.faults, key)
			switch key {
			case "Mappings":
				r.mappings = v
			case "Conditions":
				r.conditionNodes = v
			}
		default:
			r.faults.add(k.Line, key, "", "section not understood")
		}
	})
	r.readParameters(lookup(root, "Parameters"))
	pairs(r.conditionNodes, func(name string, k, _ *yaml.Node) { r.condition(name, k.Line, "Conditions", name) })
	r.readGlobals(lookup(root, "Globals"))
	if r.resourceNodes == nil {
		r.faults.add(root.Line, "Resources", "", "is required")
		return nil
	}
	r.generateIDs()

	t := &Template{Resources: map[string]*Resource{}, Outputs: map[string]string{}, opt: r.opt}
	pairs(r.resourceNodes, func(id string, k, n *yaml.Node) {
		if res := r.resource(id, k.Line, n); res != nil {
			t.Resources[id] = res
			t.order = append(t.order, id)
		}
	})
	pairs(lookup(root, "Outputs"), func(name string, k, v *yaml.Node) {
		pairs(v, func(key string, k, _ *yaml.Node) {
			if !slices.Contains([]string{"Description", "Value", "Export", "Condition"}, key) {
				r.faults.add(k.Line, "Outputs", name+"."+key, "property not understood")
			}
		})
		if c := lookup(v, "Condition"); c != nil && !r.condition(c.Value, c.Line, "Outputs", name) {
			return
		}
		t.Outputs[name] = r.resolve(lookup(v, "Value"), "Outputs", name).Text()
	})
	if len(r.faults.list) > 0 {
		return nil // what is wired below would only repeat them
	}
	w := &wirer{t: t, faults: &r.faults}
	w.wire()
	return t
}

// resource reads one resource; nil when its condition is false or its type is not understood.
func (r *reader) resource(id string, line int, n *yaml.Node) *Resource {
	typ := lookup(n, "Type")
	if typ == nil {
		r.faults.add(line, id, "Type", "is required")
		return nil
	}
	pairs(n, func(key string, k, v *yaml.Node) {
		switch key {
		case "Type", "Properties", "Condition", "Metadata", "UpdatePolicy", "CreationPolicy":
		case "DependsOn":
			for _, e := range append([]*yaml.Node{v}, v.Content...) {
				if e.Kind == yaml.ScalarNode && lookup(r.resourceNodes, e.Value) == nil && r.generated[e.Value] == "" {
					r.faults.add(e.Line, id, "DependsOn", "no resource %q", e.Value)
				}
			}
		case "DeletionPolicy", "UpdateReplacePolicy":
		default:
			r.faults.add(k.Line, id, key, "property not understood")
		}
	})
	known, ok := types[typ.Value]
	if !ok {
		names := make([]string, 0, len(types))
		for name := range types {
			names = append(names, name)
		}
		slices.Sort(names)
		r.faults.add(typ.Line, id, "", "resource type %s is not understood%s", typ.Value, nearest(typ.Value, names))
		return nil
	}
	props := lookup(n, "Properties")
	if props == nil {
		props = &yaml.Node{Kind: yaml.MappingNode, Line: line}
	}
	checkShape(props, withoutRequired(known.props), &r.faults, id, "")
	if g := r.globals[typ.Value]; g != nil {
		props = merge(g, props, "")
	}
	for _, name := range known.props.names {
		if known.props.fields[name].required && lookup(props, name) == nil {
			r.faults.add(line, id, name, "is required")
		}
	}
	if c := lookup(n, "Condition"); c != nil && !r.condition(c.Value, c.Line, id, "Condition") {
		return nil
	}
	v := r.resolve(props, id, "")
	checkValue(v, known.props, &r.faults, id, "")
	return &Resource{ID: id, Type: typ.Value, Line: line, Name: r.name(id), Properties: v, Runs: known.runs}
}

// withoutRequired is the object without its own required properties, which Globals may give.
func withoutRequired(s *schema) *schema {
	out := *s
	out.fields = map[string]*schema{}
	for k, f := range s.fields {
		g := *f
		g.required = false
		out.fields[k] = &g
	}
	return &out
}

// globalSections are the resource types that may have Globals, each with what SAM does not take there.
var globalSections = map[string]struct {
	typ string
	not []string
}{
	"Function":     {"AWS::Serverless::Function", []string{"Role", "Policies", "FunctionName", "Events"}},
	"HttpApi":      {"AWS::Serverless::HttpApi", []string{"Name", "StageName", "Description", "DisableExecuteApiEndpoint"}},
	"WebSocketApi": {"AWS::Serverless::WebSocketApi", []string{"Name", "StageName", "Description", "Routes", "Auth"}},
}

func (r *reader) readGlobals(n *yaml.Node) {
	pairs(n, func(key string, k, v *yaml.Node) {
		g, ok := globalSections[key]
		if !ok {
			r.faults.add(k.Line, "Globals", key, "section not understood")
			return
		}
		checkShape(v, withoutRequired(types[g.typ].props), &r.faults, "Globals", key)
		pairs(v, func(name string, k, _ *yaml.Node) {
			if slices.Contains(g.not, name) {
				r.faults.add(k.Line, "Globals", key+"."+name, "SAM does not take this property in Globals")
			}
		})
		r.globals[g.typ] = v
	})
}

// merge lays local over global as SAM does: maps key by key, lists one after the other, the local one of two
// single values; Architectures are replaced.
func merge(global, local *yaml.Node, name string) *yaml.Node {
	fn1, _ := intrinsic(global)
	fn2, _ := intrinsic(local)
	switch {
	case fn1 != "" || fn2 != "" || global.Kind != local.Kind || name == "Architectures":
		return local
	case local.Kind == yaml.SequenceNode:
		out := *local
		out.Content = append(slices.Clone(global.Content), local.Content...)
		return &out
	case local.Kind == yaml.MappingNode:
		out := *local
		out.Content = nil
		pairs(global, func(key string, k, v *yaml.Node) {
			if own := lookup(local, key); own != nil {
				v = merge(v, own, key)
			}
			out.Content = append(out.Content, k, v)
		})
		pairs(local, func(key string, k, v *yaml.Node) {
			if lookup(global, key) == nil {
				out.Content = append(out.Content, k, v)
			}
		})
		return &out
	}
	return local
}

// A parameter is one entry of Parameters with the value it has in this run.
type parameter struct {
	value string
	list  bool
}

func (p parameter) at(line int) *Value {
	if !p.list {
		return &Value{Line: line, scalar: p.value, plain: true}
	}
	v := &Value{Line: line, kind: listKind}
	if p.value == "" {
		return v
	}
	for _, s := range strings.Split(p.value, ",") {
		v.list = append(v.list, textValue(line, strings.TrimSpace(s)))
	}
	return v
}

var parameterProps = []string{
	"Type", "Default", "AllowedValues", "AllowedPattern", "ConstraintDescription", "Description",
	"MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho",
}

func (r *reader) readParameters(n *yaml.Node) {
	pairs(n, func(name string, k, v *yaml.Node) {
		pairs(v, func(key string, k, _ *yaml.Node) {
			if !slices.Contains(parameterProps, key) {
				r.faults.add(k.Line, "Parameters", name+"."+key, "property not understood%s", nearest(key, parameterProps))
			}
		})
		typ := "String"
		if t := lookup(v, "Type"); t != nil {
			typ = t.Value
		} else {
			r.faults.add(k.Line, "Parameters", name+".Type", "is required")
		}
		if strings.HasPrefix(typ, "AWS::SSM::") {
			r.faults.add(k.Line, "Parameters", name, "a parameter kept in Systems Manager cannot be read here")
			return
		}
		value, given := r.opt.Parameters[name]
		if !given {
			d := lookup(v, "Default")
			if d == nil {
				r.faults.add(k.Line, "Parameters", name, "has no default and was not given a value")
				r.parameters[name] = parameter{}
				return
			}
			value = d.Value
		}
		r.parameters[name] = parameter{value: value, list: typ == "CommaDelimitedList" || strings.HasPrefix(typ, "List<")}
		r.checkParameter(name, typ, value, k.Line, v)
	})
	names := make([]string, 0, len(r.opt.Parameters))
	for name := range r.opt.Parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if lookup(n, name) == nil {
			r.faults.add(0, "Parameters", name, "the template has no such parameter")
		}
	}
}

func (r *reader) checkParameter(name, typ, value string, line int, n *yaml.Node) {
	if typ == "Number" {
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			r.faults.add(line, "Parameters", name, "%q is not a number", value)
			return
		}
	}
	if allowed := lookup(n, "AllowedValues"); allowed != nil {
		var all []string
		for _, a := range allowed.Content {
			all = append(all, a.Value)
		}
		if !slices.Contains(all, value) {
			r.faults.add(line, "Parameters", name, "%q is not one of %s", value, strings.Join(all, ", "))
		}
	}
	if p := lookup(n, "AllowedPattern"); p != nil {
		re, err := regexp.Compile("^(?:" + p.Value + ")$")
		if err != nil {
			r.faults.add(p.Line, "Parameters", name+".AllowedPattern", "not a regular expression")
		} else if !re.MatchString(value) {
			r.faults.add(line, "Parameters", name, "%q does not match %s", value, p.Value)
		}
	}
	bound := func(key string, is float64, ok func(is, want float64) bool) {
		if b := lookup(n, key); b != nil {
			want, err := strconv.ParseFloat(b.Value, 64)
			if err != nil {
				r.faults.add(b.Line, "Parameters", name+"."+key, "%q is not a number", b.Value)
			} else if !ok(is, want) {
				r.faults.add(line, "Parameters", name, "%q breaks %s %s", value, key, b.Value)
			}
		}
	}
	atLeast := func(is, want float64) bool { return is >= want }
	atMost := func(is, want float64) bool { return is <= want }
	bound("MinLength", float64(len(value)), atLeast)
	bound("MaxLength", float64(len(value)), atMost)
	if f, err := strconv.ParseFloat(value, 64); err == nil {
		bound("MinValue", f, atLeast)
		bound("MaxValue", f, atMost)
	}
}
