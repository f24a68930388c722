// Package child runs programs as children that do not outlive this process, and hands on what they print line
// by line.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// A Command is a program to start. Its environment is exactly Env: nothing is inherited.
type Command struct {
	Path string
	Args []string // without the program's own name
	Env  []string // KEY=value
	Dir  string   // "" means this process's own
	// Output gets each line that the program prints on either stream, without its end, from one goroutine for
	// each stream. A line over 64 KiB comes in pieces. nil drops them.
	Output func(line string)
}

// A Process is a started Command.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts the program. On Linux the kernel kills it when this process dies, however that happens. It shares
// this process's group, so that a Ctrl-C at the terminal reaches it too.
func Start(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would inherit
	}
	cmd.Dir = c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dieWithParent(cmd.SysProcAttr)
	if c.Output != nil {
		cmd.Stdout, cmd.Stderr = &lineWriter{out: c.Output}, &lineWriter{out: c.Output}
	}
	if err := spawn(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		for _, w := range []any{cmd.Stdout, cmd.Stderr} {
			if l, ok := w.(*lineWriter); ok {
				l.flush()
			}
		}
		close(p.done)
	}()
	return p, nil
}

// spawn starts commands from one thread that lives as long as this process: the kernel's "kill the child when
// its parent dies" means the thread, and Go ends threads as it likes.
var spawn = sync.OnceValue(func() func(*exec.Cmd) error {
	type job struct {
		cmd *exec.Cmd
		err chan error
	}
	jobs := make(chan job)
	go func() {
		runtime.LockOSThread()
		for j := range jobs {
			j.err <- j.cmd.Start()
		}
	}()
	return func(cmd *exec.Cmd) error {
		j := job{cmd, make(chan error, 1)}
		jobs <- j
		return <-j.err
	}
})()

// Done is closed when the program has ended and all it printed was handed on.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended, nil for status 0. It is valid after Done is closed.
func (p *Process) Err() error { return p.err }

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal. A program that has ended already is no error.
func (p *Process) Signal(s os.Signal) error {
	err := p.cmd.Process.Signal(s)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signalling process %d: %w", p.PID(), err)
	}
	return nil
}

// Kill ends the program at once and waits for its end.
func (p *Process) Kill() {
	_ = p.Signal(os.Kill) // only a program that has ended cannot be killed
	<-p.done
}

const longestLine = 64 << 10

// lineWriter cuts what is written to it into lines.
type lineWriter struct {
	out func(string)
	buf []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		line := append(w.buf, b[:i]...)
		w.out(string(bytes.TrimRight(line, "\r")))
		w.buf, b = w.buf[:0], b[i+1:]
	}
	w.buf = append(w.buf, b...)
	for len(w.buf) > longestLine {
		w.out(string(w.buf[:longestLine]))
		w.buf = append(w.buf[:0], w.buf[longestLine:]...)
	}
	return n, nil
}

func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.out(string(w.buf))
		w.buf = nil
	}
}
