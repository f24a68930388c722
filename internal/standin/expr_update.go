package standin

import (
	"slices"
	"strings"
)

// An update is a parsed UpdateExpression.
type update struct {
	set    []setAction
	remove []path
	add    []valueAction
	delete []valueAction
}

type setAction struct {
	to   path
	a, b *setOperand // b is nil for a plain value
	op   string      // + or -
}

// A setOperand is one side of a SET: a path, a constant, if_not_exists(path, x) or list_append(x, y).
type setOperand struct {
	fn   string
	path path
	val  value
	args []*setOperand
}

type valueAction struct {
	to  path
	val value
}

// parseUpdate reads a whole update expression.
func parseUpdate(src string, n *names) (*update, error) {
	p, err := newParser("UpdateExpression", src, n)
	if err != nil {
		return nil, err
	}
	u := &update{}
	seen := map[string]bool{}
	for p.peek().kind != 'e' {
		t := p.next()
		section := strings.ToUpper(t.text)
		if t.kind != 'i' || !slices.Contains([]string{"SET", "REMOVE", "ADD", "DELETE"}, section) {
			p.pos--
			return nil, p.unexpected()
		}
		if seen[section] {
			return nil, p.errorf("The \"%s\" section can only be used once in an update expression;", section)
		}
		seen[section] = true
		for {
			if err := p.action(u, section); err != nil {
				return nil, err
			}
			if !p.take(",") {
				break
			}
		}
	}
	return u, p.overlaps(u.targets())
}

func (p *parser) action(u *update, section string) error {
	to, err := p.path()
	if err != nil {
		return err
	}
	switch section {
	case "SET":
		if err := p.want("="); err != nil {
			return err
		}
		a, err := p.setAction(to)
		u.set = append(u.set, a)
		return err
	case "REMOVE":
		u.remove = append(u.remove, to)
		return nil
	}
	if p.peek().kind != ':' {
		return p.unexpected()
	}
	v, err := p.value()
	if err != nil {
		return err
	}
	isSet := v.kind == "SS" || v.kind == "NS" || v.kind == "BS"
	if !isSet && (section == "DELETE" || v.kind != "N") {
		return p.errorf("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", section, longType[v.kind], section)
	}
	if section == "ADD" {
		u.add = append(u.add, valueAction{to, v})
	} else {
		u.delete = append(u.delete, valueAction{to, v})
	}
	return nil
}

var longType = map[string]string{"S": "STRING", "N": "NUMBER", "B": "BINARY", "BOOL": "BOOLEAN", "NULL": "NULL",
	"L": "LIST", "M": "MAP", "SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET"}

func (p *parser) setAction(to path) (setAction, error) {
	a, err := p.setOperand()
	if err != nil {
		return setAction{}, err
	}
	out := setAction{to: to, a: a}
	for _, op := range []string{"+", "-"} {
		if !p.take(op) {
			continue
		}
		b, err := p.setOperand()
		if err != nil {
			return out, err
		}
		for _, o := range []*setOperand{a, b} {
			if o.constant() && o.val.kind != "N" {
				return out, p.errorf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, o.val.kind)
			}
		}
		out.op, out.b = op, b
		break
	}
	return out, nil
}

func (o *setOperand) constant() bool { return o.fn == "" && o.path == nil }

func (p *parser) setOperand() (*setOperand, error) {
	if p.peek().kind == ':' {
		v, err := p.value()
		return &setOperand{val: v}, err
	}
	if !p.calls() {
		pa, err := p.path()
		return &setOperand{path: pa}, err
	}
	o := &setOperand{fn: p.peek().text}
	if o.fn != "if_not_exists" && o.fn != "list_append" {
		if conditionFuncs[o.fn] > 0 || o.fn == "size" {
			return nil, p.errorf("The function is not allowed in an update expression; function: %s", o.fn)
		}
		return nil, p.errorf("Invalid function name; function: %s", o.fn)
	}
	p.pos += 2
	for {
		a, err := p.setOperand()
		if err != nil {
			return nil, err
		}
		o.args = append(o.args, a)
		if !p.take(",") {
			break
		}
	}
	if err := p.want(")"); err != nil {
		return nil, err
	}
	switch {
	case len(o.args) != 2:
		return nil, p.errorf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", o.fn, len(o.args))
	case o.fn == "if_not_exists" && o.args[0].path == nil:
		return nil, p.errorf("Operator or function requires a document path; operator or function: if_not_exists")
	case o.fn == "list_append":
		for _, a := range o.args {
			if a.constant() && a.val.kind != "L" {
				return nil, p.errorf("Incorrect operand type for operator or function; operator or function: list_append, operand type: %s", a.val.kind)
			}
		}
	}
	return o, nil
}

