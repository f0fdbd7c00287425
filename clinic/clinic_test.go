package clinic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"consilium/clinic"
	"consilium/dataset/synthetic"
	"consilium/dicom"
	"consilium/dimse"
	"consilium/govern"
	"consilium/panel/paneltest"
	"consilium/server"
	"consilium/store"
)

// TestMain is also the process of a node, for tests that kill one.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CLINIC_TEST_NODE"); dir != "" {
		runNode(dir)
		return
	}
	os.Exit(m.Run())
}

func runNode(dir string) {
	workers, _ := strconv.Atoi(os.Getenv("CLINIC_TEST_WORKERS"))
	o := options(dir, os.Getenv("CLINIC_TEST_ARCHIVE"))
	o.Workers, o.HTTP.Address, o.DICOM.Address = workers, "127.0.0.1:0", os.Getenv("CLINIC_TEST_DICOM")
	c, err := clinic.Open(context.Background(), o)
	if err == nil {
		err = c.Run(context.Background(), func(at clinic.Addresses) { fmt.Println("ready " + at.DICOM) })
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func options(dir, archive string) clinic.Options {
	o := clinic.Options{
		DataDir: dir, Models: paneltest.All(), Quiet: 50 * time.Millisecond, Version: "test",
		HTTP: server.Listen{Address: "127.0.0.1:0"}, DICOM: clinic.DICOM{Address: "127.0.0.1:0"},
	}
	if archive != "" {
		o.Peers = []server.Peer{{Name: "pacs", Kind: "dicom", Address: archive, AETitle: "ARCHIVE"}}
	}
	return o
}

// archive is a PACS that keeps the headers of what it gets.
type archive struct {
	mu      sync.Mutex
	address string
	got     map[string][]*dicom.Object // by study
	times   map[string]int             // by object
}

func startArchive(t testing.TB) *archive {
	t.Helper()
	a := &archive{got: map[string][]*dicom.Object{}, times: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.address = l.Addr().String()
	s, err := dimse.NewServer(dimse.Config{Address: a.address, AETitle: "ARCHIVE", Spool: t.TempDir(), Receive: a.receive})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func (a *archive) receive(_ context.Context, r dimse.Received) error {
	f, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	o, err := dicom.ParseHeader(f, r.SOP)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.times[r.SOP]++; a.times[r.SOP] == 1 {
		id := o.IDs()
		a.got[id.Study] = append(a.got[id.Study], o)
	}
	return nil
}

// complete counts the studies with a report, a segmentation and a heat map.
func (a *archive) complete() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, objects := range a.got {
		if len(objects) >= resultsAStudy {
			n++
		}
	}
	return n
}

const resultsAStudy = 3

// films makes a film for each of n studies, all of the same picture.
func films(t testing.TB, n int) []dimse.Source {
	t.Helper()
	patient, _ := synthetic.Patient(4)
	var b bytes.Buffer
	if err := dicom.WriteFilm(&b, dicom.FilmOptions{Image: patient.Images[0]}); err != nil {
		t.Fatal(err)
	}
	var out []dimse.Source
	for i := range n {
		out = append(out, dimse.Source{Name: fmt.Sprint("film ", i), Open: func() (io.ReadCloser, error) {
			o, err := dicom.ParseObject(bytes.NewReader(b.Bytes()), "film")
			if err != nil {
				return nil, err
			}
			for tag, part := range map[dicom.Tag]string{dicom.StudyInstanceUID: "study", dicom.SeriesInstanceUID: "series", dicom.SOPInstanceUID: "object"} {
				if err := o.Set(tag, dicom.DerivedUID("clinic test", part, fmt.Sprint(i))); err != nil {
					return nil, err
				}
			}
			var file bytes.Buffer
			err = o.Write(&file)
			return io.NopCloser(&file), err
		}})
	}
	return out
}

func TestNodeServesAndSendsBack(t *testing.T) {
	a := startArchive(t)
	c, err := clinic.Open(t.Context(), options(t.TempDir(), a.address))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan clinic.Addresses, 1)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, func(at clinic.Addresses) { ready <- at }) }()
	at := <-ready
	if at.Page == "" || at.Setup == "" {
		t.Errorf("addresses %+v", at)
	}
	send(t, dimseAddress(at.DICOM), films(t, 3))
	await(t, a, 3)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func dimseAddress(at string) string {
	_, address, _ := bytes.Cut([]byte(at), []byte("@"))
	return string(address)
}

func send(t testing.TB, address string, sources []dimse.Source) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := dimse.Store(ctx, dimse.Peer{Address: address, AETitle: "CONSILIUM", CallingAE: "TEST"}, sources, nil); err != nil {
		t.Fatal(err)
	}
}

