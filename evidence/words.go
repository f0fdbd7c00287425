package evidence

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/mapping"
)

// wordsFolder holds the inverted index, which can be made again from the documents.
const wordsFolder = "words"

const (
	fieldTitle = "title"
	fieldText  = "text"
)

// words is the inverted index: bleve's analysis and postings. Its scores are not
// used (see bm25.go).
type words struct {
	index    bleve.Index
	analyzer analysis.Analyzer
}

// passageWords is what bleve reads of a passage.
type passageWords struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// wordsMapping: English stemming and stop words, nothing stored, no positions.
func wordsMapping() *mapping.IndexMappingImpl {
	field := bleve.NewTextFieldMapping()
	field.Analyzer = en.AnalyzerName
	field.Store, field.IncludeTermVectors, field.IncludeInAll, field.DocValues = false, false, false, false
	document := bleve.NewDocumentStaticMapping()
	document.AddFieldMappingsAt(fieldTitle, field)
	document.AddFieldMappingsAt(fieldText, field)
	m := bleve.NewIndexMapping()
	m.DefaultMapping = document
	m.DefaultAnalyzer = en.AnalyzerName
	return m
}

// openWords opens the inverted index, or makes an empty one where there is none
// and the caller may write.
func openWords(dir string, readOnly bool) (*words, error) {
	path := filepath.Join(dir, wordsFolder)
	w := &words{}
	err := contained(wordsDamaged, func() error {
		m := wordsMapping()
		w.analyzer = m.AnalyzerNamed(en.AnalyzerName)
		if _, err := os.Stat(filepath.Join(path, "index_meta.json")); err != nil {
			if readOnly {
				return wordsDamaged(err)
			}
			if err := os.RemoveAll(path); err != nil { // a kill while it was made leaves half of it
				return cannotWrite(err)
			}
			if w.index, err = bleve.New(path, m); err != nil {
				return cannotWrite(err)
			}
			return nil
		}
		if err := checkSegments(filepath.Join(path, "store")); err != nil {
			return wordsDamaged(err)
		}
		var err error
		if w.index, err = bleve.OpenUsing(path, map[string]any{"read_only": readOnly, "bolt_timeout": lockWait.String()}); err != nil {
			return wordsDamaged(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// checkSegments compares the checksum at the end of every segment file with its
// bytes: bleve does not, and follows damaged offsets in goroutines of its own.
func checkSegments(store string) error {
	segments, err := filepath.Glob(filepath.Join(store, "*.zap"))
	if err != nil {
		return err
	}
	for _, path := range segments {
		if err := checkSegment(path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func checkSegment(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < 4 {
		return io.ErrUnexpectedEOF
	}
	h := crc32.NewIEEE()
	if _, err := io.CopyN(h, f, info.Size()-4); err != nil {
		return err
	}
	var want [4]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if h.Sum32() != binary.BigEndian.Uint32(want[:]) {
		return fmt.Errorf("its checksum is wrong")
	}
	return nil
}

// tokens counts the words of a text after analysis, as bleve counts the length of a field.
func (w *words) tokens(text string) int { return len(w.analyzer.Analyze([]byte(text))) }

func passageID(p uint64) string { return fmt.Sprintf("%012x", p) }

func passageOf(id string) (uint64, error) { return strconv.ParseUint(id, 16, 64) }

// change is one batch for the inverted index. It is applied as a whole or not at
// all, and applying it twice does no harm.
type change struct{ batch *bleve.Batch }

func (w *words) change() *change { return &change{w.index.NewBatch()} }

func (c *change) add(n number, r *record) error {
	for i, p := range r.Passages {
		if err := c.batch.Index(passageID(n.passage(i)), passageWords{r.Title, r.Text[p[0]:p[1]]}); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) remove(n number, passages int) {
	for i := range passages {
		c.batch.Delete(passageID(n.passage(i)))
	}
}

// apply returns once the change is on the disk.
func (w *words) apply(c *change) error {
	if c.batch.Size() == 0 {
		return nil
	}
	return contained(wordsDamaged, func() error {
		if err := w.index.Batch(c.batch); err != nil {
			return cannotWrite(err)
		}
		return nil
	})
}

func (w *words) count() (int, error) {
	n, err := w.index.DocCount()
	return int(n), err
}

func (w *words) close() error { return w.index.Close() }
