package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	bolt "go.etcd.io/bbolt"

	"consilium/fault"
)

// MaxDimensions is the longest vector an index takes.
const MaxDimensions = 2048

// WholeDocuments as Options.Passage makes every document one passage.
const WholeDocuments = -1

// Options of an index.
type Options struct {
	Encoder  Encoder // nil: words only
	Passage  int     // bytes of a passage in a new index; 0 for DefaultPassage, or WholeDocuments
	ReadOnly bool    // only search: several processes may do so at once
}

// Index is an open index. It is safe for concurrent use within a process; a
// process that writes has the folder for itself.
type Index struct {
	dir      string
	db       *bolt.DB
	words    *words
	encoder  Encoder
	readOnly bool
	bm25     bm25

	writing sync.Mutex   // held by the one who writes
	mu      sync.RWMutex // guards what follows
	state   state
	vectors *vectors // nil without an encoder
}

// Open opens the index in a folder. A writer makes it when there is none. What a
// killed writer left behind is finished first: the index is then whole.
func Open(ctx context.Context, dir string, o Options) (*Index, error) {
	if o.Encoder != nil && (o.Encoder.Dimensions() < 1 || o.Encoder.Dimensions() > MaxDimensions) {
		return nil, fault.New(fault.ModelUnsupported, fmt.Sprintf("encoder %s gives %d dimensions, an index takes 1 to %d", o.Encoder.Name(), o.Encoder.Dimensions(), MaxDimensions), "choose another encoder")
	}
	ix, err := open(dir, o)
	if err != nil {
		return nil, err
	}
	if ix.words == nil {
		if err := ix.Close(); err != nil {
			return nil, err
		}
		writer := o
		writer.ReadOnly = false
		if ix, err = open(dir, writer); err != nil {
			return nil, err
		}
		if err := errors.Join(ix.catchUp(ctx, nil), ix.Close()); err != nil {
			return nil, err
		}
		if ix, err = open(dir, o); err != nil {
			return nil, err
		}
	}
	if err := ix.ready(ctx); err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	return ix, nil
}

