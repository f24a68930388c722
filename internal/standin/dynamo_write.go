package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// A write is one checked change of one item, not yet made.
type write struct {
	t       *Table
	kind    string // put, update, delete or check
	key     []byte
	keys    item // of an update: the key's attributes
	item    item // of a put
	upd     *update
	cond    condition
	showOld bool // give the item with a failed condition
}

// writeRequest has the members of all four single writes and of the entries of a transaction.
type writeRequest struct {
	TableName                           *string
	Item                                wireItem
	Key                                 wireItem
	ConditionExpression                 *string
	UpdateExpression                    *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           wireItem
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string
	ReturnItemCollectionMetrics         string // there are no local indexes, so no metrics either
}

// prepare checks everything about the write that needs no look at the table's items.
func (s *Server) prepare(kind string, req *writeRequest) (*write, error) {
	t, err := s.findTable(req.TableName)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkCapacityMode(req.ReturnConsumedCapacity),
		oneOf("returnValuesOnConditionCheckFailure", req.ReturnValuesOnConditionCheckFailure, "ALL_OLD", "NONE")); err != nil {
		return nil, err
	}
	w := &write{t: t, kind: kind, showOld: req.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	vals, err := req.ExpressionAttributeValues.item()
	if err != nil {
		return nil, prefixed("ExpressionAttributeValues contains invalid value: ", err)
	}
	if req.ExpressionAttributeValues != nil && len(vals) == 0 {
		return nil, invalid("ExpressionAttributeValues must not be empty")
	}
	if req.ExpressionAttributeNames != nil && len(req.ExpressionAttributeNames) == 0 {
		return nil, invalid("ExpressionAttributeNames must not be empty")
	}
	n, err := newNames(req.ExpressionAttributeNames, vals)
	if err != nil {
		return nil, err
	}
	if req.UpdateExpression != nil {
		if w.upd, err = parseUpdate(*req.UpdateExpression, n); err != nil {
			return nil, err
		}
	}
	if req.ConditionExpression != nil {
		if w.cond, err = parseCondition("ConditionExpression", *req.ConditionExpression, n); err != nil {
			return nil, err
		}
	}
	if err := n.unused(); err != nil {
		return nil, err
	}
	if kind == "put" {
		if w.item, err = req.Item.item(); err != nil {
			return nil, err
		}
		w.key, err = t.checkItem(w.item)
		return w, err
	}
	if w.keys, err = req.Key.item(); err != nil {
		return nil, err
	}
	if w.key, err = t.checkKey(w.keys); err != nil {
		return nil, err
	}
	if w.upd != nil {
		for _, pa := range w.upd.targets() {
			if _, isKey := w.keys[pa[0].name]; isKey {
				return nil, invalid("One or more parameter values were invalid: Cannot update attribute " + pa[0].name + ". This attribute is part of the key")
			}
		}
	}
	return w, nil
}

// prefixed puts words before a validation text.
func prefixed(words string, err error) error {
	var e *apiError
	if errors.As(err, &e) && e.Type == "ValidationException" {
		return invalid(words + e.Message)
	}
	return err
}

// plan decides on the item that was found under the key: the item after the write (nil for none), or why not.
func (w *write) plan(before stored) (item, error) {
	if w.cond != nil && !w.cond.holds(before.it) {
		if w.showOld && before.exists() {
			return nil, conditionFailed(before.rec.json)
		}
		return nil, conditionFailed(nil)
	}
	switch w.kind {
	case "put":
		return w.item, nil
	case "check":
		return before.it, nil
	case "delete":
		return nil, nil
	}
	from := before.it
	if from == nil {
		from = w.keys
	}
	if w.upd == nil {
		return cloneItem(from), nil
	}
	after, err := w.upd.apply(from)
	if err != nil {
		return nil, err
	}
	if itemSize(after) > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	for i := range w.t.Indexes {
		for _, a := range w.t.Indexes[i].Key.attrs() {
			v, ok := after[a.Name]
			switch {
			case !ok:
			case v.kind != a.Type:
				return nil, invalid("The update expression attempted to update the secondary index key to unsupported type")
			case v.s == "":
				return nil, invalid("One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.")
			}
		}
	}
	return after, nil
}

