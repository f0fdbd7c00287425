package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page is never empty: built, or a page that says what to do.
func TestFS(t *testing.T) {
	files, built := FS()
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if built {
		if !strings.Contains(string(index), `<div id="root">`) {
			t.Error("index.html of the built page has no root")
		}
		if strings.Contains(string(index), "<style") || regexp.MustCompile(`<script[^>]*>[^<]`).Match(index) {
			t.Error("index.html holds an inline script or style, which the content security policy forbids")
		}
		return
	}
	if !strings.Contains(string(index), "make build") {
		t.Error("the page of an unbuilt program does not say what to do")
	}
	t.Log("web/dist is not built (make build)")
}

// Text from outside is only ever rendered as text; and no file of the page
// names the registry that its packages came from.
func TestSources(t *testing.T) {
	forbidden := []string{"dangerouslySetInner" + "HTML", ".inner" + "HTML", ".outer" + "HTML", "insertAdjacent" + "HTML", "document." + "write", "new " + "Function(", "registry." + "npmjs"}
	read := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "node_modules" || path == "dist" {
				return fs.SkipDir
			}
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for _, word := range forbidden {
			if strings.Contains(string(text), word) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		if strings.HasSuffix(path, "package-lock.json") && strings.Contains(string(text), `"resolved"`) {
			t.Errorf("%s says where packages were fetched from", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 20 {
		t.Errorf("only %d files were read", read)
	}
}
