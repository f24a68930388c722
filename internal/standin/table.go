package standin

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// A table is these buckets inside "t:<name>":
//
//	items      key of the item             → record
//	i:<index>  index key, key of the item  → record of the projected attributes
//	ttl        expiry (s), key of the item → nothing
//	stream     sequence                    → StreamRecord
//
// A key is its one or two attributes, each spelled by appendKey. A record is the item's size in bytes as
// DynamoDB counts it (varint), then the item in DynamoDB's JSON.
var (
	bktItems  = []byte("items")
	bktTTL    = []byte("ttl")
	bktStream = []byte("stream")
)

// DynamoDB limits.
const (
	maxItem         = 400 << 10
	maxPartitionKey = 2048
	maxSortKey      = 1024
	pageBytes       = 1 << 20
	writeUnit       = 1 << 10
	readUnit        = 4 << 10
)

func tableBucket(name string) []byte { return []byte("t:" + name) }
func indexBucket(name string) []byte { return []byte("i:" + name) }

// appendKey spells one key attribute so that byte order is the attribute's order and no spelling begins another.
func appendKey(b []byte, v value) []byte {
	raw := []byte(v.s)
	if v.kind == "N" {
		raw = orderedNumber(v.s)
	}
	for _, c := range raw {
		if b = append(b, c); c == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}

// keyOf spells the key k of it; ok is false when an attribute is missing or of another type.
func keyOf(k KeySchema, it item) (key []byte, ok bool) {
	for _, a := range k.attrs() {
		v, have := it[a.Name]
		if !have || v.kind != a.Type {
			return nil, false
		}
		key = appendKey(key, v)
	}
	return key, true
}

// keyItem is the attributes of the key alone.
func keyItem(k KeySchema, it item) item {
	out := item{}
	for _, a := range k.attrs() {
		if v, ok := it[a.Name]; ok {
			out[a.Name] = v
		}
	}
	return out
}

type record struct {
	size int
	json []byte
}

func (r record) bytes() []byte {
	return append(binary.AppendUvarint(make([]byte, 0, len(r.json)+4), uint64(r.size)), r.json...)
}

func readRecord(b []byte) record {
	n, w := binary.Uvarint(b)
	if w <= 0 {
		return record{}
	}
	return record{int(n), b[w:]}
}

// A stored item is what a write finds under its key. it is nil when there is none.
type stored struct {
	it  item
	rec record
}

func (s stored) exists() bool { return s.it != nil }

func (t *Table) load(tx *bbolt.Tx, key []byte) (stored, error) {
	raw := tx.Bucket(tableBucket(t.Name)).Bucket(bktItems).Get(key)
	if raw == nil {
		return stored{}, nil
	}
	rec := readRecord(raw)
	it, err := readItem(rec.json)
	return stored{it, rec}, err
}

// units are the capacity one call used, of the table and of each index.
type units struct {
	table   float64
	indexes map[string]float64
}

func (u *units) add(o units, times float64) {
	u.table += o.table * times
	for k, v := range o.indexes {
		if u.indexes == nil {
			u.indexes = map[string]float64{}
		}
		u.indexes[k] += v * times
	}
}

func (u units) total() float64 {
	n := u.table
	for _, v := range u.indexes {
		n += v
	}
	return n
}

func writeUnits(sizes ...int) float64 { return float64(chunks(slices.Max(sizes), writeUnit)) }

// change makes after the item under key, nil to remove it, with all its indexes and its stream record, and
// returns what AWS would bill.
func (t *Table) change(tx *bbolt.Tx, key []byte, before stored, after item, now time.Time, ttl bool) (units, error) {
	tb := tx.Bucket(tableBucket(t.Name))
	var rec record
	if after != nil {
		rec = record{itemSize(after), appendItem(nil, after)}
	}
	u := units{table: writeUnits(before.rec.size, rec.size)}
	if before.exists() == (after != nil) && string(before.rec.json) == string(rec.json) {
		return u, nil // nothing changed: billed, but no record in the stream
	}
	items := tb.Bucket(bktItems)
	if after == nil {
		if err := items.Delete(key); err != nil {
			return u, err
		}
	} else if err := items.Put(key, rec.bytes()); err != nil {
		return u, err
	}
	for i := range t.Indexes {
		n, err := t.Indexes[i].change(tb, t, key, before.it, after)
		if err != nil {
			return u, err
		}
		if n > 0 {
			u.add(units{indexes: map[string]float64{t.Indexes[i].Name: n}}, 1)
		}
	}
	if err := t.changeTTL(tb.Bucket(bktTTL), key, before.it, after); err != nil {
		return u, err
	}
	if t.StreamView == "" {
		return u, nil
	}
	return u, appendStream(tb.Bucket(bktStream), t.streamRecord(before, after, rec, now, ttl))
}

func (t *Table) streamRecord(before stored, after item, rec record, now time.Time, ttl bool) StreamRecord {
	r := StreamRecord{EventName: "MODIFY", At: now, TTLDelete: ttl}
	any := after
	switch {
	case after == nil:
		r.EventName, any = "REMOVE", before.it
	case !before.exists():
		r.EventName = "INSERT"
	}
	keys := keyItem(t.Key, any)
	r.Keys = appendItem(nil, keys)
	r.Size = itemSize(keys)
	if before.exists() && (t.StreamView == "NEW_AND_OLD_IMAGES" || t.StreamView == "OLD_IMAGE") {
		r.OldImage = before.rec.json
		r.Size += before.rec.size
	}
	if after != nil && (t.StreamView == "NEW_AND_OLD_IMAGES" || t.StreamView == "NEW_IMAGE") {
		r.NewImage = rec.json
		r.Size += rec.size
	}
	return r
}

// project is what the index keeps of it, nil when it is not in the index.
func (ix *Index) project(t *Table, it item) (key []byte, out item) {
	if it == nil {
		return nil, nil
	}
	key, ok := keyOf(ix.Key, it)
	if !ok {
		return nil, nil
	}
	if ix.Projection == "ALL" {
		return key, it
	}
	out = keyItem(t.Key, it)
	maps.Copy(out, keyItem(ix.Key, it))
	if ix.Projection == "INCLUDE" {
		for _, name := range ix.Include {
			if v, ok := it[name]; ok {
				out[name] = v
			}
		}
	}
	return key, out
}

// change brings the index up to date and returns the write units it cost: none when what the index holds did
// not change, two when the item moved within it.
func (ix *Index) change(tb *bbolt.Bucket, t *Table, key []byte, before, after item) (float64, error) {
	oldKey, old := ix.project(t, before)
	newKey, now := ix.project(t, after)
	if old == nil && now == nil {
		return 0, nil
	}
	b := tb.Bucket(indexBucket(ix.Name))
	var rec record
	if now != nil {
		rec = record{itemSize(now), appendItem(nil, now)}
	}
	oldSize := 0
	if old != nil {
		oldSize = itemSize(old)
		if now != nil && string(oldKey) == string(newKey) {
			if string(appendItem(nil, old)) == string(rec.json) {
				return 0, nil
			}
			return writeUnits(oldSize, rec.size), b.Put(slices.Concat(newKey, key), rec.bytes())
		}
		if err := b.Delete(slices.Concat(oldKey, key)); err != nil {
			return 0, err
		}
	}
	cost := 0.0
	if old != nil {
		cost += writeUnits(oldSize)
	}
	if now != nil {
		cost += writeUnits(rec.size)
		if err := b.Put(slices.Concat(newKey, key), rec.bytes()); err != nil {
			return 0, err
		}
	}
	return cost, nil
}

// expiry is when the item expires, in seconds since 1970; ok is false for never.
func (t *Table) expiry(it item) (at int64, ok bool) {
	v, have := it[t.TTLAttribute]
	if t.TTLAttribute == "" || !have || v.kind != "N" {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.s, 64)
	if err != nil || f < 0 || f > 1<<40 {
		return 0, false
	}
	return int64(f), true
}

func ttlKey(at int64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), key...)
}

