package server

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// apiConfig describes the API as a whole. huma's own documentation page loads
// scripts from elsewhere; ours is below.
func apiConfig(version string) huma.Config {
	c := huma.DefaultConfig("Consilium", version)
	c.Info.Description = "The clinic node's API. Browsers sign in and send the session's CSRF token with everything that is no GET; programs send an API token."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema links in answers
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: "consilium_session"},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	return c
}

// openAPI gives the description of the API (OpenAPI 3.1).
func (s *Server) openAPI(api huma.API) http.HandlerFunc {
	text := sync.OnceValues(func() ([]byte, error) { return json.MarshalIndent(api.OpenAPI(), "", "  ") })
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := text()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(b)
	}
}

// entry is one operation as the documentation page lists it.
type entry struct {
	Method, Path, Summary, Needs string
	Answers                      string
}

// docs lists the API for people, from the same description.
func (s *Server) docs(api huma.API) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		groups := map[string][]entry{}
		for path, item := range api.OpenAPI().Paths {
			for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
				if op != nil {
					groups[op.Tags[0]] = append(groups[op.Tags[0]], entry{Method: method, Path: path, Summary: op.Summary, Needs: op.Description, Answers: answers(op)})
				}
			}
		}
		for _, g := range groups {
			slices.SortFunc(g, func(a, b entry) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = docsPage.Execute(w, map[string]any{"Groups": groups, "Version": s.Version, "About": api.OpenAPI().Info.Description})
	}
}

func answers(op *huma.Operation) string {
	var out []string
	for status := range op.Responses {
		out = append(out, status)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Consilium API</title><link rel="stylesheet" href="/api/docs.css"></head><body><main>
<h1>Consilium API {{.Version}}</h1>
<p>{{.About}}</p>
<p>The whole description with every type: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Errors are <code>{"error":{"code","what","do"}}</code>.</p>
{{range $tag, $list := .Groups}}<h2>{{$tag}}</h2><table><thead><tr><th>Method</th><th>Address</th><th>What</th><th>Answers</th></tr></thead><tbody>
{{range $list}}<tr><td><code>{{.Method}}</code></td><td><code>{{.Path}}</code></td><td>{{.Summary}}. {{.Needs}}</td><td>{{.Answers}}</td></tr>
{{end}}</tbody></table>{{end}}
</main></body></html>
`))

func docsStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(`:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}` +
		`table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #8884;padding:.35rem .6rem;text-align:left;vertical-align:top}code{font:14px ui-monospace,monospace}`))
}
