package template

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// A Value is one resolved node of the template: no intrinsic function is left in it, and what resolved to
// AWS::NoValue is absent. A nil *Value is an absent one; every method may be called on it.
type Value struct {
	Line   int
	kind   kind
	scalar string // for a scalar: its text
	plain  bool   // for a scalar: written without quotes, so that 5 is a number and true a boolean
	list   []*Value
	fields []field
}

type kind int

const (
	scalarKind kind = iota
	listKind
	mapKind
)

type field struct {
	name  string
	line  int // of the name
	value *Value
}

// Get returns the value under name, nil when absent or when v is not a map.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// At follows names one after the other.
func (v *Value) At(names ...string) *Value {
	for _, n := range names {
		v = v.Get(n)
	}
	return v
}

// Keys are the names in a map, in the order of the file.
func (v *Value) Keys() []string {
	if v == nil {
		return nil
	}
	out := make([]string, len(v.fields))
	for i, f := range v.fields {
		out[i] = f.name
	}
	return out
}

// List returns the elements of a list; a single value stands for a list of one.
func (v *Value) List() []*Value {
	switch {
	case v == nil:
		return nil
	case v.kind == listKind:
		return v.list
	}
	return []*Value{v}
}

// Strings are the texts of a list's scalars.
func (v *Value) Strings() []string {
	var out []string
	for _, e := range v.List() {
		out = append(out, e.Text())
	}
	return out
}

// Text is the text of a scalar, "" for anything else.
func (v *Value) Text() string {
	if v == nil || v.kind != scalarKind {
		return ""
	}
	return v.scalar
}

// IsMap, IsList and IsScalar tell what v is; all are false for an absent value.
func (v *Value) IsMap() bool    { return v != nil && v.kind == mapKind }
func (v *Value) IsList() bool   { return v != nil && v.kind == listKind }
func (v *Value) IsScalar() bool { return v != nil && v.kind == scalarKind }

// Bool is true for a scalar that says so.
func (v *Value) Bool() bool { return strings.EqualFold(v.Text(), "true") }

// Int is the number in a scalar, or def when v is absent. The schema has checked that it is one.
func (v *Value) Int(def int) int {
	if v == nil {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(v.Text()))
	if err != nil {
		return def
	}
	return n
}

// JSON spells v as JSON: an unquoted 5, true or null as such, every other scalar as a string.
func (v *Value) JSON() []byte {
	var b bytes.Buffer
	v.appendJSON(&b)
	return b.Bytes()
}

func (v *Value) appendJSON(b *bytes.Buffer) {
	switch {
	case v == nil:
		b.WriteString("null")
	case v.kind == listKind:
		b.WriteByte('[')
		for i, e := range v.list {
			if i > 0 {
				b.WriteByte(',')
			}
			e.appendJSON(b)
		}
		b.WriteByte(']')
	case v.kind == mapKind:
		b.WriteByte('{')
		for i, f := range v.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quoteJSON(f.name))
			b.WriteByte(':')
			f.value.appendJSON(b)
		}
		b.WriteByte('}')
	case v.plain && isJSONLiteral(v.scalar):
		b.WriteString(v.scalar)
	default:
		b.Write(quoteJSON(v.scalar))
	}
}

func isJSONLiteral(s string) bool {
	switch s {
	case "true", "false", "null":
		return true
	}
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func quoteJSON(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // a string always marshals
	}
	return b
}