func (t *Table) changeTTL(b *bbolt.Bucket, key []byte, before, after item) error {
	was, had := t.expiry(before)
	is, has := t.expiry(after)
	if had == has && was == is {
		return nil
	}
	if had {
		if err := b.Delete(ttlKey(was, key)); err != nil {
			return err
		}
	}
	if has {
		return b.Put(ttlKey(is, key), nil)
	}
	return nil
}

// rebuildTable makes the buckets of t and, where its indexes or expiry attribute differ from old, fills them
// anew from the items.
func rebuildTable(tx *bbolt.Tx, t, old *Table) error {
	tb, err := tx.CreateBucketIfNotExists(tableBucket(t.Name))
	if err != nil {
		return err
	}
	for _, b := range [][]byte{bktItems, bktTTL, bktStream} {
		if _, err := tb.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	stale := map[string]bool{}
	if old != nil {
		for _, ix := range old.Indexes {
			stale[ix.Name] = true
		}
	}
	var fresh []*Index
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if stale[ix.Name] && old.sameIndex(ix) {
			delete(stale, ix.Name)
			continue
		}
		fresh = append(fresh, ix)
	}
	for name := range stale {
		if err := tb.DeleteBucket(indexBucket(name)); err != nil {
			return err
		}
	}
	for _, ix := range fresh {
		if _, err := tb.CreateBucket(indexBucket(ix.Name)); err != nil {
			return err
		}
	}
	ttl := old == nil || old.TTLAttribute != t.TTLAttribute
	if ttl {
		if err := tb.DeleteBucket(bktTTL); err != nil {
			return err
		}
		if _, err := tb.CreateBucket(bktTTL); err != nil {
			return err
		}
	}
	if len(fresh) == 0 && !ttl {
		return nil
	}
	return tb.Bucket(bktItems).ForEach(func(k, v []byte) error {
		it, err := readItem(readRecord(v).json)
		if err != nil {
			return fmt.Errorf("rebuilding: %w", err)
		}
		for _, ix := range fresh {
			if _, err := ix.change(tb, t, k, nil, it); err != nil {
				return err
			}
		}
		if ttl {
			return t.changeTTL(tb.Bucket(bktTTL), k, nil, it)
		}
		return nil
	})
}

func (t *Table) sameIndex(ix *Index) bool {
	o := t.index(ix.Name)
	return o != nil && o.Key == ix.Key && o.Projection == ix.Projection && slices.Equal(o.Include, ix.Include)
}

func (t *Table) index(name string) *Index {
	for i := range t.Indexes {
		if t.Indexes[i].Name == name {
			return &t.Indexes[i]
		}
	}
	return nil
}
