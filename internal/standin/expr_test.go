package standin

import (
	"strings"
	"testing"
)

// FuzzExpressions: whatever is written as an expression is refused in AWS's shape or evaluated, never a panic.
// What parses can be evaluated against an item and against none.
func FuzzExpressions(f *testing.F) {
	for _, s := range []string{
		"a = :v AND NOT (b.c[0] <> :w OR attribute_exists(#n))", "size(a) BETWEEN :v AND :w", "a IN (:v, :w)", "begins_with(a, :s)",
		"SET a = if_not_exists(b, :v) + :w, l[3] = :s REMOVE c, l[0] ADD n :v DELETE s :set", "a, b.c[1], #n.x", "SET a = list_append(:l, a)",
		"(((((", "a = = :v", "#", ":", "a[99999999999999999999]", "NOT NOT NOT", "contains(l, :v)", "SET a.b.c.d.e = :v", "remove l[1], l[0], l[7]",
	} {
		f.Add(s)
	}
	vals := item{":v": {kind: "N", s: "1"}, ":w": {kind: "N", s: "22.5"}, ":s": {kind: "S", s: "x"}, ":l": {kind: "L"}, ":set": {kind: "SS", set: []string{"a", "b"}}}
	it := item{"a": {kind: "N", s: "5"}, "b": {kind: "M", m: item{"c": {kind: "L", list: []value{{kind: "S", s: "x"}, {kind: "NULL"}}}}},
		"l": {kind: "L", list: []value{{kind: "S", s: "x"}, {kind: "N", s: "1"}}}, "s": {kind: "SS", set: []string{"a"}}, "n": {kind: "N", s: "9"}}
	before := string(appendItem(nil, it))
	f.Fuzz(func(t *testing.T, src string) {
		n, err := newNames(map[string]string{"#n": "n"}, vals)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := parseCondition("ConditionExpression", src, n); err == nil {
			c.holds(it)
			c.holds(nil)
			paths(c, nil)
			_, _ = keyTests(c)
		} else if !strings.HasPrefix(err.Error(), "ValidationException: ") {
			t.Errorf("condition %q: %v", src, err)
		}
		if u, err := parseUpdate(src, n); err == nil {
			if after, err := u.apply(it); err == nil {
				if _, err := readItem(appendItem(nil, after)); err != nil {
					t.Errorf("update %q made an item that cannot be read back: %v", src, err)
				}
			}
			_, _ = u.apply(item{})
		}
		if p, err := parseProjection(src, n); err == nil {
			pick(it, p)
		}
		if now := string(appendItem(nil, it)); now != before {
			t.Fatalf("%q changed the item it read: %s", src, now)
		}
	})
}

func TestErrorsAreWordedAsAWSWordsThem(t *testing.T) {
	one := item{":v": {kind: "N", s: "1"}}
	for _, c := range []struct {
		kind, src string
		want      string
	}{
		{"condition", "a = :w", "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :w"},
		{"condition", "#x = :v", "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #x"},
		{"condition", "status = :v", "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: status"},
		{"condition", "a = = :v", `Invalid ConditionExpression: Syntax error; token: "=", near: "= = :v"`},
		{"condition", "a =", `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="`},
		{"condition", "a ! :v", `Invalid ConditionExpression: Syntax error; token: "!", near: "a ! :v"`},
		{"condition", " ", "Invalid ConditionExpression: The expression can not be empty;"},
		{"condition", "a = a", "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]"},
		{"condition", "begins_with(a, :v)", "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"},
		{"condition", "nope(a)", "Invalid ConditionExpression: Invalid function name; function: nope"},
		{"update", "SET a = :v, a.b = :v", "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]"},
		{"update", "SET a[0] = :v, a.b = :v", "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], path two: [a, b]"},
		{"update", "SET a = :v SET b = :v", `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`},
		{"projection", "a, a.b", "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]"},
		{"unused", "b = :v", "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}"},
	} {
		var names map[string]string
		if c.kind == "unused" {
			names = map[string]string{"#n": "n"}
		}
		n, err := newNames(names, one)
		if err != nil {
			t.Fatal(err)
		}
		switch c.kind {
		case "condition":
			_, err = parseCondition("ConditionExpression", c.src, n)
		case "update":
			_, err = parseUpdate(c.src, n)
		case "projection":
			_, err = parseProjection(c.src, n)
		default:
			if _, err = parseCondition("ConditionExpression", c.src, n); err == nil {
				err = n.unused()
			}
		}
		if err == nil || err.Error() != "ValidationException: "+c.want {
			t.Errorf("%q: error = %v\nwant %s", c.src, err, c.want)
		}
	}
}

func TestSMSParts(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 1}, {strings.Repeat("a", 160), 1}, {strings.Repeat("a", 161), 2}, {strings.Repeat("é", 306), 2}, {strings.Repeat("é", 307), 3},
		{strings.Repeat("€", 80), 1}, {strings.Repeat("€", 81), 2}, {strings.Repeat("ê", 70), 1}, {strings.Repeat("ê", 71), 2}, {strings.Repeat("😀", 36), 2},
	} {
		if got := smsParts(c.text); got != c.want {
			t.Errorf("smsParts(%d × %.4q) = %d, want %d", len([]rune(c.text)), c.text, got, c.want)
		}
	}
}
