package bridge

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the counters of one Server. NewMetrics registers them.
type Metrics struct {
	accepted  prometheus.Counter
	refused   *prometheus.CounterVec   // reason
	ended     *prometheus.CounterVec   // reason
	sessions  *prometheus.GaugeVec     // dialect
	frames    *prometheus.CounterVec   // dialect, lane
	acked     *prometheus.CounterVec   // lane
	failures  *prometheus.CounterVec   // lane
	calls     *prometheus.HistogramVec // lane
	wait      *prometheus.HistogramVec // lane
	waiting   *prometheus.GaugeVec     // lane
	odd       *prometheus.CounterVec   // kept
	lookups   *prometheus.CounterVec   // answer
	stalls    prometheus.Counter
	panics    prometheus.Counter
	held      prometheus.Gauge
	downlinks *prometheus.CounterVec // outcome
}

// NewMetrics makes the metrics and registers them with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bridge", Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "bridge", Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "bridge", Name: name, Help: help, Buckets: buckets}, []string{"lane"})
		r.MustRegister(h)
		return h
	}
	return &Metrics{
		accepted: counter("connections_accepted_total", "Connections accepted.").WithLabelValues(),
		refused:  counter("refused_total", "Connections refused before they had a session, by reason.", "reason"),
		ended:    counter("sessions_ended_total", "Sessions ended, by reason.", "reason"),
		sessions: gauge("sessions", "Proven sessions, by dialect.", "dialect"),
		frames:   counter("frames_total", "Frames admitted, by dialect and lane.", "dialect", "lane"),
		acked:    counter("frames_kept_total", "Frames that a queue has said it keeps, by lane.", "lane"),
		failures: counter("queue_failures_total", "Entries that a queue did not accept, by lane; each is sent again.", "lane"),
		calls: histogram("queue_call_seconds", "Duration of one call to a queue.",
			[]float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}),
		wait: histogram("wait_seconds", "From a message's first frame being read to its being kept by the queue; the urgent lane's is the time an SOS spends here.",
			[]float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300}),
		waiting:   gauge("messages_waiting", "Messages waiting for a call, by lane.", "lane"),
		odd:       counter("quarantined_total", "Frames that no dialect understood; kept = no: above the rate that is kept.", "kept"),
		lookups:   counter("lookups_total", "Questions who an insole is, by answer.", "answer"),
		stalls:    counter("stalls_total", "Connections not read for want of memory.").WithLabelValues(),
		panics:    counter("panics_total", "Connections ended by a fault in this program.").WithLabelValues(),
		held:      gauge("connections_held", "Connections held unanswered because it cannot be told whose they are.").WithLabelValues(),
		downlinks: counter("downlinks_total", "Orders to insoles, by outcome.", "outcome"),
	}
}

// Connections is how many insoles hold an open connection, proven or not.
func (srv *Server) Connections() int {
	srv.prepare()
	all, _ := srv.caps.counts()
	return all
}

// Watch registers what is read when somebody asks.
func (srv *Server) Watch(r prometheus.Registerer) error {
	srv.prepare()
	for _, g := range []struct {
		name, help string
		value      func() float64
	}{
		{"held_bytes", "Bytes held unacknowledged beyond each connection's own allowance.", func() float64 { return float64(srv.budget.held()) }},
		{"frames_in_flight", "Frames read and not yet kept by a queue.", func() float64 { return float64(srv.inflight.Load()) }},
		{"connections", "Open connections, proven or not.", func() float64 { all, _ := srv.caps.counts(); return float64(all) }},
		{"connections_unproven", "Open connections that have proven nothing yet.", func() float64 { _, fresh := srv.caps.counts(); return float64(fresh) }},
	} {
		err := r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "bridge", Name: g.name, Help: g.help}, g.value))
		if err != nil {
			return fmt.Errorf("metric %s: %w", g.name, err)
		}
	}
	return nil
}
