package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"consilium/fault"
)

// bucket keeps blobs in an S3-compatible object store, by the same names as
// disk does. A blob is written whole or not at all there by contract; here it
// lies in a temporary file until its name is known.
type bucket struct {
	client       *minio.Client
	name, prefix string
	tmp          string
}

const (
	bucketIdle    = 30 * time.Second // longest pause of the object store
	bucketRetries = 3
)

// openBucket reads s3://bucket?endpoint=host:port&region=...&prefix=...&tls=false;
// credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
func openBucket(ctx context.Context, o Options) (*bucket, error) {
	bad := fault.New(fault.Usage, "the address of the object store cannot be read", "write it as s3://bucket?endpoint=host:port&region=name")
	u, err := url.Parse(o.Bucket)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Query().Get("endpoint") == "" {
		return nil, bad
	}
	q := u.Query()
	client, err := minio.New(q.Get("endpoint"), &minio.Options{
		Creds: credentials.NewEnvAWS(), Secure: q.Get("tls") != "false", Region: q.Get("region"), BucketLookup: minio.BucketLookupPath,
		Transport: bucketTransport(), MaxRetries: bucketRetries})
	if err != nil {
		return nil, bad
	}
	b := &bucket{client: client, name: u.Host, prefix: q.Get("prefix"), tmp: filepath.Join(o.DataDir, blobDir, tmpDir)}
	if !o.Shared {
		if err := os.RemoveAll(b.tmp); err != nil {
			return nil, failed(err, "unfinished blobs cannot be cleared")
		}
	}
	if err := os.MkdirAll(b.tmp, 0o700); err != nil {
		return nil, failed(err, "the folder of unfinished blobs cannot be made")
	}
	ctx, cancel := context.WithTimeout(ctx, bucketIdle)
	defer cancel()
	there, err := client.BucketExists(ctx, b.name)
	if err != nil {
		return nil, bucketFailed(err, "the object store does not answer")
	}
	if !there {
		return nil, fault.New(fault.NotFound, "there is no bucket of that name", "make it, or name another")
	}
	return b, nil
}

// bucketTransport gives up on a store that stands still.
func bucketTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = bucketIdle
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return idleConn{c}, nil
	}
	return t
}

// idleConn gives every read and write a deadline of its own.
type idleConn struct{ net.Conn }

func (c idleConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(2 * bucketIdle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c idleConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(bucketIdle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (b *bucket) key(digest string) string { return b.prefix + digest[:2] + "/" + digest[2:] }

func (b *bucket) put(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	f, err := os.CreateTemp(b.tmp, "put-*")
	if err != nil {
		return "", 0, failed(err, "the blob cannot be written")
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	w := &blobWriter{w: io.MultiWriter(f, h)}
	if size, err = io.Copy(w, &patient{ctx, r}); err != nil {
		if w.err != nil || ctx.Err() != nil {
			err = failed(err, "the blob was not written")
		}
		return "", 0, err
	}
	digest = hex.EncodeToString(h.Sum(nil))
	return digest, size, b.send(ctx, f, digest, size)
}

func (b *bucket) adopt(ctx context.Context, path string) (digest string, size int64, err error) {
	f, err := openReceived(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, &patient{ctx, f}); err != nil {
		return "", 0, failed(err, "the received file cannot be read")
	}
	digest = hex.EncodeToString(h.Sum(nil))
	if err := b.send(ctx, f, digest, size); err != nil {
		return "", 0, err
	}
	return digest, size, failed(os.Remove(path), "the received file cannot be removed")
}

// send uploads a blob, also one that is there already: it is then as new for the sweep.
func (b *bucket) send(ctx context.Context, f *os.File, digest string, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return failed(err, "the blob cannot be read")
	}
	_, err := b.client.PutObject(ctx, b.name, b.key(digest), f, size, minio.PutObjectOptions{ContentType: "application/octet-stream", SendContentMd5: true})
	return bucketFailed(err, "the blob was not written")
}

func (b *bucket) open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	o, err := b.client.GetObject(ctx, b.name, b.key(digest), minio.GetObjectOptions{})
	if err != nil {
		return nil, bucketFailed(err, "the blob cannot be opened")
	}
	if _, err := o.Stat(); err != nil {
		o.Close()
		return nil, bucketFailed(err, "there is no blob "+digest[:12]+"...")
	}
	return o, nil
}

func (b *bucket) each(ctx context.Context, f func(digest string, size int64, changed time.Time) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing when f does
	defer cancel()
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return bucketFailed(o.Err, "the blobs cannot be listed")
		}
		digest := strings.ReplaceAll(strings.TrimPrefix(o.Key, b.prefix), "/", "")
		if !validDigest(digest) {
			continue // not ours
		}
		if err := f(digest, o.Size, o.LastModified); err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) remove(ctx context.Context, digest string, before time.Time) (bool, error) {
	info, err := b.client.StatObject(ctx, b.name, b.key(digest), minio.StatObjectOptions{})
	if err != nil || !info.LastModified.Before(before) {
		return false, nil
	}
	err = b.client.RemoveObject(ctx, b.name, b.key(digest), minio.RemoveObjectOptions{})
	return err == nil, bucketFailed(err, "the blob cannot be removed")
}

// bucketFailed codes an error of the object store.
func bucketFailed(err error, what string) error {
	if err == nil {
		return nil
	}
	var told minio.ErrorResponse
	if errors.As(err, &told) {
		switch {
		case told.StatusCode == http.StatusNotFound || told.Code == "NoSuchKey":
			return fault.Wrap(err, fault.NotFound, what, doRestore)
		case told.StatusCode == http.StatusInsufficientStorage || strings.Contains(told.Code, "StorageFull") || strings.Contains(told.Code, "QuotaExceeded"):
			return fault.Wrap(err, fault.StoreFull, what, "give the object store more room")
		case told.StatusCode == http.StatusForbidden:
			return fault.Wrap(err, fault.StoreFailed, what, "check the bucket's rights, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		}
	}
	return failed(err, what)
}
