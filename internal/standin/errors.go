package standin

import (
	"encoding/json"
	"net/http"
)

// An apiError is a refusal in AWS's words. It reaches the client as the typed error of its SDK.
type apiError struct {
	Status  int    // HTTP
	Type    string // as in __type after the '#', or as the XML Code
	Message string
	Query   string                     // SQS only: the older code in x-amzn-query-error, "" when it has none
	Fields  map[string]json.RawMessage // beside __type and message: Item, CancellationReasons
}

func (e *apiError) Error() string { return e.Type + ": " + e.Message }

func badRequest(typ, message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: typ, Message: message}
}

// invalid is DynamoDB's answer to nearly every mistake of the caller.
func invalid(message string) *apiError { return badRequest("ValidationException", message) }

func conditionFailed(item []byte) *apiError {
	e := badRequest("ConditionalCheckFailedException", "The conditional request failed")
	if item != nil {
		e.Fields = map[string]json.RawMessage{"Item": item}
	}
	return e
}

func internal(err error) *apiError {
	return &apiError{Status: http.StatusInternalServerError, Type: "InternalServerError", Message: "stand-in: " + err.Error()}
}

// namespaces of the __type member, by service.
var namespaces = map[string]string{
	"dynamodb": "com.amazonaws.dynamodb.v20120810#",
	"sqs":      "com.amazonaws.sqs#",
}

// coral lists the errors that AWS's front door makes, before the service sees the call.
var coral = map[string]bool{
	"ValidationException": true, "SerializationException": true, "UnknownOperationException": true,
	"MissingAuthenticationTokenException": true, "InvalidParameterValueException": true,
	"MissingRequiredParameterException": true, "InternalFailure": true, "ServiceUnavailable": true,
}

// jsonBody spells e for the AWS JSON protocols.
func (e *apiError) jsonBody(service string) []byte {
	ns := namespaces[service]
	if coral[e.Type] {
		ns = "com.amazon.coral.service#"
	}
	out := map[string]json.RawMessage{}
	for k, v := range e.Fields {
		out[k] = v
	}
	out["__type"], _ = json.Marshal(ns + e.Type)
	key := "message"
	if e.Type == "TransactionCanceledException" {
		key = "Message"
	}
	out[key], _ = json.Marshal(e.Message)
	b, _ := json.Marshal(out)
	return b
}
