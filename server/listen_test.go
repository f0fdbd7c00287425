package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/access"
	"consilium/fault"
)

// run starts the server and gives its base address; stop ends it and gives Run's error.
func (s *site) run(l Listen) (base string, stop func() error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- s.server.Run(ctx, l, func(b string) { told <- b }) }()
	stop = func() error { cancel(); return <-ended }
	select {
	case base = <-told:
		s.t.Cleanup(func() { cancel() })
		return base, stop
	case err := <-ended:
		s.t.Fatal(err)
		return "", nil
	}
}

func TestSelfSigned(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Hosts = []string{"node.example"} })
	data := t.TempDir()
	dir := filepath.Join(data, "tls")
	base, stop := s.run(Listen{Address: "127.0.0.1:0", SelfSigned: data})
	if !strings.HasPrefix(base, "https://localhost:") {
		t.Fatalf("base %s", base)
	}
	text, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	ask := func(config *tls.Config) (*http.Response, error) {
		config.RootCAs = roots
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		return client.Get(base + "/healthz")
	}
	w, err := ask(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.ProtoMajor != 2 || w.TLS.Version < tls.VersionTLS12 || w.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("HTTP/%d, TLS %x, headers %v", w.ProtoMajor, w.TLS.Version, w.Header)
	}
	if _, err := ask(&tls.Config{ServerName: "node.example"}); err != nil {
		t.Errorf("not for its own host name: %v", err)
	}
	if _, err := ask(&tls.Config{ServerName: "evil.example"}); err == nil {
		t.Error("the certificate is for a foreign name")
	}
	if _, err := ask(&tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if info, _ := os.Stat(filepath.Join(dir, "key.pem")); info.Mode().Perm() != 0o600 {
		t.Errorf("the key is %v", info.Mode())
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	// The next start keeps the certificate: browsers that were told to trust it go on.
	if err := selfSign(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), s.server.certNames("127.0.0.1:0"), s.clock()); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(filepath.Join(dir, "cert.pem")); string(again) != string(text) {
		t.Error("a good certificate was replaced")
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	now := time.Now()
	if err := selfSign(cert, key, []string{"one.example"}, now); err != nil {
		t.Fatal(err)
	}
	source := &certSource{cert: cert, key: key, now: func() time.Time { return now }}
	name := func() string {
		t.Helper()
		c, err := source.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, _ := x509.ParseCertificate(c.Certificate[0])
		return leaf.DNSNames[0]
	}
	if got := name(); got != "one.example" {
		t.Fatalf("certificate for %s", got)
	}
	if err := selfSign(cert, key, []string{"two.example"}, now); err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Hour)
	_ = os.Chtimes(cert, later, later)
	now = now.Add(checkEvery + time.Second)
	if got := name(); got != "two.example" {
		t.Errorf("a renewed certificate is not used: %s", got)
	}
	if err := os.WriteFile(cert, []byte("half of a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(checkEvery + time.Second)
	if got := name(); got != "two.example" {
		t.Errorf("half a renewal: %s", got)
	}
}

func TestListenRefuses(t *testing.T) {
	s := newSite(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for what, c := range map[string]struct {
		l    Listen
		code fault.Code
	}{
		"the network without TLS":   {Listen{Address: "0.0.0.0:0"}, fault.Usage},
		"every address without TLS": {Listen{Address: ":0"}, fault.Usage},
		"a certificate alone":       {Listen{Address: "127.0.0.1:0", CertFile: "c.pem"}, fault.Usage},
		"files that are not there":  {Listen{Address: "127.0.0.1:0", CertFile: "no.pem", KeyFile: "no.pem"}, fault.Usage},
		"a taken port":              {Listen{Address: taken.Addr().String()}, fault.IO},
		"no address":                {Listen{Address: "nonsense", Plain: true}, fault.IO},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := s.server.Run(ctx, c.l, nil); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
	}
}

// TestGracefulStop: a stream does not hold the node back, a request is answered.
func TestGracefulStop(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := newSite(t, func(c *Config) {
		c.DICOMweb = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-release
			_, _ = io.WriteString(w, "whole")
		})
	})
	s.staff()
	base, stop := s.run(Listen{Address: "127.0.0.1:0"})
	viewer := s.people[access.Viewer]
	cookie := viewer.cookie()
	with := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: access.SessionCookie, Value: cookie}) }
	s.URL = base
	stream := viewer.do("GET", "/api/v1/events", nil, with)
	answer := make(chan string, 1)
	go func() {
		r, _ := http.NewRequest("GET", base+"/dicomweb/studies", nil)
		with(r)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer w.Body.Close()
		text, _ := io.ReadAll(w.Body)
		answer <- string(text)
	}()
	<-inside
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	if _, err := io.ReadAll(stream.Body); err != nil && !strings.Contains(err.Error(), "EOF") {
		t.Errorf("the stream ended by %v", err)
	}
	close(release)
	if got := <-answer; got != "whole" {
		t.Errorf("the request got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestProxies(t *testing.T) {
	c, err := newProxyCheck([]string{"10.0.0.0/8", "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for what, q := range map[string]struct {
		remote, forwarded, proto, address string
		secure                            bool
	}{
		"a stranger's headers":      {"198.51.100.1:1", "1.2.3.4", "https", "198.51.100.1", false},
		"a proxy's":                 {"10.1.1.1:1", "203.0.113.7", "https", "203.0.113.7", true},
		"what the client made up":   {"10.1.1.1:1", "1.2.3.4, 203.0.113.7", "https", "203.0.113.7", true},
		"two proxies":               {"10.1.1.1:1", "203.0.113.7, 192.0.2.1", "http", "203.0.113.7", false},
		"nonsense":                  {"10.1.1.1:1", "203.0.113.7, <script>", "https", "10.1.1.1", true},
		"a proxy that says nothing": {"10.1.1.1:1", "", "", "10.1.1.1", false},
	} {
		r, _ := http.NewRequest("GET", "/", nil)
		r.RemoteAddr = q.remote
		r.Header.Set("X-Forwarded-For", q.forwarded)
		r.Header.Set("X-Forwarded-Proto", q.proto)
		c.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if access.Address(r) != q.address || secure(r) != q.secure {
				t.Errorf("%s: %s secure %v, want %s %v", what, access.Address(r), secure(r), q.address, q.secure)
			}
		})).ServeHTTP(nil, r)
	}
	if _, err := newProxyCheck([]string{"proxy.example"}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a name as proxy: %v", err)
	}
}
