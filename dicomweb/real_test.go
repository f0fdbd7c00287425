package dicomweb

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dataset/settest"
	"consilium/dicom"
)

// TestRealFiles stores every real file and asks for it in every way: each
// answer is either good or a coded refusal, and never the server's fault.
func TestRealFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads every file of the data folder")
	}
	folder := settest.Data(t, "dicom")
	var sites []*site // the files come from several collections that share UIDs
	for range 14 {
		sites = append(sites, newSite(t, nil))
	}
	stored, refused, given, native := 0, 0, 0, 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".dcm") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := sites[0]
		status, text := s.stow("/studies", content)
		for _, other := range sites[1:] {
			if status != 200 && strings.Contains(text, `[273]`) { // reasonDuplicate
				s = other
				status, text = s.stow("/studies", content)
			}
		}
		if status != 200 {
			if refused++; status != 409 {
				t.Errorf("%s: %d %s", filepath.Base(path), status, text)
			}
			return nil
		}
		stored++
		answer, err := dicom.ParseJSON([]byte(text), nil)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(answer.Item(dicom.ReferencedSOPSequence).Text(dicom.RetrieveURL), s.URL)
		if a := s.get(at, "application/dicom; transfer-syntax=*"); a.status != 200 || !bytes.Equal(a.body, content) {
			t.Errorf("%s comes back as %d, %d of %d bytes", filepath.Base(path), a.status, len(a.body), len(content))
		}
		for _, way := range []struct{ path, accept string }{{"", "application/dicom"}, {"/metadata", "application/dicom+json"}, {"/frames/1", octets}, {"/frames/1", octets + "; transfer-syntax=*"}, {"/rendered", "image/png"}, {"/thumbnail", "image/jpeg"}} {
			a := s.get(at+way.path, way.accept)
			if a.status >= 500 {
				t.Errorf("%s%s: %d %s", filepath.Base(path), way.path, a.status, a.body)
			}
			if a.status == 200 {
				given++
			}
			if way.path == "/metadata" && a.status == 200 {
				a.objects(t)
			}
			if way.path == "" && strings.HasSuffix(a.header.Get("Content-Type"), "="+dicom.ExplicitLittle) {
				native++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d objects stored, %d refused; %d of %d questions about them answered with content, %d objects as Explicit VR Little Endian", stored, refused, given, 6*stored, native)
}
