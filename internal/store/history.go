package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"solewatch/internal/insole"
)

// PutHistory stores points, all of one UTC day, as one item until ends. Its key is made of the first point's time and of what is in it:
// a repeat writes the same item again, and points that are stored twice under different keys have one name, by which a reader tells.
func (s *Store) PutHistory(ctx context.Context, l Live, points []Point, ends time.Time) error {
	if len(points) == 0 {
		return nil
	}
	first, last := points[0], points[0]
	for _, p := range points[1:] {
		if p.At.Before(first.At) {
			first = p
		}
		if p.At.After(last.At) {
			last = p
		}
	}
	pack := packPoints(points)
	sum := sha256.Sum256(pack)
	it := historyKey(l.Insole, first.At, first.Name().String()+"."+hex.EncodeToString(sum[:4])).item()
	it["t"], it["o"], it["w"] = str("history"), str(string(l.Org)), str(string(l.Worker))
	it["to"], it["n"], it["q"], it["ttl"] = num(ms(last.At)), num(int64(len(points))), bin(pack), num(ends.Unix())
	return s.put(ctx, it, cond{})
}

// MaxRange is the longest time that Positions reads at once.
const MaxRange = 31 * 24 * time.Hour

// Positions reads what insole i told between from and to, both included, while worker w of org o wore it: history and what is not in history
// yet, each report once, oldest first. ErrInvalid when the range is longer than MaxRange or ends before it begins.
func (s *Store) Positions(ctx context.Context, o insole.OrgID, w insole.WorkerID, i insole.ID, from, to time.Time) ([]Point, error) {
	if to.Before(from) || to.Sub(from) > MaxRange {
		return nil, errors.Join(insole.ErrInvalid, errors.New("positions: the range is empty or too long"))
	}
	seen := map[PointName]bool{}
	var out []Point
	add := func(points []Point) {
		for _, p := range points {
			if p.At.Before(from) || p.At.After(to) || seen[p.Name()] {
				continue
			}
			seen[p.Name()] = true
			out = append(out, p)
		}
	}
	// The ring first: what leaves it between the two reads is found in history.
	live, err := s.GetLive(ctx, o, i)
	switch {
	case err == nil && live.Worker == w:
		add(live.Ring)
	case err != nil && !errors.Is(err, insole.ErrNotFound):
		return nil, err
	}
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(to); day = day.Add(24 * time.Hour) {
		for it, err := range s.query(ctx, question{pk: historyPK(i, day), to: stamp(to) + "~"}) {
			if err != nil {
				return nil, err
			}
			if strOf(it, "o") != string(o) || strOf(it, "w") != string(w) || numOf(it, "to") < from.UnixMilli() {
				continue
			}
			points, err := unpackPoints(binOf(it, "q"))
			if err != nil {
				return nil, err
			}
			add(points)
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return int(int64(a.Seq) - int64(b.Seq))
	})
	return out, nil
}
