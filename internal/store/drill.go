package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
)

type drillItem struct {
	Team  string `dynamodbav:"team"`
	Alarm string `dynamodbav:"alarm"`
	AtMs  int64  `dynamodbav:"atMs"`
	TookS int64  `dynamodbav:"tookS"`
	By    string `dynamodbav:"by"`
}

// Exercised remembers d as its team's newest drill.
func Exercised(d insole.Drill) Also {
	return func(s *Store) (types.TransactWriteItem, error) {
		it, err := marshal(drillKey(d.Org, d.Team), "drill", drillItem{string(d.Team), string(d.Alarm), ms(d.At), int64(d.Took / time.Second), d.By})
		return s.txPut(it, cond{}), err
	}
}

// Drills are the newest drills of an org's teams. A team without one has no entry.
func (s *Store) Drills(ctx context.Context, o insole.OrgID) (map[insole.TeamID]insole.Drill, error) {
	out := map[insole.TeamID]insole.Drill{}
	for it, err := range s.query(ctx, question{pk: drillKey(o, "").PK}) {
		if err != nil {
			return nil, err
		}
		var v drillItem
		if err := unmarshal(it, &v); err != nil {
			return nil, err
		}
		out[insole.TeamID(v.Team)] = insole.Drill{
			Org: o, Team: insole.TeamID(v.Team), Alarm: insole.AlarmID(v.Alarm), At: timeOf(v.AtMs), Took: time.Duration(v.TookS) * time.Second, By: v.By,
		}
	}
	return out, nil
}
