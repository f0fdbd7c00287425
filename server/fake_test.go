package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"consilium/access"
	"consilium/clinical"
	"consilium/fault"
	"consilium/govern"
	"consilium/node"
	"consilium/store"
)

const (
	goodPassword = "four unrelated words 7"
	study        = "1.2.840.1.1"
	sop          = "1.2.840.1.1.1.1"
	picture      = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// fakeNode is a node in memory with one study, whose patient's name would harm a careless page.
type fakeNode struct {
	mu      sync.Mutex
	changes chan string
	uploads []string // names and contents of what was handed in
	readers []store.Reader
	fail    error // what every method answers, when set
}

var patientName = `O'Hara^"><script>alert(1)</script>`

func (n *fakeNode) row() node.Row {
	return node.Row{StudyUID: study, PatientName: patientName, PatientID: "P1", Modalities: []string{"CR"}, State: store.StateReady, Urgency: "urgent"}
}

func (n *fakeNode) see(r store.Reader, uid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readers = append(n.readers, r)
	switch {
	case n.fail != nil:
		return n.fail
	case uid != study:
		return fault.New(fault.NotFound, "no such study", "")
	case r.Purpose != clinical.PurposeCare:
		return fault.New(fault.ConsentWithheld, "no consent", "")
	}
	return nil
}

func (n *fakeNode) Worklist(_ context.Context, r store.Reader, _ node.Query) (node.Page, error) {
	p := node.Page{Items: []node.Row{}, Counts: map[store.State]int{}}
	if n.see(r, study) == nil {
		p.Items, p.Total, p.Counts = append(p.Items, n.row()), 1, map[store.State]int{store.StateReady: 1}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return p, n.fail
}

func (n *fakeNode) Row(_ context.Context, r store.Reader, uid string) (node.Row, error) {
	return n.row(), n.see(r, uid)
}

func (n *fakeNode) Case(_ context.Context, r store.Reader, uid string) (node.Case, error) {
	if err := n.see(r, uid); err != nil {
		return node.Case{}, err
	}
	return node.Case{Study: n.row(), Series: []node.Series{}, History: []node.Step{}, Signature: &node.Signature{By: "anna"},
		Assessment: &node.Assessment{ID: "a1", Findings: []node.Finding{{ID: "f1", Answer: "pneumonia", Model: node.Model{Name: "chest", Version: "1.0.0", Digest: "abc"}}}}}, nil
}

func (n *fakeNode) Changes(ctx context.Context) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case uid := <-n.changes:
				out <- uid
			}
		}
	}()
	return out
}

func (n *fakeNode) Upload(_ context.Context, _ node.Actor, files []node.Upload) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range files {
		b, err := os.ReadFile(f.Path)
		if err != nil {
			return "", err
		}
		n.uploads = append(n.uploads, f.Name+"="+string(b))
	}
	return study, n.fail
}

func (n *fakeNode) Diagnose(_ context.Context, _ node.Actor, uid string) error {
	return n.see(store.Care, uid)
}
func (n *fakeNode) Review(_ context.Context, _ node.Actor, r store.Reader, uid, _ string, _ node.Review) error {
	return n.see(r, uid)
}
func (n *fakeNode) Unreview(_ context.Context, _ node.Actor, r store.Reader, uid, _ string) error {
	return n.see(r, uid)
}
func (n *fakeNode) Sign(_ context.Context, _ node.Actor, r store.Reader, uid string) error {
	return n.see(r, uid)
}
func (n *fakeNode) Letter(_ context.Context, r store.Reader, uid string) (node.Letter, error) {
	return node.Letter{Paragraphs: []string{"x"}}, n.see(r, uid)
}
func (n *fakeNode) TextReport(ctx context.Context, r store.Reader, uid string, w io.Writer) error {
	return n.Report(ctx, r, uid, w)
}

func (n *fakeNode) Report(_ context.Context, r store.Reader, uid string, w io.Writer) error {
	_, _ = io.WriteString(w, "<p>report")
	return n.see(r, uid)
}
func (n *fakeNode) Waveform(_ context.Context, r store.Reader, uid string) (node.Waveform, error) {
	return node.Waveform{Kind: "ecg", Rate: 500, Leads: []node.Lead{}}, n.seeObject(r, uid)
}
func (n *fakeNode) Sound(_ context.Context, r store.Reader, uid string, w io.Writer) error {
	_, _ = io.WriteString(w, "RIFF")
	return n.seeObject(r, uid)
}

func (n *fakeNode) seeObject(r store.Reader, uid string) error {
	if uid != sop {
		return fault.New(fault.NotFound, "no such object", "")
	}
	return n.see(r, study)
}

type seekCloser struct{ io.ReadSeeker }

func (seekCloser) Close() error { return nil }

func (n *fakeNode) Picture(_ context.Context, r store.Reader, uid, _ string) (io.ReadSeekCloser, error) {
	return seekCloser{strings.NewReader("png")}, n.see(r, uid)
}

type fakeAudit struct{}

