package train

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"consilium/fault"
)

// checkpoint is all that a run needs to go on as if it had not stopped.
type checkpoint struct {
	Format  int
	Config  []byte // JSON of the recipe, data set and layout; another run's checkpoint is refused
	Epoch   int    // the epoch under way
	Step    int    // steps done in it
	Total   int    // steps done in all
	LossSum float64
	Weights []float32
	Mean    []float32
	Square  []float32
	Average []float32
	Best    []float32
	BestAt  int
	History []Epoch
}

const checkpointFormat = 1

// save writes atomically: a crash leaves the previous checkpoint.
func (c *checkpoint) save(path string) error {
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(c); err != nil {
		return fault.Wrap(err, fault.Internal, "the checkpoint could not be encoded", "")
	}
	tmp := path + ".tmp"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.Wrap(err, fault.IO, "cannot make the folder for the checkpoint", "choose another --out")
	}
	if err := os.WriteFile(tmp, buf.Bytes(), 0o644); err != nil {
		return fault.Wrap(err, fault.IO, "cannot write the checkpoint", "free disk space or choose another --out")
	}
	if err := os.Rename(tmp, path); err != nil {
		return fault.Wrap(err, fault.IO, "cannot put the checkpoint in place", "check permissions of --out")
	}
	return nil
}

// maxCheckpoint bounds what is read: weights and moments of networks here are a few MB.
const maxCheckpoint = 1 << 30

// loadCheckpoint reads a checkpoint of the same run; nil when there is none.
func loadCheckpoint(path string, config []byte) (*checkpoint, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "cannot look at the checkpoint", "check permissions of "+path)
	}
	if info.Size() > maxCheckpoint {
		return nil, fault.New(fault.CheckpointBad, path+" is too large to be a checkpoint", "remove it to start afresh")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "cannot read the checkpoint", "check permissions of "+path)
	}
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&c); err != nil || c.Format != checkpointFormat {
		return nil, fault.Wrap(err, fault.CheckpointBad, path+" is not a checkpoint of this version", "remove it to start afresh")
	}
	if !bytes.Equal(c.Config, config) {
		return nil, fault.New(fault.CheckpointBad, path+" belongs to a run with other settings or data",
			"repeat that run's settings, or choose another --out")
	}
	return &c, nil
}
