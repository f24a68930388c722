package lambda

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"solewatch/internal/host/child"
)

// An environment is one process of a function and the runtime API that it alone speaks to.
type environment struct {
	pool      *pool
	assign    chan *invocation // the next event; never more than one
	gone      chan struct{}    // closed when the process has ended
	process   *child.Process
	server    *http.Server
	idleSince time.Time // guarded by the Service's mutex

	mu        sync.Mutex
	current   *invocation
	initError string
	warming   chan struct{} // closed by the first question for an event, when none is there yet
	ended     bool          // end was called, perhaps before the process was there
}

// start opens the listener and starts the program. The program's first question for an event ends its init.
func (e *environment) start() error {
	f := e.pool.fn
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the runtime of %s: %w", f.ID, err)
	}
	mux := http.NewServeMux()
	const base = "/2018-06-01/runtime/"
	mux.HandleFunc("GET "+base+"invocation/next", e.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+base+"invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST "+base+"init/error", e.failedInit)
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go e.server.Serve(ln) // ends when the process has

	s := e.pool.service
	process, err := child.Start(child.Command{
		Path: f.Program, Dir: f.Dir, Env: e.environ(ln.Addr().String()),
		Output: func(line string) { s.opt.Output(f.ID, line) },
	})
	if err != nil {
		e.server.Close()
		return err
	}
	e.mu.Lock()
	e.process = process
	ended := e.ended
	e.mu.Unlock()
	go func() {
		<-process.Done()
		e.pool.remove(e)
		e.server.Close()
		close(e.gone)
		if !s.isClosed() && process.Err() != nil {
			s.opt.Log.Debug("environment ended", "function", f.ID, "err", process.Err())
		}
	}()
	if ended {
		process.Kill()
	}
	return nil
}

// environ is what a custom runtime finds in its environment on AWS.
func (e *environment) environ(api string) []string {
	f := e.pool.fn
	stream := time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + strings.ReplaceAll(newID(), "-", "")
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          api,
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                f.Dir,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.Memory),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_REGION":                      e.pool.service.opt.Region,
		"AWS_DEFAULT_REGION":              e.pool.service.opt.Region,
		"AWS_ACCESS_KEY_ID":               f.Key,
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"TZ":                              ":UTC",
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin:/opt/bin",
	}
	for k, v := range f.Env {
		env[k] = v
	}
	out := make([]string, 0, len(env))
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	return out
}

// end kills the process and waits until it is gone.
func (e *environment) end() {
	e.mu.Lock()
	e.ended = true
	p := e.process
	e.mu.Unlock()
	if p != nil {
		p.Kill()
		<-e.gone
	}
}

// ending words how the process ended, as Lambda does.
func (e *environment) ending() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != "" {
		return e.initError
	}
	if err := e.process.Err(); err != nil {
		return "Runtime exited with error: " + err.Error()
	}
	return "Runtime exited without providing a reason"
}

func (e *environment) setCurrent(inv *invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = inv
}

// next answers with the next event. Asking for it ends the invocation before.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	before := e.current
	answered := false
	if before != nil {
		select {
		case <-before.answered:
			answered = true
			e.current = nil
		default:
		}
	}
	warming := e.warming
	e.warming = nil
	e.mu.Unlock()
	switch {
	case answered:
		e.pool.release(e)
		close(before.ended)
	case warming != nil:
		e.pool.release(e)
		close(warming)
	}
	var inv *invocation
	select {
	case inv = <-e.assign:
	case <-r.Context().Done():
		return
	}
	f := e.pool.fn
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(f.Timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", f.ARN)
	hex := strings.ReplaceAll(inv.id, "-", "")
	h.Set("Lambda-Runtime-Trace-Id", fmt.Sprintf("Root=1-%x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex[:24], hex[16:]))
	h.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	close(inv.began)
	_, err := w.Write(inv.payload)
	if err != nil {
		e.pool.service.opt.Log.Warn("event not handed over", "function", f.ID, "err", err)
	}
}

// mine returns the invocation in hand when the request names it, else answers 400.
func (e *environment) mine(w http.ResponseWriter, r *http.Request) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	select {
	case <-inv.answered:
		refuse(w, http.StatusBadRequest, "InvalidStateTransition", "the invocation has been answered")
		return nil
	default:
	}
	return inv
}

func refuse(w http.ResponseWriter, status int, typ, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errorType":%q,"errorMessage":%q}`, typ, message)
}

func (e *environment) accept(w http.ResponseWriter, inv *invocation, res Result) {
	e.mu.Lock()
	inv.result = res
	close(inv.answered)
	e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	inv := e.mine(w, r)
	if inv == nil {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		e.mu.Lock()
		inv.result = failure(inv.id, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
		close(inv.answered)
		e.mu.Unlock()
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "response too large")
		return
	}
	if err != nil {
		return // the process died while it answered; its end fails the invocation
	}
	if typ := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); typ != "" {
		e.accept(w, inv, failure(inv.id, typ, "the answer broke off"))
		return
	}
	e.accept(w, inv, Result{RequestID: inv.id, Payload: body})
}

func (e *environment) invocationError(w http.ResponseWriter, r *http.Request) {
	inv := e.mine(w, r)
	if inv == nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil {
		return
	}
	e.accept(w, inv, Result{RequestID: inv.id, Payload: body, FunctionError: "Unhandled"})
}

func (e *environment) failedInit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return
	}
	e.mu.Lock()
	e.initError = r.Header.Get("Lambda-Runtime-Function-Error-Type") + ": " + strings.TrimSpace(string(body))
	p := e.process
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	if p != nil {
		_ = p.Signal(os.Kill) // only a program that has ended cannot be killed
	}
}
