package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/fault"
)

// cancelling ends a context when the first line is written.
type cancelling struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return c.Buffer.Write(p)
}

// What was ranked before Ctrl-C is printed and summed up.
func TestRankStopsInTheMiddle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cases.jsonl")
	line := string(manyFindings(60)) + "\n"
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, complaints := &cancelling{cancel: cancel}, new(bytes.Buffer)
	status := run(ctx, []string{"rank", path, "--sample", "--data-dir", t.TempDir()}, out, complaints)
	if status != fault.ExitInterrupted || !strings.Contains(complaints.String(), "INTERRUPTED") {
		t.Errorf("status %d, %s", status, complaints)
	}
	if text := out.String(); !strings.Contains(text, " ranked\n") || strings.Contains(text, "40 cases ranked") {
		t.Error(text)
	}
}

// manyFindings is a phenopacket with n findings; the sample knows about a hundred terms.
func manyFindings(n int) []byte {
	type class struct {
		ID string `json:"id"`
	}
	type feature struct {
		Type class `json:"type"`
	}
	p := struct {
		ID       string         `json:"id"`
		Features []feature      `json:"phenotypicFeatures"`
		Meta     map[string]any `json:"metaData"`
	}{ID: "huge", Meta: map[string]any{}}
	for i := range n {
		p.Features = append(p.Features, feature{class{fmt.Sprintf("EXAMPLE:%07d", i)}})
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// cutZip is the first half of an archive of a case.
func cutZip() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("case.json")
	if err == nil {
		_, err = w.Write(manyFindings(50))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // into memory: cannot fail
	}
	return b.Bytes()[:b.Len()/2]
}
