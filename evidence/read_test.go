package evidence

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/dataset/settest"
	"consilium/fault"
)

const pubmed = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2019//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">12345</PMID>
<Article><Journal><JournalIssue><PubDate><MedlineDate>2009 Nov-Dec</MedlineDate></PubDate></JournalIssue><Title>Annals of Examples</Title></Journal>
<ArticleTitle>Effect of <i>GLA</i> on H<sub>2</sub>O &amp; urate.</ArticleTitle>
<Abstract><AbstractText Label="BACKGROUND" NlmCategory="BACKGROUND">Urate is <b>high</b> in gout.</AbstractText><AbstractText Label="RESULTS">It fell.</AbstractText></Abstract>
<PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType><PublicationType UI="D016441">Retracted Publication</PublicationType></PublicationTypeList>
</Article><CommentsCorrectionsList><CommentsCorrections><PMID Version="1">99</PMID></CommentsCorrections></CommentsCorrectionsList></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>7</PMID><Article><ArticleTitle>No abstract</ArticleTitle></Article></MedlineCitation></PubmedArticle>
<DeleteCitation><PMID>1</PMID></DeleteCitation>
</PubmedArticleSet>`

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// read collects documents and the codes of what could not be read.
func read(documents iter.Seq2[Document, error]) (got []Document, codes []string) {
	for d, err := range documents {
		if err == nil {
			err = d.check()
		}
		if err != nil {
			codes = append(codes, string(fault.CodeOf(err)))
			continue
		}
		got = append(got, d)
	}
	return got, codes
}

func TestReaders(t *testing.T) {
	urate := Document{ID: "PMID:12345", Title: "Effect of GLA on H2O & urate.", Text: "BACKGROUND: Urate is high in gout.\n\nRESULTS: It fell.", Source: "Annals of Examples", URL: "https://pubmed.ncbi.nlm.nih.gov/12345/", Year: 2009, Retracted: true}
	for _, c := range []struct {
		name, text string
		want       []Document
		codes      []string
	}{
		{"lines.jsonl", `{"id":"a","question":"What is gout?","answer":"A disease.","source":"X","url":"u","year":"1999"}` + "\n\n" + `{"id":7,"title":"t","text":"b","year":2001}`,
			[]Document{{ID: "a", Title: "What is gout?", Text: "A disease.", Source: "X", URL: "u", Year: 1999}, {ID: "7", Title: "t", Text: "b", Source: "lines.jsonl", Year: 2001}}, nil},
		{"mark.jsonl", byteOrderMark + `{"id":"a","text":"t"}`, []Document{{ID: "a", Text: "t", Source: "mark.jsonl"}}, nil},
		{"some.jsonl", `{"id":"a","text":"t"}` + "\nnot json\n" + `{"id":"b","text":5}` + "\n{\"id\":\"c\",\"text\":\"\xff\"}\n" + `{"id":"d","text":"t","year":"soon"}` + "\n" + `{"id":"e","text":"t"}`,
			[]Document{{ID: "a", Text: "t", Source: "some.jsonl"}, {ID: "e", Text: "t", Source: "some.jsonl"}}, []string{"INPUT_MALFORMED", "INPUT_MALFORMED", "INPUT_MALFORMED", "INPUT_MALFORMED"}},
		{"pqa.json", "{\n\"11\": {\"QUESTION\":\"Is it?\",\"CONTEXTS\":[\"One.\",\"Two.\"],\"LONG_ANSWER\":\"secret\",\"YEAR\":\"2000\"},\n\"12\": {\"QUESTION\":\"Or\"}}",
			[]Document{{ID: "11", Title: "Is it?", Text: "One.\n\nTwo.", Source: "pqa.json", Year: 2000}}, []string{"INPUT_EMPTY"}},
		{"cut.json", `{"11": {"text":"a"}, "12": {"te`, []Document{{ID: "11", Text: "a", Source: "cut.json"}}, []string{"INPUT_TRUNCATED"}},
		{"pubmed.xml", pubmed, []Document{urate}, []string{"INPUT_EMPTY"}},
		{"cut.xml", pubmed[:strings.Index(pubmed, "No abstract")], []Document{urate}, []string{"INPUT_TRUNCATED"}},
		{"latin.xml", `<?xml version="1.0" encoding="iso-8859-1"?><PubmedArticleSet><PubmedArticle><PMID>1</PMID><Abstract><AbstractText>Sj` + "\xf6" + `gren</AbstractText></Abstract></PubmedArticle></PubmedArticleSet>`,
			[]Document{{Text: "Sjögren"}}, nil},
		{"other.xml", `<?xml version="1.0"?><html><p>text</p></html>`, nil, []string{"INPUT_UNSUPPORTED"}},
		{"odd.xml", `<?xml version="1.0" encoding="klingon"?><PubmedArticleSet/>`, nil, []string{"INPUT_UNSUPPORTED"}},
		{"hollow.xml", `<?xml version="1.0"?>`, nil, []string{"INPUT_UNSUPPORTED"}},
		{"deep.xml", "<PubmedArticleSet><PubmedArticle>" + strings.Repeat("<a>", 100), nil, []string{"INPUT_TOO_LARGE"}},
		{"note.txt", "Plain text.", []Document{{ID: "note.txt", Title: "note", Source: "note.txt", Text: "Plain text."}}, nil},
		{"bytes.bin", "\x00\x01\x02", nil, []string{"INPUT_UNKNOWN"}},
		{"utf16.txt", "T\x00e\x00x\x00t\x00", nil, []string{"INPUT_UNKNOWN"}},
		{"empty", "", nil, []string{"INPUT_EMPTY"}},
		{"bad.gz", "\x1f\x8bnot gzip", nil, []string{"INPUT_MALFORMED"}},
		{"cut.gz", string(packed(strings.Repeat(`{"id":"a","text":"t"}`+"\n", 1))[:30]), nil, []string{"INPUT_MALFORMED", "INPUT_TRUNCATED"}},
		{"broken.pdf", "%PDF-1.4\nthis is none", nil, []string{"INPUT_MALFORMED"}},
	} {
		if strings.HasSuffix(c.name, ".pdf") && !hasPDF() {
			continue
		}
		for _, raw := range [][]byte{[]byte(c.text), packed(c.text)} {
			if strings.HasSuffix(c.name, ".gz") && len(raw) != len(c.text) {
				continue // packed once is enough
			}
			got, codes := read(Decode(t.Context(), c.name, bytes.NewReader(raw)))
			for i := range got {
				if strings.HasPrefix(got[i].ID, "sha256-") || c.name == "latin.xml" {
					got[i] = Document{Text: got[i].Text}
				}
			}
			if !cmp.Equal(got, c.want) || !cmp.Equal(codes, c.codes) {
				t.Errorf("%s:\n%s%s", c.name, cmp.Diff(c.want, got), cmp.Diff(c.codes, codes))
			}
		}
	}
}

