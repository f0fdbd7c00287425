package dicomweb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"consilium/dicom"
)

// TestPydicom: pydicom reads the objects that WADO-RS gives, decoded and as
// they are stored, and the metadata.
func TestPydicom(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("pydicom is not installed (apt package python3-pydicom)")
	}
	s := newSite(t, nil)
	s.put(object(t, 1, 1, 1, 1, ""), object(t, 1, 2, 1, 3, rle), object(t, 1, 2, 2, 1, dicom.ImplicitLittle))
	for accept, syntaxes := range map[string]string{
		dicomParts:                         strings.Repeat(dicom.ExplicitLittle+" ", 3),
		dicomParts + "; transfer-syntax=*": dicom.ExplicitLittle + " " + rle + " " + dicom.ImplicitLittle + " ",
	} {
		dir := t.TempDir()
		_, bodies := s.get(studyPath(1), accept).parts(t)
		for i, b := range bodies {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.dcm", i)), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "metadata.json"), s.get(studyPath(1)+"/metadata", "").body, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "testdata/pydicom_read.py", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var read struct {
			Objects  [][4]string
			Metadata [][3]any
		}
		if err := json.Unmarshal(out, &read); err != nil || len(read.Objects) != 3 || len(read.Metadata) != 3 {
			t.Fatalf("%v: %s", err, out)
		}
		got := ""
		for i, o := range read.Objects {
			got += o[2] + " "
			var pixels []byte
			for f := range []int{1, 3, 1}[i] {
				pixels = append(pixels, framePixels(1, []int{1, 1, 2}[i], f)...)
			}
			if sum := sha256.Sum256(pixels); o[3] != hex.EncodeToString(sum[:]) || o[1] != "SYNTHETIC^Pätient1" {
				t.Errorf("%s: pydicom reads %q", accept, o)
			}
		}
		if got != syntaxes || read.Metadata[1][1] != "SYNTHETIC^Pätient1" || read.Metadata[0][2] != 16.0 {
			t.Errorf("%s: %q, %v", accept, got, read.Metadata)
		}
	}
}

const isolatedName = "CONSILIUM_DICOMWEB_ISOLATED"

