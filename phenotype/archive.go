package phenotype

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"consilium/fault"
)

// Limits of a zip archive. Names inside it are only shown, never used as paths.
const (
	MaxEntries = 200_000
	maxTotal   = 4 << 30 // bytes that all entries unpack to
	maxRatio   = 1_000   // unpacked to packed: no case file compresses better; deflate cannot pass 1,032
)

func readArchive(ctx context.Context, r io.ReaderAt, size int64, name string, visit Visit) error {
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fault.Wrap(err, fault.InputMalformed, name+" is no complete zip file", "fetch it again")
	}
	if len(archive.File) > MaxEntries {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%s has %d entries, the limit is %d", name, len(archive.File), MaxEntries), "split it")
	}
	total, seen := int64(0), 0
	for _, entry := range archive.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !holdsCase(entry) {
			continue
		}
		seen++
		label := name + ":" + shown(entry.Name)
		read, err := readEntry(ctx, entry, label, through(visit))
		if total += read; total > maxTotal {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("%s unpacks to more than %d GiB", name, maxTotal>>30), "split it")
		}
		if err := entryOf(err, label, visit); err != nil {
			return err
		}
	}
	if seen == 0 {
		return fault.New(fault.InputEmpty, name+" holds no file", formats)
	}
	return nil
}

// holdsCase passes over folders and what operating systems add to archives.
func holdsCase(f *zip.File) bool {
	base := path.Base(strings.ReplaceAll(f.Name, `\`, "/"))
	return !f.FileInfo().IsDir() && !strings.HasPrefix(base, ".") && !strings.HasPrefix(f.Name, "__MACOSX/")
}

func readEntry(ctx context.Context, f *zip.File, label string, visit Visit) (int64, error) {
	if f.UncompressedSize64 > MaxDocument || f.UncompressedSize64 > maxRatio*max(f.CompressedSize64, 64) {
		return 0, fault.New(fault.InputTooLarge, fmt.Sprintf("%s says that it unpacks from %d to %d bytes", label, f.CompressedSize64, f.UncompressedSize64), "leave it out, or split it")
	}
	in, err := f.Open()
	if err != nil {
		return 0, fault.Wrap(err, fault.InputUnsupported, label+" cannot be unpacked", "pack it with deflate and without a password")
	}
	defer in.Close()
	counted := &counter{r: io.LimitReader(in, MaxDocument+1)}
	err = readJSON(ctx, counted, label, visit)
	return counted.n, err
}

// counter counts what was unpacked, whatever the entry's header promised.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// shown makes an entry's name fit to print: no control characters, not endless.
func shown(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u202e' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if len(clean) > 200 {
		clean = "..." + strings.ToValidUTF8(clean[len(clean)-200:], "")
	}
	return clean
}
