// Package pagetest checks pages of figures in tests.
package pagetest

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// Check parses the page strictly and checks every figure: a picture
// with words for those who cannot see it, a caption, a table. It returns the
// ids of figures. Nothing may be loaded from outside, and no number be NaN.
func Check(t testing.TB, page string) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	ids := map[string]bool{}
	inside := ""
	parts := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
				}
			}
			if id := attr["id"]; id != "" {
				if ids[id] {
					t.Errorf("id %q is there twice", id)
				}
				ids[id] = true
			}
			switch e.Name.Local {
			case "figure":
				inside, parts = attr["id"], map[string]int{}
			case "script", "link", "img", "iframe":
				t.Errorf("the page holds <%s>", e.Name.Local)
			case "svg":
				if attr["role"] != "img" || len(attr["aria-label"]) < 20 {
					t.Errorf("a picture without words: %v", attr)
				}
			}
			parts[e.Name.Local]++
		case xml.EndElement:
			if e.Name.Local == "figure" {
				for _, part := range []string{"svg", "figcaption", "table"} {
					if parts[part] != 1 {
						t.Errorf("figure %s has %d <%s>", inside, parts[part], part)
					}
				}
				if parts["td"] == 0 {
					t.Errorf("the table behind figure %s is empty", inside)
				}
				seen[inside] = true
			}
		}
	}
	for _, outside := range []string{"url(", "@import", "src="} {
		if strings.Contains(page, outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
	return seen
}
