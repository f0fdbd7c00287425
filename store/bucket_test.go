package store_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
	"consilium/store"
	"consilium/store/storetest"
)

// fakeS3 is as much of an S3 server as the store asks for, in memory. fail, when
// set, answers every write with that status and code.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string]fakeObject
	status  int
	code    string
}

type fakeObject struct {
	content []byte
	changed time.Time
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	object, found := f.objects[key]
	switch {
	case !strings.Contains(r.Header.Get("Authorization"), "Credential=synthetic/"):
		f.refuse(w, http.StatusForbidden, "AccessDenied")
	case key == "" && r.URL.Query().Has("location"):
		io.WriteString(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`)
	case key == "" && r.Method == http.MethodGet:
		f.list(w)
	case key == "":
	case r.Method == http.MethodPut && f.status != 0:
		f.refuse(w, f.status, f.code)
	case r.Method == http.MethodPut:
		content, err := plainBody(r)
		if err != nil {
			f.refuse(w, http.StatusBadRequest, "IncompleteBody")
			return
		}
		f.objects[key] = fakeObject{content, time.Now()}
		w.Header().Set("ETag", etag(content))
	case !found:
		f.refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("ETag", etag(object.content))
		http.ServeContent(w, r, "", object.changed, bytes.NewReader(object.content))
	}
}

func etag(content []byte) string {
	sum := md5.Sum(content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (f *fakeS3) refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>synthetic</Message></Error>", code)
}

func (f *fakeS3) list(w http.ResponseWriter) {
	type content struct {
		Key, LastModified, ETag string
		Size                    int
	}
	list := struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []content
	}{}
	for key, o := range f.objects {
		list.Contents = append(list.Contents, content{key, o.changed.UTC().Format("2006-01-02T15:04:05.000Z"), etag(o.content), len(o.content)})
	}
	sort.Slice(list.Contents, func(i, k int) bool { return list.Contents[i].Key < list.Contents[k].Key })
	xml.NewEncoder(w).Encode(list)
}

// plainBody takes the signatures out of a streamed upload.
func plainBody(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var out []byte
	body := bufio.NewReader(r.Body)
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(text, 16, 32)
		if err != nil || n == 0 {
			return out, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(body, chunk); err != nil {
			return nil, err
		}
		out = append(out, chunk[:n]...)
	}
}

func newFakeS3(t *testing.T) (*fakeS3, string) {
	f := &fakeS3{objects: map[string]fakeObject{"somebody/elses": {[]byte("x"), time.Unix(1, 0)}}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "synthetic")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	return f, "s3://consilium?tls=false&region=here&prefix=blobs/&endpoint=" + strings.TrimPrefix(server.URL, "http://")
}

// TestBucket: the whole suite, with the objects in an object store.
func TestBucket(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		_, address := newFakeS3(t)
		return storetest.Open(t, store.Options{Bucket: address})
	})
}

func TestBucketFails(t *testing.T) {
	f, address := newFakeS3(t)
	s := storetest.Open(t, store.Options{Bucket: address})
	f.status, f.code = http.StatusInsufficientStorage, "XMinioStorageFull"
	if _, _, err := s.PutBlob(context.Background(), strings.NewReader("synthetic")); fault.CodeOf(err) != fault.StoreFull {
		t.Errorf("a full bucket: %v", err)
	}
	f.status, f.code = http.StatusForbidden, "AccessDenied"
	if _, _, err := s.PutBlob(context.Background(), strings.NewReader("synthetic")); fault.CodeOf(err) != fault.StoreFailed {
		t.Errorf("a closed bucket: %v", err)
	}
	for _, bad := range []string{"http://x", "s3://", "s3://b", "s3://user:secret@b?endpoint=x", "s3://b?endpoint=%zz"} {
		_, err := store.Open(context.Background(), store.Options{DataDir: t.TempDir(), Bucket: bad})
		if fault.CodeOf(err) != fault.Usage || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	if _, err := store.Open(context.Background(), store.Options{DataDir: t.TempDir(), Bucket: address}); fault.CodeOf(err) != fault.StoreFailed {
		t.Errorf("with the wrong key: %v", err)
	}
}
