package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/clinical"
)

// Consent keeps what patients permit.
type Consent interface {
	// List gives a patient's decisions, newest first, those that are over included.
	List(ctx context.Context, patient string) ([]ConsentEntry, error)
	// Decide records one decision. It holds for every reader at once.
	Decide(ctx context.Context, by access.Identity, patient string, d Decision) (ConsentEntry, error)
	// Text is what a patient is told before deciding about a purpose.
	Text(purpose clinical.Purpose) (ConsentText, error)
}

// Decision is what a patient decides.
type Decision struct {
	Purpose   clinical.Purpose   `json:"purpose" enum:"care,quality,research,training,federation"`
	DataClass clinical.DataClass `json:"dataClass,omitempty" enum:"image,waveform,report,record," doc:"empty = all"`
	Decision  string             `json:"decision" enum:"permit,deny"`
	From      *time.Time         `json:"from,omitempty" doc:"left out = from now"`
	Until     *time.Time         `json:"until,omitempty" doc:"left out = without end"`
	Text      string             `json:"text,omitempty" maxLength:"4000" doc:"what the patient was told, or a note"`
}

// ConsentEntry is a recorded decision.
type ConsentEntry struct {
	Decision
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	InForce bool      `json:"inForce"`
}

// ConsentText is what a patient is told before deciding.
type ConsentText struct {
	Purpose    clinical.Purpose `json:"purpose"`
	Title      string           `json:"title"`
	Paragraphs []string         `json:"paragraphs"`
	Version    string           `json:"version"`
}

// PatientPath names a patient.
type PatientPath struct {
	Patient string `path:"patient" maxLength:"64" doc:"Patient ID, (0010,0020)"`
}

func (s *Server) consentRoutes(api huma.API) {
	if s.Consent == nil {
		return
	}
	consents := "/api/v1/patients/{patient}/consents"
	created := on("POST", consents, "consent", "Record a patient's decision", access.ConsentChange)
	created.status = http.StatusCreated
	handle(s, api, on("GET", consents, "consent", "A patient's decisions", access.ConsentView), s.listConsents)
	handle(s, api, created, s.decideConsent)
	handle(s, api, on("GET", "/api/v1/consent-text", "consent", "What a patient is told", access.ConsentView), s.consentText)
}

func (s *Server) listConsents(ctx context.Context, in *PatientPath) (*body[list[ConsentEntry]], error) {
	entries, err := s.Consent.List(ctx, in.Patient)
	return listed(entries, func(e ConsentEntry) ConsentEntry { return e }), err
}

func (s *Server) decideConsent(ctx context.Context, in *struct {
	PatientPath
	Body Decision
}) (*body[ConsentEntry], error) {
	e, err := s.Consent.Decide(ctx, access.From(ctx), in.Patient, in.Body)
	return &body[ConsentEntry]{e}, err
}

func (s *Server) consentText(_ context.Context, in *struct {
	Purpose clinical.Purpose `query:"purpose" required:"true" enum:"care,quality,research,training,federation"`
}) (*body[ConsentText], error) {
	t, err := s.Consent.Text(in.Purpose)
	return &body[ConsentText]{t}, err
}
