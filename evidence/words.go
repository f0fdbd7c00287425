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
	"github.com/blevesearch/bleve/v2/util"
	bolt "go.etcd.io/bbolt"
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
		if _, err := os.Stat(path); err != nil {
			if readOnly {
				return wordsDamaged(err)
			}
			if err := makeWords(path, m); err != nil {
				return cannotWrite(err)
			}
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

// makeWords makes an empty index beside its place and moves it there whole.
func makeWords(path string, m mapping.IndexMapping) error {
	unfinished := path + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	index, err := bleve.New(unfinished, m)
	if err != nil {
		return err
	}
	if err := index.Close(); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}

// checkSegments compares the checksum at the end of every segment file that is
// in use with its bytes: bleve does not, and follows damaged offsets in
// goroutines of its own. Files that a killed writer left are not in use.
func checkSegments(store string) error {
	root := filepath.Join(store, "root.bolt")
	if _, err := os.Stat(root); err != nil {
		return err
	}
	db, err := bolt.Open(root, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) error {
		snapshots := tx.Bucket(util.BoltSnapshotsBucket)
		if snapshots == nil {
			return nil // nothing was written yet
		}
		newest, _ := snapshots.Cursor().Last()
		snapshot := snapshots.Bucket(newest)
		if snapshot == nil {
			return fmt.Errorf("its list of segments is missing")
		}
		return snapshot.ForEachBucket(func(k []byte) error {
			name := snapshot.Bucket(k).Get(util.BoltPathKey)
			if name == nil { // the other tables of a snapshot
				return nil
			}
			if err := checkSegment(filepath.Join(store, filepath.Base(string(name)))); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(string(name)), err)
			}
			return nil
		})
	})
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