func hasPDF() bool {
	_, err := exec.LookPath(pdfProgram)
	return err == nil
}

// onePage is a PDF with a line of text on each of its pages.
func somePages(lines ...string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(offsets)}, args...)...)
	}
	b.WriteString("%PDF-1.4\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	var kids []string
	for i := range lines {
		kids = append(kids, fmt.Sprintf("%d 0 R", 4+2*i))
	}
	object("<</Type/Pages/Kids[%s]/Count %d>>", strings.Join(kids, " "), len(lines))
	object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	for i, line := range lines {
		stream := fmt.Sprintf("BT /F1 12 Tf 50 700 Td (%s) Tj ET", line)
		object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>", 5+2*i)
		object("<</Length %d>>stream\n%s\nendstream", len(stream), stream)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}

func TestPDF(t *testing.T) {
	if !hasPDF() {
		t.Skip("pdftotext (poppler-utils) is not installed")
	}
	path := filepath.Join(t.TempDir(), "guide.pdf")
	if err := os.WriteFile(path, somePages("Colchicine treats an attack of gout.", "Allopurinol lowers urate."), 0o600); err != nil {
		t.Fatal(err)
	}
	ix := testIndex(t, t.TempDir(), Options{Passage: 30})
	r, err := ix.Add(t.Context(), Read(t.Context(), path), nil)
	if err != nil || r.Added != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	found, err := ix.Search(t.Context(), Query{Text: "allopurinol"})
	if err != nil || len(found.Passages) != 1 || found.Passages[0].Page != 2 || found.Passages[0].Source != "guide.pdf" {
		t.Errorf("%+v, %v", found, err)
	}
	_, codes := read(Decode(t.Context(), "scan.pdf", bytes.NewReader(somePages(""))))
	if !cmp.Equal(codes, []string{"INPUT_EMPTY"}) {
		t.Errorf("pages without text: %v", codes)
	}
	t.Setenv("PATH", t.TempDir())
	if _, codes := read(Read(t.Context(), path)); !cmp.Equal(codes, []string{"INPUT_UNSUPPORTED"}) {
		t.Errorf("without pdftotext: %v", codes)
	}
}

// A child that writes without end or never ends is stopped.
func TestPDFChildIsContained(t *testing.T) {
	dir := t.TempDir()
	script := func(body string) {
		if err := os.WriteFile(filepath.Join(dir, pdfProgram), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	script("exec yes text")
	if _, codes := read(Decode(t.Context(), "endless.pdf", strings.NewReader("%PDF-1.4"))); !cmp.Equal(codes, []string{"INPUT_TOO_LARGE"}) {
		t.Errorf("endless: %v", codes)
	}
	script("exec sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, codes := read(readPDF(ctx, "hanging.pdf", strings.NewReader("%PDF-1.4"))); len(codes) != 1 {
		t.Errorf("hanging: %v", codes)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b.txt": "b", "a/c.jsonl": `{"id":"c","text":"c"}`, ".hidden": "h", ".git/x": "x"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, codes := read(Read(t.Context(), dir, filepath.Join(dir, "absent"), t.TempDir(), os.DevNull))
	var texts []string
	for _, d := range got {
		texts = append(texts, d.Text)
	}
	if !cmp.Equal(texts, []string{"c", "b"}) || !cmp.Equal(codes, []string{"INPUT_MISSING", "INPUT_EMPTY", "INPUT_MISSING"}) {
		t.Errorf("%v, %v", texts, codes)
	}
}

func TestRealFiles(t *testing.T) {
	n, codes := 0, map[string]int{}
	for d, err := range Read(t.Context(), filepath.Join(settest.Data(t, "medquad"), "medquad.jsonl.gz"), filepath.Join(settest.Data(t, "pubmedqa"), "pqal_cv_500.json")) {
		if err == nil {
			err = d.check()
		}
		if err != nil {
			codes[string(fault.CodeOf(err))]++
		}
		n++
	}
	if n != 16407+500 || len(codes) != 0 {
		t.Errorf("%d documents, refused %v", n, codes)
	}
}

// Whatever the bytes are: documents within the limits, or coded errors.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(pubmed))
	f.Add([]byte(`{"id":"a","text":"t"}` + "\n{"))
	f.Add([]byte(`{"11": {"QUESTION":"q","CONTEXTS":["One."]}}`))
	f.Add(packed("text"))
	f.Add([]byte("plain"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if bytes.HasPrefix(raw, []byte("%PDF")) {
			t.Skip("another's parser")
		}
		for d, err := range Decode(t.Context(), "name", bytes.NewReader(raw)) {
			if err == nil {
				err = d.check()
			}
			if err != nil {
				if fault.CodeOf(err) == fault.Internal {
					t.Fatal(err)
				}
				continue
			}
			if d.ID == "" || strings.TrimSpace(d.Text) == "" || len(d.Text) > MaxText {
				t.Fatalf("%+v", d)
			}
		}
	})
}

func FuzzRecord(f *testing.F) {
	r := &record{Document: library[0], Passages: [][2]int{{0, 5}}, Tokens: [2]int{2, 3}}
	raw, err := r.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := decodeRecord(raw)
		if err != nil {
			if fault.CodeOf(err) != fault.StoreCorrupt {
				t.Fatal(err)
			}
			return
		}
		for _, p := range r.Passages {
			_ = r.Text[p[0]:p[1]]
		}
	})
}
