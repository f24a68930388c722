// Command authorizer tells the HTTP API who is asking: a Lambda authorizer with simple responses.
//
// Settings: TABLE, LOG_LEVEL (info).
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"solewatch/internal/auth"
	"solewatch/internal/store"
)

type config struct {
	Table string     // TABLE, required
	Level slog.Level // LOG_LEVEL
}

func configFrom(getenv func(string) string) (config, error) {
	var errs []error
	c := config{Table: getenv("TABLE")}
	if c.Table == "" {
		errs = append(errs, errors.New("TABLE: not set"))
	}
	if s := getenv("LOG_LEVEL"); s != "" {
		err := c.Level.UnmarshalText([]byte(s))
		if err != nil {
			errs = append(errs, fmt.Errorf("LOG_LEVEL: %q is not debug, info, warn or error", s))
		}
	}
	return c, errors.Join(errs...)
}

func build(ctx context.Context, getenv func(string) string) (*auth.Authorizer, error) {
	c, err := configFrom(getenv)
	if err != nil {
		return nil, err
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws settings: %w", err)
	}
	st := store.New(aws, c.Table, store.Brisk)
	return &auth.Authorizer{
		Sessions: &auth.Sessions{Store: st, Now: time.Now},
		Patience: 3 * time.Second,
		Log:      slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level})),
	}, nil
}

func main() {
	z, err := build(context.Background(), os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(z.Handle)
}
