package dicomweb

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"consilium/dicom"
	"consilium/dicom/pixel"
	"consilium/fault"
	"consilium/store"
)

const (
	ctImage = "1.2.840.10008.5.1.4.1.1.2"
	rle     = "1.2.840.10008.1.2.5"
)

// site is a DICOMweb server over an empty store.
type site struct {
	*httptest.Server
	t        testing.TB
	store    *store.Store
	observed *[]string
}

func newSite(t testing.TB, change func(*Config)) *site {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var observed []string
	c := Config{Store: s, Spool: t.TempDir(), Idle: 2 * time.Second,
		Receive: func(ctx context.Context, path, from string) (store.Instance, error) {
			return receive(ctx, s, path, from)
		},
		Observe: func(_ context.Context, action, study string) error {
			observed = append(observed, action+" "+study)
			return nil
		}}
	if change != nil {
		change(&c)
	}
	server := httptest.NewServer(Handler(c))
	t.Cleanup(server.Close)
	return &site{server, t, s, &observed}
}

// receive files an object as the node does.
func receive(ctx context.Context, s *store.Store, path, from string) (store.Instance, error) {
	f, err := os.Open(path)
	if err != nil {
		return store.Instance{}, err
	}
	defer f.Close()
	o, err := dicom.ParseHeader(f, "object")
	if err != nil {
		return store.Instance{}, err
	}
	number := func(t dicom.Tag) int { n, _ := o.Int(t); return n }
	id := o.IDs()
	i := store.Instance{Study: id.Study, Series: id.Series, SOP: id.SOP, Class: id.Class, TransferSyntax: o.TransferSyntax(), From: from,
		Number: number(dicom.InstanceNumber), Frames: max(1, number(dicom.NumberOfFrames)), Rows: number(dicom.Rows), Columns: number(dicom.Columns),
		Modality: o.Text(dicom.Modality), SeriesNumber: number(dicom.SeriesNumber), SeriesDescription: o.Text(dicom.SeriesDescription),
		Patient:   store.PatientKey{ID: o.Text(dicom.PatientID), Name: o.Text(dicom.PatientName), BirthDate: o.Text(dicom.PatientBirthDate), Sex: o.Text(dicom.PatientSex)},
		StudyDate: o.Text(dicom.StudyDate), StudyTime: o.Text(dicom.StudyTime), StudyID: o.Text(dicom.StudyID), Accession: o.Text(dicom.AccessionNumber),
		StudyDescription: o.Text(dicom.StudyDescription), Referring: o.Text(dicom.ReferringPhysicianName)}
	if i.Blob, i.Size, err = s.AdoptBlob(ctx, path); err != nil {
		return i, err
	}
	_, err = s.AddInstance(ctx, i)
	return i, err
}

