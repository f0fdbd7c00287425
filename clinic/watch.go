package clinic

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"consilium/dimse"
	"consilium/fault"
	"consilium/govern"
	"consilium/node"
	"consilium/server"
	"consilium/store"
)

// serialSetting names the installation, for the device module of its objects.
const serialSetting = "serial"

func (c *Clinic) serial(ctx context.Context) (string, error) {
	text, err := c.Store.Setting(ctx, serialSetting)
	var serial string
	if err == nil {
		err = json.Unmarshal(text, &serial)
	}
	if fault.CodeOf(err) != fault.NotFound {
		return serial, err
	}
	serial = rand.Text()
	text, err = json.Marshal(serial)
	if err != nil {
		return "", err
	}
	return serial, c.Store.Tx(ctx, func(t *store.Tx) error { return t.SetSetting(ctx, serialSetting, text, time.Now()) })
}

// verifyAudit checks the audit log against everything that is remembered of it.
func (c *Clinic) verifyAudit(ctx context.Context) (govern.Report, error) {
	known, err := c.Store.Remembered(ctx)
	if err != nil {
		return govern.Report{}, err
	}
	var checkpoints []string
	if known != "" {
		checkpoints = append(checkpoints, known)
	}
	return govern.Verify(ctx, filepath.Join(c.DataDir, govern.LogDir), c.Audit.Verifier(), checkpoints...)
}

// status fills in what the node knows.
func (c *Clinic) status(ctx context.Context, s *server.Status) error {
	var err error
	if s.Queue, err = c.Node.Waiting(ctx); err != nil {
		return err
	}
	sent, err := c.Store.CountDeliveries(ctx)
	if err != nil {
		return err
	}
	if n := sent[store.DeliveryFailed]; n > 0 {
		s.Trouble = append(s.Trouble, strconv.Itoa(n)+" results could not be delivered and were given up.")
	}
	return nil
}

// readonly is what only the command line sets.
func (c *Clinic) readonly() map[string]string {
	orDefault := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	return map[string]string{
		"data directory": c.DataDir, "index": orDefault(c.StoreURL, "SQLite in the data directory"), "objects": orDefault(c.Bucket, "files in the data directory"),
		"queue": orDefault(c.Options.Queue.URL, "embedded"), "dicom": orDefault(c.DICOM.Address, "127.0.0.1:11112"),
	}
}

// buckets of durations, in seconds.
var buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// observe counts what the node does.
func (c *Clinic) observe() node.Observer {
	diagnosed := c.histogram("consilium_diagnosis_duration_seconds", "Time to diagnose a study, by outcome.", "outcome")
	delivered := c.histogram("consilium_delivery_duration_seconds", "Time to deliver a result, by receiver and outcome.", "peer", "outcome")
	return node.Observer{
		Diagnosed: func(took time.Duration, err error) {
			diagnosed.WithLabelValues(outcome(err)).Observe(took.Seconds())
		},
		Delivered: func(peer string, took time.Duration, err error) {
			delivered.WithLabelValues(peer, outcome(err)).Observe(took.Seconds())
		},
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(fault.CodeOf(err))
}

func (c *Clinic) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	c.metrics.MustRegister(h)
	return h
}

func (c *Clinic) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	c.metrics.MustRegister(v)
	return v
}

// dimseObserver counts what comes in by DIMSE.
func (c *Clinic) dimseObserver() dimse.Observer {
	open := prometheus.NewGauge(prometheus.GaugeOpts{Name: "consilium_dimse_associations", Help: "Open associations."})
	c.metrics.MustRegister(open)
	return &associations{
		open:     open,
		closed:   c.histogram("consilium_dimse_association_duration_seconds", "How long associations lasted, by their end.", "end"),
		received: c.histogram("consilium_ingest_duration_seconds", "Time to take an object in, until it is durable.", "door"),
		bytes:    c.counter("consilium_ingest_bytes_total", "Bytes of objects taken in.", "door"),
		refused:  c.counter("consilium_dimse_refused_total", "Associations and objects that were not taken, by reason.", "reason"),
	}
}

type associations struct {
	open             prometheus.Gauge
	closed, received *prometheus.HistogramVec
	bytes, refused   *prometheus.CounterVec
}

func (a *associations) Opened() { a.open.Inc() }

func (a *associations) Closed(end dimse.End, took time.Duration) {
	a.open.Dec()
	a.closed.WithLabelValues(string(end)).Observe(took.Seconds())
}

func (a *associations) Received(bytes int64, took time.Duration) {
	a.received.WithLabelValues("dimse").Observe(took.Seconds())
	a.bytes.WithLabelValues("dimse").Add(float64(bytes))
}

func (a *associations) Refused(why dimse.Refusal) { a.refused.WithLabelValues(string(why)).Inc() }
