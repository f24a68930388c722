package standin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A value is one DynamoDB attribute value. Which fields mean something depends on kind.
type value struct {
	kind string           // S N B BOOL NULL L M SS NS BS
	s    string           // S; N normalised; B as raw bytes
	b    bool             // BOOL
	list []value          // L
	m    map[string]value // M
	set  []string         // SS, NS, BS as s would hold each; in order, without duplicates
}

// An item is a row: attribute names and values.
type item = map[string]value

// maxDepth bounds nesting, as DynamoDB does.
const maxDepth = 32

// wireValue is an attribute value in DynamoDB's JSON.
type wireValue struct {
	S    *string               `json:"S"`
	N    *string               `json:"N"`
	B    *[]byte               `json:"B"`
	BOOL *bool                 `json:"BOOL"`
	NULL *bool                 `json:"NULL"`
	L    *[]wireValue          `json:"L"`
	M    *map[string]wireValue `json:"M"`
	SS   *[]string             `json:"SS"`
	NS   *[]string             `json:"NS"`
	BS   *[][]byte             `json:"BS"`
}

type wireItem map[string]wireValue

func (w wireItem) item() (item, error) {
	out := make(item, len(w))
	for k, v := range w {
		if k == "" {
			return nil, invalid("One or more parameter values were invalid: An AttributeValue may not contain an empty attribute name")
		}
		x, err := v.value(0)
		if err != nil {
			return nil, err
		}
		out[k] = x
	}
	return out, nil
}

func (w *wireValue) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, invalid("Nesting Levels have exceeded supported limits")
	}
	n := 0
	for _, set := range []bool{w.S != nil, w.N != nil, w.B != nil, w.BOOL != nil, w.NULL != nil, w.L != nil, w.M != nil, w.SS != nil, w.NS != nil, w.BS != nil} {
		if set {
			n++
		}
	}
	switch {
	case n == 0:
		return value{}, invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case n > 1:
		return value{}, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	switch {
	case w.S != nil:
		return value{kind: "S", s: *w.S}, nil
	case w.N != nil:
		num, err := normalNumber(*w.N)
		return value{kind: "N", s: num}, err
	case w.B != nil:
		return value{kind: "B", s: string(*w.B)}, nil
	case w.BOOL != nil:
		return value{kind: "BOOL", b: *w.BOOL}, nil
	case w.NULL != nil:
		if !*w.NULL {
			return value{}, invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
		return value{kind: "NULL"}, nil
	case w.L != nil:
		out := value{kind: "L", list: make([]value, 0, len(*w.L))}
		for i := range *w.L {
			x, err := (*w.L)[i].value(depth + 1)
			if err != nil {
				return value{}, err
			}
			out.list = append(out.list, x)
		}
		return out, nil
	case w.M != nil:
		out := value{kind: "M", m: make(item, len(*w.M))}
		for k, v := range *w.M {
			x, err := v.value(depth + 1)
			if err != nil {
				return value{}, err
			}
			out.m[k] = x
		}
		return out, nil
	case w.SS != nil:
		return newSet("SS", "string", *w.SS)
	case w.NS != nil:
		nums := make([]string, 0, len(*w.NS))
		for _, s := range *w.NS {
			num, err := normalNumber(s)
			if err != nil {
				return value{}, err
			}
			nums = append(nums, num)
		}
		return newSet("NS", "number", nums)
	}
	raw := make([]string, 0, len(*w.BS))
	for _, b := range *w.BS {
		raw = append(raw, string(b))
	}
	return newSet("BS", "binary", raw)
}

func newSet(kind, word string, members []string) (value, error) {
	if len(members) == 0 {
		return value{}, invalid("One or more parameter values were invalid: An " + word + " set  may not be empty")
	}
	shown := members
	set := slices.Clone(members)
	sortSet(kind, set)
	if len(slices.Compact(slices.Clone(set))) != len(set) {
		return value{}, invalid(fmt.Sprintf("One or more parameter values were invalid: Input collection [%s] contains duplicates.", strings.Join(shown, ", ")))
	}
	return value{kind: kind, set: set}, nil
}

func sortSet(kind string, set []string) {
	if kind == "NS" {
		slices.SortFunc(set, compareNumbers)
		return
	}
	slices.Sort(set)
}

// size is what the value adds to its item's size, in bytes, as DynamoDB documents it.
func (v value) size() int {
	switch v.kind {
	case "S", "B":
		return len(v.s)
	case "N":
		return numberSize(v.s)
	case "BOOL", "NULL":
		return 1
	case "L":
		n := 3
		for _, x := range v.list {
			n += x.size() + 1
		}
		return n
	case "M":
		n := 3
		for k, x := range v.m {
			n += len(k) + x.size() + 1
		}
		return n
	case "NS":
		n := 0
		for _, s := range v.set {
			n += numberSize(s)
		}
		return n
	}
	n := 0
	for _, s := range v.set {
		n += len(s)
	}
	return n
}

func itemSize(it item) int {
	n := 0
	for k, v := range it {
		n += len(k) + v.size()
	}
	return n
}

// appendItem writes it in DynamoDB's JSON with names and set members in order, so that equal items have equal
// bytes.
func appendItem(b []byte, it item) []byte {
	names := make([]string, 0, len(it))
	for k := range it {
		names = append(names, k)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, k := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendValue(b, it[k])
	}
	return append(b, '}')
}

func appendValue(b []byte, v value) []byte {
	b = append(b, `{"`...)
	b = append(b, v.kind...)
	b = append(b, `":`...)
	switch v.kind {
	case "S", "N":
		b = appendString(b, v.s)
	case "B":
		b = appendBinary(b, v.s)
	case "BOOL":
		if v.b {
			b = append(b, "true"...)
		} else {
			b = append(b, "false"...)
		}
	case "NULL":
		b = append(b, "true"...)
	case "L":
		b = append(b, '[')
		for i, x := range v.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, x)
		}
		b = append(b, ']')
	case "M":
		b = appendItem(b, v.m)
	default:
		b = append(b, '[')
		for i, x := range v.set {
			if i > 0 {
				b = append(b, ',')
			}
			if v.kind == "BS" {
				b = appendBinary(b, x)
			} else {
				b = appendString(b, x)
			}
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendBinary(b []byte, raw string) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, []byte(raw))
	return append(b, '"')
}

