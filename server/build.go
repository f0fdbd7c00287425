package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"consilium/access"
	"consilium/fault"
)

// build puts everything behind one handler.
func (s *Server) build() http.Handler {
	mux := chi.NewRouter()
	mux.Use(s.watch, headers, s.proxies.wrap, s.checkHost, s.crossOrigin)
	short := within(answerWithin, maxJSON)
	mux.NotFound(short(s.page.serve(s)).ServeHTTP)
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &problem{status: http.StatusMethodNotAllowed, Told: told{Code: fault.Usage, What: "this address does not know that method", Do: "compare the request with /api/docs"}})
	})
	mux.With(short).Get("/healthz", s.health)
	mux.With(short).Get("/readyz", s.ready)
	mux.Group(func(mux chi.Router) {
		mux.Use(s.Access.Authenticate(s.refuse), remember, s.limitRate)
		s.mount(mux)
	})
	return mux
}

// mount adds what needs to know who asks.
func (s *Server) mount(mux chi.Router) {
	needs := func(action access.Action) func(http.Handler) http.Handler {
		return s.Access.Require(s.refuse, func(*http.Request) access.Action { return action })
	}
	var api huma.API
	mux.Group(func(mux chi.Router) {
		mux.Use(within(answerWithin, maxJSON))
		api = humachi.New(mux, apiConfig(s.Version))
		s.sessionRoutes(api)
		s.studyRoutes(api)
		s.fileRoutes(api)
		s.userRoutes(api)
		s.tokenRoutes(api)
		s.auditRoutes(api)
		s.consentRoutes(api)
		s.modelRoutes(api)
		s.federationRoutes(api)
		s.settingsRoutes(api)
		mux.Get("/auth/oidc/start", s.startOIDC)
		mux.Get("/auth/oidc/callback", s.finishOIDC)
		mux.Get("/openapi.json", s.openAPI(api))
		mux.Get("/api/docs", s.docs(api))
		mux.Get("/api/docs.css", docsStyle)
		mux.With(needs(access.MetricsRead)).Handle("/metrics", s.metricsHandler())
	})
	mux.Group(func(mux chi.Router) {
		mux.Use(within(streamWithin, s.MaxUpload))
		long := humachi.NewAdapter(mux)
		s.longRoutes(sharing(api, long))
		if s.DICOMweb != nil {
			mux.With(s.Access.Require(s.refuse, readOrWrite(access.DICOMwebRead, access.DICOMwebWrite))).Mount("/dicomweb", http.StripPrefix("/dicomweb", s.DICOMweb))
		}
		if s.FHIR != nil {
			mux.With(s.Access.Require(s.refuse, readOrWrite(access.FHIRRead, access.FHIRWrite))).Mount("/fhir", http.StripPrefix("/fhir", s.FHIR))
		}
	})
	mux.With(needs(access.StudyList)).Get("/api/v1/events", s.events)
}

// longRoutes are those of the API that may take long or be large.
func (s *Server) longRoutes(api huma.API) {
	op := on("POST", "/api/v1/studies", "studies", "Hand in the files of one study: DICOM, PNG, JPEG, WFDB, WAV, MP3", access.StudyUpload)
	op.status, op.form = http.StatusCreated, true
	handle(s, api, op, s.upload)
	handle(s, api, on("POST", "/api/v1/audit/verify", "audit", "Check the whole log against its hashes and signature", access.AuditView), s.verifyAudit)
}

// readOrWrite is the action that a request to a standard's interface amounts to.
func readOrWrite(read, write access.Action) func(*http.Request) access.Action {
	return func(r *http.Request) access.Action {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			return read
		case http.MethodPost:
			if strings.HasSuffix(r.URL.Path, "/_search") { // FHIR: a search whose terms are in the body
				return read
			}
		}
		return write
	}
}

// sharing gives an API on another adapter that writes into the same description.
func sharing(api huma.API, adapter huma.Adapter) huma.API { return shared{api, adapter} }

type shared struct {
	huma.API
	adapter huma.Adapter
}

func (s shared) Adapter() huma.Adapter { return s.adapter }

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// ready says whether the store answers and the audit log takes events: a node
// that cannot write down what it does must get no work.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := s.Store.Ping(ctx)
	if err == nil && s.Audit != nil {
		err = s.Audit.Failure()
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		s.log.WarnContext(ctx, "not ready", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not ready: " + string(fault.CodeOf(err)) + "\n"))
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}
