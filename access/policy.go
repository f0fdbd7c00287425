package access

import (
	"fmt"
	"slices"

	"consilium/clinical"
	"consilium/fault"
)

// Role is what a person or program is to the node.
type Role string

// The roles. They are not a ladder: an administrator does not sign, a reader
// does not manage accounts.
const (
	Viewer     Role = "viewer"     // reads studies and signed results for care
	Reader     Role = "reader"     // a physician: reviews and signs
	Researcher Role = "researcher" // sees what patients opened to research, and no more
	Admin      Role = "admin"      // runs the node: accounts, models, settings, audit
)

// Roles lists the roles in a fixed order.
func Roles() []Role { return []Role{Viewer, Reader, Researcher, Admin} }

// ParseRole gives the role of that name.
func ParseRole(name string) (Role, error) {
	if slices.Contains(Roles(), Role(name)) {
		return Role(name), nil
	}
	return "", fault.New(fault.Usage, fmt.Sprintf("there is no role %q", clip(name)), "choose viewer, reader, researcher or admin")
}

// Action is one thing that can be allowed or not.
type Action string

// The actions.
const (
	StudyList          Action = "study.list"
	StudyView          Action = "study.view"
	StudyUpload        Action = "study.upload"
	StudyDiagnose      Action = "study.diagnose"
	FindingReview      Action = "finding.review"
	ReportSign         Action = "report.sign"
	ConsentView        Action = "consent.view"
	ConsentChange      Action = "consent.change"
	ModelView          Action = "model.view"
	ModelManage        Action = "model.manage"
	FederationView     Action = "federation.view"
	ExportDeidentified Action = "export.deidentified"
	DICOMwebRead       Action = "dicomweb.read"
	DICOMwebWrite      Action = "dicomweb.write"
	FHIRRead           Action = "fhir.read"
	FHIRWrite          Action = "fhir.write"
	AuditView          Action = "audit.view"
	UserManage         Action = "user.manage"
	TokenOwn           Action = "token.own"
	SettingsView       Action = "settings.view"
	SettingsChange     Action = "settings.change"
	StatusView         Action = "status.view"
	MetricsRead        Action = "metrics.read"
)

// policy is the one table of who may do what. testdata/policy.txt shows it as
// a security officer reads it.
var policy = []struct {
	action Action
	roles  []Role
}{
	{StudyList, []Role{Viewer, Reader, Researcher, Admin}},
	{StudyView, []Role{Viewer, Reader, Researcher, Admin}},
	{StudyUpload, []Role{Reader, Admin}},
	{StudyDiagnose, []Role{Reader, Admin}},
	{FindingReview, []Role{Reader}},
	{ReportSign, []Role{Reader}},
	{ConsentView, []Role{Viewer, Reader, Admin}},
	{ConsentChange, []Role{Reader, Admin}},
	{ModelView, []Role{Viewer, Reader, Researcher, Admin}},
	{ModelManage, []Role{Admin}},
	{FederationView, []Role{Researcher, Admin}},
	{ExportDeidentified, []Role{Researcher, Admin}},
	{DICOMwebRead, []Role{Viewer, Reader, Researcher, Admin}},
	{DICOMwebWrite, []Role{Reader, Admin}},
	{FHIRRead, []Role{Viewer, Reader, Admin}},
	{FHIRWrite, []Role{Reader, Admin}},
	{AuditView, []Role{Admin}},
	{UserManage, []Role{Admin}},
	{TokenOwn, []Role{Viewer, Reader, Researcher, Admin}},
	{SettingsView, []Role{Admin}},
	{SettingsChange, []Role{Admin}},
	{StatusView, []Role{Viewer, Reader, Researcher, Admin}},
	{MetricsRead, []Role{Admin}},
}

// Actions lists every action in the order of the table.
func Actions() []Action {
	actions := make([]Action, len(policy))
	for i, row := range policy {
		actions[i] = row.action
	}
	return actions
}

// Allowed says whether a role may do an action. What the table does not name is not allowed.
func Allowed(role Role, action Action) bool {
	for _, row := range policy {
		if row.action == action {
			return slices.Contains(row.roles, role)
		}
	}
	return false
}

// Purpose is the purpose for which a role reads patient data: consent is asked for it.
func Purpose(role Role) clinical.Purpose {
	if role == Researcher {
		return clinical.PurposeResearch
	}
	return clinical.PurposeCare
}
