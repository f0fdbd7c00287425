package govern

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"consilium/fault"
)

const maxCheckpointBytes = 4 << 10

// Checkpoint is a signed statement of the log's size and root hash
// (C2SP tlog-checkpoint). Who keeps one can later tell whether the log still
// begins with the same entries.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   []byte // SHA-256 Merkle tree hash of RFC 6962
	Text   string // the signed note itself
}

// ParseCheckpoint reads a signed checkpoint. The signature must be the only
// one, by the key of the verifier, and the text in its one canonical form, so
// that no byte of it can differ unseen.
func ParseCheckpoint(text string, verifier note.Verifier) (Checkpoint, error) {
	c, err := parseCheckpoint(text, verifier)
	if err != nil {
		return Checkpoint{}, fault.Wrap(err, fault.AuditBroken, "the checkpoint is not what the node's key signed", "compare with a checkpoint that was kept elsewhere")
	}
	return c, nil
}

func parseCheckpoint(text string, verifier note.Verifier) (Checkpoint, error) {
	if len(text) > maxCheckpointBytes {
		return Checkpoint{}, errors.New("it is too long")
	}
	n, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, err
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return Checkpoint{}, errors.New("it has more than one signature")
	}
	sig := n.Sigs[0]
	raw, err := base64.StdEncoding.Strict().DecodeString(sig.Base64)
	if err != nil || text != fmt.Sprintf("%s\n— %s %s\n", n.Text, sig.Name, base64.StdEncoding.EncodeToString(raw)) {
		return Checkpoint{}, errors.New("its signature is not in the canonical form")
	}
	var c log.Checkpoint
	rest, err := c.Unmarshal([]byte(n.Text))
	if err != nil {
		return Checkpoint{}, err
	}
	if len(rest) > 0 || !bytes.Equal(c.Marshal(), []byte(n.Text)) {
		return Checkpoint{}, errors.New("it is not in the canonical form")
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("it is of the log %q, not %q", c.Origin, verifier.Name())
	}
	return Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Hash, Text: text}, nil
}

// sign makes the checkpoint of a tree.
func sign(signer note.Signer, size uint64, root []byte) (Checkpoint, error) {
	text := log.Checkpoint{Origin: signer.Name(), Size: size, Hash: root}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return Checkpoint{}, fault.Wrap(err, fault.Internal, "the checkpoint could not be signed", "please report it")
	}
	return Checkpoint{Origin: signer.Name(), Size: size, Root: root, Text: string(signed)}, nil
}

// RootText is the root hash as checkpoints show it.
func (c Checkpoint) RootText() string { return base64.StdEncoding.EncodeToString(c.Root) }

// String shows origin, size and root in one line.
func (c Checkpoint) String() string {
	return strings.Join([]string{c.Origin, fmt.Sprint(c.Size), c.RootText()}, " ")
}
