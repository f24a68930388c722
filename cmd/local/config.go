package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// A config is what the command line says.
type config struct {
	Template   string            // -template
	State      string            // -state: survives a restart
	Build      string            // -builddir: where programs are built to
	NoBuild    bool              // -nobuild: they are there already
	Web        string            // -web: the built page
	Stack      string            // -stack
	Parameters map[string]string // -param
	Host       string            // -host: address to listen on
	Ports      ports
	Demo       bool   // -demo: provision the demo organisation
	DemoFile   string // -demofile
	Fleet      int    // -fleet: simulated insoles
	Verbose    bool   // -v
}

type ports struct{ web, services, api, insoles, health, control int }

// configFrom reads the command line and names all that is wrong with it at once.
func configFrom(args []string, stderr io.Writer) (config, error) {
	c := config{Parameters: map[string]string{}}
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.Template, "template", "template.yaml", "the template to run; its folder is where CodeUri is looked up")
	f.StringVar(&c.State, "state", ".local", "folder of the state; it survives a restart")
	f.StringVar(&c.Build, "builddir", filepath.Join(".build", "local"), "folder that programs are built into")
	f.BoolVar(&c.NoBuild, "nobuild", false, "run the programs that are in -builddir as they are")
	f.StringVar(&c.Web, "web", filepath.Join("web", "dist"), "folder of the built page")
	f.StringVar(&c.Stack, "stack", "solewatch", "name of the stack, part of every resource's name")
	f.StringVar(&c.Host, "host", "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines and real insoles in (the services port stays on loopback)")
	f.IntVar(&c.Ports.web, "web-port", 8000, "page and outbox")
	f.IntVar(&c.Ports.services, "services-port", 8001, "DynamoDB, SQS and SNS, on loopback")
	f.IntVar(&c.Ports.api, "api-port", 8002, "HTTP and WebSocket API")
	f.IntVar(&c.Ports.insoles, "insole-port", 9000, "insoles")
	f.IntVar(&c.Ports.health, "health-port", 9001, "health and figures of the bridge, on loopback")
	f.IntVar(&c.Ports.control, "control-port", 9002, "control of the simulated fleet, on loopback")
	f.BoolVar(&c.Demo, "demo", false, "provision a demo organisation with people, teams, zones and insoles")
	f.StringVar(&c.DemoFile, "demofile", filepath.Join("provisioning", "demo.yaml"), "what -demo provisions")
	f.IntVar(&c.Fleet, "fleet", 0, "simulated insoles to start")
	f.BoolVar(&c.Verbose, "v", false, "print what programs log below warning")
	var errs []error
	f.Func("param", "a template parameter, Name=value; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return fmt.Errorf("want Name=value")
		}
		c.Parameters[name] = value
		return nil
	})
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("arguments not understood: %q", f.Args()))
	}
	if net.ParseIP(c.Host) == nil {
		errs = append(errs, fmt.Errorf("-host: %q is not an IP address", c.Host))
	}
	for _, p := range []struct {
		name string
		n    int
	}{
		{"web", c.Ports.web}, {"services", c.Ports.services}, {"api", c.Ports.api}, {"insole", c.Ports.insoles},
		{"health", c.Ports.health}, {"control", c.Ports.control},
	} {
		if p.n < 0 || p.n > 65535 {
			errs = append(errs, fmt.Errorf("-%s-port: %d is not a port", p.name, p.n))
		}
	}
	if c.Fleet < 0 {
		errs = append(errs, fmt.Errorf("-fleet: %d is below 0", c.Fleet))
	}
	if c.Fleet > 0 && !c.Demo {
		errs = append(errs, errors.New("-fleet: the simulated insoles' keys come from provisioning; add -demo"))
	}
	return c, errors.Join(errs...)
}

func at(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
