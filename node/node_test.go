package node_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset/synthetic"
	"consilium/dicom"
	"consilium/dicom/result"
	"consilium/fault"
	"consilium/govern"
	"consilium/node"
	"consilium/node/nodetest"
	"consilium/panel/demo"
	"consilium/store"
)

// film writes the synthetic chest film of a seed into the spool.
func film(t testing.TB, p nodetest.Parts, seed uint64) string {
	t.Helper()
	patient, _ := synthetic.Patient(seed)
	var b bytes.Buffer
	if err := dicom.WriteFilm(&b, dicom.FilmOptions{Image: patient.Images[0]}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir, node.SpoolDir, t.Name()+".dcm")
	os.MkdirAll(filepath.Dir(path), 0o700)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var reader = node.Actor{Name: "Dr Kim", Role: "reader"}

func actions(t *testing.T, p nodetest.Parts, study string) []string {
	t.Helper()
	page, err := p.Log.Entries(t.Context(), govern.Query{Study: study})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := len(page.Items) - 1; i >= 0; i-- {
		out = append(out, page.Items[i].Action)
	}
	return out
}

func TestStudyFromArrivalToSignature(t *testing.T) {
	archive, record := &nodetest.Archive{}, &nodetest.Archive{}
	p := nodetest.Start(t, "", func(c *node.Config) {
		c.Peers = []node.Peer{{Name: "pacs", Kind: node.KindDICOM, Sender: archive}, {Name: "record", Kind: node.KindFHIR, Sender: record}}
	})
	ctx := t.Context()
	i, err := p.Receive(ctx, film(t, p, 4), "SCANNER")
	if err != nil {
		t.Fatal(err)
	}
	row := p.Await(t, i.Study, store.StateReady)
	if row.Findings != 1 || row.Headline == "" || !row.Synthetic || row.Urgency == "" {
		t.Errorf("worklist: %+v", row)
	}
	c, err := p.Case(ctx, store.Care, i.Study)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Assessment
	if a == nil || len(a.Findings) != 1 || len(a.Findings[0].Pictures) != 1 || a.Findings[0].SOPUID != i.SOP || len(a.Findings[0].Reasons) < 2 || a.Report == nil {
		t.Fatalf("assessment %+v", a)
	}
	f := a.Findings[0]
	blob := strings.TrimSuffix(filepath.Base(f.Pictures[0].URL), ".png")
	png, err := p.Picture(ctx, store.Care, i.Study, blob)
	if err != nil {
		t.Fatal(err)
	}
	png.Close()
	if _, err := p.Picture(ctx, store.Care, i.Study, i.Blob); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a blob that is no picture was shown: %v", err)
	}
	if err := p.Sign(ctx, reader, store.Care, i.Study); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("signed with an undecided finding: %v", err)
	}
	if err := p.Review(ctx, reader, store.Care, i.Study, f.ID, node.Review{Decision: node.DecisionCorrect, Answer: "something else", Comment: "see lower lobe"}); err != nil {
		t.Fatal(err)
	}
	if err := p.Sign(ctx, reader, store.Care, i.Study); err != nil {
		t.Fatal(err)
	}
	if row := p.Await(t, i.Study, store.StateSigned); row.State != store.StateSigned {
		t.Errorf("%+v", row)
	}
	if err := p.Review(ctx, reader, store.Care, i.Study, f.ID, node.Review{Decision: node.DecisionAccept}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a signed finding was reviewed: %v", err)
	}
	letter, err := p.Letter(ctx, store.Care, i.Study)
	if err != nil || !strings.Contains(strings.Join(letter.Paragraphs, " "), "something else") {
		t.Errorf("letter %+v, %v", letter, err)
	}
	var page bytes.Buffer
	if err := p.Report(ctx, store.Care, i.Study, &page); err != nil || !strings.Contains(page.String(), "data:image/png;base64,iVBOR") || !strings.Contains(page.String(), clinical.Disclaimer) {
		t.Errorf("report of %d bytes, %v", page.Len(), err)
	}
	var text bytes.Buffer
	if err := p.TextReport(ctx, store.Care, i.Study, &text); err != nil {
		t.Fatal(err)
	}
	if o, err := dicom.ParseObject(&text, "text report"); err != nil || o.IDs().Class != result.BasicTextSR || o.Text(dicom.VerificationFlag) != "VERIFIED" {
		t.Errorf("text report: %v", err)
	}
	sentEventually(t, archive, 4) // heat map, segmentation, report, signed report
	sentEventually(t, record, 1)
	objects, _ := archive.Got()
	verified := 0
	for uid, file := range objects {
		o, err := dicom.ParseObject(bytes.NewReader(file), uid)
		if err != nil {
			t.Fatal(err)
		}
		if o.IDs().Study != i.Study || o.IDs().Series == i.Series {
			t.Errorf("%s is in study %s, series %s", uid, o.IDs().Study, o.IDs().Series)
		}
		if o.Text(dicom.VerificationFlag) == "VERIFIED" {
			verified++
		}
	}
	if verified != 1 {
		t.Errorf("%d verified reports", verified)
	}
	want := "study.received assessment.made finding.reviewed report.signed"
	var got []string
	for _, a := range actions(t, p, i.Study) {
		if a != "result.sent" {
			got = append(got, a)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("audit log: %v, want %s", got, want)
	}
}

