// Command bridge is the always-on program of the host's tests: ready at once, it tells its environment at /env
// and says when it is asked to end.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if os.Getenv("FAIL") != "" {
		fmt.Println("FAIL is set")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready", os.Getpid()) })
	http.HandleFunc("GET /env", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Join(os.Environ(), "\n")) })
	go http.ListenAndServe(os.Getenv("BRIDGE_HEALTH_LISTEN"), nil)
	<-ctx.Done()
	fmt.Println("drained")
}
