package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/clinical"
	"consilium/govern"
	"consilium/store"
)

// Decision is what a patient decides.
type Decision struct {
	Purpose   clinical.Purpose   `json:"purpose" enum:"care,quality,research,training,federation"`
	DataClass clinical.DataClass `json:"dataClass,omitempty" enum:"image,waveform,report,record," doc:"empty = all"`
	Decision  string             `json:"decision" enum:"permit,deny,withdraw"`
	From      *time.Time         `json:"from,omitempty" doc:"left out = from now"`
	Until     *time.Time         `json:"until,omitempty" doc:"left out = without end"`
	Text      string             `json:"text,omitempty" maxLength:"64" doc:"version of the text that the patient was shown; left out = the present one"`
}

// ConsentEntry is a recorded decision.
type ConsentEntry struct {
	Decision
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	InForce bool      `json:"inForce" doc:"it decides at this moment"`
}

// PatientPath names a patient.
type PatientPath struct {
	Patient string `path:"patient" maxLength:"64" doc:"Patient ID, (0010,0020)"`
}

func (s *Server) consentRoutes(api huma.API) {
	consents := "/api/v1/patients/{patient}/consents"
	created := on("POST", consents, "consent", "Record a patient's decision; it holds for every reader at once", access.ConsentChange)
	created.status = http.StatusCreated
	handle(s, api, on("GET", consents, "consent", "A patient's decisions, newest first", access.ConsentView), s.listConsents)
	handle(s, api, created, s.decideConsent)
	handle(s, api, on("GET", "/api/v1/consent-text", "consent", "What a patient is told before deciding", access.ConsentView), s.consentText)
}

func (s *Server) listConsents(ctx context.Context, in *PatientPath) (*body[list[ConsentEntry]], error) {
	records, err := s.consents.Records(ctx, in.Patient)
	if err != nil {
		return nil, err
	}
	entries := make([]ConsentEntry, 0, len(records))
	for _, r := range slices.Backward(records) {
		e, err := s.consentEntry(ctx, r)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return &body[list[ConsentEntry]]{list[ConsentEntry]{entries}}, nil
}

func (s *Server) consentEntry(ctx context.Context, r govern.ConsentRecord) (ConsentEntry, error) {
	now, err := s.consents.Explain(ctx, r.Patient, r.Purpose, r.Class, s.now())
	return ConsentEntry{ID: r.ID, Made: r.At, By: r.By, InForce: now.Record != nil && now.Record.ID == r.ID,
		Decision: Decision{Purpose: r.Purpose, DataClass: r.Class, Decision: r.Decision, From: orNil(r.From), Until: orNil(r.Until), Text: r.Text}}, err
}

func (s *Server) decideConsent(ctx context.Context, in *struct {
	PatientPath
	Body Decision
}) (*body[ConsentEntry], error) {
	r := govern.ConsentRecord{Patient: in.Patient, Purpose: in.Body.Purpose, Class: in.Body.DataClass, Decision: in.Body.Decision, Text: in.Body.Text, By: access.From(ctx).Name}
	if in.Body.From != nil {
		r.From = *in.Body.From
	}
	if in.Body.Until != nil {
		r.Until = *in.Body.Until
	}
	if r.Text != "" {
		if _, err := govern.TextOf(r.Text); err != nil {
			return nil, err
		}
	}
	r, err := s.consents.Record(ctx, r)
	if err != nil {
		return nil, err
	}
	s.Access.Moved(ctx)
	e, err := s.consentEntry(ctx, r)
	return &body[ConsentEntry]{e}, err
}

// noteConsent puts the event of a decision into its transaction, with the role of who recorded it.
func (s *Server) noteConsent(ctx context.Context, tx *store.Tx, e govern.Event) error {
	e.Role = string(access.From(ctx).Role)
	return s.Access.Note(ctx, tx, e)
}

func (s *Server) consentText(_ context.Context, in *struct {
	Purpose clinical.Purpose `query:"purpose" required:"true" enum:"care,quality,research,training,federation"`
}) (*body[govern.Text], error) {
	t, err := govern.TextFor(in.Purpose)
	return &body[govern.Text]{t}, err
}
