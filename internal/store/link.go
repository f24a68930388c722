package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

// LinkLife is how long the link of a page can be used at most. It ends earlier with its alarm.
const LinkLife = 24 * time.Hour

// A Link leads from the token in a message to the page that it was sent with.
type Link struct {
	Org     insole.OrgID
	Alarm   insole.AlarmID
	Step    int
	Contact insole.ContactID
	Channel insole.Channel
	Ends    time.Time
}

// Of says whether p is the page that l was sent with.
func (l Link) Of(p insole.Page) bool {
	return l.Step == p.Step && l.Contact == p.Contact && l.Channel == p.Channel
}

type linkItem struct {
	Org     string `dynamodbav:"org"`
	Alarm   string `dynamodbav:"al"`
	Step    int    `dynamodbav:"sp"`
	Contact string `dynamodbav:"c"`
	Channel string `dynamodbav:"ch"`
	EndsMs  int64  `dynamodbav:"endsMs"`
	TTL     int64  `dynamodbav:"ttl"` // the second after EndsMs, which decides
}

// NewLinkToken makes a token of 130 bits of chance: 26 upper-case letters and digits 2 to 7. The name of an alarm has 16 lower-case ones.
func NewLinkToken() string { return rand.Text() }

// IsLinkToken says whether token could be one that NewLinkToken made.
func IsLinkToken(token string) bool {
	if len(token) != 26 {
		return false
	}
	for _, c := range []byte(token) {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

func linkHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func marshalLink(p insole.Page, ends time.Time) (item, error) {
	return marshal(linkKey(linkHash(p.Token)), "link", linkItem{
		Org: string(p.Org), Alarm: string(p.Alarm), Step: p.Step, Contact: string(p.Contact), Channel: string(p.Channel),
		EndsMs: ms(ends), TTL: ends.Unix() + 1,
	})
}

// LinkOf finds the page that token was sent with. insole.ErrNotFound when there is none, or none any more; what cannot be a token is not
// asked for.
func (s *Store) LinkOf(ctx context.Context, token string, now time.Time) (Link, error) {
	if !IsLinkToken(token) {
		return Link{}, fmt.Errorf("link of %d characters: %w", len(token), insole.ErrNotFound)
	}
	it, err := s.get(ctx, linkKey(linkHash(token)))
	if err != nil {
		return Link{}, err
	}
	var v linkItem
	if err := unmarshal(it, &v); err != nil {
		return Link{}, err
	}
	l := Link{Org: insole.OrgID(v.Org), Alarm: insole.AlarmID(v.Alarm), Step: v.Step, Contact: insole.ContactID(v.Contact),
		Channel: insole.Channel(v.Channel), Ends: timeOf(v.EndsMs)}
	if !now.Before(l.Ends) {
		return Link{}, fmt.Errorf("link ended at %s: %w", l.Ends.Format(time.RFC3339), insole.ErrNotFound)
	}
	return l, nil
}

// Answered writes next over page p as it was read: the answer of somebody who was paged, in the transaction that writes what becomes of the
// alarm. The whole is ErrConflict when the page was written since: of any number of answers through one link only one is written.
func Answered(p, next insole.Page) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		it, err := marshalPage(next)
		return s.txPut(it, ifPageIs(p)), err
	}
}
