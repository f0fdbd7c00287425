package server

import (
	"bytes"
	"context"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/federation"
	report "consilium/federation/page"
	"consilium/govern"
)

// Federation is what the API needs of the jobs in which this node learns with others, as their hub or as a site:
// *page.Folder reads them.
type Federation interface {
	Jobs(ctx context.Context) ([]report.Summary, error)
	Job(ctx context.Context, id string) (federation.History, error)
}

// JobPath names a federation job.
type JobPath struct {
	Job string `path:"job" pattern:"^[a-z0-9-]{1,64}$" doc:"id of the job"`
}

func (s *Server) federationRoutes(api huma.API) {
	if s.Federation == nil { // an empty folder: the addresses are there all the same
		s.Federation = &report.Folder{}
	}
	job := "/api/v1/federation/{job}"
	page := on("GET", job+"/report.html", "federation", "A job's story as one self-contained page", access.FederationView)
	page.binary = "text/html"
	handle(s, api, on("GET", "/api/v1/federation", "federation", "Jobs in which this node learns with others", access.FederationView), s.listJobs)
	handle(s, api, on("GET", job, "federation", "One job: its rounds and sites", access.FederationView), s.showJob)
	handle(s, api, page, s.jobReport)
}

func (s *Server) listJobs(ctx context.Context, _ *none) (*body[list[report.Summary]], error) {
	jobs, err := s.Federation.Jobs(ctx)
	return &body[list[report.Summary]]{list[report.Summary]{jobs}}, err
}

func (s *Server) showJob(ctx context.Context, in *JobPath) (*body[report.Detail], error) {
	h, err := s.Federation.Job(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	return &body[report.Detail]{report.Describe(h)}, s.seen(ctx, govern.Event{Action: "federation.viewed", Object: in.Job})
}

func (s *Server) jobReport(ctx context.Context, in *JobPath) (*huma.StreamResponse, error) {
	h, err := s.Federation.Job(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer // whole before it is sent: an error halfway would come too late for a status
	if err := report.HTML(&page, h); err != nil {
		return nil, err
	}
	if err := s.seen(ctx, govern.Event{Action: "federation.viewed", Object: in.Job, Detail: map[string]string{"as": "report"}}); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		e := exchangeOf(ctx)
		e.w.Header().Set("Content-Security-Policy", reportPolicy)
		e.w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		s.send(e, bytes.NewReader(page.Bytes()), "text/html; charset=utf-8")
	}}, nil
}
