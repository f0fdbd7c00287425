package server

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"consilium/access"
)

var update = flag.Bool("update", false, "write golden files")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); -update writes it:\n%s", path, diff)
	}
}

// bodies are what a route is sent where an empty object would not do.
var bodies = map[string]any{
	"POST /api/v1/login":                                  Credentials{Name: "nobody", Password: "x"},
	"POST /api/v1/setup":                                  Redemption{Token: "x", Name: "nobody", Password: goodPassword},
	"PUT /api/v1/password":                                NewPassword{Old: "wrong", Password: goodPassword},
	"POST /api/v1/users":                                  NewAccount{Name: "fresh", Role: access.Viewer},
	"POST /api/v1/tokens":                                 NewToken{Name: "x", Role: access.Researcher, Actions: []access.Action{access.StudyList}},
	"PUT /api/v1/settings":                                DefaultSettings(),
	"PATCH /api/v1/users/{id}":                            AccountChange{},
	"PUT /api/v1/studies/{uid}/findings/{finding}/review": Judgement{Decision: "accept"},
	"POST /api/v1/studies/{uid}/sign":                     Attestation{Attestation: true},
	"POST /api/v1/patients/{patient}/consents":            Decision{Purpose: "research", Decision: "permit"},
}

var names = strings.NewReplacer("{uid}", study, "{sop}", sop, "{finding}", "f1", "{digest}", picture, "{id}", "no-such-id", "{name}", "chest", "{patient}", "P1", "*", "x")

// TestRights asks every route as every role, and as nobody. The table shows who
// gets in: a new route shows up in it, and so does every change of rights.
func TestRights(t *testing.T) {
	s := newSite(t)
	s.staff()
	var routes []string
	err := chi.Walk(s.server.Handler().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		switch {
		case method == "CONNECT" || method == "TRACE" || method == "HEAD" || method == "OPTIONS":
		case strings.HasPrefix(route, "/metrics") && method != "GET":
		case strings.HasPrefix(route, "/dicomweb") || strings.HasPrefix(route, "/fhir"):
			if strings.HasSuffix(route, "/*") && (method == "GET" || method == "POST") {
				routes = append(routes, method+" "+route)
			}
		case route == "/api/v1/events": // never ends: TestEvents
		default:
			routes = append(routes, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Slice(routes, func(i, j int) bool {
		mi, pi, _ := strings.Cut(routes[i], " ")
		mj, pj, _ := strings.Cut(routes[j], " ")
		return pi+mi < pj+mj
	})
	roles := []access.Role{"", access.Viewer, access.Reader, access.Researcher, access.Admin}
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s%-52s%8s%8s%8s%12s%8s\n", "method", "address", "nobody", "viewer", "reader", "researcher", "admin")
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		if pattern == "/api/v1/logout" {
			continue // ends the session: TestSession
		}
		fmt.Fprintf(&b, "%-7s%-52s", method, pattern)
		for _, role := range roles {
			status, _ := s.people[role].code(method, names.Replace(pattern), bodies[route])
			width := 8
			if role == access.Researcher {
				width = 12
			}
			fmt.Fprintf(&b, "%*d", width, status)
		}
		b.WriteString("\n")
	}
	golden(t, "testdata/rights.txt", b.String())
}

// TestEveryRouteSaysWhatItNeeds: no route of the API is open by oversight.
func TestEveryRouteSaysWhatItNeeds(t *testing.T) {
	open := map[string]bool{"GET /api/v1/session": true, "POST /api/v1/login": true, "POST /api/v1/setup": true, "POST /api/v1/logout": true}
	s := newSite(t)
	for _, op := range s.server.routes {
		if op.needs == "" && !open[op.method+" "+op.path] {
			t.Errorf("%s %s needs nothing", op.method, op.path)
		}
		if op.needs != "" && !access.Allowed(access.Admin, op.needs) && !access.Allowed(access.Reader, op.needs) {
			t.Errorf("%s %s needs %s, which nobody may", op.method, op.path, op.needs)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	s := newSite(t)
	golden(t, "testdata/openapi.json", s.browser().want("GET", "/openapi.json", nil, http.StatusOK, nil)+"\n")
	page := s.browser().want("GET", "/api/docs", nil, http.StatusOK, nil)
	for _, op := range s.server.routes {
		if !strings.Contains(page, strings.ReplaceAll(op.path, "'", "&#39;")) {
			t.Errorf("/api/docs lacks %s", op.path)
		}
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") || strings.Contains(page, "<script") {
		t.Error("/api/docs refers to something outside")
	}
}
