package host

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"solewatch/internal/host/template"
)

// What the template does not grant a program is denied in each service's own words.
func TestAccess(t *testing.T) {
	a := start(t, t.TempDir())
	table, queue := a.Standin.TableARN("t-Table"), a.Standin.QueueARN("t-Work")
	topic := a.Standin.TopicARN("t-team-x")
	if err := a.Standin.EnsureTopic("t-team-x"); err != nil {
		t.Fatal(err)
	}
	all := []template.Statement{
		{Actions: []string{"dynamodb:PutItem", "dynamodb:ConditionCheckItem"}, Resources: []string{table}},
		{Actions: []string{"sqs:SendMessage"}, Resources: []string{queue}},
		{Actions: []string{"sns:Publish"}, Resources: []string{"arn:aws:sns:*:*:t-team-*"}},
	}
	a.accessKey("test", all)
	a.accessKey("nothing", nil)
	item := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "1"}}
	dynamo := func(k string) *dynamodb.Client {
		return dynamodb.New(dynamodb.Options{Region: "eu-west-3", BaseEndpoint: &a.Services, Credentials: credentials.NewStaticCredentialsProvider(k, "x", "")})
	}
	queues := func(k string) *sqs.Client {
		return sqs.New(sqs.Options{Region: "eu-west-3", BaseEndpoint: &a.Services, Credentials: credentials.NewStaticCredentialsProvider(k, "x", "")})
	}
	topics := func(k string) *sns.Client {
		return sns.New(sns.Options{Region: "eu-west-3", BaseEndpoint: &a.Services, Credentials: credentials.NewStaticCredentialsProvider(k, "x", "")})
	}
	for _, tc := range []struct {
		name   string
		call   func(key string) error
		denied []string // keys that may not
		code   string
	}{
		{"put", func(k string) error {
			_, err := dynamo(k).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t-Table"), Item: item})
			return err
		}, []string{"LOCALNOTHING"}, "AccessDeniedException"},
		{"get", func(k string) error {
			_, err := dynamo(k).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("t-Table"), Key: item})
			return err
		}, []string{"LOCALNOTHING", "LOCALTEST"}, "AccessDeniedException"},
		{"transaction", func(k string) error {
			_, err := dynamo(k).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
				{Put: &types.Put{TableName: aws.String("t-Table"), Item: item}},
			}})
			return err
		}, []string{"LOCALNOTHING"}, "AccessDeniedException"},
		{"transaction with a delete", func(k string) error {
			_, err := dynamo(k).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
				{Delete: &types.Delete{TableName: aws.String("t-Table"), Key: item}},
			}})
			return err
		}, []string{"LOCALNOTHING", "LOCALTEST"}, "AccessDeniedException"},
		{"batch write", func(k string) error {
			_, err := dynamo(k).BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
				"t-Table": {{PutRequest: &types.PutRequest{Item: item}}},
			}})
			return err
		}, []string{"LOCALNOTHING", "LOCALTEST"}, "AccessDeniedException"},
		{"send", func(k string) error {
			_, err := queues(k).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(a.Standin.QueueURL("t-Work")), MessageBody: aws.String(`"QueueUrl":"x"`)})
			return err
		}, []string{"LOCALNOTHING"}, "AccessDeniedException"},
		{"send to another queue", func(k string) error {
			_, err := queues(k).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(a.Standin.QueueURL("t-Dead")), MessageBody: aws.String("x")})
			return err
		}, []string{"LOCALNOTHING", "LOCALTEST"}, "AccessDeniedException"},
		{"publish", func(k string) error {
			_, err := topics(k).Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("x")})
			return err
		}, []string{"LOCALNOTHING"}, "AuthorizationError"},
		{"text a number", func(k string) error {
			_, err := topics(k).Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+33612345678"), Message: aws.String("x")})
			return err
		}, []string{"LOCALNOTHING", "LOCALTEST"}, "AuthorizationError"},
	} {
		for _, key := range []string{"LOCALNOTHING", "LOCALTEST", "ANOPERATOR"} {
			err := tc.call(key)
			var api smithy.APIError
			isDenied := errors.As(err, &api) && api.ErrorCode() == tc.code && strings.Contains(api.ErrorMessage(), "not authorized to perform")
			if want := slices.Contains(tc.denied, key); isDenied != want || !want && err != nil {
				t.Errorf("%s as %s: %v, want denied = %v", tc.name, key, err, want)
			}
		}
	}
}
