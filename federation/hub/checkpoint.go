package hub

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

const (
	checkpointFile    = "round.checkpoint"
	checkpointFormat  = 2
	maxCheckpointHead = 64 << 20
)

// checkpoint is all that the next round needs of those before it. On the disk it is a line of JSON, the bytes of the
// rule, and the weights as little endian float32.
type checkpoint struct {
	Format    int       `json:"format"`
	Round     int       `json:"round"` // the last that is done
	Pooled    []float64 `json:"pooled"`
	Measured  int       `json:"measured"`
	Noised    int       `json:"noised"` // rounds with central noise so far
	RuleBytes int       `json:"rule_bytes"`
	Numbers   int       `json:"numbers"`

	Rule   []byte    `json:"-"`
	Global []float32 `json:"-"`
}

// save writes the weights from where they are: a copy would be another model in memory.
func (c checkpoint) save(path string) error {
	c.Format, c.RuleBytes, c.Numbers = checkpointFormat, len(c.Rule), len(c.Global)
	head, err := json.Marshal(c)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the checkpoint cannot be encoded", "this is a defect; please report it")
	}
	return folder.WriteBy(path, func(w io.Writer) error {
		if _, err := w.Write(append(head, '\n')); err != nil {
			return err
		}
		if _, err := w.Write(c.Rule); err != nil {
			return err
		}
		return federation.WriteFloats(w, c.Global)
	})
}

// loadCheckpoint gives nil when there is none. Errors: CHECKPOINT_BAD, IO.
func loadCheckpoint(path string, size int) (*checkpoint, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, folder.Failed(err, "the checkpoint cannot be read")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, folder.Failed(err, "the checkpoint cannot be read")
	}
	c, err := readCheckpoint(f, info.Size(), size)
	if err != nil {
		return nil, fault.Wrap(err, fault.CheckpointBad, path+" is not a checkpoint of this job", "restore it from a backup, or propose the job again")
	}
	return c, nil
}

// readCheckpoint believes the head only as far as the file is long enough for it.
func readCheckpoint(from io.Reader, length int64, size int) (*checkpoint, error) {
	r := bufio.NewReaderSize(from, 1<<16)
	var head []byte
	for more := true; more; {
		part, err := r.ReadSlice('\n')
		head = append(head, part...)
		if more = errors.Is(err, bufio.ErrBufferFull); (err != nil && !more) || len(head) > maxCheckpointHead {
			return nil, errors.New("its head does not end")
		}
	}
	var c checkpoint
	if err := json.Unmarshal(head, &c); err != nil {
		return nil, err
	}
	left := length - int64(len(head))
	if c.Format != checkpointFormat || c.Numbers != size || c.RuleBytes < 0 || int64(c.RuleBytes) != left-4*int64(size) {
		return nil, errors.New("its parts do not fit the job")
	}
	c.Rule = make([]byte, c.RuleBytes)
	if _, err := io.ReadFull(r, c.Rule); err != nil {
		return nil, err
	}
	c.Global = make([]float32, size)
	return &c, federation.ReadFloats(r, c.Global)
}
