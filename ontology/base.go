package ontology

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"consilium/fault"
)

// Base is an ontology with the annotations of diseases.
type Base struct {
	*Ontology
	Diseases  []Disease // sorted by identifier
	Sources   []Source
	Synthetic bool // generated, not medical knowledge: the built-in sample
}

// Source is a file that the base was made of. The files themselves are never altered.
type Source struct {
	Name    string  `json:"name"`
	Kind    Kind    `json:"kind"`
	Version string  `json:"version"`
	SHA256  string  `json:"sha256"`
	Bytes   int64   `json:"bytes"`
	Skipped Skipped `json:"skipped,omitempty"`
}

// Kind says what a file holds. Its content decides, not its name.
type Kind string

// The kinds of files that a base is made of.
const (
	KindOntology    Kind = "ontology"    // obographs JSON: hp.json
	KindAnnotations Kind = "annotations" // phenotype.hpoa
	KindGenes       Kind = "genes"       // genes_to_phenotype.txt
)

const needed = "give hp.json, phenotype.hpoa and, for the genes, genes_to_phenotype.txt of an HPO release"

// Read makes a base of files: the ontology (obographs JSON), the annotations
// (phenotype.hpoa) and optionally the genes (genes_to_phenotype.txt), in any
// order, each plain or gzipped. Import keeps the result; this does not.
func Read(paths ...string) (*Base, error) {
	files := make([]file, len(paths))
	for i, path := range paths {
		files[i] = onDisk(path)
	}
	return read(context.Background(), files)
}

func read(ctx context.Context, files []file) (*Base, error) {
	todo, err := sorted(ctx, files)
	if err != nil {
		return nil, err
	}
	return assemble(ctx, todo)
}

// assemble parses the files, the ontology first: annotations name its terms.
func assemble(ctx context.Context, todo map[Kind]file) (*Base, error) {
	b := &Base{}
	var genes map[string][]string
	for _, kind := range []Kind{KindOntology, KindAnnotations, KindGenes} {
		f, given := todo[kind]
		if !given {
			continue
		}
		source := Source{Name: f.name, Kind: kind}
		sum, size, err := f.through(ctx, func(r *bounded) (err error) {
			switch kind {
			case KindOntology:
				b.Ontology, err = readOBOGraph(r)
				if err == nil {
					source.Version = b.Version
				}
			case KindAnnotations:
				var a annotated
				a, err = readHPOA(r, b.Ontology)
				b.Diseases, b.Synthetic, source.Version, source.Skipped = a.diseases, a.synthetic, a.version, a.skipped
			case KindGenes:
				genes, err = readGenes(r)
			}
			return err
		})
		if err != nil {
			return nil, named(err, f.name)
		}
		source.SHA256, source.Bytes = sum, size
		b.Sources = append(b.Sources, source)
	}
	for i := range b.Diseases {
		b.Diseases[i].Genes = genes[b.Diseases[i].ID]
	}
	return b, nil
}

// sorted tells the files apart and sees that what is needed is there, once.
func sorted(ctx context.Context, files []file) (map[Kind]file, error) {
	todo := map[Kind]file{}
	for _, f := range files {
		kind, err := f.kind(ctx)
		if err != nil {
			return nil, err
		}
		if other, twice := todo[kind]; twice {
			return nil, fault.New(fault.Usage, fmt.Sprintf("%s and %s both hold %s", other.name, f.name, kind), "give one file of each kind")
		}
		todo[kind] = f
	}
	for _, kind := range []Kind{KindOntology, KindAnnotations} {
		if _, given := todo[kind]; !given {
			return nil, fault.New(fault.InputMissing, "no file with the "+string(kind)+" was given", needed)
		}
	}
	return todo, nil
}

// Notice is the sentence that stands wherever terms are shown. For HPO it is the
// one its licence asks for, with the versions of the files (https://hpo.jax.org/license).
func (b *Base) Notice() string {
	if b.Synthetic {
		return "SYNTHETIC sample: terms, diseases and figures are invented to try the program out. This is not medical knowledge. `consilium ontology import` brings in the Human Phenotype Ontology."
	}
	var ontology, annotations Source
	for _, s := range b.Sources {
		s.Version = cmp.Or(s.Version, "without a version")
		switch s.Kind {
		case KindOntology:
			ontology = s
		case KindAnnotations:
			annotations = s
		}
	}
	if !strings.HasPrefix(b.ID(0), "HP:") {
		return fmt.Sprintf("This answer uses the ontology %s (%s) and the annotations %s (%s).", ontology.Name, ontology.Version, annotations.Name, annotations.Version)
	}
	return fmt.Sprintf("This product uses the Human Phenotype Ontology (hp v%s, phenotype.hpoa %s). Find out more at http://www.human-phenotype-ontology.org", ontology.Version, annotations.Version)
}
