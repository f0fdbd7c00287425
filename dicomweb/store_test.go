package dicomweb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// outcome reads the answer of STOW-RS: how many are stored, and why others are not.
func outcome(t *testing.T, answer string) (stored int, reasons []int) {
	t.Helper()
	o, err := dicom.ParseJSON([]byte(answer), nil)
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, item := range o.Items(dicom.FailedSOPSequence) {
		n, _ := item.Int(dicom.FailureReason)
		reasons = append(reasons, n)
	}
	return len(o.Items(dicom.ReferencedSOPSequence)), reasons
}

func TestStore(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxObject = 100_000 })
	good, other := part10(t, object(t, 1, 1, 1, 1, "")), part10(t, object(t, 2, 1, 1, 1, ""))
	changed := object(t, 1, 1, 1, 1, "")
	if err := changed.Set(dicom.StudyDescription, "changed"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		path    string
		bodies  [][]byte
		status  int
		stored  int
		reasons string
	}{
		{"one", "/studies", [][]byte{good}, 200, 1, "[]"},
		{"the same again", "/studies", [][]byte{good}, 200, 1, "[]"},
		{"other bytes of one UID", "/studies", [][]byte{part10(t, changed)}, 409, 0, fmt.Sprint([]int{reasonDuplicate})},
		{"garbage among good ones", "/studies", [][]byte{[]byte("garbage"), other, nil, good[:200]}, 202, 1, fmt.Sprint([]int{reasonUnreadable, reasonUnreadable, reasonUnreadable})},
		{"to its study", studyPath(1), [][]byte{good}, 200, 1, "[]"},
		{"to another study", studyPath(1), [][]byte{other}, 409, 0, fmt.Sprint([]int{reasonOtherStudy})},
		{"too large, after a good one", "/studies", [][]byte{good, make([]byte, 200_000)}, 202, 1, fmt.Sprint([]int{reasonResources})},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := s.stow(c.path, c.bodies...)
			stored, reasons := outcome(t, answer)
			if status != c.status || stored != c.stored || strings.TrimSpace(fmt.Sprint(reasons)) != c.reasons {
				t.Errorf("%d, %d stored, %v; want %d, %d, %v", status, stored, reasons, c.status, c.stored, c.reasons)
			}
		})
	}
	if a := s.ask("POST", "/studies", map[string]string{"Content-Type": "application/dicom"}, part10(t, object(t, 3, 1, 1, 1, ""))); a.status != 200 {
		t.Errorf("a single object: %d %s", a.status, a.body)
	}
	a := s.ask("POST", "/studies", map[string]string{"Content-Type": `multipart/related; type="application/dicom"; boundary=b`},
		[]byte("--b\r\n\r\n"+string(part10(t, object(t, 3, 1, 1, 1, "")))+"\r\n--b\r\nContent-Ty"))
	if stored, reasons := outcome(t, string(a.body)); a.status != 202 || stored != 1 || len(reasons) != 1 {
		t.Errorf("cut after a good one: %d %s", a.status, a.body)
	}
	if got := s.get("/studies", "").objects(t); len(got) != 3 {
		t.Errorf("%d studies are there", len(got))
	}
}

// TestStoreHostile: what is sent to break the door is told, kept small, and leaves nothing.
func TestStoreHostile(t *testing.T) {
	var spool string
	s := newSite(t, func(c *Config) { c.MaxObject, c.MaxRequest, c.Idle, spool = 1<<20, 4<<20, time.Second, c.Spool })
	multi := `multipart/related; type="application/dicom"; boundary=b`
	part := "--b\r\nContent-Type: application/dicom\r\n\r\n"
	for _, c := range []struct {
		name, kind, body string
		status           int
		code             fault.Code
	}{
		{"no type", "", "x", 415, fault.InputUnknown}, {"form", "multipart/form-data; boundary=b", "x", 415, fault.InputUnknown},
		{"metadata and bulk data", `multipart/related; type="application/dicom+json"; boundary=b`, "x", 415, fault.InputUnknown},
		{"no boundary", `multipart/related; type="application/dicom"`, "x", 415, fault.InputUnknown}, {"a broken type", "multipart/related; type=;;=", "x", 415, fault.InputUnknown},
		{"empty", multi, "", 400, fault.InputTruncated}, {"no part", multi, "--b--\r\n", 400, fault.InputEmpty}, {"another boundary", multi, "--c\r\n\r\n--c--", 400, fault.InputTruncated},
		{"cut header", multi, "--b\r\nContent-Type: appl", 400, fault.InputTruncated}, {"cut part", multi, part + "abc", 400, fault.InputTruncated},
		{"a header without end", multi, "--b\r\nX: " + strings.Repeat("x", 3<<20), 400, ""}, {"broken header", multi, "--b\r\n\x00\x01\r\n\r\n--b--", 400, fault.InputMalformed},
		{"an endless part", multi, part + strings.Repeat("x", 3<<20), 413, ""}, {"beyond the request", multi, strings.Repeat(part+strings.Repeat("x", 1<<19)+"\r\n", 20), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.ask("POST", "/studies", map[string]string{"Content-Type": c.kind}, []byte(c.body))
			switch {
			case c.code != "":
				a.wantError(t, c.status, c.code)
			case a.status < 400:
				t.Errorf("got %d %.200s", a.status, a.body)
			}
		})
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
		t.Errorf("%d files are left in the spool, %v", len(left), err)
	}
	if got := s.get("/studies", "").objects(t); len(got) != 0 {
		t.Errorf("%d studies are there", len(got))
	}
}

