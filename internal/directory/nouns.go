package directory

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// nouns is all things of one kind in an org, before and after.
type nouns[K cmp.Ordered, V any] struct {
	before map[K]store.Kept[V]
	after  map[K]V
}

func nounsOf[K cmp.Ordered, V any](kept []store.Kept[V], id func(V) K) nouns[K, V] {
	n := nouns[K, V]{map[K]store.Kept[V]{}, map[K]V{}}
	for _, k := range kept {
		n.before[id(k.Value)], n.after[id(k.Value)] = k, k.Value
	}
	return n
}

func (n nouns[K, V]) now() map[K]V  { return n.after }
func (n nouns[K, V]) has(id K) bool { _, ok := n.after[id]; return ok }
func (n nouns[K, V]) was(id K) (V, bool) {
	k, ok := n.before[id]
	return k.Value, ok
}

// expect compares what is there with what the caller knows.
func (n nouns[K, V]) expect(what string, id K, version int) error {
	have := n.before[id] // version 0 when it is new in this draft
	switch {
	case version == New && n.has(id):
		return fmt.Errorf("%s %v: %w", what, id, ErrTaken)
	case version == New:
		return nil
	case !n.has(id):
		return fmt.Errorf("%s %v: %w", what, id, insole.ErrNotFound)
	case version != Any && version != have.Version:
		return fmt.Errorf("%s %v is at version %d, not %d: %w", what, id, have.Version, version, ErrVersion)
	}
	return nil
}

// changed lists what is new or not what it was, by name.
func (n nouns[K, V]) changed() []K {
	var all []K
	for _, id := range slices.Sorted(maps.Keys(n.after)) {
		was, ok := n.was(id)
		if !ok || !reflect.DeepEqual(was, n.after[id]) {
			all = append(all, id)
		}
	}
	return all
}

// dropped lists what is no more.
func (n nouns[K, V]) dropped() []K {
	var all []K
	for _, id := range slices.Sorted(maps.Keys(n.before)) {
		if !n.has(id) {
			all = append(all, id)
		}
	}
	return all
}

func (n nouns[K, V]) touched() bool { return len(n.changed())+len(n.dropped()) > 0 }

// next is how id will be kept.
func (n nouns[K, V]) next(id K) store.Kept[V] {
	return store.Kept[V]{Value: n.after[id], Version: n.before[id].Version + 1}
}

// kept is id as it will be kept once the draft is saved.
func (n nouns[K, V]) kept(id K) (store.Kept[V], bool) {
	v, ok := n.after[id]
	k := n.before[id]
	if was, had := n.was(id); !had || !reflect.DeepEqual(was, v) {
		k = store.Kept[V]{Value: v, Version: k.Version + 1}
	}
	return k, ok
}

func plain[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}
