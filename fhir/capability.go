package fhir

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gofhir/models/r4"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// metadata tells what this server does, from the very tables that it works by.
func (s *service) metadata(r *http.Request) (reply, error) {
	v := &r4.CapabilityStatement{
		Status: ptr(r4.PublicationStatus("active")), Date: ptr(s.Now().UTC().Format(time.RFC3339)), Kind: ptr(r4.CapabilityStatementKind("instance")),
		FhirVersion: ptr(r4.FHIRVersion("4.0.1")), Format: []string{"application/fhir+json", "json"},
		Software:       &r4.CapabilityStatementSoftware{Name: ptr("Consilium"), Version: optional(s.Version)},
		Implementation: &r4.CapabilityStatementImplementation{Description: ptr("Record interface of a Consilium node"), Url: ptr(s.base(r))},
	}
	rest := r4.CapabilityStatementRest{
		Mode:        ptr(r4.RestfulCapabilityMode("server")),
		Interaction: []r4.CapabilityStatementRestInteraction{{Code: ptr(r4.SystemRestfulInteraction("transaction"))}, {Code: ptr(r4.SystemRestfulInteraction("batch"))}},
		Security:    &r4.CapabilityStatementRestSecurity{Description: ptr("Every request is made by an account of the node, for a purpose that the patient's consent covers.")},
	}
	kinds := r4.AllResourceTypes()
	slices.Sort(kinds)
	for _, kind := range kinds {
		if s.offers(kind) {
			rest.Resource = append(rest.Resource, capability(kind))
		}
	}
	v.Rest = []r4.CapabilityStatementRest{rest}
	return reply{body: v}, nil
}

// liveParams are what can be asked of resources that are made on demand.
var liveParams = map[string][]param{
	"AuditEvent": {moment("date"), token("subtype"), token("altid"), token("agent-name")},
	"Consent":    {refer("patient", "Patient")},
}

func capability(kind string) r4.CapabilityStatementRestResource {
	codes := []r4.TypeRestfulInteraction{"read", "search-type"}
	list, live := liveParams[kind]
	if !live {
		list = append([]param{token("_id"), moment("_lastUpdated")}, paramsOf(kind)...)
		codes = append(codes, "create", "update")
	} else if writable(kind) {
		codes = append(codes, "create")
	}
	c := r4.CapabilityStatementRestResource{
		Type: ptr(kind), Versioning: ptr(r4.ResourceVersionPolicy("versioned-update")), ReadHistory: ptr(false),
		UpdateCreate: ptr(!live), ConditionalCreate: ptr(!live), ConditionalUpdate: ptr(!live),
	}
	if live {
		c.Versioning = ptr(r4.ResourceVersionPolicy("versioned"))
	}
	for _, code := range codes {
		c.Interaction = append(c.Interaction, r4.CapabilityStatementRestResourceInteraction{Code: ptr(code)})
	}
	for _, p := range list {
		c.SearchParam = append(c.SearchParam, r4.CapabilityStatementRestResourceSearchParam{Name: ptr(p.name), Type: ptr(r4.SearchParamType(p.kind))})
	}
	return c
}