// targets are the paths that u writes, in the order of its sections.
func (u *update) targets() []path {
	var out []path
	for _, a := range u.set {
		out = append(out, a.to)
	}
	out = append(out, u.remove...)
	for _, a := range u.add {
		out = append(out, a.to)
	}
	for _, a := range u.delete {
		out = append(out, a.to)
	}
	return out
}

// overlaps refuses two paths of which one leads into the other, or that treat one attribute as list and map.
func (p *parser) overlaps(list []path) error {
	for i, a := range list {
		for _, b := range list[i+1:] {
			n := min(len(a), len(b))
			k := 0
			for k < n && a[k] == b[k] {
				k++
			}
			switch {
			case k == n:
				return p.errorf("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", a, b)
			case k > 0 && a[k].isIndex() != b[k].isIndex():
				return p.errorf("Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", a, b)
			}
		}
	}
	return nil
}

// parseProjection reads a ProjectionExpression.
func parseProjection(src string, n *names) ([]path, error) {
	p, err := newParser("ProjectionExpression", src, n)
	if err != nil {
		return nil, err
	}
	var out []path
	for {
		pa, err := p.path()
		if err != nil {
			return nil, err
		}
		out = append(out, pa)
		if !p.take(",") {
			break
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return out, p.overlaps(out)
}

var (
	errPath    = invalid("The document path provided in the update expression is invalid for update")
	errOperand = invalid("An operand in the update expression has an incorrect data type")
	errMissing = invalid("The provided expression refers to an attribute that does not exist in the item")
)

func (o *setOperand) at(it item) (value, error) {
	switch {
	case o.fn == "if_not_exists":
		if v, ok := o.args[0].path.at(it); ok {
			return v, nil
		}
		return o.args[1].at(it)
	case o.fn == "list_append":
		a, err := o.args[0].at(it)
		if err != nil {
			return a, err
		}
		b, err := o.args[1].at(it)
		if err != nil {
			return b, err
		}
		if a.kind != "L" || b.kind != "L" {
			return a, errOperand
		}
		return value{kind: "L", list: slices.Concat(a.list, b.list)}, nil
	case o.path != nil:
		v, ok := o.path.at(it)
		if !ok {
			return v, errMissing
		}
		return v, nil
	}
	return o.val, nil
}

func (a setAction) value(it item) (value, error) {
	x, err := a.a.at(it)
	if err != nil || a.b == nil {
		return x, err
	}
	y, err := a.b.at(it)
	if err != nil {
		return y, err
	}
	if x.kind != "N" || y.kind != "N" {
		return x, errOperand
	}
	s, err := addNumbers(x.s, y.s, a.op == "-")
	return value{kind: "N", s: s}, err
}

// apply returns the item after the update; it leaves before alone. Every operand is read from before, as if
// all actions happened at once; list positions count in before, too.
func (u *update) apply(before item) (item, error) {
	after := cloneItem(before)
	type assign struct {
		to  path
		val value
	}
	var sets []assign
	for _, a := range u.set {
		v, err := a.value(before)
		if err != nil {
			return nil, err
		}
		sets = append(sets, assign{a.to, v.clone()})
	}
	// beyond the end of a list, elements are appended in the order of their positions
	slices.SortStableFunc(sets, func(a, b assign) int { return a.to[len(a.to)-1].index - b.to[len(b.to)-1].index })
	for _, a := range sets {
		if err := put(after, a.to, a.val); err != nil {
			return nil, err
		}
	}
	for _, a := range u.add {
		v, err := added(before, a)
		if err != nil {
			return nil, err
		}
		if err := put(after, a.to, v); err != nil {
			return nil, err
		}
	}
	for _, a := range u.delete {
		if err := subtract(after, a); err != nil {
			return nil, err
		}
	}
	gone := slices.Clone(u.remove)
	slices.SortStableFunc(gone, func(a, b path) int { return b[len(b)-1].index - a[len(a)-1].index })
	for _, pa := range gone {
		if err := drop(after, pa); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// put sets the attribute at pa, whose parent must be there.
func put(it item, pa path, v value) error {
	if len(pa) == 1 {
		it[pa[0].name] = v
		return nil
	}
	parent, ok := pa[:len(pa)-1].at(it)
	last := pa[len(pa)-1]
	switch {
	case !ok || last.isIndex() && parent.kind != "L" || !last.isIndex() && parent.kind != "M":
		return errPath
	case !last.isIndex():
		parent.m[last.name] = v
		return nil
	case last.index < len(parent.list):
		parent.list[last.index] = v
		return nil
	}
	parent.list = append(parent.list, v)
	return put(it, pa[:len(pa)-1], parent)
}

// drop removes the attribute at pa; that it is not there is no error, that its parent is not, is.
func drop(it item, pa path) error {
	if len(pa) == 1 {
		delete(it, pa[0].name)
		return nil
	}
	parent, ok := pa[:len(pa)-1].at(it)
	last := pa[len(pa)-1]
	switch {
	case !ok || last.isIndex() && parent.kind != "L" || !last.isIndex() && parent.kind != "M":
		return errPath
	case !last.isIndex():
		delete(parent.m, last.name)
		return nil
	case last.index >= len(parent.list):
		return nil
	}
	parent.list = slices.Delete(slices.Clone(parent.list), last.index, last.index+1)
	return put(it, pa[:len(pa)-1], parent)
}

func added(it item, a valueAction) (value, error) {
	have, ok := a.to.at(it)
	switch {
	case !ok:
		return a.val.clone(), nil
	case have.kind != a.val.kind:
		return have, errOperand
	case have.kind == "N":
		s, err := addNumbers(have.s, a.val.s, false)
		return value{kind: "N", s: s}, err
	}
	set := slices.Concat(have.set, a.val.set)
	sortSet(have.kind, set)
	return value{kind: have.kind, set: slices.Compact(set)}, nil
}

func subtract(it item, a valueAction) error {
	have, ok := a.to.at(it)
	if !ok {
		return nil
	}
	if have.kind != a.val.kind {
		return errOperand
	}
	have.set = slices.DeleteFunc(slices.Clone(have.set), func(s string) bool { return slices.Contains(a.val.set, s) })
	if len(have.set) == 0 {
		return drop(it, a.to)
	}
	return put(it, a.to, have)
}

// pick returns only what the paths lead to, in the shape it has in the item; chosen list elements close up.
func pick(it item, list []path) item {
	out := item{}
	byName := map[string][]path{}
	for _, pa := range list {
		byName[pa[0].name] = append(byName[pa[0].name], pa[1:])
	}
	for name, rest := range byName {
		v, ok := it[name]
		if !ok {
			continue
		}
		if v, ok = pickValue(v, rest); ok {
			out[name] = v
		}
	}
	return out
}

func pickValue(v value, rest []path) (value, bool) {
	byStep := map[step][]path{}
	for _, pa := range rest {
		if len(pa) == 0 {
			return v, true
		}
		byStep[pa[0]] = append(byStep[pa[0]], pa[1:])
	}
	switch v.kind {
	case "M":
		out := value{kind: "M", m: item{}}
		for st, rest := range byStep {
			if x, ok := v.m[st.name]; ok && !st.isIndex() {
				if x, ok = pickValue(x, rest); ok {
					out.m[st.name] = x
				}
			}
		}
		return out, len(out.m) > 0
	case "L":
		out := value{kind: "L"}
		for i, x := range v.list {
			if rest, ok := byStep[step{index: i}]; ok {
				if x, ok = pickValue(x, rest); ok {
					out.list = append(out.list, x)
				}
			}
		}
		return out, len(out.list) > 0
	}
	return value{}, false
}
