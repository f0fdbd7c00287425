package fhir

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"consilium/fault"
)

const (
	clientTimeout = time.Minute
	maxPages      = 1000
)

// Client speaks to a FHIR server. It follows no redirect, so that a token goes
// nowhere else.
type Client struct {
	Base  string       // "https://record.example.org/fhir"
	Token string       // of OAuth 2.0; "" = none
	HTTP  *http.Client // nil: one with a deadline
}

// Read gets one resource.
func (c *Client) Read(ctx context.Context, kind, id string) (Resource, error) {
	return c.resource(ctx, http.MethodGet, url.PathEscape(kind)+"/"+url.PathEscape(id), nil, nil)
}

// Search gets all that a search finds, page after page, up to limit resources.
func (c *Client) Search(ctx context.Context, kind string, query url.Values, limit int) ([]Resource, error) {
	var found []Resource
	address := url.PathEscape(kind) + "?" + query.Encode()
	for range maxPages {
		b, err := c.resource(ctx, http.MethodGet, address, nil, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range pick(b, "entry") {
			m, _ := e.(map[string]any)
			v, ok := m["resource"].(map[string]any)
			if mode := first(pick(m, "search", "mode")); !ok || mode == "include" || mode == "outcome" {
				continue
			}
			if found = append(found, v); len(found) == limit {
				return found, nil
			}
		}
		if address = next(b); address == "" {
			return found, nil
		}
		rest, ok := strings.CutPrefix(address, strings.TrimSuffix(c.Base, "/")+"/")
		if !ok {
			return nil, fault.New(fault.PeerRefused, "the server's next page is on another server", "check the base address that the server is set up with")
		}
		address = rest
	}
	return nil, fault.New(fault.InputTooLarge, "the search has too many pages", "narrow it")
}

func next(b Resource) string {
	for _, l := range pick(b, "link") {
		if first(pick(l, "relation")) == "next" {
			return first(pick(l, "url"))
		}
	}
	return ""
}

// Create sends a new resource; ifNoneExist is a search that must find nothing,
// or "". It gives the resource as the server keeps it.
func (c *Client) Create(ctx context.Context, v Resource, ifNoneExist string) (Resource, error) {
	raw, err := v.JSON()
	if err != nil {
		return nil, err
	}
	return c.resource(ctx, http.MethodPost, url.PathEscape(v.Kind()), raw, http.Header{"If-None-Exist": {ifNoneExist}})
}

// Update replaces a resource. version is what the change was made of; "" = any.
func (c *Client) Update(ctx context.Context, v Resource, version string) (Resource, error) {
	raw, err := v.JSON()
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	if version != "" {
		h.Set("If-Match", `W/"`+version+`"`)
	}
	return c.resource(ctx, http.MethodPut, url.PathEscape(v.Kind())+"/"+url.PathEscape(v.ID()), raw, h)
}

// Transaction sends a bundle and gives the response bundle. Every entry of a
// transaction succeeded when there is no error.
func (c *Client) Transaction(ctx context.Context, bundle []byte) (Resource, error) {
	b, err := c.resource(ctx, http.MethodPost, "", bundle, nil)
	if err != nil {
		return nil, err
	}
	for i, status := range pick(b, "entry", "response", "status") {
		if s := text(status); !strings.HasPrefix(s, "2") {
			return b, fault.New(fault.PeerRefused, fmt.Sprintf("the record refused entry %d of the bundle: %s", i, s), "look at the record's log")
		}
	}
	return b, nil
}

// resource sends a request and reads the resource that answers it.
func (c *Client) resource(ctx context.Context, method, path string, content []byte, h http.Header) (Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/"+path, bytes.NewReader(content))
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "the record's address is wrong", "write https://host/path")
	}
	for name, values := range h {
		if values[0] != "" {
			r.Header[name] = values
		}
	}
	r.Header.Set("Accept", "application/fhir+json")
	r.Header.Set("Prefer", "return=representation")
	if content != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	resp, err := c.client().Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxBundle+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if len(raw) > MaxBundle {
		return nil, tooLarge("the record's answer", len(raw), MaxBundle)
	}
	if resp.StatusCode/100 != 2 {
		return nil, refused(resp.StatusCode, raw)
	}
	if len(bytes.TrimSpace(raw)) == 0 { // return=minimal, whatever was preferred
		return Resource{}, nil
	}
	return decode(raw)
}

func (c *Client) client() *http.Client {
	base := c.HTTP
	if base == nil {
		base = &http.Client{Timeout: clientTimeout}
	}
	own := *base
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// unreachable codes an error of the connection. The address is left out: it may
// hold what identifies a patient.
func unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var n net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout() {
		return fault.Wrap(err, fault.PeerUnreachable, "the record did not answer in time", "look whether it runs and can be reached")
	}
	return fault.Wrap(err, fault.PeerUnreachable, "the record cannot be reached", "look whether it runs, and at address and certificate")
}

// refused reads why a server said no.
func refused(status int, raw []byte) error {
	why := http.StatusText(status)
	var o struct {
		Issue []struct {
			Diagnostics string
			Details     struct{ Text string }
		}
	}
	if json.Unmarshal(raw, &o) == nil && len(o.Issue) > 0 {
		why = orElse(o.Issue[0].Diagnostics, orElse(o.Issue[0].Details.Text, why))
	}
	const longest = 300
	if len(why) > longest {
		why = strings.ToValidUTF8(why[:longest], "") + "…"
	}
	what := fmt.Sprintf("the record answered %d: %s", status, why)
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return fault.New(fault.NotFound, what, "check type and id")
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		return fault.New(fault.Conflict, what, "read it again and repeat the change")
	case status == http.StatusTooManyRequests || status >= 500:
		return fault.New(fault.PeerUnreachable, what, "try again later")
	}
	return fault.New(fault.PeerRefused, what, "look at the record's log, and at the token")
}

// Import sends a bundle and counts by type what the server says it has of it.
func (c *Client) Import(ctx context.Context, bundle []byte) (written map[string]int, err error) {
	b, err := c.Transaction(ctx, bundle)
	if err != nil {
		return nil, err
	}
	written = map[string]int{}
	for _, location := range pick(b, "entry", "response", "location") {
		if kind, _ := split(text(location)); kind != "" {
			written[kind]++
		}
	}
	return written, nil
}
