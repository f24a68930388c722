// Command watchdog is the function that sees, every minute, what nobody says. See internal/watchdog.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
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
	"solewatch/internal/watchdog"
)

type config struct {
	Table     string        // TABLE, required
	Steps     string        // STEPS_QUEUE_URL, required
	Help      string        // HELP_QUEUE_URL, required
	Topics    string        // TOPIC_PREFIX, required: a team topic's ARN without org and team
	PublicURL string        // PUBLIC_URL, required: where people open the page
	Factor    float64       // LOST_FACTOR: of the interval that an insole announced, at least 1
	Minimum   time.Duration // LOST_MINIMUM: a shorter silence is never lost contact
	Canary    time.Duration // CANARY_EVERY: between two calls of the canary wearer; not set: there is none
	Level     slog.Level    // LOG_LEVEL
}

// configFrom reads the settings and names every fault at once.
func configFrom(getenv func(string) string) (config, error) {
	c := config{Factor: 3, Minimum: 3 * time.Minute}
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
	if v := getenv("LOST_FACTOR"); v != "" {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= 1 && f <= 100) {
			errs = append(errs, fmt.Errorf("LOST_FACTOR: %q is not a number from 1 to 100", v))
		}
		c.Factor = f
	}
	if v := getenv("LOST_MINIMUM"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			errs = append(errs, fmt.Errorf("LOST_MINIMUM: %q is not a positive duration such as 3m", v))
		}
		c.Minimum = d
	}
	if v := getenv("CANARY_EVERY"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Minute {
			errs = append(errs, fmt.Errorf("CANARY_EVERY: %q is not a duration of at least 1m", v))
		}
		c.Canary = d
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
	lambda.Start(handler(c, cfg).HandleSchedule)
}

func handler(c config, cfg aws.Config) *watchdog.Handler {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Steady)
	pages := notify.NewPublisher(cfg, c.Topics, c.PublicURL, 5*time.Second)
	steps := &queue.Steps{URL: c.Steps, Help: c.Help, Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Retryer, o.HTTPClient = store.Brisk.Retryer(), store.Brisk.Client() // the sweep finds what is lost here
	})}
	teams := &alarm.Cached{Of: table, Now: time.Now}
	alarms := &alarm.Raiser{Store: table, Teams: teams, Steps: steps, Topics: pages.Topic, Now: time.Now, Log: log}
	return &watchdog.Handler{
		Store:    table,
		Engine:   &alarm.Engine{Store: table, Teams: table, Publisher: pages, Steps: steps, Now: time.Now, Log: log},
		Alarms:   alarms,
		Musters:  &muster.Engine{Store: table, Alarms: alarms, Steps: steps, Now: time.Now, Log: log},
		CheckIns: &checkin.Engine{Store: table, Alarms: alarms, Texts: pages, Steps: steps, Now: time.Now, Log: log},
		Consoles: table,
		Watches:  alarms,
		Heart:    &parts.Heart{Store: table, Part: parts.Watchdog, Version: parts.Version(), Now: time.Now, Log: log},
		Judge:    &parts.Judge{Store: table, Alarms: alarms, Period: c.Canary, Who: parts.Watchdog, Now: time.Now, Log: log},
		Teams:    teams, LostFactor: c.Factor, LostMinimum: c.Minimum, Now: time.Now, Log: log,
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