func await(t testing.TB, a *archive, want int) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for a.complete() < want {
		if time.Now().After(deadline) {
			t.Fatalf("results of %d studies of %d", a.complete(), want)
		}
		time.Sleep(10 * time.Millisecond) // polling, with a deadline
	}
}

// TestKilledNodeLosesAndRepeatsNothing kills a node with SIGKILL at random
// moments while studies arrive, are diagnosed and are sent back.
// CLINIC_STUDIES and CLINIC_KILLS make it larger: `make bench` takes 1,000 and 10.
func TestKilledNodeLosesAndRepeatsNothing(t *testing.T) {
	studies, kills := number("CLINIC_STUDIES", 24), number("CLINIC_KILLS", 3)
	if testing.Short() {
		studies, kills = 8, 1
	}
	a := startArchive(t)
	dir := t.TempDir()
	port := free(t)
	random := rand.New(rand.NewPCG(uint64(studies), uint64(kills)))
	p := startNode(t, dir, a.address, port)
	pending := films(t, studies)
	killed := 0
	deadline := time.Now().Add(time.Duration(studies)*time.Second + 3*time.Minute)
	for a.complete() < studies {
		if time.Now().After(deadline) {
			t.Fatalf("results of %d studies of %d", a.complete(), studies)
		}
		pending = sendSome(port, pending)
		if killed < kills && a.complete() >= killed*studies/(kills+1) {
			wait := time.Duration(random.Int64N(int64(400 * time.Millisecond)))
			select {
			case <-time.After(wait): // the moment of the kill is what is random
			case <-p.ended:
				t.Fatal("the node ended by itself")
			}
			_ = p.Process.Kill()
			<-p.ended
			killed++
			p = startNode(t, dir, a.address, port)
		}
	}
	_ = p.Process.Kill()
	<-p.ended
	if killed < kills {
		t.Errorf("only %d kills", killed)
	}
	check(t, dir, a, studies)
	t.Logf("%d studies, %d kills: every study has one report, one segmentation, one heat map; every one was assessed once", studies, killed)
}

// check looks at what is left: nothing is missing, and nothing is there twice.
func check(t *testing.T, dir string, a *archive, studies int) {
	t.Helper()
	c, err := clinic.Open(t.Context(), options(dir, a.address))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Node.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for study, objects := range a.got {
		classes := map[string]int{}
		for _, o := range objects {
			classes[o.IDs().Class]++
		}
		if len(objects) != resultsAStudy || len(classes) != resultsAStudy {
			t.Errorf("study %s: %v in the archive", study, classes)
		}
		page, err := c.Audit.Entries(t.Context(), govern.Query{Study: study, Action: "assessment.made"})
		if err != nil || len(page.Items) != 1 {
			t.Errorf("study %s was assessed %d times (%v)", study, len(page.Items), err)
		}
	}
	counts, err := c.Store.CountStates(t.Context(), store.Care)
	if err != nil || counts[store.StateReady] != min(studies, store.CountLimit) {
		t.Errorf("states %v, %v", counts, err)
	}
	checkpoint := c.Audit.Checkpoint()
	report, err := govern.Verify(t.Context(), filepath.Join(dir, govern.LogDir), c.Audit.Verifier(), checkpoint.Text)
	if err != nil {
		t.Errorf("the audit log does not verify: %v", err)
	}
	text, _ := json.Marshal(counts)
	t.Logf("states %s, audit log of %d entries verified", text, report.Entries)
}

// sendSome sends what it can and gives what is left.
func sendSome(address string, sources []dimse.Source) []dimse.Source {
	if len(sources) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	batch := sources[:min(16, len(sources))]
	sent, err := dimse.Store(ctx, dimse.Peer{Address: address, AETitle: "CONSILIUM", CallingAE: "TEST", Timeout: 10 * time.Second}, batch, nil)
	var left []dimse.Source
	for i, s := range batch {
		if i >= len(sent) || sent[i].Err != nil || (err != nil && sent[i].SOP == "") {
			left = append(left, s)
		}
	}
	return append(left, sources[len(batch):]...)
}

type process struct {
	*exec.Cmd
	ended chan struct{}
}

func startNode(t testing.TB, dir, archive, port string) process {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "CLINIC_TEST_NODE="+dir, "CLINIC_TEST_ARCHIVE="+archive, "CLINIC_TEST_DICOM="+port, "CLINIC_TEST_WORKERS=2")
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := process{c, make(chan struct{})}
	line := make([]byte, 256)
	n, _ := out.Read(line)
	go func() { _ = c.Wait(); close(p.ended) }()
	t.Cleanup(func() { _ = c.Process.Kill(); <-p.ended })
	if !bytes.HasPrefix(line[:n], []byte("ready")) {
		<-p.ended
		t.Fatalf("the node did not start: %s%s", line[:n], log.String())
	}
	return p
}

func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func number(name string, missing int) int {
	if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return v
	}
	return missing
}
