package server

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"consilium/access"
	"consilium/internal/golden"
)

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

var names = strings.NewReplacer("{uid}", study, "{sop}", sop, "{finding}", "f1", "{digest}", picture, "{id}", "no-such-id", "{name}", "chest", "{patient}", "P1", "{job}", "no-such-job", "*", "x")

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
	golden.Check(t, "testdata/rights.txt", b.String())
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
	golden.Check(t, "testdata/openapi.json", s.browser().want("GET", "/openapi.json", nil, http.StatusOK, nil)+"\n")
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

// TestAPIPage keeps docs/api.md to what is registered.
func TestAPIPage(t *testing.T) {
	s := newSite(t)
	var b strings.Builder
	b.WriteString(apiIntroduction)
	tags := map[string][]operation{}
	for _, op := range s.server.routes {
		tags[op.tag] = append(tags[op.tag], op)
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&b, "\n## %s\n\n| method | address | what | needs |\n|---|---|---|---|\n", tag)
		for _, op := range tags[tag] {
			needs := "–"
			if op.needs != "" {
				needs = "`" + string(op.needs) + "`"
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", op.method, op.path, op.summary, needs)
		}
	}
	golden.Check(t, "../docs/api.md", b.String())
}

const apiIntroduction = "# The node's API\n\nMade by `go test ./server -run APIPage -update`. Every type is in the OpenAPI 3.1 description that a running node\n" +
	"gives at `/openapi.json`; `/api/docs` shows it. Who may do which action is in [security.md](security.md).\n\n" +
	"A program sends an API token, made under Settings:\n\n" +
	"```\ncurl -H \"Authorization: Bearer $TOKEN\" https://node.example/api/v1/studies?state=ready\n" +
	"curl -H \"Authorization: Bearer $TOKEN\" -F files=@film.png https://node.example/api/v1/studies\n```\n\n" +
	"A browser signs in at `/api/v1/login` and sends the `csrf` of `/api/v1/session` as `X-CSRF-Token` with everything that is\n" +
	"no GET. Errors are `{\"error\":{\"code\",\"what\",\"do\",\"request\"}}` with the codes of [errors.md](errors.md): 400 and 422 for what was sent,\n" +
	"401 without a sign-in, 403 for what the role or the patient's consent does not allow, 404, 409 where the state forbids it,\n" +
	"413, 429, 500 for a defect, 502 to 504 for peers, queue and deadlines, 507 for a full disk.\n\n" +
	"`GET /api/v1/events` (`study.list`) streams changed studies as server-sent events: `event: study`, data a row of the worklist.\n\n" +
	"Besides: `/dicomweb` (QIDO, WADO, STOW, UPS), `/fhir` (R4), `/metrics` (Prometheus, `metrics.read`), `/healthz`, `/readyz`,\n" +
	"`/auth/oidc/start`.\n"
