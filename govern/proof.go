package govern

import (
	"context"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"

	"consilium/fault"
)

// Consistency proves that the log under the reader's checkpoint begins with
// the entries of an older checkpoint: the hashes of RFC 6962, section 2.1.2.
// Whoever holds the older checkpoint checks it with VerifyConsistency, without the entries.
func (r *Reader) Consistency(ctx context.Context, older Checkpoint) ([][]byte, error) {
	if older.Size > r.Checkpoint.Size {
		return nil, broken(fmt.Sprintf("a checkpoint over %d entries is known, and there are only %d: the tail was cut off, or an older copy restored", older.Size, r.Checkpoint.Size))
	}
	if older.Size == 0 || older.Size == r.Checkpoint.Size {
		return nil, VerifyConsistency(older, r.Checkpoint, nil)
	}
	builder, err := client.NewProofBuilder(ctx, r.Checkpoint.Size, func(_ context.Context, level, index uint64, _ uint8) ([]byte, error) { return r.tile(level, index) })
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the proof could not be made", "please report it")
	}
	hashes, err := builder.ConsistencyProof(ctx, older.Size, r.Checkpoint.Size)
	if err != nil {
		return nil, broken(err.Error())
	}
	return hashes, VerifyConsistency(older, r.Checkpoint, hashes)
}

// Reader gives a reader of everything that was acknowledged until now.
func (l *Log) Reader(ctx context.Context) (*Reader, error) {
	signed, err := l.settled(ctx)
	if err != nil {
		return nil, err
	}
	return l.reader(signed), nil
}

// VerifyConsistency checks a proof of Consistency.
func VerifyConsistency(older, newer Checkpoint, hashes [][]byte) error {
	if older.Size == 0 {
		return nil // every log begins with nothing
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, older.Size, newer.Size, hashes, older.Root, newer.Root); err != nil {
		return fault.Wrap(err, fault.AuditBroken, fmt.Sprintf("the log of %d entries does not continue that of %d", newer.Size, older.Size), "keep both checkpoints: together they prove it")
	}
	return nil
}