func sentEventually(t *testing.T, a *nodetest.Archive, want int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		objects, sent := a.Got()
		if len(objects) == want && sent == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d objects in %d sendings, want %d of each", len(objects), sent, want)
		}
		time.Sleep(5 * time.Millisecond) // polling, with a deadline
	}
}

func TestSameObjectAgainIsNotDiagnosedAgain(t *testing.T) {
	archive := &nodetest.Archive{}
	p := nodetest.Start(t, "", func(c *node.Config) {
		c.Peers = []node.Peer{{Name: "pacs", Kind: node.KindDICOM, Sender: archive}}
	})
	i, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER")
	if err != nil {
		t.Fatal(err)
	}
	p.Await(t, i.Study, store.StateReady)
	if _, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER"); err != nil {
		t.Fatal(err)
	}
	if err := p.Diagnose(t.Context(), reader, i.Study); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("diagnosed again with nothing changed: %v", err)
	}
	sentEventually(t, archive, 3)
	made := 0
	for _, a := range actions(t, p, i.Study) {
		if a == "assessment.made" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d assessments", made)
	}
	// What the archive sends back is known, even when it was touched there.
	objects, _ := archive.Got()
	for uid, file := range objects {
		o, err := dicom.ParseObject(bytes.NewReader(file), uid)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Set(dicom.InstitutionName, "touched by the archive"); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := o.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := p.ReceiveFrom(t.Context(), &b, "PACS"); err != nil {
			t.Errorf("our own result came back: %v", err)
		}
	}
	if row, _ := p.Row(t.Context(), store.Care, i.Study); row.State != store.StateReady {
		t.Errorf("the study is %s", row.State)
	}
}

func TestRefusingArchiveGetsItLater(t *testing.T) {
	refusals := 0
	archive := &nodetest.Archive{Refuse: func(node.Result) error {
		if refusals++; refusals <= 2 {
			return fault.New(fault.PeerUnreachable, "the archive is down", "wait")
		}
		return nil
	}}
	p := nodetest.Start(t, "", func(c *node.Config) {
		c.Peers = []node.Peer{{Name: "pacs", Kind: node.KindDICOM, Sender: archive}}
	})
	i, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER")
	if err != nil {
		t.Fatal(err)
	}
	p.Await(t, i.Study, store.StateReady)
	sentEventually(t, archive, 3)
}

func TestUnfinishedWorkIsTakenUpAgain(t *testing.T) {
	dir := t.TempDir()
	var study string
	t.Run("first process", func(t *testing.T) {
		p := nodetest.Open(t, dir, nil) // receives, and never gets to diagnose
		i, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER")
		if err != nil {
			t.Fatal(err)
		}
		study = i.Study
		if err := p.Store.SetState(t.Context(), study, nil, store.StateDiagnosing); err != nil {
			t.Fatal(err)
		}
	})
	p := nodetest.Start(t, dir, nil)
	p.Await(t, study, store.StateReady)
}

