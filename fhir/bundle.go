package fhir

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"consilium/fault"
	"consilium/store"
)

// step is one entry of a transaction or batch.
type step struct {
	fullURL     string
	method      string
	kind, id    string     // where it goes; id is "" until it is known
	where       url.Values // of a conditional update
	ifNoneExist string
	ifMatch     string
	resource    Resource
	existing    *entry // what a conditional create found: nothing is written
	out         saved
}

// takeBundle carries out a transaction (all or nothing) or a batch (each by itself).
func (s *service) takeBundle(r *http.Request) (reply, error) {
	raw, err := body(r, MaxBundle)
	if err != nil {
		return reply{}, err
	}
	allow := func(kind string) error { return s.allowed(r, RightWrite, kind) }
	out, done, err := s.carryOut(r.Context(), raw, s.writer(r), allow)
	if err != nil {
		return reply{}, err
	}
	counts := map[string]string{}
	patient := ""
	for _, st := range done {
		if st.out.status != 0 && counts[st.kind] == "" {
			counts[st.kind] = "written"
		}
		if st.out.patient != "" {
			patient = st.out.patient
		}
	}
	if err := s.observe(r, "record.imported", "Bundle", "", patient, counts); err != nil {
		return reply{}, err
	}
	return reply{body: out}, nil
}

// carryOut takes a bundle in.
func (s *service) carryOut(ctx context.Context, raw []byte, w *writer, allow func(kind string) error) (json.RawMessage, []*step, error) {
	kind, steps, err := parseBundle(raw)
	if err != nil {
		return nil, nil, err
	}
	failed := map[*step]error{}
	if kind == "transaction" {
		for _, st := range steps {
			if err := allow(st.kind); err != nil {
				return nil, nil, err
			}
		}
		err = s.Store.Tx(ctx, func(t *store.Tx) error { return w.all(ctx, t, steps) })
		if err != nil {
			return nil, nil, err
		}
	} else {
		for _, st := range steps {
			if failed[st] = allow(st.kind); failed[st] == nil {
				failed[st] = s.Store.Tx(ctx, func(t *store.Tx) error { return w.all(ctx, t, []*step{st}) })
			}
		}
	}
	entries := make([]map[string]any, len(steps))
	for i, st := range steps {
		entries[i] = map[string]any{"response": st.response(failed[st])}
	}
	out, err := plainJSON(map[string]any{"resourceType": "Bundle", "type": kind + "-response", "entry": entries})
	return out, steps, err
}

func (st *step) response(err error) map[string]any {
	if err != nil {
		status, outcome := OperationOutcome(err)
		return map[string]any{"status": fmt.Sprint(status), "outcome": outcome}
	}
	return map[string]any{"status": fmt.Sprint(st.out.status), "location": fmt.Sprintf("%s/%s/_history/%d", st.kind, st.out.id, st.out.version),
		"etag": fmt.Sprintf(`W/"%d"`, st.out.version), "lastModified": instant(st.out.updated)}
}

// parseBundle reads a bundle and checks each entry by itself.
func parseBundle(raw []byte) (kind string, steps []*step, err error) {
	if len(raw) > MaxBundle {
		return "", nil, tooLarge("a bundle", len(raw), MaxBundle)
	}
	if err := shallow(raw); err != nil {
		return "", nil, err
	}
	var b struct {
		ResourceType string
		Type         string
		Entry        []struct {
			FullURL  string `json:"fullUrl"`
			Resource json.RawMessage
			Request  struct{ Method, URL, IfNoneExist, IfMatch string }
		}
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return "", nil, fault.Wrap(err, fault.InputMalformed, "this is no bundle", "send a FHIR Bundle as JSON")
	}
	if b.ResourceType != "Bundle" || b.Type != "transaction" && b.Type != "batch" {
		return "", nil, malformed(fmt.Sprintf("a %s of type %q cannot be carried out; a Bundle of type transaction or batch can", b.ResourceType, b.Type))
	}
	if len(b.Entry) > MaxEntries {
		return "", nil, fault.New(fault.InputTooLarge, fmt.Sprintf("a bundle of %d entries is beyond the limit of %d", len(b.Entry), MaxEntries), "send several bundles")
	}
	for i, e := range b.Entry {
		st := &step{fullURL: e.FullURL, method: e.Request.Method, ifNoneExist: e.Request.IfNoneExist, ifMatch: e.Request.IfMatch}
		err := st.target(e.Request.URL)
		if err == nil {
			st.resource, err = Parse(bytes.TrimSpace(e.Resource))
		}
		if err == nil && st.resource.Kind() != st.kind {
			err = malformed(fmt.Sprintf("a %s goes to %s", st.resource.Kind(), st.kind))
		}
		if err == nil && st.method == "PUT" && st.where == nil && st.resource.ID() != st.id {
			err = malformed("the id of the resource is not that of its address")
		}
		if err != nil {
			e := fault.Of(err)
			return "", nil, fault.Wrap(e.Err, e.Code, fmt.Sprintf("entry %d: %s", i, e.What), e.Do)
		}
		steps = append(steps, st)
	}
	return b.Type, steps, nil
}