// object makes a SYNTHETIC image: number n of a series of a study, of some frames.
func object(t testing.TB, study, series, n, frames int, syntax string) *dicom.Object {
	t.Helper()
	uid := fmt.Sprintf("1.2.826.0.1.3680043.10.999.%d", study)
	o := dicom.New(syntax)
	a := &attributes{Object: o}
	a.set(dicom.SOPClassUID, ctImage)
	a.set(dicom.SOPInstanceUID, fmt.Sprintf("%s.%d.%d", uid, series, n))
	a.set(dicom.StudyInstanceUID, uid)
	a.set(dicom.SeriesInstanceUID, fmt.Sprintf("%s.%d", uid, series))
	a.set(dicom.StudyDate, fmt.Sprintf("2026030%d", study))
	a.set(dicom.StudyTime, "083000")
	a.set(dicom.Modality, []string{"CT", "MR"}[series%2])
	a.set(dicom.AccessionNumber, fmt.Sprintf("A%d", study))
	a.set(dicom.StudyID, "1")
	a.set(dicom.SeriesNumber, series)
	a.set(dicom.InstanceNumber, n)
	a.set(dicom.PatientName, fmt.Sprintf("SYNTHETIC^Pätient%d", study))
	a.set(dicom.PatientID, fmt.Sprintf("SYN%d", study))
	a.set(dicom.SamplesPerPixel, 1)
	a.set(dicom.PhotometricInterpretation, "MONOCHROME2")
	a.set(dicom.Rows, 16)
	a.set(dicom.Columns, 32)
	a.set(dicom.BitsAllocated, 16)
	a.set(dicom.BitsStored, 12)
	a.set(dicom.HighBit, 11)
	a.set(dicom.PixelRepresentation, 0)
	if frames > 1 {
		a.set(dicom.NumberOfFrames, frames)
	}
	var all []byte
	fragments := [][]byte{nil}
	for k := range frames {
		data := framePixels(study, n, k)
		all = append(all, data...)
		if syntax == rle {
			encoded, err := pixel.EncodeRLE(pixel.Frame{Format: pixel.Format{Rows: 16, Columns: 32, Samples: 1, BitsAllocated: 16, BitsStored: 12, Photometric: "MONOCHROME2"}, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			fragments = append(fragments, encoded)
		}
	}
	if syntax == rle {
		a.err = errors.Join(a.err, o.SetFragments(dicom.PixelData, fragments...))
	} else {
		a.set(dicom.PixelData, all)
	}
	if a.err != nil {
		t.Fatal(a.err)
	}
	return o
}

// framePixels is a ramp that differs from frame to frame.
func framePixels(study, n, frame int) []byte {
	b := make([]byte, 0, 16*32*2)
	for i := range 16 * 32 {
		b = binary.LittleEndian.AppendUint16(b, uint16((i*7+study*100+n*10+frame)%4096))
	}
	return b
}

func part10(t testing.TB, o *dicom.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put stores objects by STOW-RS and wants all of them accepted.
func (s *site) put(objects ...*dicom.Object) {
	s.t.Helper()
	var bodies [][]byte
	for _, o := range objects {
		bodies = append(bodies, part10(s.t, o))
	}
	if status, answer := s.stow("/studies", bodies...); status != 200 {
		s.t.Fatalf("STOW answers %d: %s", status, answer)
	}
}

func (s *site) stow(path string, bodies ...[]byte) (int, string) {
	s.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, body := range bodies {
		w, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/dicom"}})
		if err != nil {
			s.t.Fatal(err)
		}
		w.Write(body)
	}
	m.Close()
	a := s.ask("POST", path, map[string]string{"Content-Type": `multipart/related; type="application/dicom"; boundary=` + m.Boundary()}, b.Bytes())
	return a.status, string(a.body)
}

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *site) ask(method, path string, header map[string]string, body []byte) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	got, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, b}
}

func (s *site) get(path string, accept string) answer {
	s.t.Helper()
	return s.ask("GET", path, map[string]string{"Accept": accept}, nil)
}

// wantError checks status and code of a refusal.
func (a answer) wantError(t testing.TB, status int, code fault.Code) {
	t.Helper()
	var told struct {
		Error struct{ Code, What, Do string }
	}
	if err := json.Unmarshal(a.body, &told); err != nil || a.status != status || told.Error.Code != string(code) || told.Error.What == "" {
		t.Errorf("got %d %.300s, want %d %s", a.status, a.body, status, code)
	}
}

// parts splits a multipart answer.
func (a answer) parts(t testing.TB) (types []string, bodies [][]byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" || a.status != 200 {
		t.Fatalf("got %d %q: %.300s", a.status, a.header.Get("Content-Type"), a.body)
	}
	m := multipart.NewReader(bytes.NewReader(a.body), params["boundary"])
	for {
		p, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return types, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		types, bodies = append(types, p.Header.Get("Content-Type")), append(bodies, b)
	}
}

// objects reads a list in DICOM JSON.
func (a answer) objects(t testing.TB) []*dicom.Object {
	t.Helper()
	var each []json.RawMessage
	if err := json.Unmarshal(a.body, &each); err != nil || a.status != 200 {
		t.Fatalf("got %d %.300s: %v", a.status, a.body, err)
	}
	var out []*dicom.Object
	for _, text := range each {
		o, err := dicom.ParseJSON(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

// path of an object that object made.
func path(study, series, n int) string {
	uid := fmt.Sprintf("1.2.826.0.1.3680043.10.999.%d", study)
	return fmt.Sprintf("/studies/%s/series/%[1]s.%d/instances/%[1]s.%d.%d", uid, series, n)
}

func studyPath(study int) string { return strings.Split(path(study, 1, 1), "/series")[0] }
