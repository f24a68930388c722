package watchdog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"solewatch/internal/insole"
	"solewatch/internal/rules"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// A live item whose positions nobody can read: its insole falls silent all the same, and its org is looked at.
func TestUnreadableLiveItemIsMissed(t *testing.T) {
	w := newWorld(t)
	w.heard(rules.State{HeardAt: noon, At: noon, Boot: 1, Seq: 1, Expect: time.Minute})
	table := standintest.Table
	for shard := range store.LiveShards { // in one of them
		pk := &types.AttributeValueMemberS{Value: fmt.Sprintf("ORG#acme#LIVE#%x", shard)}
		_, _ = w.store.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &table, Key: map[string]types.AttributeValue{"PK": pk, "SK": &types.AttributeValueMemberS{Value: string(marie)}},
			UpdateExpression: aws.String("SET q = :q"), ConditionExpression: aws.String("attribute_exists(PK)"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":q": &types.AttributeValueMemberB{Value: []byte{0xff, 0xff, 0xff}}}})
	}
	if _, err := w.store.GetLive(t.Context(), "acme", marie); err == nil {
		t.Fatal("the item can be read")
	}
	w.clock.Advance(10 * time.Minute)
	w.run()
	if open := w.open(); len(open) != 1 || open[0].Kind != insole.AlarmLostContact {
		t.Errorf("open alarms %+v", open)
	}
}
