package standin

import (
	"bytes"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

type queryRequest struct {
	TableName                 *string
	IndexName                 *string
	KeyConditionExpression    *string
	FilterExpression          *string
	ProjectionExpression      *string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues wireItem
	ExclusiveStartKey         wireItem
	Limit                     *int
	ScanIndexForward          *bool
	ConsistentRead            bool
	Select                    string
	ReturnConsumedCapacity    string
}

// A plan of a query: what it reads, in which direction, and what it keeps.
type queryPlan struct {
	t       *Table
	ix      *Index // nil for the table itself
	key     KeySchema
	lo, hi  []byte // keys lo <= k < hi
	start   []byte // go on behind this key; nil to begin
	reverse bool
	limit   int // 0 for none
	filter  condition
	project projected
	count   bool // only count
}

func (s *Server) query(c *call) ([]byte, error) {
	var req queryRequest
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	p, err := s.planQuery(&req)
	if err != nil {
		return nil, err
	}
	var a answer
	items := []byte{'['}
	count, scanned, size := 0, 0, 0
	var last item
	err = s.db.View(func(tx *bbolt.Tx) error {
		for _, v := range p.scan(tx) {
			rec := readRecord(v)
			scanned++
			size += rec.size
			keep, out, err := p.take(rec)
			if err != nil {
				return err
			}
			if keep {
				if count++; !p.count {
					if count > 1 {
						items = append(items, ',')
					}
					items = append(items, out...)
				}
			}
			if scanned == p.limit || size >= pageBytes {
				it, err := readItem(rec.json)
				if err != nil {
					return err
				}
				last = keyItem(p.t.Key, it)
				for name, v := range keyItem(p.key, it) {
					last[name] = v
				}
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !p.count {
		a.member("Items", append(items, ']'))
	}
	a.member("Count", fmt.Append(nil, count))
	a.member("ScannedCount", fmt.Append(nil, scanned))
	if last != nil {
		a.member("LastEvaluatedKey", appendItem(nil, last))
	}
	u := units{}
	n := readUnits(size, req.ConsistentRead)
	if p.ix != nil {
		u.indexes = map[string]float64{p.ix.Name: n}
	} else {
		u.table = n
	}
	s.usage.table(p.t.Name, func(tu *TableUsage) {
		if p.ix != nil {
			tu.IndexRead[p.ix.Name] += n
		} else {
			tu.ReadUnits += n
		}
		tu.Calls["Query"]++
	})
	a.capacity(req.ReturnConsumedCapacity, p.t.Name, u)
	return a.done(), nil
}

// take applies filter and projection to one record.
func (p *queryPlan) take(rec record) (keep bool, out []byte, err error) {
	if p.filter == nil && p.project == nil {
		return true, rec.json, nil
	}
	it, err := readItem(rec.json)
	if err != nil {
		return false, nil, err
	}
	if p.filter != nil && !p.filter.holds(it) {
		return false, nil, nil
	}
	if p.project == nil {
		return true, rec.json, nil
	}
	return true, appendItem(nil, pick(it, p.project)), nil
}

// scan walks the keys of the plan in its direction.
func (p *queryPlan) scan(tx *bbolt.Tx) func(yield func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		b := tx.Bucket(tableBucket(p.t.Name)).Bucket(bktItems)
		if p.ix != nil {
			b = tx.Bucket(tableBucket(p.t.Name)).Bucket(indexBucket(p.ix.Name))
		}
		c := b.Cursor()
		if !p.reverse {
			from := p.lo
			if bytes.Compare(p.start, from) > 0 {
				from = p.start
			}
			for k, v := c.Seek(from); k != nil && bytes.Compare(k, p.hi) < 0; k, v = c.Next() {
				if !bytes.Equal(k, p.start) && !yield(k, v) {
					return
				}
			}
			return
		}
		to := p.hi
		if p.start != nil && bytes.Compare(p.start, to) < 0 {
			to = p.start
		}
		k, v := c.Seek(to)
		if k == nil {
			k, v = c.Last()
		}
		for ; k != nil && bytes.Compare(k, p.lo) >= 0; k, v = c.Prev() {
			if bytes.Compare(k, to) < 0 && !yield(k, v) {
				return
			}
		}
	}
}

func (s *Server) planQuery(req *queryRequest) (*queryPlan, error) {
	t, err := s.findTable(req.TableName)
	if err != nil {
		return nil, err
	}
	if err := checkCapacityMode(req.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	p := &queryPlan{t: t, key: t.Key, reverse: req.ScanIndexForward != nil && !*req.ScanIndexForward}
	if req.IndexName != nil {
		if p.ix = t.index(*req.IndexName); p.ix == nil {
			return nil, invalid("The table does not have the specified index: " + *req.IndexName)
		}
		p.key = p.ix.Key
		if req.ConsistentRead {
			return nil, invalid("Consistent reads are not supported on global secondary indexes")
		}
	}
	if req.Limit != nil {
		if p.limit = *req.Limit; p.limit < 1 {
			return nil, invalid(fmt.Sprintf("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", p.limit))
		}
	}
	vals, err := req.ExpressionAttributeValues.item()
	if err != nil {
		return nil, prefixed("ExpressionAttributeValues contains invalid value: ", err)
	}
	n, err := newNames(req.ExpressionAttributeNames, vals)
	if err != nil {
		return nil, err
	}
	if err := p.parse(req, n); err != nil {
		return nil, err
	}
	if err := n.unused(); err != nil {
		return nil, err
	}
	return p, p.startAt(req.ExclusiveStartKey)
}

// parse reads the request's expressions.
func (p *queryPlan) parse(req *queryRequest, n *names) (err error) {
	if req.FilterExpression != nil {
		if p.filter, err = parseCondition("FilterExpression", *req.FilterExpression, n); err != nil {
			return err
		}
		for _, pa := range paths(p.filter, nil) {
			for _, a := range p.key.attrs() {
				if pa[0].name == a.Name {
					return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: " + a.Name)
				}
			}
		}
	}
	if p.project, err = projection(req.ProjectionExpression, n); err != nil {
		return err
	}
	if req.KeyConditionExpression == nil {
		return invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	c, err := parseCondition("KeyConditionExpression", *req.KeyConditionExpression, n)
	if err != nil {
		return err
	}
	if err := p.keyRange(c); err != nil {
		return err
	}
	return p.selects(req.Select)
}

func (p *queryPlan) selects(sel string) error {
	if err := oneOf("select", sel, "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"); err != nil {
		return err
	}
	switch {
	case p.project != nil && sel != "" && sel != "SPECIFIC_ATTRIBUTES":
		return invalid("Cannot specify the ProjectionExpression when choosing to get " + sel)
	case p.project == nil && sel == "SPECIFIC_ATTRIBUTES":
		return invalid("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case p.ix == nil && sel == "ALL_PROJECTED_ATTRIBUTES":
		return invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	case p.ix != nil && sel == "ALL_ATTRIBUTES" && p.ix.Projection != "ALL":
		return invalid("One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index " + p.ix.Name + " because its projection type is not ALL")
	}
	p.count = sel == "COUNT"
	if p.ix == nil || p.ix.Projection == "ALL" {
		return nil
	}
	have := p.ix.Include
	for _, a := range append(p.t.Key.attrs(), p.ix.Key.attrs()...) {
		have = append(slices.Clone(have), a.Name)
	}
	for _, pa := range p.project {
		if !slices.Contains(have, pa[0].name) {
			return invalid("One or more parameter values were invalid: Global secondary index " + p.ix.Name + " does not project [" + pa[0].name + "]")
		}
	}
	return nil
}

// A keyTest is one comparison of a key condition: op with one value, or BETWEEN with two.
type keyTest struct {
	name string
	op   string
	vals []value
}

var errKeyCondition = invalid("Query key condition not supported")

// keyTests takes a key condition apart.
func keyTests(c condition) ([]keyTest, error) {
	single := func(o operand) (string, bool) {
		if o.path == nil || len(o.path) != 1 || o.size {
			return "", false
		}
		return o.path[0].name, true
	}
	constant := func(o operand) bool { return o.isVal && !o.size }
	bad := func(op string) error { return invalid("Invalid operator used in KeyConditionExpression: " + op) }
	switch c := c.(type) {
	case andCond:
		a, err := keyTests(c.a)
		if err != nil {
			return nil, err
		}
		b, err := keyTests(c.b)
		return append(a, b...), err
	case compareCond:
		name, ok := single(c.a)
		if c.op == "<>" {
			return nil, bad("<>")
		}
		if !ok || !constant(c.b) {
			return nil, errKeyCondition
		}
		return []keyTest{{name, c.op, []value{c.b.val}}}, nil
	case betweenCond:
		name, ok := single(c.x)
		if !ok || !constant(c.lo) || !constant(c.hi) {
			return nil, errKeyCondition
		}
		return []keyTest{{name, "BETWEEN", []value{c.lo.val, c.hi.val}}}, nil
	case funcCond:
		if c.name != "begins_with" {
			return nil, bad(c.name)
		}
		name, ok := single(c.args[0])
		if !ok || !constant(c.args[1]) {
			return nil, errKeyCondition
		}
		return []keyTest{{name, c.name, []value{c.args[1].val}}}, nil
	case orCond:
		return nil, bad("OR")
	case notCond:
		return nil, bad("NOT")
	case inCond:
		return nil, bad("IN")
	}
	return nil, errKeyCondition
}

// keyRange turns the key condition into lo and hi.
func (p *queryPlan) keyRange(c condition) error {
	tests, err := keyTests(c)
	if err != nil {
		return err
	}
	byName := map[string]keyTest{}
	for _, t := range tests {
		if _, twice := byName[t.name]; twice {
			return invalid("Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key")
		}
		byName[t.name] = t
	}
	part, ok := byName[p.key.Partition.Name]
	if !ok {
		return invalid("Query condition missed key schema element: " + p.key.Partition.Name)
	}
	if part.op != "=" {
		return errKeyCondition
	}
	sort, sorted := byName[p.key.Sort.Name]
	sorted = sorted && p.key.Sort.Name != ""
	switch {
	case len(byName) > 2:
		return invalid("Conditions can be of length 1 or 2 only")
	case len(byName) == 2 && p.key.Sort.Name == "":
		return errKeyCondition
	case len(byName) == 2 && !sorted:
		return invalid("Query condition missed key schema element: " + p.key.Sort.Name)
	}
	if err := part.check(p.key.Partition, maxPartitionKey); err != nil {
		return err
	}
	prefix := appendKey(nil, part.vals[0])
	p.lo, p.hi = prefix, after(prefix)
	if !sorted {
		return nil
	}
	if err := sort.check(p.key.Sort, maxSortKey); err != nil {
		return err
	}
	v := appendKey(slices.Clone(prefix), sort.vals[0])
	switch sort.op {
	case "=":
		p.lo, p.hi = v, after(v)
	case "<":
		p.hi = v
	case "<=":
		p.hi = after(v)
	case ">":
		p.lo = after(v)
	case ">=":
		p.lo = v
	case "BETWEEN":
		p.lo, p.hi = v, after(appendKey(slices.Clone(prefix), sort.vals[1]))
	case "begins_with":
		if p.key.Sort.Type == "N" {
			return errKeyCondition
		}
		p.lo = v[:len(v)-2] // without the end mark
		p.hi = after(p.lo)
	}
	return nil
}

func (t keyTest) check(a Attr, limit int) error {
	for _, v := range t.vals {
		if v.kind != a.Type {
			return invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
		}
		if err := checkKeyValue(a, v, limit); err != nil {
			return err
		}
	}
	return nil
}

// after is the least key above all that begin with b.
func after(b []byte) []byte {
	out := slices.Clone(b)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < 0xff {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}

// startAt reads an ExclusiveStartKey: exactly the key attributes of the table and of the index.
func (p *queryPlan) startAt(w wireItem) error {
	if w == nil {
		return nil
	}
	it, err := w.item()
	if err != nil {
		return err
	}
	want := keyItem(p.t.Key, it)
	for name, v := range keyItem(p.key, it) {
		want[name] = v
	}
	bad := invalid("The provided starting key is invalid")
	if len(want) != len(it) {
		return bad
	}
	key, ok := keyOf(p.t.Key, it)
	if !ok {
		return bad
	}
	if p.ix != nil {
		ixKey, ok := keyOf(p.key, it)
		if !ok {
			return bad
		}
		key = append(ixKey, key...)
	}
	if bytes.Compare(key, p.lo) < 0 || bytes.Compare(key, p.hi) >= 0 {
		return invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	p.start = key
	return nil
}
