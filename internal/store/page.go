package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

type pageItem struct {
	Org        string `dynamodbav:"org"`
	Alarm      string `dynamodbav:"al"`
	Step       int    `dynamodbav:"sp"`
	Contact    string `dynamodbav:"c"`
	Name       string `dynamodbav:"cn,omitempty"`
	Channel    string `dynamodbav:"ch"`
	Address    string `dynamodbav:"ad"`
	Locale     string `dynamodbav:"lc,omitempty"`
	State      string `dynamodbav:"st"`
	Queued     int64  `dynamodbav:"qa"`
	Claimed    int64  `dynamodbav:"cl,omitempty"`
	Done       int64  `dynamodbav:"da,omitempty"`
	Tries      int    `dynamodbav:"tr,omitempty"`
	Message    string `dynamodbav:"mi,omitempty"`
	Why        string `dynamodbav:"wy,omitempty"`
	Token      string `dynamodbav:"tk,omitempty"` // while the page may have to be published again with the same link
	Opened     int64  `dynamodbav:"oa,omitempty"`
	AnsweredAt int64  `dynamodbav:"aa,omitempty"`
	Answer     string `dynamodbav:"an,omitempty"`
	DuePK      string `dynamodbav:"duePK,omitempty"`
	DueSK      string `dynamodbav:"dueSK,omitempty"`
}

// PageDue is when somebody must look at p again: at once while it is queued, when its claim lapses while it is claimed; zero when it
// is done with. A queued page that was tried before waits since its last try, twice as long each time, from 2 s up to a minute.
func PageDue(p insole.Page) time.Time {
	switch p.State {
	case insole.PageQueued:
		if p.Tries == 0 {
			return p.QueuedAt
		}
		return p.ClaimedAt.Add(min(time.Minute, time.Second<<min(p.Tries, 6)))
	case insole.PageClaimed:
		return p.ClaimedAt.Add(ClaimLapse)
	}
	return time.Time{}
}

// ClaimLapse is how long whoever claimed a page has to publish it before another may.
const ClaimLapse = 30 * time.Second

func marshalPage(p insole.Page) (item, error) {
	v := pageItem{
		Org: string(p.Org), Alarm: string(p.Alarm), Step: p.Step, Contact: string(p.Contact), Name: p.Name, Channel: string(p.Channel),
		Address: p.Address, Locale: p.Locale, State: string(p.State), Queued: ms(p.QueuedAt), Claimed: ms(p.ClaimedAt), Done: ms(p.DoneAt),
		Tries: p.Tries, Message: p.MessageID, Why: p.Why, Opened: ms(p.OpenedAt), AnsweredAt: ms(p.AnsweredAt), Answer: string(p.Answer),
	}
	if p.State == insole.PageQueued || p.State == insole.PageClaimed {
		v.Token = p.Token
	}
	k := pageKey(p)
	if at := PageDue(p); !at.IsZero() {
		v.DuePK, v.DueSK = dueKey(at, string(p.Alarm)+"#"+k.SK)
	}
	return marshal(k, "page", v)
}

func pageFrom(it item) (insole.Page, error) {
	var v pageItem
	if err := unmarshal(it, &v); err != nil {
		return insole.Page{}, err
	}
	return insole.Page{
		Org: insole.OrgID(v.Org), Alarm: insole.AlarmID(v.Alarm), Step: v.Step, Contact: insole.ContactID(v.Contact), Name: v.Name,
		Channel: insole.Channel(v.Channel), Address: v.Address, Locale: v.Locale, State: insole.PageState(v.State),
		QueuedAt: timeOf(v.Queued), ClaimedAt: timeOf(v.Claimed), DoneAt: timeOf(v.Done), Tries: v.Tries, MessageID: v.Message, Why: v.Why,
		Token: v.Token, OpenedAt: timeOf(v.Opened), AnsweredAt: timeOf(v.AnsweredAt), Answer: insole.Answer(v.Answer),
	}, nil
}

// ClaimPage takes p, as it was read, for publishing at now, and returns it as claimed. ErrConflict when somebody else has claimed or
// finished it since, or its alarm is no longer active, or set aside: nobody is paged after a committed "taken".
//
// The first claim gives the page its link, in the same write; whoever claims it again finds the token in the row, so that a page that is
// published twice carries one link.
func (s *Store) ClaimPage(ctx context.Context, p insole.Page, now time.Time) (insole.Page, error) {
	c := p
	c.State, c.ClaimedAt, c.Tries = insole.PageClaimed, now, p.Tries+1
	var link item
	if c.Token == "" {
		var err error
		c.Token = NewLinkToken()
		link, err = marshalLink(c, now.Add(LinkLife))
		if err != nil {
			return p, err
		}
	}
	it, err := marshalPage(c)
	if err != nil {
		return p, err
	}
	active := cond{expr: "#st = :active AND attribute_not_exists(#sh)", names: map[string]string{"#st": "st", "#sh": "sh"}, values: item{":active": str(string(insole.Active))}}
	parts := []types.TransactWriteItem{s.txPut(it, ifPageIs(p)), s.txCheck(alarmKey(p.Org, p.Alarm), active)}
	if link != nil {
		parts = append(parts, s.txPut(link, ifAbsent))
	}
	err = s.transact(ctx, parts...)
	if err != nil {
		return p, err
	}
	c.ClaimedAt = timeOf(ms(now))
	return c, nil
}

// SavePage writes next over p as it was read or claimed. ErrConflict when it has been written since.
func (s *Store) SavePage(ctx context.Context, p, next insole.Page) error {
	it, err := marshalPage(next)
	if err != nil {
		return err
	}
	return s.put(ctx, it, ifPageIs(p))
}

// ifPageIs holds while the stored page has the state and the number of tries of p.
func ifPageIs(p insole.Page) cond {
	c := cond{
		expr:   "#st = :ifst AND #tr = :iftr",
		names:  map[string]string{"#st": "st", "#tr": "tr"},
		values: item{":ifst": str(string(p.State)), ":iftr": num(int64(p.Tries))},
	}
	if p.Tries == 0 {
		c.expr = "#st = :ifst AND attribute_not_exists(#tr)"
		delete(c.values, ":iftr")
	}
	return c
}