// TestStoreStandsStill: who stops sending is let go, and so is who stops reading.
func TestStoreStandsStill(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Idle = 200 * time.Millisecond })
	s.put(object(t, 1, 1, 1, 1, ""))
	connect := func() net.Conn {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		return c
	}
	c := connect()
	fmt.Fprintf(c, "POST /studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: multipart/related; type=\"application/dicom\"; boundary=b\r\n\r\n--b\r\n\r\nhalf an obj")
	start := time.Now()
	b, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(b), string(fault.Timeout)) || time.Since(start) > 10*time.Second {
		t.Errorf("after %v: %v %q", time.Since(start), err, b)
	}
}

// TestReceiveFails: what the node cannot keep is told with its reason.
func TestReceiveFails(t *testing.T) {
	for code, want := range map[fault.Code]int{fault.StoreFull: reasonResources, fault.StoreFailed: reasonProcessing, fault.InputUnsupported: reasonUnsupported, fault.Conflict: reasonDuplicate} {
		s := newSite(t, func(c *Config) {
			c.Receive = func(context.Context, string, string) (store.Instance, error) {
				return store.Instance{}, fault.New(code, "synthetic", "")
			}
		})
		status, answer := s.stow("/studies", part10(t, object(t, 1, 1, 1, 1, "")))
		if stored, got := outcome(t, answer); status != 409 || stored != 0 || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %d %v, want %d", code, status, got, want)
		}
	}
	s := newSite(t, func(c *Config) { c.Receive = nil })
	s.ask("POST", "/studies", map[string]string{"Content-Type": "application/dicom"}, nil).wantError(t, 403, fault.AccessDenied)
}

func TestClient(t *testing.T) {
	s := newSite(t, nil)
	c := &Client{Base: s.URL + "/", Idle: 5 * time.Second}
	sent := []*dicom.Object{object(t, 1, 1, 1, 1, ""), object(t, 1, 2, 1, 3, rle), object(t, 2, 1, 1, 1, "")}
	n := 0
	got, err := c.Store(t.Context(), "", func() (io.ReadCloser, error) {
		if n == len(sent) {
			return nil, io.EOF
		}
		n++
		return io.NopCloser(bytes.NewReader(part10(t, sent[n-1]))), nil
	})
	if err != nil || len(got.Accepted) != 3 || len(got.Refused) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	once := false
	got, err = c.Store(t.Context(), "1.2.3", func() (io.ReadCloser, error) {
		if once {
			return nil, io.EOF
		}
		once = true
		return io.NopCloser(bytes.NewReader(part10(t, sent[0]))), nil
	})
	if uid := sent[0].IDs().SOP; err != nil || got.Refused[uid] != reasonOtherStudy {
		t.Errorf("%+v, %v", got, err)
	}
	list, err := c.Search(t.Context(), "studies", map[string][]string{"PatientID": {"SYN1"}})
	if err != nil || len(list) != 1 || list[0].Text(dicom.PatientName) != "SYNTHETIC^Pätient1" {
		t.Errorf("%d found, %v", len(list), err)
	}
	study := sent[0].IDs().Study
	if list, err := c.Metadata(t.Context(), study, "", ""); err != nil || len(list) != 2 {
		t.Errorf("%d metadata, %v", len(list), err)
	}
	var back [][]byte
	err = c.Retrieve(t.Context(), study, "", "", func(r io.Reader) error {
		b, err := io.ReadAll(r)
		back = append(back, b)
		return err
	})
	if err != nil || len(back) != 2 || !bytes.Equal(back[1], part10(t, sent[1])) {
		t.Errorf("%d came back, %v", len(back), err)
	}
	stop := errors.New("stop")
	if err := c.Retrieve(t.Context(), study, "", "", func(io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	c.MaxObject = 100
	err = c.Retrieve(t.Context(), study, "", "", func(r io.Reader) error { _, err := io.ReadAll(r); return err })
	if fault.CodeOf(err) != fault.InputTooLarge {
		t.Errorf("an object beyond the limit: %v", err)
	}
	if err := c.Retrieve(t.Context(), "1.2.3", "", "", nil); fault.CodeOf(err) != fault.PeerRefused || !strings.Contains(err.Error(), "404") {
		t.Error(err)
	}
}

// TestClientHostile: servers that answer with anything, or with nothing.
func TestClientHostile(t *testing.T) {
	hold := make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/") {
		case "still":
			w.Header().Set("Content-Type", "application/dicom+json")
			io.WriteString(w, "[")
			http.NewResponseController(w).Flush()
			<-hold
		case "endless":
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "redirect":
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusFound)
		case "cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "[{")
		case "page":
			io.WriteString(w, "<html>")
		case "nobody":
			w.WriteHeader(http.StatusUnauthorized)
		case "none":
			w.WriteHeader(http.StatusNoContent)
		}
	})}
	go server.Serve(listener)
	t.Cleanup(func() { close(hold); server.Close() })
	c := &Client{Base: "http://" + listener.Addr().String(), Idle: 300 * time.Millisecond, MaxAnswer: 1 << 20}
	for path, code := range map[string]fault.Code{"still": fault.Timeout, "endless": fault.InputTooLarge, "redirect": fault.PeerRefused, "cut": fault.InputTruncated,
		"page": fault.InputMalformed, "nobody": fault.PeerRefused, "none": ""} {
		start := time.Now()
		if _, err := c.Search(t.Context(), path, nil); fault.CodeOf(err) != code || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %v after %v, want %s", path, err, time.Since(start), code)
		}
	}
	if _, err := (&Client{Base: "http://127.0.0.1:1"}).Search(t.Context(), "studies", nil); fault.CodeOf(err) != fault.PeerUnreachable {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Search(ctx, "none", nil); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("ended by the caller: %v", err)
	}
}
