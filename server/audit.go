package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/fault"
	"consilium/govern"
)

// Audit is the audit log; *govern.Log is it.
type Audit interface {
	Entries(ctx context.Context, q govern.Query) (govern.Page, error)
	Checkpoint() govern.Checkpoint
	Failure() error
}

// AuditPage is a part of the audit log, newest first.
type AuditPage struct {
	Items      []govern.Entry `json:"items"`
	Next       uint64         `json:"next" doc:"before of the next page; 0 = this was the last"`
	Size       uint64         `json:"size" doc:"entries in the whole log"`
	Root       string         `json:"root" doc:"hash over the whole log, RFC 6962, base64"`
	Checkpoint string         `json:"checkpoint" doc:"size and hash, signed by the node: keep it elsewhere"`
}

// Verdict is what a verification found.
type Verdict struct {
	OK      bool   `json:"ok"`
	Entries uint64 `json:"entries"`
	Error   *told  `json:"error"`
}

type auditQuery struct {
	Patient string `query:"patient" maxLength:"64"`
	Study   string `query:"study" maxLength:"64"`
	Actor   string `query:"actor" maxLength:"64"`
	Action  string `query:"action" maxLength:"64"`
	Before  uint64 `query:"before" doc:"only entries with a smaller index; 0 = from the newest"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

func (s *Server) auditRoutes(api huma.API) {
	handle(s, api, on("GET", "/api/v1/audit", "audit", "Who did what", access.AuditView), s.listAudit)
}

func (s *Server) listAudit(ctx context.Context, in *auditQuery) (*body[AuditPage], error) {
	if s.Audit == nil {
		return nil, errNoAudit
	}
	p, err := s.Audit.Entries(ctx, govern.Query{Patient: in.Patient, Study: in.Study, Actor: in.Actor, Action: in.Action, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	c := s.Audit.Checkpoint()
	return &body[AuditPage]{AuditPage{Items: p.Items, Next: p.Next, Size: p.Size, Root: c.RootText(), Checkpoint: c.Text}}, nil
}

var errNoAudit = fault.New(fault.NotFound, "the node was started without an audit log", "start it with `consilium serve`")

// verifyAudit reads the whole log: it is one of the long routes.
func (s *Server) verifyAudit(ctx context.Context, _ *none) (*body[Verdict], error) {
	if s.VerifyAudit == nil {
		return nil, errNoAudit
	}
	report, err := s.VerifyAudit(ctx)
	out := Verdict{OK: err == nil, Entries: report.Entries}
	if fault.CodeOf(err) == fault.AuditBroken {
		e := fault.Of(err)
		out.Error, err = &told{Code: e.Code, What: e.What, Do: e.Do}, nil
	}
	return &body[Verdict]{out}, err
}
