package dimse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

const isolatedName = "CONSILIUM_DIMSE_ISOLATED"

// isolated runs the rest of the test in a network namespace of its own, because
// dcmqrscp and Orthanc listen on every interface: the test's binary starts
// itself there again. True inside; false outside, when it has run.
func isolated(t *testing.T, needs ...string) bool {
	t.Helper()
	if os.Getenv(isolatedName) == t.Name() {
		return true
	}
	for _, name := range append(needs, "unshare", "ip") {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	if out, err := exec.Command("unshare", "-n", "true").CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made here: %s", out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-n", "sh", "-c", `ip link set lo up && exec "$0" "$@"`, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), isolatedName+"="+t.Name(), "TCP_NODELAY=1")
	out, err := cmd.CombinedOutput()
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

// run starts a program that serves until the test ends, and waits for its port.
func run(t *testing.T, p Peer, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", name, out.Bytes()[max(0, out.Len()-6000):])
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for err := Echo(t.Context(), p); err != nil; err = Echo(t.Context(), p) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v: %s", name, err, out.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// home is our own server at the address that the archives know.
func home(t *testing.T, c Config) Peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:11112")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, c, listener)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// series makes n SYNTHETIC images with the attributes that archives index.
func series(t *testing.T, study string, n int) []Source {
	t.Helper()
	dir := t.TempDir()
	var out []Source
	for i := range n {
		o := dicom.New("")
		err := errors.Join(o.Set(dicom.SOPClassUID, ctImage), o.Set(dicom.SOPInstanceUID, fmt.Sprintf("%s.1.%d", study, i+1)), o.Set(dicom.StudyInstanceUID, study), o.Set(dicom.SeriesInstanceUID, study+".1"),
			o.Set(dicom.StudyDate, "20260101"), o.Set(dicom.StudyTime, "120000"), o.Set(dicom.Modality, "CT"), o.Set(dicom.AccessionNumber, "A1"), o.Set(dicom.StudyID, "1"), o.Set(dicom.SeriesNumber, 1), o.Set(dicom.InstanceNumber, i+1),
			o.Set(dicom.PatientName, "SYNTHETIC^"+strings.ReplaceAll(study, ".", "")), o.Set(dicom.PatientID, "SYN"+study), o.Set(dicom.SamplesPerPixel, 1), o.Set(dicom.PhotometricInterpretation, "MONOCHROME2"),
			o.Set(dicom.Rows, 64), o.Set(dicom.Columns, 64), o.Set(dicom.BitsAllocated, 16), o.Set(dicom.BitsStored, 16), o.Set(dicom.HighBit, 15), o.Set(dicom.PixelRepresentation, 0), o.Set(dicom.PixelData, make([]byte, 64*64*2)))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%d.dcm", study, i))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(o.Write(f), f.Close()); err != nil {
			t.Fatal(err)
		}
		out = append(out, File(path))
	}
	return out
}

func keys(t *testing.T, set map[dicom.Tag]string) *dicom.Object {
	o := dicom.New("")
	for tag, v := range set {
		err := o.Set(tag)
		if v != "" {
			err = o.Set(tag, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// queries stores two studies, then finds, moves and gets them.
func queries(t *testing.T, p Peer, in *inbox) {
	t.Helper()
	for _, s := range [][]Source{series(t, "1.2.5", 3), series(t, "1.2.6", 12)} {
		if _, err := Store(t.Context(), p, s, nil); err != nil {
			t.Fatal(err)
		}
	}
	var found []string
	collect := func(o *dicom.Object) error { found = append(found, o.Text(dicom.StudyInstanceUID)); return nil }
	find := func(q Query, want ...string) {
		t.Helper()
		found = nil
		if err := Find(t.Context(), p, q, collect); err != nil {
			t.Error(err)
		}
		slices.Sort(found)
		if !slices.Equal(found, want) {
			t.Errorf("found %v, want %v", found, want)
		}
	}
	find(Query{Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.PatientName: "SYNTHETIC*", dicom.StudyInstanceUID: "", dicom.StudyDate: ""})}, "1.2.5", "1.2.6")
	find(Query{Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.PatientName: "SYNTHETIC^126", dicom.StudyInstanceUID: ""})}, "1.2.6")
	find(Query{Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.PatientName: "NOBODY", dicom.StudyInstanceUID: ""})})
	find(Query{Root: PatientRoot, Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.PatientID: "SYN1.2.5", dicom.StudyInstanceUID: ""})}, "1.2.5")
	stop := errors.New("enough")
	if err := Find(t.Context(), p, Query{Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.StudyInstanceUID: ""})}, func(*dicom.Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a query that was stopped: %v", err)
	}
	study := Query{Level: "STUDY", Keys: keys(t, map[dicom.Tag]string{dicom.StudyInstanceUID: "1.2.6"})}
	done, err := Move(t.Context(), p, study, "CONSILIUM", nil)
	if err != nil || done.Completed != 12 || done.Failed != 0 || in.count() != 12 {
		t.Errorf("moved %+v, %d arrived: %v", done, in.count(), err)
	}
	if in.count() > 0 && in.got[0].MoveOriginator != "CONSILIUM" {
		t.Errorf("moved for %q", in.got[0].MoveOriginator)
	}
	_, err = Move(t.Context(), p, study, "NOWHERE", nil)
	wantCode(t, err, fault.PeerRefused)
	var got inbox
	var calls int
	done, err = Get(t.Context(), p, study, Inbox{Spool: t.TempDir(), Receive: got.receive}, func(SubOperations) { calls++ })
	if err != nil || done.Completed != 12 || got.count() != 12 {
		t.Errorf("got %+v, %d arrived, %d interim answers: %v", done, got.count(), calls, err)
	}
	full := errors.New("no room")
	done, err = Get(t.Context(), p, study, Inbox{Spool: t.TempDir(), Receive: func(context.Context, Received) error { return full }}, nil)
	wantCode(t, err, fault.PeerRefused)
	if done.Completed != 0 { // Orthanc stops at the first failure and counts nothing
		t.Errorf("refused objects are counted as %+v", done)
	}
}