// appendString writes a JSON string. Only what JSON demands is escaped.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			var buf bytes.Buffer
			enc := json.NewEncoder(&buf)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(s) // a string always encodes
			return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// readItem reads what appendItem wrote.
func readItem(data []byte) (item, error) {
	var w wireItem
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("reading a stored item: %w", err)
	}
	return w.item()
}

// equal compares values as "=" does: of different kinds never.
func (v value) equal(o value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case "BOOL":
		return v.b == o.b
	case "NULL":
		return true
	case "L":
		return slices.EqualFunc(v.list, o.list, value.equal)
	case "M":
		if len(v.m) != len(o.m) {
			return false
		}
		for k, x := range v.m {
			y, ok := o.m[k]
			if !ok || !x.equal(y) {
				return false
			}
		}
		return true
	case "SS", "NS", "BS":
		return slices.Equal(v.set, o.set)
	}
	return v.s == o.s
}

// compare orders two values of the same kind S, N or B; ok is false for all others.
func (v value) compare(o value) (c int, ok bool) {
	if v.kind != o.kind {
		return 0, false
	}
	switch v.kind {
	case "S", "B":
		return strings.Compare(v.s, o.s), true
	case "N":
		return compareNumbers(v.s, o.s), true
	}
	return 0, false
}

// clone copies v so deeply that an update of the copy leaves v alone.
func (v value) clone() value {
	switch v.kind {
	case "L":
		out := make([]value, len(v.list))
		for i, x := range v.list {
			out[i] = x.clone()
		}
		v.list = out
	case "M":
		v.m = cloneItem(v.m)
	case "SS", "NS", "BS":
		v.set = slices.Clone(v.set)
	}
	return v
}

func cloneItem(it item) item {
	out := make(item, len(it))
	for k, x := range it {
		out[k] = x.clone()
	}
	return out
}
