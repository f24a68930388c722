// Command api is the function behind the HTTP API. See internal/api.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/api"
	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/muster"
	"solewatch/internal/notify"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

type config struct {
	Table      string            // TABLE, required
	Steps      string            // STEPS_QUEUE_URL, required
	Help       string            // HELP_QUEUE_URL, required
	Topics     string            // TOPIC_PREFIX, required: a team topic's ARN without org and team
	SessionTTL time.Duration     // SESSION_TTL: how long one is signed in, 12h
	Canary     time.Duration     // CANARY_EVERY: between two calls of the canary wearer; not set: there is none
	Queues     map[string]string // …_QUEUE_URL: those that the status page looks into
	Level      slog.Level        // LOG_LEVEL
}

// configFrom reads the settings and names every fault at once.
func configFrom(getenv func(string) string) (config, error) {
	c := config{SessionTTL: 12 * time.Hour}
	var errs []error
	required := func(name string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("%s: not set", name))
		}
		return v
	}
	c.Table, c.Steps, c.Help, c.Topics = required("TABLE"), required("STEPS_QUEUE_URL"), required("HELP_QUEUE_URL"), required("TOPIC_PREFIX")
	if c.Topics != "" && !strings.HasPrefix(c.Topics, "arn:") {
		errs = append(errs, fmt.Errorf("TOPIC_PREFIX: %q is not the beginning of an ARN", c.Topics))
	}
	if v := getenv("SESSION_TTL"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Minute || d > 31*24*time.Hour {
			errs = append(errs, fmt.Errorf("SESSION_TTL: %q is not a time from 1m to 744h", v))
		}
		c.SessionTTL = d
	}
	if v := getenv("CANARY_EVERY"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Minute {
			errs = append(errs, fmt.Errorf("CANARY_EVERY: %q is not a duration of at least 1m", v))
		}
		c.Canary = d
	}
	c.Queues = map[string]string{}
	for name, setting := range map[string]string{
		parts.UrgentQueue: "URGENT_QUEUE_URL", parts.TrackQueue: "TRACK_QUEUE_URL", parts.StepsQueue: "STEPS_QUEUE_URL", parts.HelpQueue: "HELP_QUEUE_URL",
		parts.UrgentQueue + "-dead": "URGENT_DEAD_QUEUE_URL", parts.TrackQueue + "-dead": "TRACK_DEAD_QUEUE_URL", parts.StepsQueue + "-dead": "STEPS_DEAD_QUEUE_URL",
		parts.HelpQueue + "-dead": "HELP_DEAD_QUEUE_URL",
	} {
		c.Queues[name] = required(setting)
	}
	if v := getenv("LOG_LEVEL"); v != "" && c.Level.UnmarshalText([]byte(v)) != nil {
		errs = append(errs, fmt.Errorf("LOG_LEVEL: %q is not one of debug, info, warn, error", v))
	}
	return c, errors.Join(errs...)
}

func main() {
	ctx := context.Background()
	c, err := configFrom(os.Getenv)
	if err != nil {
		fatal(err)
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		fatal(err)
	}
	lambda.StartWithOptions(handler(c, cfg).Lambda())
}

// patience is for one call to the table: a page shows the store as away within 5 s.
var patience = store.Patience{Dial: 400 * time.Millisecond, Attempt: 1500 * time.Millisecond, Attempts: 2, Backoff: 50 * time.Millisecond}

func handler(c config, cfg aws.Config) *api.API {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, patience)
	topics := notify.NewTopics(cfg, c.Topics)
	client := sqs.NewFromConfig(cfg)
	steps := &queue.Steps{URL: c.Steps, Help: c.Help, Client: client}
	alarms := &alarm.Raiser{Store: table, Teams: table, Steps: steps, Topics: topics.Topic, Now: time.Now, Log: log}
	return &api.API{
		Store:    table,
		Sessions: &auth.Sessions{Store: table, Now: time.Now, TTL: c.SessionTTL},
		Tickets:  &auth.Tickets{Store: table, Now: time.Now},
		Desk: &alarm.Desk{
			Store: table, Teams: table, Steps: steps, Now: time.Now, Log: log,
		},
		Alarms: alarms,
		Musters: &muster.Engine{
			Store: table, Alarms: alarms, Steps: steps, Now: time.Now, Log: log,
		},
		Directory: &directory.Directory{Store: table, Topics: topics, Now: time.Now, Log: log},
		Confirmed: topics,
		Sending:   notify.NewSending(cfg),
		Looks:     &queue.Steps{URL: c.Steps, Help: c.Help, Client: sqs.NewFromConfig(cfg)},
		Queues:    &queue.Depths{Client: client, URLs: c.Queues},
		Canary:    c.Canary,
		Heart: &parts.Heart{
			Store: table, Part: parts.API, Version: parts.Version(), Now: time.Now, Log: log,
			Judge: &parts.Judge{Store: table, Alarms: alarms, Who: parts.API, Now: time.Now, Log: log},
		},
		Version:  parts.Version(),
		Patience: 7 * time.Second, // a page gives up after 8 s
		Now:      time.Now,
		Log:      log,
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
