package template

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve turns a node into a value: intrinsic functions are worked out, conditions decided. It returns nil for
// AWS::NoValue. where and path name the place for faults.
func (r *reader) resolve(n *yaml.Node, where, path string) *Value {
	if n == nil {
		return nil
	}
	if name, arg := intrinsic(n); name != "" {
		v := r.call(name, arg, n.Line, where, path)
		if v != nil && v.Line == 0 {
			v.Line = n.Line
		}
		return v
	}
	v := &Value{Line: n.Line}
	switch n.Kind {
	case yaml.MappingNode:
		v.kind = mapKind
		pairs(n, func(key string, k, c *yaml.Node) {
			if e := r.resolve(c, where, join(path, key)); e != nil {
				v.fields = append(v.fields, field{key, k.Line, e})
			}
		})
	case yaml.SequenceNode:
		v.kind = listKind
		for i, c := range n.Content {
			if e := r.resolve(c, where, path+"["+strconv.Itoa(i)+"]"); e != nil {
				v.list = append(v.list, e)
			}
		}
	default:
		if n.Tag == "!!null" {
			r.faults.add(n.Line, where, path, "a null value is not allowed; leave the property out or use AWS::NoValue")
			return nil
		}
		v.scalar = n.Value
		v.plain = n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		if strings.Contains(n.Value, "{{resolve:") {
			r.faults.add(n.Line, where, path, "dynamic references are not understood")
		}
	}
	return v
}

func textValue(line int, s string) *Value { return &Value{Line: line, scalar: s} }

// call works out one intrinsic function.
func (r *reader) call(name string, arg *yaml.Node, line int, where, path string) *Value {
	fault := func(format string, args ...any) *Value {
		r.faults.add(line, where, path, format, args...)
		return textValue(line, "")
	}
	items := func(want int) []*yaml.Node {
		if arg.Kind != yaml.SequenceNode || len(arg.Content) != want {
			fault("%s wants a list of %d", name, want)
			return nil
		}
		return arg.Content
	}
	switch name {
	case "Ref":
		return r.ref(arg.Value, line, where, path)
	case "Fn::GetAtt":
		in := items(2)
		if in == nil {
			return textValue(line, "")
		}
		return textValue(line, r.getAtt(in[0].Value, r.resolve(in[1], where, path).Text(), line, where, path))
	case "Fn::Sub":
		return r.sub(arg, line, where, path)
	case "Fn::Join":
		in := items(2)
		if in == nil {
			return textValue(line, "")
		}
		return textValue(line, strings.Join(r.resolve(in[1], where, path).Strings(), in[0].Value))
	case "Fn::Split":
		in := items(2)
		if in == nil {
			return textValue(line, "")
		}
		v := &Value{Line: line, kind: listKind}
		for _, s := range strings.Split(r.resolve(in[1], where, path).Text(), in[0].Value) {
			v.list = append(v.list, textValue(line, s))
		}
		return v
	case "Fn::Select":
		in := items(2)
		if in == nil {
			return textValue(line, "")
		}
		list := r.resolve(in[1], where, path).List()
		i, err := strconv.Atoi(r.resolve(in[0], where, path).Text())
		if err != nil || i < 0 || i >= len(list) {
			return fault("Fn::Select wants an index below %d", len(list))
		}
		return list[i]
	case "Fn::FindInMap":
		in := items(3)
		if in == nil {
			return textValue(line, "")
		}
		n := r.mappings
		keys := []string{r.resolve(in[0], where, path).Text(), r.resolve(in[1], where, path).Text(), r.resolve(in[2], where, path).Text()}
		for _, k := range keys {
			n = lookup(n, k)
		}
		if n == nil {
			return fault("no mapping %s", strings.Join(keys, "."))
		}
		return r.resolve(n, where, path)
	case "Fn::If":
		in := items(3)
		if in == nil {
			return textValue(line, "")
		}
		if r.condition(in[0].Value, line, where, path) {
			return r.resolve(in[1], where, path)
		}
		return r.resolve(in[2], where, path)
	case "Fn::GetAZs":
		v := &Value{Line: line, kind: listKind}
		for _, z := range []string{"a", "b", "c"} {
			v.list = append(v.list, textValue(line, r.opt.Region+z))
		}
		return v
	case "Fn::Cidr":
		return &Value{Line: line, kind: listKind, list: slices.Repeat([]*Value{textValue(line, "10.0.0.0/24")}, 16)}
	}
	return fault("intrinsic function %s is not understood", name)
}

