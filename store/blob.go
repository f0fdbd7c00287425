package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"consilium/fault"
)

// blobs keeps objects by the SHA-256 of their bytes: on disk, or in an object store.
type blobs interface {
	// put keeps what r gives; it is durable when put returns.
	put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
	// adopt keeps a file and takes it away from where it is.
	adopt(ctx context.Context, path string) (digest string, size int64, err error)
	// open reads a blob; NOT_FOUND when there is none.
	open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
	// each calls f for every blob, in no order.
	each(ctx context.Context, f func(digest string, size int64, changed time.Time) error) error
	// remove deletes a blob that was not touched since before; false when it was.
	remove(ctx context.Context, digest string, before time.Time) (bool, error)
}

func openBlobs(ctx context.Context, o Options) (blobs, error) {
	if o.Bucket == "" {
		return openDisk(o.DataDir, !o.Shared)
	}
	return openBucket(ctx, o)
}

// PutBlob keeps what r gives and names it by its SHA-256 (lower-case hex). It
// is durable when PutBlob returns; the same bytes are kept once. A reader that
// fails leaves nothing behind. Errors: STORE_FULL, STORE_FAILED, r's own.
func (s *Store) PutBlob(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	return s.blobs.put(ctx, r)
}

// AdoptBlob is PutBlob for a file that is complete: it is moved, not copied,
// when it lies on the file system of the data directory. After an error the
// file is where it was.
func (s *Store) AdoptBlob(ctx context.Context, path string) (digest string, size int64, err error) {
	return s.blobs.adopt(ctx, path)
}

// OpenBlob reads a blob. Errors: NOT_FOUND, STORE_FAILED.
func (s *Store) OpenBlob(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	if !validDigest(digest) {
		return nil, fault.New(fault.NotFound, "there is no such blob", "a blob is named by 64 lower-case hex digits")
	}
	return s.blobs.open(ctx, digest)
}

// VerifyBlob reads a blob from end to end and compares it with its name.
// Errors: STORE_CORRUPT, and those of OpenBlob.
func (s *Store) VerifyBlob(ctx context.Context, digest string) error {
	r, err := s.OpenBlob(ctx, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &patient{ctx, r}); err != nil {
		return failed(err, "the blob cannot be read")
	}
	if hex.EncodeToString(h.Sum(nil)) != digest {
		return fault.New(fault.StoreCorrupt, "blob "+digest[:12]+"... is not what was written", doRestore)
	}
	return nil
}

// validDigest: 64 lower-case hex digits, and so never a path.
func validDigest(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// patient is a reader that stops when the context ends.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}
