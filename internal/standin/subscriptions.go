package standin

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

var (
	topicNames = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	e164       = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	emails     = regexp.MustCompile(`^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+$`)
)

// pendingFor is how long an e-mail subscription waits for its reader.
const pendingFor = 48 * time.Hour

// A subscription is one row of the subs bucket, under its ARN.
type subscription struct {
	ARN      string
	Topic    string // ARN
	Protocol string // sms or email
	Endpoint string
	Filter   string // filter policy as given, "" for none
	Scope    string // "" means MessageAttributes
	Raw      string // RawMessageDelivery as given
	Token    string // of the confirmation link; "" once confirmed
	Made     time.Time
}

func (s subscription) pending() bool { return s.Token != "" }

// subscriptions returns those of one topic, or of all for "", in order of their ARN.
func subscriptions(tx *bbolt.Tx, topic string) ([]subscription, error) {
	var out []subscription
	err := tx.Bucket(bktSubs).ForEach(func(_, v []byte) error {
		var sub subscription
		if err := json.Unmarshal(v, &sub); err != nil {
			return err
		}
		if topic == "" || sub.Topic == topic {
			out = append(out, sub)
		}
		return nil
	})
	return out, err
}

func sweepPending(tx *bbolt.Tx, now time.Time) error {
	list, err := subscriptions(tx, "")
	for _, sub := range slices.DeleteFunc(list, func(s subscription) bool { return !s.pending() || now.Sub(s.Made) < pendingFor }) {
		err = errors.Join(err, tx.Bucket(bktSubs).Delete([]byte(sub.ARN)))
	}
	return err
}
