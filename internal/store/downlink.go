package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// DownlinkShards is how many partitions the pending downlinks are spread over, by insole: enough to evacuate thousands at once.
const DownlinkShards = 4

// downlinkKept is how long the table keeps a downlink that nobody delivered: the watchdog is much sooner.
const downlinkKept = 24 * time.Hour

type downlinkItem struct {
	Insole  string `dynamodbav:"i"`
	ID      int64  `dynamodbav:"id"`
	Command string `dynamodbav:"cm"`
	Org     string `dynamodbav:"org"`
	Alarm   string `dynamodbav:"al,omitempty"`
	Muster  string `dynamodbav:"mu,omitempty"`
	Worker  string `dynamodbav:"wo,omitempty"`
	Made    int64  `dynamodbav:"ma"`
	Ends    int64  `dynamodbav:"en"`
	TTL     int64  `dynamodbav:"ttl"`
}

// Also is one more write of a transaction. See SaveAlarm.
type Also func(*Store) (types.TransactWriteItem, error)

// Order stores d, to be delivered. Twice is once.
func Order(d insole.Downlink) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		it, err := marshal(downlinkKey(d.Insole, d.ID), "downlink", downlinkItem{
			Insole: string(d.Insole), ID: int64(d.ID), Command: string(d.Command), Org: string(d.Org), Alarm: string(d.Alarm),
			Muster: string(d.Muster), Worker: string(d.Worker), Made: ms(d.MadeAt), Ends: ms(d.EndsAt), TTL: d.EndsAt.Add(downlinkKept).Unix(),
		})
		return s.txPut(it, cond{}), err
	}
}

// Withdraw takes d back. One that was delivered already, or never was there, is no error.
func Withdraw(d insole.Downlink) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		return s.txDelete(downlinkKey(d.Insole, d.ID), cond{}), nil
	}
}

func downlinkFrom(it item) (insole.Downlink, error) {
	var v downlinkItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Downlink{}, err
	}
	return insole.Downlink{
		Insole: insole.ID(v.Insole), ID: uint32(v.ID), Command: insole.Command(v.Command), Org: insole.OrgID(v.Org), Alarm: insole.AlarmID(v.Alarm),
		Muster: insole.MusterID(v.Muster), Worker: insole.WorkerID(v.Worker), MadeAt: timeOf(v.Made), EndsAt: timeOf(v.Ends),
	}, nil
}

// Downlinks yields every downlink that nobody has answered, also those whose time is over (EndsAt), in no order. It may miss the last second's
// writes: it costs half a read unit for each shard, and is asked again and again.
func (s *Store) Downlinks(ctx context.Context) iter.Seq2[insole.Downlink, error] {
	return func(yield func(insole.Downlink, error) bool) {
		for shard := range DownlinkShards {
			for it, err := range s.query(ctx, question{pk: downlinkPK(shard), stale: true}) {
				var d insole.Downlink
				if err == nil {
					d, err = downlinkFrom(it)
				}
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

// GetDownlink reads a downlink that is not answered. ErrNotFound when there is none of that number, or it has been answered.
func (s *Store) GetDownlink(ctx context.Context, i insole.ID, id uint32) (insole.Downlink, error) {
	it, err := s.get(ctx, downlinkKey(i, id))
	if err != nil {
		return insole.Downlink{}, err
	}
	return downlinkFrom(it)
}

// SettleDownlink ends d: the item goes, and line enters the log of its alarm, whose version goes up so that screens read it again, all or
// nothing. A d without alarm has no log. ErrNotFound when d has been settled or withdrawn: of any number of callers one writes the line.
func (s *Store) SettleDownlink(ctx context.Context, d insole.Downlink, line LogLine) error {
	k := downlinkKey(d.Insole, d.ID)
	gone := fmt.Errorf("settling downlink %d of %s: %w", d.ID, d.Insole, insole.ErrNotFound)
	if d.Alarm == "" {
		_, err := s.remove(ctx, k, ifPresent)
		if errors.Is(err, insole.ErrConflict) {
			return gone
		}
		return err
	}
	err := s.AppendLog(ctx, d.Org, d.Alarm, []LogLine{line}, s.txDelete(k, ifPresent))
	switch {
	case errors.Is(err, insole.ErrNotFound): // the alarm is gone, and its log with it
		_, err = s.remove(ctx, k, cond{})
	case errors.Is(err, insole.ErrConflict) && failedPart(err) == 0:
		return gone
	}
	return err
}

// HushInsole withdraws every downlink of an insole.
func (s *Store) HushInsole(ctx context.Context, i insole.ID) error {
	var errs []error
	for it, err := range s.query(ctx, question{pk: downlinkKey(i, 0).PK, prefix: string(i) + "#"}) {
		if err != nil {
			return err
		}
		_, err = s.remove(ctx, key{strOf(it, "PK"), strOf(it, "SK")}, cond{})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
