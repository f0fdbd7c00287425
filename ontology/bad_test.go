package ontology

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/fault"
)

// graph writes an ontology of nodes "ID label" and edges "child parent".
func graph(nodes, edges []string) string {
	var n, e []string
	for _, s := range nodes {
		id, label, _ := strings.Cut(s, " ")
		n = append(n, fmt.Sprintf(`{"id":"x/T_%s","lbl":%q,"type":"CLASS"}`, id, label))
	}
	for _, s := range edges {
		sub, obj, _ := strings.Cut(s, " ")
		e = append(e, fmt.Sprintf(`{"sub":"x/T_%s","pred":"is_a","obj":"x/T_%s"}`, sub, obj))
	}
	return fmt.Sprintf(`{"graphs":[{"nodes":[%s],"edges":[%s]}]}`, strings.Join(n, ","), strings.Join(e, ","))
}

const header = "database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration\n"

func hpoaLine(term string) string {
	return "OMIM:1\tName\t\t" + term + "\tPMID:1\tPCS\t\t1/2\t\t\tP\tx\n"
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestBadInputHasItsCode(t *testing.T) {
	good := graph([]string{"1 All", "2 Pain"}, []string{"2 1"})
	lines := header + hpoaLine("T:2")
	genes := "ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n1\tG\tT:2\tPain\t-\tOMIM:1\n"
	for name, c := range map[string]struct {
		files []string
		code  fault.Code
		says  string
	}{
		"good":                       {[]string{good, lines, genes}, "", ""},
		"good, gzipped":              {[]string{zipped(good), zipped(lines), zipped(genes)}, "", ""},
		"good, with byte order mark": {[]string{"\ufeff" + good, "\ufeff" + lines}, "", ""},
		"genes_to_disease.txt":       {[]string{good, lines, "ncbi_gene_id\tgene_symbol\tassociation_type\tdisease_id\tsource\n1\tG\tM\tOMIM:1\thttp\n"}, "", ""},
		"nothing":                    {nil, fault.InputMissing, "no file with the ontology"},
		"ontology alone":             {[]string{good}, fault.InputMissing, "annotations"},
		"annotations alone":          {[]string{lines}, fault.InputMissing, "ontology"},
		"two ontologies":             {[]string{good, good, lines}, fault.Usage, "both hold ontology"},
		"empty file":                 {[]string{good, ""}, fault.InputEmpty, "empty"},
		"another file":               {[]string{good, "%PDF-1.4"}, fault.InputUnknown, "neither"},
		"circle":                     {[]string{graph([]string{"1 All", "2 A", "3 B", "4 C"}, []string{"2 1", "3 2", "4 3", "2 4"}), lines}, fault.InputMalformed, "cyclic"},
		"its own parent":             {[]string{graph([]string{"1 All", "2 A"}, []string{"2 1", "2 2"}), lines}, fault.InputMalformed, "cyclic"},
		"no root":                    {[]string{graph([]string{"1 A", "2 B"}, []string{"1 2", "2 1"}), lines}, fault.InputMalformed, "no root"},
		"several roots":              {[]string{graph([]string{"1 A", "2 B", "3 C"}, []string{"2 1"}), lines}, fault.InputMalformed, "2 roots"},
		"edge to an unknown term":    {[]string{graph([]string{"1 All", "2 A"}, []string{"2 1", "2 7"}), lines}, fault.InputMalformed, "T:2 is_a T:7"},
		"term without label":         {[]string{graph([]string{"1 All", "2 "}, []string{"2 1"}), lines}, fault.InputMalformed, "has no label"},
		"duplicated identifier":      {[]string{graph([]string{"1 All", "2 A", "2 B"}, []string{"2 1"}), lines}, fault.InputMalformed, "T:2 stands twice"},
		"no graph":                   {[]string{`{"graphs":[]}`, lines}, fault.InputMalformed, "no graph"},
		"only obsolete terms":        {[]string{`{"graphs":[{"nodes":[{"id":"x/T_1","lbl":"a","meta":{"deprecated":true}}]}]}`, lines}, fault.InputMalformed, "no active term"},
		"graphs of another type":     {[]string{`{"graphs":{"nodes":1}}`, lines}, fault.InputMalformed, "not obographs"},
		"JSON cut short":             {[]string{good[:len(good)/2], lines}, fault.InputTruncated, "not obographs"},
		"JSON too deep":              {[]string{`{"graphs":` + strings.Repeat("[", 1e6), lines}, fault.InputMalformed, "not obographs"},
		"gzip cut short":             {[]string{zipped(good)[:len(zipped(good))-20], lines}, fault.InputTruncated, ""},
		"gzip head only":             {[]string{zipped(good)[:9], lines}, fault.InputTruncated, "gzip"},
		"gzip with a wrong checksum": {[]string{zipped(good)[:len(zipped(good))-8] + "12345678", lines}, fault.InputMalformed, ""},
		"ontology not UTF-8":         {[]string{strings.Replace(good, "Pain", "P\xe4in", 1), lines}, fault.InputMalformed, "not UTF-8"},
		"annotations in UTF-16":      {[]string{good, "\xff\xfed\x00a\x00"}, fault.InputMalformed, "not UTF-8"},
		"annotations not UTF-8":      {[]string{good, lines + strings.Replace(hpoaLine("T:2"), "Name", "N\xe4me", 1)}, fault.InputMalformed, "not UTF-8"},
		"eleven columns":             {[]string{good, header + strings.Replace(hpoaLine("T:2"), "\tx", "", 1)}, fault.InputMalformed, "line 2 has 11 columns"},
		"a million columns":          {[]string{good, header + strings.Repeat("\t", 1e6) + "\n"}, fault.InputMalformed, "1000001 columns"},
		"a million gene columns":     {[]string{good, lines, genes + strings.Repeat("\t", 1e6) + "\n"}, fault.InputMalformed, "1000001 columns"},
		"a huge line":                {[]string{good, header + strings.Repeat("x", 2e6)}, fault.InputTooLarge, "longer than 1024 KB"},
		"header alone":               {[]string{good, header}, fault.InputMalformed, "holds no line"},
		"terms of another ontology":  {[]string{good, header + hpoaLine("HP:0001250")}, fault.InputMalformed, "none of the 1 lines"},
		"gene header without column": {[]string{good, lines, "ncbi_gene_id\tgene_symbol\tdisease\n"}, fault.InputMalformed, "disease_id"},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for i, content := range c.files {
				path := filepath.Join(t.TempDir(), fmt.Sprintf("file%d", i))
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				paths = append(paths, path)
			}
			_, err := Read(paths...)
			if fault.CodeOf(err) != c.code || (err != nil && !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %s %q", err, c.code, c.says)
			}
		})
	}
}

func TestAFileThatIsNotThereHasItsCode(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if _, err := Read(path); fault.CodeOf(err) != fault.InputMissing {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A small file that unpacks to gigabytes stops at the limit.
func TestAGzipBombStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bomb.json.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
	_, _ = z.Write([]byte(graph([]string{"1 All"}, nil)))
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range maxUnpacked>>20 + 1 {
		if _, err := z.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, "testdata/small.hpoa"); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}

func TestReadingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := read(ctx, []file{onDisk(small[2]), onDisk(small[1])}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
