// Package server is the node's face to people and programs: one process and one
// origin with the page, the API, DICOMweb, FHIR, metrics and health. It knows
// HTTP and who may do what; what is done is the business of package node.
package server

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"consilium/access"
	"consilium/fault"
	"consilium/govern"
	"consilium/registry"
	"consilium/store"
)

// Config is what a server is made of.
type Config struct {
	Node   Node
	Store  *store.Store
	Access *access.Service
	Audit  Audit
	Models []*registry.Bundle

	// VerifyAudit checks the audit log from its first byte to its last.
	VerifyAudit func(ctx context.Context) (govern.Report, error)

	Page     fs.FS        // the built page; nil = none
	DICOMweb http.Handler // mounted at /dicomweb, which it does not see; nil = none
	FHIR     http.Handler // mounted at /fhir, which it does not see; nil = none
	Metrics  *prometheus.Registry

	Federation Federation // the jobs that this node has a part in; nil = none

	Status   StatusFunc        // nil = the server's own part only
	Running  *Settings         // what the node was started with, to tell when it differs; nil = unknown
	Readonly map[string]string // what only the command line sets, for the settings page

	Version   string
	Spool     string   // folder for uploads on their way, on the file system of the blobs
	Hosts     []string // host names that the node is reached by, besides this machine's own
	Proxies   []string // addresses or networks of proxies whose X-Forwarded-For and -Proto are believed
	MaxUpload int64    // bytes of one upload; 0 = DefaultMaxUpload
	Heartbeat time.Duration
	Log       *slog.Logger
	Now       func() time.Time
}

// Bounds of one request, unless Config says otherwise.
const (
	DefaultMaxUpload = 4 << 30 // bytes: a study of 2,000 large slices
	maxJSON          = 64 << 10
	maxFiles         = 5000             // in one upload
	answerWithin     = 30 * time.Second // what the API does
	streamWithin     = 30 * time.Minute // uploads, DICOMweb, FHIR
	stall            = 30 * time.Second // without one byte in or out, a stream ends
)

// Server answers requests.
type Server struct {
	Config
	log      *slog.Logger
	now      func() time.Time
	hosts    *hostCheck
	proxies  *proxyCheck
	rates    rates
	metrics  *metrics
	hub      *hub
	page     *page
	consents *govern.Consents
	routes   []operation // what was registered, for the table of rights
	handler  http.Handler

	started  time.Time
	stopping chan struct{} // closed when the server stops: streams end
	stop     sync.Once
}

// New makes a server of its parts.
func New(c Config) (*Server, error) {
	if c.Node == nil || c.Store == nil || c.Access == nil {
		return nil, fault.New(fault.Internal, "a server needs a node, a store and access", "please report it")
	}
	s := &Server{Config: c, log: c.Log, now: c.Now, rates: newRates()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.MaxUpload <= 0 {
		s.MaxUpload = DefaultMaxUpload
	}
	if s.Heartbeat <= 0 {
		s.Heartbeat = 15 * time.Second
	}
	if s.Metrics == nil {
		s.Metrics = prometheus.NewRegistry()
	}
	var err error
	if s.proxies, err = newProxyCheck(c.Proxies); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(s.Metrics); err != nil {
		return nil, err
	}
	s.started, s.stopping = s.now().UTC(), make(chan struct{})
	s.hosts = newHostCheck(c.Hosts)
	s.hub = newHub(s)
	s.page = newPage(c.Page)
	s.consents = &govern.Consents{Store: c.Store, Note: s.noteConsent, Now: s.now}
	s.handler = s.build()
	return s, nil
}

// Handler answers every request of the origin.
func (s *Server) Handler() http.Handler { return s.handler }
