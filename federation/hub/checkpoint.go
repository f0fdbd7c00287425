package hub

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"

	"consilium/fault"
	"consilium/federation/folder"
)

const (
	checkpointFile   = "round.checkpoint"
	checkpointFormat = 1
	maxCheckpoint    = 8 << 30
)

// checkpoint is all that the next round needs of those before it.
type checkpoint struct {
	Format   int
	Round    int // the last that is done
	Global   []float32
	Rule     []byte
	Pooled   []float64
	Measured int
	Noised   int // rounds with central noise so far
}

func (c checkpoint) save(path string) error {
	c.Format = checkpointFormat
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(c); err != nil {
		return fault.Wrap(err, fault.Internal, "the checkpoint cannot be encoded", "this is a defect; please report it")
	}
	return folder.Write(path, b.Bytes())
}

// loadCheckpoint gives nil when there is none.
func loadCheckpoint(path string, size int) (*checkpoint, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, folder.Failed(err, "the checkpoint cannot be read")
	}
	if info.Size() > maxCheckpoint {
		return nil, fault.New(fault.CheckpointBad, path+" is too large", "restore it from a backup, or propose the job again")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, folder.Failed(err, "the checkpoint cannot be read")
	}
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&c); err != nil || c.Format != checkpointFormat || len(c.Global) != size {
		return nil, fault.Wrap(err, fault.CheckpointBad, path+" is not a checkpoint of this job", "restore it from a backup, or propose the job again")
	}
	return &c, nil
}