// open opens the files. A reader of an index with pending changes gets no words: it may not finish them.
func open(dir string, o Options) (*Index, error) {
	fresh := state{Passage: o.Passage}
	switch {
	case o.Passage == 0:
		fresh.Passage = DefaultPassage
	case o.Passage < 0:
		fresh.Passage = 0
	}
	if o.Encoder != nil {
		fresh.Encoder, fresh.Dimensions = o.Encoder.Name(), o.Encoder.Dimensions()
	}
	db, err := openDocuments(dir, o.ReadOnly, fresh)
	if err != nil {
		return nil, err
	}
	ix := &Index{dir: dir, db: db, encoder: o.Encoder, readOnly: o.ReadOnly, bm25: defaultBM25}
	pending := false
	err = ix.view(func(tx *bolt.Tx) error {
		if ix.state, err = readState(tx); err != nil {
			return err
		}
		first, _ := tx.Bucket(bucketPending).Cursor().First()
		pending = first != nil
		return ix.agree(o, fresh)
	})
	if err == nil && !(pending && o.ReadOnly) {
		ix.words, err = openWords(dir, o.ReadOnly)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return ix, nil
}

// agree refuses to mix encoders or lengths of passages in one index.
func (ix *Index) agree(o Options, fresh state) error {
	if o.Passage != 0 && fresh.Passage != ix.state.Passage {
		return fault.New(fault.Conflict, fmt.Sprintf("the index divides documents into passages of %d bytes, not %d (0: whole documents)", ix.state.Passage, fresh.Passage), "leave the length out, or index into another folder")
	}
	other := o.Encoder != nil && (fresh.Encoder != ix.state.Encoder || fresh.Dimensions != ix.state.Dimensions)
	if other && ix.state.Encoder != "" {
		return fault.New(fault.Conflict, fmt.Sprintf("the vectors of the index are of encoder %s, not %s", ix.state.Encoder, fresh.Encoder), "take the same encoder, or index into another folder")
	}
	if other {
		return fault.New(fault.Conflict, "the index was made without an encoder", "search it without, or index into another folder with the encoder")
	}
	return nil
}

// ready finishes what is pending and loads the vectors.
func (ix *Index) ready(ctx context.Context) error {
	if !ix.readOnly {
		if err := ix.catchUp(ctx, nil); err != nil {
			return err
		}
	}
	n, err := ix.words.count()
	if err != nil {
		return wordsDamaged(err)
	}
	if n != ix.state.Passages {
		return wordsDamaged(fmt.Errorf("it has %d passages, the documents have %d", n, ix.state.Passages))
	}
	if ix.encoder == nil || ix.state.Encoder == "" {
		return nil
	}
	return ix.view(func(tx *bolt.Tx) error {
		ix.vectors, err = loadVectors(tx, ix.state)
		if err == nil && len(ix.vectors.passages) != ix.state.Passages {
			err = damaged(fmt.Errorf("%d passages have %d vectors", ix.state.Passages, len(ix.vectors.passages)))
		}
		return err
	})
}

// use says whether the index is still open; the caller holds one of the locks.
func (ix *Index) use() error {
	if ix.words == nil {
		return fault.New(fault.Usage, "the index was closed", "open it again")
	}
	return nil
}

// Close ends the use of the index, when those who use it have ended. A second call does nothing.
func (ix *Index) Close() error {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	var failed error
	if ix.words != nil {
		failed = ix.words.close()
		ix.words = nil
	}
	if err := errors.Join(failed, ix.db.Close()); err != nil {
		return cannotWrite(err)
	}
	return nil
}

func (ix *Index) view(f func(*bolt.Tx) error) error {
	return contained(damaged, func() error { return ix.db.View(f) })
}

// update changes the documents and the state in one transaction.
func (ix *Index) update(f func(*bolt.Tx, *state) error) error {
	next := ix.state
	err := contained(damaged, func() error {
		return ix.db.Update(func(tx *bolt.Tx) error {
			if err := f(tx, &next); err != nil {
				return err
			}
			return writeState(tx, next)
		})
	})
	var coded *fault.Error
	switch {
	case err == nil:
		ix.mu.Lock()
		ix.state = next
		ix.mu.Unlock()
	case !errors.As(err, &coded):
		return cannotWrite(err)
	}
	return err
}

// Status is what an index holds.
type Status struct {
	Folder    string         `json:"folder"`
	Documents int            `json:"documents"`
	Passages  int            `json:"passages"`
	Passage   int            `json:"passageBytes"` // 0: whole documents
	Encoder   string         `json:"encoder,omitempty"`
	Sources   map[string]int `json:"sources"` // documents of each
	Bytes     int64          `json:"bytes"`   // on the disk
}

// Status counts what the index holds.
func (ix *Index) Status() (Status, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	s := Status{Folder: ix.dir, Documents: ix.state.Documents, Passages: ix.state.Passages, Passage: ix.state.Passage, Encoder: ix.state.Encoder, Sources: map[string]int{}}
	err := ix.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketSources).ForEach(func(k, _ []byte) error {
			s.Sources[string(k[:len(k)-5])]++
			return nil
		})
	})
	if err != nil {
		return s, err
	}
	err = filepath.WalkDir(ix.dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			s.Bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return s, fault.Wrap(err, fault.StoreFailed, "the size of the index cannot be read", "try again")
	}
	return s, nil
}

// EncoderOf gives the name of the encoder that an index was made with, "" for
// none and for a folder without an index.
func EncoderOf(dir string) (name string, exists bool, err error) {
	db, err := openDocuments(dir, true, state{})
	if fault.CodeOf(err) == fault.NotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	ix := &Index{db: db}
	defer db.Close()
	err = ix.view(func(tx *bolt.Tx) error {
		ix.state, err = readState(tx)
		return err
	})
	return ix.state.Encoder, true, err
}
