package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"solewatch/internal/host/child"
)

// ErrNoBridge is returned where the system runs none.
var ErrNoBridge = errors.New("host: no bridge")

// bridge keeps the template's task running: a child that is started again when it ends, after a pause that grows
// while it keeps ending.
type bridge struct {
	s       *System
	command child.Command
	health  string
	grace   time.Duration // StopTimeout: between SIGTERM and SIGKILL

	mu       sync.Mutex
	process  *child.Process
	stopping bool
	restart  chan struct{} // a word to start again without waiting
	ended    chan struct{} // closed when the keeper has ended
}

const (
	firstPause = 500 * time.Millisecond
	mostPause  = 30 * time.Second
	steady     = 30 * time.Second // a bridge that ran so long is started again at once
	readyLimit = 20 * time.Second
)

// startBridge starts the task's container and waits until it is ready.
func (s *System) startBridge(ctx context.Context) error {
	if s.cfg.Bridge == "" {
		return nil
	}
	if len(s.Template.Tasks) != 1 || len(s.Template.Tasks[0].Containers) != 1 {
		return errors.New("the template has not one task with one container, so there is no bridge to run")
	}
	task := s.Template.Tasks[0]
	box := task.Containers[0]
	listen, err := concrete(s.cfg.BridgeAddr)
	if err != nil {
		return err
	}
	health, err := concrete(s.cfg.HealthAddr)
	if err != nil {
		return err
	}
	env := s.local(box.Environment)
	maps.Copy(env, s.identity(s.accessKey(task.ID, task.Statements)))
	// what the container's network and the load balancer in front of it are on AWS
	env["BRIDGE_LISTEN"], env["BRIDGE_HEALTH_LISTEN"], env["BRIDGE_TRUST_PROXY"] = listen, health, "false"
	maps.Copy(env, s.cfg.BridgeEnv)
	s.Insoles, s.Health = local(listen), local(health)
	s.bridge = &bridge{
		s: s, health: "http://" + s.Health, grace: box.StopTimeout,
		command: child.Command{Path: s.cfg.Bridge, Env: list(env), Output: func(line string) { s.cfg.Output("bridge", line) }},
		restart: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if err := s.bridge.start(); err != nil {
		close(s.bridge.ended)
		return err
	}
	go s.bridge.keep()
	return s.bridge.ready(ctx)
}

// concrete gives port 0 a number: the bridge listens for itself and could not tell which it took.
func concrete(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer ln.Close()
	_, port, err = net.SplitHostPort(ln.Addr().String())
	return net.JoinHostPort(host, port), err
}

func local(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func (b *bridge) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping {
		return ErrNoBridge
	}
	p, err := child.Start(b.command)
	if err != nil {
		return err
	}
	b.process = p
	return nil
}

func (b *bridge) current() *child.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.process
}

// keep starts the bridge again whenever it ends.
func (b *bridge) keep() {
	defer close(b.ended)
	pause := firstPause
	for {
		began := time.Now()
		p := b.current()
		<-p.Done()
		b.mu.Lock()
		stopping := b.stopping
		b.mu.Unlock()
		if stopping {
			return
		}
		b.s.log.Warn("bridge ended", "err", p.Err())
		if time.Since(began) > steady {
			pause = firstPause
		}
		for {
			t := time.NewTimer(pause)
			select {
			case <-t.C:
			case <-b.restart:
				t.Stop()
			}
			pause = min(2*pause, mostPause)
			err := b.start()
			if errors.Is(err, ErrNoBridge) {
				return
			}
			if err == nil {
				break
			}
			b.s.log.Error("bridge not started", "err", err)
		}
	}
}

func (b *bridge) again() {
	select {
	case b.restart <- struct{}{}:
	default:
	}
}

// ready waits until /readyz says so.
func (b *bridge) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	client := &http.Client{Timeout: time.Second}
	last := errors.New("no answer")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.health+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("asking the bridge: %w", err)
		}
		res, err := client.Do(req)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // only for the text below
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s: %s", res.Status, body)
		}
		if ctx.Err() == nil {
			last = err
		}
		t := time.NewTimer(50 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("the bridge is not ready: %w", last)
		}
	}
}

// stop drains the bridge: SIGTERM, and SIGKILL after its grace or when ctx ends.
func (b *bridge) stop(ctx context.Context) {
	b.mu.Lock()
	b.stopping = true
	p := b.process
	b.mu.Unlock()
	b.again()
	if p != nil {
		if err := p.Signal(syscall.SIGTERM); err != nil {
			b.s.log.Warn("bridge not told to stop", "err", err)
		}
		t := time.NewTimer(b.grace)
		defer t.Stop()
		select {
		case <-p.Done():
		case <-t.C:
			p.Kill()
		case <-ctx.Done():
			p.Kill()
		}
	}
	<-b.ended
}

// KillBridge kills the bridge as a lost machine would, without a word, and waits until it is gone. It is started
// again after a short pause, as the service would; RestartBridge does not wait for that.
func (s *System) KillBridge() error {
	if s.bridge == nil {
		return ErrNoBridge
	}
	s.bridge.current().Kill()
	return nil
}

// RestartBridge waits until a bridge is ready: the next one when the last one was killed, else the one that runs.
func (s *System) RestartBridge(ctx context.Context) error {
	if s.bridge == nil {
		return ErrNoBridge
	}
	select {
	case <-s.bridge.current().Done():
		s.bridge.again()
	default:
	}
	return s.bridge.ready(ctx)
}