// ref is what {Ref: name} yields; nil for AWS::NoValue.
func (r *reader) ref(name string, line int, where, path string) *Value {
	switch name {
	case "AWS::NoValue":
		return nil
	case "AWS::Region":
		return textValue(line, r.opt.Region)
	case "AWS::AccountId":
		return textValue(line, r.opt.Account)
	case "AWS::Partition":
		return textValue(line, "aws")
	case "AWS::StackName":
		return textValue(line, r.opt.Stack)
	case "AWS::StackId":
		return textValue(line, "arn:aws:cloudformation:"+r.opt.Region+":"+r.opt.Account+":stack/"+r.opt.Stack+"/local")
	case "AWS::URLSuffix":
		return textValue(line, "amazonaws.com")
	case "AWS::NotificationARNs":
		return &Value{Line: line, kind: listKind}
	}
	if p, ok := r.parameters[name]; ok {
		return p.at(line)
	}
	if !r.mayRefer(name, line, where, path) {
		return textValue(line, "")
	}
	return textValue(line, r.refResource(name))
}

// sub is Fn::Sub in both forms: a text, or a list of a text and a map of names.
func (r *reader) sub(arg *yaml.Node, line int, where, path string) *Value {
	text, vars := arg, map[string]string{}
	if arg.Kind == yaml.SequenceNode {
		if len(arg.Content) != 2 || arg.Content[1].Kind != yaml.MappingNode {
			r.faults.add(line, where, path, "Fn::Sub wants a text, or a list of a text and a map")
			return textValue(line, "")
		}
		text = arg.Content[0]
		pairs(arg.Content[1], func(key string, _, v *yaml.Node) { vars[key] = r.resolve(v, where, path).Text() })
	}
	if text.Kind != yaml.ScalarNode {
		r.faults.add(line, where, path, "Fn::Sub wants a text, or a list of a text and a map")
		return textValue(line, "")
	}
	var b strings.Builder
	rest := text.Value
	for {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			r.faults.add(line, where, path, "Fn::Sub: ${ without }")
			break
		}
		rest = tail
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			b.WriteString("${" + literal + "}")
			continue
		}
		name = strings.TrimSpace(name)
		if s, ok := vars[name]; ok {
			b.WriteString(s)
		} else if id, attr, ok := strings.Cut(name, "."); ok {
			b.WriteString(r.getAtt(id, attr, line, where, path))
		} else {
			v := r.ref(name, line, where, path)
			if v.IsList() {
				b.WriteString(strings.Join(v.Strings(), ","))
			} else {
				b.WriteString(v.Text())
			}
		}
	}
	return textValue(line, b.String())
}

// condition decides a named condition.
func (r *reader) condition(name string, line int, where, path string) bool {
	if v, ok := r.conditions[name]; ok {
		return v
	}
	n := lookup(r.conditionNodes, name)
	if n == nil {
		r.faults.add(line, where, path, "no condition %q", name)
		return false
	}
	if r.deciding[name] {
		r.faults.add(n.Line, "Conditions", name, "refers to itself")
		return false
	}
	r.deciding[name] = true
	v := r.decide(n, name)
	delete(r.deciding, name)
	r.conditions[name] = v
	return v
}

func (r *reader) decide(n *yaml.Node, name string) bool {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		fn, arg := n.Content[0].Value, n.Content[1]
		var in []*yaml.Node
		if arg.Kind == yaml.SequenceNode {
			in = arg.Content
		}
		switch {
		case fn == "Condition" && arg.Kind == yaml.ScalarNode:
			return r.condition(arg.Value, n.Line, "Conditions", name)
		case fn == "Fn::Equals" && len(in) == 2:
			return r.resolve(in[0], "Conditions", name).Text() == r.resolve(in[1], "Conditions", name).Text()
		case fn == "Fn::Not" && len(in) == 1:
			return !r.decide(in[0], name)
		case fn == "Fn::And" && len(in) >= 2:
			out := true
			for _, c := range in {
				out = r.decide(c, name) && out
			}
			return out
		case fn == "Fn::Or" && len(in) >= 2:
			out := false
			for _, c := range in {
				out = r.decide(c, name) || out
			}
			return out
		}
	}
	r.faults.add(n.Line, "Conditions", name, "want Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition")
	return false
}
