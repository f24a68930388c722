package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"solewatch/internal/fleet"
	"solewatch/internal/insole"
)

// run is main with its surroundings given. It returns when ctx ends, or with what stopped it.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	c, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case c.Press != "":
		return press(ctx, c, stdout)
	}
	keys, err := fleet.ReadKeys(c.Keys)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(k fleet.Key) bool { return c.Dialect != "" && string(k.Dialect) != c.Dialect })
	switch {
	case len(keys) == 0:
		return fmt.Errorf("no insole in %s speaks %s", c.Keys, c.Dialect)
	case c.N > len(keys):
		fmt.Fprintf(stdout, "%d insoles asked for, %d have keys in %s: those walk\n", c.N, len(keys), c.Keys)
	case c.N > 0:
		keys = keys[:c.N]
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	f := fleet.New(keys, o)
	if c.Control != "" {
		ln, err := net.Listen("tcp", c.Control)
		if err != nil {
			return errors.Join(fmt.Errorf("-control: %w", err), o.Oracle.Close())
		}
		srv := &http.Server{Handler: f.Control(), ReadHeaderTimeout: 5 * time.Second}
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(ln) }()
		defer func() { _ = srv.Close(); <-ended }()
		fmt.Fprintf(stdout, "%d insoles walk; http://%s/ lists them\n", len(keys), ln.Addr())
	}
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	show(done, f, stdout)
	return o.Oracle.Close()
}

func options(c config) (fleet.Options, error) {
	dial, err := c.dialer()
	if err != nil {
		return fleet.Options{}, err
	}
	o := fleet.Options{
		Dial: dial, Seed: c.Seed, Interval: c.Moving, StillInterval: c.Still, Profile: fleet.Profile(c.Profile), HelpEvery: c.Help,
		NoGaps: c.NoGaps, Flash: c.Flash, AtOnce: c.AtOnce, Log: c.logger(),
	}
	if c.Log != "" {
		o.Oracle, err = fleet.OpenOracle(c.Log)
	}
	return o, err
}

// show prints the summary until done: on a terminal one line that changes every second, otherwise a new line every ten.
func show(done <-chan struct{}, f *fleet.Fleet, stdout io.Writer) {
	every, before, after := 10*time.Second, "", "\n"
	if file, ok := stdout.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			every, before, after = time.Second, "\r\x1b[K", ""
		}
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fmt.Fprint(stdout, before, f.Snapshot(), after)
		case <-done:
			fmt.Fprint(stdout, before, f.Snapshot(), "\n")
			return
		}
	}
}

// press has one call made: by the fleet that runs, when it has the insole, else by the insole itself.
func press(ctx context.Context, c config, stdout io.Writer) error {
	if c.Insole == "" {
		keys, err := fleet.ReadKeys(c.Keys)
		if err != nil {
			return fmt.Errorf("-insole is not given: %w", err)
		}
		c.Insole = string(keys[0].Insole)
	}
	if c.Control != "" {
		done, err := pressFleet(ctx, c)
		if err != nil {
			return err
		}
		if done {
			fmt.Fprintf(stdout, "the fleet's insole %s: %s\n", c.Insole, c.Press)
			return nil
		}
	}
	keys, err := fleet.ReadKeys(c.Keys)
	if err != nil {
		return fmt.Errorf("no fleet has insole %s, and it cannot connect by itself: %w", c.Insole, err)
	}
	i := slices.IndexFunc(keys, func(k fleet.Key) bool { return k.Insole == insole.ID(c.Insole) })
	if i < 0 {
		return fmt.Errorf("insole %q is in no fleet that runs at %q, and not in %s", c.Insole, c.Control, c.Keys)
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	err = fleet.PressOnce(ctx, keys[i], fleet.Call(c.Press), o)
	if err := errors.Join(err, o.Oracle.Close()); err != nil {
		return fmt.Errorf("%s of %s: %w", c.Press, c.Insole, err)
	}
	fmt.Fprintf(stdout, "insole %s: %s, acknowledged after %v\n", c.Insole, c.Press, time.Since(began).Round(time.Millisecond))
	return nil
}

// pressFleet is false when there is no fleet, or it does not have the insole.
func pressFleet(ctx context.Context, c config) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	u := "http://" + c.Control + "/press?" + url.Values{"insole": {c.Insole}, "kind": {c.Press}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, nil)
	if err != nil {
		return false, fmt.Errorf("-control: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, nil // nobody listens there
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	switch resp.StatusCode {
	case http.StatusNoContent:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, fmt.Errorf("the fleet answered %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
}
