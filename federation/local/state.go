package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// state is what a site carries from round to round. The last update is kept with what it was made of, so that a
// hub that asks twice gets the same answer, at no cost in time or in privacy.
type state struct {
	Format int     `json:"format"`
	Job    string  `json:"job"`              // hash
	Round  int     `json:"round"`            // of the last training
	Key    string  `json:"key"`              // what the last update was made of
	Spends []spend `json:"spends,omitempty"` // of DP-SGD so far

	before, after carried
	update        []byte
}

// carried is what stays at the site. A round that is tried again starts from what was before it.
type carried struct {
	control []float32 // SCAFFOLD's control variate
	kept    []float32 // values of the personal parameters, in the order of the vector
	ditto   []float32 // the personal model
}

const (
	stateFormat   = 1
	stateFile     = "learner.state"
	maxStateBytes = 4 << 30
)

// record is a file of this package: a header as JSON, vectors, a piece of bytes, and their SHA-256 at the end.
type record struct {
	head    []byte
	vectors [][]float32
	blob    []byte
}

var recordMagic = []byte("CFL1")

func (r record) encode() []byte {
	out := append([]byte{}, recordMagic...)
	part := func(b []byte) {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(b)))
		out = append(out, b...)
	}
	part(r.head)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(r.vectors)))
	for _, v := range r.vectors {
		out = federation.AppendFloats(out, v)
	}
	part(r.blob)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

// decodeRecord believes nothing: a disk may give back other bytes than it was given. Errors: CHECKPOINT_BAD.
func decodeRecord(b []byte) (record, error) {
	bad := fault.New(fault.CheckpointBad, "what the site kept of its training is damaged", "remove "+stateFile+" from the job's folder: the site starts afresh")
	n := len(b) - sha256.Size
	if n < len(recordMagic) || !bytes.Equal(b[:len(recordMagic)], recordMagic) {
		return record{}, bad
	}
	if sum := sha256.Sum256(b[:n]); !bytes.Equal(sum[:], b[n:]) {
		return record{}, bad
	}
	b = b[len(recordMagic):n]
	count := func() (int, bool) {
		if len(b) < 4 {
			return 0, false
		}
		n := int(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return n, true
	}
	part := func() ([]byte, bool) {
		n, ok := count()
		if !ok || n > len(b) {
			return nil, false
		}
		p := b[:n]
		b = b[n:]
		return p, true
	}
	var r record
	var ok bool
	if r.head, ok = part(); !ok {
		return record{}, bad
	}
	vectors, ok := count()
	if !ok || vectors > 16 {
		return record{}, bad
	}
	for range vectors {
		v, rest, err := federation.CutFloats(b)
		if err != nil {
			return record{}, bad
		}
		r.vectors, b = append(r.vectors, v), rest
	}
	if r.blob, ok = part(); !ok || len(b) != 0 {
		return record{}, bad
	}
	return r, nil
}

// save writes a record so that a crash at any moment leaves the old file or the new one. No folder, nothing kept.
func (r record) save(dir, name string) error {
	if dir == "" {
		return nil
	}
	return folder.Write(filepath.Join(dir, name), r.encode())
}

// loadRecord reads a record; found is false when there is none.
func loadRecord(dir, name string) (r record, found bool, err error) {
	if dir == "" {
		return record{}, false, nil
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err == nil && info.Size() > maxStateBytes {
		return record{}, false, fault.New(fault.CheckpointBad, path+" is too large to be what a site keeps", "remove it: the site starts afresh")
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return record{}, false, fault.Wrap(err, fault.IO, "what the site kept of its training cannot be read", "check the permissions of "+path)
	}
	r, err = decodeRecord(b)
	return r, err == nil, err
}

func (s *state) save(dir string) error {
	s.Format = stateFormat
	head, err := json.Marshal(s)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "what the site has to keep cannot be written", "")
	}
	b, a := s.before, s.after
	return record{head, [][]float32{b.control, b.kept, b.ditto, a.control, a.kept, a.ditto}, s.update}.save(dir, stateFile)
}

// loadState takes up what was kept for a job, or starts afresh.
func loadState(dir, job string, size, personal int) (*state, error) {
	r, found, err := loadRecord(dir, stateFile)
	if err != nil {
		return nil, err
	}
	if !found {
		return &state{Job: job}, nil
	}
	s := &state{}
	if err := json.Unmarshal(r.head, s); err != nil || s.Format != stateFormat || len(r.vectors) != 6 {
		return nil, fault.Wrap(err, fault.CheckpointBad, "what the site kept of its training is of another version", "remove "+stateFile+" from the job's folder: the site starts afresh")
	}
	if s.Job != job {
		return nil, fault.New(fault.CheckpointBad, "the folder holds what was kept of another job", "give every job a folder of its own")
	}
	v := r.vectors
	for i, want := range []int{size, personal, size, size, personal, size} {
		if len(v[i]) != 0 && len(v[i]) != want {
			return nil, fault.New(fault.CheckpointBad, fmt.Sprintf("the site kept %d numbers where the model has %d", len(v[i]), want), "remove "+stateFile+" from the job's folder: the site starts afresh")
		}
	}
	s.before, s.after, s.update = carried{v[0], v[1], v[2]}, carried{v[3], v[4], v[5]}, r.blob
	return s, nil
}
