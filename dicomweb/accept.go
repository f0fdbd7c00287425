package dicomweb

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"consilium/fault"
)

// mediaRange is one entry of an Accept header or parameter (PS3.18 section 8.7.5).
type mediaRange struct {
	media   string // "application/dicom", "*/*"; of the parts when multipart
	multi   bool   // multipart/related
	syntax  string // transfer-syntax parameter; "" = not given
	quality float64
}

// accepted reads what the caller takes, best first. The query parameter
// "accept" goes before the header. Nothing said is "*/*".
func accepted(r *http.Request) ([]mediaRange, error) {
	text := strings.Join(append(r.URL.Query()["accept"], r.Header.Values("Accept")...), ",")
	if len(text) > 4096 {
		return nil, fault.New(fault.InputTooLarge, "the Accept header is too long", "name the few types that you take")
	}
	var list []mediaRange
	for _, entry := range splitList(text) {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		m, err := parseRange(entry)
		if err != nil {
			return nil, err
		}
		at := len(list)
		for at > 0 && list[at-1].quality < m.quality {
			at--
		}
		list = append(list[:at], append([]mediaRange{m}, list[at:]...)...)
	}
	if len(list) == 0 {
		list = []mediaRange{{media: "*/*", quality: 1}}
	}
	return list, nil
}

func parseRange(entry string) (mediaRange, error) {
	m := mediaRange{quality: 1}
	kind, params, err := mime.ParseMediaType(entry)
	if err != nil {
		// transfer-syntax=* is written without quotes by many, which mime allows, but
		// type=application/dicom is not: a slash needs quotes there.
		kind, params, err = mime.ParseMediaType(quoteType(entry))
	}
	if err != nil {
		return m, fault.New(fault.InputMalformed, fmt.Sprintf("the media type %.80q cannot be read", entry), "see RFC 9110 section 12.5.1")
	}
	m.media, m.syntax = kind, params["transfer-syntax"]
	if kind == "multipart/related" {
		m.multi = true
		if m.media = strings.ToLower(params["type"]); m.media == "" {
			m.media = "*/*"
		}
	}
	if q := params["q"]; q != "" {
		if m.quality, err = strconv.ParseFloat(q, 64); err != nil || m.quality < 0 || m.quality > 1 {
			return m, fault.New(fault.InputMalformed, fmt.Sprintf("the quality %.20q is none", q), "give a number from 0 to 1")
		}
	}
	return m, nil
}

// quoteType puts the type parameter into the quotes that it needs.
func quoteType(entry string) string {
	parts := strings.Split(entry, ";")
	for i, p := range parts {
		name, value, found := strings.Cut(p, "=")
		if found && strings.EqualFold(strings.TrimSpace(name), "type") && !strings.Contains(value, `"`) {
			parts[i] = name + `="` + strings.TrimSpace(value) + `"`
		}
	}
	return strings.Join(parts, ";")
}

// splitList splits at commas outside of quotes.
func splitList(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
}

// takesJSON checks that the caller takes DICOM JSON.
func takesJSON(r *http.Request) error {
	list, err := accepted(r)
	if err != nil {
		return err
	}
	for _, m := range list {
		switch m.media {
		case "application/dicom+json", "application/json", "*/*", "application/*":
			if !m.multi {
				return nil
			}
		}
	}
	return fault.New(fault.InputUnsupported, "this is given as application/dicom+json only", "ask with Accept: application/dicom+json")
}

// matches says whether the range covers a media type.
func (m mediaRange) matches(media string) bool {
	group, _, _ := strings.Cut(media, "/")
	return m.media == media || m.media == "*/*" || m.media == group+"/*"
}
