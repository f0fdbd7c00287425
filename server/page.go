package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"consilium/fault"
)

// page serves the built page out of a file system: what is under assets/ is
// named by its content and may be kept for ever, everything else is asked for
// again. An address without a file is one of the page's own and gets index.html.
type page struct {
	files fs.FS

	mu    sync.Mutex
	ready map[string]*asset // by path; as many as there are files
}

// asset is one file, ready to be sent.
type asset struct {
	media  string
	etag   string
	plain  []byte
	packed []byte // gzip; nil when that does not help
}

func newPage(files fs.FS) *page { return &page{files: files, ready: map[string]*asset{}} }

func (p *page) serve(s *Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if isInterface(name) || isInterface(strings.TrimPrefix(r.URL.Path, "/")) || p.files == nil {
			s.refuse(w, r, fault.New(fault.NotFound, "there is nothing at this address", "see /api/docs"))
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.refuse(w, r, &problem{status: http.StatusMethodNotAllowed, Told: told{Code: fault.Usage, What: "a page is only read", Do: "see /api/docs"}})
			return
		}
		a, err := p.find(name)
		if _, isFile := mediaTypes[path.Ext(name)]; err != nil && !isFile {
			name = "index.html"
			a, err = p.find(name)
		}
		if err != nil {
			s.refuse(w, r, fault.New(fault.NotFound, "there is nothing at this address", "see /api/docs"))
			return
		}
		a.send(w, r, strings.HasPrefix(name, "assets/"))
	}
}

// isInterface says whether a path belongs to programs, who want an error and not a page.
func isInterface(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "api", "dicomweb", "fhir", "auth", "metrics", "healthz", "readyz":
		return true
	}
	return false
}

// find gives a file, packed the first time.
func (p *page) find(name string) (*asset, error) {
	if name == "" {
		name = "index.html"
	}
	p.mu.Lock()
	a := p.ready[name]
	p.mu.Unlock()
	if a != nil {
		return a, nil
	}
	plain, err := fs.ReadFile(p.files, name)
	if err != nil {
		return nil, err
	}
	a = newAsset(name, plain)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[name] = a
	return a, nil
}

func newAsset(name string, plain []byte) *asset {
	sum := sha256.Sum256(plain)
	a := &asset{media: mediaType(name), etag: hex.EncodeToString(sum[:12]), plain: plain}
	if packs(a.media) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for a wrong level only
		_, _ = z.Write(plain)
		_ = z.Close()
		if b.Len() < len(plain)*9/10 {
			a.packed = b.Bytes()
		}
	}
	return a
}

func (a *asset) send(w http.ResponseWriter, r *http.Request, forever bool) {
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, etag := a.plain, `"`+a.etag+`"`
	if a.packed != nil && r.Header.Get("Range") == "" && acceptsGzip(r) {
		content, etag = a.packed, `"`+a.etag+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}

// mediaTypes are those of a built page, whatever the machine's own table says.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".map": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

func mediaType(name string) string {
	if t, known := mediaTypes[path.Ext(name)]; known {
		return t
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func packs(media string) bool {
	return strings.HasPrefix(media, "text/") || strings.HasPrefix(media, "application/json") || strings.Contains(media, "wasm") || strings.Contains(media, "svg") || strings.Contains(media, "manifest")
}
