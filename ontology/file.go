package ontology

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"consilium/fault"
)

// maxUnpacked bounds what one file may unpack to; the largest of HPO has 31 MB.
const maxUnpacked = 128 << 20

// file is one source file, on disk or built in.
type file struct {
	name string
	open func() (io.ReadCloser, error)
}

func onDisk(path string) file {
	return file{name: filepath.Base(path), open: func() (io.ReadCloser, error) {
		info, err := os.Stat(path) // before it is opened: a pipe would wait for its writer
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: filepath.Base(path), Err: errors.New("not a plain file")}
		}
		return os.Open(path)
	}}
}

// kind tells what a file is by how it begins.
func (f file) kind(ctx context.Context) (Kind, error) {
	var kind Kind
	_, _, err := f.through(ctx, func(r *bounded) error {
		head := make([]byte, 16<<10)
		n, err := io.ReadFull(r, head)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return cut(err, "the file cannot be read", "take the file again from its publisher")
		}
		if n == 0 {
			return fault.New(fault.InputEmpty, "the file is empty", "take the file again from its publisher")
		}
		text := string(head[:n])
		switch {
		case strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{"):
			kind = KindOntology
		case strings.Contains(text, "DatabaseID\t"), strings.Contains(text, "database_id\t"):
			kind = KindAnnotations
		case strings.Contains(text, "entrez-gene-symbol"), strings.Contains(text, "ncbi_gene_id\tgene_symbol\t"):
			kind = KindGenes
		}
		r.stop = true
		return nil
	})
	if err != nil {
		return "", named(err, f.name)
	}
	if kind == "" {
		return "", fault.New(fault.InputUnknown, f.name+" is neither an ontology (obographs JSON) nor annotations (hpoa) nor genes", needed)
	}
	return kind, nil
}

// bounded is an unpacked file: it ends with an error at the limit, and when the context ends.
type bounded struct {
	r    io.Reader
	left int64
	ctx  context.Context
	stop bool // the user has seen enough: the rest is not read
}

var errTooLarge = fault.New(fault.InputTooLarge, fmt.Sprintf("the file unpacks to more than %d MB", maxUnpacked>>20), "check what this file is")

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// through hands the unpacked content of a file to use, and gives the SHA-256 and
// the size of its bytes as they lie on disk.
func (f file) through(ctx context.Context, use func(*bounded) error) (sum string, size int64, err error) {
	in, err := f.open()
	if err != nil {
		return "", 0, fault.Wrap(err, fault.InputMissing, "the file cannot be opened", "check its name")
	}
	defer in.Close()
	digest := newDigest()
	packed := bufio.NewReaderSize(io.TeeReader(in, digest), 64<<10)
	text := &bounded{r: packed, left: maxUnpacked, ctx: ctx}
	if magic, _ := packed.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(packed)
		if err != nil {
			return "", 0, cut(err, "the file is not gzip to its end", "take the file again from its publisher")
		}
		defer z.Close()
		text.r = z
	}
	plain := bufio.NewReader(text.r)
	if mark, _ := plain.Peek(3); string(mark) == "\ufeff" {
		_, _ = plain.Discard(3)
	}
	text.r = transform.NewReader(plain, encoding.UTF8Validator)
	if err := use(text); err != nil || text.stop {
		return "", 0, err
	}
	if _, err := io.Copy(io.Discard, text); err != nil { // a parser may end before gzip's own checksum
		return "", 0, cut(err, "the file cannot be read to its end", "take the file again from its publisher")
	}
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return "", 0, fault.Wrap(err, fault.IO, "the file cannot be read", "check the disk")
	}
	return digest.hex(), digest.n, nil
}

// digest is a SHA-256 that knows how much it has seen.
type digest struct {
	hash.Hash
	n int64
}

func newDigest() *digest { return &digest{Hash: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return d.Hash.Write(p)
}

func (d *digest) hex() string { return hex.EncodeToString(d.Sum(nil)) }

// cut tells a file that ends too early from one that is wrong. An error that has its code keeps it.
func cut(err error, what, do string) error {
	var coded *fault.Error
	if errors.As(err, &coded) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		return fault.New(fault.InputMalformed, "the file is not UTF-8", "take the file again from its publisher; do not save it from a spreadsheet")
	}
	code := fault.InputMalformed
	var syntax *json.SyntaxError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end") {
		code = fault.InputTruncated
	}
	return fault.Wrap(err, code, what, do)
}

// named puts the file's name before what happened.
func named(err error, name string) error {
	var coded *fault.Error
	if !errors.As(err, &coded) {
		return err
	}
	e := *coded
	e.What = name + ": " + e.What
	return &e
}
