package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"consilium/access"
	"consilium/fault"
	"consilium/node"
	"consilium/store"
)

// operation is one route of the API: where it is, and the action that its
// caller needs.
type operation struct {
	method  string
	path    string
	summary string
	tag     string
	needs   access.Action // "" = anybody, signed in or not
	status  int           // of success; 0 = 200, or 204 without a body
	binary  string        // media type of an answer that is no JSON
	form    bool          // takes files
}

// on makes an operation.
func on(method, path, tag, summary string, needs access.Action) operation {
	return operation{method: method, path: path, tag: tag, summary: summary, needs: needs}
}

// body is an answer in JSON.
type body[T any] struct{ Body T }

// none is an input or an answer without anything in it.
type none struct{}

// handle registers an operation with its typed handler. Rights are checked
// before a byte of the body is read; errors of every package become answers.
func handle[I, O any](s *Server, api huma.API, op operation, h func(ctx context.Context, in *I) (*O, error)) {
	s.routes = append(s.routes, op)
	h2 := func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, problemOf(err)
		}
		return out, nil
	}
	huma.Register(api, s.describe(op), h2)
	if op.form { // told afterwards: huma would read a body that it knows of, and files go straight to the disk
		files := &huma.Schema{Type: "array", Items: &huma.Schema{Type: "string", Format: "binary"}}
		schema := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"files": files}, Required: []string{"files"}}
		api.OpenAPI().Paths[op.path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: schema}}}
	}
}

// describe gives huma's form of an operation, with the check of rights.
func (s *Server) describe(op operation) huma.Operation {
	d := huma.Operation{
		Method: op.method, Path: op.path, OperationID: operationID(op.method, op.path), Summary: op.summary, Tags: []string{op.tag},
		DefaultStatus: op.status, MaxBodyBytes: maxJSON, BodyReadTimeout: -1 /* within has moving ones */, Errors: []int{http.StatusBadRequest, http.StatusTooManyRequests},
	}
	if op.needs != "" {
		d.Description = "Needs the action `" + string(op.needs) + "`."
		d.Security = []map[string][]string{{"session": {}}, {"token": {}}}
		d.Errors = append(d.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if op.binary != "" {
		d.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{op.binary: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	}
	d.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		if op.needs != "" {
			if err := s.Access.Check(ctx.Context(), op.needs); err != nil {
				s.refuse(w, r, err)
				return
			}
		}
		next(huma.WithValue(ctx, exchangeKey{}, exchange{w, r}))
	}}
	return d
}

// exchange is the HTTP request and answer behind a typed handler, for the few
// that set cookies or stream.
type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) exchange {
	e, _ := ctx.Value(exchangeKey{}).(exchange)
	return e
}

func operationID(method, path string) string {
	id := []byte(strings.ToLower(method))
	for _, c := range []byte(path[len("/api/v1"):]) {
		switch c {
		case '/', '.':
			id = append(id, '-')
		case '{', '}':
		default:
			id = append(id, c)
		}
	}
	return string(id)
}

// actor is who asks, for the node and its audit log.
func actor(ctx context.Context) node.Actor {
	id := access.From(ctx)
	return node.Actor{Name: id.Name, FullName: id.FullName, Role: string(id.Role)}
}

// reader is what who asks reads patient data for.
func reader(ctx context.Context) store.Reader {
	return store.Reader{Purpose: access.From(ctx).Purpose()}
}

// uid checks an identifier of DICOM (PS3.5 9.1) before it goes anywhere.
func uid(s string) error {
	ok := len(s) > 0 && len(s) <= 64
	for _, c := range s {
		ok = ok && (c == '.' || c >= '0' && c <= '9')
	}
	if !ok {
		return fault.New(fault.NotFound, "that is no identifier of a study or object", "take it from the worklist")
	}
	return nil
}
