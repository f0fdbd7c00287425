package registry

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocs holds docs/bundle.md to the code: its card imports, its lists are complete.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	_, rest, _ := strings.Cut(doc, "```json\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := importedCard([]byte(example)); err != nil {
		t.Errorf("the card in the documentation is refused: %v", err)
	}
	words := make(map[string]bool)
	for _, word := range strings.Fields(doc) {
		words[word] = true
	}
	for domain, operators := range allowedOperators {
		for op := range operators {
			if !words[op] {
				t.Errorf("operator %s of domain %q is not listed", op, domain)
			}
		}
	}
	for _, claim := range []string{
		fmt.Sprintf("IR version %d to %d, opset %d to %d", minIR, maxIR, MinOpset, MaxOpset),
		fmt.Sprintf("each ONNX file %d MiB", MaxModelBytes>>20),
		fmt.Sprintf("a zip file %d entries", maxZipEntries),
		fmt.Sprintf("%d levels", maxNesting), fmt.Sprintf("%d ports", maxPorts),
	} {
		if !strings.Contains(strings.Join(strings.Fields(doc), " "), claim) {
			t.Errorf("docs/bundle.md does not say %q", claim)
		}
	}
	for name := range fileLimits {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("%s is not described", name)
		}
	}
}
