// Command local runs the whole system of template.yaml on this machine: no account, no Docker, no internet.
//
//	go run ./cmd/local [-demo] [-fleet 40] [-state .local] [-param Name=value]…
//
// It builds the functions and the bridge from their folders, starts them as the template says, and prints where
// everything is. Ctrl-C stops it: the bridge drains first. A second Ctrl-C kills what is left.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process, and with it the children
	err := run(ctx, os.Getenv, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
