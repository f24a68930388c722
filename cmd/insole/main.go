// Command insole simulates insoles.
//
//	insole -addr 127.0.0.1:9000 -keys .local/insoles.json [-n 40] [-seed 1] [-profile walk|day|storm] …
//	    a fleet that walks around Sophia-Antipolis until Ctrl-C
//	insole press sos|covert|fall|still|cancel|check-in [-insole ID] [-control 127.0.0.1:9002] [-addr … -keys …]
//	    one call: by the fleet that runs, else the insole connects by itself
//
// While a fleet runs, http://127.0.0.1:9002/ lists it, and POST /press?insole=ID&kind=sos presses.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "insole:", err)
		stop()
		os.Exit(1)
	}
}
