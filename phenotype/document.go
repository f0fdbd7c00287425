package phenotype

import (
	"encoding/json"
	"fmt"

	"consilium/fault"
)

// readDocument reads one JSON object, whatever it is.
func readDocument(raw []byte, name string, visit Visit) error {
	values, err := shallow(raw)
	if err != nil {
		return err
	}
	if values > maxValues {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d values", name, maxValues), "split it, for instance into one phenopacket a line")
	}
	raw = camelCase(raw)
	var keys struct {
		ResourceType       string
		Proband            json.RawMessage
		Members            json.RawMessage
		PhenotypicFeatures json.RawMessage
		Interpretations    json.RawMessage
		Diseases           json.RawMessage
		Subject            json.RawMessage
		MetaData           json.RawMessage
	}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return mistyped(err, name)
	}
	switch {
	case keys.ResourceType != "":
		return readFHIR(raw, name, visit)
	case keys.Proband != nil:
		return readFamily(raw, name, visit)
	case keys.Members != nil:
		return readCohort(raw, name, visit)
	case keys.PhenotypicFeatures != nil, keys.Interpretations != nil, keys.Diseases != nil,
		keys.Subject != nil && keys.MetaData != nil:
		return readPhenopacket(raw, name, visit)
	}
	return fault.New(fault.InputUnknown, name+" is neither a phenopacket nor a FHIR resource", formats)
}

// mistyped names the element that has the wrong type.
func mistyped(err error, name string) error {
	if wrong, ok := err.(*json.UnmarshalTypeError); ok {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%s: element %q cannot be a %s", name, wrong.Field, wrong.Value), "correct the element; the standard is phenopacket-schema v2 or FHIR R4")
	}
	return broken(err, name)
}

// shallow refuses JSON that is nested deeper than any profile, and counts its
// values, before it is built up in memory: "[{},{},..." takes fifty times the
// room of its text.
func shallow(raw []byte) (values int, err error) {
	depth, quoted, escaped := 0, false, false
	for _, b := range raw {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == ',':
			values++
		case b == '{' || b == '[':
			values++
			if depth++; depth > maxDepth {
				return values, fault.New(fault.InputTooLarge, fmt.Sprintf("the JSON is nested deeper than %d", maxDepth), "give a profile that people can read")
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return values, nil
}

// camelCase writes the names of members as protobuf's JSON does by default:
// phenotypic_features and phenotypicFeatures are the same (ProtoJSON).
func camelCase(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			out = append(out, raw[i])
			continue
		}
		end := i + 1
		for end < len(raw) && raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(raw)-1)
		if text := raw[i : end+1]; isName(raw[end+1:]) {
			out = appendCamel(out, text)
		} else {
			out = append(out, text...)
		}
		i = end
	}
	return out
}

// isName tells whether a string was the name of a member: a colon follows.
func isName(rest []byte) bool {
	for _, b := range rest {
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return b == ':'
		}
	}
	return false
}

func appendCamel(out, name []byte) []byte {
	upper := false
	for k, b := range name {
		if b == '_' && k > 1 { // a leading underscore is FHIR's
			upper = true
			continue
		}
		if upper && 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		upper = false
		out = append(out, b)
	}
	return out
}
