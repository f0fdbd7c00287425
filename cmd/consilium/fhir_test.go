package main

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/fault"
)

func TestFHIRImport(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	bundle := `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","identifier":[{"value":"SYN1"}]},"request":{"method":"POST","url":"Patient"}},
		{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:p"}},"request":{"method":"POST","url":"Observation"}}]}`
	plain, packed, bad := filepath.Join(files, "a.json"), filepath.Join(files, "b.zip"), filepath.Join(files, "c.json")
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	member, err := w.Create("../../x.json") // a name is only shown
	if err != nil {
		t.Fatal(err)
	}
	if _, err := member.Write([]byte(bundle)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{plain: bundle, packed: z.String(), bad: `{"resourceType":"Bundle","type":"transaction","entry":[{}]}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verb := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(context.Background(), append(args, "--data-dir", dir), &out, &errs); got != want {
			t.Fatalf("%v ends with %d: %s%s", args, got, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	if out := verb(fault.ExitOK, "fhir", "import", plain, packed); !strings.Contains(out, "4  resources of 2 bundles") {
		t.Fatal(out)
	}
	if out := verb(fault.ExitInput, "fhir", "import", bad); !strings.Contains(out, "c.json: entry 0") {
		t.Fatal(out)
	}
	verb(fault.ExitInput, "fhir", "import", files)
	if out := verb(fault.ExitOK, "audit", "list", "--action", "record.imported"); strings.Count(out, "command line") != 2 {
		t.Fatal(out)
	}
}
