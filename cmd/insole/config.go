package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"solewatch/internal/fleet"
	"solewatch/internal/insole"
)

type config struct {
	Addr    string        // -addr: host:port of the bridge
	Keys    string        // -keys: file that provisioning wrote
	N       int           // -n: insoles; 0 = all in the file
	Dialect string        // -dialect: only those; "" = all
	Seed    uint64        // -seed
	Moving  time.Duration // -interval: between reports while moving
	Still   time.Duration // -still-interval: between reports otherwise
	Profile string        // -profile
	Help    time.Duration // -help-every: mean time between an insole's calls for help
	NoGaps  bool          // -no-gaps: coverage is never lost
	Flash   int           // -flash: records an insole keeps
	AtOnce  int           // -handshakes: at the same time
	Log     string        // -log: file for the oracle
	Control string        // -control: host:port of the fleet's own service; "" = none
	TLS     bool          // -tls
	CA      string        // -ca: PEM file of who may sign the bridge's certificate
	Verbose bool          // -v

	Press  string        // the call of "press"
	Insole string        // -insole, of "press"
	Wait   time.Duration // -wait, of "press"
}

// parse reads the command line. Every fault is named at once.
func parse(args []string, usage io.Writer) (config, error) {
	var c config
	press := len(args) > 0 && args[0] == "press"
	var errs []error
	if press {
		args = args[1:]
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			c.Press, args = args[0], args[1:]
		}
		if all := slices.Concat(fleet.Calls, fleet.Moods); !slices.Contains(all, fleet.Call(c.Press)) {
			errs = append(errs, fmt.Errorf("press: %q is not one of %v", c.Press, all))
		}
	}
	f := flag.NewFlagSet("insole", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&c.Addr, "addr", "127.0.0.1:9000", "host:port of the bridge")
	f.StringVar(&c.Keys, "keys", ".local/insoles.json", "keys file that provisioning wrote")
	f.StringVar(&c.Control, "control", "127.0.0.1:9002", "host:port of the fleet's own service, \"\" for none")
	f.BoolVar(&c.TLS, "tls", false, "connect by TLS")
	f.StringVar(&c.CA, "ca", "", "PEM file of who may sign the bridge's certificate, instead of the system's list")
	f.StringVar(&c.Log, "log", "", "append every frame sent and acknowledged to this file, one JSON line each")
	f.Uint64Var(&c.Seed, "seed", 1, "the same seed, the same walks")
	f.BoolVar(&c.Verbose, "v", false, "say why connections end")
	if press {
		f.StringVar(&c.Insole, "insole", "", "which insole; the first of the keys file when not given")
		f.DurationVar(&c.Wait, "wait", time.Minute, "for the acknowledgement, when no fleet has the insole")
	} else {
		f.IntVar(&c.N, "n", 0, "insoles, from the first in the file; 0 for all")
		f.StringVar(&c.Dialect, "dialect", "", "only insoles of this dialect: sole or teltonika")
		f.DurationVar(&c.Moving, "interval", 10*time.Second, "between reports while moving")
		f.DurationVar(&c.Still, "still-interval", 5*time.Minute, "between reports otherwise")
		f.StringVar(&c.Profile, "profile", "walk", "walk, day or storm")
		f.DurationVar(&c.Help, "help-every", 0, "mean time between an insole's own calls for help; 0 for none (5m in a storm)")
		f.BoolVar(&c.NoGaps, "no-gaps", false, "coverage is never lost")
		f.IntVar(&c.Flash, "flash", 26_000, "records an insole keeps before it overwrites the oldest position")
		f.IntVar(&c.AtOnce, "handshakes", 40, "handshakes at the same time; the bridge allows 50 newcomers an address")
	}
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return c, err
	}
	if err != nil {
		return c, errors.Join(append(errs, err)...) // the flag set has said it, with the usage, too
	}
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if f.NArg() > 0 {
		fault("%q is not understood", f.Args())
	}
	for name, v := range map[string]string{"-addr": c.Addr, "-control": c.Control} {
		if _, _, err := net.SplitHostPort(v); err != nil && (v != "" || name == "-addr") {
			fault("%s: %q is not host:port", name, v)
		}
	}
	if press {
		if c.Wait <= 0 {
			fault("-wait: %v is not above 0", c.Wait)
		}
	} else {
		if c.N < 0 {
			fault("-n: %d is below 0", c.N)
		}
		if !slices.Contains([]string{"", string(insole.SOLE), string(insole.Teltonika)}, c.Dialect) {
			fault("-dialect: %q is not one of sole, teltonika", c.Dialect)
		}
		if !slices.Contains([]fleet.Profile{fleet.Walk, fleet.Day, fleet.Storm}, fleet.Profile(c.Profile)) {
			fault("-profile: %q is not one of walk, day, storm", c.Profile)
		}
		for name, d := range map[string]time.Duration{"-interval": c.Moving, "-still-interval": c.Still} {
			if d < time.Second || d > 18*time.Hour {
				fault("%s: %v is not from 1s to 18h", name, d)
			}
		}
		if c.Help < 0 {
			fault("-help-every: %v is below 0", c.Help)
		}
		if c.Flash < 1 {
			fault("-flash: %d is below 1", c.Flash)
		}
		if c.AtOnce < 1 {
			fault("-handshakes: %d is below 1", c.AtOnce)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return c, errors.Join(errs...)
}

// dialer is how insoles reach the bridge.
func (c config) dialer() (func(context.Context) (net.Conn, error), error) {
	plain := &net.Dialer{}
	if !c.TLS {
		return func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", c.Addr) }, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("-ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("-ca: no certificate in %s", c.CA)
		}
	}
	d := &tls.Dialer{NetDialer: plain, Config: conf}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", c.Addr) }, nil
}

func (c config) logger() *slog.Logger {
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
