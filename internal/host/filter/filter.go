// Package filter decides whether an event matches a pattern, as Lambda's event source mappings filter.
//
// A pattern is a JSON object of the event's shape. A leaf is a list of what is wanted, any of which will do:
//
//	"text"  12  true  null              exactly this
//	{"prefix": "ab"}  {"suffix": "z"}   text that begins or ends so
//	{"equals-ignore-case": "ab"}
//	{"exists": true}                    the field is there, with a value that is no object; false: it is not
//	{"numeric": [">", 0, "<=", 5]}      =, !=, <, <=, >, >=
//	{"anything-but": ["a", 1]}          a value, a list, or {"prefix": "a"}; the field must be there
//
// Fields side by side must all match; {"$or": [pattern, …]} wants one of them. A list in the event matches when
// one of its elements does. A pattern that is not of this form is an error, told when it is read.
//
// Source: Lambda developer guide, "Control which events Lambda sends to your function"; EventBridge user guide,
// "Comparison operators".
package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// A Pattern is one filter, ready to be matched.
type Pattern struct{ root node }

// node matches the value of one field; present is false when the field is not there.
type node interface {
	match(v any, present bool) bool
}

type object struct {
	fields map[string]node
	or     [][]object
}

type leaf []want

// want is one alternative of a leaf.
type want func(v any, present bool) bool

// Parse reads a pattern.
func Parse(b []byte) (*Pattern, error) {
	v, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("filter pattern is not JSON: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("filter pattern is not an object")
	}
	o, err := parseObject(m, "")
	if err != nil {
		return nil, fmt.Errorf("filter pattern: %w", err)
	}
	return &Pattern{o}, nil
}

// Match reports whether the event, JSON, matches. An event that is not JSON matches nothing.
func (p *Pattern) Match(event []byte) bool {
	v, err := decode(event)
	if err != nil {
		return false
	}
	return p.root.match(v, true)
}

func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

func parseObject(m map[string]any, path string) (object, error) {
	if len(m) == 0 {
		return object{}, fmt.Errorf("%s: an empty object matches nothing on AWS", place(path))
	}
	o := object{fields: map[string]node{}}
	for name, v := range m {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch v := v.(type) {
		case map[string]any:
			inner, err := parseObject(v, at)
			if err != nil {
				return object{}, err
			}
			o.fields[name] = inner
		case []any:
			if name == "$or" {
				alternatives, err := parseOr(v, path)
				if err != nil {
					return object{}, err
				}
				o.or = append(o.or, alternatives)
				continue
			}
			l, err := parseLeaf(v, at)
			if err != nil {
				return object{}, err
			}
			o.fields[name] = l
		default:
			return object{}, fmt.Errorf("%s: want a list or an object", place(at))
		}
	}
	return o, nil
}

func parseOr(list []any, path string) ([]object, error) {
	var out []object
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: $or wants a list of patterns", place(path))
		}
		o, err := parseObject(m, path)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if len(out) < 2 {
		return nil, fmt.Errorf("%s: $or wants at least two patterns", place(path))
	}
	return out, nil
}

func place(path string) string {
	if path == "" {
		return "the pattern"
	}
	return path
}

func parseLeaf(list []any, path string) (leaf, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: an empty list matches nothing", place(path))
	}
	var l leaf
	for _, e := range list {
		w, err := parseWant(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place(path), err)
		}
		l = append(l, w)
	}
	return l, nil
}

func parseWant(e any) (want, error) {
	op, ok := e.(map[string]any)
	if !ok {
		if _, isList := e.([]any); isList {
			return nil, errors.New("a list inside a list is not understood")
		}
		return func(v any, present bool) bool { return present && same(v, e) }, nil
	}
	if len(op) != 1 {
		return nil, errors.New("a comparison has one operator")
	}
	for name, arg := range op {
		switch name {
		case "prefix", "suffix", "equals-ignore-case":
			return textWant(name, arg)
		case "exists":
			b, ok := arg.(bool)
			if !ok {
				return nil, errors.New("exists wants true or false")
			}
			return func(v any, present bool) bool {
				if _, isObject := v.(map[string]any); isObject {
					present = false // only leaves can exist
				}
				return present == b
			}, nil
		case "numeric":
			return numericWant(arg)
		case "anything-but":
			return anythingBut(arg)
		default:
			return nil, fmt.Errorf("comparison operator %q is not understood", name)
		}
	}
	return nil, errors.New("a comparison has one operator")
}

func textWant(name string, arg any) (want, error) {
	s, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s wants a text", name)
	}
	test := strings.HasPrefix
	switch name {
	case "suffix":
		test = strings.HasSuffix
	case "equals-ignore-case":
		test = strings.EqualFold
	}
	return func(v any, _ bool) bool {
		t, ok := v.(string)
		return ok && test(t, s)
	}, nil
}

func anythingBut(arg any) (want, error) {
	if op, ok := arg.(map[string]any); ok {
		if len(op) == 1 {
			for name, a := range op {
				if name == "prefix" || name == "suffix" || name == "equals-ignore-case" {
					w, err := textWant(name, a)
					if err != nil {
						return nil, err
					}
					return func(v any, present bool) bool { return present && !w(v, present) }, nil
				}
			}
		}
		return nil, errors.New("anything-but wants values, or one of prefix, suffix, equals-ignore-case")
	}
	list, ok := arg.([]any)
	if !ok {
		list = []any{arg}
	}
	return func(v any, present bool) bool {
		return present && !slices.ContainsFunc(list, func(e any) bool { return same(v, e) })
	}, nil
}

func numericWant(arg any) (want, error) {
	bad := errors.New(`numeric wants a list like [">", 0, "<=", 5]`)
	list, ok := arg.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 {
		return nil, bad
	}
	type bound struct {
		op string
		n  *big.Float
	}
	var bounds []bound
	for i := 0; i < len(list); i += 2 {
		op, ok := list[i].(string)
		n := number(list[i+1])
		if !ok || n == nil || !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, op) {
			return nil, bad
		}
		bounds = append(bounds, bound{op, n})
	}
	return func(v any, _ bool) bool {
		n := number(v)
		if n == nil {
			return false
		}
		for _, b := range bounds {
			c := n.Cmp(b.n)
			ok := map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[b.op]
			if !ok {
				return false
			}
		}
		return true
	}, nil
}

func number(v any) *big.Float {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	f, ok := new(big.Float).SetPrec(128).SetString(n.String())
	if !ok {
		return nil
	}
	return f
}

func same(v, e any) bool {
	if a, b := number(v), number(e); a != nil && b != nil {
		return a.Cmp(b) == 0
	}
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	switch e.(type) {
	case map[string]any, []any:
		return false
	}
	return v == e
}

func (o object) match(v any, _ bool) bool {
	if list, ok := v.([]any); ok {
		return slices.ContainsFunc(list, func(e any) bool { return o.match(e, true) })
	}
	m, _ := v.(map[string]any)
	for name, n := range o.fields {
		inner, ok := m[name]
		if !n.match(inner, ok) {
			return false
		}
	}
	for _, alternatives := range o.or {
		if !slices.ContainsFunc(alternatives, func(a object) bool { return a.match(v, true) }) {
			return false
		}
	}
	return true
}

func (l leaf) match(v any, present bool) bool {
	try := func(v any, present bool) bool {
		return slices.ContainsFunc(l, func(w want) bool { return w(v, present) })
	}
	if list, ok := v.([]any); ok && present {
		return slices.ContainsFunc(list, func(e any) bool { return try(e, true) })
	}
	return try(v, present)
}
