// Tcpbridge holds the connections of the insoles and carries what they say to the queues. It acknowledges nothing that a queue does not keep.
// Settings come from the environment, see config.go.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := run(ctx, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "tcpbridge: %v\n", err)
		os.Exit(1)
	}
}
