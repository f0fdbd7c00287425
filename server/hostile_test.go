package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"consilium/access"
	"consilium/fault"
)

func TestHostNames(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Hosts = []string{"Node.Hospital.Example"} })
	for host, ours := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true, "192.0.2.9": true, "node.hospital.example": true, "NODE.hospital.example.:443": true,
		"evil.example": false, "evil.example:8080": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "node.hospital.example.evil.example": false, "": false,
	} {
		if got := s.server.hosts.ours(host); got != ours {
			t.Errorf("%q: %v, want %v", host, got, ours)
		}
	}
	status, code := s.browser().code("GET", "/api/v1/session", nil, func(r *http.Request) { r.Host = "evil.example" })
	if status != http.StatusMisdirectedRequest || code != fault.AccessDenied {
		t.Errorf("a foreign name: %d %s", status, code)
	}
}

func TestCrossOrigin(t *testing.T) {
	s := newSite(t)
	s.staff()
	root := s.people[access.Admin]
	for what, c := range map[string]struct {
		name, value string
		status      int
	}{
		"another site, new browser": {"Sec-Fetch-Site", "cross-site", 403}, "a sibling site": {"Sec-Fetch-Site", "same-site", 403}, "our page": {"Sec-Fetch-Site", "same-origin", 200},
		"another site, old browser": {"Origin", "https://evil.example", 403}, "our page, old browser": {"Origin", s.URL, 200}, "a sandboxed page": {"Origin", "null", 403},
	} {
		set := func(r *http.Request) { r.Header.Set(c.name, c.value) }
		if status, _ := root.code("PUT", "/api/v1/settings", DefaultSettings(), set); status != c.status {
			t.Errorf("%s changes settings: %d, want %d", what, status, c.status)
		}
		want := c.status
		if want == 200 {
			want = 401
		}
		if status, _ := s.browser().code("POST", "/api/v1/login", Credentials{Name: "x", Password: "y"}, set); status != want {
			t.Errorf("%s signs somebody in: %d, want %d", what, status, want)
		}
	}
}

func TestReplay(t *testing.T) {
	s := newSite(t)
	s.staff()
	old := s.people[access.Admin]
	oldCookie, oldCSRF := old.cookie(), old.csrf
	old.enter("/api/v1/login", Credentials{Name: "root", Password: goodPassword})
	if old.cookie() == oldCookie || old.csrf == oldCSRF {
		t.Fatal("signing in again keeps cookie or CSRF token")
	}
	thief := s.browser()
	with := func(cookie, csrf string) func(*http.Request) {
		return func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: access.SessionCookie, Value: cookie})
			r.Header.Set(access.CSRFHeader, csrf)
		}
	}
	for what, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"the former session":                         {with(oldCookie, oldCSRF), 401},
		"the session with the former CSRF token":     {with(old.cookie(), oldCSRF), 403},
		"the session with its cookie as token":       {with(old.cookie(), old.cookie()), 403},
		"the session with nothing":                   {with(old.cookie(), ""), 403},
		"the CSRF token as session":                  {with(old.csrf, old.csrf), 401},
		"session and token, both right":              {with(old.cookie(), old.csrf), 200},
		"two cookies, the first being a made-up one": {func(r *http.Request) { with("AAAA", "x")(r); with(old.cookie(), old.csrf)(r) }, 401},
	} {
		if status, _ := thief.code("PUT", "/api/v1/settings", DefaultSettings(), c.change); status != c.status {
			t.Errorf("%s: %d, want %d", what, status, c.status)
		}
	}
	old.want("POST", "/api/v1/logout", nil, http.StatusNoContent, nil)
	if status, _ := thief.code("GET", "/api/v1/settings", nil, with(old.cookie(), old.csrf)); status != 401 {
		t.Errorf("the session lives on after signing out: %d", status)
	}
}

func TestClockSkew(t *testing.T) {
	for what, c := range map[string]struct {
		move   time.Duration
		status int
	}{"a minute back": {-time.Minute, 200}, "an hour back": {-time.Hour, 401}, "an hour ahead": {time.Hour, 401}} {
		s := newSite(t)
		s.staff()
		s.move(c.move)
		if status, _ := s.people[access.Viewer].code("GET", "/api/v1/studies", nil); status != c.status {
			t.Errorf("%s: %d, want %d", what, status, c.status)
		}
	}
}

