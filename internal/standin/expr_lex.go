package standin

import (
	"fmt"
	"strconv"
	"strings"
)

// maxExpression is DynamoDB's limit on the length of one expression, in bytes.
const maxExpression = 4096

// A lexeme is one token of an expression. kind is 'i' identifier, '#' name, ':' value, '0' number, 'o' operator
// or punctuation, 'e' end.
type lexeme struct {
	kind       byte
	text       string
	start, end int
}

// names are a request's ExpressionAttributeNames and -Values, and which of them its expressions used.
type names struct {
	names  map[string]string
	values map[string]value
	used   map[string]bool // "#name" and ":value"
	exprs  int             // expressions read
}

func newNames(n map[string]string, v item) (*names, error) {
	for k := range n {
		if len(k) < 2 || k[0] != '#' || !wordOnly(k[1:]) {
			return nil, invalid(fmt.Sprintf("ExpressionAttributeNames contains invalid key: Syntax error; key: \"%s\"", k))
		}
	}
	for k := range v {
		if len(k) < 2 || k[0] != ':' || !wordOnly(k[1:]) {
			return nil, invalid(fmt.Sprintf("ExpressionAttributeValues contains invalid key: Syntax error; key: \"%s\"", k))
		}
	}
	return &names{names: n, values: v, used: map[string]bool{}}, nil
}

