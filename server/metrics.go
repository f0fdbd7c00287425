package server

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own; package node registers its own in the same registry.
type metrics struct {
	duration *prometheus.HistogramVec
	streams  prometheus.Gauge
	dropped  prometheus.Counter
}

// buckets from a millisecond to a minute, in seconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func newMetrics(registry *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "consilium_http_request_duration_seconds",
			Help: "Time to answer a request, by method, route pattern and status.", Buckets: buckets}, []string{"method", "route", "status"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "consilium_event_streams", Help: "Pages that listen for changed studies."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "consilium_event_streams_dropped_total", Help: "Listeners cut off because they were too slow."}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.streams, m.dropped, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		var twice prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &twice) {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) request(r *http.Request, route string, status int, took time.Duration) {
	m.duration.WithLabelValues(method(r), route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: answerWithin})
}
