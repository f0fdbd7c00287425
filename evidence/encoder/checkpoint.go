package encoder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"

	"consilium/fault"
)

// checkpoint is the header of a checkpoint. What follows are the table, both sides, and Adagrad's sums in the same order.
type checkpoint struct {
	Run   string `json:"run"`
	Epoch int    `json:"epoch"` // epochs that are done
}

// fingerprint tells runs apart: the pairs in their order, and the configuration.
func fingerprint(pairs []Pair, cfg Config) string {
	h := fnv.New128a()
	text, _ := json.Marshal(cfg)
	_, _ = h.Write(text)
	for _, p := range pairs {
		for _, s := range []string{p.Question, p.Passage, p.Group} {
			var n [8]byte
			binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
			_, _ = h.Write(n[:])
			_, _ = h.Write([]byte(s))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// arrays lists what a checkpoint keeps.
func (t *trainer) arrays() [][]float32 {
	return [][]float32{t.net.table, t.net.side[question], t.net.side[passage], t.table, t.side[question], t.side[passage]}
}

func (t *trainer) save(path, run string, epoch int) error {
	if path == "" {
		return nil
	}
	var payload []byte
	for _, a := range t.arrays() {
		payload = appendFloats(payload, a)
	}
	data, err := seal(checkpointMagic, checkpoint{run, epoch}, payload)
	if err != nil {
		return err
	}
	return writeWhole(path, data)
}

// resume goes on from a checkpoint when there is one.
func (t *trainer) resume(path, run string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	data, err := readLimited(path)
	if err != nil {
		return err
	}
	var c checkpoint
	payload, err := unseal(checkpointMagic, data, &c, fault.CheckpointBad, "the checkpoint")
	if err != nil {
		return err
	}
	if c.Run != run || c.Epoch < 0 || c.Epoch > t.cfg.Epochs {
		return fault.New(fault.CheckpointBad, "the checkpoint belongs to another run", "name another folder, or remove the checkpoint")
	}
	for _, a := range t.arrays() {
		var ok bool
		if payload, ok = takeFloats(payload, a); !ok {
			return fault.New(fault.CheckpointBad, "the checkpoint ends too early", "remove it and start again")
		}
	}
	if len(payload) > 0 {
		return fault.New(fault.CheckpointBad, "the checkpoint is longer than its network", "remove it and start again")
	}
	t.epoch = c.Epoch
	return nil
}
