package template

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed types.txt
var typesText string

//go:embed nothing.txt
var nothingText string

// A resourceType is what the reader knows of one type of resource.
type resourceType struct {
	props *schema
	attrs []string // of Fn::GetAtt
	runs  bool     // false: understood, nothing to run
}

// A schema is the shape of one property.
type schema struct {
	kind     schemaKind
	required bool
	oneOf    []string           // for scalars; nil means any text
	fields   map[string]*schema // for objects
	names    []string           // of fields, in the order of the file
	elem     *schema            // for lists and maps
}

type schemaKind int

const (
	textSchema schemaKind = iota
	intSchema
	boolSchema
	anySchema
	eventsSchema // the Events of a function: each has a type of its own
	objectSchema
	listSchema
	mapSchema
)

var types, events = readTypes()

func readTypes() (map[string]resourceType, map[string]*schema) {
	types, events := map[string]resourceType{}, map[string]*schema{}
	for i, text := range []string{typesText, nothingText} {
		var head, body string
		flush := func() {
			if head == "" {
				return
			}
			name, attrs, _ := strings.Cut(head, " @")
			p := &schemaReader{words: strings.Fields(body), where: name}
			obj := p.object("")
			if event, ok := strings.CutPrefix(name, "event "); ok {
				events[event] = obj
				return
			}
			t := resourceType{props: obj, runs: i == 0}
			if attrs != "" {
				t.attrs = strings.Split(attrs, ",")
			}
			types[name] = t
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			switch {
			case line == "" || line[0] == '#':
			case line[0] == ' ':
				body += line
			default:
				flush()
				head, body = line, ""
			}
		}
		flush()
	}
	return types, events
}

// schemaReader reads the notation of types.txt. The text is part of the program: a mistake in it panics when
// the program starts.
type schemaReader struct {
	words []string
	where string
}

// object reads "Name:type Name …" up to the word end.
func (p *schemaReader) object(end string) *schema {
	o := &schema{kind: objectSchema, fields: map[string]*schema{}}
	for {
		if len(p.words) == 0 {
			if end != "" {
				panic("template: types of " + p.where + ": missing " + end)
			}
			return o
		}
		word := p.words[0]
		p.words = p.words[1:]
		if word == end {
			return o
		}
		name, rest, _ := strings.Cut(word, ":")
		required := strings.HasSuffix(name, "!")
		name = strings.TrimSuffix(name, "!")
		s := p.typ(rest)
		s.required = required
		if o.fields[name] != nil {
			panic("template: types of " + p.where + ": " + name + " twice")
		}
		o.fields[name] = s
		o.names = append(o.names, name)
	}
}

func (p *schemaReader) typ(t string) *schema {
	switch {
	case t == "":
		return &schema{kind: textSchema}
	case t == "int":
		return &schema{kind: intSchema}
	case t == "bool":
		return &schema{kind: boolSchema}
	case t == "any":
		return &schema{kind: anySchema}
	case t == "events":
		return &schema{kind: eventsSchema}
	case t[0] == '=':
		return &schema{kind: textSchema, oneOf: strings.Split(t[1:], "|")}
	case t == "{":
		return p.object("}")
	case t == "[{":
		return &schema{kind: listSchema, elem: p.object("}]")}
	case t == "<{":
		return &schema{kind: mapSchema, elem: p.object("}>")}
	case t[0] == '[':
		return &schema{kind: listSchema, elem: p.typ(strings.TrimSuffix(t[1:], "]"))}
	case t[0] == '<':
		return &schema{kind: mapSchema, elem: p.typ(strings.TrimSuffix(t[1:], ">"))}
	}
	panic(fmt.Sprintf("template: types of %s: cannot read %q", p.where, t))
}

