package store

import (
	"context"
	"iter"
	"strings"
	"time"
)

// dueTries is how often a sweep asks for one part of the index without getting any further.
const dueTries = 4

// due yields what from makes of everything in the parts of the index named by pk that was due before now; from refuses what is of another kind. The index
// lags by up to a second or so, and anything may be yielded more than once. A part that cannot be read is asked dueTries times, from where it stopped; then
// its error is yielded, and the other parts all the same.
func due[T any](ctx context.Context, s *Store, now time.Time, pk func(shard int) string, from func(it item, at time.Time) (T, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for shard := range DueShards {
			q := question{index: DueIndex, pk: pk(shard), to: stamp(now) + "~"}
			for try := 1; ; try++ {
				var failed error
				for it, err := range s.query(ctx, q) {
					if err != nil {
						failed = err
						break
					}
					sk := strOf(it, "dueSK")
					if sk != q.from {
						q.from, try = sk, 1
					}
					at, _, _ := strings.Cut(sk, "#")
					t, _ := time.Parse(sortable, at)
					if v, ok := from(it, t); ok && !yield(v, nil) {
						return
					}
				}
				if failed == nil {
					break
				}
				if try >= dueTries || ctx.Err() != nil {
					var none T
					if !yield(none, failed) {
						return
					}
					break
				}
			}
		}
	}
}
