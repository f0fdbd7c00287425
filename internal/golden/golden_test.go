package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ear hears what a test says of its failure.
type ear struct {
	testing.TB
	said string
}

func (e *ear) Helper()                      {}
func (e *ear) Name() string                 { return "TestPage" }
func (e *ear) Errorf(s string, args ...any) { e.said = fmt.Sprintf(s, args...) }

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &ear{TB: t}
	if Check(e, path, "old\n"); e.said != "" {
		t.Error(e.said)
	}
	Check(e, path, []byte("new\n"))
	if !strings.Contains(e.said, path) || !strings.Contains(e.said, "'^TestPage$' -update") || !strings.Contains(e.said, "new") {
		t.Errorf("said %q", e.said)
	}
	*Update = true
	defer func() { *Update = false }()
	e.said = ""
	if Check(e, path, []byte("new\n")); e.said != "" {
		t.Error(e.said)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new\n" {
		t.Errorf("%q, %v", text, err)
	}
}