// checkShape holds an unresolved node against its schema: the names of properties and the kind of literals.
// Both branches of an Fn::If are looked at, also the one that is not taken. What an intrinsic function yields is
// looked at by checkValue.
func checkShape(n *yaml.Node, s *schema, f *faultList, id, path string) {
	if s.kind == anySchema {
		return
	}
	if name, arg := intrinsic(n); name != "" {
		if name == "Fn::If" && arg.Kind == yaml.SequenceNode && len(arg.Content) == 3 {
			checkShape(arg.Content[1], s, f, id, path)
			checkShape(arg.Content[2], s, f, id, path)
		}
		return
	}
	switch s.kind {
	case objectSchema:
		if n.Kind != yaml.MappingNode {
			f.add(n.Line, id, path, "want an object")
			return
		}
		pairs(n, func(key string, k, v *yaml.Node) {
			at := join(path, key)
			inner := s.fields[key]
			if inner == nil {
				f.add(k.Line, id, at, "property not understood%s", nearest(key, s.names))
				return
			}
			checkShape(v, inner, f, id, at)
		})
		for _, name := range s.names {
			if s.fields[name].required && lookup(n, name) == nil {
				f.add(n.Line, id, join(path, name), "is required")
			}
		}
	case listSchema:
		if n.Kind != yaml.SequenceNode {
			if s.elem.kind == textSchema && n.Kind == yaml.ScalarNode {
				return // CloudFormation takes a single value for a list of one
			}
			f.add(n.Line, id, path, "want a list")
			return
		}
		for i, e := range n.Content {
			checkShape(e, s.elem, f, id, path+"["+strconv.Itoa(i)+"]")
		}
	case mapSchema:
		if n.Kind != yaml.MappingNode {
			f.add(n.Line, id, path, "want an object")
			return
		}
		pairs(n, func(key string, _, v *yaml.Node) { checkShape(v, s.elem, f, id, join(path, key)) })
	case eventsSchema:
		pairs(n, func(key string, k, v *yaml.Node) {
			at := join(path, key)
			typ := lookup(v, "Type")
			if typ == nil {
				f.add(k.Line, id, at+".Type", "is required")
				return
			}
			inner := events[typ.Value]
			if inner == nil {
				f.add(typ.Line, id, at+".Type", "event type %q not understood", typ.Value)
				return
			}
			pairs(v, func(key string, k, v *yaml.Node) {
				switch key {
				case "Type":
				case "Properties":
					checkShape(v, inner, f, id, at+".Properties")
				default:
					f.add(k.Line, id, join(at, key), "property not understood")
				}
			})
		})
	default:
		if n.Kind != yaml.ScalarNode {
			f.add(n.Line, id, path, "want a single value")
		}
	}
}

// checkValue holds a resolved value against its schema: the kind of each node, numbers, booleans, choices.
func checkValue(v *Value, s *schema, f *faultList, id, path string) {
	if v == nil {
		return
	}
	switch s.kind {
	case objectSchema, mapSchema:
		if !v.IsMap() {
			f.add(v.Line, id, path, "want an object")
			return
		}
		for _, fd := range v.fields {
			inner := s.elem
			if s.kind == objectSchema {
				inner = s.fields[fd.name]
			}
			if inner != nil {
				checkValue(fd.value, inner, f, id, join(path, fd.name))
			}
		}
	case listSchema:
		for i, e := range v.List() {
			checkValue(e, s.elem, f, id, path+"["+strconv.Itoa(i)+"]")
		}
	case eventsSchema:
		for _, fd := range v.fields {
			if inner := events[fd.value.Get("Type").Text()]; inner != nil {
				checkValue(fd.value.Get("Properties"), inner, f, id, join(path, fd.name)+".Properties")
			}
		}
	case anySchema:
	default:
		text := v.Text()
		switch {
		case !v.IsScalar():
			f.add(v.Line, id, path, "want a single value")
		case s.kind == intSchema:
			if _, err := strconv.ParseFloat(text, 64); err != nil {
				f.add(v.Line, id, path, "%q is not a number", text)
			}
		case s.kind == boolSchema:
			if text != "true" && text != "false" && text != "True" && text != "False" {
				f.add(v.Line, id, path, "%q is not true or false", text)
			}
		case s.oneOf != nil && !slices.Contains(s.oneOf, text):
			f.add(v.Line, id, path, "%q is not served here; want %s", text, strings.Join(s.oneOf, " or "))
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// nearest suggests the known name that is closest to a misspelt one, "" when none is close.
func nearest(name string, known []string) string {
	best, at := 3, ""
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < best {
			best, at = d, k
		}
	}
	if at == "" {
		return ""
	}
	return " (did you mean " + at + "?)"
}

// distance is the number of letters to put in, take out or change to come from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost++
			}
			prev = row[j+1]
			row[j+1] = min(cost, row[j]+1, prev+1)
		}
	}
	return row[len(b)]
}
