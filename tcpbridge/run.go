package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/bridge"
	"solewatch/internal/insole"
	"solewatch/internal/parts"
	"solewatch/internal/queue"
	"solewatch/internal/store"
)

// patience bounds one question to the table; the bridge asks again as long as the insole waits.
var patience = store.Patience{Dial: time.Second, Attempt: time.Second, Attempts: 2, Backoff: 100 * time.Millisecond}

// run is the whole program: it serves until ctx ends, and drains.
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	c, err := configFrom(getenv)
	if err != nil {
		return fmt.Errorf("settings:\n%w", err)
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: c.LogLevel}))
	aws, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("aws settings: %w", err)
	}
	if getenv("GOGC") == "" {
		// What is held is bounded by settings and small beside what passes through: with Go's 100 % the collector alone took an eighth of
		// the time of a frame.
		debug.SetGCPercent(400)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var id [4]byte
	rand.Read(id[:])
	table := store.New(aws, c.Table, patience)
	srv := &bridge.Server{
		Name:        "b-" + hex.EncodeToString(id[:]),
		Assignments: table,
		Urgent:      queue.NewSender(aws, c.UrgentURL),
		Track:       queue.NewSender(aws, c.TrackURL),
		Downlinks:   table,
		Log:         log,
		Metrics:     bridge.NewMetrics(metrics),

		Linger:        c.Linger,
		LingerWaiting: c.LingerWaiting,
		PackBytes:     c.PackBytes,
		MemoryBytes:   int64(c.MemoryMB) << 20,
		Idle:          c.Idle,
		AuthTimeout:   c.AuthTimeout,
		Grace:         c.Grace,
		KeyTTL:        c.KeyTTL,
		KeyCache:      c.KeyCache,
		DownlinkEvery: c.DownlinkEvery,
		PulseEvery:    c.PulseEvery,

		MaxConns:           c.MaxConns,
		MaxUnproven:        c.MaxUnauth,
		MaxUnprovenPerAddr: c.MaxUnauthAddr,
		TrustProxy:         c.TrustProxy,
	}
	err = srv.Watch(metrics)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}

	listeners, health, err := listen(c, srv)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", srv.Health())
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	web := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	for _, l := range listeners {
		log.Info("listening for insoles", "address", l.Addr().String(), "tls", l.Secure)
	}
	log.Info("listening for health and metrics", "address", health.Addr().String(), "bridge", srv.Name)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := web.Serve(health)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("health: %w", err)
	})
	heart := &parts.Heart{Store: table, Part: parts.Bridge, Instance: srv.Name, Version: parts.Version(), Now: time.Now, Log: log}
	g.Go(func() error {
		beat(ctx, heart, srv)
		return nil
	})
	g.Go(func() error {
		defer web.Close() // answers until the drain is over
		return srv.Run(ctx, listeners...)
	})
	return g.Wait()
}

// beat leaves behind every minute that this bridge works, and, when it ends as it should, that it is not to be missed.
func beat(ctx context.Context, heart *parts.Heart, srv *bridge.Server) {
	tick := time.NewTicker(parts.Every)
	defer tick.Stop()
	for {
		heart.Beat(ctx, func(b *insole.Beat) { b.Connections = srv.Connections() })
		select {
		case <-tick.C:
		case <-ctx.Done():
			heart.End(ctx)
			return
		}
	}
}

// listen opens every port, or none.
func listen(c config, srv *bridge.Server) (insoles []bridge.Listener, health net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range insoles {
				l.Close()
			}
			insoles = nil
		}
	}()
	plain, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return insoles, nil, fmt.Errorf("BRIDGE_LISTEN: %w", err)
	}
	insoles = append(insoles, bridge.Listener{Listener: plain})
	if c.Certificate != nil {
		secure, err := net.Listen("tcp", c.TLSListen)
		if err != nil {
			return insoles, nil, fmt.Errorf("BRIDGE_TLS_LISTEN: %w", err)
		}
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{*c.Certificate}, MinVersion: tls.VersionTLS12}
		insoles = append(insoles, bridge.Listener{Listener: secure, Secure: true})
	}
	health, err = net.Listen("tcp", c.HealthListen)
	if err != nil {
		return insoles, nil, fmt.Errorf("BRIDGE_HEALTH_LISTEN: %w", err)
	}
	return insoles, health, nil
}
