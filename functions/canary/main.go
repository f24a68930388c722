// Command canary is the canary wearer: every few minutes it calls for help as an insole does, and measures how long its page takes. See internal/canary.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"solewatch/internal/alarm"
	"solewatch/internal/canary"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

type config struct {
	Table   string     // TABLE, required
	Steps   string     // STEPS_QUEUE_URL, required
	Help    string     // HELP_QUEUE_URL, required
	Address string     // INSOLE_ADDRESS, required: host:port that insoles call
	Level   slog.Level // LOG_LEVEL
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
	c.Table, c.Steps, c.Help, c.Address = required("TABLE"), required("STEPS_QUEUE_URL"), required("HELP_QUEUE_URL"), required("INSOLE_ADDRESS")
	if _, _, err := net.SplitHostPort(c.Address); c.Address != "" && err != nil {
		errs = append(errs, fmt.Errorf("INSOLE_ADDRESS: %q is not host:port", c.Address))
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
	lambda.Start(handler(c, cfg))
}

// handler calls once. A call that failed is measured and stored, and judged by the watchdog: the invocation itself fails only when that could not be stored.
func handler(c config, cfg aws.Config) func(context.Context, json.RawMessage) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	table := store.New(cfg, c.Table, store.Steady)
	w := &canary.Wearer{
		Store: table,
		Desk:  &alarm.Desk{Store: table, Steps: &queue.Steps{URL: c.Steps, Help: c.Help, Client: sqs.NewFromConfig(cfg)}, Now: time.Now, Log: log},
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", c.Address)
		},
		Limit: 75 * time.Second, Look: 200 * time.Millisecond, Version: parts.Version(),
		Metric: func(r insole.Run) { metric(os.Stdout, r) }, Now: time.Now, Log: log,
	}
	return func(ctx context.Context, _ json.RawMessage) error {
		run, err := w.Call(ctx)
		if err != nil {
			log.ErrorContext(ctx, "canary not paged", "why", run.Why, "err", err)
		}
		if errors.Is(err, insole.ErrAway) {
			return err
		}
		return nil
	}
}

// metric writes r as a line of CloudWatch's embedded metric format: TimeToPage in milliseconds, and Failed, 0 or 1.
func metric(w io.Writer, r insole.Run) {
	type named struct {
		Name string
		Unit string
	}
	metrics := []named{{"Failed", "Count"}}
	line := map[string]any{"Failed": 0, "why": r.Why, "ackMs": r.Acked.Milliseconds()}
	if r.Why != "" {
		line["Failed"] = 1
	}
	if r.Paged > 0 {
		metrics = append(metrics, named{"TimeToPage", "Milliseconds"})
		line["TimeToPage"] = r.Paged.Milliseconds()
	}
	line["_aws"] = map[string]any{
		"Timestamp":         r.At.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{"Namespace": "Solewatch/Canary", "Dimensions": [][]string{{}}, "Metrics": metrics}},
	}
	if err := json.NewEncoder(w).Encode(line); err != nil {
		fmt.Fprintln(os.Stderr, err) // a number less is no reason to fail
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
