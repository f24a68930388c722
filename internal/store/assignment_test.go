package store

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"solewatch/internal/insole"
)

func TestAssignmentItem(t *testing.T) {
	for _, a := range []insole.Assignment{
		{Org: "acme", Dialect: insole.Teltonika},
		{
			Org: "acme", Team: "north", Worker: "marie", WorkerName: "Marie \"D.\"", Locale: "fr", Dialect: insole.SOLE,
			Key: []byte("01234567890123456789012345678901"), Revoked: true,
			Shifts: []insole.Shift{{Days: []time.Weekday{time.Monday, time.Sunday}, From: 22 * time.Hour, To: 6 * time.Hour, Zone: "Europe/Paris"}},
		},
	} {
		item, err := assignmentItem(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := assignmentFrom(item)
		if diff := cmp.Diff(a, got); diff != "" || err != nil {
			t.Errorf("assignmentFrom(assignmentItem(a)) error = %v, difference:\n%s", err, diff)
		}
	}
}

func TestAssignmentFromRefuses(t *testing.T) {
	good, err := assignmentItem(insole.Assignment{Org: "acme", Dialect: insole.SOLE})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]types.AttributeValue{
		"org":     &types.AttributeValueMemberN{Value: "1"},
		"dialect": &types.AttributeValueMemberS{Value: ""},
		"shifts":  &types.AttributeValueMemberS{Value: "{"},
	} {
		item := map[string]types.AttributeValue{}
		for k, v := range good {
			item[k] = v
		}
		item[name] = v
		_, err := assignmentFrom(item)
		if !errors.Is(err, insole.ErrInvalid) {
			t.Errorf("assignmentFrom with %s = %v: error = %v, want %v", name, v, err, insole.ErrInvalid)
		}
	}
}
