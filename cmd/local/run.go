package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"solewatch/internal/cost"
	"solewatch/internal/host"
	"solewatch/internal/host/child"
)

// run starts the system, prints where it is, and stops it when ctx ends.
func run(ctx context.Context, _ func(string) string, args []string, stdout io.Writer) error {
	c, err := configFrom(args, stdout)
	if err != nil {
		return err
	}
	out := newConsole(stdout, c.Verbose)
	log := slog.New(out)
	if !c.NoBuild {
		if err := build(ctx, c, out); err != nil {
			return err
		}
	}
	began := time.Now()
	sys, err := host.Start(ctx, host.Config{
		Template: c.Template, Parameters: c.Parameters, Stack: c.Stack, State: c.State,
		Programs: c.Build, Bridge: program(c.Build, "tcpbridge"), Web: c.Web,
		WebAddr: at(c.Host, c.Ports.web), ServicesAddr: at("127.0.0.1", c.Ports.services), APIAddr: at(c.Host, c.Ports.api),
		BridgeAddr: at(c.Host, c.Ports.insoles), HealthAddr: at("127.0.0.1", c.Ports.health),
		Output: out.Line, Log: log,
	})
	if err != nil {
		return err
	}
	fleet, err := people(ctx, c, sys, out)
	if err == nil {
		announce(stdout, c, sys, time.Since(began))
		select {
		case <-ctx.Done():
		case <-ended(fleet):
			err = fmt.Errorf("the simulated fleet ended: %w", orSilent(fleet.Err()))
		}
	}
	fmt.Fprintln(stdout, "\nstopping: the bridge drains, functions finish what they have in hand")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 90*time.Second)
	defer cancel()
	if fleet != nil {
		err = errors.Join(err, end(stop, fleet))
	}
	err = errors.Join(err, sys.Stop(stop))
	fmt.Fprintln(stdout, "what AWS would have billed for this run, list prices, without storage and what runs by the hour:")
	cost.Of(sys.Standin.Usage()).Print(stdout, 0)
	return err
}

func orSilent(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}

func ended(p *child.Process) <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.Done()
}

// end asks a program to end and kills it when it does not within five seconds.
func end(ctx context.Context, p *child.Process) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-p.Done():
	case <-t.C:
		p.Kill()
	case <-ctx.Done():
		p.Kill()
	}
	return nil
}

// people provisions the demo organisation and starts the simulated fleet, as asked.
func people(ctx context.Context, c config, sys *host.System, out *console) (*child.Process, error) {
	if !c.Demo {
		return nil, nil
	}
	keys := filepath.Join(c.State, "insoles.json")
	p, err := child.Start(child.Command{
		Path: program(c.Build, "provision"), Args: []string{"-f", c.DemoFile, "-keys", keys, "-keep"}, // what people changed on the page stays
		Env: sys.Environ(), Output: func(line string) { out.Line("provision", line) },
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Kill()
	}
	if p.Err() != nil {
		return nil, fmt.Errorf("provisioning %s: %w", c.DemoFile, p.Err())
	}
	confirmed, err := sys.ConfirmSubscriptions() // the demo's people read their e-mail
	if err != nil {
		return nil, err
	}
	if confirmed > 0 {
		out.Line("local", fmt.Sprintf("%d e-mail subscriptions of the demo confirmed", confirmed))
	}
	if c.Fleet == 0 {
		return nil, nil
	}
	return child.Start(child.Command{
		Path: program(c.Build, "insole"),
		Args: []string{
			"-addr", sys.Insoles, "-keys", keys, "-n", strconv.Itoa(c.Fleet), "-control", at("127.0.0.1", c.Ports.control),
		},
		Env: []string{}, Output: func(line string) { out.Line("fleet", line) },
	})
}

// announce prints where everything is.
func announce(w io.Writer, c config, sys *host.System, took time.Duration) {
	fmt.Fprintf(w, "\nready in %v\n", took.Round(10*time.Millisecond))
	for _, l := range [][2]string{
		{"page", sys.Web}, {"outbox", sys.Web + "/outbox"}, {"API", sys.API}, {"services", sys.Services},
		{"insoles", sys.Insoles}, {"bridge", "http://" + sys.Health + "/metrics"}, {"state", c.State},
	} {
		fmt.Fprintf(w, "  %-9s %s\n", l[0], l[1])
	}
	if c.Demo {
		fmt.Fprintf(w, "  %-9s see %s\n", "sign in", c.DemoFile)
	}
	if _, err := os.Stat(filepath.Join(c.Web, "index.html")); err != nil {
		fmt.Fprintf(w, "  the page is not built: %s is missing (make web/dist/index.html)\n", filepath.Join(c.Web, "index.html"))
	}
	fmt.Fprintln(w, "Ctrl-C stops it.")
}
