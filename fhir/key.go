package fhir

import (
	"encoding/json"
	"strings"
	"time"

	"consilium/store"
)

// maxKeys bounds what one resource can be found by.
const maxKeys = 500

// keys are the values that searches find a resource by.
func (r Resource) keys() []store.FHIRKey {
	var keys []store.FHIRKey
	for _, p := range paramsOf(r.Kind()) {
		seen := map[store.FHIRKey]bool{}
		for _, path := range p.paths {
			for _, v := range pick(r, strings.Split(path, ".")...) {
				for _, k := range p.keys(v) {
					k.Param = p.name
					if !seen[k] && len(keys) < maxKeys {
						seen[k] = true
						keys = append(keys, k)
					}
				}
			}
		}
	}
	return keys
}

func (p param) keys(v any) []store.FHIRKey {
	switch p.kind {
	case tokenParam:
		return tokens(v)
	case stringParam:
		return folded(v)
	case dateParam:
		if low, high, ok := span(v); ok {
			return []store.FHIRKey{{Low: low, High: high}}
		}
	case referenceParam:
		m, _ := v.(map[string]any)
		ref := text(m["reference"])
		if kind, id := split(ref); kind != "" {
			ref = kind + "/" + id
		}
		if ref != "" {
			return []store.FHIRKey{{Value: ref}}
		}
	case uriParam:
		if s := text(v); s != "" {
			return []store.FHIRKey{{Value: s}}
		}
	}
	return nil
}

// tokens of a code, Coding, CodeableConcept, Identifier, ContactPoint or boolean.
func tokens(v any) []store.FHIRKey {
	switch v := v.(type) {
	case string:
		return []store.FHIRKey{{Value: v}}
	case bool:
		return []store.FHIRKey{{Value: map[bool]string{true: "true", false: "false"}[v]}}
	case json.Number:
		return []store.FHIRKey{{Value: v.String()}}
	case map[string]any:
		var out []store.FHIRKey
		for _, c := range pick(v, "coding") {
			out = append(out, tokens(c)...)
		}
		for _, name := range []string{"code", "value"} {
			if s := text(v[name]); s != "" {
				out = append(out, store.FHIRKey{System: text(v["system"]), Value: s})
			}
		}
		return out
	}
	return nil
}

// folded words of a string, HumanName or Address.
func folded(v any) []store.FHIRKey {
	switch v := v.(type) {
	case string:
		return []store.FHIRKey{{Value: store.Fold(v)}}
	case map[string]any:
		var out []store.FHIRKey
		for _, name := range []string{"text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country"} {
			for _, part := range pick(v, name) {
				out = append(out, folded(text(part))...)
			}
		}
		return out
	}
	return nil
}

// The ends of a period that is open.
var (
	longAgo   = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	farFuture = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// span is the time [low, high) that a date, dateTime, instant or Period covers.
func span(v any) (low, high time.Time, ok bool) {
	if m, is := v.(map[string]any); is {
		low, high = longAgo, farFuture
		start, _, hasStart := span(m["start"])
		_, end, hasEnd := span(m["end"])
		if hasStart {
			low = start
		}
		if hasEnd {
			high = end
		}
		return low, high, hasStart || hasEnd
	}
	s := text(v)
	for _, form := range []struct {
		layout string
		next   func(time.Time) time.Time
	}{
		{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
		{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{"2006-01-02T15:04Z07:00", func(t time.Time) time.Time { return t.Add(time.Minute) }},
		{"2006-01-02T15:04:05Z07:00", func(t time.Time) time.Time {
			if t.Nanosecond() > 0 { // the layout takes fractions, too
				return t.Add(time.Millisecond)
			}
			return t.Add(time.Second)
		}},
	} {
		if t, err := time.Parse(form.layout, s); err == nil {
			return t.UTC(), form.next(t).UTC(), t.Year() >= 1
		}
	}
	return low, high, false
}