func (fakeAudit) Entries(_ context.Context, q govern.Query) (govern.Page, error) {
	return govern.Page{Items: []govern.Entry{{Index: 7, Event: govern.Event{Actor: q.Actor, Action: "login"}}}, Size: 8}, nil
}
func (fakeAudit) Checkpoint() govern.Checkpoint { return govern.Checkpoint{Size: 8, Root: []byte{1}} }
func (fakeAudit) Failure() error                { return nil }

// site is a running server with one account of each role.
type site struct {
	*httptest.Server
	t      *testing.T
	server *Server
	node   *fakeNode
	access *access.Service
	store  *store.Store
	log    *safeBuffer
	mu     sync.Mutex
	now    time.Time
	people map[access.Role]*client
}

func (s *site) clock() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now }
func (s *site) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *safeBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

func newSite(t *testing.T, change ...func(*Config)) *site {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	blob, size, err := st.PutBlob(t.Context(), strings.NewReader("object"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.AddInstance(t.Context(), store.Instance{Study: study, Series: study + ".1", SOP: sop, Class: "1.2.840.10008.5.1.4.1.1.1", TransferSyntax: "1.2.840.10008.1.2.1",
		Blob: blob, Size: size, Modality: "ECG", Patient: store.PatientKey{ID: "P1", Name: patientName}}); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, node: &fakeNode{changes: make(chan string)}, store: st, log: &safeBuffer{}, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), people: map[access.Role]*client{}}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.access, err = access.New(access.Config{Store: st, Now: s.clock, Log: log}); err != nil {
		t.Fatal(err)
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Path", r.URL.Path)
		_, _ = io.Copy(w, r.Body)
	})
	c := Config{
		Node: s.node, Store: st, Access: s.access, Audit: fakeAudit{}, Version: "test", Spool: t.TempDir(), Log: log, Now: s.clock, DICOMweb: echo, FHIR: echo,
		VerifyAudit: func(context.Context) (govern.Report, error) { return govern.Report{Entries: 8}, nil },
		Page:        fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>page</title>")}, "assets/app-1a2b.js": {Data: bytes.Repeat([]byte("let x = 1;\n"), 500)}},
	}
	for _, f := range change {
		f(&c)
	}
	if s.server, err = New(c); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s.server.Handler())
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go s.server.hub.run(ctx)
	return s
}

// client is one browser or program.
type client struct {
	*http.Client
	s      *site
	csrf   string
	bearer string
}

func (s *site) browser() *client {
	jar, _ := cookiejar.New(nil)
	return &client{s: s, Client: &http.Client{Jar: jar, Transport: s.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// staff makes an account of every role; each is signed in.
func (s *site) staff() {
	s.t.Helper()
	secret, err := s.access.FirstLink(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	root := s.browser()
	root.enter("/api/v1/setup", Redemption{Token: secret, Name: "root", Password: goodPassword})
	s.people[access.Admin] = root
	for _, role := range []access.Role{access.Viewer, access.Reader, access.Researcher} {
		var made Linked
		root.want("POST", "/api/v1/users", NewAccount{Name: "the-" + string(role), Role: role}, http.StatusCreated, &made)
		c := s.browser()
		_, secret, _ := strings.Cut(made.Link, "#")
		c.enter("/api/v1/setup", Redemption{Token: secret, Name: "the-" + string(role), Password: goodPassword})
		s.people[role] = c
	}
	s.people[""] = s.browser()
}

func (c *client) enter(path string, with any) {
	c.s.t.Helper()
	var session Session
	c.want("POST", path, with, http.StatusOK, &session)
	c.csrf = session.CSRF
}

// do sends one request; body is JSON, or sent as it is when it is a string or a reader.
func (c *client) do(method, path string, body any, change ...func(*http.Request)) *http.Response {
	c.s.t.Helper()
	var in io.Reader
	media := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case io.Reader:
		in = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.s.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(c.s.t.Context(), method, c.s.URL+path, in)
	if err != nil {
		c.s.t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", media)
	}
	if c.csrf != "" {
		r.Header.Set(access.CSRFHeader, c.csrf)
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for _, f := range change {
		f(r)
	}
	w, err := c.Do(r)
	if err != nil {
		c.s.t.Fatalf("%s %s: %v", method, path, err)
	}
	c.s.t.Cleanup(func() { w.Body.Close() })
	return w
}

// want sends a request and decodes the answer, which must have that status.
func (c *client) want(method, path string, body any, status int, out any, change ...func(*http.Request)) string {
	c.s.t.Helper()
	w := c.do(method, path, body, change...)
	text, _ := io.ReadAll(w.Body)
	if w.StatusCode != status {
		c.s.t.Fatalf("%s %s: %d %s, want %d", method, path, w.StatusCode, text, status)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			c.s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return string(text)
}

// code gives the status and the error code of an answer.
func (c *client) code(method, path string, body any, change ...func(*http.Request)) (int, fault.Code) {
	c.s.t.Helper()
	w := c.do(method, path, body, change...)
	var p problem
	_ = json.NewDecoder(w.Body).Decode(&p)
	return w.StatusCode, p.Told.Code
}

func (c *client) cookie() string {
	u, _ := url.Parse(c.s.URL)
	for _, k := range c.Jar.Cookies(u) {
		if k.Name == access.SessionCookie {
			return k.Value
		}
	}
	return ""
}