func TestWithheldStudyIsNotDiagnosed(t *testing.T) {
	p := nodetest.Open(t, "", nil)
	i, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER")
	if err != nil {
		t.Fatal(err)
	}
	research := store.Reader{Purpose: clinical.PurposeResearch}
	if _, err := p.Case(t.Context(), research, i.Study); fault.CodeOf(err) != fault.ConsentWithheld {
		t.Errorf("shown for research without consent: %v", err)
	}
	page, err := p.Worklist(t.Context(), research, node.Query{})
	if err != nil || len(page.Items) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestBadObjects(t *testing.T) {
	p := nodetest.Open(t, "", nil)
	for name, content := range map[string]string{"empty": "", "text": "hello", "half": halfFilm(t, p)} {
		_, err := p.ReceiveFrom(context.Background(), strings.NewReader(content), "SCANNER")
		if fault.ExitStatus(err) != fault.ExitInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(p.Dir, node.SpoolDir, "receive-*"))
	if len(left) != 0 {
		t.Errorf("left in the spool: %v", left)
	}
}

// halfFilm is a film cut off within its header.
func halfFilm(t *testing.T, p nodetest.Parts) string {
	t.Helper()
	b, err := os.ReadFile(film(t, p, 4))
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:200])
}

func TestReviewIsChecked(t *testing.T) {
	p := nodetest.Start(t, "", nil)
	i, err := p.Receive(t.Context(), film(t, p, 4), "SCANNER")
	if err != nil {
		t.Fatal(err)
	}
	p.Await(t, i.Study, store.StateReady)
	c, err := p.Case(t.Context(), store.Care, i.Study)
	if err != nil {
		t.Fatal(err)
	}
	id := c.Assessment.Findings[0].ID
	for name, r := range map[string]struct {
		finding string
		review  node.Review
		code    fault.Code
	}{
		"no decision":       {id, node.Review{}, fault.Usage},
		"a new one":         {id, node.Review{Decision: "perhaps"}, fault.Usage},
		"empty correction":  {id, node.Review{Decision: node.DecisionCorrect, Answer: "  "}, fault.Usage},
		"endless comment":   {id, node.Review{Decision: node.DecisionAccept, Comment: strings.Repeat("x", 5000)}, fault.Usage},
		"another's finding": {"0123", node.Review{Decision: node.DecisionAccept}, fault.NotFound},
	} {
		if err := p.Review(t.Context(), reader, store.Care, i.Study, r.finding, r.review); fault.CodeOf(err) != r.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Review(t.Context(), reader, store.Care, "1.2.3", id, node.Review{Decision: node.DecisionAccept}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a study that is not there: %v", err)
	}
}

func TestUploadedFilesBecomeOneDICOMStudy(t *testing.T) {
	p := nodetest.Start(t, "", nil)
	dir := t.TempDir()
	files, err := demo.Write(dir, 4)
	if err != nil {
		t.Fatal(err)
	}
	var uploads []node.Upload
	for _, path := range append(files.Paths, filepath.Join(dir, "ecg.dat")) {
		uploads = append(uploads, node.Upload{Name: "../../" + filepath.Base(path), Path: path})
	}
	study, err := p.Upload(t.Context(), reader, uploads)
	if err != nil {
		t.Fatal(err)
	}
	p.Await(t, study, store.StateReady)
	c, err := p.Case(t.Context(), store.Care, study)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, s := range c.Series {
		for _, i := range s.Instances {
			if !s.Result {
				kinds[i.Kind] = i.SOPUID
			}
		}
	}
	if len(kinds) != 3 || kinds["image"] == "" || kinds["ecg"] == "" || kinds["sound"] == "" {
		t.Fatalf("kinds %v in %+v", kinds, c.Series)
	}
	if n := len(c.Assessment.Findings); n != 3 {
		t.Errorf("%d findings: %+v, refusals %+v", n, c.Assessment.Findings, c.Assessment.Refusals)
	}
	w, err := p.Waveform(t.Context(), store.Care, kinds["ecg"])
	if err != nil || w.Kind != "ecg" || len(w.Leads) != 12 || len(w.Leads[0].Samples) == 0 || w.Leads[0].Unit != "mV" {
		t.Errorf("waveform of %d leads, %v", len(w.Leads), err)
	}
	var wav bytes.Buffer
	if err := p.Sound(t.Context(), store.Care, kinds["sound"], &wav); err != nil || !strings.HasPrefix(wav.String(), "RIFF") {
		t.Errorf("sound of %d bytes, %v", wav.Len(), err)
	}
	if _, err := p.Waveform(t.Context(), store.Care, kinds["image"]); fault.CodeOf(err) != fault.InputUnsupported {
		t.Errorf("the waveform of a film: %v", err)
	}
	if err := p.Sound(t.Context(), store.Care, kinds["ecg"], &wav); fault.CodeOf(err) != fault.InputUnsupported {
		t.Errorf("the sound of an ECG: %v", err)
	}
}