func TestAPIToken(t *testing.T) {
	s := newSite(t)
	s.staff()
	reader := s.people[access.Reader]
	var made NewSecret
	reader.want("POST", "/api/v1/tokens", NewToken{Name: "CT gateway", Role: access.Reader, Actions: []access.Action{access.DICOMwebWrite}}, http.StatusCreated, &made)
	program := s.browser()
	program.bearer = made.Secret
	program.want("POST", "/dicomweb/studies", "object", 200, nil)
	for _, c := range []struct{ method, path string }{{"GET", "/dicomweb/studies"}, {"GET", "/api/v1/studies"}, {"POST", "/api/v1/tokens"}, {"GET", "/fhir/Patient"}, {"GET", "/metrics"}} {
		if status, code := program.code(c.method, c.path, bodies[c.method+" "+c.path]); status != 403 || code != fault.AccessDenied {
			t.Errorf("a token for one thing does %s %s: %d %s", c.method, c.path, status, code)
		}
	}
	var list struct{ Items []Token }
	text := reader.want("GET", "/api/v1/tokens", nil, 200, &list)
	if strings.Contains(text, made.Secret) || len(list.Items) != 1 || list.Items[0].LastUsed == nil {
		t.Errorf("tokens %s", text)
	}
	reader.want("DELETE", "/api/v1/tokens/"+made.Token.ID, nil, http.StatusNoContent, nil)
	if status, code := program.code("POST", "/dicomweb/studies", "object"); status != 401 || code != fault.AccessUnknown {
		t.Errorf("a deleted token: %d %s", status, code)
	}
	// A program with every right does not sign, nor change passwords.
	reader.want("POST", "/api/v1/tokens", NewToken{Name: "all", Role: access.Reader}, http.StatusCreated, &made)
	program.bearer = made.Secret
	for path, body := range map[string]any{"POST /api/v1/studies/" + study + "/sign": Attestation{Attestation: true}, "PUT /api/v1/password": NewPassword{}} {
		method, path, _ := strings.Cut(path, " ")
		if status, code := program.code(method, path, body); status != 403 || code != fault.AccessDenied {
			t.Errorf("a token does %s: %d %s", path, status, code)
		}
	}
}

func TestBadIdentifiers(t *testing.T) {
	s := newSite(t)
	s.staff()
	reader := s.people[access.Reader]
	for _, id := range []string{"../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "'%20OR%20'1'='1", "<script>alert(1)</script>", strings.Repeat("1", 65), "1.2.3%00", "%ff%fe", "1.2\n3"} {
		for _, path := range []string{"/api/v1/studies/%s", "/api/v1/studies/%s/letter", "/api/v1/instances/%s/waveform", "/api/v1/studies/1.2.840.1.1/pictures/%s.png", "/api/v1/models/%s/card"} {
			u, err := url.Parse(fmt.Sprintf(path, id))
			if err != nil {
				u = &url.URL{Path: fmt.Sprintf(path, id)}
			}
			status, code := reader.code("GET", u.String(), nil)
			if status < 400 || status >= 500 || code == "" {
				t.Errorf("GET %s: %d %s", u, status, code)
			}
		}
	}
}

