package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A console prints what programs and the host itself say, one line each, with the time and the program's name.
// It is a slog.Handler for the host's own log.
type console struct {
	out     *lockedWriter
	verbose bool
	attrs   []slog.Attr
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func newConsole(w io.Writer, verbose bool) *console {
	return &console{out: &lockedWriter{w: w}, verbose: verbose}
}

func (c *console) print(name, text string) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	fmt.Fprintf(c.out.w, "%s %-10s %s\n", time.Now().Format(time.TimeOnly), name, text)
}

// Line prints a program's line. Lines that programs log below warning are printed only when asked for.
func (c *console) Line(name, line string) {
	if !c.verbose && quiet(line) {
		return
	}
	c.print(name, line)
}

// quiet is whether a line is a slog record below warning, as text or JSON.
func quiet(line string) bool {
	if strings.HasPrefix(line, "{") {
		var r struct {
			Level string `json:"level"`
		}
		return json.Unmarshal([]byte(line), &r) == nil && (r.Level == "INFO" || r.Level == "DEBUG")
	}
	return strings.Contains(line, " level=INFO ") || strings.Contains(line, " level=DEBUG ")
}

// Enabled implements slog.Handler.
func (c *console) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn || c.verbose && l >= slog.LevelDebug
}

// Handle implements slog.Handler.
func (c *console) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%q", a.Key, fmt.Sprint(a.Value.Resolve().Any()))
		return true
	}
	for _, a := range c.attrs {
		add(a)
	}
	r.Attrs(add)
	c.print("local", strings.ToLower(r.Level.String())+" "+b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (c *console) WithAttrs(attrs []slog.Attr) slog.Handler {
	d := *c
	d.attrs = append(append([]slog.Attr(nil), c.attrs...), attrs...)
	return &d
}

// WithGroup implements slog.Handler. Groups are not told apart on a console.
func (c *console) WithGroup(string) slog.Handler { return c }
