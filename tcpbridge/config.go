package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A config is every setting of the bridge. Endpoints, region and credentials of AWS are the SDK's own environment.
type config struct {
	Table     string // TABLE, required
	UrgentURL string // URGENT_QUEUE_URL, required
	TrackURL  string // TRACK_QUEUE_URL, required

	Listen       string           // BRIDGE_LISTEN: host:port for insoles, plain
	HealthListen string           // BRIDGE_HEALTH_LISTEN: host:port of /healthz, /readyz, /metrics
	TLSListen    string           // BRIDGE_TLS_LISTEN: host:port for insoles, TLS 1.2 and later; served when there is a certificate
	Certificate  *tls.Certificate // BRIDGE_TLS_CERT and BRIDGE_TLS_KEY: PEM, or the names of files of PEM; both or none

	Linger        time.Duration // BRIDGE_LINGER: longest time a position waits to be packed
	LingerWaiting time.Duration // BRIDGE_LINGER_WAITING: the same for dialects that wait for each acknowledgement
	PackBytes     int           // BRIDGE_PACK_BYTES: of one track message
	Idle          time.Duration // BRIDGE_IDLE: silence before a connection is dropped
	AuthTimeout   time.Duration // BRIDGE_AUTH_TIMEOUT: for a connection to prove itself
	MaxConns      int           // BRIDGE_MAX_CONNS
	MaxUnauth     int           // BRIDGE_MAX_UNAUTH: connections that have proven nothing yet
	MaxUnauthAddr int           // BRIDGE_MAX_UNAUTH_PER_ADDR: the same, of one IPv4 address or IPv6 /64
	MemoryMB      int           // BRIDGE_MEMORY_MB: frames held unacknowledged, MiB, beyond 8 KiB of each connection
	Grace         time.Duration // BRIDGE_GRACE: for what is in flight when the bridge is told to end
	KeyCache      int           // BRIDGE_KEY_CACHE: insoles whose assignment is remembered
	KeyTTL        time.Duration // BRIDGE_KEY_TTL: how long it is used without asking again
	DownlinkEvery time.Duration // BRIDGE_DOWNLINK_EVERY: between two looks for what insoles are to be told
	PulseEvery    time.Duration // BRIDGE_PULSE_EVERY: between two words, through the track queue, that the bridge works
	TrustProxy    bool          // BRIDGE_TRUST_PROXY: every connection begins with a PROXY protocol v2 header
	LogLevel      slog.Level    // LOG_LEVEL: debug, info, warn, error
}

// configFrom reads every setting and returns all faults at once.
func configFrom(getenv func(string) string) (config, error) {
	r := reader{getenv: getenv}
	c := config{
		Table:         r.required("TABLE"),
		UrgentURL:     r.url("URGENT_QUEUE_URL"),
		TrackURL:      r.url("TRACK_QUEUE_URL"),
		Listen:        r.address("BRIDGE_LISTEN", ":9000"),
		HealthListen:  r.address("BRIDGE_HEALTH_LISTEN", ":9001"),
		TLSListen:     r.address("BRIDGE_TLS_LISTEN", ":9443"),
		Certificate:   r.certificate("BRIDGE_TLS_CERT", "BRIDGE_TLS_KEY"),
		Linger:        r.duration("BRIDGE_LINGER", 30*time.Second, time.Millisecond, 5*time.Minute),
		LingerWaiting: r.duration("BRIDGE_LINGER_WAITING", time.Second, time.Millisecond, 10*time.Second),
		PackBytes:     r.number("BRIDGE_PACK_BYTES", 64<<10, 8<<10, 1<<20),
		Idle:          r.duration("BRIDGE_IDLE", 15*time.Minute, time.Second, 24*time.Hour),
		AuthTimeout:   r.duration("BRIDGE_AUTH_TIMEOUT", 10*time.Second, 100*time.Millisecond, 5*time.Minute),
		MaxConns:      r.number("BRIDGE_MAX_CONNS", 20_000, 1, 1_000_000),
		MaxUnauth:     r.number("BRIDGE_MAX_UNAUTH", 1000, 1, 1_000_000),
		MaxUnauthAddr: r.number("BRIDGE_MAX_UNAUTH_PER_ADDR", 50, 1, 1_000_000),
		MemoryMB:      r.number("BRIDGE_MEMORY_MB", 64, 1, 1<<20),
		Grace:         r.duration("BRIDGE_GRACE", 20*time.Second, 0, 110*time.Second),
		KeyCache:      r.number("BRIDGE_KEY_CACHE", 50_000, 1, 10_000_000),
		KeyTTL:        r.duration("BRIDGE_KEY_TTL", time.Minute, time.Second, 24*time.Hour),
		DownlinkEvery: r.duration("BRIDGE_DOWNLINK_EVERY", 2*time.Second, 100*time.Millisecond, time.Minute),
		PulseEvery:    r.duration("BRIDGE_PULSE_EVERY", time.Minute, 10*time.Second, time.Minute),
		TrustProxy:    r.boolean("BRIDGE_TRUST_PROXY", false),
		LogLevel:      r.level("LOG_LEVEL"),
	}
	return c, errors.Join(r.faults...)
}

