package evidence

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"consilium/fault"
)

// The file of documents: one bbolt database, the only truth of an index.
const (
	documentsFile = "documents.bolt"
	format        = 1
	lockWait      = 2 * time.Second
)

// Its buckets. A document has a number, never used again; keys are big-endian.
var (
	bucketState     = []byte("state")     // "state" -> state as JSON
	bucketIDs       = []byte("ids")       // identifier -> number, hash
	bucketDocuments = []byte("documents") // number -> record
	bucketSources   = []byte("sources")   // source, 0, number -> nothing
	bucketVectors   = []byte("vectors")   // number -> quantised vectors of its passages
	bucketPending   = []byte("pending")   // number -> what the word index has not been told yet
	keyState        = []byte("state")
)

// number is that of a document. A passage is document<<16 | place in the document.
type number uint32

func (n number) key() []byte           { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func (n number) passage(i int) uint64  { return uint64(n)<<16 | uint64(i) }
func ofPassage(p uint64) (number, int) { return number(p >> 16), int(p & 0xffff) }
func numberOf(key []byte) number       { return number(binary.BigEndian.Uint32(key)) }
func sourceKey(source string, n number) []byte {
	return append(append([]byte(source), 0), n.key()...)
}

// state is what an index knows about itself.
type state struct {
	Format      int    `json:"format"`
	Encoder     string `json:"encoder,omitempty"` // "" for an index without vectors
	Dimensions  int    `json:"dimensions,omitempty"`
	Passage     int    `json:"passage"` // bytes; 0 for whole documents
	Next        number `json:"next"`
	Documents   int    `json:"documents"`
	Passages    int    `json:"passages"`
	TitleTokens int    `json:"titleTokens"` // over all passages: a title is indexed with each
	TextTokens  int    `json:"textTokens"`
}

func (s *state) count(r *record, sign int) {
	s.Documents += sign
	s.Passages += sign * len(r.Passages)
	s.TitleTokens += sign * r.Tokens[0] * len(r.Passages)
	s.TextTokens += sign * r.Tokens[1]
}

func readState(tx *bolt.Tx) (state, error) {
	var s state
	b := tx.Bucket(bucketState)
	if b == nil {
		return s, fault.New(fault.NotFound, "the index was never finished being made", "index the files again: consilium evidence index FILE...")
	}
	if err := json.Unmarshal(b.Get(keyState), &s); err != nil {
		return s, damaged(err)
	}
	if s.Format != format {
		return s, fault.New(fault.InputUnsupported, fmt.Sprintf("the index has format %d, this program reads %d", s.Format, format), "index the original files again into a new folder")
	}
	for _, name := range [][]byte{bucketIDs, bucketDocuments, bucketSources, bucketVectors, bucketPending} {
		if tx.Bucket(name) == nil {
			return s, damaged(fmt.Errorf("the table %s is missing", name))
		}
	}
	return s, nil
}

func writeState(tx *bolt.Tx, s state) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketState).Put(keyState, raw)
}

// openDocuments opens the file; a writer creates it, and has it for itself.
func openDocuments(dir string, readOnly bool, fresh state) (*bolt.DB, error) {
	path := filepath.Join(dir, documentsFile)
	if readOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "there is no index in "+dir, "make one: consilium evidence index FILE...")
		}
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.StoreFailed, "the folder of the index cannot be made", "name a folder that may be written")
	}
	var db *bolt.DB
	err := contained(damaged, func() error {
		var err error
		db, err = bolt.Open(path, 0o600, &bolt.Options{ReadOnly: readOnly, Timeout: lockWait, FreelistType: bolt.FreelistMapType})
		if err != nil {
			return openFailure(dir, err)
		}
		if readOnly {
			return nil
		}
		return db.Update(func(tx *bolt.Tx) error { return prepare(tx, fresh) })
	})
	if err != nil {
		if db != nil {
			db.Close()
		}
		return nil, err
	}
	return db, nil
}

// prepare makes the tables of a new file.
func prepare(tx *bolt.Tx, fresh state) error {
	if tx.Bucket(bucketState) != nil {
		return nil
	}
	for _, name := range [][]byte{bucketState, bucketIDs, bucketDocuments, bucketSources, bucketVectors, bucketPending} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return cannotWrite(err)
		}
	}
	fresh.Format = format
	return writeState(tx, fresh)
}

// readRecord gives a document by its number, nil when it is gone.
func readRecord(tx *bolt.Tx, n number) (*record, error) {
	raw := tx.Bucket(bucketDocuments).Get(n.key())
	if raw == nil {
		return nil, nil
	}
	return decodeRecord(raw)
}

// put stores a document with its vectors and notes that the word index must learn of it.
func put(tx *bolt.Tx, s *state, r *record, vectors []byte) error {
	n := s.Next
	s.Next++
	raw, err := r.encode()
	if err != nil {
		return err
	}
	s.count(r, 1)
	h := r.hash()
	for _, w := range []struct{ bucket, key, value []byte }{
		{bucketIDs, []byte(r.ID), append(n.key(), h[:]...)},
		{bucketDocuments, n.key(), raw},
		{bucketSources, sourceKey(r.Source, n), []byte{}},
		{bucketVectors, n.key(), vectors},
		{bucketPending, n.key(), []byte{}},
	} {
		if w.value == nil {
			continue
		}
		b := tx.Bucket(w.bucket)
		b.FillPercent = 0.9 // numbers grow: pages fill from the left
		if err := b.Put(w.key, w.value); err != nil {
			return err
		}
	}
	return nil
}

// remove takes a document out and notes how many passages the word index must forget.
func remove(tx *bolt.Tx, s *state, n number) error {
	r, err := readRecord(tx, n)
	if err != nil || r == nil {
		return err
	}
	s.count(r, -1)
	for _, w := range []struct{ bucket, key []byte }{
		{bucketIDs, []byte(r.ID)}, {bucketDocuments, n.key()}, {bucketSources, sourceKey(r.Source, n)}, {bucketVectors, n.key()},
	} {
		if err := tx.Bucket(w.bucket).Delete(w.key); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketPending).Put(n.key(), binary.BigEndian.AppendUint32(nil, uint32(len(r.Passages))))
}