func wordOnly(s string) bool {
	for i := range len(s) {
		if !wordByte(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// unused complains of names and values that no expression of the request mentions.
func (n *names) unused() error {
	if n.exprs == 0 {
		switch {
		case len(n.names) > 0:
			return invalid("ExpressionAttributeNames can only be specified when using expressions")
		case len(n.values) > 0:
			return invalid("ExpressionAttributeValues can only be specified when using expressions")
		}
		return nil
	}
	for _, m := range []struct {
		what string
		keys []string
	}{{"ExpressionAttributeNames", sortedKeys(n.names)}, {"ExpressionAttributeValues", sortedKeys(n.values)}} {
		var idle []string
		for _, k := range m.keys {
			if !n.used[k] {
				idle = append(idle, k)
			}
		}
		if len(idle) > 0 {
			return invalid("Value provided in " + m.what + " unused in expressions: keys: {" + strings.Join(idle, ", ") + "}")
		}
	}
	return nil
}

// A parser reads one expression of the given kind, such as ConditionExpression.
type parser struct {
	kind string
	src  string
	toks []lexeme
	pos  int
	n    *names
	ops  int
}

func newParser(kind, src string, n *names) (*parser, error) {
	n.exprs++
	p := &parser{kind: kind, src: src, n: n}
	if len(src) > maxExpression {
		return nil, p.errorf("Expression size has exceeded the maximum allowed size; expression size: %d", len(src))
	}
	if strings.TrimSpace(src) == "" {
		return nil, p.errorf("The expression can not be empty;")
	}
	return p, p.lex()
}

func (p *parser) errorf(format string, args ...any) error {
	return invalid("Invalid " + p.kind + ": " + fmt.Sprintf(format, args...))
}

func (p *parser) lex() error {
	s := p.src
	for i := 0; i < len(s); {
		c, start := s[i], i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '#' || c == ':':
			for i++; i < len(s) && (wordByte(s[i]) || s[i] == '-'); i++ {
			}
			if i == start+1 {
				return p.badToken(s[start:i], start, i)
			}
			p.add(c, start, i)
		case c >= '0' && c <= '9':
			for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			}
			p.add('0', start, i)
		case wordByte(c):
			for ; i < len(s) && wordByte(s[i]); i++ {
			}
			p.add('i', start, i)
		case strings.HasPrefix(s[i:], "<>") || strings.HasPrefix(s[i:], "<=") || strings.HasPrefix(s[i:], ">="):
			i += 2
			p.add('o', start, i)
		case strings.IndexByte("=<>()[],.+-", c) >= 0:
			i++
			p.add('o', start, i)
		default:
			return p.badToken(s[start:start+1], start, i+1)
		}
	}
	p.toks = append(p.toks, lexeme{kind: 'e', text: "<EOF>", start: len(s), end: len(s)})
	return nil
}

func (p *parser) add(kind byte, start, end int) {
	p.toks = append(p.toks, lexeme{kind, p.src[start:end], start, end})
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (p *parser) badToken(tok string, start, end int) error {
	from := 0
	if len(p.toks) > 0 {
		from = p.toks[len(p.toks)-1].start
	}
	rest := strings.TrimLeft(p.src[end:], " ")
	next, _, _ := strings.Cut(rest, " ")
	end = len(p.src) - len(rest) + len(next)
	return p.errorf("Syntax error; token: \"%s\", near: \"%s\"", tok, p.src[min(from, start):end])
}

func (p *parser) peek() lexeme { return p.toks[p.pos] }

func (p *parser) next() lexeme {
	t := p.toks[p.pos]
	if t.kind != 'e' {
		p.pos++
	}
	return t
}

// unexpected is the syntax error at the current token, worded with its neighbours.
func (p *parser) unexpected() error {
	t := p.peek()
	from, to := t.start, t.end
	if p.pos > 0 {
		from = p.toks[p.pos-1].start
	}
	if p.pos+1 < len(p.toks) {
		to = p.toks[p.pos+1].end
	}
	return p.errorf("Syntax error; token: \"%s\", near: \"%s\"", t.text, p.src[from:to])
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return t.kind == 'o' && t.text == text
}

// word tells whether the current token is the keyword, in either case.
func (p *parser) word(kw string) bool {
	t := p.peek()
	return t.kind == 'i' && strings.EqualFold(t.text, kw)
}

func (p *parser) take(text string) bool {
	if p.is(text) || p.word(text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) want(text string) error {
	if !p.take(text) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) end() error {
	if p.peek().kind != 'e' {
		return p.unexpected()
	}
	return nil
}

// A path leads to an attribute: a name, then names and list positions.
type path []step

type step struct {
	name  string
	index int // where name is ""
}

func (s step) isIndex() bool { return s.name == "" }

// String spells the path as AWS's error texts do.
func (pa path) String() string {
	var b strings.Builder
	for i, st := range pa {
		if i > 0 {
			b.WriteString(", ")
		}
		if st.isIndex() {
			b.WriteString("[" + strconv.Itoa(st.index) + "]")
		} else {
			b.WriteString(st.name)
		}
	}
	return "[" + b.String() + "]"
}

func (pa path) equal(o path) bool {
	if len(pa) != len(o) {
		return false
	}
	for i := range pa {
		if pa[i] != o[i] {
			return false
		}
	}
	return true
}

// path reads a document path.
func (p *parser) path() (path, error) {
	var out path
	for {
		name, err := p.pathName()
		if err != nil {
			return nil, err
		}
		out = append(out, step{name: name})
		for p.take("[") {
			t := p.next()
			n, err := strconv.Atoi(t.text)
			if t.kind != '0' || err != nil {
				p.pos--
				return nil, p.unexpected()
			}
			out = append(out, step{index: n})
			if err := p.want("]"); err != nil {
				return nil, err
			}
		}
		if len(out) > maxDepth+1 {
			return nil, p.errorf("The document path has too many nesting elements; nesting levels: %d", len(out))
		}
		if !p.take(".") {
			return out, nil
		}
	}
}

func (p *parser) pathName() (string, error) {
	t := p.peek()
	switch t.kind {
	case '#':
		p.pos++
		real, ok := p.n.names[t.text]
		if !ok {
			return "", p.errorf("An expression attribute name used in the document path is not defined; attribute name: %s", t.text)
		}
		p.n.used[t.text] = true
		if real == "" {
			return "", invalid("ExpressionAttributeNames contains invalid value: Empty attribute name for key " + t.text)
		}
		return real, nil
	case 'i':
		if reserved(t.text) {
			return "", p.errorf("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
		p.pos++
		return t.text, nil
	}
	return "", p.unexpected()
}

// value reads a :value.
func (p *parser) value() (value, error) {
	t := p.next()
	v, ok := p.n.values[t.text]
	if !ok {
		return value{}, p.errorf("An expression attribute value used in expression is not defined; attribute value: %s", t.text)
	}
	p.n.used[t.text] = true
	return v, nil
}

// at returns what the path leads to.
func (pa path) at(it item) (value, bool) {
	if it == nil {
		return value{}, false
	}
	v, ok := it[pa[0].name]
	for _, st := range pa[1:] {
		if !ok {
			return value{}, false
		}
		switch {
		case st.isIndex():
			if v.kind != "L" || st.index >= len(v.list) {
				return value{}, false
			}
			v = v.list[st.index]
		case v.kind != "M":
			return value{}, false
		default:
			v, ok = v.m[st.name]
		}
	}
	return v, ok
}