// target reads where an entry goes.
func (st *step) target(address string) error {
	path, query, conditional := strings.Cut(address, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	st.kind = parts[0]
	switch {
	case st.method == "POST" && len(parts) == 1 && !conditional:
		return nil
	case st.method == "PUT" && len(parts) == 2 && !conditional:
		st.id = parts[1]
		return nil
	case st.method == "PUT" && len(parts) == 1 && conditional:
		var err error
		if st.where, err = url.ParseQuery(query); err != nil {
			return malformed("the condition of an entry is no search")
		}
		return nil
	}
	return fault.New(fault.InputUnsupported, fmt.Sprintf("%s %s is not carried out in a bundle", st.method, address), "POST Type, PUT Type/id and PUT Type?condition are")
}

// all writes the steps in one transaction: first every resource gets its id,
// then references to other entries are put right, then all is kept.
func (w *writer) all(ctx context.Context, t *store.Tx, steps []*step) error {
	ids := map[string]string{} // fullUrl -> Type/id
	taken := map[string]bool{}
	for _, st := range steps {
		if err := w.settle(ctx, t, st); err != nil {
			return err
		}
		address := st.kind + "/" + st.id
		if taken[address] && st.existing == nil {
			return malformed("two entries of the bundle write " + address)
		}
		taken[address] = true
		if st.fullURL != "" {
			if _, twice := ids[st.fullURL]; twice {
				return malformed("two entries have the fullUrl " + st.fullURL)
			}
			ids[st.fullURL] = address
		}
	}
	for _, st := range steps {
		if st.existing != nil {
			continue
		}
		if err := w.resolve(ctx, t, st.resource, ids); err != nil {
			return err
		}
	}
	ordered := slices.Clone(steps) // Patients first: the others ask them under what consent is kept
	slices.SortStableFunc(ordered, func(a, b *step) int { return rank(a.kind) - rank(b.kind) })
	for _, st := range ordered {
		if err := w.keepStep(ctx, t, st); err != nil {
			return err
		}
	}
	return nil
}

func rank(kind string) int {
	switch kind {
	case "Patient":
		return 0
	case "Provenance":
		return 2 // asks its target
	}
	return 1
}

// settle gives a step the id under which its resource will be kept. A new
// resource keeps the id that it has where that is free.
func (w *writer) settle(ctx context.Context, t *store.Tx, st *step) error {
	st.existing = nil // a transaction may run twice
	condition := st.where
	if st.ifNoneExist != "" {
		var err error
		if condition, err = url.ParseQuery(strings.TrimPrefix(st.ifNoneExist, "?")); err != nil {
			return malformed("ifNoneExist is no search")
		}
	}
	if condition != nil {
		there, err := w.one(ctx, t, st.kind, condition)
		if err != nil {
			return err
		}
		if there != nil {
			st.id = there.id
			st.resource["id"] = st.id
			if st.method == "POST" {
				st.existing = there
			}
			return nil
		}
	}
	if st.id != "" {
		return nil
	}
	own := st.resource.ID()
	if own != "" && strings.HasSuffix(st.fullURL, own) {
		_, there, err := t.FindFHIR(ctx, store.FHIRQuery{Kind: st.kind, Conditions: []store.FHIRCondition{{Param: "_id", Tests: []store.FHIRTest{{Value: own}}}}})
		if err != nil {
			return err
		}
		if there == 0 {
			st.id = own
			return nil
		}
	}
	st.id = uuid.NewString()
	st.resource["id"] = st.id
	return nil
}

// resolve puts references to other entries right, and looks up those that are searches.
func (w *writer) resolve(ctx context.Context, t *store.Tx, v Resource, ids map[string]string) error {
	return references(v, func(ref string) (string, error) {
		if address, ok := ids[ref]; ok {
			return address, nil
		}
		if strings.HasPrefix(ref, "urn:uuid:") {
			return "", malformed("the reference " + ref + " leads nowhere in the bundle")
		}
		kind, query, conditional := strings.Cut(ref, "?")
		if !conditional || strings.Contains(ref, "://") {
			return ref, nil
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			return "", malformed("the reference " + ref + " is no search")
		}
		there, err := w.one(ctx, t, kind, values)
		if err != nil {
			return "", err
		}
		if there == nil {
			return "", fault.New(fault.NotFound, "nothing meets the reference "+ref, "send what it refers to first")
		}
		return there.kind + "/" + there.id, nil
	})
}

func (w *writer) keepStep(ctx context.Context, t *store.Tx, st *step) error {
	if st.existing != nil {
		st.out = saved{entry: *st.existing, status: http.StatusOK}
		return nil
	}
	var err error
	if st.kind == "Consent" && st.method == "POST" && w.Consents != nil {
		st.out, err = w.recordConsent(ctx, t, st.resource)
		return err
	}
	expected := int64(store.AnyVersion)
	if st.ifMatch != "" {
		if expected, err = ifMatch(st.ifMatch); err != nil {
			return err
		}
	}
	st.out, err = w.put(ctx, t, st.resource, expected)
	return err
}

// Import carries out a transaction or batch on the node's own record, without
// a request: `consilium fhir import`, and results that the node keeps for
// itself. It gives the response bundle and the number of resources written by type.
func Import(ctx context.Context, c Config, actor string, raw []byte) (response []byte, written map[string]int, err error) {
	s := newService(c)
	w := &writer{s, actor, s.Now().UTC()}
	response, steps, err := s.carryOut(ctx, raw, w, func(kind string) error {
		if !s.offers(kind) || !writable(kind) {
			return fault.New(fault.InputUnsupported, kind+" cannot be imported", "take it out of the bundle")
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	written = map[string]int{}
	for _, st := range steps {
		if st.existing == nil && st.out.status != 0 {
			written[st.kind]++
		}
	}
	return response, written, nil
}
