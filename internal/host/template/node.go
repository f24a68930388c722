package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// longForm rewrites the short spellings (!Ref x, !Sub x, !GetAtt a.b) into the long ones ({Ref: x},
// {Fn::Sub: x}, {Fn::GetAtt: [a, b]}), so that the rest of the reader knows one spelling. It reports what
// CloudFormation refuses: unknown tags, anchors and aliases, merge keys, a key given twice.
func longForm(n *yaml.Node, f *faultList, where string) {
	if n == nil {
		return
	}
	if n.Kind == yaml.AliasNode {
		f.add(n.Line, where, "", "aliases are not understood by CloudFormation")
		n.Kind, n.Value, n.Alias = yaml.ScalarNode, "", nil
		return
	}
	if n.Anchor != "" {
		f.add(n.Line, where, "", "anchors are not understood by CloudFormation")
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Value == "<<" {
				f.add(k.Line, where, "", "merge keys are not understood by CloudFormation")
			}
			if seen[k.Value] {
				f.add(k.Line, where, "", "%q is given twice", k.Value)
			}
			seen[k.Value] = true
			longForm(n.Content[i+1], f, where)
		}
	} else {
		for _, c := range n.Content {
			longForm(c, f, where)
		}
	}
	if !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return
	}
	name := strings.TrimPrefix(n.Tag, "!")
	inner := *n
	inner.Tag = ""
	switch name {
	case "Ref", "Condition":
	case "GetAtt":
		if inner.Kind == yaml.ScalarNode {
			id, attr, _ := strings.Cut(inner.Value, ".")
			inner = yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Content: []*yaml.Node{
				{Kind: yaml.ScalarNode, Value: id, Line: n.Line}, {Kind: yaml.ScalarNode, Value: attr, Line: n.Line},
			}}
		}
		name = "Fn::GetAtt"
	case "Sub", "Join", "If", "Equals", "And", "Or", "Not", "FindInMap", "Select", "Split", "GetAZs", "Cidr":
		name = "Fn::" + name
	default:
		f.add(n.Line, where, "", "intrinsic function !%s is not understood", name)
		inner = yaml.Node{Kind: yaml.ScalarNode, Value: "", Line: n.Line}
		*n = inner
		return
	}
	*n = yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: name, Line: n.Line}, &inner,
	}}
}

// intrinsic returns the function name and argument when n is a call of one: a map of one key that is Ref or
// begins with "Fn::".
func intrinsic(n *yaml.Node) (name string, arg *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return "", nil
	}
	k := n.Content[0].Value
	if k == "Ref" || strings.HasPrefix(k, "Fn::") {
		return k, n.Content[1]
	}
	return "", nil
}

func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// pairs calls each for every key of a map.
func pairs(n *yaml.Node, each func(key string, k, v *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		each(n.Content[i].Value, n.Content[i], n.Content[i+1])
	}
}
