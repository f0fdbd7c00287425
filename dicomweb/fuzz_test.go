package dicomweb

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/store"
)

// FuzzQuestion: any query is read or refused, and what is read fits the limits.
func FuzzQuestion(f *testing.F) {
	for _, seed := range []string{"", "PatientName=a*&limit=5", "StudyDate=20260101-", "StudyInstanceUID=1.2,1.3", "00080020=-20260101&includefield=all", "limit=-1", "%zz", "a.b.c=1;2", "SeriesNumber=1&SeriesNumber=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if q, err := parseQuestion(raw); err == nil && (q.limit < 0 || q.offset < 0 || len(q.study.UIDs) > maxUIDs) {
			t.Errorf("%+v", q)
		}
		_, _, _ = parseWorkQuestion(raw)
	})
}

// FuzzAccept: any header is read or refused.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"*/*", `multipart/related; type="application/dicom"; transfer-syntax=*`, "multipart/related;type=application/octet-stream;q=0.5, image/jpeg", ";;", `a/b; type="`, "q=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/studies", nil)
		r.Header["Accept"] = []string{header}
		list, err := accepted(r)
		if err == nil && len(list) == 0 {
			t.Error("nothing is accepted")
		}
		_, _ = chooseForm(list, rle, 2)
	})
}

// FuzzStow: any body is answered, no file stays in the spool, and what is
// reported as stored was received.
func FuzzStow(f *testing.F) {
	good := part10(f, object(f, 1, 1, 1, 1, ""))
	part := "--b\r\nContent-Type: application/dicom\r\n\r\n"
	for _, seed := range []string{"", "--b--", part + "garbage\r\n--b--", part + string(good) + "\r\n--b--", part + string(good) + "\r\n" + part + string(good[:300]) + "\r\n--b--\r\n", part + string(good), "--b\r\n\r\n--b\r\n\r\n--b--"} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, body []byte) {
		received := 0
		h := Handler(Config{Spool: dir, MaxObject: 1 << 16, Receive: func(_ context.Context, path, _ string) (store.Instance, error) {
			received++
			return store.Instance{}, os.Remove(path)
		}})
		r := httptest.NewRequest("POST", "/studies", bytes.NewReader(body))
		r.Header.Set("Content-Type", `multipart/related; type="application/dicom"; boundary=b`)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if n := strings.Count(w.Body.String(), `"00081190"`); n != received {
			t.Errorf("%d received, %d reported: %s", received, n, w.Body)
		}
		if w.Code == 200 && received == 0 || w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("left in the spool: %q", left)
		}
	})
}
