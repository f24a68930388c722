package store

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// An image holds every type DynamoDB has, as the stream writes it, and none is lost on the way to the SDK's types.
func TestImage(t *testing.T) {
	const in = `{
		"t":{"S":"live"}, "n":{"N":"-12.5"}, "b":{"B":"AQID"}, "yes":{"BOOL":true}, "none":{"NULL":true},
		"ss":{"SS":["a","b"]}, "ns":{"NS":["1","2"]}, "bs":{"BS":["AQ==","Ag=="]},
		"l":{"L":[{"S":"x"},{"L":[]},{"M":{"k":{"N":"1"}}}]}, "m":{"M":{"in":{"M":{"deep":{"BOOL":false}}}}}
	}`
	var m Image
	if err := json.Unmarshal([]byte(in), &m); err != nil {
		t.Fatal(err)
	}
	want := item{
		"t": str("live"), "n": &types.AttributeValueMemberN{Value: "-12.5"}, "b": bin([]byte{1, 2, 3}), "yes": yes(),
		"none": &types.AttributeValueMemberNULL{Value: true},
		"ss":   &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1", "2"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2}}},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			str("x"), &types.AttributeValueMemberL{Value: []types.AttributeValue{}}, &types.AttributeValueMemberM{Value: item{"k": num(1)}},
		}},
		"m": &types.AttributeValueMemberM{Value: item{"in": &types.AttributeValueMemberM{Value: item{"deep": &types.AttributeValueMemberBOOL{}}}}},
	}
	opts := cmpopts.IgnoreUnexported(
		types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{}, types.AttributeValueMemberBOOL{},
		types.AttributeValueMemberNULL{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{}, types.AttributeValueMemberBS{},
		types.AttributeValueMemberL{}, types.AttributeValueMemberM{})
	if diff := cmp.Diff(want, m.item(), opts); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	for in, want := range map[string]string{`{"t":{"S":"alarm"}}`: "alarm", `{"t":{"N":"1"}}`: "", `{}`: "", `null`: ""} {
		var m Image
		if err := json.Unmarshal([]byte(in), &m); err != nil {
			t.Fatal(err)
		}
		if got := m.Kind(); got != want {
			t.Errorf("Kind of %s = %q, want %q", in, got, want)
		}
	}
}