// single makes one write and returns the item before and after it.
func (s *Server) single(op string, w *write) (before stored, after item, u units, err error) {
	now := s.opt.Now()
	err = s.update(func(tx *bbolt.Tx) error {
		var err error
		if before, err = w.t.load(tx, w.key); err != nil {
			return err
		}
		before.rec.json = append([]byte(nil), before.rec.json...) // the page is only ours during the transaction
		if after, err = w.plan(before); err != nil {
			return err
		}
		u, err = w.t.change(tx, w.key, before, after, now, false)
		return err
	})
	var e *apiError
	if errors.As(err, &e) && e.Type == "ConditionalCheckFailedException" {
		u = units{table: writeUnits(before.rec.size)} // a refused write is billed, too
		s.countWrite(op, w.t.Name, u)
	}
	if err == nil {
		s.countWrite(op, w.t.Name, u)
		s.wake.wake("t:" + w.t.Name)
	}
	return before, after, u, err
}

func (s *Server) countWrite(op, table string, u units) {
	s.usage.table(table, func(tu *TableUsage) {
		tu.WriteUnits += u.table
		for name, n := range u.indexes {
			tu.IndexWrite[name] += n
		}
		tu.Calls[op]++
	})
}

func (s *Server) putItem(c *call) ([]byte, error) { return s.writeOne(c, "put", "NONE", "ALL_OLD") }
func (s *Server) deleteItem(c *call) ([]byte, error) {
	return s.writeOne(c, "delete", "NONE", "ALL_OLD")
}
func (s *Server) updateItem(c *call) ([]byte, error) {
	return s.writeOne(c, "update", "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
}

func (s *Server) writeOne(c *call, kind string, returns ...string) ([]byte, error) {
	var req writeRequest
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	if err := oneOf("returnValues", req.ReturnValues, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"); err != nil {
		return nil, err
	}
	if len(returns) == 2 && req.ReturnValues != "" && oneOf("", req.ReturnValues, returns...) != nil {
		return nil, invalid("ReturnValues can only be ALL_OLD or NONE")
	}
	if kind == "put" && req.Key != nil || kind != "put" && req.Item != nil || kind != "update" && req.UpdateExpression != nil {
		return nil, badRequest("SerializationException", "a member of another operation was given")
	}
	w, err := s.prepare(kind, &req)
	if err != nil {
		return nil, err
	}
	before, after, u, err := s.single(c.op, w)
	if err != nil {
		return nil, err
	}
	var a answer
	switch req.ReturnValues {
	case "ALL_OLD":
		if before.exists() {
			a.member("Attributes", before.rec.json)
		}
	case "ALL_NEW":
		a.member("Attributes", appendItem(nil, after))
	case "UPDATED_OLD", "UPDATED_NEW":
		from := after
		if req.ReturnValues == "UPDATED_OLD" {
			from = before.it
		}
		if w.upd != nil {
			if got := pick(from, w.upd.targets()); len(got) > 0 {
				a.member("Attributes", appendItem(nil, got))
			}
		}
	}
	a.capacity(req.ReturnConsumedCapacity, w.t.Name, u)
	return a.done(), nil
}

func (s *Server) batchWrite(c *call) ([]byte, error) {
	var req struct {
		RequestItems                map[string][]json.RawMessage
		ReturnConsumedCapacity      string
		ReturnItemCollectionMetrics string
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
	total := 0
	for name, list := range req.RequestItems {
		if total += len(list); len(list) > maxBatchWrite {
			return nil, tooMany("requestItems."+name+".member", maxBatchWrite)
		}
		if len(list) == 0 {
			return nil, invalid("1 validation error detected: Value '{" + name + "=[]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]")
		}
	}
	if total > maxBatchWrite {
		return nil, invalid("Too many items requested for the BatchWriteItem call")
	}
	type entry struct {
		*write
		raw json.RawMessage
	}
	var list []entry
	seen := map[string]bool{}
	for _, name := range sortedKeys(req.RequestItems) {
		for _, raw := range req.RequestItems[name] {
			w, err := s.batchEntry(name, raw)
			if err != nil {
				return nil, err
			}
			id := w.t.Name + "\x00" + string(w.key)
			if seen[id] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[id] = true
			list = append(list, entry{w, raw})
		}
	}
	left := map[string][]json.RawMessage{}
	if c.strikes.has(FaultPartialBatch) {
		lost := victims(len(list))
		kept := list[:0:0]
		for i, e := range list {
			if lost[i] {
				left[e.t.Name] = append(left[e.t.Name], e.raw)
			} else {
				kept = append(kept, e)
			}
		}
		list = kept
	}
	var used map[string]*units
	now := s.opt.Now()
	err := s.update(func(tx *bbolt.Tx) error {
		used = map[string]*units{}
		for _, e := range list {
			before, err := e.t.load(tx, e.key)
			if err != nil {
				return err
			}
			u, err := e.t.change(tx, e.key, before, e.item, now, false)
			if err != nil {
				return err
			}
			if used[e.t.Name] == nil {
				used[e.t.Name] = &units{}
			}
			used[e.t.Name].add(u, 1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var a answer
	raw, err := json.Marshal(left)
	if err != nil {
		return nil, err
	}
	a.member("UnprocessedItems", raw)
	s.finish(&a, c.op, req.ReturnConsumedCapacity, used)
	return a.done(), nil
}

// finish counts, wakes and reports what a write of several items used.
func (s *Server) finish(a *answer, op, mode string, used map[string]*units) {
	capacity := []byte{'['}
	for i, name := range sortedKeys(used) {
		if i > 0 {
			capacity = append(capacity, ',')
		}
		capacity = appendCapacity(capacity, mode, name, *used[name])
		s.countWrite(op, name, *used[name])
		s.wake.wake("t:" + name)
	}
	if wantsCapacity(mode) {
		a.member("ConsumedCapacity", append(capacity, ']'))
	}
}

func (s *Server) batchEntry(table string, raw json.RawMessage) (*write, error) {
	var e struct {
		PutRequest    *struct{ Item wireItem }
		DeleteRequest *struct{ Key wireItem }
	}
	if err := decode(raw, &e); err != nil {
		return nil, err
	}
	switch {
	case (e.PutRequest == nil) == (e.DeleteRequest == nil):
		return nil, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	case e.PutRequest != nil:
		return s.prepare("put", &writeRequest{TableName: &table, Item: e.PutRequest.Item})
	}
	return s.prepare("delete", &writeRequest{TableName: &table, Key: e.DeleteRequest.Key})
}

// tokenLife is how long a ClientRequestToken is remembered.
const tokenLife = 10 * time.Minute

func (s *Server) transactWrite(c *call) ([]byte, error) {
	var req struct {
		TransactItems               []struct{ Put, Update, Delete, ConditionCheck *writeRequest }
		ClientRequestToken          *string
		ReturnConsumedCapacity      string
		ReturnItemCollectionMetrics string
	}
	if err := decode(c.body, &req); err != nil {
		return nil, err
	}
	if err := checkCapacityMode(req.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	switch n := len(req.TransactItems); {
	case n == 0:
		return nil, invalid("1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case n > maxTransact:
		return nil, tooMany("transactItems", maxTransact)
	case req.ClientRequestToken != nil && (len(*req.ClientRequestToken) < 1 || len(*req.ClientRequestToken) > 36):
		return nil, invalid("1 validation error detected: Value '" + *req.ClientRequestToken + "' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36")
	}
	var list []*write
	seen := map[string]bool{}
	size := 0
	for _, e := range req.TransactItems {
		var w *write
		n := 0
		for kind, wr := range map[string]*writeRequest{"put": e.Put, "update": e.Update, "delete": e.Delete, "check": e.ConditionCheck} {
			if wr == nil {
				continue
			}
			n++
			if kind == "check" && wr.ConditionExpression == nil || kind == "update" && wr.UpdateExpression == nil {
				return nil, invalid("1 validation error detected: Value null at 'transactItems' failed to satisfy constraint: Member must not be null")
			}
			if wr.ReturnValues != "" || wr.ReturnConsumedCapacity != "" {
				return nil, invalid("stand-in: an entry of a transaction has a member of a single write")
			}
			var err error
			if w, err = s.prepare(kind, wr); err != nil {
				return nil, err
			}
		}
		if n != 1 {
			return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
		}
		id := w.t.Name + "\x00" + string(w.key)
		if seen[id] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[id] = true
		if size += itemSize(w.item); size > maxTransactKB {
			return nil, invalid("Transaction request size has exceeded the maximum allowed size")
		}
		list = append(list, w)
	}
	tok := token{Expires: s.opt.Now().Add(tokenLife), Hash: requestHash(c.body)}
	used, err := s.transact(list, req.ClientRequestToken, tok)
	if err != nil {
		return nil, err
	}
	var a answer
	s.finish(&a, c.op, req.ReturnConsumedCapacity, used)
	return a.done(), nil
}

// requestHash is equal for requests that say the same: clients write the members of a map in any order, and
// what is to be answered is no part of what is to be done.
func requestHash(body []byte) string {
	var req struct{ TransactItems any }
	_ = json.Unmarshal(body, &req) // it was decoded before
	canonical, _ := json.Marshal(req)
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// transact makes all writes or none. A token that was used for the same request within ten minutes makes it
// succeed without effect.
func (s *Server) transact(list []*write, clientToken *string, tok token) (map[string]*units, error) {
	var used map[string]*units
	now := s.opt.Now()
	err := s.update(func(tx *bbolt.Tx) error {
		used = map[string]*units{}
		if clientToken != nil {
			var old token
			raw := tx.Bucket(bktTokens).Get([]byte(*clientToken))
			if raw != nil && json.Unmarshal(raw, &old) == nil && now.Before(old.Expires) {
				if old.Hash != tok.Hash {
					return badRequest("IdempotentParameterMismatchException", "The provided client token was used for a different request")
				}
				return nil
			}
		}
		before, after, err := planAll(tx, list)
		if err != nil {
			return err
		}
		for i, w := range list {
			u := units{table: writeUnits(before[i].rec.size)}
			if w.kind != "check" {
				if u, err = w.t.change(tx, w.key, before[i], after[i], now, false); err != nil {
					return err
				}
			}
			if used[w.t.Name] == nil {
				used[w.t.Name] = &units{}
			}
			used[w.t.Name].add(u, 2)
		}
		if clientToken == nil {
			return nil
		}
		return putJSON(tx.Bucket(bktTokens), *clientToken, tok)
	})
	return used, err
}

// planAll asks every write of a transaction what it would do; one refusal cancels all, with a reason for each.
func planAll(tx *bbolt.Tx, list []*write) (before []stored, after []item, err error) {
	reasons := []byte{'['}
	var codes []string
	failed := false
	for i, w := range list {
		b, err := w.t.load(tx, w.key)
		if err != nil {
			return nil, nil, err
		}
		a, err := w.plan(b)
		before, after = append(before, b), append(after, a)
		code, reason := "None", []byte(`{"Code":"None"}`)
		var e *apiError
		switch {
		case err == nil:
		case errors.As(err, &e):
			failed = true
			code, reason = cancelReason(e)
		default:
			return nil, nil, err
		}
		codes = append(codes, code)
		if i > 0 {
			reasons = append(reasons, ',')
		}
		reasons = append(reasons, reason...)
	}
	if !failed {
		return before, after, nil
	}
	e := badRequest("TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons ["+strings.Join(codes, ", ")+"]")
	e.Fields = map[string]json.RawMessage{"CancellationReasons": append(reasons, ']')}
	return nil, nil, e
}

func cancelReason(e *apiError) (code string, reason []byte) {
	code = "ValidationError"
	if e.Type == "ConditionalCheckFailedException" {
		code = "ConditionalCheckFailed"
	}
	var a answer
	a.member("Code", appendString(nil, code))
	a.member("Message", appendString(nil, e.Message))
	if it, ok := e.Fields["Item"]; ok {
		a.member("Item", it)
	}
	return code, a.done()
}
