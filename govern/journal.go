package govern

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// A journal holds entries from the moment they are acknowledged until they are
// in the tree. Bringing them there takes about ten fsyncs; the journal takes one.
//
// It is a folder of segments, named by the index of their first entry in 20
// digits. A record is the length of the leaf and the CRC-32C of index and leaf
// (4 bytes each, big endian), then the leaf. The index is not written: records
// count up. What is in the tree already is skipped at the next start, so that
// replaying twice does no harm.
type journal struct {
	mu     sync.Mutex
	dir    string
	file   *os.File // the segment that is written; nil before the first record
	length int64    // of that segment, all of it on the disk
	next   uint64   // index of the next record
	closed []segment
	failed error // a write that could not be taken back: nothing more may be added
}

// segment is a part of the journal that is no longer written.
type segment struct {
	path string
	end  uint64 // index after its last record
}

const (
	journalDir   = "journal"
	segmentBytes = 1 << 20 // a new segment is begun beyond this
	recordHeader = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func recordSum(index uint64, leaf []byte) uint32 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], index)
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, leaf)
}

// write adds records and has them on the disk when it returns nil. When it
// fails, none of them is in the journal.
func (j *journal) write(leaves [][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if j.file == nil {
		if err := j.begin(); err != nil {
			return err
		}
	}
	var b []byte
	for i, leaf := range leaves {
		b = binary.BigEndian.AppendUint32(b, uint32(len(leaf)))
		b = binary.BigEndian.AppendUint32(b, recordSum(j.next+uint64(i), leaf))
		b = append(b, leaf...)
	}
	_, err := j.file.WriteAt(b, j.length)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		if undo := errors.Join(j.file.Truncate(j.length), j.file.Sync()); undo != nil {
			j.failed = fmt.Errorf("the journal is in an unknown state until the node is started again: %w", errors.Join(err, undo))
		}
		return err
	}
	j.length += int64(len(b))
	j.next += uint64(len(leaves))
	if j.length > segmentBytes {
		j.cut()
	}
	return nil
}

func (j *journal) begin() error {
	path := filepath.Join(j.dir, fmt.Sprintf("%020d", j.next))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(j.dir); err != nil {
		f.Close()
		return err
	}
	j.file, j.length = f, 0
	return nil
}

// cut ends the segment that is written.
func (j *journal) cut() {
	if j.file == nil {
		return
	}
	j.closed = append(j.closed, segment{j.file.Name(), j.next})
	j.file.Close() // all of it is on the disk
	j.file = nil
}

// drop removes the segments that the tree of this size no longer needs.
func (j *journal) drop(size uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.closed) > 0 && j.closed[0].end <= size {
		if err := os.Remove(j.closed[0].path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		j.closed = j.closed[1:]
	}
	return nil
}

// end closes the journal, whose entries up to size are in the tree.
func (j *journal) end(size uint64) error {
	j.mu.Lock()
	j.cut()
	j.mu.Unlock()
	return j.drop(size)
}

// readJournal gives the leaves from index size on that a crash kept out of the
// tree, and the segments they were in. The end of the last segment may be torn:
// what is there was never acknowledged.
func readJournal(dir string, size uint64) (leaves [][]byte, segments []segment, err error) {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	var next uint64
	for i, name := range names { // sorted, hence by index
		first, err := strconv.ParseUint(name.Name(), 10, 64)
		if err != nil || name.Name() != fmt.Sprintf("%020d", first) {
			return nil, nil, fmt.Errorf("%s/%s is no part of the journal", journalDir, name.Name())
		}
		if i > 0 && first != next || first > size+uint64(len(leaves)) {
			return nil, nil, fmt.Errorf("the journal has a gap before entry %d", first)
		}
		path := filepath.Join(dir, name.Name())
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		found, whole := records(raw, first)
		if next = first + uint64(len(found)); !whole && i < len(names)-1 {
			return nil, nil, fmt.Errorf("the journal is damaged at entry %d", next)
		}
		if next > size {
			leaves = append(leaves, found[max(first, size+uint64(len(leaves)))-first:]...)
		}
		segments = append(segments, segment{path, next})
	}
	return slices.Clip(leaves), segments, nil
}

// records reads the records of a segment up to the first that is not whole.
func records(raw []byte, index uint64) (leaves [][]byte, whole bool) {
	for len(raw) >= recordHeader {
		length := binary.BigEndian.Uint32(raw)
		if length > MaxEntryBytes || int(length) > len(raw)-recordHeader {
			return leaves, false
		}
		leaf := raw[recordHeader : recordHeader+int(length)]
		if recordSum(index, leaf) != binary.BigEndian.Uint32(raw[4:]) {
			return leaves, false
		}
		leaves = append(leaves, leaf)
		raw = raw[recordHeader+int(length):]
		index++
	}
	return leaves, len(raw) == 0
}
