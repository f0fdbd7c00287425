package fhir

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"consilium/fault"
	"consilium/store"
)

// Bounds of a search.
const (
	defaultCount  = 50
	maxCount      = 500
	maxOffset     = 100_000
	maxConditions = 30
	maxTests      = 100 // alternatives of one parameter
)

// question is a search as it was asked.
type question struct {
	store.FHIRQuery
	values    url.Values // the parameters that select
	countOnly bool
}

func unknown(what string) error {
	return fault.New(fault.InputUnsupported, what, "see /metadata for what can be asked; a condition that is not understood is never left out")
}

// ask reads the parameters of a search. A parameter that is not known is
// refused: leaving a condition out would show more than was asked for.
func ask(kind string, values url.Values) (question, error) {
	q := question{FHIRQuery: store.FHIRQuery{Kind: kind, Limit: defaultCount, Latest: true}, values: url.Values{}}
	for name, list := range values {
		for _, value := range list {
			if value == "" {
				continue
			}
			control, err := q.control(name, value)
			if err != nil {
				return q, err
			}
			if control {
				continue
			}
			c, err := condition(kind, name, value)
			if err != nil {
				return q, err
			}
			q.values.Add(name, value)
			q.Conditions = append(q.Conditions, c)
		}
	}
	if len(q.Conditions) > maxConditions {
		return q, fault.New(fault.InputTooLarge, fmt.Sprintf("a search with more than %d conditions", maxConditions), "ask for less")
	}
	if q.countOnly {
		q.Limit = 0
	}
	return q, nil
}

// control reads the parameters that say how to answer.
func (q *question) control(name, value string) (bool, error) {
	bad := func() error { return malformed(fmt.Sprintf("%s=%s is not understood", name, value)) }
	switch name {
	case "_count", "_offset":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxOffset {
			return true, bad()
		}
		if name == "_offset" {
			q.Offset = n
		} else if q.Limit = min(n, maxCount); n == 0 {
			q.countOnly = true
		}
	case "_sort":
		if value != "-_lastUpdated" && value != "_id" {
			return true, unknown("results are sorted by -_lastUpdated or _id, not by " + value)
		}
		q.Latest = value == "-_lastUpdated"
	case "_summary":
		if value != "count" && value != "false" {
			return true, unknown("_summary=" + value + " is not offered")
		}
		q.countOnly = q.countOnly || value == "count"
	case "_total": // the total is always exact
	case "_format":
		if !slices.Contains([]string{"json", "application/json", "application/fhir+json"}, value) {
			return true, unknown("the only format is JSON")
		}
	default:
		return false, nil
	}
	return true, nil
}

// condition reads one parameter: alternatives are separated by commas.
func condition(kind, name, value string) (store.FHIRCondition, error) {
	name, modifier, _ := strings.Cut(name, ":")
	p, ok := paramOf(kind, name)
	switch name {
	case "_id":
		p, ok = param{name: name, kind: uriParam}, true
	case "_lastUpdated":
		p, ok = param{name: name, kind: dateParam}, true
	}
	if !ok {
		return store.FHIRCondition{}, unknown(fmt.Sprintf("%s has no search parameter %q", kind, name))
	}
	if modifier != "" && (p.kind != stringParam || modifier != "exact") && (p.kind != referenceParam || modifier != p.target) {
		return store.FHIRCondition{}, unknown(fmt.Sprintf("the modifier %q of %s is not offered", modifier, name))
	}
	c := store.FHIRCondition{Param: name}
	for _, alternative := range alternatives(value) {
		test, err := p.test(alternative, modifier)
		if err != nil {
			return c, err
		}
		c.Tests = append(c.Tests, test)
	}
	if len(c.Tests) == 0 || len(c.Tests) > maxTests {
		return c, fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d alternatives, or none", name, maxTests), "ask for less")
	}
	return c, nil
}

// alternatives splits at commas that are not escaped.
func alternatives(value string) []string {
	return slices.DeleteFunc(splitEscaped(value, ','), func(s string) bool { return s == "" })
}

// splitEscaped splits at a separator, except behind a backslash (R4, section
// 3.1.1.4.5.1). The parts stay escaped.
func splitEscaped(value string, separator byte) []string {
	var out []string
	start := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case separator:
			out = append(out, value[start:i])
			start = i + 1
		}
	}
	return append(out, value[start:])
}

func unescape(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// literal makes text stand for itself as the value of a search parameter, in an address.
func literal(value string) string {
	return url.QueryEscape(strings.NewReplacer(`\`, `\\`, `|`, `\|`, `,`, `\,`, `$`, `\$`).Replace(value))
}

var comparisons = []string{"eq", "ne", "lt", "le", "gt", "ge", "sa", "eb"}

func (p param) test(value, modifier string) (store.FHIRTest, error) {
	switch p.kind {
	case tokenParam:
		parts := splitEscaped(value, '|')
		if len(parts) == 1 {
			return store.FHIRTest{Value: unescape(value)}, nil
		}
		system, code := unescape(parts[0]), unescape(strings.Join(parts[1:], "|"))
		return store.FHIRTest{System: &system, Value: code, AnyValue: code == ""}, nil
	case stringParam:
		return store.FHIRTest{Value: store.Fold(unescape(value)), Prefix: modifier != "exact"}, nil
	case referenceParam:
		if kind, id := split(value); kind != "" {
			value = kind + "/" + id
		} else if idPattern.MatchString(value) {
			value = p.target + "/" + value
		}
		return store.FHIRTest{Value: value}, nil
	case dateParam:
		comparison := "eq"
		if len(value) > 2 && slices.Contains(comparisons, value[:2]) {
			comparison, value = value[:2], value[2:]
		}
		low, high, ok := span(strings.ReplaceAll(value, " ", "+")) // a + that was not encoded
		if !ok {
			return store.FHIRTest{}, malformed(fmt.Sprintf("%s: %q is no date", p.name, value))
		}
		comparison = map[string]string{"sa": "gt", "eb": "lt"}[comparison] + comparison
		return store.FHIRTest{Date: comparison[:2], Low: low, High: high}, nil
	}
	return store.FHIRTest{Value: unescape(value)}, nil
}