// isolated runs the rest of the test in a network namespace of its own, because
// Orthanc listens on every interface. True inside; false outside, when it has run.
func isolated(t *testing.T) bool {
	if os.Getenv(isolatedName) != "" {
		return true
	}
	for _, name := range []string{"unshare", "ip", "Orthanc"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	if out, err := exec.Command("unshare", "-n", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made here: %s", out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", "-n", "sh", "-c", `ip link set lo up && exec "$0" "$@"`, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	c.Env = append(os.Environ(), isolatedName+"=1", "TCP_NODELAY=1")
	out, err := c.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v: %s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skip(string(out))
	default:
		t.Logf("%s", out)
	}
	return false
}

// orthanc runs Orthanc with its DICOMweb plugin; it knows our server as "consilium".
func orthanc(t *testing.T, ours string) string {
	t.Helper()
	plugins, _ := filepath.Glob("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
	if len(plugins) == 0 {
		t.Skip("Orthanc's DICOMweb plugin is not installed (apt package orthanc-dicomweb)")
	}
	dir := t.TempDir()
	config, err := json.Marshal(map[string]any{"Name": "PEER", "StorageDirectory": dir, "IndexDirectory": dir, "HttpPort": 8042, "DicomPort": 4242, "AuthenticationEnabled": false,
		"RemoteAccessAllowed": true, "Plugins": plugins, "DicomWeb": map[string]any{"Enable": true, "Root": "/dicom-web/", "Servers": map[string]any{"consilium": []string{ours + "/"}}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := exec.Command("Orthanc", path)
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("Orthanc said: %s", log.Bytes()[max(0, log.Len()-4000):])
		}
	})
	const address = "http://127.0.0.1:8042"
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(address + "/dicom-web/studies"); err == nil {
			r.Body.Close()
			if r.StatusCode == 200 {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("Orthanc does not answer: %s", log.String())
		}
	}
}

// TestOrthanc: our client with its server, and its client with our server.
func TestOrthanc(t *testing.T) {
	if !isolated(t) {
		return
	}
	s := newSite(t, func(c *Config) { c.Idle = 20 * time.Second })
	address := orthanc(t, s.URL)
	c := &Client{Base: address + "/dicom-web"}
	sent := []*dicom.Object{object(t, 1, 1, 1, 1, ""), object(t, 1, 2, 1, 3, rle), object(t, 2, 1, 1, 1, "")}
	queue := slices.Clone(sent)
	stored, err := c.Store(t.Context(), "", func() (io.ReadCloser, error) {
		if len(queue) == 0 {
			return nil, io.EOF
		}
		o := queue[0]
		queue = queue[1:]
		return io.NopCloser(bytes.NewReader(part10(t, o))), nil
	})
	if err != nil || len(stored.Accepted) != 3 || len(stored.Refused) != 0 {
		t.Fatalf("%+v, %v", stored, err)
	}
	found, err := c.Search(t.Context(), "studies", map[string][]string{"PatientID": {"SYN1"}, "includefield": {"NumberOfStudyRelatedInstances"}})
	if err != nil || len(found) != 1 || found[0].Text(dicom.PatientName) != "SYNTHETIC^Pätient1" {
		t.Errorf("%d found, %v", len(found), err)
	}
	study := sent[0].IDs().Study
	if list, err := c.Metadata(t.Context(), study, "", ""); err != nil || len(list) != 2 {
		t.Errorf("%d metadata, %v", len(list), err)
	}
	pixels := 0
	err = c.Retrieve(t.Context(), study, "", "", func(r io.Reader) error {
		o, err := dicom.ParseObject(r, "part")
		if err != nil {
			return err
		}
		want := sent[slices.IndexFunc(sent, func(s *dicom.Object) bool { return s.IDs().SOP == o.IDs().SOP })]
		for f := range want.NumberOfFrames() {
			a, errA := o.Frame(f)
			b, errB := want.Frame(f)
			if errA == nil && errB == nil && bytes.Equal(a, b) {
				pixels++
			}
		}
		return nil
	})
	if err != nil || pixels != 4 {
		t.Errorf("%d frames came back as they were, %v", pixels, err)
	}

	// Orthanc is the client: it sends to us, asks us, and gets from us.
	post := func(path, body string) string {
		t.Helper()
		r, err := http.Post(address+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		if r.StatusCode != 200 {
			t.Errorf("%s answers %d: %s", path, r.StatusCode, b)
		}
		return string(b)
	}
	list := post("/tools/find", `{"Level":"Study","Query":{"PatientID":"SYN1"}}`)
	post("/dicom-web/servers/consilium/stow", `{"Resources":`+list+`,"Synchronous":true}`)
	if got := s.get(studyPath(1)+"/instances", "").objects(t); len(got) != 2 {
		t.Fatalf("Orthanc sent %d objects", len(got))
	}
	if got := post("/dicom-web/servers/consilium/qido", `{"Uri":"/studies","Arguments":{"PatientName":"SYNTHETIC*"}}`); !strings.Contains(got, study) {
		t.Errorf("Orthanc finds %s", got)
	}
	s.put(object(t, 3, 1, 1, 1, ""), object(t, 3, 1, 2, 2, rle))
	if got := post("/dicom-web/servers/consilium/retrieve", fmt.Sprintf(`{"Resources":[{"Study":%q}],"Synchronous":true}`, object(t, 3, 1, 1, 1, "").IDs().Study)); !strings.Contains(got, "Instances") {
		t.Errorf("Orthanc got %s", got)
	}
	if list, err := c.Search(t.Context(), "instances", map[string][]string{"PatientID": {"SYN3"}}); err != nil || len(list) != 2 {
		t.Errorf("Orthanc has %d objects of ours, %v", len(list), err)
	}
}
