package standin

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A condition is a parsed condition, filter or key condition.
type condition interface{ holds(it item) bool }

type (
	andCond     struct{ a, b condition }
	orCond      struct{ a, b condition }
	notCond     struct{ c condition }
	compareCond struct {
		op   string
		a, b operand
	}
	betweenCond struct{ x, lo, hi operand }
	inCond      struct {
		x    operand
		list []operand
	}
	funcCond struct {
		name string
		args []operand
	}
)

// An operand is a path, a constant, or size of one of them.
type operand struct {
	path  path // nil for a constant
	val   value
	size  bool
	isVal bool
}

func (o operand) at(it item) (value, bool) {
	v, ok := o.val, true
	if o.path != nil {
		v, ok = o.path.at(it)
	}
	if !ok || !o.size {
		return v, ok
	}
	n := 0
	switch v.kind {
	case "S", "B":
		n = len(v.s)
	case "L":
		n = len(v.list)
	case "M":
		n = len(v.m)
	case "SS", "NS", "BS":
		n = len(v.set)
	default:
		return value{}, false
	}
	return value{kind: "N", s: fmt.Sprint(n)}, true
}

// maxOperators is DynamoDB's limit of operators and functions in one expression.
const maxOperators = 300

// parseCondition reads a whole condition of the given kind.
func parseCondition(kind, src string, n *names) (condition, error) {
	p, err := newParser(kind, src, n)
	if err != nil {
		return nil, err
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.ops > maxOperators {
		return nil, p.errorf("The expression contains too many operators; operator count: %d", p.ops)
	}
	return c, p.end()
}

func (p *parser) or() (condition, error) {
	a, err := p.and()
	for err == nil && p.take("OR") {
		p.ops++
		var b condition
		b, err = p.and()
		a = orCond{a, b}
	}
	return a, err
}

func (p *parser) and() (condition, error) {
	a, err := p.not()
	for err == nil && p.take("AND") {
		p.ops++
		var b condition
		b, err = p.not()
		a = andCond{a, b}
	}
	return a, err
}

func (p *parser) not() (condition, error) {
	if !p.take("NOT") {
		return p.primary()
	}
	p.ops++
	c, err := p.not()
	return notCond{c}, err
}

func (p *parser) primary() (condition, error) {
	if p.take("(") {
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		return c, p.want(")")
	}
	if p.calls() && p.peek().text != "size" {
		return p.function()
	}
	x, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.ops++
	switch t := p.peek(); {
	case p.take("BETWEEN"):
		return p.between(x)
	case p.take("IN"):
		return p.in(x)
	case t.kind == 'o' && slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, t.text):
		p.pos++
		y, err := p.operand()
		if err != nil {
			return nil, err
		}
		return p.comparison(t.text, x, y)
	}
	return nil, p.unexpected()
}

// calls tells whether a function call begins here.
func (p *parser) calls() bool {
	return p.peek().kind == 'i' && p.toks[p.pos+1].kind == 'o' && p.toks[p.pos+1].text == "("
}

func (p *parser) comparison(op string, x, y operand) (condition, error) {
	if x.path != nil && y.path != nil && x.path.equal(y.path) && x.size == y.size {
		return nil, p.errorf("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", op, x.path)
	}
	if op != "=" && op != "<>" {
		for _, o := range []operand{x, y} {
			if err := p.ordered(op, o); err != nil {
				return nil, err
			}
		}
	}
	return compareCond{op, x, y}, nil
}

// ordered refuses a constant that has no order.
func (p *parser) ordered(op string, o operand) error {
	if o.isVal && !o.size && o.val.kind != "S" && o.val.kind != "N" && o.val.kind != "B" {
		return p.errorf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, o.val.kind)
	}
	return nil
}

func (p *parser) between(x operand) (condition, error) {
	lo, err := p.operand()
	if err != nil {
		return nil, err
	}
	if err := p.want("AND"); err != nil {
		return nil, err
	}
	hi, err := p.operand()
	if err != nil {
		return nil, err
	}
	for _, o := range []operand{x, lo, hi} {
		if err := p.ordered("BETWEEN", o); err != nil {
			return nil, err
		}
	}
	if lo.isVal && hi.isVal {
		c, ok := lo.val.compare(hi.val)
		if !ok {
			return nil, p.errorf("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", lo.val.shown(), hi.val.shown())
		}
		if c > 0 {
			return nil, p.errorf("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", lo.val.shown(), hi.val.shown())
		}
	}
	return betweenCond{x, lo, hi}, nil
}

// shown spells a scalar as AWS's error texts do.
func (v value) shown() string { return "{" + v.kind + ":" + v.s + "}" }

func (p *parser) in(x operand) (condition, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	c := inCond{x: x}
	for {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		if c.list = append(c.list, o); len(c.list) > 100 {
			return nil, p.errorf("Too many operands for operator or function; operator or function: IN, number of operands: %d", len(c.list))
		}
		if !p.take(",") {
			return c, p.want(")")
		}
	}
}

