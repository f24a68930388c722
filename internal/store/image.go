package store

import (
	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An Image is an item as it stands in a stream record. Its reading is that of the store, so that what a stream tells
// and what a read tells are decoded by the same code.
type Image map[string]events.DynamoDBAttributeValue

// Kind is the item's "t", "" when it has none.
func (m Image) Kind() string {
	if v, ok := m["t"]; ok && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

// item is m in the SDK's own types.
func (m Image) item() item {
	it := make(item, len(m))
	for name, v := range m {
		it[name] = fromStream(v)
	}
	return it
}

func fromStream(v events.DynamoDBAttributeValue) types.AttributeValue {
	switch v.DataType() {
	case events.DataTypeString:
		return &types.AttributeValueMemberS{Value: v.String()}
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}
	case events.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: v.Binary()}
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: v.Boolean()}
	case events.DataTypeStringSet:
		return &types.AttributeValueMemberSS{Value: v.StringSet()}
	case events.DataTypeNumberSet:
		return &types.AttributeValueMemberNS{Value: v.NumberSet()}
	case events.DataTypeBinarySet:
		return &types.AttributeValueMemberBS{Value: v.BinarySet()}
	case events.DataTypeList:
		list := make([]types.AttributeValue, len(v.List()))
		for i, e := range v.List() {
			list[i] = fromStream(e)
		}
		return &types.AttributeValueMemberL{Value: list}
	case events.DataTypeMap:
		return &types.AttributeValueMemberM{Value: Image(v.Map()).item()}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}
