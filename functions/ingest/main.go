// Command ingest is the function that turns what insoles said into what is known of them. See internal/ingest.
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
	"solewatch/internal/checkin"
	"solewatch/internal/ingest"
	"solewatch/internal/muster"
	"solewatch/internal/notify"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/rules"
	"solewatch/internal/store"
)

type config struct {
	Table     string        // TABLE, required
	Steps     string        // STEPS_QUEUE_URL, required
	Help      string        // HELP_QUEUE_URL, required
	Topics    string        // TOPIC_PREFIX, required: a team topic's ARN without org and team
	PublicURL string        // PUBLIC_URL, required: where people open the page
	Ahead     time.Duration // CLOCK_AHEAD: an insole's clock further ahead is not believed
	Back      time.Duration // CLOCK_BACK: an older report is not believed
	Retention time.Duration // RETENTION: how long positions are kept
	Level     slog.Level    // LOG_LEVEL
}

// configFrom reads the settings and names every fault at once.
func configFrom(getenv func(string) string) (config, error) {
	var c config
	var errs []error
	required := func(name string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("%s: not set", name))
		}
		return v
	}
	duration := func(name string, def time.Duration) time.Duration {
		v := getenv(name)
		if v == "" {
			return def
		}
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			errs = append(errs, fmt.Errorf("%s: %q is not a positive duration such as 2m", name, v))
		}
		return d
	}
	c.Table, c.Steps, c.Help, c.Topics, c.PublicURL = required("TABLE"), required("STEPS_QUEUE_URL"), required("HELP_QUEUE_URL"), required("TOPIC_PREFIX"), required("PUBLIC_URL")
	if c.Topics != "" && !strings.HasPrefix(c.Topics, "arn:") {
		errs = append(errs, fmt.Errorf("TOPIC_PREFIX: %q is not the beginning of an ARN", c.Topics))
	}
	c.Ahead, c.Back, c.Retention = duration("CLOCK_AHEAD", 2*time.Minute), duration("CLOCK_BACK", 720*time.Hour), duration("RETENTION", 720*time.Hour)
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
	h, heart := handler(c, cfg)
	lambda.Start(parts.Beating(heart, h.HandleSQS))
}

func handler(c config, cfg aws.Config) (*ingest.Handler, *parts.Heart) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Brisk)
	pages := notify.NewPublisher(cfg, c.Topics, c.PublicURL, 2*time.Second)
	steps := &queue.Steps{URL: c.Steps, Help: c.Help, Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Retryer, o.HTTPClient = store.Brisk.Retryer(), store.Brisk.Client()
	})}
	raiser := &alarm.Raiser{Store: table, Teams: &alarm.Cached{Of: table, Now: time.Now}, Steps: steps, Topics: pages.Topic, Now: time.Now, Log: log}
	heart := &parts.Heart{
		Store: table, Part: parts.Ingest, Version: parts.Version(), Now: time.Now, Log: log,
		Judge: &parts.Judge{Store: table, Alarms: raiser, Who: parts.Ingest, Now: time.Now, Log: log},
	}
	return &ingest.Handler{
		Rules:   rules.Rules{Ahead: c.Ahead, Back: c.Back},
		Musters: &muster.Engine{Store: table, Alarms: raiser, Steps: steps, Now: time.Now, Log: log},
		Store:   table, Alarms: raiser, Pager: pages, Retention: c.Retention, Now: time.Now, Log: log,
		CheckIns: &checkin.Engine{Store: table, Alarms: raiser, Steps: steps, Now: time.Now, Log: log},
	}, heart
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