func TestBadBodies(t *testing.T) {
	s := newSite(t)
	s.staff()
	deep := strings.Repeat(`{"name":`, 5000)
	for what, c := range map[string]struct {
		body   string
		status int
		code   fault.Code
	}{
		"not JSON":         {"name=root&password=x", 400, fault.InputMalformed},
		"empty":            {"", 400, fault.InputMalformed},
		"half":             {`{"name":"root","pass`, 400, fault.InputMalformed},
		"a list":           {`[1,2]`, 422, fault.InputMalformed},
		"wrong types":      {`{"name":7,"password":{}}`, 422, fault.InputMalformed},
		"a field too many": {`{"name":"a","password":"b","role":"admin"}`, 422, fault.InputMalformed},
		"too deep":         {deep, 400, fault.InputMalformed},
		"too large":        {`{"name":"` + strings.Repeat("x", maxJSON) + `"}`, 413, fault.InputTooLarge},
		"null":             {`null`, 422, fault.InputMalformed},
		"broken text":      {"{\"name\":\"\xff\xfe\",\"password\":\"x\"}", 401, fault.AccessUnknown},
		"SQL":              {`{"name":"' OR 1=1; --","password":"' OR 1=1; --"}`, 401, fault.AccessUnknown},
	} {
		status, code := s.browser().code("POST", "/api/v1/login", c.body)
		if status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", what, status, code, c.status, c.code)
		}
	}
	if status, _ := s.browser().code("POST", "/api/v1/login", `{"name":"root","password":"`+goodPassword+`"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }); status < 400 {
		t.Errorf("a form's content type signs in: %d", status)
	}
}

func TestMethodConfusion(t *testing.T) {
	s := newSite(t)
	s.staff()
	root := s.people[access.Admin]
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/v1/login", 405}, {"DELETE", "/api/v1/studies", 405}, {"TRACE", "/api/v1/studies", 405}, {"PUT", "/", 405}, {"POST", "/assets/app-1a2b.js", 405},
		{"GET", "/api/v1/nothing", 404}, {"GET", "/api/v2/studies", 404}, {"GET", "/api", 404}, {"PROPFIND", "/dicomweb/studies", 405},
	} {
		if status, code := root.code(c.method, c.path, nil); status != c.status || code == "" && c.method != "TRACE" {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, code, c.status)
		}
	}
	// A method in a header or a query is text and no method.
	status, _ := root.code("GET", "/api/v1/users?_method=POST", nil, func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") })
	if status != 200 {
		t.Errorf("an override is obeyed: %d", status)
	}
	// Who may only read cannot write by naming a search.
	viewer := s.people[access.Viewer]
	for path, want := range map[string]int{"/fhir/Patient/_search": 200, "/fhir/Patient": 403, "/fhir/_search/../Patient": 403} {
		if status, _ := viewer.code("POST", path, "x"); status != want {
			t.Errorf("POST %s as viewer: %d, want %d", path, status, want)
		}
	}
}

func TestUpload(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxUpload = 1 << 20 })
	s.staff()
	reader := s.people[access.Reader]
	send := func(parts map[string]string, order []string) (int, fault.Code) {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		_ = form.WriteField("comment", "not a file")
		for _, name := range order {
			w, _ := form.CreateFormFile("files", name)
			_, _ = io.WriteString(w, parts[name])
		}
		form.Close()
		return reader.code("POST", "/api/v1/studies", &b, func(r *http.Request) { r.Header.Set("Content-Type", form.FormDataContentType()) })
	}
	order := []string{"ecg.hea", "../../../../tmp/evil", `C:\films\a.png`, "<b>.dcm"}
	status, _ := send(map[string]string{"ecg.hea": "1", "../../../../tmp/evil": "2", `C:\films\a.png`: "3", "<b>.dcm": "4"}, order)
	if want := []string{"ecg.hea=1", "evil=2", "a.png=3", "<b>.dcm=4"}; status != http.StatusCreated || !slices.Equal(s.node.uploads, want) {
		t.Errorf("upload: %d %q, want %q", status, s.node.uploads, want)
	}
	if status, code := send(map[string]string{"big": strings.Repeat("x", 2<<20)}, []string{"big"}); status != 413 || code != fault.InputTooLarge {
		t.Errorf("too large: %d %s", status, code)
	}
	if status, code := send(nil, nil); status != 400 || code != fault.InputEmpty {
		t.Errorf("no file: %d %s", status, code)
	}
	multi := func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }
	for what, body := range map[string]string{"half a part": "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nabc", "no part": "garbage", "endless headers": "--x\r\n" + strings.Repeat("A: b\r\n", 20000)} {
		if status, code := reader.code("POST", "/api/v1/studies", body, multi); status < 400 || status >= 500 || code == "" {
			t.Errorf("%s: %d %s", what, status, code)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.server.Spool, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
	if _, err := os.Stat("/tmp/evil"); err == nil {
		t.Error("a file name of the sender was used as a path")
	}
}

func FuzzBaseName(f *testing.F) {
	for _, s := range []string{"a.png", "../../x", `..\..\x`, "", ".", "..", "a/", "\x00", "\xff", strings.Repeat("ü", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := baseName(s)
		if got == "" || got == "." || got == ".." || strings.ContainsAny(got, "/\\\x00\n") || len(got) > 4*128 {
			t.Errorf("%q gives %q", s, got)
		}
	})
}

// TestSlowBody: who sends nothing for a while is cut off.
func TestSlowBody(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a deadline")
	}
	short := within(300*time.Millisecond, 1<<20)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: short(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	}))}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() { _ = server.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nslow")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestRateLimit(t *testing.T) {
	s := newSite(t)
	held := 0
	for range 150 {
		if status, code := s.browser().code("GET", "/api/v1/session", nil); status == 429 && code == fault.AccessLimited {
			held++
		}
	}
	if held != 50 {
		t.Errorf("%d of 150 requests of nobody were held back, want 50", held)
	}
	if status, _ := s.browser().code("GET", "/healthz", nil); status != 200 {
		t.Errorf("the health check is held back: %d", status)
	}
}

func TestPanic(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.DICOMweb = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of " + patientName) })
	})
	s.staff()
	w := s.people[access.Reader].do("GET", "/dicomweb/studies", nil)
	text, _ := io.ReadAll(w.Body)
	if w.StatusCode != 500 || strings.Contains(string(text), "secret") || !strings.Contains(string(text), w.Header.Get("X-Request-Id")) {
		t.Errorf("%d %s", w.StatusCode, text)
	}
	if status, _ := s.browser().code("GET", "/healthz", nil); status != 200 {
		t.Error("the server is gone")
	}
}

// TestErrorsTellNoCause: what broke inside is for the log.
func TestErrorsTellNoCause(t *testing.T) {
	s := newSite(t)
	s.staff()
	s.node.fail = fault.Wrap(fmt.Errorf("open /var/lib/consilium/blobs/ab: permission denied"), fault.StoreFailed, "a blob cannot be read", "look at the log")
	text := s.people[access.Reader].want("GET", "/api/v1/studies", nil, 500, nil)
	if strings.Contains(text, "/var/lib") || !strings.Contains(text, "STORE_FAILED") {
		t.Errorf("answer %s", text)
	}
	s.node.fail = context.Canceled
	text = s.people[access.Reader].want("GET", "/api/v1/studies", nil, 500, nil)
	if strings.Contains(text, "canceled") {
		t.Errorf("answer %s", text)
	}
}
