package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"
)

// A call is one request on the wire, past the front door.
type call struct {
	ctx     context.Context
	op      string
	body    []byte
	strikes strikes
}

// dynamoOps are the DynamoDB operations that are served.
var dynamoOps = map[string]func(*Server, *call) ([]byte, error){
	"GetItem":            (*Server).getItem,
	"PutItem":            (*Server).putItem,
	"UpdateItem":         (*Server).updateItem,
	"DeleteItem":         (*Server).deleteItem,
	"Query":              (*Server).query,
	"BatchGetItem":       (*Server).batchGet,
	"BatchWriteItem":     (*Server).batchWrite,
	"TransactWriteItems": (*Server).transactWrite,
	"DescribeTable":      (*Server).describeTable,
}

// decode reads a request. A member that the stand-in does not know is refused by name: silence about it would
// be a difference from AWS that nobody sees.
func decode(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return invalid("stand-in: the request member " + strings.TrimPrefix(err.Error(), "json: unknown field ") + " is not served")
	case errors.As(err, &wrong):
		return badRequest("SerializationException", "unexpected "+wrong.Value+" at "+wrong.Field)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return badRequest("SerializationException", "unexpected end of the request")
	}
	return badRequest("SerializationException", err.Error())
}

func (s *Server) findTable(name *string) (*Table, error) {
	if name == nil || *name == "" {
		return nil, invalid("1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	}
	if t := s.table(arnTable(*name)); t != nil {
		return t, nil
	}
	return nil, badRequest("ResourceNotFoundException", "Requested resource not found")
}

// arnTable accepts a table's ARN in the place of its name, as AWS does.
func arnTable(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return name
}

func oneOf(member, got string, allowed ...string) error {
	if got == "" || slices.Contains(allowed, got) {
		return nil
	}
	return invalid(fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
		got, member, strings.Join(allowed, ", ")))
}

func checkCapacityMode(mode string) error {
	return oneOf("returnConsumedCapacity", mode, "INDEXES", "TOTAL", "NONE")
}

// appendCapacity appends a ConsumedCapacity when mode asks for one.
func appendCapacity(b []byte, mode, table string, u units) []byte {
	b = append(b, `{"TableName":`...)
	b = appendString(b, table)
	b = append(b, `,"CapacityUnits":`...)
	b = appendUnits(b, u.total())
	if mode == "INDEXES" {
		b = append(b, `,"Table":{"CapacityUnits":`...)
		b = appendUnits(b, u.table)
		b = append(b, '}')
		if len(u.indexes) > 0 {
			b = append(b, `,"GlobalSecondaryIndexes":{`...)
			for i, name := range sortedKeys(u.indexes) {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendString(b, name)
				b = append(b, `:{"CapacityUnits":`...)
				b = appendUnits(b, u.indexes[name])
				b = append(b, '}')
			}
			b = append(b, '}')
		}
	}
	return append(b, '}')
}

func appendUnits(b []byte, n float64) []byte { return strconv.AppendFloat(b, n, 'f', -1, 64) }

func wantsCapacity(mode string) bool { return mode == "TOTAL" || mode == "INDEXES" }

// An answer builds a JSON object member by member.
type answer struct{ b []byte }

func (a *answer) member(name string, raw []byte) {
	if len(a.b) == 0 {
		a.b = append(a.b, '{')
	} else {
		a.b = append(a.b, ',')
	}
	a.b = appendString(a.b, name)
	a.b = append(a.b, ':')
	a.b = append(a.b, raw...)
}

func (a *answer) capacity(mode, table string, u units) {
	if wantsCapacity(mode) {
		a.member("ConsumedCapacity", appendCapacity(nil, mode, table, u))
	}
}

func (a *answer) done() []byte {
	if len(a.b) == 0 {
		return []byte("{}")
	}
	return append(a.b, '}')
}

// checkKeyValue refuses what cannot be a key: empty, too long.
func checkKeyValue(a Attr, v value, limit int) error {
	if v.s == "" {
		return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty " +
			map[string]string{"S": "string", "B": "binary"}[v.kind] + " value. Key: " + a.Name)
	}
	if len(v.s) > limit {
		if limit == maxPartitionKey {
			return invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
		}
		return invalid("One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
	}
	return nil
}

// checkKey checks a request's Key and spells it.
func (t *Table) checkKey(it item) ([]byte, error) {
	if len(it) != len(t.Key.attrs()) {
		return nil, invalid("The provided key element does not match the schema")
	}
	key, ok := keyOf(t.Key, it)
	if !ok {
		return nil, invalid("The provided key element does not match the schema")
	}
	return key, t.checkKeyValues(it)
}

func (t *Table) checkKeyValues(it item) error {
	for i, a := range t.Key.attrs() {
		limit := maxPartitionKey
		if i == 1 {
			limit = maxSortKey
		}
		if err := checkKeyValue(a, it[a.Name], limit); err != nil {
			return err
		}
	}
	return nil
}

// checkItem checks a whole item to be put, and spells its key.
func (t *Table) checkItem(it item) ([]byte, error) {
	for _, a := range t.Key.attrs() {
		v, ok := it[a.Name]
		if !ok {
			return nil, invalid("One or more parameter values were invalid: Missing the key " + a.Name + " in the item")
		}
		if v.kind != a.Type {
			return nil, invalid("One or more parameter values were invalid: Type mismatch for key " + a.Name + " expected: " + a.Type + " actual: " + v.kind)
		}
	}
	if err := t.checkKeyValues(it); err != nil {
		return nil, err
	}
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		for _, a := range ix.Key.attrs() {
			v, ok := it[a.Name]
			switch {
			case !ok:
			case v.kind != a.Type:
				return nil, invalid(fmt.Sprintf("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.Name, a.Type, v.kind, ix.Name))
			case v.s == "":
				return nil, invalid(fmt.Sprintf("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: %s, IndexKey: %s", ix.Name, a.Name))
			case len(v.s) > maxPartitionKey || a == ix.Key.Sort && len(v.s) > maxSortKey:
				return nil, invalid("One or more parameter values were invalid: Size of an index key has exceeded the maximum size limit. IndexName: " + ix.Name)
			}
		}
	}
	if itemSize(it) > maxItem {
		return nil, invalid("Item size has exceeded the maximum allowed size")
	}
	key, _ := keyOf(t.Key, it)
	return key, nil
}

type getRequest struct {
	TableName                *string
	Key                      wireItem
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
	ReturnConsumedCapacity   string
}

func readUnits(size int, consistent bool) float64 {
	n := float64(chunks(size, readUnit))
	if !consistent {
		n /= 2
	}
	return n
}

func (s *Server) getItem(c *call) ([]byte, error) {
	var req getRequest
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	t, err := s.findTable(req.TableName)
	if err != nil {
		return nil, err
	}
	n, err := newNames(req.ExpressionAttributeNames, nil)
	if err != nil {
		return nil, err
	}
	key, err := s.readKey(t, req.Key, req.ReturnConsumedCapacity)
	if err != nil {
		return nil, err
	}
	project, err := projection(req.ProjectionExpression, n)
	if err != nil {
		return nil, err
	}
	if err := n.unused(); err != nil {
		return nil, err
	}
	var a answer
	var size int
	err = s.db.View(func(tx *bbolt.Tx) error {
		raw := tx.Bucket(tableBucket(t.Name)).Bucket(bktItems).Get(key)
		if raw == nil {
			return nil
		}
		rec := readRecord(raw)
		size = rec.size
		out, err := project.apply(rec.json)
		if err == nil {
			a.member("Item", out)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	u := units{table: readUnits(size, req.ConsistentRead)}
	s.usage.table(t.Name, func(tu *TableUsage) {
		tu.ReadUnits += u.table
		tu.Calls["GetItem"]++
	})
	a.capacity(req.ReturnConsumedCapacity, t.Name, u)
	return a.done(), nil
}

func (s *Server) readKey(t *Table, w wireItem, mode string) ([]byte, error) {
	if err := checkCapacityMode(mode); err != nil {
		return nil, err
	}
	it, err := w.item()
	if err != nil {
		return nil, err
	}
	return t.checkKey(it)
}

// projected are the paths a read asks for; nil asks for all.
type projected []path

func projection(src *string, n *names) (projected, error) {
	if src == nil {
		return nil, nil
	}
	return parseProjection(*src, n)
}

// apply returns a copy of the stored JSON, reduced to p.
func (p projected) apply(raw []byte) ([]byte, error) {
	if p == nil {
		return slices.Clone(raw), nil
	}
	it, err := readItem(raw)
	if err != nil {
		return nil, err
	}
	return appendItem(nil, pick(it, p)), nil
}

type keysAndAttributes struct {
	Keys                     []json.RawMessage
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

// maxBatchGet and maxBatchWrite are the numbers of items in one call; maxAnswer ends a BatchGetItem early.
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
	maxTransact   = 100
	maxTransactKB = 4 << 20
	maxAnswer     = 16 << 20
)

func tooMany(member string, limit int) error {
	return invalid(fmt.Sprintf("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, limit))
}

func (s *Server) batchGet(c *call) ([]byte, error) {
	var req struct {
		RequestItems           map[string]json.RawMessage
		ReturnConsumedCapacity string
	}
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	if err := checkCapacityMode(req.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	if len(req.RequestItems) == 0 {
		return nil, invalid("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	type lookup struct {
		raw json.RawMessage
		key []byte
	}
	type ask struct {
		t       *Table
		req     keysAndAttributes
		raw     map[string]json.RawMessage // the request's members, to be given back
		project projected
		keys    []lookup
	}
	var asks []*ask
	total := 0
	for _, name := range sortedKeys(req.RequestItems) {
		a := &ask{}
		if err := decode(req.RequestItems[name], &a.req); err != nil {
			return nil, err
		}
		_ = json.Unmarshal(req.RequestItems[name], &a.raw) // decoded just above
		total += len(a.req.Keys)
		if len(a.req.Keys) > maxBatchGet {
			return nil, tooMany("requestItems."+name+".member.keys", maxBatchGet)
		}
		if len(a.req.Keys) == 0 {
			return nil, invalid("1 validation error detected: Value '[]' at 'requestItems." + name + ".member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1")
		}
		var err error
		if a.t, err = s.findTable(&name); err != nil {
			return nil, err
		}
		n, err := newNames(a.req.ExpressionAttributeNames, nil)
		if err != nil {
			return nil, err
		}
		if a.project, err = projection(a.req.ProjectionExpression, n); err != nil {
			return nil, err
		}
		if err := n.unused(); err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, raw := range a.req.Keys {
			var w wireItem
			if err := decode(raw, &w); err != nil {
				return nil, err
			}
			key, err := s.readKey(a.t, w, "")
			if err != nil {
				return nil, err
			}
			if seen[string(key)] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[string(key)] = true
			a.keys = append(a.keys, lookup{raw, key})
		}
		asks = append(asks, a)
	}
	if total > maxBatchGet {
		return nil, invalid("Too many items requested for the BatchGetItem call")
	}
	var lost []bool
	if c.strikes.has(FaultPartialBatch) {
		lost = victims(total)
	}
	var responses, unprocessed answer
	var capacity []byte
	bytesOut, i := 0, 0
	err := s.db.View(func(tx *bbolt.Tx) error {
		for _, a := range asks {
			found := []byte{'['}
			var left []json.RawMessage
			var u units
			for _, k := range a.keys {
				if bytesOut > maxAnswer || lost != nil && lost[i] {
					left = append(left, k.raw)
					i++
					continue
				}
				i++
				raw := tx.Bucket(tableBucket(a.t.Name)).Bucket(bktItems).Get(k.key)
				rec := readRecord(raw)
				u.table += readUnits(rec.size, a.req.ConsistentRead)
				if raw == nil {
					continue
				}
				bytesOut += rec.size
				out, err := a.project.apply(rec.json)
				if err != nil {
					return err
				}
				if len(found) > 1 {
					found = append(found, ',')
				}
				found = append(found, out...)
			}
			responses.member(a.t.Name, append(found, ']'))
			if left != nil {
				a.raw["Keys"], _ = json.Marshal(left)
				again, _ := json.Marshal(a.raw)
				unprocessed.member(a.t.Name, again)
			}
			s.usage.table(a.t.Name, func(tu *TableUsage) {
				tu.ReadUnits += u.table
				tu.Calls["BatchGetItem"]++
			})
			if wantsCapacity(req.ReturnConsumedCapacity) {
				capacity = append(capacity, ',')
				capacity = appendCapacity(capacity, req.ReturnConsumedCapacity, a.t.Name, u)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out answer
	out.member("Responses", responses.done())
	out.member("UnprocessedKeys", unprocessed.done())
	if capacity != nil {
		capacity[0] = '['
		out.member("ConsumedCapacity", append(capacity, ']'))
	}
	return out.done(), nil
}

func (s *Server) describeTable(c *call) ([]byte, error) {
	var req struct{ TableName *string }
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	t, err := s.findTable(req.TableName)
	if err != nil {
		return nil, err
	}
	count, size := 0, 0
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(tableBucket(t.Name)).Bucket(bktItems).ForEach(func(_, v []byte) error {
			count++
			size += readRecord(v).size
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"Table": s.description(t, count, size)})
}

func (s *Server) description(t *Table, count, size int) map[string]any {
	types := map[string]string{}
	schema := func(k KeySchema) []map[string]string {
		var out []map[string]string
		for i, a := range k.attrs() {
			types[a.Name] = a.Type
			out = append(out, map[string]string{"AttributeName": a.Name, "KeyType": []string{"HASH", "RANGE"}[i]})
		}
		return out
	}
	d := map[string]any{
		"TableName": t.Name, "TableArn": s.TableARN(t.Name), "TableStatus": "ACTIVE",
		"KeySchema": schema(t.Key), "ItemCount": count, "TableSizeBytes": size,
		"BillingModeSummary":    map[string]string{"BillingMode": "PAY_PER_REQUEST"},
		"ProvisionedThroughput": map[string]int{"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0},
	}
	var indexes []map[string]any
	for _, ix := range t.Indexes {
		p := map[string]any{"ProjectionType": ix.Projection}
		if ix.Projection == "INCLUDE" {
			p["NonKeyAttributes"] = ix.Include
		}
		indexes = append(indexes, map[string]any{"IndexName": ix.Name, "IndexStatus": "ACTIVE", "KeySchema": schema(ix.Key),
			"Projection": p, "IndexArn": s.TableARN(t.Name) + "/index/" + ix.Name})
	}
	if indexes != nil {
		d["GlobalSecondaryIndexes"] = indexes
	}
	if t.StreamView != "" {
		d["StreamSpecification"] = map[string]any{"StreamEnabled": true, "StreamViewType": t.StreamView}
		d["LatestStreamArn"] = s.TableStreamARN(t.Name)
		d["LatestStreamLabel"] = "2026-01-01T00:00:00.000"
	}
	var defs []map[string]string
	for _, name := range sortedKeys(types) {
		defs = append(defs, map[string]string{"AttributeName": name, "AttributeType": types[name]})
	}
	d["AttributeDefinitions"] = defs
	return d
}
