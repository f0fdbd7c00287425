package fhir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofhir/models/r4"

	"consilium/fault"
)

// Limits of what is taken in.
const (
	MaxResource = 4 << 20  // bytes of one resource
	MaxBundle   = 64 << 20 // bytes of a bundle
	MaxEntries  = 10_000   // of a bundle
	maxDepth    = 48       // objects and arrays inside each other
)

// Resource is one FHIR resource. Numbers keep the digits they came with.
type Resource map[string]any

// idPattern is the datatype id of R4.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

// Parse reads a resource and checks it as far as its structure goes: the type
// is one of R4, and every element that R4 knows has R4's datatype. Elements
// that R4 does not know are kept.
func Parse(raw []byte) (Resource, error) {
	if len(raw) > MaxResource {
		return nil, tooLarge("a resource", len(raw), MaxResource)
	}
	r, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return r, r.check(raw)
}

func tooLarge(what string, have, limit int) error {
	return fault.New(fault.InputTooLarge, fmt.Sprintf("%s of %d bytes is beyond the limit of %d", what, have, limit), "send less at once")
}

func malformed(what string) error {
	return fault.New(fault.InputMalformed, what, "correct the resource; the standard is http://hl7.org/fhir/R4")
}

// decode reads JSON without losing a digit.
func decode(raw []byte) (Resource, error) {
	if !utf8.Valid(raw) {
		return nil, malformed("the JSON is not in UTF-8")
	}
	if err := shallow(raw); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var r Resource
	if err := dec.Decode(&r); err != nil || r == nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "this is no JSON object", "send a FHIR resource as JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, malformed("something follows the JSON object")
	}
	return r, nil
}

// shallow refuses JSON that is nested deeper than any resource, before it is
// built up in memory.
func shallow(raw []byte) error {
	depth, quoted, escaped := 0, false, false
	for _, b := range raw {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return fault.New(fault.InputTooLarge, fmt.Sprintf("the JSON is nested deeper than %d", maxDepth), "send a resource that people can read")
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

// check holds a resource against the structure of R4.
func (r Resource) check(raw []byte) error {
	kind := r.Kind()
	if kind == "" || !r4.IsKnownResourceType(kind) {
		return malformed(fmt.Sprintf("%q is no resource type of R4", kind))
	}
	if id, given := r["id"]; given {
		if text, ok := id.(string); !ok || !idPattern.MatchString(text) {
			return malformed(fmt.Sprintf("%v is no id: letters, digits, - and . up to 64", id))
		}
	}
	if _, err := r4.UnmarshalResource(raw); err != nil {
		return fault.Wrap(err, fault.InputMalformed, "the "+kind+" does not have the structure of R4", "correct the element that is named")
	}
	return nil
}

// Kind is the resource type; "" when there is none.
func (r Resource) Kind() string { return text(r["resourceType"]) }

// ID is the logical id; "" when there is none.
func (r Resource) ID() string { return text(r["id"]) }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// JSON writes the resource in one canonical form: type, id and meta first, all
// other names in order, no white space.
func (r Resource) JSON() ([]byte, error) {
	first := []string{"resourceType", "id", "meta"}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(r)), func(n string) bool { return slices.Contains(first, n) })
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range slices.Concat(first, names) {
		value, ok := r[name]
		if !ok {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := plainJSON(name)
		if err != nil {
			return nil, err
		}
		content, err := plainJSON(value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(content)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON is JSON that leaves < and > alone, as narratives need it.
func plainJSON(v any) ([]byte, error) {
	out, err := r4.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the resource cannot be written", "please report it")
	}
	return out, nil
}

// stamp sets what a server adds.
func (r Resource) stamp(id string, version int64, at time.Time) {
	meta, ok := r["meta"].(map[string]any)
	if !ok {
		meta = map[string]any{}
	}
	meta["versionId"], meta["lastUpdated"] = fmt.Sprint(version), instant(at)
	r["id"], r["meta"] = id, meta
}

// instant writes a time as R4 does.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// pick collects the values at a path of element names; arrays are opened.
func pick(v any, path ...string) []any {
	if list, ok := v.([]any); ok {
		var out []any
		for _, item := range list {
			out = append(out, pick(item, path...)...)
		}
		return out
	}
	if len(path) == 0 {
		if v == nil {
			return nil
		}
		return []any{v}
	}
	switch m := v.(type) {
	case Resource:
		return pick(m[path[0]], path[1:]...)
	case map[string]any:
		return pick(m[path[0]], path[1:]...)
	}
	return nil
}

// references calls f for each reference in a resource and puts what it gives
// in its place. Contained resources are part of it.
func references(v any, f func(ref string) (string, error)) error {
	switch v := v.(type) {
	case Resource:
		return references(map[string]any(v), f)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			ref, ok := v[name].(string)
			if name != "reference" || !ok {
				if err := references(v[name], f); err != nil {
					return err
				}
				continue
			}
			changed, err := f(ref)
			if err != nil {
				return err
			}
			v[name] = changed
		}
	case []any:
		for _, item := range v {
			if err := references(item, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// split takes "Patient/1" apart, also when it is the end of a URL or has a version.
func split(ref string) (kind, id string) {
	ref, _, _ = strings.Cut(ref, "/_history/")
	parts := strings.Split(ref, "/")
	if len(parts) < 2 || !r4.IsKnownResourceType(parts[len(parts)-2]) || !idPattern.MatchString(parts[len(parts)-1]) {
		return "", ""
	}
	return parts[len(parts)-2], parts[len(parts)-1]
}
