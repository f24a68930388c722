package store

import (
	"context"
	"time"

	"solewatch/internal/insole"
)

// ConsoleLife is how long a console is on duty after it last said so: three times as long as it may take to say so again.
const ConsoleLife = 3 * time.Minute

type consoleItem struct {
	User  string   `dynamodbav:"u"`
	Teams []string `dynamodbav:"tm,omitempty"`
	Sound bool     `dynamodbav:"so,omitempty"`
	Since int64    `dynamodbav:"si"`
	Heard int64    `dynamodbav:"at"`
	TTL   int64    `dynamodbav:"ttl"`
}

type unwatchedItem struct {
	Team   string `dynamodbav:"tm"`
	Since  int64  `dynamodbav:"si"`
	Raised bool   `dynamodbav:"r,omitempty"`
}

// PutConsole remembers, for ConsoleLife from c.Heard, that c is on duty: one write unit. What it said before is replaced.
func (s *Store) PutConsole(ctx context.Context, c insole.Console) error {
	it, err := marshal(consoleKey(c.Org, c.ID), "console", consoleItem{
		User: string(c.User), Teams: strs(c.Teams), Sound: c.Sound, Since: ms(c.Since), Heard: ms(c.Heard), TTL: c.Heard.Add(ConsoleLife).Unix(),
	})
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// DropConsole takes a console off duty. One that is not on duty is no error.
func (s *Store) DropConsole(ctx context.Context, o insole.OrgID, id string) error {
	_, err := s.remove(ctx, consoleKey(o, id), cond{})
	return err
}

// Duty reads who is on duty in o, and which teams nobody watches, strongly consistent.
func (s *Store) Duty(ctx context.Context, o insole.OrgID) (on []insole.Console, alone []insole.Unwatched, err error) {
	for it, err := range s.query(ctx, question{pk: consoleKey(o, "").PK}) {
		if err != nil {
			return nil, nil, err
		}
		switch strOf(it, "t") {
		case "console":
			var v consoleItem
			if err := unmarshal(it, &v); err != nil {
				return nil, nil, err
			}
			c := insole.Console{
				Org: o, ID: consoleOfSK(strOf(it, "SK")), User: insole.UserID(v.User), Sound: v.Sound, Since: timeOf(v.Since), Heard: timeOf(v.Heard),
			}
			if len(v.Teams) > 0 {
				c.Teams = names[insole.TeamID](v.Teams)
			}
			on = append(on, c)
		case "unwatched":
			var v unwatchedItem
			if err := unmarshal(it, &v); err != nil {
				return nil, nil, err
			}
			alone = append(alone, insole.Unwatched{Org: o, Team: insole.TeamID(v.Team), Since: timeOf(v.Since), Raised: v.Raised})
		}
	}
	return on, alone, nil
}

// PutUnwatched remembers that nobody watches a team. A newer word replaces it.
func (s *Store) PutUnwatched(ctx context.Context, u insole.Unwatched) error {
	it, err := marshal(unwatchedKey(u.Org, u.Team), "unwatched", unwatchedItem{string(u.Team), ms(u.Since), u.Raised})
	if err != nil {
		return err
	}
	return s.put(ctx, it, cond{})
}

// DropUnwatched forgets it: somebody watches the team, or nobody needs to. What is not there is no error.
func (s *Store) DropUnwatched(ctx context.Context, o insole.OrgID, t insole.TeamID) error {
	_, err := s.remove(ctx, unwatchedKey(o, t), cond{})
	return err
}
