package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/fault"
	"consilium/govern"
	"consilium/node"
	"consilium/store"
)

// StudyPath names a study in an address.
type StudyPath struct {
	Study string `path:"uid" maxLength:"64" doc:"Study Instance UID"`
}

// Resolve refuses what is no UID.
func (p StudyPath) Resolve(huma.Context) []error { return refuseBad(uid(p.Study)) }

// FindingPath names a finding of a study.
type FindingPath struct {
	StudyPath
	Finding string `path:"finding" maxLength:"128"`
}

// SOPPath names an object.
type SOPPath struct {
	SOP string `path:"sop" maxLength:"64" doc:"SOP Instance UID"`
}

// Resolve refuses what is no UID.
func (p SOPPath) Resolve(huma.Context) []error { return refuseBad(uid(p.SOP)) }

// refuseBad gives huma a resolver's error, with its own status.
func refuseBad(err error) []error {
	if err == nil {
		return nil
	}
	return []error{problemOf(err)}
}

type worklistQuery struct {
	State    string `query:"state" enum:"receiving,queued,diagnosing,ready,failed,signed"`
	Modality string `query:"modality" maxLength:"16"`
	Urgency  string `query:"urgency" enum:"critical,urgent,routine,none"`
	Text     string `query:"q" maxLength:"128" doc:"part of name, patient ID, accession or description"`
	From     string `query:"from" pattern:"^[0-9]{8}$" doc:"study date, YYYYMMDD"`
	To       string `query:"to" pattern:"^[0-9]{8}$"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Offset   int    `query:"offset" minimum:"0" maximum:"1000000"`
}

func (s *Server) studyRoutes(api huma.API) {
	study := "/api/v1/studies/{uid}"
	handle(s, api, on("GET", "/api/v1/studies", "studies", "Worklist", access.StudyList), s.worklist)
	handle(s, api, on("GET", study, "studies", "Everything about one study", access.StudyView), s.showCase)
	handle(s, api, on("POST", study+"/diagnose", "studies", "Diagnose again", access.StudyDiagnose), s.diagnose)
	handle(s, api, on("PUT", study+"/findings/{finding}/review", "review", "Accept, correct or reject a finding", access.FindingReview), s.review)
	handle(s, api, on("DELETE", study+"/findings/{finding}/review", "review", "Take a review back", access.FindingReview), s.unreview)
	handle(s, api, on("POST", study+"/sign", "review", "Sign the reviewed findings", access.ReportSign), s.sign)
	handle(s, api, on("GET", study+"/letter", "studies", "The result in a patient's words", access.StudyView), s.letter)
}

func (s *Server) worklist(ctx context.Context, in *worklistQuery) (*body[node.Page], error) {
	p, err := s.Node.Worklist(ctx, reader(ctx), node.Query{State: store.State(in.State), Modality: in.Modality, Urgency: in.Urgency,
		Text: in.Text, From: in.From, To: in.To, Limit: in.Limit, Offset: in.Offset})
	return &body[node.Page]{p}, err
}

func (s *Server) showCase(ctx context.Context, in *StudyPath) (*body[node.Case], error) {
	c, err := s.Node.Case(ctx, reader(ctx), in.Study)
	if err != nil {
		return nil, err
	}
	return &body[node.Case]{c}, s.shown(ctx, "study.viewed", c)
}

// shown writes down that somebody saw a study, before it is sent: who, for what
// purpose, and which answers of which models stood there.
func (s *Server) shown(ctx context.Context, action string, c node.Case) error {
	e := govern.Event{Action: action, Patient: c.Study.PatientID, Study: c.Study.StudyUID, Detail: map[string]string{"state": string(c.Study.State)}}
	if a := c.Assessment; a != nil {
		models, answers := []string{}, []string{}
		for _, f := range a.Findings {
			if m := f.Model.Name + "@" + f.Model.Version + "#" + f.Model.Digest; !slices.Contains(models, m) {
				models = append(models, m)
			}
			answers = append(answers, f.ID+" "+f.Answer)
		}
		e.Object, e.Model, e.Detail["answers"] = a.ID, strings.Join(models, " "), strings.Join(answers, "; ")
	}
	return s.seen(ctx, e)
}

// seen writes an event of reading down in the name of who asks.
func (s *Server) seen(ctx context.Context, e govern.Event) error {
	id := access.From(ctx)
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["purpose"] = string(id.Purpose())
	return s.Access.Tell(ctx, id, e)
}

func (s *Server) diagnose(ctx context.Context, in *StudyPath) (*none, error) {
	return nil, s.Node.Diagnose(ctx, actor(ctx), in.Study)
}

// Judgement is a clinician's decision about one finding.
type Judgement struct {
	Decision string `json:"decision" enum:"accept,correct,reject"`
	Answer   string `json:"answer,omitempty" maxLength:"256" doc:"the right label, with correct"`
	Comment  string `json:"comment,omitempty" maxLength:"2000"`
}

func (s *Server) review(ctx context.Context, in *struct {
	FindingPath
	Body Judgement
}) (*none, error) {
	review := node.Review{Decision: in.Body.Decision, Answer: in.Body.Answer, Comment: in.Body.Comment}
	if (review.Decision == node.DecisionCorrect) != (review.Answer != "") {
		return nil, fault.New(fault.Usage, "a corrected finding, and only that, has an answer", "give the right label with the decision correct")
	}
	return nil, s.Node.Review(ctx, actor(ctx), reader(ctx), in.Study, in.Finding, review)
}

func (s *Server) unreview(ctx context.Context, in *FindingPath) (*none, error) {
	return nil, s.Node.Unreview(ctx, actor(ctx), reader(ctx), in.Study, in.Finding)
}

// Attestation signs.
type Attestation struct {
	Attestation bool   `json:"attestation" doc:"true: I have looked at the study myself and agree with the findings as reviewed"`
	Password    string `json:"password,omitempty" maxLength:"256" doc:"where the site asks for it"`
}

func (s *Server) sign(ctx context.Context, in *struct {
	StudyPath
	Body Attestation
}) (*body[node.Signature], error) {
	id := access.From(ctx)
	if id.Token != "" {
		return nil, fault.New(fault.AccessDenied, "a program does not sign", "sign in and sign in person")
	}
	if !in.Body.Attestation {
		return nil, fault.New(fault.Usage, "without the attestation there is no signature", "look at the study, then attest")
	}
	if in.Body.Password != "" {
		if err := s.Access.Confirm(ctx, access.Address(exchangeOf(ctx).r), id, in.Body.Password); err != nil {
			return nil, err
		}
	}
	if err := s.Node.Sign(ctx, actor(ctx), reader(ctx), in.Study); err != nil {
		return nil, err
	}
	c, err := s.Node.Case(ctx, reader(ctx), in.Study)
	if err != nil || c.Signature == nil {
		return nil, err
	}
	return &body[node.Signature]{*c.Signature}, nil
}

func (s *Server) letter(ctx context.Context, in *StudyPath) (*body[node.Letter], error) {
	c, err := s.Node.Case(ctx, reader(ctx), in.Study)
	if err != nil {
		return nil, err
	}
	l, err := s.Node.Letter(ctx, reader(ctx), in.Study)
	if err != nil {
		return nil, err
	}
	return &body[node.Letter]{l}, s.shown(ctx, "letter.viewed", c)
}

func (s *Server) fileRoutes(api huma.API) {
	typed := func(op operation, media string) operation { op.binary = media; return op }
	study := "/api/v1/studies/{uid}"
	handle(s, api, typed(on("GET", study+"/report.html", "studies", "The report as one self-contained page", access.StudyView), "text/html"), s.report)
	handle(s, api, typed(on("GET", study+"/report.dcm", "studies", "The report as a DICOM Basic Text SR", access.StudyView), "application/dicom"), s.textReport)
	handle(s, api, typed(on("GET", study+"/pictures/{digest}.png", "studies", "An explanation as a picture", access.StudyView), "image/png"), s.picture)
	handle(s, api, on("GET", "/api/v1/instances/{sop}/waveform", "instances", "An ECG's samples", access.StudyView), s.waveform)
	handle(s, api, typed(on("GET", "/api/v1/instances/{sop}/sound.wav", "instances", "A recording as sound", access.StudyView), "audio/wav"), s.sound)
}

// reportPolicy lets the report show its own pictures and styles and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups"

func (s *Server) report(ctx context.Context, in *StudyPath) (*huma.StreamResponse, error) {
	c, err := s.Node.Case(ctx, reader(ctx), in.Study)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer // whole before it is sent: an error halfway would come too late for a status
	if err := s.Node.Report(ctx, reader(ctx), in.Study, &page); err != nil {
		return nil, err
	}
	if err := s.shown(ctx, "report.viewed", c); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		e := exchangeOf(ctx)
		e.w.Header().Set("Content-Security-Policy", reportPolicy)
		e.w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		s.send(e, bytes.NewReader(page.Bytes()), "text/html; charset=utf-8")
	}}, nil
}

func (s *Server) textReport(ctx context.Context, in *StudyPath) (*huma.StreamResponse, error) {
	c, err := s.Node.Case(ctx, reader(ctx), in.Study)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := s.Node.TextReport(ctx, reader(ctx), in.Study, &file); err != nil {
		return nil, err
	}
	if err := s.shown(ctx, "report.viewed", c); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		s.send(exchangeOf(ctx), bytes.NewReader(file.Bytes()), "application/dicom")
	}}, nil
}

func (s *Server) picture(ctx context.Context, in *struct {
	StudyPath
	Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
}) (*huma.StreamResponse, error) {
	f, err := s.Node.Picture(ctx, reader(ctx), in.Study, in.Digest)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer f.Close()
		e := exchangeOf(ctx)
		e.w.Header().Set("Cache-Control", "private, max-age=3600, immutable") // named by its hash
		s.send(e, f, "image/png")
	}}, nil
}

func (s *Server) waveform(ctx context.Context, in *SOPPath) (*body[node.Waveform], error) {
	w, err := s.Node.Waveform(ctx, reader(ctx), in.SOP)
	if err != nil {
		return nil, err
	}
	return &body[node.Waveform]{w}, s.seenObject(ctx, in.SOP)
}

// seenObject writes down that somebody got one object.
func (s *Server) seenObject(ctx context.Context, sop string) error {
	i, err := s.Store.Instance(ctx, reader(ctx), sop)
	if err != nil {
		return err
	}
	return s.seen(ctx, govern.Event{Action: "object.viewed", Patient: i.Patient.ID, Study: i.Study, Object: sop})
}

func (s *Server) sound(ctx context.Context, in *SOPPath) (*huma.StreamResponse, error) {
	var wav bytes.Buffer
	if err := s.Node.Sound(ctx, reader(ctx), in.SOP, &wav); err != nil {
		return nil, err
	}
	if err := s.seenObject(ctx, in.SOP); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) { s.send(exchangeOf(ctx), bytes.NewReader(wav.Bytes()), "audio/wav") }}, nil
}

// send sends content, or the range of it that a player asks for.
func (s *Server) send(e exchange, content io.ReadSeeker, media string) {
	e.w.Header().Set("Content-Type", media)
	http.ServeContent(e.w, e.r, "", time.Time{}, content)
}