// A reader reads settings and gathers what is wrong with them.
type reader struct {
	getenv func(string) string
	faults []error
}

func (r *reader) fault(name, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

func (r *reader) required(name string) string {
	v := r.getenv(name)
	if v == "" {
		r.fault(name, "not set")
	}
	return v
}

func (r *reader) url(name string) string {
	v := r.required(name)
	if v != "" && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") {
		r.fault(name, "%q is not the URL of a queue", v)
	}
	return v
}

func (r *reader) address(name, otherwise string) string {
	v := r.getenv(name)
	if v == "" {
		return otherwise
	}
	_, port, err := net.SplitHostPort(v)
	if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || n > 65535 {
		r.fault(name, "%q is not host:port", v)
	}
	return v
}

func (r *reader) duration(name string, otherwise, low, high time.Duration) time.Duration {
	v := r.getenv(name)
	if v == "" {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	switch {
	case err != nil:
		r.fault(name, "%q is not a duration such as 30s or 15m", v)
	case d < low || d > high:
		r.fault(name, "%q is not between %s and %s", v, low, high)
	}
	return d
}

func (r *reader) number(name string, otherwise, low, high int) int {
	v := r.getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		r.fault(name, "%q is not a whole number", v)
	case n < low || n > high:
		r.fault(name, "%q is not between %d and %d", v, low, high)
	}
	return n
}

func (r *reader) boolean(name string, otherwise bool) bool {
	switch v := r.getenv(name); v {
	case "":
		return otherwise
	case "true", "false":
		return v == "true"
	default:
		r.fault(name, "%q is neither true nor false", v)
		return otherwise
	}
}

func (r *reader) level(name string) slog.Level {
	v := r.getenv(name)
	if v == "" {
		return slog.LevelInfo
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(v)); err != nil {
		r.fault(name, "%q is none of debug, info, warn, error", v)
	}
	return l
}

func (r *reader) certificate(certName, keyName string) *tls.Certificate {
	cert, key := r.getenv(certName), r.getenv(keyName)
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "":
		r.fault(certName, "not set, and %s is", keyName)
		return nil
	case key == "":
		r.fault(keyName, "not set, and %s is", certName)
		return nil
	}
	certPEM, keyPEM := r.pem(certName, cert), r.pem(keyName, key)
	if certPEM == nil || keyPEM == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		r.fault(certName, "with %s: %v", keyName, err)
		return nil
	}
	return &pair
}

// pem is v when it is PEM text, else the content of the file that it names. What is in a key is never part of a fault.
func (r *reader) pem(name, v string) []byte {
	if strings.HasPrefix(strings.TrimSpace(v), "-----BEGIN ") {
		return []byte(v)
	}
	b, err := os.ReadFile(v)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) && len(v) < 200 {
			r.fault(name, "%v", err)
		} else {
			r.fault(name, "neither PEM text nor a file")
		}
		return nil
	}
	return b
}
