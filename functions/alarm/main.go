// Command alarm is the function that pages people, step after step, until somebody has taken charge. See internal/alarm.
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
	"solewatch/internal/muster"
	"solewatch/internal/notify"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

type config struct {
	Table     string     // TABLE, required
	Steps     string     // STEPS_QUEUE_URL, required
	Help      string     // HELP_QUEUE_URL, required
	Topics    string     // TOPIC_PREFIX, required: a team topic's ARN without org and team
	PublicURL string     // PUBLIC_URL, required: where people open the page
	Level     slog.Level // LOG_LEVEL
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
	c.Table, c.Steps, c.Help, c.Topics, c.PublicURL = required("TABLE"), required("STEPS_QUEUE_URL"), required("HELP_QUEUE_URL"), required("TOPIC_PREFIX"), required("PUBLIC_URL")
	if c.Topics != "" && !strings.HasPrefix(c.Topics, "arn:") {
		errs = append(errs, fmt.Errorf("TOPIC_PREFIX: %q is not the beginning of an ARN", c.Topics))
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
	h, heart := handler(c, cfg)
	lambda.Start(parts.Beating(heart, h.Handle))
}

func handler(c config, cfg aws.Config) (*alarm.Handler, *parts.Heart) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Steady)
	pages := notify.NewPublisher(cfg, c.Topics, c.PublicURL, 5*time.Second)
	steps := &queue.Steps{URL: c.Steps, Help: c.Help, Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Retryer, o.HTTPClient = store.Brisk.Retryer(), store.Brisk.Client() // the sweep finds what is lost here
	})}
	engine := &alarm.Engine{Store: table, Teams: table, Publisher: pages, Steps: steps, Now: time.Now, Log: log}
	raiser := &alarm.Raiser{Store: table, Teams: table, Steps: steps, Topics: pages.Topic, Now: time.Now, Log: log}
	heart := &parts.Heart{
		Store: table, Part: parts.Alarm, Version: parts.Version(), Now: time.Now, Log: log,
		Judge: &parts.Judge{Store: table, Alarms: raiser, Who: parts.Alarm, Now: time.Now, Log: log},
	}
	checkIns := &checkin.Engine{Store: table, Alarms: raiser, Texts: pages, Steps: steps, Now: time.Now, Log: log}
	musters := &muster.Engine{
		Store: table, Alarms: &alarm.Raiser{Store: table, Teams: &alarm.Cached{Of: table, Now: time.Now}, Steps: steps, Topics: pages.Topic, Now: time.Now, Log: log},
		Steps: steps, Now: time.Now, Log: log,
	}
	return &alarm.Handler{Engine: engine, CheckIns: checkIns, Musters: musters, Log: log}, heart
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
