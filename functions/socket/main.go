// Command socket is the function behind the WebSocket API. See internal/socket.
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
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"solewatch/internal/auth"
	"solewatch/internal/parts"
	"solewatch/internal/socket"
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
	lambda.Start(parts.Beating(heart, h.Handle))
}

func handler(c config, cfg aws.Config) (*socket.Handler, *parts.Heart) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Brisk)
	return &socket.Handler{
		Store:     table,
		Tickets:   &auth.Tickets{Store: table, Now: time.Now},
		Log:       log,
		Now:       time.Now,
		Patience:  1200 * time.Millisecond,
		Admission: 2500 * time.Millisecond,
	}, &parts.Heart{Store: table, Part: parts.Socket, Version: parts.Version(), Now: time.Now, Log: log}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
