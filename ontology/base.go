package ontology

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"consilium/fault"
)

// Base is an ontology with the annotations of diseases.
type Base struct {
	*Ontology
	Diseases  []Disease // sorted by identifier
	Sources   []Source
	Synthetic bool // the built-in sample: generated, not medical knowledge
}

// Source is a file that the base was made of. The files themselves are never altered.
type Source struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"` // ontology, annotations, genes
	Version string  `json:"version"`
	SHA256  string  `json:"sha256"`
	Skipped Skipped `json:"skipped,omitempty"`
}

// maxUnpacked bounds what one file may unpack to.
const maxUnpacked = 1 << 30

// Read makes a base of files: the ontology (obographs JSON), the annotations
// (phenotype.hpoa) and optionally the genes (genes_to_phenotype.txt), in any
// order, each plain or gzipped. What a file is, its content decides.
func Read(paths ...string) (*Base, error) {
	b := &Base{}
	var genes map[string][]string
	todo := map[string]string{}
	for _, path := range paths {
		kind, err := sniff(path)
		if err != nil {
			return nil, err
		}
		if other, twice := todo[kind]; twice {
			return nil, fault.New(fault.Usage, fmt.Sprintf("%s and %s are both %s", filepath.Base(other), filepath.Base(path), kind), "give one file of each kind")
		}
		todo[kind] = path
	}
	for _, kind := range []string{"ontology", "annotations", "genes"} {
		path, given := todo[kind]
		if !given && kind == "genes" {
			continue
		}
		if !given {
			return nil, fault.New(fault.InputMissing, "no file with "+kind+" was given", "give hp.json, phenotype.hpoa and genes_to_phenotype.txt of an HPO release")
		}
		source := Source{Name: filepath.Base(path), Kind: kind}
		sum, err := through(path, func(r io.Reader) (err error) {
			switch kind {
			case "ontology":
				b.Ontology, err = readOBOGraph(r)
				if err == nil {
					source.Version = b.Version
				}
			case "annotations":
				b.Diseases, source.Version, source.Skipped, err = readHPOA(r, b.Ontology)
			case "genes":
				genes, err = readGenes(r)
			}
			return err
		})
		if err != nil {
			return nil, named(err, path)
		}
		source.SHA256 = sum
		b.Sources = append(b.Sources, source)
	}
	for i := range b.Diseases {
		b.Diseases[i].Genes = genes[b.Diseases[i].ID]
	}
	return b, nil
}

// sniff tells what a file is by how it begins.
func sniff(path string) (string, error) {
	kind := ""
	_, err := through(path, func(r io.Reader) error {
		head := make([]byte, 4096)
		n, err := io.ReadFull(r, head)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return err
		}
		text := string(head[:n])
		switch {
		case strings.HasPrefix(strings.TrimLeft(text, " \t\r\n\ufeff"), "{"):
			kind = "ontology"
		case strings.Contains(text, "DatabaseID\t"), strings.Contains(text, "database_id\t"):
			kind = "annotations"
		case strings.Contains(text, "entrez-gene-symbol"), strings.HasPrefix(text, "ncbi_gene_id\t"):
			kind = "genes"
		}
		return nil
	})
	if err != nil {
		return "", named(err, path)
	}
	if kind == "" {
		return "", fault.New(fault.InputUnknown, filepath.Base(path)+" is neither an ontology nor annotations", "give hp.json, phenotype.hpoa and genes_to_phenotype.txt of an HPO release")
	}
	return kind, nil
}

// through opens a file, unpacks it when it is gzipped, and gives the SHA-256 of its bytes as far as they were read.
func through(path string, use func(io.Reader) error) (sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fault.Wrap(err, fault.InputMissing, "the file cannot be opened", "check its name")
	}
	defer f.Close()
	digest := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(f, digest), 64<<10)
	var r io.Reader = in
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return "", cut(err, "the file is not gzip to its end", "take the file again from its publisher")
		}
		defer z.Close()
		r = z
	}
	bounded := &io.LimitedReader{R: r, N: maxUnpacked}
	if err := use(bounded); err != nil {
		return "", err
	}
	if bounded.N <= 0 {
		return "", fault.New(fault.InputTooLarge, fmt.Sprintf("the file unpacks to more than %d bytes", maxUnpacked), "check what this file is")
	}
	return rest(in, digest)
}

// rest reads what a parser left, so that the digest covers the whole file.
func rest(in io.Reader, digest hash.Hash) (string, error) {
	if _, err := io.Copy(io.Discard, in); err != nil {
		return "", fault.Wrap(err, fault.IO, "the file cannot be read", "check the disk")
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// cut tells a file that ends too early from one that is wrong.
func cut(err error, what, do string) error {
	code := fault.InputMalformed
	var syntax *json.SyntaxError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end") {
		code = fault.InputTruncated
	}
	return fault.Wrap(err, code, what, do)
}

// named puts the file's name before what happened.
func named(err error, path string) error {
	e := *fault.Of(err)
	e.What = filepath.Base(path) + ": " + e.What
	return &e
}