func TestDcmqrscp(t *testing.T) {
	if !isolated(t, "dcmqrscp", "movescu", "findscu") {
		return
	}
	dir := t.TempDir()
	config := write(t, filepath.Join(dir, "dcmqrscp.cfg"), fmt.Sprintf(`NetworkTCPPort = 11113
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
ours = (CONSILIUM, 127.0.0.1, 11112)
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE %s RW (200, 1024mb) ANY
AETable END
`, t.TempDir()))
	var in inbox
	home(t, Config{Receive: in.receive})
	archive := Peer{Address: "127.0.0.1:11113", AETitle: "ARCHIVE", Timeout: 20 * time.Second}
	run(t, archive, "dcmqrscp", "-c", config)
	queries(t, archive, &in)

	before := in.count() // dcmtk asks, dcmtk sends, we receive
	out, err := program(t, "movescu", "-S", "-aet", "CONSILIUM", "-aec", "ARCHIVE", "-aem", "CONSILIUM", "-k", "0008,0052=STUDY", "-k", "0020,000D=1.2.5", "127.0.0.1", "11113")
	if err != nil || in.count() != before+3 {
		t.Errorf("%d arrived: %v: %s", in.count()-before, err, out)
	}
}

func TestOrthanc(t *testing.T) {
	if !isolated(t, "Orthanc") {
		return
	}
	dir := t.TempDir()
	config := write(t, filepath.Join(dir, "orthanc.json"), fmt.Sprintf(`{"StorageDirectory": %q, "IndexDirectory": %q, "DicomAet": "ORTHANC", "DicomPort": 4242, "HttpPort": 8042,
		"AuthenticationEnabled": false, "DicomModalities": {"ours": {"AET": "CONSILIUM", "Host": "127.0.0.1", "Port": 11112, "AllowStorageCommitment": true}},
		"DicomAlwaysAllowEcho": true, "DicomAlwaysAllowFind": true, "DicomAlwaysAllowGet": true, "DicomAlwaysAllowMove": true}`, dir, dir))
	var in inbox
	var mu sync.Mutex
	reports := map[string]Commitment{}
	orthanc := Peer{Address: "127.0.0.1:4242", AETitle: "ORTHANC", Timeout: 20 * time.Second}
	home(t, Config{Receive: in.receive, Commit: func(_ context.Context, _ string, refs []Reference) ([]Reason, error) {
		out := make([]Reason, len(refs))
		in.mu.Lock()
		defer in.mu.Unlock()
		for i, r := range refs {
			if in.data[r.SOP] == nil {
				out[i] = CommitNoSuchObject
			}
		}
		return out, nil
	}, Committed: func(_ context.Context, _ string, c Commitment) error {
		mu.Lock()
		defer mu.Unlock()
		reports[c.Transaction] = c
		return nil
	}, Peers: func(ae string) (Peer, bool) { return orthanc, ae == "ORTHANC" }})
	run(t, orthanc, "Orthanc", config)
	queries(t, orthanc, &in)

	stored, absent := Reference{ctImage, "1.2.5.1.1"}, Reference{ctImage, "1.2.99"}
	asked, known, err := RequestCommitment(t.Context(), orthanc, []Reference{stored, absent}, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !known {
		eventually(t, "Orthanc's commitment report", func() bool { mu.Lock(); defer mu.Unlock(); return len(reports) == 1 })
		asked = reports[asked.Transaction]
	}
	if len(asked.Committed) != 1 || asked.Committed[0] != stored || asked.Failed[absent] != CommitNoSuchObject {
		t.Errorf("Orthanc committed %+v", asked)
	}
	orthancCommits(t)
}

// orthancCommits has Orthanc send a study to us and ask for our commitment.
func orthancCommits(t *testing.T) {
	t.Helper()
	var ids []string
	call(t, http.MethodGet, "/studies", "", &ids)
	body, _ := json.Marshal(map[string]any{"Resources": ids, "StorageCommitment": true, "Synchronous": true})
	var sent struct {
		Transaction string `json:"StorageCommitmentTransactionUID"`
	}
	call(t, http.MethodPost, "/modalities/ours/store", string(body), &sent)
	var report struct {
		Status   string
		Success  []any
		Failures []any
	}
	eventually(t, "our commitment report", func() bool {
		call(t, http.MethodGet, "/storage-commitment/"+sent.Transaction, "", &report)
		return report.Status == "Success"
	})
	if len(report.Success) != 15 || len(report.Failures) != 0 {
		t.Errorf("Orthanc was told %+v", report)
	}
}

func call(t *testing.T, method, path, body string, to any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rq, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:8042"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, b)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err, string(b))
	}
}
