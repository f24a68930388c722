// Command push is the function that tells screens what changed. See internal/push.
//
// Settings: TABLE, LOG_LEVEL (info). Where connections are reached is the SDK's own AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"solewatch/internal/feed"
	"solewatch/internal/parts"
	"solewatch/internal/push"
	"solewatch/internal/store"
)

type config struct {
	Table string     // TABLE, required
	Level slog.Level // LOG_LEVEL
}

// configFrom reads the settings and names every fault at once.
func configFrom(getenv func(string) string) (config, error) {
	c := config{Table: getenv("TABLE")}
	var errs []error
	if c.Table == "" {
		errs = append(errs, errors.New("TABLE: not set"))
	}
	if getenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI") == "" {
		// The SDK would make up a host that is nobody's.
		errs = append(errs, errors.New("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: not set"))
	}
	if v := getenv("LOG_LEVEL"); v != "" && c.Level.UnmarshalText([]byte(v)) != nil {
		errs = append(errs, fmt.Errorf("LOG_LEVEL: %q is not one of debug, info, warn, error", v))
	}
	return c, errors.Join(errs...)
}

func main() {
	c, err := configFrom(os.Getenv)
	if err != nil {
		fatal(err)
	}
	cfg, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		fatal(err)
	}
	h, heart := handler(c, cfg)
	lambda.Start(parts.Beating(heart, h.HandleStream))
}

// handler's limits keep a batch within the function's 20 s even when the gateway answers nothing: 3 tries of 1.5 s.
func handler(c config, cfg aws.Config) (*push.Handler, *parts.Heart) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Patience{Dial: time.Second, Attempt: 2 * time.Second, Attempts: 3, Backoff: 300 * time.Millisecond})
	return &push.Handler{
		Store:   table,
		Poster:  feed.NewPoster(cfg),
		Log:     log,
		Now:     time.Now,
		AtOnce:  64,
		Tries:   3,
		Attempt: 1500 * time.Millisecond,
		Backoff: 100 * time.Millisecond,
	}, &parts.Heart{Store: table, Part: parts.Push, Version: parts.Version(), Now: time.Now, Log: log}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
