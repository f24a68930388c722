package store

import (
	"context"
	"errors"

	"solewatch/internal/insole"
)

// FeedSeq is the newest sequence number given out in org's live feed, 0 before the first. Strongly consistent: what
// was stored before a number was given out is seen by any strongly consistent read that follows this one.
func (s *Store) FeedSeq(ctx context.Context, org insole.OrgID) (int64, error) {
	it, err := s.get(ctx, feedKey(org))
	if errors.Is(err, insole.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return numOf(it, "seq"), nil
}

// NextFeedSeq gives out the next n numbers of org's live feed and returns the first of them. Numbers are given out once;
// when the answer is lost, or their messages are never sent, screens see a gap and fetch the board.
func (s *Store) NextFeedSeq(ctx context.Context, org insole.OrgID, n int) (int64, error) {
	it, err := s.update(ctx, feedKey(org), "ADD #s :n SET #t = :t", map[string]string{"#s": "seq", "#t": "t"},
		item{":n": num(int64(n)), ":t": str("feed")}, cond{})
	if err != nil {
		return 0, err
	}
	return numOf(it, "seq") - int64(n) + 1, nil
}