func (p *parser) operand() (operand, error) {
	switch {
	case p.peek().kind == ':':
		v, err := p.value()
		return operand{val: v, isVal: true}, err
	case p.calls():
		if name := p.peek().text; name != "size" {
			if conditionFuncs[name] == 0 {
				return operand{}, p.errorf("Invalid function name; function: %s", name)
			}
			return operand{}, p.errorf("The function is not allowed to be used this way in an expression; function: %s", name)
		}
		p.pos += 2
		p.ops++
		o, err := p.operand()
		if err != nil {
			return o, err
		}
		if o.size {
			return o, p.errorf("The function is not allowed to be used this way in an expression; function: size")
		}
		o.size = true
		return o, p.want(")")
	}
	pa, err := p.path()
	return operand{path: pa}, err
}

// conditionFuncs are the functions that are conditions, with their number of operands.
var conditionFuncs = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2,
}

const attributeTypes = "B BOOL BS L M N NS NULL S SS"

func (p *parser) function() (condition, error) {
	name := p.next().text
	want, known := conditionFuncs[name]
	if !known {
		if name == "if_not_exists" || name == "list_append" {
			return nil, p.errorf("The function is not allowed in a %s; function: %s", conditionWord(p.kind), name)
		}
		return nil, p.errorf("Invalid function name; function: %s", name)
	}
	p.ops++
	p.pos++ // "("
	f := funcCond{name: name}
	for {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		f.args = append(f.args, o)
		if !p.take(",") {
			break
		}
	}
	if err := p.want(")"); err != nil {
		return nil, err
	}
	if len(f.args) != want {
		return nil, p.errorf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(f.args))
	}
	if want == 1 && f.args[0].path == nil {
		return nil, p.errorf("Operator or function requires a document path; operator or function: %s", name)
	}
	if want == 2 {
		return f, p.checkPair(name, f.args[0], f.args[1])
	}
	return f, nil
}

// conditionWord is how AWS speaks of the kind of expression inside a sentence.
func conditionWord(kind string) string {
	return map[string]string{"ConditionExpression": "condition expression", "FilterExpression": "filter expression",
		"KeyConditionExpression": "key condition expression"}[kind]
}

func (p *parser) checkPair(name string, a, b operand) error {
	if a.path != nil && b.path != nil && a.path.equal(b.path) && a.size == b.size {
		return p.errorf("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", name, a.path)
	}
	if !b.isVal || b.size {
		return nil
	}
	switch {
	case name == "attribute_type" && b.val.kind != "S",
		name == "begins_with" && b.val.kind != "S" && b.val.kind != "B":
		return p.errorf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", name, b.val.kind)
	case name == "attribute_type" && !slices.Contains(strings.Fields(attributeTypes), b.val.s):
		return p.errorf("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", b.val.s)
	}
	return nil
}

func (c andCond) holds(it item) bool { return c.a.holds(it) && c.b.holds(it) }
func (c orCond) holds(it item) bool  { return c.a.holds(it) || c.b.holds(it) }
func (c notCond) holds(it item) bool { return !c.c.holds(it) }

func (c compareCond) holds(it item) bool {
	a, okA := c.a.at(it)
	b, okB := c.b.at(it)
	if !okA || !okB {
		return c.op == "<>" && okA != okB
	}
	switch c.op {
	case "=":
		return a.equal(b)
	case "<>":
		return !a.equal(b)
	}
	n, ok := a.compare(b)
	if !ok {
		return false
	}
	switch c.op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

func (c betweenCond) holds(it item) bool {
	return compareCond{">=", c.x, c.lo}.holds(it) && compareCond{"<=", c.x, c.hi}.holds(it)
}

func (c inCond) holds(it item) bool {
	return slices.ContainsFunc(c.list, func(o operand) bool { return compareCond{"=", c.x, o}.holds(it) })
}

func (c funcCond) holds(it item) bool {
	v, ok := c.args[0].at(it)
	switch c.name {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	w, ok2 := c.args[1].at(it)
	if !ok || !ok2 {
		return false
	}
	switch c.name {
	case "attribute_type":
		return v.kind == w.s
	case "begins_with":
		return v.kind == w.kind && (v.kind == "S" || v.kind == "B") && strings.HasPrefix(v.s, w.s)
	}
	return v.contains(w)
}

// contains is the function of that name: a part of a string or binary, a member of a set, an element of a list.
func (v value) contains(w value) bool {
	switch v.kind {
	case "S", "B":
		return v.kind == w.kind && strings.Contains(v.s, w.s)
	case "SS", "NS", "BS":
		return v.kind == w.kind+"S" && slices.Contains(v.set, w.s)
	case "L":
		return slices.ContainsFunc(v.list, w.equal)
	}
	return false
}

// paths appends the paths that c reads.
func paths(c condition, out []path) []path {
	add := func(list ...operand) {
		for _, o := range list {
			if o.path != nil {
				out = append(out, o.path)
			}
		}
	}
	switch c := c.(type) {
	case andCond:
		return paths(c.b, paths(c.a, out))
	case orCond:
		return paths(c.b, paths(c.a, out))
	case notCond:
		return paths(c.c, out)
	case compareCond:
		add(c.a, c.b)
	case betweenCond:
		add(c.x, c.lo, c.hi)
	case inCond:
		add(append(slices.Clone(c.list), c.x)...)
	case funcCond:
		add(c.args...)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
