// Command fn is the function of the host's tests: what it does stands in the event. An event of records does what
// the first body or image says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("FAIL_INIT") != "" {
		fmt.Println("cannot start")
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(_ context.Context, event json.RawMessage) (any, error) {
	var e struct {
		Do      string `json:"do"`
		Records []struct {
			Body      string `json:"body"`
			MessageID string `json:"messageId"`
		} `json:"Records"`
		RawPath string            `json:"rawPath"`
		Cookies []string          `json:"cookies"`
		Headers map[string]string `json:"headers"`
		Context struct {
			RouteKey     string `json:"routeKey"`
			ConnectionID string `json:"connectionId"`
			EventType    string `json:"eventType"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	if f := os.Getenv("RECORD"); f != "" {
		out, err := os.OpenFile(f, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		if _, err := fmt.Fprintf(out, "%s\n", event); err != nil {
			return nil, err
		}
		if err := out.Close(); err != nil {
			return nil, err
		}
	}
	do := e.Do
	if strings.HasPrefix(e.RawPath, "/do/") {
		do = strings.TrimPrefix(e.RawPath, "/do/")
	}
	if do == "" {
		do = os.Getenv("DO")
	}
	switch do {
	case "authorize":
		return authorize(e.Cookies)
	case "sleep":
		time.Sleep(time.Minute)
	case "panic":
		panic("as asked")
	case "exit":
		fmt.Println("leaving")
		os.Exit(7)
	case "error":
		return nil, errors.New("as asked")
	case "env":
		return os.Environ(), nil
	case "pid":
		return os.Getpid(), nil
	case "big":
		return strings.Repeat("x", 7<<20), nil
	case "partial":
		type item struct {
			ID string `json:"itemIdentifier"`
		}
		failed := []item{}
		for _, r := range e.Records {
			if strings.Contains(r.Body, "bad") {
				failed = append(failed, item{r.MessageID})
			}
		}
		return map[string]any{"batchItemFailures": failed}, nil
	}
	if len(e.Records) > 0 && strings.Contains(e.Records[0].Body, "explode") {
		return nil, errors.New("as asked")
	}
	switch e.Context.EventType {
	case "CONNECT":
		if e.Headers["X-Refuse"] != "" {
			return map[string]any{"statusCode": 403}, nil
		}
		return map[string]any{"statusCode": 200}, nil
	case "DISCONNECT":
		return map[string]any{"statusCode": 200}, nil
	case "MESSAGE":
		return map[string]any{"statusCode": 200, "body": string(e.Context.RouteKey)}, nil
	}
	return event, nil
}

func authorize(cookies []string) (any, error) {
	switch strings.Join(cookies, ";") {
	case "s=good":
		return map[string]any{"isAuthorized": true, "context": map[string]string{"user": "ada"}}, nil
	case "s=bad":
		return map[string]any{"isAuthorized": false}, nil
	case "s=odd":
		return "what?", nil
	}
	return nil, errors.New("as asked")
}
